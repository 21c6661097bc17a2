"""A process that runs a callable of a pilot, asked record by record, and started again where a record ends it."""

from __future__ import annotations

import asyncio
import json
import os
import pickle
import signal
import subprocess
from base64 import b64encode
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from workbench.agents.callables.function import PilotFunction
from workbench.agents.callables.process import child_environment, python_module
from workbench.agents.callables.serving import MAX_ANSWER, READY, TRAINED, TRAINING
from workbench.engines import FailureCause
from workbench.environment import CallsExhaustedError, ToolDesk
from workbench.words import RunError, error_from

if TYPE_CHECKING:
    import pandas as pd

    from workbench.records import Record

SERVING = python_module("workbench.agents.callables")
DEADLINE_S = 60.0
TOOL_CALL = b'{"tool"'  # how a line begins that asks for a tool


@dataclass(frozen=True, slots=True, eq=False)
class Training:
    """What a callable learns from: development records with labels, and the fold of each."""

    records: pd.DataFrame
    folds: pd.Series[int]


@dataclass(frozen=True, slots=True, eq=False)
class Task:
    """What a process runs: a callable that decides, one that learns to, one that makes `fields` of a record, or a tool.

    `tools` are those that a deciding callable is offered. With `beside` the callable is the written policy, which takes
    that as its second argument. `deadline_s` is how long one record, or call, may take; loading and training are not
    bounded.
    """

    function: PilotFunction
    actions: tuple[str, ...] = ()
    training: Training | None = None
    fields: tuple[str, ...] | None = None
    deadline_s: float = DEADLINE_S
    tools: tuple[Mapping[str, Any], ...] | None = None
    is_tool: bool = False
    beside: Mapping[str, Any] | None = None

    def as_line(self, only_load: bool = False) -> bytes:
        """Return the first line that the process gets."""
        learnt = None
        if self.training is not None and not only_load:
            learnt = b64encode(pickle.dumps((self.training.records, self.training.folds))).decode()
        return _line(
            {
                "root": str(self.function.root),
                "reference": self.function.reference,
                "actions": list(self.actions),
                "fields": None if self.fields is None else list(self.fields),
                "training": learnt,
                "tools": self.tools,
                "is_tool": self.is_tool,
                "beside": self.beside,
                "only_load": only_load,
            }
        )


@dataclass(frozen=True, slots=True)
class Failed:
    """A record without an answer: the callable raised, or its process ended or was ended at this record."""

    cause: FailureCause
    detail: str
    latency_s: float


Said = Mapping[str, Any] | Failed


def check_loads(task: Task) -> None:
    """Load a task's callable in a process of its own, and see it end.

    Raises
    ------
    InputError
        The file cannot be imported or has no such callable.
    RunError
        The process ended otherwise.
    """
    with subprocess.Popen(
        SERVING, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=child_environment(), start_new_session=True
    ) as process:
        try:
            out, _ = process.communicate(task.as_line(only_load=True))
        finally:
            _end(process.pid)
    said = json.loads(out.partition(b"\n")[0] or b"{}")
    if "error" in said:
        raise error_from(said["error"])
    if READY not in said:
        raise _ended(task, process.returncode, "was loaded")


class CallableWorker:
    """The process of a task; use it in `async with`. It is started when the first record is asked.

    Records are answered in the order in which they are asked. The one at which the process ends, or which takes longer
    than the task's deadline, has failed; the process is started anew for the others.
    """

    def __init__(self, task: Task) -> None:
        self._task = task
        self._process: asyncio.subprocess.Process | None = None
        self._waiting: deque[tuple[bytes, asyncio.Future[Said], ToolDesk | None]] = deque()
        self._more = asyncio.Event()
        self._serving: asyncio.Task[None] | None = None
        self._doing: str | None = "was loaded"
        self._since = 0.0
        self._error: BaseException | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._serving is not None:
            self._serving.cancel()
            await asyncio.gather(self._serving, return_exceptions=True)
        await self._stop()

    async def ask(self, record: Record, fold: int | None = None, desk: ToolDesk | None = None) -> Said:
        """Return what the callable says of a record, or why it says nothing; its tool calls go over the desk.

        Raises
        ------
        InputError, RunError
            The callable cannot be loaded or trained.
        """
        return await self.run({"fields": dict(record.fields), "fold": fold}, desk)

    async def run(self, asked: Mapping[str, Any], desk: ToolDesk | None = None) -> Said:
        """Return what the process says to a line of another content. Raises as `ask`."""
        if self._error is not None:
            raise self._error
        line = _line(asked)
        answer: asyncio.Future[Said] = asyncio.get_running_loop().create_future()
        if not self._waiting:
            self._since = asyncio.get_running_loop().time()
        self._waiting.append((line, answer, desk))
        self._more.set()
        if self._process is not None:
            _send(self._process, line)
        if self._serving is None:
            self._serving = asyncio.create_task(self._serve())
        return await answer

    async def _serve(self) -> None:
        """Keep a process at work until this task is cancelled; what it raises is raised to all who wait."""
        try:
            while True:
                process = await self._started()
                failed = await self._answers(process)
                await self._stop()
                if self._doing is not None:
                    raise _ended(self._task, process.returncode, self._doing)
                self._settle(failed)
        except Exception as error:  # whatever it is, who waits must hear of it
            self._error = error
            while self._waiting:
                self._waiting.popleft()[1].set_exception(error)

    async def _started(self) -> asyncio.subprocess.Process:
        """Start the process and hand it the task and every record that waits."""
        self._doing = "was loaded"
        process = await asyncio.create_subprocess_exec(
            *SERVING,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env=child_environment(),
            start_new_session=True,
            limit=2 * MAX_ANSWER,
        )
        self._process = process
        for line in (self._task.as_line(), *(line for line, *_ in self._waiting)):
            _send(process, line)
        return process

    async def _answers(self, process: asyncio.subprocess.Process) -> Failed:
        """Take answers in until the process ends or a record takes too long; return what became of that record."""
        assert process.stdout is not None
        loop, deadline_s = asyncio.get_running_loop(), self._task.deadline_s
        while True:
            while not self._waiting:
                self._more.clear()
                await self._more.wait()
            try:
                async with asyncio.timeout_at(None if self._doing is not None else self._since + deadline_s):
                    line = await process.stdout.readline()
                    while line.startswith(TOOL_CALL):
                        await self._serve_call(process, json.loads(line))
                        line = await process.stdout.readline()
            except TimeoutError:
                return Failed(FailureCause.TIMEOUT, f"no answer within {deadline_s:.3g} s", deadline_s)
            except CallsExhaustedError as error:
                return Failed(FailureCause.LIMIT, str(error), loop.time() - self._since)
            waited_s, self._since = loop.time() - self._since, loop.time()
            if not line:
                code = await process.wait()
                return Failed(FailureCause.NO_REPLY, f"its process ended at this record ({_code(code)})", waited_s)
            self._take(json.loads(line))

    async def _serve_call(self, process: asyncio.subprocess.Process, call: Mapping[str, Any]) -> None:
        """Make a tool call of the record that waits longest, and hand its answer back."""
        desk = self._waiting[0][2]
        assert desk is not None
        _send(process, _line({"tool_answer": await desk.call(str(call["tool"]), call["arguments"])}))

    def _take(self, said: Mapping[str, Any]) -> None:
        """Take one line of the process in."""
        if "error" in said:
            raise error_from(said["error"])
        if READY in said or TRAINED in said:
            self._doing = None
        elif TRAINING in said:
            self._doing = "was trained"
        elif "failed" in said:
            self._settle(Failed(FailureCause.EXCEPTION, str(said["failed"]), float(said.get("s", 0.0))))
        else:
            self._settle(said)

    def _settle(self, said: Said) -> None:
        """Give the record that waits longest its answer."""
        if self._waiting:
            _, answer, _ = self._waiting.popleft()
            if not answer.done():
                answer.set_result(said)

    async def _stop(self) -> None:
        """End the process and whatever it has started."""
        process, self._process = self._process, None
        if process is not None:
            _end(process.pid)
            await process.wait()


def _send(process: asyncio.subprocess.Process, line: bytes) -> None:
    """Write a line; where the process has just ended, its end is what is met next."""
    assert process.stdin is not None
    if not process.stdin.is_closing():
        process.stdin.write(line)


def _line(content: Mapping[str, Any]) -> bytes:
    return json.dumps(content).encode() + b"\n"


def _end(pid: int) -> None:
    """Kill a process that leads a group, with all that it has started."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def _ended(task: Task, code: int | None, doing: str) -> RunError:
    return RunError(
        f"the process of {task.function.name!r} ended while it {doing}",
        where=task.function.reference,
        got=_code(code),
        remedy="mend the callable: it may raise, but not end its process",
    )


def _code(code: int | None) -> str:
    """Return how a process ended, for a reader."""
    if code is not None and code < 0:
        return f"signal {signal.Signals(-code).name}"
    return f"exit code {code}"
