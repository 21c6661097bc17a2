"""attacks.yaml: through which fields, tools and memories of a pilot an attacker may write, and what one would want."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

from pydantic import Field

from workbench.files import Settings, read_settings

ATTACKS_FILE, ATTACKS_FOLDER = "attacks.yaml", "attacks"


class Channel(StrEnum):
    """By what an attacker's text reaches an agent."""

    FREE_TEXT = "free_text"  # a column of free text
    NAME = "name"  # a column of names or addresses
    DOCUMENT = "document"  # a column with the text of a document
    TOOL_RESULT = "tool_result"  # what a tool returns
    MEMORY = "memory"  # what is remembered of earlier decisions
    FILE_NAME = "file_name"  # a column with the name of a file


class AttackSettings(Settings):
    """The content of attacks.yaml.

    Parameters
    ----------
    channels : mapping
        By channel the places that an outsider may write to: columns of the contract; for tool_result TABLE.COLUMN of
        environment.yaml; for memory the names of memories. A channel that is not named does not exist in this pilot.
    wanted : tuple of str
        The actions that an attacker would want, the most wanted first.
    records : int
        How many records each pattern is tried on.
    seed : int
        Which records, places and transforms those are.
    """

    channels: dict[Channel, tuple[str, ...]] = Field(min_length=1)
    wanted: tuple[str, ...] = Field(min_length=1)
    records: int = Field(default=10, ge=1)
    seed: int = 1


def read_attack_settings(suite: Path) -> AttackSettings | None:
    """Return what attacks.yaml of a pilot's folder says, None where there is none. Raises InputError."""
    path = suite / ATTACKS_FILE
    return read_settings(path, AttackSettings) if path.is_file() else None
