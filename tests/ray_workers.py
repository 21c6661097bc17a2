"""Engines for the workers of a Ray cluster, importable there; it imports little, for every worker does."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path

from workbench.engines.pool import results_of
from workbench.engines.protocol import Reply, Request
from workbench.engines.scripted import Script, ScriptedEngine
from workbench.words import RunError


def answer(request: Request) -> str:
    """Return an answer that depends on the request."""
    n_words = len(request.messages[-1].content.split())
    return f'{{"action": "refund", "reason": "{n_words} words", "confidence": 0.75}}'


def scripted() -> ScriptedEngine:
    """Return an engine that answers sixteen requests at a time."""
    return ScriptedEngine(answer, concurrency=16, script=Script(lambda request, text: 0.75))


class OneByOne(ScriptedEngine):
    """Answers each request on its own after a while, as an engine with continuous batching does.

    Each call is logged as `PID NODE ID`. A request in `lethal` kills the process that has it.
    """

    def __init__(self, wait_s: float, log: Path | None = None, lethal: frozenset[str] = frozenset()) -> None:
        super().__init__(answer, concurrency=16)
        self._wait_s = wait_s
        self._log = log
        self._lethal = lethal

    async def stream(self, requests: AsyncIterator[Request]) -> AsyncGenerator[Reply, None]:
        async with aclosing(results_of(requests, self.called, self.concurrency)) as replies:
            async for reply in replies:
                yield reply

    async def called(self, request: Request) -> Reply:
        if self._log is not None:
            with self._log.open("a") as file:
                file.write(f"{os.getpid()} {node()} {request.id}\n")
        await asyncio.sleep(self._wait_s)
        if request.id in self._lethal:
            os.kill(os.getpid(), signal.SIGKILL)
        return self._reply(request)


def one_by_one(wait_s: float, log: Path | None = None, lethal: frozenset[str] = frozenset()) -> OneByOne:
    """Return an engine that answers requests one by one."""
    return OneByOne(wait_s, log, lethal)


class Unable(ScriptedEngine):
    """Starts nowhere."""

    async def __aenter__(self) -> Unable:
        raise RunError("the model does not fit into memory")


def unable() -> Unable:
    """Return an engine that cannot start."""
    return Unable(answer)


def named_by_process() -> ScriptedEngine:
    """Return an engine that is another one in each process."""
    return ScriptedEngine(answer, name=f"of process {os.getpid()}")


def node() -> str:
    """Return the id of the Ray node this process runs on, "none" off a cluster."""
    if "ray" not in sys.modules:
        return "none"
    import ray

    return ray.get_runtime_context().get_node_id() if ray.is_initialized() else "none"


@dataclass(frozen=True)
class Call:
    """One line of a log."""

    pid: int
    node: str
    id: str


def calls(log: Path) -> list[Call]:
    """Return what a log of OneByOne holds."""
    lines = [line.split() for line in log.read_text().splitlines()] if log.is_file() else []
    return [Call(int(pid), node, name) for pid, node, name in lines]
