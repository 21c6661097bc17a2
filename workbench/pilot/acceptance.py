"""acceptance.yaml: who tries the agent on real work before it goes live, in which sessions, and how much is enough."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from workbench.files import Settings, read_settings
from workbench.pilot.charter.schema import Role
from workbench.words import InputError

ACCEPTANCE_FILE = "acceptance.yaml"
NAMED = r"^[a-z0-9][a-z0-9_-]{0,30}$"


class AcceptanceQuestion(StrEnum):
    """What every session must answer; the names are the kinds under which the desk keeps the answers."""

    COMMON = "common"
    ESCALATES = "escalates"
    INTUITIVE = "intuitive"
    MISSING = "missing"

    @property
    def text(self) -> str:
        """The question as it is asked."""
        return _TEXTS[self]


_TEXTS = {
    AcceptanceQuestion.COMMON: "Are the common cases right?",
    AcceptanceQuestion.ESCALATES: "Does it hand over to a person when it should?",
    AcceptanceQuestion.INTUITIVE: "Is the way it is shown easy to work with?",
    AcceptanceQuestion.MISSING: "Which cases are missing from the tests?",
}


class AcceptanceOwner(Settings):
    """Who answers for the plan: in this role it is signed, and no session counts without."""

    name: str = Field(min_length=1)
    role: Role


class AcceptanceParticipant(Settings):
    """Somebody who takes part: a person of review.yaml by `id`, and what they do in daily work."""

    id: str = Field(pattern=NAMED)
    role: str = Field(min_length=1, max_length=100)


class AcceptanceSession(Settings):
    """One session.

    Parameters
    ----------
    day : date
        For which it is planned.
    group : str
        The group of review.yaml that its records go to: exactly its participants are in it.
    participants : tuple of str
        Ids of people who take part.
    records : int, optional
        How many records are decided; given with `unseen`.
    which : "unseen" or tuple of str
        Records that nobody developed on, drawn by hash, or those of these ids.
    """

    id: str = Field(pattern=NAMED)
    day: date
    group: str = Field(min_length=1, max_length=100)
    participants: tuple[str, ...] = Field(min_length=1)
    records: int | None = Field(default=None, ge=1)
    which: Literal["unseen"] | Annotated[tuple[str, ...], Field(min_length=1)] = "unseen"

    @model_validator(mode="after")
    def _how_many(self) -> Self:
        if (self.records is None) == (self.which == "unseen"):
            raise ValueError("give `records`, how many unseen ones, or their ids in `which`")
        return self

    @property
    def n_records(self) -> int:
        """How many records must be decided in it."""
        return self.records if self.records is not None else len(self.which)


class AcceptanceSettings(Settings):
    """The content of acceptance.yaml.

    Parameters
    ----------
    least_sessions, least_users : int
        Sessions that must have been held, and different people who must have decided in them.
    """

    title: str = ""
    owner: AcceptanceOwner
    least_sessions: int = Field(ge=1)
    least_users: int = Field(ge=1)
    participants: tuple[AcceptanceParticipant, ...] = Field(min_length=1)
    sessions: tuple[AcceptanceSession, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        people = [one.id for one in self.participants]
        _once("participants", people)
        _once("sessions", [one.id for one in self.sessions])
        for session in self.sessions:
            _once(f"session {session.id}", session.participants)
            strangers = [name for name in session.participants if name not in people]
            if strangers:
                raise ValueError(f"session {session.id} names {strangers[0]!r}, who is no participant")
        if self.least_sessions > len(self.sessions):
            raise ValueError(f"least_sessions is {self.least_sessions}, and {len(self.sessions)} are planned")
        if self.least_users > len(people):
            raise ValueError(f"least_users is {self.least_users}, and {len(people)} take part")
        return self

    def session(self, name: str) -> AcceptanceSession:
        """Return a session by id. Raises InputError where there is none."""
        for one in self.sessions:
            if one.id == name:
                return one
        known = ", ".join(one.id for one in self.sessions)
        raise InputError(f"{ACCEPTANCE_FILE} has no session {name!r}", expected=known)


def _once(what: str, names: Sequence[str]) -> None:
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise ValueError(f"{what} has {twice[0]!r} twice")


def read_acceptance(suite: Path) -> AcceptanceSettings | None:
    """Return what acceptance.yaml of a pilot's folder says, None where there is none. Raises InputError if wrong."""
    path = suite / ACCEPTANCE_FILE
    return read_settings(path, AcceptanceSettings) if path.is_file() else None
