"""The desk of one decision: every tool call passes over it, is held against permissions and limits, and is noted."""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from workbench.environment.environment import Environment
from workbench.environment.faults import ToolFault
from workbench.environment.memory import MAX_REMEMBERED, VALUE, private_in
from workbench.environment.state import Cell
from workbench.environment.tools import Tool, ToolError, named_documents, run_statement
from workbench.environment.trace import (
    CallOutcome,
    Effect,
    Event,
    GuardEvent,
    GuardVerdict,
    LimitMet,
    MemoryUse,
    Stage,
    ToolCall,
    cut,
)
from workbench.words import shown

MAX_RESULT = 100_000  # characters of JSON that a tool gives an agent
MOST_REFUSED = 20  # calls after the limit of calls: an agent that goes on then is ended

LOOKED = (CallOutcome.OK, CallOutcome.TIMEOUT)  # outcomes after which a call was made, as far as the agent knows

LimitName = Literal["calls", "writes", "euro"]


class CallsExhaustedError(Exception):
    """An agent went on calling tools long after its limit of calls."""


@dataclass(frozen=True, slots=True)
class FunctionDone:
    """What a tool's function returned, and the database after it where it may change it."""

    result: Any
    state: bytes | None = None


RunFunction = Callable[[Tool, Mapping[str, Any], bytes | None, str], Awaitable[FunctionDone]]


@dataclass(frozen=True, slots=True)
class DecisionAt:
    """What a desk is for: a record's fields, the decision's key, the agent's role, and faults of tools.

    `held` names the guard by which a person must decide, and why; None where the agent may. `escalate_label` is what an
    escalation is called. `remembered` is what earlier decisions remembered, by the name of the memory, `private` the
    values of the record that are personal data, by column: they are not remembered. `record_id` is what systems are
    told of which record a call is for. `injected` are texts that an attacker has written behind what a table holds, by
    TABLE.COLUMN.
    """

    fields: Mapping[str, Cell]
    key: str
    role: str | None = None
    faults: tuple[ToolFault, ...] = ()
    held: tuple[str, str] | None = None
    escalate_label: str | None = None
    remembered: Mapping[str, str] = field(default_factory=dict)
    private: Mapping[str, str] = field(default_factory=dict)
    record_id: str = ""
    injected: Mapping[str, str] = field(default_factory=dict)


class Reach(Protocol):
    """What stands behind some tools in place of their statements and functions."""

    def stands_behind(self, tool: str) -> bool:
        """Return whether it stands behind a tool."""

    async def __call__(self, tool: Tool, arguments: Mapping[str, Any], decision: DecisionAt, key: str) -> Any:
        """Return what the tool's own statement or function would. Raises ToolError or TimeoutError."""


class ToolDesk:
    """The tools of one decision and the state they work on.

    Parameters
    ----------
    environment : Environment
    decision : DecisionAt
    run_function : callable
        Runs a tool that is a function of the pilot, in a process of its own; raises ToolError or TimeoutError.
    reach : Reach, optional
        What stands behind tools whose own statement or function is not run then.
    exhausted : str, optional
        Set once the agent went on calling long after its limit: its decision does not count.
    remembered : dict of str to str
        What is remembered by now, by the name of the memory.
    """

    def __init__(
        self, environment: Environment, decision: DecisionAt, run_function: RunFunction, reach: Reach | None = None
    ) -> None:
        self._environment, self._decision = environment, decision
        self._run_function, self._reach = run_function, reach
        self._state = environment.image.opened(decision.fields, decision.injected)
        self._events: list[Event] = []
        self._counts: Counter[str] = Counter()
        self._asked: Counter[str] = Counter()
        self._met: set[str] = set()
        self._euro = 0.0
        self.exhausted: str | None = None
        self.remembered = dict(decision.remembered)
        self._since = time.perf_counter()
        self._one_at_a_time = asyncio.Lock()

    async def call(self, name: str, arguments: object) -> dict[str, Any]:
        """Do what an agent asks for: `{"result": ...}`, or `{"error": {"outcome": ..., "message": ...}}`.

        Raises
        ------
        CallsExhaustedError
            The limit of calls was reached long ago.
        """
        async with self._one_at_a_time:
            start = time.perf_counter() - self._since
            tool = self._environment.tools.get(name) or self._environment.memory.get(name)
            given = dict(arguments) if isinstance(arguments, Mapping) else {}
            try:
                self._check_calls()
                result = await self._done(name, tool, arguments)
                answer = _Answer(CallOutcome.OK, result, documents=named_documents(tool, result))
            except _RefusedError as refused:
                answer = _Answer(CallOutcome.DENIED, error=str(refused))
            except ToolError as fault:
                answer = _Answer(CallOutcome.ERROR, error=str(fault))
            except TimeoutError as late:
                seconds = 0.0 if tool is None else tool.settings.deadline_s
                answer = _Answer(CallOutcome.TIMEOUT, error=str(late) or f"no answer within {seconds:g} s")
            self._note(name, tool, given, start, answer)
            if answer.outcome is CallOutcome.OK:
                return {"result": answer.result}
            return {"error": {"outcome": answer.outcome.value, "message": answer.error}}

    def note(self, event: Event) -> None:
        """Put an event of another kind between the calls."""
        self._events.append(event.model_copy(update={"t_s": self._now()}))

    def end(self) -> tuple[Event, ...]:
        """Return what happened, the state before and after it last, and forget the state."""
        tools = self._environment.tools.values()
        required = [one.name for one in tools if one.settings.required]
        called = [one.name for one in self._events if isinstance(one, ToolCall) and one.outcome in LOOKED]
        before = called[: next((n for n, name in enumerate(called) if self._writes(name)), len(called))]
        seen = self._state.seen().model_copy(
            update={
                "skipped": tuple(name for name in required if name not in called),
                "late": tuple(name for name in required if name in called and name not in before),
                "can_carry_out": tuple(sorted({one.settings.carries_out for one in tools} - {None})),
            }
        )
        self._state.close()
        return (*self._events, seen)

    def _writes(self, name: str) -> bool:
        return self._environment.tools[name].effect is Effect.WRITE

    async def _done(self, name: str, tool: Tool | None, arguments: object) -> Any:
        """Return a tool's result, permissions and limits held."""
        if tool is None:
            known = [*self._environment.tools, *self._environment.memory]
            raise ToolError(f"there is no tool {name!r}; there are {shown(known)}")
        if tool.memory is not None:
            return self._use(tool.memory, tool, tool.checked(arguments))
        allowed = tool.settings.allowed_for
        if allowed and self._decision.role not in allowed:
            raise _RefusedError(f"{name} may be called by {shown(allowed)} only")
        self._check_held(tool)
        checked = tool.checked(arguments)
        if tool.effect is Effect.WRITE:
            self._check_writes(tool, checked)
        self._asked[name] += 1
        fault = next((one for one in self._decision.faults if one.tool == name and one.call == self._asked[name]), None)
        if fault is None or fault.done:
            result = await self._run(tool, checked)
        if fault is not None:
            if fault.outcome == "timeout":
                raise TimeoutError
            raise ToolError("the system behind this tool is out of order")
        return result

    def _use(self, memory: str, tool: Tool, arguments: Mapping[str, Any]) -> str | None:
        """Return what is remembered, or replace it; personal data is refused."""
        if tool.effect is Effect.READ:
            return self.remembered.get(memory)
        if self._shared_by() is None:
            raise ToolError(f"the record has no {self._environment.by}, so nothing is remembered for it")
        value: str = arguments[VALUE]
        if len(value) > MAX_REMEMBERED:
            raise ToolError(f"{VALUE} has {len(value):,} characters; at most {MAX_REMEMBERED:,} are remembered")
        column = private_in(value, self._decision.private)
        if column is not None:
            why, denied = f"it has the {column} of the record, which is personal data", GuardVerdict.DENY
            self.note(GuardEvent(name="memory", stage=Stage.MEMORY, verdict=denied, target=tool.name, rule=why))
            raise ToolError(f"this is not remembered: {why}")
        self.remembered[memory] = value
        return None

    def _shared_by(self) -> str | None:
        """Return the value that the records have which share this one's memory, None where it has none."""
        by = self._environment.by
        value = None if by is None else self._decision.fields.get(by)
        return None if value is None else str(value)

    async def _run(self, tool: Tool, arguments: Mapping[str, Any]) -> Any:
        self._state.remember(tool.writes)
        key = self._key(tool.name, arguments)
        if self._reach is not None and self._reach.stands_behind(tool.name):
            result: Any = await self._reach(tool, arguments, self._decision, key)
        elif tool.settings.sql is not None:
            result = run_statement(self._state.connection, tool, arguments, key)
        else:
            content = self._state.content() if tool.takes_state else None
            done = await self._run_function(tool, arguments, content, key)
            result = done.result
            if done.state is not None and tool.effect is Effect.WRITE:
                self._state.replace(done.state)
        if len(json.dumps(result, default=str)) > MAX_RESULT:
            raise ToolError(f"the result is longer than {MAX_RESULT:,} characters")
        return result

    def _check_held(self, tool: Tool) -> None:
        """Refuse to carry a decision out that a person must make."""
        held, action = self._decision.held, tool.settings.carries_out
        if held is None or action in (None, self._decision.escalate_label):
            return
        guard, why = held
        denied = GuardVerdict.DENY
        self.note(GuardEvent(name=guard, stage=Stage.TOOL, verdict=denied, target=tool.name, rule=why))
        raise _RefusedError(f"a person must decide: {why}")

    def _check_calls(self) -> None:
        self._counts["calls"] += 1
        most = self._environment.limits.calls
        if self._counts["calls"] > most:
            if self._counts["calls"] > most + MOST_REFUSED:
                self.exhausted = f"it went on calling tools after {most} calls"
                raise CallsExhaustedError(self.exhausted)
            self._refuse("calls", most)

    def _check_writes(self, tool: Tool, arguments: Mapping[str, Any]) -> None:
        limits = self._environment.limits
        if self._counts["writes"] >= limits.writes:
            self._refuse("writes", limits.writes)
        amount = abs(_amount(tool, arguments) or 0.0)
        if limits.euro is not None and self._euro + amount > limits.euro:
            self._refuse("euro", limits.euro)
        self._counts["writes"] += 1
        self._euro += amount

    def _refuse(self, limit: LimitName, most: float) -> None:
        """Note, once, that a limit is reached, and refuse the call."""
        if limit not in self._met:
            self._met.add(limit)
            self._events.append(LimitMet(name=limit, most=most, t_s=self._now()))
        raise _RefusedError(f"the limit of {most:,g} {limit} a decision is reached")

    def _note(self, name: str, tool: Tool | None, given: Mapping[str, Any], start: float, answer: _Answer) -> None:
        written = _canonical(given)
        self._counts[f"{name} {written}"] += 1
        if tool is not None and tool.memory is not None and answer.outcome is CallOutcome.OK:
            value, key = self.remembered.get(tool.memory), f"{tool.memory}/{self._shared_by()}"
            self._events.append(MemoryUse(operation=tool.effect, key=key, value=value, t_s=round(start, 6)))
            return
        self._events.append(
            cut(
                ToolCall(
                    name=name[:200],
                    call=str(self._counts["calls"]),
                    arguments=json.loads(written),
                    effect=None if tool is None else tool.effect,
                    carries_out=None if tool is None else tool.settings.carries_out,
                    amount=None if tool is None else _amount(tool, given),
                    outcome=answer.outcome,
                    result=answer.result,
                    result_sha256=None if answer.result is None else _sha256(_canonical(answer.result)),
                    documents=answer.documents,
                    error=answer.error,
                    attempt=self._counts[f"{name} {written}"],
                    t_s=round(start, 6),
                )
            )
        )

    def _key(self, name: str, arguments: Mapping[str, Any]) -> str:
        """Return a key that is the same whenever this decision asks the same of this tool."""
        return _sha256(f"{self._decision.key} {name} {_canonical(arguments)}")[:32]

    def _now(self) -> float:
        return round(time.perf_counter() - self._since, 6)


@dataclass(frozen=True, slots=True)
class _Answer:
    """How one call ended."""

    outcome: CallOutcome
    result: Any = None
    error: str | None = None
    documents: tuple[str, ...] = ()


class _RefusedError(Exception):
    """A call that this agent may not make, or not any more."""


def _amount(tool: Tool, arguments: Mapping[str, Any]) -> float | None:
    """Return the euro that a call is about, None where it says none."""
    amount = arguments.get(tool.settings.amount) if tool.settings.amount else None
    return float(amount) if isinstance(amount, int | float) and not isinstance(amount, bool) else None


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=str)
