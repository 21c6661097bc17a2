"""What a contract says about a table, ready for its columns."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from workbench.audit.table.relations import Relation, RelationKind
from workbench.pilot import Column, ColumnType, Role, TableContract
from workbench.records.tables import Semantic, known_format
from workbench.words import InputError, shown

_SEMANTICS = {
    ColumnType.INTEGER: Semantic.INTEGER,
    ColumnType.NUMBER: Semantic.NUMBER,
    ColumnType.BOOLEAN: Semantic.BOOLEAN,
    ColumnType.DATE: Semantic.DATE,
    ColumnType.DATETIME: Semantic.DATETIME,
}
_OPERATORS = {
    RelationKind.PRODUCT: (" * ", " = "),
    RelationKind.SUM: (" + ", " = "),
    RelationKind.ORDER: (" <= ", None),
}


@dataclass(frozen=True, slots=True)
class Declared:
    """What is agreed about a table.

    Parameters
    ----------
    contract : TableContract
    key, entity : tuple of int
        Positions; empty when not declared. Entity is the thing that several sources describe.
    source, time : int or None
    dependencies : tuple of tuple of int
        Positions of the determinant's columns and, last, of the dependent.
    relations : tuple of Relation
    """

    contract: TableContract
    names: tuple[str, ...]
    key: tuple[int, ...]
    entity: tuple[int, ...]
    source: int | None
    time: int | None
    dependencies: tuple[tuple[int, ...], ...]
    relations: tuple[Relation, ...]

    def column(self, name: str) -> Column | None:
        """Return what is declared about a column, None when nothing is."""
        return self.contract.columns.get(name)

    def semantic(self, name: str) -> Semantic | None:
        """Return what a column's cells are declared to be."""
        column = self.column(name)
        if column is None:
            return None
        return column.semantic or _SEMANTICS.get(column.type)

    def is_text(self, name: str) -> bool:
        """Whether a column is declared to hold text, whatever its cells look like."""
        column = self.column(name)
        return column is not None and column.type is ColumnType.STRING and "type" in column.model_fields_set

    def missing(self, name: str) -> tuple[str, ...] | None:
        """Return which texts of a column stand for nothing, None when the contract does not say."""
        column = self.column(name)
        return None if column is None else column.missing

    def is_required(self, name: str) -> bool | None:
        """Whether a column must be filled, None when the contract does not say."""
        column = self.column(name)
        return column.required if column is not None and "required" in column.model_fields_set else None

    def unit(self, name: str) -> str | None:
        """Return what the numbers of a column count, None when the contract does not say."""
        column = self.column(name)
        return None if column is None else column.unit

    def pattern(self, name: str) -> re.Pattern[str] | None:
        """Return what every filled cell of a column must match."""
        column = self.column(name)
        if column is None or column.format is None:
            return None
        known = known_format(column.format)
        return known.pattern if known else re.compile(column.format)


def declare(contract: TableContract, names: Sequence[str]) -> Declared:
    """Return a contract for the columns of a table.

    Raises
    ------
    InputError
        The contract names a column that the table does not have, or a rule cannot be read.
    """
    singles = [name for name in (contract.source, contract.time, contract.entity) if name is not None]
    unknown = [name for name in (*contract.key, *singles) if name not in names]
    if unknown:
        raise InputError(
            "the contract names columns that the table does not have", got=shown(unknown), expected=shown(names)
        )
    place = {name: position for position, name in enumerate(names)}
    source = place[contract.source] if contract.source is not None else None
    key = tuple(place[name] for name in contract.key)
    entity = (
        (place[contract.entity],)
        if contract.entity
        else tuple(p for p in key if p != source)
        if source is not None
        else ()
    )
    read = [_rule(text, place) for text in contract.rules]
    dependencies = tuple(rule for rule in read if isinstance(rule, tuple))
    relations = tuple(rule for rule in read if isinstance(rule, Relation))
    stamp = next((name for name, one in contract.columns.items() if one.role is Role.TIMESTAMP), contract.time)
    time = place.get(stamp) if stamp is not None else None
    return Declared(contract, tuple(names), key, entity, source, time, dependencies, relations)


def _rule(text: str, place: dict[str, int]) -> tuple[int, ...] | Relation:
    if " -> " in text:
        left, right = text.split(" -> ", 1)
        parts = [left] if left in place else left.split(", ")
        return tuple(_position(name, text, place) for name in (*parts, right))
    for kind, (first, second) in _OPERATORS.items():
        if first in text and (second is None or second in text):
            left, right = text.split(first, 1)
            rest = right.split(second, 1) if second else [right]
            return Relation(kind, tuple(_position(name, text, place) for name in (left, *rest)), 1.0)
    raise InputError(
        "a rule of the contract cannot be read", where=repr(text),
        expected="'a -> b', 'a, b -> c', 'a * b = c', 'a + b = c' or 'a <= b', with spaces around the sign",
    )  # fmt: skip


def _position(name: str, text: str, place: dict[str, int]) -> int:
    if name.strip() not in place:
        raise InputError(
            "a rule of the contract names a column that the table does not have",
            where=repr(text),
            got=repr(name.strip()),
        )
    return place[name.strip()]
