"""Requests spread over workers that may die: bounded repeats, and what kills workers found and left out.

A request whose worker is lost is asked again, twice among others and then twice alone; only one that was alone with a
worker when that was lost is given up on.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol, TypeVar

from workbench.engines.pool import results_of
from workbench.engines.protocol import Failure, FailureCause, Reply, Request
from workbench.words import RunError, WorkbenchError

FoundT = TypeVar("FoundT")
AMONG_OTHERS, TRIES, LOSSES_IN_A_ROW = 2, 4, 4


class WorkerLost(Exception):  # noqa: N818 - an event that is handled, not an error a user sees
    """A worker died or did not answer in time; what it was asked may be asked again."""

    def __init__(self, reason: str, cause: FailureCause = FailureCause.NO_REPLY, *, is_dead: bool = False) -> None:
        super().__init__(reason)
        self.cause, self.is_dead = cause, is_dead


class Worker(Protocol):
    """Something that answers requests, as `workbench.engines.ray.workers.RayWorker` does."""

    async def answer(self, request: Request) -> Reply | None:
        """Return a reply, None where there is none; raise WorkerLost where the worker is lost."""

    async def revive(self, *, is_dead: bool) -> None:
        """Make a lost worker usable again; raise a WorkbenchError where it cannot be."""


@dataclass(eq=False, slots=True)
class _Lane:
    worker: Worker
    alone: asyncio.Lock
    load: int = 0
    life: int = 0
    is_up: bool = True


class Dispatch:
    """One stream of requests over workers, each with `room` at most and `patience_s` for each; made anew for each."""

    def __init__(self, workers: Sequence[Worker], room: int, patience_s: float) -> None:
        self._room, self._patience_s = room, patience_s
        self._lanes = [_Lane(worker, asyncio.Lock()) for worker in workers]
        self._isolation = asyncio.Semaphore(max(1, len(workers) // 2))
        self._change = asyncio.Event()
        self._reviving: set[asyncio.Task[None]] = set()
        self._n_lost_in_a_row, self._n_open = 0, len(workers)
        self._end: RunError | None = None

    async def stream(self, requests: AsyncIterator[Request]) -> AsyncGenerator[Reply, None]:
        """Yield one reply for each request, in order of completion.

        Raises RunError where no worker is left or one after the other is lost, and what an engine raised.
        """
        try:
            async with aclosing(results_of(requests, self._answered, len(self._lanes) * self._room)) as replies:
                async for reply in replies:
                    yield reply
        finally:
            for task in self._reviving:
                task.cancel()
            await asyncio.gather(*self._reviving, return_exceptions=True)

    async def _answered(self, request: Request) -> Reply:
        """Return the one reply to a request, whatever becomes of workers; lost attempts count, and as time."""
        now = asyncio.get_running_loop().time
        start, loss = now(), WorkerLost("")
        for attempt in range(1, TRIES + 1):
            try:
                if attempt > AMONG_OTHERS:
                    reply = await self._alone(request)
                else:
                    reply = await self._asked(await self._when(self._free), request)
            except WorkerLost as error:
                loss = error
                continue
            if reply is None:
                missing = "the engine on the worker ended without answering this request"
                reply = Reply(request.id, None, 0.0, 1, failure=Failure(FailureCause.NO_REPLY, missing))
            if attempt == 1:
                return reply
            return replace(reply, attempts=reply.attempts + attempt - 1, latency_s=now() - start)
        detail = f"{TRIES} workers were lost while they had this request, the last one had no other: {loss}"
        return Reply(request.id, None, now() - start, TRIES, failure=Failure(loss.cause, detail[:300]))

    async def _alone(self, request: Request) -> Reply | None:
        """Ask a worker that has nothing else to do and gets nothing else meanwhile."""
        async with self._isolation:
            while True:
                lane = await self._when(self._free)
                async with lane.alone:
                    await self._when(partial(_is_settled, lane))
                    if lane.is_up:
                        return await self._asked(lane, request)

    async def _asked(self, lane: _Lane, request: Request) -> Reply | None:
        """Ask the worker of a lane; where it is lost, raise WorkerLost and see that it comes back."""
        life, lane.load = lane.life, lane.load + 1
        try:
            async with asyncio.timeout(self._patience_s):
                reply = await lane.worker.answer(request)
        except TimeoutError:
            loss = WorkerLost(f"no answer within {self._patience_s:.3g} s", FailureCause.TIMEOUT)
            self._lose(lane, life, loss)
            raise loss from None
        except WorkerLost as loss:
            self._lose(lane, life, loss)
            raise
        finally:
            lane.load -= 1
            self._wake()
        self._n_lost_in_a_row = 0
        return reply

    def _free(self) -> _Lane | None:
        """Return the lane with the most room, if any has room."""
        able = [one for one in self._lanes if one.is_up and one.load < self._room and not one.alone.locked()]
        return min(able, key=lambda one: one.load, default=None)

    async def _when(self, found: Callable[[], FoundT | None]) -> FoundT:
        """Return what is looked for, once it is there."""
        while self._end is None:
            if result := found():
                return result
            await self._change.wait()
        raise self._end

    def _lose(self, lane: _Lane, life: int, loss: WorkerLost) -> None:
        """Take a lane out, once for each loss, and have its worker revived, unless workers do nothing but die."""
        if not lane.is_up or lane.life != life:
            return
        lane.is_up, self._n_lost_in_a_row = False, self._n_lost_in_a_row + 1
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
            self._n_open -= 1
            if not self._n_open:
                self._end = _over("no Ray worker is left", f"{loss}; no new one: {error.problem}")
        finally:
            self._wake()

    def _wake(self) -> None:
        """Let everyone who waits for a lane look again."""
        self._change.set()
        self._change = asyncio.Event()


def _is_settled(lane: _Lane) -> bool:
    return not lane.is_up or not lane.load


def _over(problem: str, reason: str) -> RunError:
    remedy = "look at the cluster (`ray status`) and run the same command again: it goes on where it stopped"
    return RunError(problem, got=reason, remedy=remedy)
