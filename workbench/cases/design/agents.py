"""What an agent decides of records that nobody has: asked batch by batch, in one life of the agent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from workbench.agents import Agent, Decision, build_agent
from workbench.cases.design.designing import Design, design_from_decisions
from workbench.cases.policy import Fields, Ruling
from workbench.metrics import Status
from workbench.pilot import Pilot
from workbench.records import Record
from workbench.records.splits import Dataset
from workbench.runs import RunRequest


def designed_for_agent(pilot: Pilot, dataset: Dataset, name: str) -> Design:
    """Return cases at the values where an agent changes its action. Raises as `build_agent` does."""
    with AgentDecider(build_agent(pilot, name, dataset, RunRequest().engine)) as decider:
        return design_from_decisions(pilot, dataset, decider)


@dataclass
class AgentDecider:
    """An agent asked about any records, many at once; use it in `with`."""

    agent: Agent
    _asked: int = 0
    _loop: asyncio.Runner = field(default_factory=asyncio.Runner)
    _decisions: AsyncIterator[Decision] | None = None
    _waiting: asyncio.Queue[Record | None] = field(default_factory=asyncio.Queue)

    def __enter__(self) -> Self:
        self._loop.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._loop.run(self._end())
        self._loop.__exit__(kind, error, at)

    def tried(self, records: Sequence[Fields]) -> list[Ruling | None]:
        """Return what the agent decides of each record, None where it does not."""
        return self._loop.run(self._batch(records)) if records else []

    async def _batch(self, records: Sequence[Fields]) -> list[Ruling | None]:
        if self._decisions is None:
            self._decisions = self.agent.decide(_Fed(self._waiting))
        ids = [f"tried {self._asked + n}" for n in range(len(records))]
        self._asked += len(records)
        for name, fields in zip(ids, records, strict=True):
            self._waiting.put_nowait(Record(name, fields, name))
        found: dict[str, Ruling | None] = {}
        while len(found) < len(ids):
            decision = await anext(self._decisions)
            is_decided = decision.status is Status.OK and decision.action is not None
            found[decision.record_id] = Ruling(str(decision.action), decision.reason) if is_decided else None
        return [found[name] for name in ids]

    async def _end(self) -> None:
        self._waiting.put_nowait(None)
        if self._decisions is not None:
            async for _ in self._decisions:
                pass


@dataclass(frozen=True, slots=True)
class _Fed:
    """Records as they are put in; several workers may wait at once."""

    waiting: asyncio.Queue[Record | None]

    def __aiter__(self) -> _Fed:
        return self

    async def __anext__(self) -> Record:
        record = await self.waiting.get()
        if record is None:
            self.waiting.put_nowait(None)
            raise StopAsyncIteration
        return record
