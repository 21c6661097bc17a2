"""Agents that are an HTTP endpoint."""

from __future__ import annotations

import json
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass, replace
from typing import Any

from workbench.agents.acting import Acting
from workbench.agents.agent import patience_of
from workbench.agents.decisions import Decision, decision_from_reply
from workbench.engines import CallPolicy, FailureCause, JsonCaller, Reply, results_of
from workbench.metrics import Status
from workbench.records import Record
from workbench.words import whole_text


@dataclass(frozen=True, slots=True)
class HttpAgent:
    """An endpoint that takes `{"id", "record"}` and returns an answer object.

    One that acts is told `tools_url`, `mcp_url` and `token` as well: the tools of its decision, for plain HTTP and for
    an MCP client. It is asked once, because a second try would find the state as the first has left it.
    """

    name: str
    url: str
    actions: Collection[str]
    policy: CallPolicy
    window: int
    version: str | None = None
    acting: Acting | None = None

    @property
    def identity(self) -> Mapping[str, Any]:
        """The endpoint's address and its declared version: what runs behind it cannot be seen from here."""
        declared = {} if self.version is None else {"version": self.version}
        acts = {} if self.acting is None else self.acting.in_identity
        return {"http": self.url, **declared, **acts}

    @property
    def patience(self) -> int:
        """One failure of every call under way, and two at least."""
        return patience_of(self.window)

    @property
    def deadline_s(self) -> float | None:
        """The deadline of a call."""
        return self.policy.deadline_s

    def prepare(self) -> None:
        """Nothing: whether the endpoint answers is seen when it is called."""

    async def decide(self, records: AsyncIterator[Record]) -> AsyncIterator[Decision]:
        """Yield a decision for each answer, as the answers come."""
        rng = random.Random(self.url)
        policy = self.policy if self.acting is None else replace(self.policy, max_attempts=1)
        async with JsonCaller(policy, concurrency=self.window, rng=rng) as caller, AsyncExitStack() as stack:

            async def asked(record: Record, told: Mapping[str, str]) -> Decision:
                body = json.dumps({"id": record.id, "record": dict(record.fields), **told}).encode()
                result = await caller.post(self.url, body, {})
                text = None if result.text is None else whole_text(result.text)
                reply = Reply(record.id, text, result.latency_s, result.attempts, failure=result.failure)
                return decision_from_reply(reply, self.actions)

            async def ask(record: Record) -> Decision:
                return await asked(record, {})

            answer = ask if self.acting is None else await _acting(self.acting, asked, stack)
            async with aclosing(results_of(records, answer, self.window)) as decisions:
                async for decision in decisions:
                    yield decision


async def _acting(
    acting: Acting, asked: Callable[[Record, Mapping[str, str]], Awaitable[Decision]], stack: AsyncExitStack
) -> Callable[[Record], Awaitable[Decision]]:
    """Return what asks an endpoint about a record with tools at hand, and adds what it did with them."""
    from workbench.agents.acting.served import ToolServer

    desk_of = await stack.enter_async_context(acting.opened())
    server = await stack.enter_async_context(ToolServer(acting.offered))

    async def ask(record: Record) -> Decision:
        desk = desk_of(record)
        with server.admitted(desk) as admission:
            decision = await asked(record, admission.as_json())
        if desk.exhausted is not None:
            decision = Decision(record.id, Status.FAILED, cause=FailureCause.LIMIT.value, detail=desk.exhausted)
        return acting.ended(record, desk, decision)

    return ask
