"""Requests spread over workers that may die: micro-batches, bounded repeats, and what kills workers found and left out.

A micro-batch whose worker is lost is asked again among others, then alone, then request by request alone; only a
request that was alone with a worker when that was lost is given up on.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Protocol

from workbench.engines.pool import results_of
from workbench.engines.protocol import Failure, FailureCause, Reply, Request
from workbench.errors import RunError, WorkbenchError

AMONG_OTHERS, TRIES, LOSSES_IN_A_ROW, LINGER_S = 2, 4, 4, 0.005


class WorkerLost(Exception):  # noqa: N818 - an event that is handled, not an error a user sees
    """A worker died or did not answer in time; what it was asked may be asked again."""

    def __init__(self, reason: str, cause: FailureCause = FailureCause.NO_REPLY, *, is_dead: bool = False) -> None:
        super().__init__(reason)
        self.cause, self.is_dead = cause, is_dead


class Worker(Protocol):
    """Something that answers a few requests at once."""

    async def answer(self, requests: Sequence[Request]) -> Sequence[Reply]:
        """Return replies to these requests; raise WorkerLost when there will be none."""
        ...

    async def revive(self, *, is_dead: bool) -> None:
        """Make a lost worker usable again; raise a WorkbenchError when it cannot be."""
        ...


@dataclass(frozen=True, slots=True)
class Load:
    """Requests in a micro-batch, micro-batches of a worker at most, and the seconds in which each is to be answered."""

    batch: int
    batches_per_worker: int
    patience_s: float


@dataclass(eq=False, slots=True)
class _Lane:
    worker: Worker
    load: int = 0
    life: int = 0
    is_up: bool = True
    is_reserved: bool = False
    is_closed: bool = False


class Dispatch:
    """One stream of requests over workers; made anew for each stream."""

    def __init__(self, workers: Sequence[Worker], load: Load) -> None:
        self._load = load
        self._lanes = [_Lane(worker) for worker in workers]
        self._isolation = asyncio.Semaphore(max(1, len(workers) // 2))
        self._change = asyncio.Event()
        self._reviving: set[asyncio.Task[None]] = set()
        self._n_lost_in_a_row = 0
        self._end: RunError | None = None

    async def stream(self, requests: AsyncIterator[Request]) -> AsyncGenerator[Reply, None]:
        """Yield one reply for each request, in order of completion.

        Raises
        ------
        RunError
            No worker is left, or one after the other is lost without an answer in between.
        WorkbenchError
            What an engine on a worker raised.
        """
        n_calls = len(self._lanes) * self._load.batches_per_worker
        try:
            async with (
                aclosing(batches_of(requests, self._load.batch)) as batches,
                aclosing(results_of(batches, self._answered, n_calls)) as answered,
            ):
                async for replies in answered:
                    for reply in replies:
                        yield reply
        finally:
            for task in self._reviving:
                task.cancel()
            await asyncio.gather(*self._reviving, return_exceptions=True)

    async def _answered(self, batch: list[Request]) -> list[Reply]:
        """Return one reply for each request of a micro-batch, whatever becomes of workers."""
        start = asyncio.get_running_loop().time()
        for attempt in range(1, AMONG_OTHERS + 1):
            try:
                return await self._asked(batch, attempt, start)
            except WorkerLost:
                continue
        async with self._isolation:
            try:
                return await self._asked(batch, TRIES - 1, start, alone=True)
            except WorkerLost:
                return [await self._last_try(request, start) for request in batch]

    async def _last_try(self, request: Request, start: float) -> Reply:
        try:
            return (await self._asked([request], TRIES, start, alone=True))[0]
        except WorkerLost as loss:
            detail = f"{TRIES} workers were lost while they had this request, the last one had no other: {loss}"
            waited_s = asyncio.get_running_loop().time() - start
            return Reply(request.id, None, waited_s, TRIES, failure=Failure(loss.cause, detail[:300]))

    async def _asked(self, batch: list[Request], attempt: int, start: float, *, alone: bool = False) -> list[Reply]:
        """Ask a worker, one with nothing else to do if alone; raise WorkerLost, and see that it comes back."""
        lane = await self._lane(alone=alone)
        lane.load, life = lane.load + 1, lane.life
        try:
            async with asyncio.timeout(self._load.patience_s):
                replies = await lane.worker.answer(batch)
        except (TimeoutError, WorkerLost) as error:
            late = WorkerLost(f"no answer within {self._load.patience_s:.3g} s", FailureCause.TIMEOUT)
            loss = error if isinstance(error, WorkerLost) else late
            if lane.is_up and lane.life == life:
                self._lose(lane, loss)
            raise loss from None
        finally:
            lane.load, lane.is_reserved = lane.load - 1, lane.is_reserved and not alone
            self._wake()
        self._n_lost_in_a_row = 0
        return matched(batch, replies, attempt, asyncio.get_running_loop().time() - start)

    async def _lane(self, *, alone: bool) -> _Lane:
        """Return the least loaded lane with room; alone: one with nothing to do, reserved until it is asked."""
        mine: _Lane | None = None
        try:
            while self._end is None:
                if alone and (mine is None or mine.is_closed):
                    open_ = [one for one in self._lanes if not (one.is_reserved or one.is_closed)]
                    if mine := min(open_, key=lambda one: (not one.is_up, one.load), default=None):
                        mine.is_reserved = True
                room = 1 if alone else self._load.batches_per_worker
                able = [one for one in self._lanes if (one is mine if alone else not one.is_reserved)]
                if free := [one for one in able if one.is_up and one.load < room]:
                    return min(free, key=lambda one: one.load)
                await self._change.wait()
            raise self._end
        except BaseException:
            if mine is not None:
                mine.is_reserved = False
            raise

    def _lose(self, lane: _Lane, loss: WorkerLost) -> None:
        """Take a lane out and have its worker revived, unless workers do nothing but die."""
        lane.is_up = False
        self._n_lost_in_a_row += 1
        if self._n_lost_in_a_row > LOSSES_IN_A_ROW * len(self._lanes):
            problem = f"{self._n_lost_in_a_row} Ray workers in a row were lost before they answered anything"
            self._end = _over(problem, str(loss))
            return
        task = asyncio.create_task(self._revive(lane, loss))
        self._reviving.add(task)
        task.add_done_callback(self._reviving.discard)

    async def _revive(self, lane: _Lane, loss: WorkerLost) -> None:
        try:
            await lane.worker.revive(is_dead=loss.is_dead)
            lane.is_up, lane.life = True, lane.life + 1
        except WorkbenchError as error:
            lane.is_closed = True
            if all(one.is_closed for one in self._lanes):
                self._end = _over("no Ray worker is left", f"{loss}; no new one: {error.problem}")
        finally:
            self._wake()

    def _wake(self) -> None:
        """Let everyone who waits for a lane look again."""
        self._change.set()
        self._change = asyncio.Event()


def matched(batch: Sequence[Request], replies: Sequence[Reply], attempt: int, waited_s: float) -> list[Reply]:
    """Return one reply for each request: the first that came, a failed one where none did; all others are dropped.

    Earlier attempts that were lost count as attempts and as time.
    """
    first = {reply.id: reply for reply in reversed(replies)}
    missing = Failure(FailureCause.NO_REPLY, "the engine on the worker ended without answering this request")
    found = [first.get(one.id) or Reply(one.id, None, waited_s, 1, failure=missing) for one in batch]
    if attempt == 1:
        return found
    return [replace(reply, attempts=reply.attempts + attempt - 1, latency_s=waited_s) for reply in found]


async def batches_of(requests: AsyncIterator[Request], size: int) -> AsyncGenerator[list[Request], None]:
    """Yield requests in lists of at most `size`; one that is not full waits a few milliseconds for another request."""

    async def one() -> Request | None:
        return await anext(requests, None)

    coming = asyncio.create_task(one())
    try:
        while (first := await coming) is not None:
            batch, coming = [first], asyncio.create_task(one())
            while len(batch) < size:
                await asyncio.wait({coming}, timeout=LINGER_S)
                if not coming.done() or coming.exception() is not None or (request := coming.result()) is None:
                    break
                batch.append(request)
                coming = asyncio.create_task(one())
            yield batch
    finally:
        coming.cancel()
        await asyncio.gather(coming, return_exceptions=True)


def _over(problem: str, reason: str) -> RunError:
    remedy = "look at the cluster (`ray status`) and run the same command again: it goes on where it stopped"
    return RunError(problem, got=reason, remedy=remedy)
