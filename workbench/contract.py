"""The contract: what columns a pilot's records have, what they mean and which values they may hold."""

from __future__ import annotations

from collections import Counter
from enum import StrEnum
from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from workbench.configuration import Settings, read_settings

CONTRACT_FILE = "contract.yaml"


class Role(StrEnum):
    """What a column is to the workbench; `label`, `reason`, `class` and `ignore` are never shown to an agent."""

    ID = "id"
    TEXT = "text"
    LABEL = "label"
    REASON = "reason"
    TIMESTAMP = "timestamp"
    SOURCE = "source"
    ENTITY = "entity"
    CLASS = "class"
    FIELD = "field"
    IGNORE = "ignore"


WITHHELD = frozenset({Role.LABEL, Role.REASON, Role.CLASS, Role.IGNORE})
SINGLE = frozenset({Role.ID, Role.LABEL, Role.REASON, Role.TIMESTAMP, Role.SOURCE, Role.ENTITY, Role.CLASS})


class ColumnType(StrEnum):
    """How a cell is read; dates and datetimes are ISO 8601 text."""

    STRING = "string"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    DATE = "date"
    DATETIME = "datetime"


class PiiClass(StrEnum):
    """What kind of personal data a column may hold."""

    NONE = "none"
    CONTACT = "contact"
    PERSONAL = "personal"
    FINANCIAL = "financial"
    SPECIAL = "special_category"


class Column(Settings):
    """One column of the records."""

    type: ColumnType = ColumnType.STRING
    role: Role = Role.FIELD
    required: bool = False
    allowed: tuple[str, ...] | None = None
    pii: PiiClass = PiiClass.NONE
    description: str = ""


class Contract(Settings):
    """A dataset's declared schema.

    `records` names the files beside contract.yaml, read in this order as one table. A column that is not declared is
    refused; a declared column that is not required may be absent from a file and is then empty.
    """

    records: tuple[str, ...] = Field(min_length=1)
    columns: dict[str, Column] = Field(min_length=1)

    @model_validator(mode="after")
    def _roles_fit(self) -> Self:
        counts = Counter(column.role for column in self.columns.values())
        repeated = sorted(role.value for role in SINGLE if counts[role] > 1)
        if repeated:
            raise ValueError(f"at most one column may have the role {', '.join(repeated)}")
        if counts[Role.LABEL] != 1:
            raise ValueError("exactly one column must have the role label")
        return self

    def column_with(self, role: Role) -> str | None:
        """Return the name of the one column with a role, None when no column has it."""
        return next((name for name, column in self.columns.items() if column.role is role), None)

    def columns_with(self, role: Role) -> tuple[str, ...]:
        """Return the names of all columns with a role, in the contract's order."""
        return tuple(name for name, column in self.columns.items() if column.role is role)

    @property
    def label(self) -> str:
        """Name of the label column."""
        return self.columns_with(Role.LABEL)[0]

    @property
    def shown(self) -> tuple[str, ...]:
        """Names of the columns an agent may see, in the contract's order."""
        return tuple(name for name, column in self.columns.items() if column.role not in WITHHELD)


def read_contract(folder: Path) -> Contract:
    """Return the contract of a dataset folder."""
    return read_settings(folder / CONTRACT_FILE, Contract)
