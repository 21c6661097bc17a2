"""An agent with guards around it: asked where no guard denies it, and believed where none steps in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from typing import Any

from workbench.agents.agent import Agent
from workbench.agents.callables import Preparation, WrittenPolicy, check_loads, is_only_answered
from workbench.agents.decisions import Decision
from workbench.agents.guards.guard import Asks, Guard, StepIn
from workbench.agents.identity import GUARDS
from workbench.environment import GuardEvent, GuardVerdict, Stage, Trace
from workbench.metrics import Status
from workbench.pilot import GuardName
from workbench.records import Record

DENIED = "guard"  # the cause of a record that was not shown to the agent, where no label means "a person decides"
MAX_REASON = 300
_UNSURE = dict.fromkeys(("confidence", "confidence_source", "logprob", "stated"))


@dataclass(frozen=True, slots=True)
class GuardedAgent:
    """An agent and the guards around it; its identity is the agent's with the guards'.

    Parameters
    ----------
    asked : Agent
        What decides.
    guards : tuple of Guard
        In the order in which they look. Once one gives a decision to a person, those after it only change texts.
    escalate_label : str, optional
        The action by which a guard gives a record to a person. Without one the agent's action stays, without a
        confidence, so that it is never automated; a record that the agent was not shown is then invalid.
    policy, preparation : optional
        Code of the pilot that guards may ask.
    acts : bool
        Whether the agent carries its decisions out by tools.
    held : dict of str to (str, str)
        The records under way that a person must decide, as the agent's desks read them.
    """

    asked: Agent
    guards: tuple[Guard, ...]
    escalate_label: str | None = None
    policy: WrittenPolicy | None = None
    preparation: Preparation | None = None
    acts: bool = False
    held: dict[str, tuple[str, str]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The agent's."""
        return self.asked.name

    @property
    def identity(self) -> Mapping[str, Any]:
        """The agent's, and what each guard goes by."""
        guards = [{"name": one.name.value, **one.identity} for one in self.guards]
        return {**self.asked.identity, GUARDS: guards}

    @property
    def window(self) -> int:
        """The agent's."""
        return self.asked.window

    @property
    def patience(self) -> int:
        """The agent's."""
        return self.asked.patience

    @property
    def deadline_s(self) -> float | None:
        """The agent's."""
        return self.asked.deadline_s

    def prepare(self) -> None:
        """As the agent does it, and see that the written policy can be imported."""
        self.asked.prepare()
        if self.policy is not None:
            check_loads(self.policy.task)

    async def decide(self, records: AsyncIterator[Record]) -> AsyncGenerator[Decision, None]:
        """Yield a decision for each record: the agent's, a guard's, or the agent's with what a guard changed."""
        decided: asyncio.Queue[Decision | None] = asyncio.Queue()
        asking = asyncio.create_task(self._ask(records, decided.put_nowait))
        try:
            while (decision := await decided.get()) is not None:
                yield decision
            await asking
        finally:
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)

    async def _ask(self, records: AsyncIterator[Record], decide: Callable[[Decision | None], None]) -> None:
        """Let the agent decide the records that it may be shown, and hand every decision on; None is the end."""
        try:
            async with AsyncExitStack() as stack:
                asks = await self._opened(stack)
                passed = _Passed(records, self, decide, asks, {})
                decisions = self.asked.decide(passed)
                if isinstance(decisions, AsyncGenerator):
                    stack.push_async_callback(decisions.aclose)
                async for decision in decisions:
                    record = passed.shown.pop(decision.record_id, None)
                    self.held.pop(decision.record_id, None)
                    decide(decision if record is None else await self.judged(record, decision, asks))
        finally:
            decide(None)

    async def hold(self, record: Record, asks: Asks) -> None:
        """Note, before an agent that acts is asked, that it must not carry out what a person must decide."""
        for guard in self.guards if self.acts else ():
            if guard.name is GuardName.MUST_REACH_A_PERSON and (step := await guard.look(record, None, asks)):
                self.held[record.id] = guard.name.value, step.rule

    async def denied(self, record: Record) -> Decision | None:
        """Return the decision on a record that the agent is not to be shown, None where it may be."""
        for guard in self.guards:
            if guard.stage is Stage.INPUT and (step := await guard.look(record, None, Asks())) is not None:
                event = _event(guard, replace(step, verdict=GuardVerdict.DENY), None)
                said, trace = _said(guard, step), Trace((event,))
                if self.escalate_label is None:
                    return Decision(record.id, Status.INVALID, cause=DENIED, detail=said, trace=trace)
                return Decision(record.id, Status.OK, self.escalate_label, reason=said, trace=trace)
        return None

    async def judged(self, record: Record, decision: Decision, asks: Asks) -> Decision:
        """Return a decision as the guards leave it; what is no decision passes through."""
        if decision.status is not Status.OK:
            return decision
        is_with_a_person = decision.action == self.escalate_label
        for guard in self.guards:
            if guard.stage is Stage.INPUT:
                continue
            step = await guard.look(record, decision, asks)
            if step is None or (is_with_a_person and step.verdict is GuardVerdict.ESCALATE):
                continue
            changed, event = dict(step.changed or {}), _event(guard, step, decision)
            if step.verdict is GuardVerdict.ESCALATE:
                is_with_a_person = True
                action = self.escalate_label or decision.action
                changed |= {"action": action, "reason": _said(guard, step), **_UNSURE}
            seen = changed.pop("trace", decision.trace) or Trace()
            decision = replace(decision, **changed, trace=seen.followed_by(event))
        return decision

    async def _opened(self, stack: AsyncExitStack) -> Asks:
        """Return what guards may ask; its processes start when it is first asked, and end with the stack."""
        if is_only_answered():
            return Asks()
        policy = None if self.policy is None else await stack.enter_async_context(self.policy.opened())
        prepared = None if self.preparation is None else await stack.enter_async_context(self.preparation.opened())
        return Asks(policy, prepared)


@dataclass(frozen=True, slots=True)
class _Passed:
    """The records that the agent is shown, in turn; the others are decided. Several workers may wait at once."""

    records: AsyncIterator[Record]
    agent: GuardedAgent
    decide: Callable[[Decision], None]
    asks: Asks
    shown: dict[str, Record]

    def __aiter__(self) -> AsyncIterator[Record]:
        return self

    async def __anext__(self) -> Record:
        while True:
            record = await anext(self.records)
            denied = await self.agent.denied(record)
            if denied is None:
                await self.agent.hold(record, self.asks)
                self.shown[record.id] = record
                return record
            self.decide(denied)


def _event(guard: Guard, step: StepIn, decision: Decision | None) -> GuardEvent:
    """Return what is kept of a guard that stepped in; of changed texts their kinds only, which its rule tells."""
    own = None
    if decision is not None and step.verdict is GuardVerdict.ESCALATE:
        own = {"action": decision.action, "confidence": decision.confidence, "reason": decision.reason}
    return GuardEvent(
        name=guard.name.value,
        stage=guard.stage,
        verdict=step.verdict,
        target=step.target,
        rule=step.rule,
        changed=own,
    )


def _said(guard: Guard, step: StepIn) -> str:
    return f"guard: {guard.name.value}; {step.rule}"[:MAX_REASON]
