"""An agent at work in a thread of its own, within its deadline, stopped gently by signals."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from types import FrameType

from workbench.agents import Agent
from workbench.runs.runner.queue import WorkQueue

GRACE_S = 10.0
LATE = 1.25
SIGNAL_S = 0.1


async def _drive(agent: Agent, queue: WorkQueue) -> None:
    """Let the agent decide everything the queue hands out, and give up on what it never answers."""
    deciding = asyncio.create_task(_decide_all(agent, queue))
    try:
        if agent.deadline_s is not None:
            await _bounded(deciding, queue, agent.deadline_s * LATE)
        if agent.deadline_s is None or deciding.done():
            await deciding
    finally:
        if not deciding.done():
            deciding.cancel()
            await asyncio.gather(deciding, return_exceptions=True)
        queue.close()


async def _bounded(deciding: asyncio.Task[None], queue: WorkQueue, patience_s: float) -> None:
    """Wait for an agent until it ends, or until it has nothing to do and still does not end."""
    pause_s = patience_s / 10
    while not deciding.done() and not queue.is_over:
        await asyncio.wait({deciding}, timeout=pause_s)
        pause_s = min(patience_s / 10, 0.05) if queue.expire(patience_s) else patience_s / 10
    await asyncio.wait({deciding}, timeout=patience_s / 10)


async def _decide_all(agent: Agent, queue: WorkQueue) -> None:
    decisions = agent.decide(queue)
    try:
        async for decision in decisions:
            queue.accept(decision)
    finally:
        closing = getattr(decisions, "aclose", None)
        if closing is not None:
            await closing()


def supervised(agent: Agent, queue: WorkQueue) -> None:
    """Drive in a thread with an event loop of its own, so that it works in a notebook too; signals stop it gently."""
    loop = asyncio.new_event_loop()
    task = loop.create_task(_drive(agent, queue))
    with ThreadPoolExecutor(1, thread_name_prefix="workbench-runner") as pool, _gentle_signals(loop, task, queue):
        done = pool.submit(_until_done, loop, task)
        while not wait([done], timeout=SIGNAL_S).done:
            pass  # Python runs a signal's handler between two waits: one that came just before a wait does not end it
        done.result()


def _until_done(loop: asyncio.AbstractEventLoop, task: asyncio.Task[None]) -> None:
    asyncio.set_event_loop(loop)
    try:
        loop.run_until_complete(task)
    except asyncio.CancelledError:
        pass  # a second signal or the end of the grace: what came in is stored
    finally:
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()


@contextmanager
def _gentle_signals(loop: asyncio.AbstractEventLoop, task: asyncio.Task[None], queue: WorkQueue) -> Iterator[None]:
    """Stop on the first SIGINT or SIGTERM, cancel on the second or after the grace."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def on_signal(number: int, frame: FrameType | None) -> None:
        if loop.is_closed():
            return
        if queue.is_stopped:
            loop.call_soon_threadsafe(task.cancel)
            return
        loop.call_soon_threadsafe(queue.stop)
        loop.call_soon_threadsafe(lambda: loop.call_later(GRACE_S, task.cancel))

    earlier = {number: signal.signal(number, on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)
