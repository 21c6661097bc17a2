"""Micro-batches: requests gathered into lists, and replies matched with them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from dataclasses import replace

from workbench.engines.protocol import Failure, FailureCause, Reply, Request


def matched(batch: Sequence[Request], replies: Sequence[Reply], attempt: int, waited_s: float) -> list[Reply]:
    """Return one reply for each request: the first that came, a failed one where none did; all others are dropped.

    Earlier attempts that were lost count as attempts and as time.
    """
    first: dict[str, Reply] = {}
    for reply in replies:
        first.setdefault(reply.id, reply)
    missing = Failure(FailureCause.NO_REPLY, "the engine on the worker ended without answering this request")
    found = [first.get(one.id) or Reply(one.id, None, waited_s, 1, failure=missing) for one in batch]
    if attempt == 1:
        return found
    return [replace(reply, attempts=reply.attempts + attempt - 1, latency_s=waited_s) for reply in found]


async def batches_of(
    requests: AsyncIterator[Request], size: int, linger_s: float
) -> AsyncGenerator[list[Request], None]:
    """Yield requests in lists of at most `size`; a list that is not full waits at most `linger_s` for another request.

    The source is never cancelled in the middle of a request, except when this generator is closed.
    """
    loop, coming = asyncio.get_running_loop(), _next(requests)
    try:
        while (first := await coming) is not None:
            batch, until, coming = [first], loop.time() + linger_s, _next(requests)
            while len(batch) < size:
                await asyncio.wait({coming}, timeout=until - loop.time())
                if not coming.done() or coming.exception() is not None or (request := coming.result()) is None:
                    break
                batch.append(request)
                coming = _next(requests)
            yield batch
    finally:
        coming.cancel()
        await asyncio.gather(coming, return_exceptions=True)


def _next(requests: AsyncIterator[Request]) -> asyncio.Task[Request | None]:
    """Return the next request as a task, None for the end."""

    async def one() -> Request | None:
        try:
            return await anext(requests)
        except StopAsyncIteration:
            return None

    return asyncio.create_task(one())
