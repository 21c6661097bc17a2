"""What a person is shown of a decision: the evidence with its source, the agent's reason, the rule, what happened."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from workbench.desk import Card, ShownField
from workbench.environment import CallOutcome, Cited, Effect, Reasoning, ToolCall, Trace, told_events
from workbench.metrics import Status
from workbench.pilot import Contract, Process, ProcessRule, Role, cell_text
from workbench.records import Record
from workbench.review.routing import CameBy
from workbench.words import percent

MOST_FIELDS, MOST_TEXT, MOST_STEPS = 60, 600, 60
FROM_RECORD = "record"
_Part = tuple[Sequence[str | None], tuple[ShownField, ...]]  # fields, and by which names an agent can cite them


@dataclass(frozen=True, slots=True)
class DecidedRecord:
    """A record with what an agent decided of it; no label.

    Parameters
    ----------
    threshold : float, optional
        From where on the agent decides alone; None where none was chosen.
    """

    record: Record
    status: Status
    action: str | None
    reason: str | None
    confidence: float | None
    threshold: float | None
    trace: Trace

    @property
    def recommended(self) -> str | None:
        """The action that the agent recommends, None where it gave no valid answer."""
        return self.action if self.status is Status.OK else None


@dataclass(frozen=True, slots=True)
class CardWriter:
    """Writes the cards of one pilot.

    Parameters
    ----------
    actions : tuple of str
        What a person may choose.
    systems : mapping of str to str
        The system behind each tool, where integrations.yaml names one.
    hands_over : str, optional
        The action by which the agent escalates. It is no recommendation to whom it is handed over.
    """

    contract: Contract
    process: Process | None
    actions: tuple[str, ...]
    systems: Mapping[str, str]
    hands_over: str | None = None

    def recommended(self, decided: DecidedRecord) -> str | None:
        """Return the action that the agent recommends to people, None where it leaves it to them or gave no answer."""
        return decided.action if decided.status is Status.OK and decided.action != self.hands_over else None

    def card(self, decided: DecidedRecord, by: CameBy, rule: ProcessRule | None, *, blind: bool) -> Card:
        """Return the card of a decision that came to a person by something."""
        recommended = self.recommended(decided)
        return Card(
            title=self._title(decided.record),
            assessment=_assessment(decided, by, hands_over=recommended is None),
            actions=self.actions,
            recommended=recommended,
            confidence=None if recommended is None else decided.confidence,
            threshold=None if recommended is None else decided.threshold,
            evidence=tuple(self._evidence(decided, blind=blind))[:MOST_FIELDS],
            reasoning=_reasoning(decided),
            rule="" if rule is None else self._rule(rule),
            trace=tuple(_steps(decided.trace)),
        )

    def _title(self, record: Record) -> str:
        entity = self.contract.column_with(Role.ENTITY)
        named = record.fields.get(entity) if entity else None
        return f"Record {record.id}" + ("" if named is None else f", {entity} {_text(named)}")

    def _evidence(self, decided: DecidedRecord, *, blind: bool) -> Iterator[ShownField]:
        """Yield what the agent cites, then what was read on the way; all of the record where nothing of it is cited.

        What an agent cites can tell what it thinks, so a blind card has the whole record, in no order of the agent's.
        """
        fields, cited = decided.record.fields, () if blind else decided.trace.of(Cited, None)
        named = dict.fromkeys(filter(None, (one.field or one.tool_call for one in cited)))
        places: dict[str | None, int] = {name: place for place, name in enumerate(named)}
        source = self.contract.column_with(Role.SOURCE)
        came_from = FROM_RECORD if source is None or fields.get(source) is None else f"record, {_text(fields[source])}"
        own = [
            ((name,), (ShownField(str(name), _text(fields[name]), came_from),))
            for name in [name for name in fields if name in places] or fields
            if fields[name] is not None
        ]
        together: list[_Part] = [*self._read(decided.trace), *own]
        for _, part in sorted(together, key=lambda one: min(places.get(name, len(places)) for name in one[0])):
            yield from part

    def _read(self, trace: Trace) -> Iterator[_Part]:
        """Yield what was read with the ids of its calls: what two tools read of one system once, with both as source.

        Cells of several rows stay together: apart from their rows they could be of any.
        """
        found: dict[tuple[str | None, tuple[tuple[str, str], ...]], list[ToolCall]] = {}
        for call in trace.of(ToolCall):
            if call.effect is Effect.READ and call.outcome is CallOutcome.OK and call.result not in (None, []):
                rows = call.result if isinstance(call.result, list) else [call.result]
                tables = [row if isinstance(row, Mapping) else {call.name: row} for row in rows]
                cells = tuple((str(name), _text(value)) for row in tables for name, value in row.items())
                for part in [(one,) for one in cells] if len(rows) == 1 else [cells]:
                    found.setdefault((self.systems.get(call.name), part), []).append(call)
        for (system, part), calls in found.items():
            came_from = ", ".join([*([] if system is None else [system]), *dict.fromkeys(one.name for one in calls)])
            yield [one.call for one in calls], tuple(ShownField(name, value, came_from) for name, value in part)

    def _rule(self, rule: ProcessRule) -> str:
        limits = ", ".join(f"{name} {value:g}" for name, value in rule.parameters.items())
        said = " ".join(rule.condition.split())
        return f"{rule.id}: {said}" + (f" ({limits})" if limits else "") + (f" To: {rule.to}." if rule.to else "")


def _assessment(decided: DecidedRecord, by: CameBy, *, hands_over: bool) -> str:
    """Return in one or two sentences what the agent found and why a person is asked."""
    if decided.status is not Status.OK:
        return "The agent gave no valid answer."
    what = "leaves it to you" if hands_over else f"says {decided.action}"
    found = f"The agent {what}" + (f" because of {decided.reason}." if decided.reason else ".")
    if by is CameBy.UNSURE and decided.confidence is not None and decided.threshold is not None:
        return (
            f"{found} It is {percent(decided.confidence)} sure and decides alone from {percent(decided.threshold)} on."
        )
    return found


def _reasoning(decided: DecidedRecord) -> str:
    said = [one.text for one in decided.trace.of(Reasoning, None)]
    return "\n".join(text[:MOST_TEXT] for text in ([decided.reason] if decided.reason else []) + said)


def _steps(trace: Trace) -> Iterator[str]:
    rows = told_events(trace)
    for row in rows[:MOST_STEPS]:
        yield f"{row['event']}: {row['result']}" if row["result"] else row["event"]
    if len(rows) > MOST_STEPS:
        yield f"{len(rows) - MOST_STEPS:,} more steps are in the journal."


def card_text(value: object) -> str:
    """Return a cell as a card shows it: text as it is written, as 7.000 may be seven thousand, and 7 for a 7.0."""
    return value if isinstance(value, str) else cell_text(value)


def _text(value: Any) -> str:
    if isinstance(value, Mapping | list | tuple):
        return json.dumps(value, ensure_ascii=False, default=str)[:MOST_TEXT]
    return card_text(value)[:MOST_TEXT]


def without_steps(trace: Trace) -> Trace:
    """Return a trace with what was read only: nothing from which the decision itself could be told."""
    kept: Sequence[Any] = trace.of(ToolCall)
    return Trace(tuple(one for one in kept if one.effect is Effect.READ), trace.dropped)
