"""An agent in one life, asked about one record after the other, as often as it takes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager

from workbench.agents import Agent, Decision
from workbench.metrics import Status
from workbench.records import Record


class AskedInTurn:
    """Asks an agent about a record once the one before is decided; a record may come again.

    Its tools get the same idempotency keys then, as when a run is resumed.
    """

    def __init__(self, agent: Agent) -> None:
        self._records: asyncio.Queue[Record | None] = asyncio.Queue()
        self._decisions = agent.decide(self._each())

    async def ask(self, record: Record) -> Decision:
        """Return the agent's decision; one that ended without a word has failed."""
        self._records.put_nowait(record)
        decided = await anext(self._decisions, None)
        return decided or Decision(record.id, Status.FAILED, cause="ended", detail="the agent gave no decision")

    async def end(self) -> None:
        """Ask nothing more."""
        self._records.put_nowait(None)
        async for _ in self._decisions:
            pass

    async def _each(self) -> AsyncGenerator[Record, None]:
        while (record := await self._records.get()) is not None:
            yield record


@asynccontextmanager
async def asked_in_turn(agent: Agent) -> AsyncIterator[AskedInTurn]:
    """Give an agent that is asked in turn until the block ends."""
    asked = AskedInTurn(agent)
    try:
        yield asked
    finally:
        await asked.end()


def said_of(decision: Decision) -> str:
    """Return the action of a decision, or why there is none."""
    if decision.status is Status.OK and decision.action is not None:
        return decision.action
    return f"{decision.status.value}: {decision.cause or 'no cause'}"


def action_of(decision: Decision) -> str | None:
    """Return the action of a decision, None where there is none."""
    return decision.action if decision.status is Status.OK else None
