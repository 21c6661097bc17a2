"""What every agent promises: records in, one decision for each of them out."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any, Protocol

from workbench.agents.decisions import Decision
from workbench.records import Record

FEWEST_FAILURES = 2


class Agent(Protocol):
    """Turns records into decisions.

    `identity` is everything that makes this version of the agent; `window` is how many records may be under way;
    `patience` is after how many failed records in a row, none answered before, nothing further is asked.
    """

    @property
    def name(self) -> str:
        """The agent's name in pilot.yaml."""

    @property
    def identity(self) -> Mapping[str, Any]:
        """What the journal's keys are made from."""

    @property
    def window(self) -> int:
        """How many records may be under way at once."""

    @property
    def patience(self) -> int:
        """Failures in a row after which nothing further is asked."""

    @property
    def deadline_s(self) -> float | None:
        """Seconds within which each record is decided; a later decision does not count. None: no bound."""

    def prepare(self) -> None:
        """Find faults that can be found before the first record is asked."""

    def decide(self, records: AsyncIterator[Record]) -> AsyncIterator[Decision]:
        """Yield one decision for each record, in any order."""


def patience_of(concurrency: int) -> int:
    """Return the patience with what answers so many calls at once: one failure of each, and two at least."""
    return max(FEWEST_FAILURES, concurrency)


class KnownAs:
    """An agent under a name and an identity that are not its own, or with another patience; it decides as it does."""

    def __init__(self, asked: Agent, name: str, identity: Mapping[str, Any], patience: int | None = None) -> None:
        self.asked, self.name, self.identity = asked, name, identity
        self.window, self.deadline_s = asked.window, asked.deadline_s
        self.patience = asked.patience if patience is None else patience

    def prepare(self) -> None:
        """As the agent does it."""
        self.asked.prepare()

    def decide(self, records: AsyncIterator[Record]) -> AsyncIterator[Decision]:
        """Yield the agent's decisions."""
        return self.asked.decide(records)
