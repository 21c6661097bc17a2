"""A fixed number of calls in flight over an asynchronous source, results in order of completion."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from typing import Generic, TypeVar

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")


class _InTurn(Generic[ItemT]):
    """An async generator that many workers may wait for: each gets its turn."""

    def __init__(self, items: AsyncIterator[ItemT]) -> None:
        self._items = items
        self._turn = asyncio.Lock()
        self._is_open = True

    def __aiter__(self) -> AsyncIterator[ItemT]:
        return self

    async def __anext__(self) -> ItemT:
        async with self._turn:
            if not self._is_open:
                raise StopAsyncIteration
            self._is_open = False
            item = await anext(self._items)
            self._is_open = True
            return item


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
        All workers may wait for its next item at once. A plain async generator, which cannot bear that, is asked for
        one item at a time, and not again after its end or its exception.
    call : callable
        Makes the awaitable that turns an item into its result.
    concurrency : int
        Calls in flight at most, at least 1.
    """
    is_generator = inspect.isasyncgen(items)
    source: AsyncIterator[ItemT] = _InTurn(items) if is_generator else items
    room = asyncio.Semaphore(2 * concurrency)
    results: asyncio.Queue[ResultT | asyncio.Task[None]] = asyncio.Queue()

    workers: list[asyncio.Task[None]] = []

    def start() -> None:
        workers.append(asyncio.create_task(work()))
        workers[-1].add_done_callback(results.put_nowait)

    async def work() -> None:
        while True:
            await room.acquire()
            try:
                item = await anext(source)
            except StopAsyncIteration:
                room.release()
                return
            if is_generator and len(workers) < concurrency:
                start()  # only one may wait for a generator, so the next one is started when it has something to do
            results.put_nowait(await call(item))

    for _ in range(1 if is_generator else concurrency):
        start()
    n_ended = 0
    try:
        while n_ended < len(workers):
            result = await results.get()
            if isinstance(result, asyncio.Task):
                result.result()
                n_ended += 1
            else:
                room.release()
                yield result
    finally:
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
