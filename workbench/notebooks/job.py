"""What is to be run, how long it may take, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workbench.notebooks.source import ParameterValue


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a notebook may take, in seconds: one cell, all of it, the start of its kernel."""

    cell_s: float = 600.0
    total_s: float = 1800.0
    start_s: float = 60.0


@dataclass(frozen=True, slots=True)
class NotebookJob:
    """A notebook to be run with parameters, and where its executed copy goes.

    Parameters
    ----------
    secrets : tuple of str
        Variables that the notebook's process gets and keeps out of its environment, such as the key of the server that
        its engine asks.
    """

    notebook: Path
    output: Path
    parameters: Mapping[str, ParameterValue] = field(default_factory=dict)
    secrets: tuple[str, ...] = ()

    @property
    def failed_output(self) -> Path:
        """Where the executed copy goes when the notebook fails."""
        return self.output.with_name(f"{self.output.stem}.failed.ipynb")


@dataclass(frozen=True, slots=True)
class NotebookResult:
    """An executed notebook that reached its end."""

    notebook: Path
    output: Path
    answer: str
    values: Mapping[str, Any]
    wall_s: float
