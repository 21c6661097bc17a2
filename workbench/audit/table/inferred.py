"""What was inferred about a table, or is declared: what detectors and rules go by."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from workbench.audit.table.declared import Declared, declare
from workbench.audit.table.dependencies import Dependency, discover, measure
from workbench.audit.table.encoded import Encoded, encode
from workbench.audit.table.entities import Described, find_roles
from workbench.audit.table.relations import Numbers, Relation, find_relations, quantities, with_same_numbers
from workbench.audit.table.writing import SourceFormat, source_formats
from workbench.pilot import Column, Role, TableContract
from workbench.records.tables import CodedColumn, ColumnProfile, Hints, Table, profile, settled_profiles


@dataclass(frozen=True, slots=True)
class Beside:
    """What lies beside a table.

    Parameters
    ----------
    folder : Path
        Where files that references name are.
    tables : tuple of Path
        Tables among which references may be inferred.
    """

    folder: Path
    tables: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class Known:
    """What was inferred about a table, or is declared.

    Parameters
    ----------
    table : Table
        All rows; `beside` is what lies beside it.
    encoded : Encoded
        The rows looked at.
    profiles : tuple of ColumnProfile
    dependencies : tuple of Dependency
    relations : tuple of Relation
    roles : Described or None
        Which columns name a thing and who describes it, where several sources do.
    numbers : mapping of int to array
        Numeric columns and dates as numbers for each row, by position.
    by_source : mapping of int to SourceFormat
        Columns whose way of writing depends on another column.
    declared : Declared or None
    """

    table: Table
    beside: Beside | None
    encoded: Encoded
    profiles: tuple[ColumnProfile, ...]
    dependencies: tuple[Dependency, ...]
    relations: tuple[Relation, ...]
    roles: Described | None
    numbers: Mapping[int, Numbers]
    by_source: Mapping[int, SourceFormat]
    declared: Declared | None

    @property
    def keys(self) -> tuple[int, ...]:
        """Positions of the declared key, empty where rows with the same key describe one thing several times."""
        return self.declared.key if self.declared is not None and not self.declared.entity else ()

    @property
    def time(self) -> int | None:
        """Position of the column that the contract declares as the time of a row."""
        return self.declared.time if self.declared is not None else None

    @property
    def source(self) -> tuple[int, ...]:
        """Position of the column that says who described a thing, empty where there is none."""
        return (self.roles.source,) if self.roles is not None and self.roles.source is not None else ()

    def each(self) -> Iterator[tuple[CodedColumn, ColumnProfile]]:
        """Yield every column with what it is."""
        return zip(self.encoded.columns, self.profiles, strict=True)

    def with_columns(self, columns: Sequence[tuple[CodedColumn, ColumnProfile]]) -> Known:
        """Return the same with other columns to look at, value by value."""
        coded, profiles = zip(*columns, strict=True)
        return replace(self, encoded=replace(self.encoded, columns=tuple(coded)), profiles=tuple(profiles))

    def agreed(self, name: str) -> Column | None:
        """Return what the contract says about a column, None when it says nothing."""
        return self.declared.column(name) if self.declared is not None else None

    def pattern(self, name: str) -> re.Pattern[str] | None:
        """Return what the contract says that every filled cell of a column must match."""
        return self.declared.pattern(name) if self.declared is not None else None

    def is_required(self, name: str) -> bool | None:
        """Whether the contract says that a column must be filled, None when it does not say."""
        return self.declared.is_required(name) if self.declared is not None else None

    def is_prose(self, name: str) -> bool:
        """Whether the contract says that a column's cells are free text: it has rare words and signs of its own."""
        agreed = self.agreed(name)
        return agreed is not None and agreed.role is Role.TEXT


def known_of(
    table: Table, contract: TableContract | None = None, beside: Beside | None = None, hints: Hints | None = None
) -> Known:
    """Return what a table is, inferred and declared.

    Raises
    ------
    InputError
        The contract names a column that the table does not have.
    """
    encoded, declared = encode(table), None if contract is None else declare(contract, table.names)
    profiles = settled_profiles(
        encoded.columns, [profiled(column, encoded.n, declared) for column in encoded.columns], hints
    )
    encoded = with_same_numbers(encoded, [found.position for found in profiles if found.is_numeric])
    numbers = quantities(encoded, profiles, declared.relations if declared else ())
    relations = find_relations(encoded, profiles, numbers)
    entity, source = (declared.entity, declared.source) if declared else ((), None)
    if declared is not None:
        agreed = {relation.positions for relation in declared.relations}
        relations = (*declared.relations, *(one for one in relations if one.positions not in agreed))
    roles = find_roles(encoded, profiles, entity, source)
    if roles is not None and declared is not None:
        roles = replace(roles, described=tuple(one for one in roles.described if one != declared.time))
    dependencies = _dependencies(encoded, profiles, declared)
    by_source = source_formats(encoded, profiles, roles)
    return Known(table, beside, encoded, profiles, dependencies, relations, roles, numbers, by_source, declared)


def profiled(column: CodedColumn, n: int, declared: Declared | None) -> ColumnProfile:
    """Return what a column is, by its values and what the contract says."""
    if declared is None:
        return profile(column, n)
    name = column.name
    return profile(column, n, declared.semantic(name), declared.is_text(name), declared.missing(name))


def _dependencies(
    encoded: Encoded, profiles: tuple[ColumnProfile, ...], declared: Declared | None
) -> tuple[Dependency, ...]:
    """Return the dependencies found and those declared."""
    found = discover(encoded, profiles)
    if declared is None:
        return found
    known = {one.positions for one in found}
    agreed = (measure(encoded, positions) for positions in declared.dependencies if positions not in known)
    return (*found, *(one for one in agreed if one is not None))
