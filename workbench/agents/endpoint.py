"""Agents that are an HTTP endpoint."""

from __future__ import annotations

import json
import random
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from workbench.agents.agent import patience_of
from workbench.agents.decisions import Decision, decision_from_reply
from workbench.engines import CallPolicy, JsonCaller, Reply, results_of
from workbench.records import Record
from workbench.words import whole_text


@dataclass(frozen=True, slots=True)
class HttpAgent:
    """An endpoint that takes `{"id", "record"}` and returns an answer object."""

    name: str
    url: str
    actions: Collection[str]
    policy: CallPolicy
    window: int
    version: str | None = None

    @property
    def identity(self) -> Mapping[str, Any]:
        """The endpoint's address and its declared version: what runs behind it cannot be seen from here."""
        return {"http": self.url} if self.version is None else {"http": self.url, "version": self.version}

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
        async with JsonCaller(self.policy, concurrency=self.window, rng=rng) as caller:

            async def ask(record: Record) -> Reply:
                body = json.dumps({"id": record.id, "record": dict(record.fields)}).encode()
                result = await caller.post(self.url, body, {})
                text = None if result.text is None else whole_text(result.text)
                return Reply(record.id, text, result.latency_s, result.attempts, failure=result.failure)

            async with aclosing(results_of(records, ask, self.window)) as replies:
                async for reply in replies:
                    yield decision_from_reply(reply, self.actions)
