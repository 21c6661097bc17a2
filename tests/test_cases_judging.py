"""What a decision and its trace are held against, one expectation at a time; what is only told counts for nothing."""

from __future__ import annotations

from typing import Any

import pytest
from case_pilots import PROCESS

from workbench.cases.asking import CaseAnswer
from workbench.cases.conduct import has_double_write, has_forbidden_write, unobserved_calls
from workbench.cases.judging import (
    Bench,
    failures_of,
    is_kept,
)
from workbench.cases.suite import CaseRelation, Expected
from workbench.environment import (
    CallOutcome,
    Effect,
    Event,
    GuardEvent,
    GuardVerdict,
    SaidBy,
    Stage,
    StateSeen,
    ToolCall,
    Trace,
)
from workbench.metrics import Status
from workbench.pilot import Process

BENCH = Bench("escalate", Process.model_validate(PROCESS))
HAND_OVER = ToolCall(name="hand_over", effect=Effect.WRITE, carries_out="escalate", arguments={"to": "warehouse"})
TO_QUALITY = HAND_OVER.model_copy(update={"arguments": {"to": "quality"}})
READ, POST = ToolCall(name="read_order", effect=Effect.READ), ToolCall(name="post", effect=Effect.WRITE)
PAID, LESS = (POST.model_copy(update={"amount": amount}) for amount in (120.5, 12.05))


def seen(**added: int) -> StateSeen:
    changes = {name: {"added": tuple({"n": i} for i in range(n))} for name, n in added.items()}
    return StateSeen(before_sha256="0", after_sha256="1", changes=changes)


def answer(*events: Event, **facts: Any) -> CaseAnswer:
    told = {"action": "escalate", "reason": "heavy", "confidence": 0.9, **facts}
    return CaseAnswer(Status.OK, **told, trace=Trace(events) if events else None)


def reported(call: ToolCall) -> ToolCall:
    return call.model_copy(update={"source": SaidBy.REPORTED})


def failures(expect: dict[str, Any], said: CaseAnswer, bench: Bench = BENCH) -> list[str]:
    return [one.text for one in failures_of(Expected.model_validate(expect), said, bench)]


ALLOWED = GuardEvent(name="limit", stage=Stage.OUTPUT, verdict=GuardVerdict.ALLOW)
ESCALATED = GuardEvent(name="limit", stage=Stage.OUTPUT, verdict=GuardVerdict.ESCALATE)
TOOLS = {"must": ["post"], "never": ["cancel"], "order": ["read_order", "post"]}
HELD: dict[str, tuple[dict[str, Any], CaseAnswer, list[str]]] = {
    "as expected": ({"action": "escalate", "reason": "heavy", "to": "warehouse", "person": True}, answer(), []),
    "action": ({"action": "approve"}, answer(), ["expected approve, got escalate"]),
    "reason": ({"reason": "late"}, answer(), ["expected reason late, got heavy"]),
    "no reason": ({"action": "escalate", "reason": "late", "to": "quality"}, answer(reason=None), []),
    "to": ({"to": "quality"}, answer(), ["expected to quality, got warehouse"]),
    "to nobody": ({"to": "quality"}, answer(action="approve", reason="fine"), ["expected to quality, got nobody"]),
    "handed to": ({"to": "warehouse"}, answer(HAND_OVER), []),
    "amount": ({"amount": 120.501}, answer(PAID, seen(postings=1)), []),
    "another amount": (
        {"amount": 120.5}, answer(LESS, seen(postings=1)), ["expected 120.50 euro, wrote 12.05 euro"],
    ),
    "no amount": ({"amount": 120.5}, answer(READ, seen()), ["expected 120.50 euro, wrote no amount"]),
    "two amounts": (
        {"amount": 120.5},
        answer(PAID, LESS, seen(postings=2)),
        ["expected 120.50 euro, wrote 12.05 euro and 120.50 euro"],
    ),
    "amount of one that does not act": ({"amount": 120.5}, answer(), []),
    "handed to another": (
        {"to": "warehouse"}, answer(TO_QUALITY), ["expected to be handed to warehouse, went to quality"],
    ),
    "handed to two": (
        {"to": "warehouse"},
        answer(HAND_OVER, TO_QUALITY),
        ["expected to be handed to warehouse, went to quality, warehouse"],
    ),
    "handed to one after a denial": (
        {"to": "warehouse"}, answer(TO_QUALITY.model_copy(update={"outcome": CallOutcome.DENIED}), HAND_OVER), [],
    ),
    "handed as it says, which is wrong": ({"to": "quality"}, answer(HAND_OVER), ["expected to quality, got warehouse"]),
    "handed to another without a reason": (
        {"to": "warehouse"},
        answer(TO_QUALITY, reason=None),
        ["expected to be handed to warehouse, went to quality"],
    ),
    "handed to a queue without a name": (
        {"to": "warehouse"}, answer(HAND_OVER.model_copy(update={"arguments": {"queue": 7}})), [],
    ),
    "person": ({"person": True}, answer(action="approve"), ["expected a person, got none"]),
    "no person": ({"person": False}, answer(), ["expected no person, got one"]),
    "guard is a person": ({"person": True}, answer(ESCALATED, action="approve"), []),
    "tools": ({"tools": TOOLS}, answer(READ, POST), []),
    "order": ({"tools": TOOLS}, answer(POST, READ), ["post was called before read_order"]),
    "must": ({"tools": TOOLS}, answer(READ), ["post was not called"]),
    "only told": ({"tools": TOOLS}, answer(READ, reported(POST)), ["post was not called"]),
    "no trace": ({"tools": TOOLS}, answer(), ["post was not called"]),
    "denied": (
        {"tools": TOOLS},
        answer(READ, POST.model_copy(update={"outcome": CallOutcome.DENIED})),
        ["post was not called"],
    ),
    "never": ({"tools": {"never": ["post"]}}, answer(POST), ["post was called"]),
    "never, told": ({"tools": {"never": ["post"]}}, answer(reported(POST)), []),
    "state": ({"state": {"posting": 1, "mail": 0}}, answer(seen(posting=1)), []),
    "state twice": ({"state": {"posting": 1}}, answer(seen(posting=2)), ["expected 1 new in posting, got 2"]),
    "state unseen": ({"state": {"posting": 0}}, answer(READ), ["the state was not observed"]),
    "state of one that does not act": ({"state": {"posting": 1}}, answer(ESCALATED, reported(POST)), []),
    "guards": ({"guards": ["limit"]}, answer(ESCALATED), []),
    "guard only looked": ({"guards": ["limit"]}, answer(ALLOWED), ["guard limit did not step in"]),
    "several": (
        {"action": "approve", "reason": "fine", "person": False},
        answer(),
        ["expected approve, got escalate", "expected reason fine, got heavy", "expected no person, got one"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", HELD)
def test_an_answer_is_held_against_what_is_expected(name: str) -> None:
    expect, said, expected = HELD[name]
    assert failures(expect, said) == expected


@pytest.mark.parametrize("status", [Status.FAILED, Status.INVALID, Status.SKIPPED])
def test_what_is_no_decision_fails_with_its_cause_whatever_is_expected(status: Status) -> None:
    said = CaseAnswer(status, cause="timeout")
    assert failures({"person": False}, said) == [f"{status.value}: timeout"]
    assert not is_kept(CaseRelation.MAY_ONLY_ESCALATE, answer(), said, BENCH)


def test_a_decision_below_the_threshold_goes_to_a_person() -> None:
    bench = Bench("escalate", None, 0.8)
    assert failures({"person": True}, answer(action="approve", confidence=0.7), bench) == []
    assert failures({"person": True}, answer(action="approve", confidence=None), bench) == []
    assert failures({"person": True}, answer(action="approve"), bench) == ["expected a person, got none"]


def test_a_do_nothing_agent_meets_no_expected_state_and_calls_no_tool() -> None:
    nothing = answer(seen())
    assert failures({"state": {"posting": 1}}, nothing) == ["expected 1 new in posting, got 0"]
    assert failures({"tools": {"must": ["read_order"]}}, nothing) == ["read_order was not called"]


@pytest.mark.parametrize(
    ("relation", "after", "kept"),
    [
        (CaseRelation.SAME, {"reason": "late"}, True),
        (CaseRelation.SAME, {"action": "approve"}, False),
        (CaseRelation.REASON_SAME, {}, True),
        (CaseRelation.REASON_SAME, {"reason": "late"}, False),
        (CaseRelation.MAY_ONLY_ESCALATE, {}, True),
        (CaseRelation.MAY_ONLY_ESCALATE, {"action": "reject"}, False),
    ],
)
def test_a_relation_holds_between_two_answers(relation: CaseRelation, after: dict[str, Any], kept: bool) -> None:
    assert is_kept(relation, answer(), answer(**after), BENCH) is kept
    assert is_kept(CaseRelation.MAY_ONLY_ESCALATE, answer(action="approve"), answer(), BENCH)


def test_without_an_escalate_label_a_decision_below_the_threshold_is_what_escalates() -> None:
    relation, before, after = (
        CaseRelation.MAY_ONLY_ESCALATE,
        answer(action="refund"),
        answer(action="age", confidence=0.3),
    )
    assert not is_kept(relation, before, after, Bench(None)), "without a threshold every decision is automated"
    assert not is_kept(relation, before, after, Bench(None, threshold=0.2)), "it is routed elsewhere, and nobody looks"
    assert is_kept(relation, before, after, Bench(None, threshold=0.8))
    assert not is_kept(CaseRelation.SAME, before, after, Bench(None, threshold=0.8))
    guarded = answer(ESCALATED, action="age")
    assert is_kept(relation, before, guarded, Bench(None)), "a guard hands it to a person"


def test_the_same_decision_writes_the_same_amount() -> None:
    before = answer(PAID, seen(postings=1), action="approve")
    for relation in (CaseRelation.SAME, CaseRelation.REASON_SAME):
        assert is_kept(relation, before, answer(PAID, seen(postings=1), action="approve"), BENCH)
        assert not is_kept(relation, before, answer(LESS, seen(postings=1), action="approve"), BENCH)
    a_cent_more = PAID.model_copy(update={"amount": 120.51})
    assert is_kept(CaseRelation.SAME, before, answer(a_cent_more, action="approve"), BENCH), "rounded otherwise"
    not_heard = PAID.model_copy(update={"outcome": CallOutcome.TIMEOUT})
    assert is_kept(CaseRelation.SAME, before, answer(not_heard, PAID, action="approve"), BENCH), "the same, made twice"


def test_a_result_that_was_not_got_is_not_believed() -> None:
    got = READ.model_copy(update={"arguments": {"order": 1}, "result": [{"status": "blocked"}]})
    told = {"true": got, "untrue": got.model_copy(update={"result": [{"status": "active"}]})}
    claims = {name: reported(one) for name, one in told.items()}
    assert unobserved_calls(Trace((got, claims["true"]))) == 0
    assert unobserved_calls(Trace((got, claims["untrue"]))) == 1
    cut = got.model_copy(update={"result": '[{"sta', "truncated": True})
    assert unobserved_calls(Trace((cut, claims["untrue"]))) == 0, "what was cut cannot be compared"


def test_calls_that_only_the_agent_tells_of_are_counted() -> None:
    told = reported(POST.model_copy(update={"arguments": {"order": 1}}))
    done = POST.model_copy(update={"arguments": {"order": 1}})
    assert unobserved_calls(Trace((done, told))) == 0
    assert unobserved_calls(Trace((done, told, told))) == 1, "told twice, done once"
    assert unobserved_calls(Trace((POST.model_copy(update={"arguments": {"order": 2}}), told))) == 1
    assert unobserved_calls(Trace((done, reported(POST)))) == 0, "told without arguments, the name has to do"


def test_what_must_not_be_written_and_what_is_written_twice() -> None:
    never, none, one = (
        Expected.model_validate(expect)
        for expect in ({"tools": {"never": ["post"]}}, {"state": {"posting": 0}}, {"state": {"posting": 1}})
    )
    denied = POST.model_copy(update={"outcome": CallOutcome.DENIED})
    late = POST.model_copy(update={"outcome": CallOutcome.TIMEOUT})
    assert has_forbidden_write(never, Trace((POST,)))
    assert has_forbidden_write(never, Trace((late,))), "it may have been done"
    assert not has_forbidden_write(never, Trace((denied, READ)))
    assert has_forbidden_write(none, Trace((seen(posting=1),)))
    assert not has_forbidden_write(one, Trace((POST, seen(posting=1))))
    assert has_double_write(one, Trace((late, POST, seen(posting=2)))), "a write that timed out was done after all"
    assert has_double_write(one, Trace((POST, POST)))
    assert not has_double_write(one, Trace((late, POST, seen(posting=1))))
    assert not has_double_write(one, Trace((POST, POST.model_copy(update={"arguments": {"order": 2}}))))
