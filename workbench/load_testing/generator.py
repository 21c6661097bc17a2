"""The generator: an agent driven by a schedule, in an event loop of its own, and what was decided stored beside it."""

from __future__ import annotations

import asyncio
import gc
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from workbench.agents import Agent, Decision
from workbench.load_testing.feeding import UNBOUNDED, ArrivalFeed, Bounded, Moments
from workbench.records import Record
from workbench.words import RunError

ResultT = TypeVar("ResultT")
LATE = 1.25  # of its own deadline, after which an agent's silence is a failure
LOOKS_A_DEADLINE = 10
SWITCHED_S = 0.0005  # after which the thread that stores lets the timers have their turn
STORED_EVERY_S, SIGNAL_S, GRACE_S = 0.25, 0.1, 0.5


@dataclass(frozen=True, slots=True, eq=False)
class ArrivalsToAsk:
    """The records of a schedule.

    Parameters
    ----------
    records : sequence of Record
        Some that are asked one after another before the start, then those of the schedule in its order; each with an
        id of its own.
    due : sequence of float
        Seconds after the start, of the last of the records.
    start_at : float, optional
        When to start, by `time.time`; several machines start at one time. None: once the first are decided.
    ends_s : float, optional
        Seconds after the start when what has no decision is given up. None: never.
    first : Bounded
        How many of the records are asked, where none has a due time.
    """

    records: Sequence[Record]
    due: Sequence[float] = ()
    start_at: float | None = None
    ends_s: float | None = None
    first: Bounded = UNBOUNDED


@dataclass(frozen=True, slots=True, eq=False)
class Driven:
    """What became of a schedule: its times, and `began`, the start by `time.monotonic`.

    `n_unmatched` counts decisions on no open record.
    """

    moments: Moments
    began: float
    n_unmatched: int


Store = Callable[[Sequence[tuple[int, Decision]]], None]


def driven(
    agent: Agent, arrivals: ArrivalsToAsk, store: Store, seen: Callable[[ArrivalFeed], None] = lambda _: None
) -> Driven:
    """Let an agent decide records as they become due, without waiting for its answers, and return when what happened.

    The agent's window is honoured: what is due while so many records are under way waits, which is its waiting. Records
    without a due time are asked one after another, the next one when the one before is decided.

    Parameters
    ----------
    store : callable
        Takes (place among the records, decision) pairs, in a thread of its own, a few times a second.
    seen : callable
        Gets the feed before anything is asked, to look at how far it is.

    Raises
    ------
    WorkbenchError
        What the agent raised, or this machine was not ready when all were to start.
    """
    return _in_a_loop(lambda: _driven(agent, arrivals, store, seen))


async def _driven(agent: Agent, arrivals: ArrivalsToAsk, store: Store, seen: Callable[[ArrivalFeed], None]) -> Driven:
    decided: list[tuple[int, Decision]] = []
    room = agent.window if len(arrivals.due) else 1
    feed = ArrivalFeed(arrivals.records, arrivals.due, room, lambda *one: decided.append(one), arrivals.first)
    seen(feed)
    switching_s = sys.getswitchinterval()
    gc.collect()
    gc.freeze()
    sys.setswitchinterval(SWITCHED_S)
    try:
        async with _stored(decided, store):
            deciding = asyncio.create_task(_decide_all(agent, feed))
            try:
                await asyncio.wait({feed.is_warm, deciding}, return_when=asyncio.FIRST_COMPLETED)
                now_s, pause_s = asyncio.get_running_loop().time(), _pause_s(arrivals.start_at)
                feed.begin(now_s + pause_s)
                began = time.monotonic() + pause_s
                await _until(deciding, None if arrivals.ends_s is None else pause_s + arrivals.ends_s)
                feed.end()
            finally:
                deciding.cancel()
                await asyncio.gather(deciding, return_exceptions=True)
    finally:
        sys.setswitchinterval(switching_s)
        gc.unfreeze()
    return Driven(feed.moments, began, feed.n_unmatched)


async def _until(deciding: asyncio.Task[None], timeout_s: float | None) -> None:
    """Wait until everything is decided, or the time is over. Raises what the agent raised."""
    await asyncio.wait({deciding}, timeout=timeout_s)
    if deciding.done():
        deciding.result()


def _pause_s(start_at: float | None) -> float:
    """Return the seconds until the start. Raises RunError where it is over already."""
    pause_s = GRACE_S if start_at is None else start_at - time.time()
    if pause_s < 0:
        raise RunError(
            "a part of the load test was not ready when all were to start",
            got=f"{-pause_s:.1f} s late",
            remedy="give it to fewer machines, or make the agent's start shorter",
        )
    return pause_s


async def _decide_all(agent: Agent, feed: ArrivalFeed) -> None:
    """Take in what the agent decides; what it never answers is given up once its own deadline is well over."""
    deciding = asyncio.create_task(_taken(agent, feed))
    try:
        patience_s = None if agent.deadline_s is None else LATE * agent.deadline_s
        pause_s = None if patience_s is None else patience_s / LOOKS_A_DEADLINE
        while not deciding.done() and not (patience_s is not None and feed.is_over):
            await asyncio.wait({deciding}, timeout=pause_s)
            if patience_s is not None:
                feed.give_up(patience_s)
        await asyncio.wait({deciding}, timeout=pause_s)
        if deciding.done():
            deciding.result()
    finally:
        deciding.cancel()
        await asyncio.gather(deciding, return_exceptions=True)
    feed.give_up()


async def _taken(agent: Agent, feed: ArrivalFeed) -> None:
    decisions = agent.decide(feed)
    try:
        async for decision in decisions:
            feed.accept(decision)
    finally:
        closing = getattr(decisions, "aclose", None)
        if closing is not None:
            await closing()


@asynccontextmanager
async def _stored(decided: list[tuple[int, Decision]], store: Store) -> AsyncIterator[None]:
    """Store what was decided meanwhile, in a thread, so that a disk that is slow makes no arrival late."""
    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(1, thread_name_prefix="workbench-load-store") as pool:

        async def one_batch() -> None:
            batch = decided[:]
            del decided[: len(batch)]
            if batch:
                await loop.run_in_executor(pool, store, batch)

        async def again_and_again() -> None:
            while True:
                await asyncio.sleep(STORED_EVERY_S)
                await one_batch()

        storing = asyncio.create_task(again_and_again())
        try:
            yield
        finally:
            storing.cancel()
            await asyncio.gather(storing, return_exceptions=True)
            await one_batch()


def _in_a_loop(make: Callable[[], Coroutine[Any, Any, ResultT]]) -> ResultT:
    """Run in a thread with a loop of its own, which works in a notebook too; Ctrl-C ends it and is raised."""
    loop, done = asyncio.new_event_loop(), Future[ResultT]()
    task = loop.create_task(make())

    def until_done() -> None:
        asyncio.set_event_loop(loop)
        try:
            done.set_result(loop.run_until_complete(task))
        except BaseException as error:  # whatever ended it is raised where it was asked for
            done.set_exception(error)
        finally:
            loop.run_until_complete(loop.shutdown_asyncgens())
            loop.close()

    thread = threading.Thread(target=until_done, name="workbench-load")
    thread.start()
    try:
        while not wait([done], timeout=SIGNAL_S).done:
            pass
    except BaseException:
        loop.call_soon_threadsafe(task.cancel)
        raise
    finally:
        thread.join()
    return done.result()
