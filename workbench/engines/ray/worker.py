"""What one Ray actor is: an engine that stays open and answers micro-batches; it imports nothing of Ray."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any

from workbench.engines.protocol import Engine, Reply, Request

STALL_S = 0.2


@dataclass(frozen=True, slots=True)
class WorkerFacts:
    """Where a worker runs and which engine it holds."""

    host: str
    pid: int
    version: str
    identity: Mapping[str, Any]


@dataclass(eq=False, slots=True)
class _Batch:
    """Requests that came together; `done` is set when each is answered or given up on."""

    done: asyncio.Future[None]
    n_open: int
    replies: list[Reply] = field(default_factory=list)


class _Source:
    """Requests for one stream of the engine as they arrive, until `end` is called."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[Request | None] = asyncio.Queue()
        self._n_waiting = 0
        self.taken: set[str] = set()
        self.is_ended = False
        self.moved_at = asyncio.get_running_loop().time()

    def __aiter__(self) -> AsyncIterator[Request]:
        return self

    async def __anext__(self) -> Request:
        if self.is_ended and self._queue.empty():
            raise StopAsyncIteration
        self._n_waiting += 1
        try:
            request = await self._queue.get()
        finally:
            self._n_waiting -= 1
        if request is None:
            raise StopAsyncIteration
        self.taken.add(request.id)
        self.moved()
        return request

    def put(self, request: Request) -> None:
        """Add one request."""
        self._queue.put_nowait(request)

    def moved(self) -> None:
        """Note that the stream makes progress."""
        self.moved_at = asyncio.get_running_loop().time()

    async def end_when_stalled(self) -> None:
        """End the source once the engine waits for requests and nothing has moved for a while.

        An engine that answers only full batches would otherwise wait for ever.
        """
        while not self.is_ended:
            await asyncio.sleep(STALL_S / 4)
            if self._n_waiting and asyncio.get_running_loop().time() - self.moved_at > STALL_S:
                self.is_ended = True
        for _ in range(self._n_waiting):
            self._queue.put_nowait(None)


class EngineWorker:
    """An engine behind calls that take a few requests each; calls may overlap.

    All calls feed one stream of the engine, so that an engine with continuous batching stays full. The stream ends when
    there is nothing to do and is opened again by the next call.

    Parameters
    ----------
    inner : callable
        Makes the engine, here on the worker.
    """

    def __init__(self, inner: Callable[[], Engine]) -> None:
        self._inner = inner
        self._engine: Engine | None = None
        self._open: dict[str, _Batch] = {}
        self._arrived: list[Request] = []
        self._source: _Source | None = None
        self._serving: asyncio.Task[None] | None = None

    async def place(self) -> int:
        """Return the process id: the worker has its place, its engine is not started."""
        return os.getpid()

    async def start(self) -> WorkerFacts:
        """Make the engine, open it, and say which one it is."""
        engine = self._inner()
        self._engine = await engine.__aenter__()
        return WorkerFacts(socket.gethostname(), os.getpid(), version("agent-workbench"), dict(engine.identity))

    async def stop(self) -> None:
        """Close the engine."""
        if self._serving is not None:
            self._serving.cancel()
            await asyncio.gather(self._serving, return_exceptions=True)
        engine, self._engine = self._engine, None
        if engine is not None:
            await engine.__aexit__(None, None, None)

    async def answer(self, requests: Sequence[Request]) -> list[Reply]:
        """Return the engine's replies to these requests, in any order; one it never answers has none.

        Raises
        ------
        Exception
            What the engine raised.
        """
        batch = _Batch(asyncio.get_running_loop().create_future(), len(requests))
        for request in requests:
            self._open[request.id] = batch
            if self._source is None or self._source.is_ended:
                self._arrived.append(request)
            else:
                self._source.put(request)
        if self._serving is None or self._serving.done():
            self._serving = asyncio.create_task(self._serve())
        await batch.done
        return batch.replies

    async def _serve(self) -> None:
        """Run streams of the engine while there are requests."""
        try:
            while self._arrived:
                await self._serve_once()
        except Exception as error:  # whatever an engine raises ends the calls that wait for it
            self._arrived.clear()
            for batch in set(self._open.values()):
                if not batch.done.done():
                    batch.done.set_exception(error)
            self._open.clear()
        finally:
            self._source = None

    async def _serve_once(self) -> None:
        """Run one stream of the engine to its end."""
        if self._engine is None:
            raise RuntimeError("the worker's engine is not started")
        source = self._source = _Source()
        for request in self._arrived:
            source.put(request)
        self._arrived.clear()
        watch = asyncio.create_task(source.end_when_stalled())
        try:
            async with aclosing(self._engine.stream(source)) as replies:
                async for reply in replies:
                    source.moved()
                    self._settle(reply.id, reply)
        finally:
            source.is_ended = True
            watch.cancel()
        for request_id in source.taken & self._open.keys():
            self._settle(request_id, None)

    def _settle(self, request_id: str, reply: Reply | None) -> None:
        """Note the first reply to a request, or that there is none; others are dropped."""
        batch = self._open.pop(request_id, None)
        if batch is None:
            return
        if reply is not None:
            batch.replies.append(reply)
        batch.n_open -= 1
        if not batch.n_open and not batch.done.done():  # whoever waited may have given up
            batch.done.set_result(None)
