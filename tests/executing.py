"""One notebook run to its result, or the error that it ends with."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from workbench.notebooks import Limits, NotebookJob, NotebookResult, OnCell, ParameterValue, execute_many
from workbench.words import WorkbenchError

USUAL = Limits()


def execute(
    notebook: Path,
    output: Path,
    parameters: Mapping[str, ParameterValue],
    *,
    limits: Limits = USUAL,
    on_cell: OnCell | None = None,
) -> NotebookResult:
    """Return the result of one notebook; raise what it ends with otherwise."""
    [outcome] = execute_many([NotebookJob(notebook, output, parameters)], limits=limits, on_cell=on_cell)
    if isinstance(outcome, WorkbenchError):
        raise outcome
    return outcome
