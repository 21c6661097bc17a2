"""A pilot's environment: its state before any record, its tools and limits, read from environment.yaml."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.environment.settings import ENVIRONMENT_FILE, ActionLimits, EnvironmentSettings
from workbench.environment.state import StateImage, made_image
from workbench.environment.tools import Tool, made_tool
from workbench.files import read_settings
from workbench.pilot import Pilot
from workbench.words import InputError, shown


@dataclass(frozen=True, slots=True)
class Environment:
    """What an agent acts on, fresh for each decision.

    `identity` is what makes this version of it; the files of functions are told apart by who runs them. `files` are
    environment.yaml and the files of rows beside it.
    """

    folder: Path
    image: StateImage
    tools: Mapping[str, Tool]
    limits: ActionLimits
    identity: Mapping[str, Any]
    files: tuple[Path, ...]

    def offered(self, role: str | None) -> tuple[Tool, ...]:
        """Return the tools that an agent of a role is told of."""
        return tuple(
            tool for tool in self.tools.values() if not tool.settings.allowed_for or role in tool.settings.allowed_for
        )


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
    image = made_image(settings.tables, pilot.suite)
    tools = {name: made_tool(name, one, image, pilot.suite) for name, one in settings.tools.items()}
    said = json.dumps(settings.model_dump(mode="json"), sort_keys=True)
    content = f"{said}{sorted(image.digests.items())}"
    identity = {"environment": hashlib.sha256(content.encode()).hexdigest()}
    rows = [pilot.suite / table.rows for table in settings.tables.values() if table.rows is not None]
    return Environment(pilot.suite, image, tools, settings.limits, identity, (path, *dict.fromkeys(rows)))


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
