"""A guard on what an agent says: amounts and evidence that stand nowhere in what it was given."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, ClassVar

from workbench.agents.callables import UnpreparedError
from workbench.agents.decisions import Decision
from workbench.agents.guards.guard import Asks, StepIn
from workbench.agents.guards.numbers import CitedNumber, as_text, cited_numbers, numbers_in
from workbench.environment import Cited, Stage, ToolCall, Trace
from workbench.pilot import GuardName
from workbench.records import Record
from workbench.words import readable

SMALL = 100  # whole numbers below it count things, days and rules, and say nothing of a record
EXACT = 1e-9
MAX_TOLD = 60


@dataclass(frozen=True, slots=True)
class Grounding:
    """A decision that cites an amount or evidence which is nowhere in what the agent was given goes to a person.

    Amounts are the numbers of its reason; shares in percent, dates, and whole numbers below 100 are none. One is
    grounded where it stands, in any way of writing and rounded as it is cited, in the record, in a field prepared of
    it, in the result of a tool call that was observed, or in the process specification. Evidence, the list
    `evidence` of an answer, must name a field of the record or a tool call that was observed, and what it has there.
    """

    limits: frozenset[float] = frozenset()

    name: ClassVar[GuardName] = GuardName.GROUNDING
    stage: ClassVar[Stage] = Stage.OUTPUT

    @classmethod
    def of(cls, process: Mapping[str, Any]) -> Grounding:
        """Return the guard of a specification's content, whose numbers an answer may cite."""
        return cls(frozenset(numbers_in(process)))

    @property
    def identity(self) -> Mapping[str, Any]:
        """The numbers that may be cited of every record."""
        written = json.dumps(sorted(self.limits))
        return {"limits": hashlib.sha256(written.encode()).hexdigest(), "small": SMALL}

    async def look(self, record: Record, decision: Decision | None, asks: Asks) -> StepIn | None:
        """Step in at the first amount or piece of evidence that is not grounded."""
        if decision is None:
            return None
        trace = decision.trace or Trace()
        cited = [one for one in cited_numbers(decision.reason or "") if not _counts_things(one)]
        missing = _not_among(cited, self.limits)
        missing = missing and _not_among(missing, _given(record, trace))
        if missing and asks.prepared is not None:
            with suppress(UnpreparedError):  # then the record itself is all that the agent was given
                missing = _not_among(missing, _given(await asks.prepared(record), trace))
        if missing:
            return StepIn(f"the amount {missing[0].text} stands neither in the record nor in what a tool said")
        return next((StepIn(fault) for fault in _evidence_faults(record, trace)), None)


def _counts_things(one: CitedNumber) -> bool:
    return all(value < SMALL and value.is_integer() for value, _ in one.readings)


def _not_among(cited: list[CitedNumber], known: Iterable[float]) -> list[CitedNumber]:
    """Return the cited numbers that none of those known is, at the places that they are cited with."""
    there = tuple(known)
    return [
        one
        for one in cited
        if not any(abs(value - number) <= within + EXACT for value, within in one.readings for number in there)
    ]


def _given(record: Record, trace: Trace) -> Iterator[float]:
    """Yield the numbers of a record and of what tools were seen to say of it."""
    yield from numbers_in(dict(record.fields))
    for call in trace.of(ToolCall):
        yield from numbers_in(call.result)


def _evidence_faults(record: Record, trace: Trace) -> Iterator[str]:
    """Yield what is wrong with the evidence that an answer lists."""
    results = {call.call: call.result for call in trace.of(ToolCall)}
    for one in trace.of(Cited, source=None):
        kind, named = ("tool call", one.tool_call) if one.field is None else ("field", one.field)
        held: Mapping[Any, Any] = results if one.field is None else record.fields
        told = readable(str(named), MAX_TOLD)
        if named not in held:
            yield f"evidence names the {kind} {told}, which was not there"
        elif not _holds(held[named], one.value):
            yield f"evidence has {readable(str(one.value), MAX_TOLD)} of the {kind} {told}, which says something else"


def _holds(held: Any, value: Any) -> bool:
    """Return whether what was given holds a value that evidence cites: as text, or as a number in any writing."""
    if as_text(value) in as_text(held):
        return True
    cited, known = list(numbers_in(value)), list(numbers_in(held))
    return bool(cited) and any(abs(number - one) <= EXACT for number in cited for one in known)
