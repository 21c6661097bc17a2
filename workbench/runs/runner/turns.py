"""Turns: records that share memory are decided one after another, each with what was remembered by then."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Protocol

import pandas as pd

from workbench.agents import Agent, Decision, remembering
from workbench.metrics import Status
from workbench.records import Record, Turns
from workbench.runs.journal import Journal, ToAsk


class RecordSource(Protocol):
    """What records are taken from; a `Dataset` is it."""

    @property
    def digest(self) -> str:
        """Digest of the data set that the records are, or were made from."""

    def digests(self, ids: pd.Index[str]) -> pd.Series[str]:
        """Return each record's digest."""

    def records(self, ids: pd.Index[str]) -> Iterator[Record]:
        """Yield records as an agent sees them."""

    def turns(self, ids: pd.Index[str], by: str) -> Turns:
        """Return which of these records follow which, where those with one value in a column share memory."""


@dataclass(frozen=True, slots=True)
class TurnsOf:
    """The records of a run in their turns.

    Parameters
    ----------
    turns : Turns
    digests : mapping of str to str
        Digest of each record with those of all that it follows: with memory, who was asked before belongs to the
        question.
    memory : dict of str to mapping of str to str, optional
        What the agent remembers before each record, by record id, as its desks read it; None for one without memory.
    """

    turns: Turns
    digests: Mapping[str, str]
    memory: dict[str, Mapping[str, str]] | None = None

    def to_ask(self, journal: Journal, run: str) -> ToAsk:
        """Return what of a run still needs a call: with memory, whatever follows a record that needs one, too.

        So does a record whose answer is there and what was remembered after it is not.
        """
        found = journal.to_ask(run)
        if self.memory is None or not found.ids:
            return found
        ids = {*found.ids, *(self.digests.keys() - journal.remembered(run).keys())}
        for record_id, before in self.turns.follows.items():
            if before in ids:
                ids.add(record_id)
        return ToAsk(frozenset(ids), found.failed)

    def handout(self, journal: Journal, run: str, records: Iterator[Record], todo: Collection[str]) -> Handout:
        """Return what hands out the records to ask, which are `todo`, each with what is remembered before it."""
        if self.memory is None:
            return Handout(records)
        self.memory.clear()
        self.memory.update(self.turns.remembered)
        after, waits = journal.remembered(run), {}
        for record_id in todo:
            before = self.turns.follows.get(record_id)
            if before is None:
                continue
            if before in todo:
                waits[record_id] = before
            else:
                self.memory[record_id] = after[before]
        asked = (replace(record, digest=self.digests[record.id]) for record in records)
        return Handout(asked, waits, self.memory)


def turns_of(agent: Agent, source: RecordSource, ids: pd.Index[str]) -> TurnsOf:
    """Return the turns in which an agent is asked about records; without memory they come as they come."""
    digests = dict(zip(ids, source.digests(ids), strict=True))
    acting = remembering(agent)
    if acting is None or acting.environment.by is None:
        return TurnsOf(Turns(), digests)
    turns = source.turns(ids, acting.environment.by)
    for record_id, before in turns.follows.items():
        digests[record_id] = hashlib.sha256(f"{digests[record_id]} after {digests[before]}".encode()).hexdigest()
    return TurnsOf(turns, digests, acting.remembered)


class Handout:
    """Hands records out, each once the one that it follows is decided, and remembers for it what was remembered then.

    Parameters
    ----------
    records : iterator of Record
    waits : mapping of str to str
        Id of a record to that of the undecided one that it follows.
    memory : dict, optional
        Where what is remembered before a record is written; None where nothing is.
    """

    def __init__(
        self,
        records: Iterator[Record],
        waits: Mapping[str, str] = MappingProxyType({}),
        memory: dict[str, Mapping[str, str]] | None = None,
    ) -> None:
        self._records, self._memory = records, memory
        self._waits = dict(waits)
        self._next = {before: record_id for record_id, before in waits.items()}
        self._held: dict[str, Record] = {}
        self._ready: deque[Record] = deque()

    @property
    def is_over(self) -> bool:
        """Whether no record waits for its turn."""
        return not self._held and not self._ready

    def take(self) -> Record | None:
        """Return the next record whose turn it is, None where there is none, or none now."""
        if self._ready:
            return self._ready.popleft()
        for record in self._records:
            if record.id not in self._waits:
                return record
            self._held[record.id] = record
        return None

    def rest(self) -> Iterator[Record]:
        """Yield the records that were not handed out."""
        yield from self._ready
        yield from self._held.values()
        yield from self._records

    def decided(self, decision: Decision) -> Decision:
        """Return a decision with what is remembered after it, and give the record that follows its turn.

        What failed is asked again, so that it leaves the memory as it was.
        """
        if self._memory is None:
            return decision
        after = self._memory.pop(decision.record_id, {})
        if decision.remembered is not None and decision.status is not Status.FAILED:
            after = decision.remembered
        following = self._next.get(decision.record_id)
        if following is not None:
            self._memory[following] = after
            del self._waits[following]
            if following in self._held:
                self._ready.append(self._held.pop(following))
        return replace(decision, remembered=after)
