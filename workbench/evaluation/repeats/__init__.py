"""The same records asked several times: how often the agent is right every time, and agrees with itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.imports import opened_lazily

if TYPE_CHECKING:
    from workbench.evaluation.repeats.maker import MAKER, RepeatRequest
    from workbench.evaluation.repeats.passing import unsteady
else:
    __getattr__, __dir__, __all__ = opened_lazily(__name__, __file__)
