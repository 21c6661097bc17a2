"""What the process that runs a pilot's policy does: `python -m workbench.cases.policy_serving`, see `PolicyProcess`.

Both sides write one JSON value a line. The first one that comes holds the specification; each further one a batch of
records, and each of its records has its answer at once, so that the record at which this process ended has none.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from queue import SimpleQueue
from typing import Any, BinaryIO

from workbench.agents.callables import PilotFunction, place_of, told
from workbench.cases.mutants import GONE, edited
from workbench.words import InputError, WorkbenchError

KEYS = ("action", "reason", "to", "rule")
MAX_TOLD = 400
Policy = Callable[[Mapping[str, Any], Mapping[str, Any]], Any]


def main() -> None:
    """Decide records until no more come."""
    said, asked = os.fdopen(os.dup(1), "wb"), os.fdopen(os.dup(0), "rb")
    os.dup2(2, 1)  # what a pilot's code prints must not mix with the answers
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    first = json.loads(asked.readline())
    try:
        policy = PilotFunction(Path(first["root"]), first["reference"]).load()
        levers = _levers(policy)
    except WorkbenchError as error:
        _say(said, {"error": error.as_json()})
        return
    _say(said, {"levers": {name: numbers for name, (_, *numbers) in levers.items()}})
    serving = Serving(policy, levers, first["process"])
    lines: SimpleQueue[bytes] = SimpleQueue()
    threading.Thread(target=_read, args=(asked, lines), daemon=True).start()
    while True:
        serving.answer(json.loads(lines.get()), said)


def _read(asked: BinaryIO, lines: SimpleQueue[bytes]) -> None:
    """Take lines in while the main thread works; where the other side is gone, nobody waits for what it is at."""
    for line in asked:
        lines.put(line)
    os._exit(0)


def _levers(policy: Policy) -> dict[str, tuple[Any, float, float, float]]:
    """Return the levers in the policy's file, or say how one does not fit."""
    module = sys.modules[policy.__module__]
    levers = getattr(module, "LEVERS", {})
    for name, lever in levers.items():
        is_one = isinstance(lever, tuple) and len(lever) == 4 and callable(lever[0])
        if not is_one or not lever[1] < lever[2] or not lever[3] > 0:
            expected = "(function of a record, a number and the process, lowest number, highest, step)"
            raise InputError("a lever does not fit", where=f"{module.__file__}, LEVERS[{name!r}]", expected=expected)
    return dict(levers)


class NoRulingError(ValueError):
    """What a policy returned is no ruling."""


class Serving:
    """A policy, its levers and the specification it follows, with the mutants that were asked before."""

    def __init__(self, policy: Policy, levers: Mapping[str, Any], process: Mapping[str, Any]) -> None:
        self._policy, self._levers, self._process = policy, levers, process
        self._mutants: tuple[str, list[Mapping[str, Any]]] = ("", [])

    def answer(self, asked: Mapping[str, Any], said: BinaryIO) -> None:
        """Say for each record of a batch what is decided of it."""
        mutants = self._edited(asked["mutants"])
        for place, lever, x in asked["asks"]:
            record = asked["records"][place]
            try:
                if lever is not None:
                    record = self._moved(record, lever, x)
                line = {"record": record} if asked["record"] else self._decided(record, mutants)
            except (Exception, SystemExit) as error:  # whatever a user's function raises
                line = {"fault": [told(error)[:MAX_TOLD], self._place_of(error), None]}
            _say(said, line)

    def _edited(self, changes: Sequence[Any]) -> list[Mapping[str, Any]]:
        """Return a specification for each mutant; each shares with the others what is not changed."""
        key = json.dumps(changes)
        if key != self._mutants[0]:
            made = [edited(self._process, path, GONE if is_gone else value) for path, value, is_gone in changes]
            self._mutants = (key, made)
        return self._mutants[1]

    def _moved(self, record: Mapping[str, Any], lever: str, x: float) -> Mapping[str, Any] | None:
        """Return the record that a lever makes; one that the lever cannot read is not moved."""
        try:
            moved: Mapping[str, Any] | None = self._levers[lever][0](record, x, self._process)
        except (ValueError, LookupError, TypeError, ArithmeticError):  # a cell that is not written as it should be
            return None
        return moved

    def _decided(self, record: Mapping[str, Any] | None, mutants: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
        """Return what is decided of a record, and under which mutants what else."""
        if record is None:
            return {"own": None}
        given = self._policy(record, self._process)
        own, others = _ruling(given), {}
        for n, mutant in enumerate(mutants):
            try:
                other = self._policy(record, mutant)
                if other != given:
                    others[n] = _ruling(other)
            except (Exception, SystemExit) as error:  # whatever a user's function raises
                return {"fault": [told(error)[:MAX_TOLD], self._place_of(error), n]}
        return {"own": own, "others": others}

    def _place_of(self, error: BaseException) -> str:
        """Return where the policy raised, or where it begins when what it returned is no ruling."""
        if not isinstance(error, NoRulingError):
            return place_of(error)
        code = getattr(self._policy, "__code__", None)
        return "" if code is None else f"{Path(code.co_filename).name}, line {code.co_firstlineno}"


def _ruling(given: Any) -> list[str | None]:
    """Return a ruling's values, or say why it is none."""
    if not isinstance(given, Mapping) or not isinstance(given.get("action"), str):
        got = dict(given) if isinstance(given, Mapping) else given
        raise NoRulingError(f"the policy returned {got!r:.200}; expected a mapping of {', '.join(KEYS)}")
    values = [given.get(key) for key in KEYS]
    if not all(value is None or isinstance(value, str) for value in values):
        raise NoRulingError(f"the policy returned {dict(given)!r:.200}; expected text or None for {', '.join(KEYS)}")
    return values


def _say(said: BinaryIO, line: Mapping[str, Any]) -> None:
    said.write(json.dumps(line).encode() + b"\n")
    said.flush()


if __name__ == "__main__":
    main()
