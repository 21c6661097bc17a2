"""The pocket engine: a small Llama model in this process, on the CPU, without a server."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, Self

from workbench.engines.digests import model_digest
from workbench.engines.pocket.answers import BatchLimits, Interrupted, QueuedRequest, replies_to
from workbench.engines.pocket.model import Model, loaded
from workbench.engines.pocket.settings import PACKAGED
from workbench.engines.pool import results_of
from workbench.engines.protocol import Message, Reply, Request
from workbench.words import InputError

BATCH = 16  # requests that go through the model together: more do not fit the caches of a core

_Waiting = tuple[QueuedRequest, asyncio.Future[Reply]]


class PocketEngine:
    """Replies of a small Llama model that runs in this process; use it in `async with`.

    Requests that wait are taken in batches that share their system message, which is read once and remembered. An
    answer follows the request's response schema where there is one, otherwise it ends when the model ends it; a schema
    that cannot be followed and a prompt longer than the model reads, or was trained on, are `rejected` replies. At
    temperature 0 the likeliest token is taken, above 0 one is drawn with a generator of the request's own; neither
    depends on what else is asked.

    Log probabilities are the model's own: over the whole vocabulary at temperature 1, not among the tokens that the
    schema allows. Tokens that a schema forces have theirs too. The token that ends an answer is not counted.

    Parameters
    ----------
    model : Path, optional
        A folder in Hugging Face's Llama layout; None is the model that ships with the workbench.
    concurrency : int
        Requests taken at most before their replies are given.
    threads : int, optional
        Batches computed at once, each on one core; None takes the cores this process may use.
    deadline_s : float
        Seconds after which a request that is not answered yet fails.

    Raises
    ------
    InputError
        A file of the model is missing or damaged, or the model is none that this engine computes.
    """

    def __init__(
        self, model: Path | None = None, *, concurrency: int = 64, threads: int | None = None, deadline_s: float = 300.0
    ) -> None:
        threads = _cores() if threads is None else threads
        if min(concurrency, threads) < 1:
            raise InputError(
                "the pocket engine needs room for a request and a thread",
                got=f"concurrency {concurrency}, threads {threads}",
                expected="1 or more of each",
            )
        folder = PACKAGED if model is None else Path(model)
        self._name = "pocket" if model is None else folder.resolve().name
        self._digest = model_digest(folder)
        self._model = loaded(folder.resolve(), self._digest)
        self.concurrency, self.deadline_s = concurrency, deadline_s
        self._threads = threads
        self._counter: _Counter | None = None

    @property
    def identity(self) -> Mapping[str, Any]:
        """What makes two engines the same for the cache: kind, model and its digest, arithmetic and runtime."""
        return {
            "kind": "pocket",
            "model": self._name,
            "digest": self._digest,
            "dtype": "float32",
            "runtime": "onnxruntime",
        }

    async def __aenter__(self) -> Self:
        self._counter = _Counter(self._model, self._threads, self.deadline_s)
        return self

    async def __aexit__(self, *_: object) -> None:
        counter, self._counter = self._counter, None
        if counter is not None:
            counter.close()

    def stream(self, requests: AsyncIterator[Request]) -> AsyncGenerator[Reply, None]:
        """Yield one reply for each request, in order of completion."""
        if self._counter is None:
            raise RuntimeError("the pocket engine is not open: use it in `async with`")
        return results_of(requests, self._counter.reply, self.concurrency)


class _Counter:
    """Takes requests one by one and has them answered in batches, on threads of its own."""

    def __init__(self, model: Model, threads: int, deadline_s: float) -> None:
        self._model = model
        self._threads = threads
        self._is_closed = threading.Event()
        self._limits = BatchLimits(deadline_s, self._is_closed.is_set)
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="workbench-pocket")
        self._waiting: deque[_Waiting] = deque()
        self._n_running = 0
        self._turn: asyncio.Handle | None = None

    def close(self) -> None:
        """End the batches under way at their next token and the threads with them."""
        self._is_closed.set()
        self._pool.shutdown(wait=True, cancel_futures=True)
        for _, future in self._waiting:
            if not future.done():
                future.set_exception(Interrupted("the pocket engine was closed"))

    async def reply(self, request: Request) -> Reply:
        """Return the reply to a request, once a batch with it is through."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Reply] = loop.create_future()
        self._waiting.append((QueuedRequest(request, time.monotonic()), future))
        if self._turn is None and self._n_running < self._threads:
            self._turn = loop.call_soon(self._start)  # after all that is asked in this turn of the loop
        return await future

    def _start(self) -> None:
        """Start as many batches as there are threads free."""
        self._turn = None
        while self._n_running < self._threads and (batch := self._next_batch()):
            self._n_running += 1
            asked = [each for each, _ in batch]
            answers = asyncio.get_running_loop().run_in_executor(
                self._pool, replies_to, self._model, asked, self._limits
            )
            answers.add_done_callback(partial(self._finish, batch))

    def _next_batch(self) -> list[_Waiting]:
        """Take the request that waits longest and others with its system message, an even share for each thread."""
        waiting = [each for each in self._waiting if not each[1].done()]
        n_free = self._threads - self._n_running
        size = min(BATCH, -(-len(waiting) // n_free))
        system = _system(waiting[0][0].request) if waiting else ()
        batch = [each for each in waiting if _system(each[0].request) == system][:size]
        taken = {id(each) for each in batch}
        self._waiting = deque(each for each in waiting if id(each) not in taken)
        return batch

    def _finish(self, batch: list[_Waiting], done: asyncio.Future[list[Reply]]) -> None:
        """Give a batch's replies to those who wait for them, and start the next."""
        self._n_running -= 1
        error: BaseException | None = asyncio.CancelledError() if done.cancelled() else done.exception()
        for place, (_, future) in enumerate(batch):
            if future.done():
                continue
            if error is None:
                future.set_result(done.result()[place])
            else:
                future.set_exception(error)
        if not self._is_closed.is_set():
            self._start()


def _system(request: Request) -> tuple[Message, ...]:
    return tuple(message for message in request.messages if message.role == "system")


def _cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
