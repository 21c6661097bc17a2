"""A fixed number of calls in flight over an asynchronous source, results in order of completion."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from typing import TypeVar

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")


async def results_of(
    items: AsyncIterator[ItemT], call: Callable[[ItemT], Awaitable[ResultT]], concurrency: int
) -> AsyncGenerator[ResultT, None]:
    """Yield one result for each item, in order of completion.

    At most `concurrency` calls are in flight, and at most twice as many items are taken but not yielded, so a slow
    reader slows the source. An exception of the source or of a call is raised here once the results before it were
    yielded. Closing the generator cancels the calls in flight and waits for them.

    Parameters
    ----------
    items : async iterator
        Any async iterator, a plain async generator too; it is never asked for two items at once, nor again after its
        end or its exception.
    call : callable
        Makes the awaitable that turns an item into its result.
    concurrency : int
        Calls in flight at most, at least 1.
    """
    turn, room = asyncio.Lock(), asyncio.Semaphore(2 * concurrency)
    results: asyncio.Queue[ResultT | asyncio.Task[None]] = asyncio.Queue()
    is_open = True

    async def work() -> None:
        nonlocal is_open
        while True:
            await room.acquire()
            async with turn:
                if not is_open:
                    room.release()
                    return
                is_open = False
                try:
                    item = await anext(items)
                except StopAsyncIteration:
                    room.release()
                    return
                is_open = True
            results.put_nowait(await call(item))

    workers = [asyncio.create_task(work()) for _ in range(concurrency)]
    for worker in workers:
        worker.add_done_callback(results.put_nowait)
    left = len(workers)
    try:
        while left:
            result = await results.get()
            if isinstance(result, asyncio.Task):
                result.result()
                left -= 1
            else:
                room.release()
                yield result
    finally:
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
