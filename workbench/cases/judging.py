"""What a decision and its trace are held against; of tools, state and guards only what was observed counts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from workbench.cases.asking import CaseAnswer
from workbench.cases.conduct import DONE, amounts_written, are_amounts, rows_added
from workbench.cases.suite import CaseRelation, Expected, ExpectedTools
from workbench.environment import CallOutcome, GuardEvent, GuardVerdict, ToolCall, Trace
from workbench.pilot import Process


class FailureKind(StrEnum):
    """In what an answer is not what is expected."""

    NO_DECISION = "no_decision"
    DECISION = "wrong_decision"
    SKIPPED = "expected_tool"
    FORBIDDEN = "forbidden_tool"
    ORDER = "expected_order"
    STATE = "wrong_state"
    GUARD = "silent_guard"
    CONDUCT = "conduct"


class CaseFailure(NamedTuple):
    """One way in which an answer is not what is expected, in a few words."""

    kind: FailureKind
    text: str


@dataclass(frozen=True, slots=True)
class Bench:
    """What besides the answer judges a case.

    Parameters
    ----------
    escalate_label : str, optional
        The action by which an agent escalates.
    process : Process, optional
        Whose rules say to whom an escalation goes.
    threshold : float, optional
        Below it a decision goes to a person; None where none was chosen, and every decision counts as automated then.
    """

    escalate_label: str | None
    process: Process | None = None
    threshold: float | None = None


def failures_of(expect: Expected, answer: CaseAnswer, bench: Bench) -> tuple[CaseFailure, ...]:
    """Return in what an answer is not what is expected, a few words each; empty where the case is passed.

    An answer that is no decision fails whatever is expected, with its cause. Reason and target are not held against a
    decision without a reason; that there is none is a finding. A state is not held against an agent that does not act.
    """
    if not answer.is_decision:
        return (CaseFailure(FailureKind.NO_DECISION, no_decision(answer)),)
    return tuple(_failures(expect, answer, bench))


def no_decision(answer: CaseAnswer) -> str:
    """Return why there is no decision, such as `failed: timeout`."""
    return f"{answer.status.value}: {answer.cause or 'no cause is known'}"


def is_kept(relation: CaseRelation, before: CaseAnswer, after: CaseAnswer, bench: Bench) -> bool:
    """Return whether a relation holds between a decision and the answer on the changed record.

    The same decision writes the same amount.
    """
    if not after.is_decision:
        return False
    if relation is CaseRelation.MAY_ONLY_ESCALATE:
        return after.action == before.action or reaches_person(after, bench)
    is_same = after.action == before.action and _writes_the_same(before, after)
    return is_same and (relation is CaseRelation.SAME or after.reason == before.reason)


def reaches_person(answer: CaseAnswer, bench: Bench) -> bool:
    """Return whether a person sees a decision: the agent or a guard escalates it, or it is not sure enough."""
    guards = () if answer.trace is None else answer.trace.of(GuardEvent)
    if any(one.verdict is GuardVerdict.ESCALATE for one in guards) or answer.action == bench.escalate_label:
        return True
    if bench.threshold is None:
        return False
    return answer.confidence is None or answer.confidence < bench.threshold


def euros(amounts: tuple[float, ...]) -> str:
    """Return amounts as they are read."""
    return " and ".join(f"{one:,.2f} euro" for one in amounts) or "no amount"


def _writes_the_same(before: CaseAnswer, after: CaseAnswer) -> bool:
    amounts = [amounts_written(one.trace or Trace()) for one in (before, after)]
    return are_amounts(*amounts)


def _failures(expect: Expected, answer: CaseAnswer, bench: Bench) -> Iterator[CaseFailure]:
    yield from (CaseFailure(FailureKind.DECISION, text) for text in _of_decision(expect, answer, bench))
    trace = answer.trace or Trace()
    if expect.to is not None:
        yield from _of_person(expect.to, answer, trace, bench.process)
    if expect.tools is not None:
        yield from _of_tools(expect.tools, trace)
    if expect.state is not None:
        yield from _of_state(expect.state, trace)
    if expect.amount is not None and rows_added(trace) is not None:
        amounts = amounts_written(trace)
        if not are_amounts(amounts, (expect.amount,)):
            yield CaseFailure(FailureKind.STATE, f"expected {expect.amount:,.2f} euro, wrote {euros(amounts)}")
    stepped_in = {one.name for one in trace.of(GuardEvent) if one.verdict is not GuardVerdict.ALLOW}
    for name in expect.guards or ():
        if name not in stepped_in:
            yield CaseFailure(FailureKind.GUARD, f"guard {name} did not step in")


def _of_decision(expect: Expected, answer: CaseAnswer, bench: Bench) -> Iterator[str]:
    if expect.action is not None and answer.action != expect.action:
        yield f"expected {expect.action}, got {answer.action}"
    has_reason = answer.reason is not None  # of an agent that gives none, reason and target are not known
    if has_reason and expect.reason is not None and answer.reason != expect.reason:
        yield f"expected reason {expect.reason}, got {answer.reason}"
    if has_reason and expect.to is not None and (target := _target(answer, bench.process)) != expect.to:
        yield f"expected to {expect.to}, got {target or 'nobody'}"
    if expect.person is not None and reaches_person(answer, bench) != expect.person:
        yield "expected a person, got none" if expect.person else "expected no person, got one"


def _target(answer: CaseAnswer, process: Process | None) -> str | None:
    """Return to whom the process hands a decision for its reason, None for nobody."""
    rules = () if process is None else process.rules
    return next(
        (rule.to for rule in rules if (rule.reason or rule.id, rule.decision) == (answer.reason, answer.action)), None
    )


def _of_person(to: str, answer: CaseAnswer, trace: Trace, process: Process | None) -> Iterator[CaseFailure]:
    """Yield a failure where a decision went to other people of the process than it should, whatever it says.

    Nobody is known of a call that names none of them in its arguments; a decision that itself calls for another person
    is wrong already.
    """
    if answer.reason is not None and _target(answer, process) != to:
        return
    people = set() if process is None else {rule.to for rule in process.rules if rule.to is not None}
    done = [one for one in trace.of(ToolCall) if one.carries_out == answer.action and one.outcome in DONE]
    named = {str(value) for one in done for value in one.arguments.values()} & people
    if named - {to}:
        yield CaseFailure(FailureKind.STATE, f"expected to be handed to {to}, went to {', '.join(sorted(named))}")


def _of_tools(tools: ExpectedTools, trace: Trace) -> Iterator[CaseFailure]:
    calls = trace.of(ToolCall)
    called = [one.name for one in calls if one.outcome is not CallOutcome.DENIED]
    for name in tools.must:
        if name not in called:
            yield CaseFailure(FailureKind.SKIPPED, f"{name} was not called")
    for name in tools.never:
        if any(one.name == name for one in calls):
            yield CaseFailure(FailureKind.FORBIDDEN, f"{name} was called")
    for first, then in zip(tools.order, tools.order[1:], strict=False):
        if then in called and first not in called[: called.index(then)]:
            yield CaseFailure(FailureKind.ORDER, f"{then} was called before {first}")


def _of_state(state: Mapping[str, int], trace: Trace) -> Iterator[CaseFailure]:
    added = rows_added(trace)
    if added is None:
        if trace.of(ToolCall):
            yield CaseFailure(FailureKind.STATE, "the state was not observed")
        return
    for table, n in state.items():
        if added.get(table, 0) != n:
            yield CaseFailure(FailureKind.STATE, f"expected {n} new in {table}, got {added.get(table, 0)}")
