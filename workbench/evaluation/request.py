"""What is asked of a run, and whether it was answered."""

from __future__ import annotations

from dataclasses import dataclass, field

from workbench.engines.choice import EngineChoice
from workbench.errors import InputError, RunError
from workbench.journal import Journal
from workbench.runner import Session, require_decisions
from workbench.signing.keys import SigningKey
from workbench.splits import Split


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


def check_answered(journal: Journal, session: Session, agent: str) -> None:
    """Refuse a session that the server refused, or in which nothing was decided."""
    if session.refusal is not None:
        raise _refused(session, agent)
    require_decisions(journal.decisions(session.info.run), f"agent {agent}, {session.info.split}")


def _refused(session: Session, agent: str) -> RunError:
    info = session.info
    return RunError(
        "the server refused the credentials, so the run stopped",
        where=f"agent {agent}: {info.failed:,} calls failed, {info.skipped:,} records were skipped",
        got=session.refusal,
        remedy="set the key's environment variable (server: api_key_env in pilot.yaml) and run the same command again",
    )
