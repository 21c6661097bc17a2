"""A pilot's environment: its state before any record, its tools and limits, read from environment.yaml."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workbench.environment.memory import memory_tools
from workbench.environment.settings import ENVIRONMENT_FILE, IDEMPOTENCY_KEY, ActionLimits, EnvironmentSettings
from workbench.environment.state import StateImage, made_image
from workbench.environment.tools import Tool, made_tool
from workbench.environment.trace import Effect
from workbench.files import read_settings
from workbench.pilot import Pilot, Role
from workbench.words import InputError, did_you_mean, shown

NEEDS_KEY = "needs"  # in an agent's identity: the column of records that names the documents that a decision needs


@dataclass(frozen=True, slots=True)
class Environment:
    """What an agent acts on, fresh for each decision.

    `identity` is what makes this version of it; the files of functions are told apart by who runs them. `files` are
    environment.yaml and the files of rows beside it. `memory` are the tools of memories across decisions, which records
    with one value in column `by` share; without memory there are none, and `by` is None.
    """

    folder: Path
    image: StateImage
    tools: Mapping[str, Tool]
    limits: ActionLimits
    identity: Mapping[str, Any]
    files: tuple[Path, ...] = ()
    memory: Mapping[str, Tool] = field(default_factory=dict)
    by: str | None = None

    def offered(self, role: str | None) -> tuple[Tool, ...]:
        """Return the tools that an agent of a role is told of."""
        allowed = [
            one for one in self.tools.values() if not one.settings.allowed_for or role in one.settings.allowed_for
        ]
        return (*allowed, *self.memory.values())

    def columns_of(self, tool: Tool) -> tuple[str, ...]:
        """Return the columns of the rows that a tool's statement reads; none where it has none or writes."""
        if tool.settings.sql is None or tool.effect is Effect.WRITE:
            return ()
        state = self.image.opened({})
        try:
            given = {**dict.fromkeys(tool.arguments), IDEMPOTENCY_KEY: None}
            described = state.connection.execute(tool.settings.sql, given).description
        finally:
            state.close()
        return tuple(column[0] for column in described)


def read_environment(pilot: Pilot) -> Environment:
    """Return a pilot's environment; no code of the pilot is run.

    Raises
    ------
    InputError
        There is no environment.yaml, or it, its rows or its tools do not fit.
    """
    path = pilot.suite / ENVIRONMENT_FILE
    if not path.is_file():
        raise InputError(
            "an agent with tools needs an environment, and the pilot has none",
            where=str(path),
            remedy="write environment.yaml with tables and tools; docs/how_to/act.md has an example",
        )
    settings = read_settings(path, EnvironmentSettings)
    _check_columns(pilot, settings, path)
    _check_actions(pilot, settings, path)
    _check_needs(pilot, settings.needs, path)
    image = made_image(settings.tables, pilot.suite)
    tools = {name: made_tool(name, one, image, pilot.suite) for name, one in settings.tools.items()}
    by = _shared_by(pilot, settings, path)
    content = f"{_said(settings)}{sorted(image.digests.items())}"
    identity = {"environment": hashlib.sha256(content.encode()).hexdigest()}
    if settings.needs is not None:
        identity[NEEDS_KEY] = settings.needs
    rows = [pilot.suite / table.rows for table in settings.tables.values() if table.rows is not None]
    files = (path, *dict.fromkeys(rows))
    memory = {} if by is None else memory_tools(settings.memory, by)
    _check_names(settings, memory, path)
    return Environment(pilot.suite, image, tools, settings.limits, identity, files, memory, by)


def _said(settings: EnvironmentSettings) -> str:
    """Return what the file says, without the keys on documents and memory where they are not used."""
    said = settings.model_dump(mode="json")
    for part in (said, *said["tables"].values(), *said["tools"].values()):
        for name in ("full_text", "documents", NEEDS_KEY, "memory"):
            if not part.get(name):
                part.pop(name, None)
    return json.dumps(said, sort_keys=True)


def _check_needs(pilot: Pilot, needs: str | None, path: Path) -> None:
    """Refuse a column of needed documents that is not there, that an agent sees, or that is the label."""
    contract = pilot.contract
    if needs is None or (needs in contract.columns and contract.columns[needs].role is Role.IGNORE):
        return
    where = f"{path}, {NEEDS_KEY}"
    if needs not in contract.columns:
        remedy = did_you_mean(needs, contract.columns) or "declare it in contract.yaml with `role: ignore`"
        raise InputError("needs names a column that there is not", where=where, got=needs, remedy=remedy)
    raise InputError(
        "needs names a column that an agent sees or that has a part of its own: it would give the answer away",
        where=where,
        got=f"{needs}, role {contract.columns[needs].role.value}",
        remedy=f"give {needs} the `role: ignore` in contract.yaml",
    )


def _shared_by(pilot: Pilot, settings: EnvironmentSettings, path: Path) -> str | None:
    """Return the column whose value decides which records share memory, None where nothing is remembered."""
    entity = pilot.contract.column_with(Role.ENTITY)
    for name, one in settings.memory.items():
        if one.by != entity:
            raise InputError(
                "memory is shared by a column that is not the contract's entity",
                where=f"{path}, memory.{name}.by",
                got=one.by,
                expected=entity or "a column with `role: entity` in contract.yaml; none has it",
                remedy="give that column the role: decisions that share memory depend on each other, and splits and "
                "certificates know that only of records of one entity",
            )
    return entity if settings.memory else None


def _check_names(settings: EnvironmentSettings, memory: Mapping[str, Tool], path: Path) -> None:
    """Refuse tools that are called as those of a memory."""
    twice = [name for name in settings.tools if name in memory]
    if twice:
        raise InputError(
            "a tool has the name of one that a memory brings",
            where=f"{path}, tools.{twice[0]}",
            got=shown(twice),
            remedy="call the tool or the memory otherwise",
        )


def _check_actions(pilot: Pilot, settings: EnvironmentSettings, path: Path) -> None:
    """Refuse tools that carry out what is no action of the pilot."""
    actions = pilot.contract.labels
    for name, tool in settings.tools.items():
        if actions is not None and tool.carries_out is not None and tool.carries_out not in actions:
            raise InputError(
                "a tool carries out what is no action of the pilot",
                where=f"{path}, tools.{name}.carries_out",
                got=tool.carries_out,
                expected=shown(actions),
            )


def _check_columns(pilot: Pilot, settings: EnvironmentSettings, path: Path) -> None:
    """Refuse tables that are filled from columns that an agent may not see, or that are not there."""
    for name, table in settings.tables.items():
        unknown = [column for column in table.filled.values() if column not in pilot.contract.shown]
        if unknown:
            raise InputError(
                "a table is filled from columns that the agent may not see or that are not there",
                where=f"{path}, tables.{name}.from_record",
                got=shown(unknown),
                expected=shown(pilot.contract.shown),
            )
