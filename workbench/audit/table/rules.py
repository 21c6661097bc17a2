"""Rules: what cells must be like, defined once, compiled to SQL and held against every row; published as a suite."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from workbench.audit.cells import CELL_COLUMNS, flagged, no_cells
from workbench.audit.findings import CellKind
from workbench.audit.table.relations import SHARE, TOLERANCE
from workbench.records.tables import ColumnProfile, Table

# When rows with the same determinant agree enough on a value for another to be wrong; the suite's engines count so too.
MIN_GROUP = 3  # of two rows that differ, neither is more likely wrong
MIN_MAJORITY = 0.7  # by trial: lower, and groups that are split on purpose are flagged
STRAY_SHARE = 0.02  # of a large group: what more of it say is a value of its own
MAX_LISTED = 200_000  # rows of a rule: they are held in memory; all are counted
BATCH_ROWS = 100_000
MAX_TOGETHER = 150  # in one query: bounds the time of planning it


class RuleKind(StrEnum):
    """What a rule asks for."""

    NOT_NULL = "not null"
    IN_SET = "one of the values"
    NOT_IN_SET = "none of the values"
    MATCHES = "matches"
    BETWEEN = "between"
    UNIQUE = "unique"
    DEPENDENCY = "a settles b"
    PRODUCT = "a * b = c"
    SUM = "a + b = c"
    ORDER = "a <= b"


BY_ROW = frozenset(set(RuleKind) - {RuleKind.UNIQUE, RuleKind.DEPENDENCY})


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule over one or more columns; empty cells break none but `not null`.

    Parameters
    ----------
    kind : RuleKind
    positions : tuple of int
        The columns; a dependency's last one is settled by those before it.
    names : tuple of str
        Their names in the header.
    cell_kind : CellKind
        What a cell that breaks the rule is flagged as.
    reason : str
    values : tuple of str
        For the two kinds with a set.
    pattern : str or None
        For `matches`: a regular expression for the whole cell (RE2 and Python read it alike).
    low, high : float or None
        For `between`; cells that are no numbers do not break it.
    layout : str or None
        For `a <= b` between dates: how they are written, for strptime; None compares numbers.
    is_declared : bool
        Whether the contract says so; otherwise it was inferred.
    """

    kind: RuleKind
    positions: tuple[int, ...]
    names: tuple[str, ...]
    cell_kind: CellKind
    reason: str
    values: tuple[str, ...] = ()
    pattern: str | None = None
    low: float | None = None
    high: float | None = None
    layout: str | None = None
    is_declared: bool = False

    @classmethod
    def of(cls, profile: ColumnProfile, kind: RuleKind, cell_kind: CellKind, reason: str, **more: Any) -> Rule:
        """Return a rule over one column."""
        return cls(kind, (profile.position,), (profile.name,), cell_kind, reason, **more)

    @property
    def flagged(self) -> int:
        """Position of the column whose cell is flagged where the rule is broken."""
        return self.positions[-1]

    def to_sql(self, table: Table) -> str:
        """Return a rule over single rows as the SQL condition under which a row of `data` breaks it.

        Raises
        ------
        ValueError
            The rule compares rows with each other; see `rows_sql`.
        """
        cells = [table.text(position) for position in self.positions]
        first = cells[0]
        match self.kind:
            case RuleKind.NOT_NULL:
                return f"({first} IS NULL)"
            case RuleKind.IN_SET:
                return f"({first} IS NOT NULL AND {first} NOT IN ({literals(self.values)}))"
            case RuleKind.NOT_IN_SET:
                return f"coalesce({first} IN ({literals(self.values)}), false)"
            case RuleKind.MATCHES:
                return f"coalesce(NOT regexp_full_match(trim({first}), {literal(self.pattern or '')}), false)"
            case RuleKind.BETWEEN:
                return f"coalesce({self._number(table, 0)} NOT BETWEEN {self.low!r} AND {self.high!r}, false)"
            case RuleKind.PRODUCT | RuleKind.SUM:
                sign = "*" if self.kind is RuleKind.PRODUCT else "+"
                a, b, c = (self._number(table, place) for place in range(3))
                expected = f"{a} {sign} {b}"
                return f"coalesce(abs({expected} - {c}) > greatest({TOLERANCE}, {SHARE} * abs({expected})), false)"
            case RuleKind.ORDER:
                a, b = (self._moment(table, place) for place in range(2))
                return f"coalesce({b} < {a}, false)"
            case RuleKind.UNIQUE | RuleKind.DEPENDENCY:
                raise ValueError(f"{self.kind.value!r} compares rows with each other")

    def rows_sql(self, table: Table) -> str:
        """Return the SQL query for the rows that break the rule, as the one column `row`."""
        match self.kind:
            case RuleKind.UNIQUE:
                key = ", ".join(table.text(position) for position in self.positions)
                filled = " AND ".join(f"{table.text(position)} IS NOT NULL" for position in self.positions)
                copies = (
                    f"SELECT row, row_number() OVER (PARTITION BY {key} ORDER BY row) AS copy FROM data WHERE {filled}"
                )
                keys = f"SELECT hash({key}) AS h FROM data WHERE {filled} GROUP BY h HAVING count(*) > 1"
                return f"SELECT row FROM ({copies} AND hash({key}) IN ({keys})) WHERE copy > 1"
            case RuleKind.DEPENDENCY:
                return self._strays(table)
            case _:
                return f"SELECT row FROM data WHERE {self.to_sql(table)}"

    def _strays(self, table: Table) -> str:
        *left, right = (table.text(position) for position in self.positions)
        names = [f"k{place}" for place in range(len(left))]
        keys, picked = ", ".join(names), ", ".join(f"{cell} AS {name}" for cell, name in zip(left, names, strict=True))
        filled = " AND ".join(f"{cell} IS NOT NULL" for cell in (*left, right))
        return (
            f"WITH cells AS (SELECT row, {picked}, {right} AS v FROM data WHERE {filled}), "
            f"pairs AS (SELECT {keys}, v, count(*) AS n FROM cells GROUP BY {keys}, v), "
            f"tops AS (SELECT {keys}, arg_max(v, n) AS top, max(n) AS n_top, sum(n) AS size "
            f"FROM pairs GROUP BY {keys}), "
            f"strays AS (SELECT {keys}, v FROM pairs JOIN tops USING ({keys}) WHERE size >= {MIN_GROUP} AND v <> top "
            f"AND n_top >= {MIN_MAJORITY} * size AND (n <= 2 OR n <= {STRAY_SHARE} * size)) "
            f"SELECT row FROM cells JOIN strays USING ({keys}, v)"
        )

    def _number(self, table: Table, place: int) -> str:
        position = self.positions[place]
        if table.storage[position] == "VARCHAR":
            return f"TRY_CAST(c{position} AS DOUBLE)"
        return f"CAST(c{position} AS DOUBLE)"

    def _moment(self, table: Table, place: int) -> str:
        if self.layout is None:
            return self._number(table, place)
        if table.storage[self.positions[place]] in {"DATE", "TIMESTAMP", "TIMESTAMP_NS", "TIMESTAMP WITH TIME ZONE"}:
            return f"c{self.positions[place]}"
        return f"try_strptime({table.text(self.positions[place])}, {literal(self.layout)})"


def regex_text(pattern: re.Pattern[str]) -> str:
    """Return a compiled pattern as the text that a rule holds, which DuckDB reads as Python does."""
    return f"(?i){pattern.pattern}" if pattern.flags & re.IGNORECASE else pattern.pattern


def literal(text: str) -> str:
    """Return a text as an SQL literal.

    Examples
    --------
    >>> literal("it's")
    "'it''s'"
    """
    return "'" + text.replace("'", "''") + "'"


def literals(values: Sequence[str]) -> str:
    """Return texts as a list of SQL literals, NULL when there is none."""
    return ", ".join(map(literal, values)) or "NULL"


@dataclass(frozen=True, slots=True)
class RuleResult:
    """How a rule held over the whole table.

    Parameters
    ----------
    rule : Rule
    n_rows : int
        Rows of the table.
    n_broken : int
        Rows that break the rule, counted exactly.
    rows : array
        The first 200,000 of them.
    """

    rule: Rule
    n_rows: int
    n_broken: int
    rows: npt.NDArray[np.int64]


def hold(table: Table, rules: Sequence[Rule]) -> tuple[RuleResult, ...]:
    """Return how each rule held over all rows of a table, in the rules' order.

    Rules over single rows take one scan; a very wide table, with more than 150 of them, takes one for each 150.
    """
    by_row = [number for number, rule in enumerate(rules) if rule.kind in BY_ROW]
    found: dict[int, tuple[int, npt.NDArray[np.int64]]] = {}
    for start in range(0, len(by_row), MAX_TOGETHER):
        part = by_row[start : start + MAX_TOGETHER]
        found |= zip(part, _scan(table, [rules[number] for number in part]), strict=True)
    for number, rule in enumerate(rules):
        if number not in found:
            rows = table.connection.sql(rule.rows_sql(table)).fetchnumpy()["row"].astype(np.int64)
            found[number] = (len(rows), np.sort(rows)[:MAX_LISTED])
    return tuple(RuleResult(rule, table.n_rows, *found[number]) for number, rule in enumerate(rules))


def _scan(table: Table, rules: Sequence[Rule]) -> list[tuple[int, npt.NDArray[np.int64]]]:
    """Return for rules over single rows how many rows break them and which, in one pass over the table."""
    if not rules:
        return []
    picked = ", ".join(f"{rule.to_sql(table)} AS r{number}" for number, rule in enumerate(rules))
    broken = " OR ".join(f"r{number}" for number in range(len(rules)))
    counts, listed = [0] * len(rules), [0] * len(rules)
    rows: list[list[npt.NDArray[np.int64]]] = [[] for _ in rules]
    query = f"SELECT * FROM (SELECT row, {picked} FROM data) WHERE {broken}"
    for batch in table.connection.sql(query).to_arrow_reader(BATCH_ROWS):
        numbers = batch.column(0).to_numpy().astype(np.int64)
        for place in range(len(rules)):
            hits = numbers[batch.column(place + 1).to_numpy(zero_copy_only=False).astype(bool)]
            counts[place] += len(hits)
            if len(hits) and listed[place] < MAX_LISTED:
                rows[place].append(hits[: MAX_LISTED - listed[place]])
                listed[place] += len(rows[place][-1])
    empty = np.zeros(0, dtype=np.int64)
    return [(count, np.concatenate(parts) if parts else empty) for count, parts in zip(counts, rows, strict=True)]


def unlisted(results: Sequence[RuleResult]) -> tuple[str, ...]:
    """Return in a sentence each which rules more rows break than are listed."""
    return tuple(
        f"Rule on {result.rule.names[-1]!r}, {result.rule.reason}: {result.n_broken:,} rows break it; the first "
        f"{len(result.rows):,} are listed, and the findings count these only."
        for result in results
        if result.n_broken > len(result.rows)
    )


def cells_of(results: Sequence[RuleResult]) -> pd.DataFrame:
    """Return the cells that break rules; a cell that breaks several has the kind and reason of the first."""
    parts = [
        flagged(result.rows, rule.names[-1], rule.cell_kind.id, rule.reason).assign(position=rule.flagged)
        for result in results
        if result.n_broken
        for rule in [result.rule]
    ]
    if not parts:
        return no_cells()
    table = pd.concat(parts, ignore_index=True).drop_duplicates(["row", "position"], ignore_index=True)
    return table.sort_values(["row", "position"], kind="stable", ignore_index=True)[list(CELL_COLUMNS)]
