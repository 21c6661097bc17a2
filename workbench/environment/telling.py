"""A trace for a reader: one row an event, in a few words."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from workbench.environment.trace import (
    CallOutcome,
    Cited,
    Event,
    GuardEvent,
    LimitMet,
    MemoryUse,
    ModelCall,
    Reasoning,
    StateSeen,
    ToolCall,
    Trace,
)

MAX_TOLD = 400  # characters of one text
NOTHING = "–"  # noqa: RUF001 - an en dash, as printed tables have it


def told_events(trace: Trace) -> list[dict[str, str]]:
    """Return the events of a trace as rows of texts: second, what happened, what came of it, who says so."""
    rows = [_row(one) for one in trace.events]
    if trace.dropped:
        rows.append({"s": "", "event": f"{trace.dropped:,} more events were not kept", "result": "", "says": ""})
    return rows


def _row(event: Event) -> dict[str, str]:
    what, result = _told(event)
    return {
        "s": "" if event.t_s is None else f"{event.t_s:.3f}",
        "event": what[:MAX_TOLD],
        "result": result[:MAX_TOLD],
        "says": event.source.value,
    }


def _told(event: Event) -> tuple[str, str]:
    """Return what happened and what came of it."""
    match event:
        case ToolCall():
            given = ", ".join(f"{name}={_short(value)}" for name, value in event.arguments.items())
            again = "" if event.attempt == 1 else f" (call {event.attempt} of the same)"
            failed = f"{event.outcome.value}: {event.error}"
            returned = f"documents {', '.join(event.documents)}: " if event.documents else ""
            result = f"{returned}{_short(event.result)}" if event.outcome is CallOutcome.OK else failed
            return f"{event.name}({given}){again}", result
        case GuardEvent():
            changed = f", before: {_short(event.changed)}" if event.changed else ""
            target = f" {event.target}" if event.target else ""
            return f"guard {event.name} at {event.stage.value}{target}", f"{event.verdict.value}: {event.rule}{changed}"
        case ModelCall():
            return f"model asked ({event.prompt_tokens or NOTHING} tokens)", event.text or NOTHING
        case Reasoning():
            return "reasoning", event.text
        case MemoryUse():
            return f"memory {event.operation.value} {event.key}", _short(event.value)
        case LimitMet():
            return f"limit of {event.name} reached", f"at most {event.most:,g}"
        case Cited():
            return f"evidence {event.field or event.tool_call or NOTHING}", _short(event.value)
        case StateSeen():
            return "state", _changes(event.changes)


def _changes(changes: Mapping[str, Mapping[str, tuple[Mapping[str, Any], ...]]]) -> str:
    """Return the rows that were added and are gone, by table."""
    parts = [
        f"{table}: {len(rows)} {what} {_short(list(rows))}"
        for table, changed in changes.items()
        for what, rows in changed.items()
    ]
    return "; ".join(parts) or "unchanged"


def _short(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
