"""The policy of a pilot as a function, run in a process of its own: many records, under one specification or many."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Protocol, Self

from workbench.agents.callables import PilotFunction, Ruling, child_environment, python_module
from workbench.cases.mutants import GONE, Mutant
from workbench.pilot import PROCESS_FILE, Pilot, Process, content_of
from workbench.words import InputError, RunError, error_from

SERVING = python_module("workbench.cases.policy_serving")
DEADLINE_S = 20.0
LOADING = 10  # times as long may loading take, libraries and all
MANY = 2_000
Fields = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class LeverRange:
    """Between which numbers a lever of the policy's file moves a record, and in which steps."""

    low: float
    high: float
    step: float


class Decider(Protocol):
    """What decides records, many at once: the policy of a pilot, or an agent's function."""

    def tried(self, records: Sequence[Fields]) -> list[Ruling | None]:
        """Return what is decided of each record, None where nothing is."""
        ...


@dataclass(frozen=True, slots=True)
class FunctionDecider:
    """A function of many records that returns what is decided of each, None where nothing is: an agent's decisions."""

    function: Callable[[Sequence[Fields]], Sequence[Ruling | None]]

    def tried(self, records: Sequence[Fields]) -> list[Ruling | None]:
        """Return what is decided of each record, None where nothing is."""
        return list(self.function(records)) if records else []


class PolicyProcess:
    """The process that runs a pilot's policy; use it in `with`.

    Parameters
    ----------
    pilot : Pilot
    process : Process
        Its specification, which names the policy in `python`.
    deadline_s : float
        How long one record may take, under all mutants that are asked.

    Raises
    ------
    InputError
        The specification names no function; it cannot be loaded; it raises at a record, or returns no ruling.
    RunError
        Its process ended or took longer than the deadline.
    """

    def __init__(self, pilot: Pilot, process: Process, deadline_s: float = DEADLINE_S) -> None:
        if process.python is None:
            raise InputError(
                "the process specification has no policy as a function",
                where=str(pilot.suite / PROCESS_FILE),
                remedy="add `python: policy.py:decide`, or design cases from what an agent decides",
            )
        self.reference = f"eval_suites/{pilot.name}/{process.python}"
        PilotFunction(pilot.root, self.reference)  # is found and is Python
        self._first = {"root": str(pilot.root), "reference": self.reference, "process": content_of(process)}
        self._deadline_s = deadline_s
        self._process: subprocess.Popen[bytes] | None = None
        self._buffer = b""
        self.levers: dict[str, LeverRange] = {}

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            SERVING, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=child_environment(), start_new_session=True
        )
        try:
            self._say(self._first)
            said = self._heard("was loaded", LOADING * self._deadline_s)
        except BaseException:
            self._end()
            raise
        self.levers = {name: LeverRange(*numbers) for name, numbers in said["levers"].items()}
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._end()

    def _end(self) -> None:
        """End the process with all that it has started."""
        process = self._process
        if process is not None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    with suppress(BrokenPipeError):
                        pipe.close()
            process.wait()

    def rulings(self, records: Sequence[Fields]) -> list[Ruling]:
        """Return what the policy decides of each record."""
        heard = self._asked(records, [], ())
        return [Ruling(*self._checked(said, record)["own"]) for said, record in zip(heard, records, strict=True)]

    def tried(self, records: Sequence[Fields]) -> list[Ruling | None]:
        """Return what the policy decides of each record, None where it raises: for records that no real one is like."""
        return self._tried(records, [])

    def moved_rulings(self, records: Sequence[Fields], moves: Sequence[tuple[int, str, float]]) -> list[Ruling | None]:
        """Return for each move - place of a record, lever, number - what is decided then; None where it cannot be."""
        return self._tried(records, moves)

    def moved(self, records: Sequence[Fields], moves: Sequence[tuple[int, str, float]]) -> list[Fields | None]:
        """Return for each move the record as it is then, None where the lever cannot move it."""
        return [said.get("record") for said in self._asked(records, moves, (), wants_record=True)]

    def under(self, records: Sequence[Fields], mutants: Sequence[Mutant]) -> list[dict[int, Ruling]]:
        """Return for each record the rulings under the mutants that change it, by the mutants' places."""
        changed = [[one.path, None if one.value is GONE else one.value, one.value is GONE] for one in mutants]
        words = [one.words for one in mutants]
        heard = zip(self._asked(records, [], changed), records, strict=True)
        others = [self._checked(said, record, words)["others"] for said, record in heard]
        return [{int(place): Ruling(*other) for place, other in one.items()} for one in others]

    def _tried(self, records: Sequence[Fields], moves: Sequence[tuple[int, str, float]]) -> list[Ruling | None]:
        heard = self._asked(records, moves, ())
        return [Ruling(*said["own"]) if said.get("own") else None for said in heard]

    def _asked(
        self,
        records: Sequence[Fields],
        moves: Sequence[tuple[int, str, float]],
        mutants: Sequence[Any],
        wants_record: bool = False,
    ) -> list[Mapping[str, Any]]:
        """Return an answer for each move, or for each record where none is moved."""
        asks: Sequence[Any] = moves or [(n, None, 0.0) for n in range(len(records))]
        heard: list[Mapping[str, Any]] = []
        for part in _parts(asks):
            places = sorted({ask[0] for ask in part})
            place_of = {place: n for n, place in enumerate(places)}
            self._say(
                {
                    "records": [dict(records[place]) for place in places],
                    "asks": [[place_of[place], lever, x] for place, lever, x in part],
                    "mutants": mutants,
                    "record": wants_record,
                }
            )
            for place, *_ in part:
                doing = f"decided {_named(records[place])}"
                heard.append(self._heard(doing, self._deadline_s))
        return heard

    def _checked(self, said: Mapping[str, Any], record: Fields, words: Sequence[str] = ()) -> Mapping[str, Any]:
        """Return an answer, or raise what the policy did instead."""
        if "fault" not in said:
            return said
        told, place, mutant = said["fault"]
        where = f"{place or self.reference}, {_named(record)}"
        if mutant is None:
            raise InputError("the policy of the pilot does not decide a record", where=where, got=told)
        raise InputError(
            "the policy of the pilot does not decide a record when the specification changes",
            where=f"{where}, where {words[mutant]}",
            got=told,
            remedy="take every rule, limit and fact from the process that is handed in; what is not there holds never",
        )

    def _say(self, content: Mapping[str, Any]) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):  # its end is what is read next
            self._process.stdin.write(json.dumps(content).encode() + b"\n")
            self._process.stdin.flush()

    def _heard(self, doing: str, deadline_s: float) -> Mapping[str, Any]:
        """Return the next line of the process."""
        assert self._process is not None
        assert self._process.stdout is not None
        end = time.monotonic() + deadline_s
        while b"\n" not in self._buffer:
            ready, _, _ = select.select([self._process.stdout], [], [], max(end - time.monotonic(), 0.0))
            if not ready:
                raise RunError("the policy of the pilot takes too long", where=self.reference, got=f"while it {doing}",
                               expected=f"an answer within {deadline_s:g} s")  # fmt: skip
            more = os.read(self._process.stdout.fileno(), 1 << 20)
            if not more:
                raise RunError("the process of the policy ended", where=self.reference, got=f"while it {doing}",
                               remedy="mend the policy: it may raise, but not end its process")  # fmt: skip
            self._buffer += more
        line, _, self._buffer = self._buffer.partition(b"\n")
        said: Mapping[str, Any] = json.loads(line)
        if "error" in said:
            raise error_from(said["error"])
        return said


def _parts(asks: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(asks), MANY):
        yield asks[start : start + MANY]


def _named(record: Fields) -> str:
    """Return a record for a message: its first cell, which as a rule is its id."""
    name, cell = next(iter(record.items()), ("record", "without cells"))
    return f"{name} {cell}"
