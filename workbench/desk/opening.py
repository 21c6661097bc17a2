"""Where a pilot's desk is."""

from __future__ import annotations

from pathlib import Path

from workbench.desk.store import Desk
from workbench.pilot import REVIEW_FILE, Pilot, read_review
from workbench.words import InputError

DESK_FILE = "desk.db"


def desk_path(runs: Path) -> Path:
    """Return the desk's file in the folder of a pilot's runs."""
    return runs / DESK_FILE


def open_desk(pilot: Pilot) -> Desk:
    """Return a pilot's desk, its file made where there is none. Raises InputError where review.yaml is missing."""
    settings = read_review(pilot.suite)
    if settings is None:
        raise InputError(
            f"pilot {pilot.name!r} has no {REVIEW_FILE}",
            where=str(pilot.suite / REVIEW_FILE),
            remedy="say in it who decides what the agent must not",
        )
    return Desk(desk_path(pilot.runs), settings)
