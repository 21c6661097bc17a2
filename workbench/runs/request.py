"""What is asked of a run, and whether it was answered."""

from __future__ import annotations

from dataclasses import dataclass, field

from workbench.engines import EngineChoice
from workbench.pilot import Pilot
from workbench.pilot.signing import SigningKey
from workbench.records.splits import Split
from workbench.runs.journal import Journal
from workbench.runs.runner import Session, require_answers
from workbench.words import InputError


@dataclass(frozen=True, slots=True)
class RunRequest:
    """What to evaluate: a split, how many of its records (None for all), on which engine, with a bar or not.

    `key` signs what an opening of the holdout adds to the ledger; without it what the environment says, else this
    user's own key.
    """

    split: Split = Split.DEV
    limit: int | None = None
    engine: EngineChoice = field(default_factory=EngineChoice)
    show_progress: bool = True
    key: SigningKey | None = None


def checked_limit(limit: int | None) -> int | None:
    """Return a limit. Raises InputError where it is below one."""
    if limit is not None and limit < 1:
        raise InputError("a limit must be at least 1", got=str(limit))
    return limit


def check_answered(pilot: Pilot, journal: Journal, session: Session) -> None:
    """Refuse a session that had to stop, got no decision, or lost more calls than the pilot allows.

    Decisions are read only to say what went wrong.
    """
    info = session.info
    if session.refusal is None and info.ok and info.failed_share <= pilot.settings.max_failed_share:
        return
    where = f"agent {info.agent}, {info.split}"
    require_answers(session, journal.decisions(info.run), where, pilot.settings.max_failed_share)
