"""Guards before the agent is asked: cells that are longer, or other ones, than the contract says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from workbench.agents.decisions import Decision
from workbench.agents.guards.guard import Asks, StepIn
from workbench.environment import Stage
from workbench.pilot import Contract, GuardName, cell_text
from workbench.records import Record
from workbench.words import readable

MAX_TOLD = 60


@dataclass(frozen=True, slots=True)
class Lengths:
    """A text longer than its column's `max_length` is not shown to the agent."""

    at_most: Mapping[str, int]

    name: ClassVar[GuardName] = GuardName.LENGTHS
    stage: ClassVar[Stage] = Stage.INPUT

    @classmethod
    def of(cls, contract: Contract) -> Lengths:
        """Return the guard of a contract."""
        columns = {name: contract.columns[name].max_length for name in contract.shown}
        return cls({name: most for name, most in columns.items() if most is not None})

    @property
    def identity(self) -> Mapping[str, Any]:
        """How long the columns may be."""
        return {"max_length": dict(self.at_most)}

    async def look(self, record: Record, decision: Decision | None, asks: Asks) -> StepIn | None:
        """Step in where a cell is too long."""
        for name, most in self.at_most.items():
            cell = record.fields.get(name)
            if isinstance(cell, str) and len(cell) > most:
                return StepIn(f"{name} has {len(cell):,} characters, at most {most:,} are agreed", target=name)
        return None


@dataclass(frozen=True, slots=True)
class AllowedValues:
    """A cell that is none of its column's `allowed` values is not shown to the agent; an empty one is."""

    allowed: Mapping[str, frozenset[str]]

    name: ClassVar[GuardName] = GuardName.ALLOWED_VALUES
    stage: ClassVar[Stage] = Stage.INPUT

    @classmethod
    def of(cls, contract: Contract) -> AllowedValues:
        """Return the guard of a contract."""
        columns = {name: contract.columns[name].allowed for name in contract.shown}
        listed = {name: allowed for name, allowed in columns.items() if allowed is not None}
        return cls({name: frozenset(map(cell_text, allowed)) for name, allowed in listed.items()})

    @property
    def identity(self) -> Mapping[str, Any]:
        """What the columns may hold."""
        return {"allowed": {name: sorted(values) for name, values in self.allowed.items()}}

    async def look(self, record: Record, decision: Decision | None, asks: Asks) -> StepIn | None:
        """Step in where a cell is another one."""
        for name, allowed in self.allowed.items():
            cell = record.fields.get(name)
            if cell is not None and cell not in allowed and cell_text(cell) not in allowed:
                return StepIn(f"{name} holds {readable(repr(cell), MAX_TOLD)}, which is not allowed", target=name)
        return None
