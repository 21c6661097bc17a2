"""Where executed notebooks and what they make are left."""

from __future__ import annotations

from pathlib import Path

from workbench.pilot import Pilot


def index_path(pilot: Pilot) -> Path:
    """Return where the page of a pilot at a glance is."""
    return pilot.runs / "index.html"


def results_folder(pilot: Pilot, notebook: str) -> Path:
    """Return where a notebook leaves its figures and tables."""
    return pilot.runs / "results" / notebook


def executed_path(pilot: Pilot, notebook: str) -> Path:
    """Return where the executed copy of a notebook is; its page lies beside it."""
    return pilot.runs / "notebooks" / f"{notebook}.ipynb"
