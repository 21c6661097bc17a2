"""What happened on the way to a decision, event by event, each seen by us or told by the agent."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

MAX_EVENTS = 500  # events of a decision that are kept; the others are counted
MAX_BYTES = 64 * 1024  # of a decision's trace as JSON
MAX_TEXT = 4_000  # characters of one text in an event
_NOTHING: Mapping[str, Any] = {"text": "", "arguments": {}, "changes": {}, "documents": ()}
SHORTEST_PRIVATE = 3


class SaidBy(StrEnum):
    """Who says that it happened."""

    OBSERVED = "observed"  # it passed through our tools, guards or engines
    REPORTED = "reported"  # the agent says so


class Effect(StrEnum):
    """What a tool does to the state."""

    READ = "read"
    WRITE = "write"


class CallOutcome(StrEnum):
    """How a tool call ended."""

    OK = "ok"
    ERROR = "error"  # the tool says why it did not do it
    DENIED = "denied"  # not this agent's to call, or a limit is reached
    TIMEOUT = "timeout"  # no answer in time; it may have been done all the same


class Stage(StrEnum):
    """Where a guard stands."""

    INPUT = "input"
    OUTPUT = "output"
    TOOL = "tool"
    MEMORY = "memory"


class GuardVerdict(StrEnum):
    """What a guard makes of what it sees."""

    ALLOW = "allow"
    MODIFY = "modify"
    DENY = "deny"
    ESCALATE = "escalate"


class _Event(BaseModel):
    """What every event has: its place in the trace, seconds since the decision began, and who says so."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: SaidBy = SaidBy.OBSERVED
    t_s: float | None = Field(default=None, ge=0)


class ToolCall(_Event):
    """A tool that was called, or that the agent says it called.

    `carries_out` is the action that it carries out, `amount` the euro that it is about. `call` is the id of the call.
    `attempt` counts calls of one tool with the same arguments, from 1. `result` is None where there is none;
    `result_sha256` is that of the whole result, whatever of it is kept. `documents` are the names of the documents that
    it returned, in their order, also where the result is cut.
    """

    kind: Literal["tool_call"] = "tool_call"
    name: str
    call: str | None = None
    arguments: Mapping[str, Any] = Field(default_factory=dict)
    effect: Effect | None = None
    carries_out: str | None = None
    amount: float | None = None
    outcome: CallOutcome = CallOutcome.OK
    result: Any = None
    result_sha256: str | None = None
    documents: tuple[str, ...] = ()
    error: str | None = None
    attempt: int = 1
    truncated: bool = False


class GuardEvent(_Event):
    """A guard that looked. `rule` says why it stepped in; `changed` is what it changed, as it was before."""

    kind: Literal["guard"] = "guard"
    name: str
    stage: Stage
    verdict: GuardVerdict
    target: str | None = None
    rule: str | None = None
    changed: Mapping[str, Any] | None = None


class Cited(_Event):
    """What an answer rests on: a field of the record or a tool call, and the value that it has there."""

    kind: Literal["evidence"] = "evidence"
    source: SaidBy = SaidBy.REPORTED
    field: str | None = None
    tool_call: str | None = None
    value: Any = None


class ModelCall(_Event):
    """A model that was asked within a decision."""

    kind: Literal["model_call"] = "model_call"
    prompt_sha256: str | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    text: str | None = None


class Reasoning(_Event):
    """What an agent says of its thinking."""

    kind: Literal["reasoning"] = "reasoning"
    text: str


class MemoryUse(_Event):
    """Memory across decisions that was read or written."""

    kind: Literal["memory"] = "memory"
    operation: Effect
    key: str
    value: Any = None


class LimitMet(_Event):
    """A limit that was reached; what would have gone beyond it was refused."""

    kind: Literal["limit"] = "limit"
    name: str
    most: float


class StateSeen(_Event):
    """The state before the first tool call and after the last: digests, and rows added and gone by table.

    `skipped` are required tools that were not called, `late` those that were called only after something was written;
    `can_carry_out` are the actions that a tool of the environment carries out.
    """

    kind: Literal["state"] = "state"
    before_sha256: str
    after_sha256: str
    changes: Mapping[str, Mapping[str, tuple[Mapping[str, Any], ...]]] = Field(default_factory=dict)
    skipped: tuple[str, ...] = ()
    late: tuple[str, ...] = ()
    can_carry_out: tuple[str, ...] = ()


Event = ToolCall | GuardEvent | Cited | ModelCall | Reasoning | MemoryUse | LimitMet | StateSeen
EventT = TypeVar("EventT", bound=_Event)


@dataclass(frozen=True, slots=True)
class Trace:
    """The events of one decision in their order; `dropped` counts those beyond what is kept."""

    events: tuple[Event, ...] = ()
    dropped: int = 0

    def of(self, kind: type[EventT], source: SaidBy | None = SaidBy.OBSERVED) -> tuple[EventT, ...]:
        """Return the events of one kind: those observed, or of another source, or of any where it is None."""
        return tuple(one for one in self.events if isinstance(one, kind) and source in (None, one.source))

    @property
    def documents(self) -> tuple[str, ...]:
        """The documents that tools were seen to return, each once, in the order in which the agent saw them first.

        Those of events that were dropped are not known.
        """
        return tuple(dict.fromkeys(name for call in self.of(ToolCall) for name in call.documents))

    def __bool__(self) -> bool:
        return bool(self.events)

    def followed_by(self, *events: Event) -> Trace:
        """Return the trace with further events at its end."""
        return Trace((*self.events, *events), self.dropped)

    def as_json(self) -> str:
        """Return the trace as JSON of at most `MAX_BYTES`: `{"events": [...], "dropped": 0}`.

        Of more than `MAX_EVENTS` events those in the middle are dropped; where it is still too long the longest results
        and texts go first.
        """
        kept, dropped = _ends(self.events, MAX_EVENTS)
        events: Sequence[dict[str, Any]] = [_written(one) for one in kept]
        while (excess := len(json.dumps(events)) - MAX_BYTES + 100) > 0:
            if not _emptied(events, excess):
                events, more = _ends(events, len(events) // 2)
                dropped += more
        return json.dumps({"events": list(events), "dropped": self.dropped + dropped})


def trace_from(text: str) -> Trace:
    """Return the trace that was written as JSON. Raises ValueError where it is none."""
    content = json.loads(text)
    return Trace(_adapter().validate_python(tuple(content["events"])), int(content["dropped"]))


def reported_events(said: object) -> tuple[tuple[Event, ...], int]:
    """Return the events that an agent reports in its answer, and how many of them could not be read.

    Whatever an agent says of the source of an event, it is reported.
    """
    if not isinstance(said, Sequence) or isinstance(said, str | bytes):
        return (), 0 if said is None else 1
    events: list[Event] = []
    for one in said:
        try:
            events += _adapter().validate_python(({**one, "source": SaidBy.REPORTED},))
        except (ValidationError, TypeError):
            continue
    return tuple(map(cut, events)), len(said) - len(events)


def redacted(trace: Trace, private: Mapping[str, str]) -> Trace:
    """Return a trace in which the name of a column stands wherever the value of it stood, in brackets.

    Parameters
    ----------
    private : mapping of str to str
        Values that must not be kept, by column; values of fewer than three characters are anybody's.
    """
    values = {value: f"[{column}]" for column, value in private.items() if len(value) >= SHORTEST_PRIVATE}
    if not values:
        return trace
    longest_first = sorted(values, key=lambda value: (-len(value), value))

    def clean(value: Any) -> Any:
        if isinstance(value, str):
            for known in longest_first:
                value = value.replace(known, values[known])
            return value
        if isinstance(value, Mapping):
            return {clean(name): clean(one) for name, one in value.items()}
        return [clean(one) for one in value] if isinstance(value, list | tuple) else value

    events = [clean(one.model_dump(mode="json")) for one in trace.events]
    return Trace(_adapter().validate_python(tuple(events)), trace.dropped)


def cut(event: Event) -> Event:
    """Return an event whose texts and result are no longer than `MAX_TEXT` characters."""
    changed: dict[str, Any] = {}
    for name in ("text", "error", "rule"):
        value = getattr(event, name, None)
        if isinstance(value, str) and len(value) > MAX_TEXT:
            changed[name] = value[:MAX_TEXT]
    for name in ("result", "arguments", "value"):
        value = getattr(event, name, None)
        if value and len(written := json.dumps(value, default=str)) > MAX_TEXT:
            changed[name] = {"cut": written[:MAX_TEXT]} if name == "arguments" else written[:MAX_TEXT]
    if not changed:
        return event
    return event.model_copy(update={**changed, **({"truncated": True} if isinstance(event, ToolCall) else {})})


@cache
def _adapter() -> TypeAdapter[tuple[Event, ...]]:
    return TypeAdapter(tuple[Annotated[Event, Field(discriminator="kind")], ...])


def _written(event: Event) -> dict[str, Any]:
    """Return what of an event is not as it is without saying."""
    return {"kind": event.kind, "source": event.source.value, **event.model_dump(mode="json", exclude_defaults=True)}


def _ends(events: Sequence[Any], most: int) -> tuple[Sequence[Any], int]:
    """Return the first and last of some events, and how many are left out between them."""
    if len(events) <= most:
        return events, 0
    first = (most + 1) // 2
    return [*events[:first], *events[len(events) - (most - first) :]], len(events) - most


def _emptied(events: Sequence[dict[str, Any]], excess: int) -> bool:
    """Take the longest results and texts out of events until they are shorter by `excess`; False: none is left."""
    sizes = [
        (len(json.dumps(event[name])), number, name)
        for number, event in enumerate(events)
        for name in ("result", "text", "arguments", "value", "changes", "changed", "documents")
        if event.get(name) and (name != "documents" or event["source"] == SaidBy.REPORTED)  # observed ones are counted
    ]
    for size, number, name in sorted(sizes, reverse=True):
        if excess <= 0:
            break
        events[number][name] = _NOTHING.get(name)
        events[number] |= {"truncated": True} if events[number]["kind"] == "tool_call" else {}
        excess -= size
    return bool(sizes)
