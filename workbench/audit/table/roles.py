"""Which columns say what a record is: declared, or inferred where there is no doubt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import pandas as pd

from workbench.audit.table.entities import Described
from workbench.pilot import Role, TableContract
from workbench.records.tables import (
    MAX_SOURCES,
    SOURCE_NAME,
    ColumnProfile,
    entity_column,
    id_column,
    source_column,
    text_columns,
    time_column,
)
from workbench.words import several, shown

TIME, SOURCE, ENTITY, CASE = "time", "source", "entity", "class"
EXPECTED_FILLED = 0.5  # of the records: without a contract, what most fill is expected


@dataclass(frozen=True, slots=True)
class Roles:
    """Which columns say what a record is; None where no column does.

    Parameters
    ----------
    id, time, source, entity, case : str, optional
        Columns with a record's id, time, origin, business partner, and class (common, edge, error).
    text : tuple of str
        Free text.
    required : tuple of str
        Columns that a complete record fills.
    notes : tuple of str
        Why a column that is named for a role does not have it, in a sentence each.
    """

    id: str | None = None
    time: str | None = None
    source: str | None = None
    entity: str | None = None
    case: str | None = None
    text: tuple[str, ...] = ()
    required: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def slices(self) -> Mapping[str, str]:
        """Columns by which records are told apart, other than by time."""
        named = {SOURCE: self.source, ENTITY: self.entity, CASE: self.case}
        return {kind: column for kind, column in named.items() if column is not None}


def declared_roles(contract: TableContract, present: Sequence[str], shown: Sequence[str]) -> Roles:
    """Return the roles that a contract declares, of the columns that are there; only shown ones can be required."""

    def column(role: Role, named: str | None = None) -> str | None:
        name = next((name for name, one in contract.columns.items() if one.role is role), named)
        return name if name in present else None

    key = contract.key[0] if len(contract.key) == 1 and contract.source is None else None
    return Roles(
        id=column(Role.ID, key),
        time=column(Role.TIMESTAMP, contract.time),
        source=column(Role.SOURCE, contract.source),
        entity=column(Role.ENTITY, contract.entity),
        case=column(Role.CLASS),
        text=tuple(name for name, one in contract.columns.items() if one.role is Role.TEXT and name in present),
        required=tuple(name for name in shown if name in contract.columns and contract.columns[name].required),
    )


def inferred_roles(
    frame: pd.DataFrame, columns: Sequence[ColumnProfile], described: Described | None, declared: Roles
) -> Roles:
    """Return the roles that columns declare or else seem to have.

    Parameters
    ----------
    frame : DataFrame
    columns : sequence of ColumnProfile
    described : Described, optional
        The thing and the source, where several sources describe the same things.
    declared : Roles
        They come first.
    """
    named = [column for column in columns if column.name in frame.columns]
    text = text_columns(frame, named)
    time = declared.time or time_column(frame, named)
    key = next((one.name for one in named if one.is_key and not one.is_moment and one.name not in text), None)
    names = {column.position: column.name for column in columns}
    source = None if described is None or described.source is None else names[described.source]
    entity = names[described.entity[0]] if described is not None and len(described.entity) == 1 else None
    filled = tuple(column.name for column in named if column.n_missing < (1 - EXPECTED_FILLED) * column.n)
    return Roles(
        id=declared.id or key,
        time=time,
        source=declared.source or source_column(named) or source,
        entity=declared.entity or entity_column(named) or entity,
        text=declared.text or text,
        required=declared.required or filled,
        notes=() if declared.source is not None else why_no_source(named),
    )


def completed_roles(declared: Roles, columns: Sequence[ColumnProfile]) -> Roles:
    """Return the roles of a pilot's contract with the id and the source that its columns are named for.

    An id is unique and named so; a source has two to fifty values. A column that has another role keeps it.
    """
    taken = {declared.time, declared.entity, declared.case, *declared.text}
    free = [one for one in columns if one.name not in taken]
    found = replace(declared, id=declared.id or id_column(free), source=declared.source or source_column(free))
    return found if found.source is not None else replace(found, notes=why_no_source(free))


def why_no_source(columns: Sequence[ColumnProfile]) -> tuple[str, ...]:
    """Return why no column is the source of records although some are named so; nothing where one is, or none is."""
    named = [one for one in columns if SOURCE_NAME.search(one.name)]
    if not named or source_column(columns) is not None:
        return ()
    fitting = [one for one in named if 1 < one.n_distinct <= MAX_SOURCES]
    if fitting:
        return (f"No column is taken as the source: {shown([one.name for one in fitting])} are all named so.",)
    counts = ", ".join(f"{one.name!r} has {several(one.n_distinct, 'value')}" for one in named)
    return (f"No column is taken as the source: {counts}; one with 2 to {MAX_SOURCES} is.",)
