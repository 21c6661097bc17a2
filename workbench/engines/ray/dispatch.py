"""Requests spread over workers that may die: micro-batches, bounded repeats, and what kills workers found and left out.

A micro-batch whose worker is lost is asked again among others, then alone, then request by request alone; only a
request that was alone with a worker when that was lost is given up on.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass

from workbench.engines.pool import results_of
from workbench.engines.protocol import Failure, FailureCause, Reply, Request
from workbench.engines.ray.batches import batches_of, matched
from workbench.engines.ray.protocol import Crew, Load, Worker, WorkerLost
from workbench.errors import RunError, WorkbenchError

AMONG_OTHERS = 2
LINGER_S = 0.005
LOSSES_IN_A_ROW = 4


@dataclass(eq=False, slots=True)
class _Lane:
    """The place of one worker, which may be between two of them (`worker` is None) or closed for good."""

    worker: Worker | None
    load: int = 0
    is_reserved: bool = False
    is_closed: bool = False


class Dispatch:
    """One stream of requests over a crew; made anew for each stream.

    Parameters
    ----------
    crew : Crew
        The workers.
    load : Load
        Size and number of micro-batches, and the patience with them.
    """

    def __init__(self, crew: Crew, load: Load) -> None:
        self._crew = crew
        self._load = load
        self._lanes = [_Lane(worker) for worker in crew.workers]
        self._isolation = asyncio.Semaphore(max(1, len(self._lanes) // 2))
        self._waiting: list[asyncio.Future[None]] = []
        self._replacing: set[asyncio.Task[None]] = set()
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
        batches = batches_of(requests, self._load.batch, LINGER_S)
        n_calls = len(self._lanes) * self._load.batches_per_worker
        answered = results_of(batches, self._answered, n_calls)
        try:
            async for replies in answered:
                for reply in replies:
                    yield reply
        finally:
            await answered.aclose()
            await batches.aclose()
            for task in self._replacing:
                task.cancel()
            await asyncio.gather(*self._replacing, return_exceptions=True)

    async def _answered(self, batch: list[Request]) -> list[Reply]:
        """Return one reply for each request of a micro-batch, whatever becomes of workers."""
        start = asyncio.get_running_loop().time()
        for attempt in range(1, AMONG_OTHERS + 1):
            try:
                return await self._asked(await self._free_lane(), batch, attempt, start)
            except WorkerLost:
                continue
        async with self._isolation:
            if len(batch) == 1:
                return [await self._last_try(batch[0], AMONG_OTHERS + 1, start)]
            try:
                return await self._asked_alone(batch, AMONG_OTHERS + 1, start)
            except WorkerLost:
                return [await self._last_try(request, AMONG_OTHERS + 2, start) for request in batch]

    async def _last_try(self, request: Request, attempt: int, start: float) -> Reply:
        """Return the reply to a request asked alone, a failed one when its worker is lost again."""
        try:
            (reply,) = await self._asked_alone([request], attempt, start)
            return reply
        except WorkerLost as loss:
            detail = (
                f"{attempt} workers were lost while they had this request, the last one had no other: {loss.reason}"
            )
            latency_s = asyncio.get_running_loop().time() - start
            return Reply(request.id, None, latency_s, attempt, failure=Failure(loss.cause, detail))

    async def _asked_alone(self, batch: list[Request], attempt: int, start: float) -> list[Reply]:
        """Ask a worker that has nothing else to do and gets nothing else meanwhile."""
        lane = await self._reserved_lane()
        try:
            return await self._asked(lane, batch, attempt, start)
        finally:
            lane.is_reserved = False
            self._wake()

    async def _asked(self, lane: _Lane, batch: list[Request], attempt: int, start: float) -> list[Reply]:
        """Ask the worker of a lane; when it is lost, see to another one and raise WorkerLost."""
        worker = lane.worker
        if worker is None:
            raise WorkerLost("the worker was lost before it was asked")
        lane.load += 1
        try:
            async with asyncio.timeout(self._load.patience_s):
                replies = await worker.answer(batch)
        except TimeoutError:
            loss = WorkerLost(f"no answer within {self._load.patience_s:.3g} s", FailureCause.TIMEOUT)
            self._on_loss(lane, worker, loss)
            raise loss from None
        except WorkerLost as loss:
            self._on_loss(lane, worker, loss)
            raise
        finally:
            lane.load -= 1
            self._wake()
        self._n_lost_in_a_row = 0
        return matched(batch, replies, attempt, asyncio.get_running_loop().time() - start)

    async def _free_lane(self) -> _Lane:
        """Return the least loaded lane that has room."""
        while True:
            self._check()
            free = [
                lane
                for lane in self._lanes
                if lane.worker is not None and not lane.is_reserved and lane.load < self._load.batches_per_worker
            ]
            if free:
                return min(free, key=lambda lane: lane.load)
            await self._change()

    async def _reserved_lane(self) -> _Lane:
        """Return a lane with a worker that has nothing to do, reserved."""
        reserved: _Lane | None = None
        try:
            while True:
                self._check()
                if reserved is None or reserved.is_closed:
                    open_lanes = [lane for lane in self._lanes if not (lane.is_reserved or lane.is_closed)]
                    reserved = min(open_lanes, key=lambda lane: (lane.worker is None, lane.load), default=None)
                    if reserved is not None:
                        reserved.is_reserved = True
                if reserved is not None and reserved.worker is not None and reserved.load == 0:
                    return reserved
                await self._change()
        except BaseException:
            if reserved is not None:
                reserved.is_reserved = False
            raise

    def _on_loss(self, lane: _Lane, worker: Worker, loss: WorkerLost) -> None:
        """Close the lane of a lost worker and look for another one, once for each loss."""
        if lane.worker is not worker:
            return
        lane.worker = None
        self._n_lost_in_a_row += 1
        if self._n_lost_in_a_row > LOSSES_IN_A_ROW * len(self._lanes):
            problem = f"{self._n_lost_in_a_row} Ray workers in a row were lost before they answered anything"
            self._end = _over(problem, loss.reason)
            self._wake()
            return
        task = asyncio.create_task(self._replace(lane, worker, loss))
        self._replacing.add(task)
        task.add_done_callback(self._replacing.discard)

    async def _replace(self, lane: _Lane, worker: Worker, loss: WorkerLost) -> None:
        """Put a new worker into a lane, or close the lane."""
        try:
            lane.worker = await self._crew.replace(worker)
        except WorkbenchError as error:
            lane.is_closed = True
            if all(one.is_closed for one in self._lanes):
                self._end = _over("no Ray worker is left", f"{loss.reason}; no new one: {error.problem}")
        finally:
            self._wake()

    def _check(self) -> None:
        """Raise why nothing can be asked any more, if so."""
        if self._end is not None:
            raise self._end

    async def _change(self) -> None:
        """Wait until a lane changes."""
        change: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(change)
        await change

    def _wake(self) -> None:
        """Let everyone who waits for a lane look again."""
        waiting, self._waiting = self._waiting, []
        for change in waiting:
            if not change.done():
                change.set_result(None)


def _over(problem: str, reason: str) -> RunError:
    """Return the error that ends a run without workers."""
    return RunError(
        problem,
        got=reason,
        remedy="look at the cluster (`ray status`; the workers' logs are in /tmp/ray/session_latest/logs) and run the "
        "same command again: it goes on where it stopped",
    )
