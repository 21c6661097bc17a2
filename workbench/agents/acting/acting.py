"""How an agent acts: the pilot's environment, the agent's role, and a desk for each of its decisions."""

from __future__ import annotations

import hashlib
import json
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from workbench.agents.callables import CallableWorker, Failed, PilotFunction, Task
from workbench.agents.decisions import Decision, with_trace
from workbench.agents.identity import THROUGH
from workbench.engines import FailureCause
from workbench.environment import (
    DecisionAt,
    Environment,
    FunctionDone,
    Tool,
    ToolDesk,
    ToolError,
    ToolFault,
    read_environment,
)
from workbench.environment.connections import ReachedSystems
from workbench.pilot import PiiClass, Pilot
from workbench.records import Record, base_id


@dataclass(frozen=True, slots=True)
class Acting:
    """What an agent needs to act.

    Parameters
    ----------
    environment : Environment
    functions : mapping of str to PilotFunction
        The tools that are functions of the pilot, by name.
    role : str, optional
        The agent's, for tools that only some may call.
    version : str
        Digest of the agent's identity, for keys that are the same whenever it decides the same record.
    private : tuple of str
        Columns with personal data: their values are not kept in traces.
    faults : mapping of str to tuple of ToolFault
        Faults that tools have on purpose, by record id.
    injected : mapping of str to mapping of str to str
        Texts that an attacker has written behind what tables hold, by record id and TABLE.COLUMN.
    escalate_label : str, optional
        What an escalation is called.
    held : dict of str to (str, str)
        Records under way that a person must decide: the guard that says so, and why. The guards around the agent write
        it before the agent is asked.
    remembered : dict of str to mapping of str to str
        What is remembered before the decisions on records, by record id. Who hands the records out writes it.
    reached : ReachedSystems, optional
        The systems that stand behind tools.
    """

    environment: Environment
    functions: Mapping[str, PilotFunction]
    role: str | None
    version: str = ""
    private: tuple[str, ...] = ()
    faults: Mapping[str, tuple[ToolFault, ...]] = field(default_factory=dict)
    injected: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    escalate_label: str | None = None
    held: dict[str, tuple[str, str]] = field(default_factory=dict)
    remembered: dict[str, Mapping[str, str]] = field(default_factory=dict)
    reached: ReachedSystems | None = None

    @property
    def identity(self) -> dict[str, Any]:
        """What makes this version of what the agent acts on."""
        return {**self.environment.identity, "tools": self.code, "role": self.role}

    @property
    def in_identity(self) -> dict[str, Any]:
        """What an agent that acts has in its identity: what it acts on, and through what where it reaches systems."""
        through = {} if self.reached is None else {THROUGH: self.reached.identity}
        return {"acts": self.identity, **through}

    @property
    def code(self) -> dict[str, str]:
        """Digests of the files of the tools' functions, each by its path under the root."""
        return {path: digest for one in self.functions.values() for path, digest in one.digests(()).items()}

    @property
    def offered(self) -> tuple[Tool, ...]:
        """The tools that the agent is told of."""
        return self.environment.offered(self.role)

    def private_of(self, record: Record) -> dict[str, str]:
        """Return the values of a record that are personal data, by column."""
        cells = {name: record.fields.get(name) for name in self.private}
        return {name: str(value) for name, value in cells.items() if value is not None}

    def ended(self, record: Record, desk: ToolDesk, decision: Decision) -> Decision:
        """Return a decision with what happened at its desk and what is remembered after it; the desk is left."""
        remembered = None if self.environment.by is None else dict(desk.remembered)
        return replace(with_trace(decision, desk.end(), self.private_of(record)), remembered=remembered)

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Callable[[Record], ToolDesk]]:
        """Give what makes the desk of a record's decision; functions run in processes of their own meanwhile."""
        async with AsyncExitStack() as stack:
            workers = {}
            reached, environment = self.reached, self.environment
            reach = None if reached is None else await stack.enter_async_context(reached.opened(environment))
            for name, function in self.functions.items():
                if reach is not None and reach.stands_behind(name):
                    continue
                deadline_s = self.environment.tools[name].settings.deadline_s
                task = Task(function, deadline_s=deadline_s, is_tool=True)
                workers[name] = await stack.enter_async_context(CallableWorker(task))

            async def run(tool: Tool, arguments: Mapping[str, Any], state: bytes | None, key: str) -> FunctionDone:
                return await _run_function(workers[tool.name], tool, arguments, state, key)

            def desk(record: Record) -> ToolDesk:
                digest = hashlib.sha256(f"{self.version} {record.digest}".encode()).hexdigest()
                faults, held = self.faults.get(record.id, ()), self.held.get(record.id)
                at = DecisionAt(
                    record.fields,
                    digest,
                    self.role,
                    faults,
                    held,
                    self.escalate_label,
                    self.remembered.get(record.id, {}),
                    self.private_of(record),
                    base_id(record.id),
                    self.injected.get(record.id, {}),
                )
                return ToolDesk(environment, at, run, reach)

            yield desk


async def _run_function(
    worker: CallableWorker, tool: Tool, arguments: Mapping[str, Any], state: bytes | None, key: str
) -> FunctionDone:
    """Return what a tool's function returned. Raises ToolError or TimeoutError."""
    given = {name: value for name, value in arguments.items() if value is not None or tool.arguments[name].required}
    if tool.takes_key:
        given["idempotency_key"] = key
    said = await worker.run({"arguments": given, "state": None if state is None else b64encode(state).decode()})
    if isinstance(said, Failed):
        if said.cause is FailureCause.TIMEOUT:
            raise TimeoutError
        raise ToolError(said.detail)
    after = said.get("state")
    return FunctionDone(said["result"], None if after is None else b64decode(after))


def acting_of(pilot: Pilot, role: str | None) -> Acting:
    """Return what an agent of a role acts on. Raises InputError where the pilot's environment does not fit."""
    environment = read_environment(pilot)
    folder = pilot.suite.relative_to(pilot.root)
    functions = {
        name: PilotFunction(pilot.root, f"{folder}/{tool.settings.python}")
        for name, tool in environment.tools.items()
        if tool.settings.python is not None
    }
    private = tuple(name for name in pilot.contract.shown if pilot.contract.columns[name].pii is not PiiClass.NONE)
    return Acting(environment, functions, role, private=private, escalate_label=pilot.settings.escalate_label)


def acting_files(pilot: Pilot, role: str | None) -> tuple[Path, ...]:
    """Return the files that an agent of a role acts on: the environment's, and those of tools that are functions."""
    acting = acting_of(pilot, role)
    return (*acting.environment.files, *(pilot.root / path for path in sorted(acting.code)))


def version_of(identity: Mapping[str, Any]) -> str:
    """Return the digest of an agent's identity."""
    return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()


def described(tool: Tool) -> dict[str, Any]:
    """Return a tool as agents are told of it: name, description and the JSON schema of its arguments."""
    return {"name": tool.name, "description": tool.description, "parameters": tool.schema()}
