"""Hypothesis as a library: always the same draws, nothing kept, nothing left in the user's folder."""

from __future__ import annotations

from functools import cache
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import hypothesis


def drawing_settings(most: int = 100) -> hypothesis.settings:
    """Return settings under which so many examples are drawn, the same each time."""
    import hypothesis

    _own_folder()
    return hypothesis.settings(
        max_examples=most,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[hypothesis.Phase.generate, hypothesis.Phase.shrink],
        suppress_health_check=list(hypothesis.HealthCheck),
    )


@cache
def _own_folder() -> TemporaryDirectory[str]:
    """Let what the library keeps of the code that it runs in go into a folder that goes with this process."""
    from hypothesis.configuration import set_hypothesis_home_dir

    folder = TemporaryDirectory(prefix="workbench-drawing-")
    set_hypothesis_home_dir(folder.name)
    return folder
