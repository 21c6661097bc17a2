"""The whole matrix: a sandbox, what stands before it, an agent that goes through, and every trial in turn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from workbench.agents import Agent, through
from workbench.environment import read_environment
from workbench.environment.connections import Connection, QueueConnection, connected
from workbench.environment.proxy import QUEUE_FAULTS, FaultKind, route_of
from workbench.environment.sandbox import RunningSandbox
from workbench.integrations.faults.asking import asked_in_turn
from workbench.integrations.faults.intake import READ, QueueUnderTest, tried_half_written
from workbench.integrations.faults.outcomes import WaysOut
from workbench.integrations.faults.reading import SandboxBooks
from workbench.integrations.faults.running import planned_trials, run_clean, run_trial
from workbench.integrations.faults.standing import Between, standing_between
from workbench.integrations.faults.tables import FaultedRecord
from workbench.pilot import Pilot, Role
from workbench.pilot.integrations import (
    Inventory,
    Operation,
    OperationEffect,
    System,
    SystemType,
    placed_address,
)
from workbench.records import Record
from workbench.runs.runner import has_bars

BY_TYPE = {SystemType.QUEUE: QUEUE_FAULTS, SystemType.FILE: (FaultKind.HALF_WRITTEN,)}


@dataclass(frozen=True, slots=True)
class MatrixSeen:
    """What was seen of an agent under faults.

    Parameters
    ----------
    writes : tuple of str
        Operations at which a loss is for good: those that write, and those that take documents in.
    unsound : tuple of str
        Records whose decision did not do what it says without a fault.
    never_called : tuple of str
        Operations that read, which no decision called.
    """

    seen: tuple[FaultedRecord, ...]
    ways: WaysOut
    writes: tuple[str, ...]
    unsound: tuple[str, ...]
    never_called: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class UnderFaults:
    """What the matrix is run with.

    Parameters
    ----------
    sandbox : RunningSandbox
        One that nobody else uses meanwhile.
    records : sequence of Record
        Among which those are found that call each operation.
    """

    pilot: Pilot
    inventory: Inventory
    sandbox: RunningSandbox
    agent: Agent
    records: Sequence[Record]
    is_shown: bool = True

    async def run(self) -> MatrixSeen:
        """Try every fault on every operation behind the agent's tools, and on every queue and file.

        Raises
        ------
        InputError
            The agent does not act, the operations do not fit its tools, or a system cannot be reached.
        RunError
            The sandbox does not say what it holds.
        """
        books, ways = SandboxBooks(self.inventory, self.sandbox), self._ways()
        async with standing_between(self.inventory, self.sandbox) as between:
            async with asked_in_turn(through(self.agent, between.reached)) as asked:
                clean = await run_clean(asked, books, self.records, ways)
                trials = list(planned_trials(between.breakable, clean))
                bar = tqdm(trials, desc="faults", unit=" decisions", disable=not (self.is_shown and has_bars()))
                seen = [await run_trial(asked, books, between.breakable[one.tool], one, clean) for one in bar]
            for system, name in self._intake():
                seen += await self._tried_intake(between, books, system, name)
        await books.take_back()
        called = {f"{one.system}.{one.operation}" for one in seen}
        known = {f"{one.system.id}.{one.name}": one.operation for one in between.breakable.values()}
        writing = [name for name, operation in known.items() if operation.effect is OperationEffect.WRITE]
        intake = [f"{system.id}.{name}" for system, name in self._intake()]
        never = tuple(name for name in known if name not in called)
        return MatrixSeen(tuple(seen), ways, (*writing, *intake), clean.unsound, never)

    def _ways(self) -> WaysOut:
        """Return which operation carries which action out; an intake carries out that it was read."""
        tools = read_environment(self.pilot).tools
        behind = self.inventory.behind_tools()
        carried_out = {
            f"{system.id}.{name}": action
            for tool, (system, name, _) in behind.items()
            if tool in tools and (action := tools[tool].settings.carries_out) is not None
        }
        read = {f"{system.id}.{name}": READ for system, name in self._intake()}
        return WaysOut({**carried_out, **read}, self.pilot.settings.escalate_label)

    def _intake(self) -> list[tuple[System, str]]:
        """Return the operations by which documents come in: those of queues and files that no tool calls."""
        return [
            (system, name)
            for system, name, operation in self.inventory.operations()
            if system.type in BY_TYPE and operation.effect is OperationEffect.READ and operation.tool is None
        ]

    async def _tried_intake(
        self, between: Between, books: SandboxBooks, system: System, name: str
    ) -> list[FaultedRecord]:
        """Return what comes of messages of a queue, or of rows of a file, under faults."""
        if system.type is SystemType.FILE:
            return await self._tried_file(system, name, system.operations[name])
        placed = next(one for one in between.reached.inventory.settings.systems if one.id == system.id)
        sandbox = self.sandbox
        connection = connected(placed, sandbox.places, sandbox.secrets)
        assert isinstance(connection, QueueConnection)
        route = route_of(placed, name, placed.operations[name], str(placed.sandbox))
        queue = QueueUnderTest(system.id, name, connection, between.proxies[system.id], route, books)
        found = []
        try:
            for kind in QUEUE_FAULTS:
                await books.take_back()
                found += await queue.tried(kind)
        finally:
            await connection.close()
        return found

    async def _tried_file(self, system: System, name: str, operation: Operation) -> list[FaultedRecord]:
        folder = Path(placed_address(str(system.sandbox), self.sandbox.places))
        files = sorted(folder.glob(operation.call), key=lambda one: (one.stat().st_size, one.name))
        if not files:
            return [FaultedRecord(FaultKind.HALF_WRITTEN, system.id, name)]
        id_column = self.pilot.contract.column_with(Role.ID)
        field = next((field for field, one in operation.answer.items() if one.becomes == id_column), None)

        def reading(folder: Path) -> Connection:
            return connected(system.model_copy(update={"sandbox": str(folder)}), {}, {})

        return await tried_half_written((system.id, name), files[-1], field, reading)
