"""What a decision and its trace are held against; of tools, state and guards only what was observed counts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from workbench.cases.asking import CaseAnswer
from workbench.cases.suite import Expected, ExpectedTools, Relation
from workbench.environment import CallOutcome, Effect, GuardEvent, GuardVerdict, SaidBy, StateSeen, ToolCall, Trace
from workbench.pilot import Process

ADDED = "added"
DONE = (CallOutcome.OK, CallOutcome.TIMEOUT)  # outcomes after which a call may have done its work


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


def failures_of(expect: Expected, answer: CaseAnswer, bench: Bench) -> tuple[str, ...]:
    """Return in what an answer is not what is expected, a few words each; empty where the case is passed.

    An answer that is no decision fails whatever is expected, with its cause.
    """
    if not answer.is_decision:
        return (no_decision(answer),)
    return tuple(_failures(expect, answer, bench))


def no_decision(answer: CaseAnswer) -> str:
    """Return why there is no decision, such as `failed: timeout`."""
    return f"{answer.status.value}: {answer.cause or 'no cause is known'}"


def is_kept(relation: Relation, before: CaseAnswer, after: CaseAnswer, escalate_label: str | None) -> bool:
    """Return whether a relation holds between a decision and the answer on the changed record."""
    if not after.is_decision:
        return False
    if relation is Relation.MAY_ONLY_ESCALATE:
        return after.action in (before.action, escalate_label)
    is_same = after.action == before.action
    return is_same and (relation is Relation.SAME or after.reason == before.reason)


def reaches_person(answer: CaseAnswer, bench: Bench) -> bool:
    """Return whether a person sees a decision: the agent or a guard escalates it, or it is not sure enough."""
    guards = () if answer.trace is None else answer.trace.of(GuardEvent)
    if any(one.verdict is GuardVerdict.ESCALATE for one in guards) or answer.action == bench.escalate_label:
        return True
    if bench.threshold is None:
        return False
    return answer.confidence is None or answer.confidence < bench.threshold


def rows_added(trace: Trace) -> Mapping[str, int] | None:
    """Return how many rows a decision added to each table that changed, None where the state was not seen."""
    seen = trace.of(StateSeen)
    return {name: len(one.get(ADDED, ())) for name, one in seen[-1].changes.items()} if seen else None


def unobserved_calls(trace: Trace) -> int:
    """Return how many tool calls an agent tells of that nobody observed."""
    observed = [(one.name, dict(one.arguments)) for one in trace.of(ToolCall)]
    n_unseen = 0
    for one in trace.of(ToolCall, SaidBy.REPORTED):
        said = one.name, dict(one.arguments)
        fitting = next((known for known in observed if known == said), None)
        if fitting is None and not one.arguments:  # told without arguments: the name has to do
            fitting = next((known for known in observed if known[0] == one.name), None)
        if fitting is None:
            n_unseen += 1
        else:
            observed.remove(fitting)
    return n_unseen


def has_forbidden_write(expect: Expected, trace: Trace) -> bool:
    """Return whether a decision wrote what it must not: by a tool that is never to be called, or into a table.

    A write that timed out may have been done.
    """
    never = () if expect.tools is None else expect.tools.never
    added = rows_added(trace) or {}
    tables = [name for name, n in (expect.state or {}).items() if n == 0]
    return any(one.name in never for one in _writes(trace)) or any(added.get(name, 0) > 0 for name in tables)


def has_double_write(expect: Expected, trace: Trace) -> bool:
    """Return whether a decision wrote the same twice: one call done twice, or more rows than are expected."""
    done = [(one.name, dict(one.arguments)) for one in _writes(trace) if one.outcome is CallOutcome.OK]
    added = rows_added(trace) or {}
    is_more = any(n > 0 and added.get(name, 0) > n for name, n in (expect.state or {}).items())
    return is_more or any(call in done[:place] for place, call in enumerate(done))


def _failures(expect: Expected, answer: CaseAnswer, bench: Bench) -> Iterator[str]:
    if expect.action is not None and answer.action != expect.action:
        yield f"expected {expect.action}, got {answer.action}"
    if expect.reason is not None and answer.reason != expect.reason:
        yield f"expected reason {expect.reason}, got {answer.reason or 'none'}"
    if expect.to is not None and (target := _target(answer, bench.process)) != expect.to:
        yield f"expected to {expect.to}, got {target or 'nobody'}"
    if expect.person is not None and reaches_person(answer, bench) != expect.person:
        yield "expected a person, got none" if expect.person else "expected no person, got one"
    trace = answer.trace or Trace()
    if expect.tools is not None:
        yield from _of_tools(expect.tools, trace)
    if expect.state is not None:
        yield from _of_state(expect.state, trace)
    if expect.guards is not None:
        stepped_in = {one.name for one in trace.of(GuardEvent) if one.verdict is not GuardVerdict.ALLOW}
        yield from (f"guard {name} did not step in" for name in expect.guards if name not in stepped_in)


def _target(answer: CaseAnswer, process: Process | None) -> str | None:
    """Return to whom the process hands a decision for its reason, None for nobody."""
    rules = () if process is None else process.rules
    return next(
        (rule.to for rule in rules if (rule.reason or rule.id, rule.decision) == (answer.reason, answer.action)), None
    )


def _of_tools(tools: ExpectedTools, trace: Trace) -> Iterator[str]:
    calls = trace.of(ToolCall)
    called = [one.name for one in calls if one.outcome is not CallOutcome.DENIED]
    yield from (f"{name} was not called" for name in tools.must if name not in called)
    yield from (f"{name} was called" for name in tools.never if any(one.name == name for one in calls))
    for first, then in zip(tools.order, tools.order[1:], strict=False):
        if then in called and first not in called[: called.index(then)]:
            yield f"{then} was called before {first}"


def _of_state(state: Mapping[str, int], trace: Trace) -> Iterator[str]:
    added = rows_added(trace)
    if added is None:
        yield "the state was not observed"
        return
    for table, n in state.items():
        if added.get(table, 0) != n:
            yield f"expected {n} new in {table}, got {added.get(table, 0)}"


def _writes(trace: Trace) -> list[ToolCall]:
    return [one for one in trace.of(ToolCall) if one.effect is Effect.WRITE and one.outcome in DONE]
