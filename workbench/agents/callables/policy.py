"""The written policy of a pilot as a function, asked in a process of its own."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workbench.agents.callables.function import PilotFunction
from workbench.agents.callables.worker import CallableWorker, Failed, Task
from workbench.pilot import Pilot, Process, content_of, decisions_by_reason

if TYPE_CHECKING:
    from workbench.records import Record

    AskPolicy = Callable[[Record], Awaitable["Ruling | None"]]


@dataclass(frozen=True, slots=True)
class Ruling:
    """What the written policy decides of a record: what to do, why, who gets it, and the rule that decided."""

    action: str
    reason: str | None = None
    to: str | None = None
    rule: str | None = None


@dataclass(frozen=True, slots=True)
class WrittenPolicy:
    """The policy that process.yaml names under `python`.

    Parameters
    ----------
    function : PilotFunction
        Takes the columns an agent may see, and the content of process.yaml.
    content : mapping
        That content, as plain values.
    reasons : frozenset of str
        Those that process.yaml gives; a ruling with another one, such as that the record cannot be read, decides
        nothing.
    """

    function: PilotFunction
    content: Mapping[str, Any]
    reasons: frozenset[str]

    @property
    def identity(self) -> Mapping[str, Any]:
        """What makes this version of the policy: its code and the content of process.yaml."""
        written = json.dumps(self.content, sort_keys=True, ensure_ascii=False)
        return {
            "python": self.function.name,
            "code": self.function.digests(()),
            "process": hashlib.sha256(written.encode()).hexdigest(),
            "reasons": sorted(self.reasons),
        }

    @property
    def task(self) -> Task:
        """What its process runs."""
        return Task(self.function, beside=self.content)

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[AskPolicy]:
        """Give what asks it, in a process that is started when it is first asked; None where it could not decide."""
        async with CallableWorker(self.task) as worker:

            async def ask(record: Record) -> Ruling | None:
                said = await worker.ask(record)
                if isinstance(said, Failed):
                    return None
                ruling = Ruling(*said["decided"])
                return ruling if ruling.reason is None or ruling.reason in self.reasons else None

            yield ask


def written_policy(pilot: Pilot, process: Process) -> WrittenPolicy | None:
    """Return the policy as a function, None where process.yaml names none.

    Raises
    ------
    InputError
        Its file is missing, or is no Python.
    """
    if process.python is None:
        return None
    place = pilot.suite.relative_to(pilot.root).as_posix()
    function = PilotFunction(pilot.root, f"{place}/{process.python}")
    return WrittenPolicy(function, content_of(process), frozenset(decisions_by_reason(process)))
