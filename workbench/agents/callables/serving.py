"""What the process that runs a callable of a pilot does; `CallableWorker` starts it and asks it.

Both sides write one JSON value a line. The first one that comes says what to run; each further one is a record, and
each answer goes out as soon as it is there, so that the record at which this process ended is the first without one.
"""

from __future__ import annotations

import json
import os
import pickle
import sys
import threading
import time
from base64 import b64decode
from collections.abc import Callable, Mapping
from pathlib import Path
from queue import SimpleQueue
from typing import Any, BinaryIO

from workbench.agents.callables.function import PilotFunction, raised
from workbench.agents.callables.prepared import UnpreparedError, made_fields
from workbench.agents.callables.training import CrossFitted
from workbench.agents.decisions import read_answer
from workbench.agents.replies import InvalidAnswer
from workbench.words import WorkbenchError

MAX_SHOWN = 1000
MAX_ANSWER = 4 * 1024 * 1024
READY, TRAINING, TRAINED = "ready", "training", "trained"

Line = Mapping[str, Any]


def main() -> None:
    """Answer records until no more come; a process of the pilot's own that is left ends with this one's group."""
    said, asked = os.fdopen(os.dup(1), "wb"), os.fdopen(os.dup(0), "rb")
    os.dup2(2, 1)  # what a pilot's code prints must not mix with the answers
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    task = json.loads(asked.readline())
    try:
        answer = _answering(task, said)
    except WorkbenchError as error:
        _say(said, {"error": error.as_json()})
        return
    _say(said, {READY: True})
    if task["only_load"]:
        return
    lines: SimpleQueue[bytes] = SimpleQueue()
    threading.Thread(target=_read, args=(asked, lines), daemon=True).start()
    while line := lines.get():
        _say(said, answer(json.loads(line)))


def _read(asked: BinaryIO, lines: SimpleQueue[bytes]) -> None:
    """Take lines in while the main thread works; where the other side is gone, nobody waits for what it is at."""
    for line in asked:
        lines.put(line)
    os._exit(0)


def _answering(task: Line, said: BinaryIO) -> Callable[[Line], Line]:
    """Return what answers a record, the callable loaded."""
    function = PilotFunction(Path(task["root"]), task["reference"])
    loaded = function.load()
    if task["fields"] is not None:
        return lambda asked: _guarded(lambda: {"made": made_fields(loaded(asked["fields"]), task["fields"])})
    actions = frozenset(task["actions"])
    if task["training"] is None:
        return lambda asked: _decided(loaded, asked["fields"], actions)
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
        return _decided(models.model(fold), asked["fields"], actions)

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
        return {"ok": [str(read.action), read.confidence, None if read.reason is None else str(read.reason)]}

    said = _guarded(answer)
    return {**said, "s": (time.perf_counter() if ended == start else ended) - start}


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
