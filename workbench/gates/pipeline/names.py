"""The notebooks of a run, and where they leave what they make."""

from __future__ import annotations

from pathlib import Path

from workbench.notebooks import Limits
from workbench.pilot import Pilot

AUDIT, ITERATION, EVALUATION = "01_data_audit", "02_prompt_iteration", "03_evaluation"
NOTEBOOKS = (AUDIT, ITERATION, EVALUATION)

# Calls to a model have deadlines of their own; a whole run of them may take hours.
LIMITS = Limits(cell_s=6 * 3600, total_s=8 * 3600)


def results_folder(pilot: Pilot, notebook: str) -> Path:
    """Return where a notebook leaves its figures and tables."""
    return pilot.runs / "results" / notebook


def executed_path(pilot: Pilot, notebook: str) -> Path:
    """Return where the executed copy of a notebook is; its page lies beside it."""
    return pilot.runs / "notebooks" / f"{notebook}.ipynb"
