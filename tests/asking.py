"""An engine asked for a few requests, from start to end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterable

from workbench.engines.protocol import Engine, Reply, Request


async def source(requests: Iterable[Request]) -> AsyncGenerator[Request, None]:
    """Yield the requests."""
    for request in requests:
        yield request


async def asked(engine: Engine, requests: Iterable[Request]) -> list[Reply]:
    """Return the replies in the order in which they came."""
    async with engine:
        return [reply async for reply in engine.stream(source(requests))]


def ask(engine: Engine, requests: Iterable[Request]) -> list[Reply]:
    """Return the replies in the order in which they came, where no event loop runs."""
    return asyncio.run(asked(engine, requests))
