"""What the process that runs a callable of a pilot does; `CallableWorker` starts it and asks it.

Both sides write one JSON value a line. The first one that comes says what to run; each further one is a record, and
each answer goes out as soon as it is there, so that the record at which this process ended is the first without one.
"""

from __future__ import annotations

import json
import os
import pickle
import sqlite3
import sys
import threading
import time
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from pathlib import Path
from queue import SimpleQueue
from typing import Any, BinaryIO

from workbench.agents.callables.function import PilotFunction, raised
from workbench.agents.callables.prepared import UnpreparedError, decided_fields, made_fields
from workbench.agents.callables.tools import Tools
from workbench.agents.callables.training import CrossFitted
from workbench.agents.decisions import read_answer
from workbench.agents.replies import InvalidAnswer
from workbench.words import WorkbenchError

MAX_SHOWN = 1000
MAX_ANSWER = 4 * 1024 * 1024
READY, TRAINING, TRAINED = "ready", "training", "trained"
TOOL_ANSWER = b'{"tool_answer"'  # how a line begins that answers a tool call

Line = Mapping[str, Any]


def main() -> None:
    """Answer records until no more come; a process of the pilot's own that is left ends with this one's group."""
    said, asked = os.fdopen(os.dup(1), "wb"), os.fdopen(os.dup(0), "rb")
    os.dup2(2, 1)  # what a pilot's code prints must not mix with the answers
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    task = json.loads(asked.readline())
    lines, answers = SimpleQueue[bytes](), SimpleQueue[bytes]()
    calling = _calling(said, answers)
    try:
        answer = _answering(task, said, calling)
    except WorkbenchError as error:
        _say(said, {"error": error.as_json()})
        return
    _say(said, {READY: True})
    if task["only_load"]:
        return
    threading.Thread(target=_read, args=(asked, lines, answers), daemon=True).start()
    while line := lines.get():
        _say(said, answer(json.loads(line)))


def _read(asked: BinaryIO, lines: SimpleQueue[bytes], answers: SimpleQueue[bytes]) -> None:
    """Take lines in while the main thread works; where the other side is gone, nobody waits for what it is at."""
    for line in asked:
        (answers if line.startswith(TOOL_ANSWER) else lines).put(line)
    os._exit(0)


def _calling(said: BinaryIO, answers: SimpleQueue[bytes]) -> Callable[[Line], Line]:
    """Return what asks the other side for a tool call and waits for its answer, one at a time."""
    one_at_a_time = threading.Lock()

    def ask(call: Line) -> Line:
        with one_at_a_time:
            _say(said, call)
            answer: Line = json.loads(answers.get())["tool_answer"]
            return answer

    return ask


def _answering(task: Line, said: BinaryIO, calling: Callable[[Line], Line]) -> Callable[[Line], Line]:
    """Return what answers a record, the callable loaded."""
    function = PilotFunction(Path(task["root"]), task["reference"])
    loaded = function.load()
    if task["fields"] is not None:
        return lambda asked: _guarded(lambda: {"made": made_fields(loaded(asked["fields"]), task["fields"])})
    if task["is_tool"]:
        return lambda asked: _guarded(lambda: _used(loaded, asked))
    if task["beside"] is not None:
        return lambda asked: _guarded(lambda: {"decided": decided_fields(loaded(asked["fields"], task["beside"]))})
    actions = frozenset(task["actions"])
    # What decides takes the tools beside the record where it has any.
    tools = () if task["tools"] is None else (Tools(task["tools"], calling),)
    if task["training"] is None:
        return lambda asked: _decided(lambda fields: loaded(fields, *tools), asked["fields"], actions)
    models = CrossFitted(function, *pickle.loads(b64decode(task["training"])))  # written by the process that asks

    def by_model(asked: Line) -> Line:
        fold = asked["fold"]
        try:
            if not models.knows(fold):
                _say(said, {TRAINING: fold})
                models.model(fold)
                _say(said, {TRAINED: fold})
        except WorkbenchError as error:
            return {"error": error.as_json()}
        model: Callable[..., object] = models.model(fold)
        return _decided(lambda fields: model(fields, *tools), asked["fields"], actions)

    return by_model


def _decided(function: Callable[[Mapping[str, object]], object], fields: Any, actions: frozenset[str]) -> Line:
    """Return what a callable decides of a record: an answer, or why it is none."""
    start = time.perf_counter()
    ended = start

    def answer() -> Line:
        nonlocal ended
        content = function(fields)
        ended = time.perf_counter()
        try:
            read = read_answer(content, actions)
        except InvalidAnswer as invalid:
            return {"invalid": [invalid.cause.value, invalid.detail, str(content)[:MAX_SHOWN]]}
        reason = None if read.reason is None else str(read.reason)
        return {"ok": [str(read.action), read.confidence, reason, read.trace and read.trace.as_json()]}

    said = _guarded(answer)
    return {**said, "s": (time.perf_counter() if ended == start else ended) - start}


def _used(function: Callable[..., object], asked: Line) -> Line:
    """Return what a tool's function returns, and the database after it."""
    given = dict(asked["arguments"])
    if asked["state"] is None:
        return {"result": function(**given)}
    connection = sqlite3.connect(":memory:", isolation_level=None)
    try:
        connection.deserialize(b64decode(asked["state"]))
        result = function(state=connection, **given)
        return {"result": result, "state": b64encode(connection.serialize()).decode()}
    finally:
        connection.close()


def _guarded(answer: Callable[[], Line]) -> Line:
    """Return an answer that can be sent; whatever a user's callable raises concerns this record only."""
    try:
        said = answer()
        if len(json.dumps(said)) <= MAX_ANSWER:
            return said
        return {"failed": f"the answer is longer than {MAX_ANSWER:,} bytes"}
    except UnpreparedError as error:
        return {"failed": str(error)}
    except BaseException as error:
        return {"failed": raised(error)}


def _say(said: BinaryIO, line: Line) -> None:
    said.write(json.dumps(line).encode() + b"\n")
    said.flush()
