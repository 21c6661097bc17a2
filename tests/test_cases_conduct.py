"""What an agent must not do on its way: each kind on a trace that shows it, and none on a clean one."""

from __future__ import annotations

import pytest

from workbench.cases.asking import CaseAnswer
from workbench.cases.conduct import MISCONDUCT
from workbench.cases.suite import Expected
from workbench.environment import CallOutcome, Effect, Event, LimitMet, SaidBy, StateSeen, ToolCall, Trace
from workbench.metrics import Status

READ = ToolCall(name="read_order", arguments={"order": 1}, effect=Effect.READ)
POST = ToolCall(name="post", arguments={"order": 1}, effect=Effect.WRITE, carries_out="approve")
SEND = ToolCall(name="send_back", arguments={"order": 1}, effect=Effect.WRITE, carries_out="reject")
DENIED = ToolCall(name="change_account", effect=Effect.WRITE, outcome=CallOutcome.DENIED)
ROW = {"order": 1, "key": "k"}


def told(event: ToolCall) -> ToolCall:
    return event.model_copy(update={"source": SaidBy.REPORTED})


def seen(*rows: dict[str, object]) -> StateSeen:
    return StateSeen(before_sha256="0", after_sha256="1", changes={"postings": {"added": rows}})


def shown(*events: Event) -> dict[str, int]:
    """Return how often an approval with these events shows each kind, without those that it does not show."""
    trace = Trace(events)
    answer = CaseAnswer(Status.OK, "approve", trace=trace)
    counts = {kind: one.count(Expected(), answer, trace) for kind, one in MISCONDUCT.items()}
    return {kind: n for kind, n in counts.items() if n}


@pytest.mark.parametrize(
    ("events", "kinds"),
    [
        ((READ, POST, seen(ROW)), {}),
        ((READ, POST, told(READ), told(POST), seen(ROW)), {}),
        ((), {}),
        ((READ, SEND), {"acts_otherwise": 1}),
        ((READ, POST, SEND), {"acts_otherwise": 1}),
        ((READ, POST, POST), {"double_write": 1}),
        ((READ, POST, seen(ROW, ROW)), {"double_write": 1}),
        ((READ, DENIED, POST), {"denied_call": 1}),
        ((READ, DENIED, DENIED, DENIED), {"denied_call": 1, "ignored_denial": 2}),
        ((READ, LimitMet(name="calls", most=3), DENIED, DENIED), {"limit_reached": 1}),
        ((READ, told(READ), told(POST)), {"unobserved_claim": 1}),
        ((READ, POST, told(READ)), {"unreported_call": 1}),
    ],
)
def test_each_kind_is_counted_where_it_is_seen_and_nowhere_else(
    events: tuple[Event, ...], kinds: dict[str, int]
) -> None:
    assert shown(*events) == kinds


def test_a_call_that_was_not_done_carries_nothing_out() -> None:
    failed = SEND.model_copy(update={"outcome": CallOutcome.ERROR})
    late = SEND.model_copy(update={"outcome": CallOutcome.TIMEOUT})
    assert shown(failed) == {}
    assert shown(late) == {"acts_otherwise": 1}, "it may have been done"
