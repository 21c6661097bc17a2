"""Traces under the names of OpenTelemetry's conventions for generative AI: one table, and OTLP's JSON.

Source: OpenTelemetry semantic conventions for generative AI, v0.1.0 (its first release of its own, status
"development"). Guards, limits, memory and state have no name there; theirs begin with `workbench.`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from workbench.environment import CallOutcome, Event, ToolCall, Trace

CONVENTIONS = "genai-semconv 0.1.0"
AGENT_SPAN = "invoke_agent"
# By kind of event: the operation, or for what has none our own name of the span.
OPERATIONS = {"tool_call": "execute_tool", "model_call": "chat"}
OWN_SPANS = {
    "guard": "workbench.guard",
    "evidence": "workbench.evidence",
    "reasoning": "workbench.reasoning",
    "memory": "workbench.memory",
    "limit": "workbench.limit",
    "state": "workbench.state",
}
# By kind of event and field: the attribute; every other field is `workbench.KIND.FIELD`.
ATTRIBUTES = {
    ("tool_call", "name"): "gen_ai.tool.name",
    ("tool_call", "call"): "gen_ai.tool.call.id",
    ("tool_call", "arguments"): "gen_ai.tool.call.arguments",
    ("tool_call", "result"): "gen_ai.tool.call.result",
    ("tool_call", "documents"): "gen_ai.retrieval.documents",
    ("model_call", "prompt_tokens"): "gen_ai.usage.input_tokens",
    ("model_call", "completion_tokens"): "gen_ai.usage.output_tokens",
}
OUTSIDE = frozenset({"kind", "t_s"})  # told by the span itself
NS = 1_000_000_000
STATUS_OK, STATUS_ERROR, INTERNAL = 1, 2, 1


@dataclass(frozen=True, slots=True)
class TracedDecision:
    """One decision whose trace is told: of which run and agent, on which record, when its run began (Unix ns)."""

    run: str
    agent: str
    record_id: str
    action: str | None
    began_ns: int
    trace: Trace


@dataclass(frozen=True, slots=True)
class TraceSpan:
    """One span: its name, its attributes, when it began and ended (Unix ns), and what went wrong in it."""

    name: str
    attributes: Mapping[str, str | int | float | bool]
    start_ns: int
    end_ns: int
    error: str | None = None


def spans_of(decision: TracedDecision) -> tuple[TraceSpan, ...]:
    """Return the spans of a decision, that of the agent first.

    Seconds within a decision are as they were observed; they are counted from the beginning of its run, because when
    each decision began is not kept. A span of a call ends where the next event begins.
    """
    events, began = decision.trace.events, decision.began_ns
    starts = _starts(decision)
    ends = [*starts[1:], starts[-1]] if starts else []
    attributes: dict[str, str | int | float | bool] = {
        "gen_ai.operation.name": AGENT_SPAN,
        "gen_ai.agent.name": decision.agent,
        "workbench.conventions": CONVENTIONS,
        "workbench.run": decision.run,
        "workbench.record": decision.record_id,
        "workbench.action": decision.action or "",
        "workbench.events_dropped": decision.trace.dropped,
    }
    whole = TraceSpan(f"{AGENT_SPAN} {decision.agent}", attributes, began, max(ends, default=began))
    return (whole, *(_span(*one) for one in zip(events, starts, ends, strict=True)))


def otlp(decision: TracedDecision) -> dict[str, Any]:
    """Return a decision's trace as OTLP's JSON, one `resourceSpans`; ids follow from run and record."""
    trace_id = _digest(decision.run, decision.record_id)[:32]
    spans = spans_of(decision)
    ids = [_digest(trace_id, str(number))[:16] for number in range(len(spans))]
    written = [
        {
            "traceId": trace_id,
            "spanId": ids[number],
            **({"parentSpanId": ids[0]} if number else {}),
            "name": span.name,
            "kind": INTERNAL,
            "startTimeUnixNano": str(span.start_ns),
            "endTimeUnixNano": str(span.end_ns),
            "attributes": [{"key": key, "value": _value(value)} for key, value in span.attributes.items()],
            "status": {"code": STATUS_OK} if span.error is None else {"code": STATUS_ERROR, "message": span.error},
        }
        for number, span in enumerate(spans)
    ]
    service = {"key": "service.name", "value": {"stringValue": "workbench"}}
    scope = {"scope": {"name": "workbench", "version": CONVENTIONS}, "spans": written}
    return {"resourceSpans": [{"resource": {"attributes": [service]}, "scopeSpans": [scope]}]}


def _starts(decision: TracedDecision) -> list[int]:
    """Return when each event began; one without a time begins with the one before it."""
    latest, found = decision.began_ns, []
    for event in decision.trace.events:
        latest = latest if event.t_s is None else decision.began_ns + round(event.t_s * NS)
        found.append(latest)
    return found


def _span(event: Event, start_ns: int, end_ns: int) -> TraceSpan:
    kind = event.kind
    said = {name: value for name, value in event.model_dump(mode="json").items() if name not in OUTSIDE}
    if isinstance(event, ToolCall):
        said["documents"] = [{"id": name} for name in event.documents] or None
    attributes = {
        ATTRIBUTES.get((kind, name), f"workbench.{kind}.{name}"): _plain(value)
        for name, value in said.items()
        if value is not None
    }
    operation = OPERATIONS.get(kind)
    own = f" {said['name']}" if isinstance(said.get("name"), str) else ""
    if operation is not None:
        attributes = {"gen_ai.operation.name": operation, **attributes}
    error = None
    if isinstance(event, ToolCall) and event.outcome is not CallOutcome.OK:
        attributes["error.type"] = event.outcome.value
        error = event.error or event.outcome.value
    return TraceSpan(f"{operation or OWN_SPANS[kind]}{own}", attributes, start_ns, max(start_ns, end_ns), error)


def _plain(value: Any) -> str | int | float | bool:
    return value if isinstance(value, str | int | float | bool) else json.dumps(value, ensure_ascii=False)


def _value(value: str | int | float | bool) -> dict[str, Any]:
    """Return a value as OTLP's JSON types it; whole numbers are text there."""
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    return {"doubleValue": value} if isinstance(value, float) else {"stringValue": value}


def _digest(*parts: str) -> str:
    return hashlib.sha256(" ".join(parts).encode()).hexdigest()
