"""A table as codes: each column's distinct values once, and for each row which of them it holds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from workbench.records.tables import (
    LONGEST_CELL,
    MISSING,
    CodedColumn,
    Codes,
    Counts,
    Table,
    coded_columns,
    is_placeholder,
)

EXACT_ROWS = 250_000  # bounds the time of the detectors, which look at every row
SAMPLE_ROWS = 50_000  # what most cells look like shows in them
MAX_CELLS = 40_000_000  # four bytes each, several times over
MAX_VALUES = 5_000  # of a column: each becomes part of a query


@dataclass(frozen=True, slots=True)
class Encoded:
    """The rows that inference looks at: all of them, or a sample.

    Parameters
    ----------
    columns : tuple of CodedColumn
    rows : array of shape (n,)
        The data row of each.
    n_rows : int
        Rows of the whole table.
    filled : tuple of array
        Each column's codes with placeholders as missing.
    """

    columns: tuple[CodedColumn, ...]
    rows: Counts
    n_rows: int
    filled: tuple[Codes, ...]

    @property
    def n(self) -> int:
        """Rows looked at."""
        return len(self.rows)

    @property
    def is_whole(self) -> bool:
        """Whether these are all rows of the table."""
        return self.n == self.n_rows


def encode(table: Table) -> Encoded:
    """Return a table's rows as codes: all up to 250,000 rows, above that about 50,000 chosen by a hash of the row.

    The choice is the same each time. Of a cell longer than 2,000 characters the beginning is looked at. Wide tables
    are read in fewer rows, so that no more than 40 million cells are held at once.
    """
    fitting = max(1_000, MAX_CELLS // max(1, len(table.names)))
    chosen, where = table.n_rows, ""
    if table.n_rows > min(EXACT_ROWS, fitting):
        chosen = min(SAMPLE_ROWS, fitting)
        where = f" WHERE hash(row) % {table.n_rows} < {chosen}"
    return _encoded(table, where)


def encode_rows(table: Table, rows: Counts) -> Encoded:
    """Return some rows of a table as codes."""
    import pyarrow

    table.connection.register("rows_chosen", pyarrow.table({"chosen": rows}))
    found = _encoded(table, " WHERE row IN (SELECT chosen FROM rows_chosen)")
    table.connection.unregister("rows_chosen")
    return found


def _encoded(table: Table, where: str) -> Encoded:
    """Return the rows that a condition chooses, all without one; cells in memory are not asked of the database."""
    if table.cells is not None and not where:
        read, rows = table.cells, np.arange(table.n_rows, dtype=np.int64)
    else:
        cells = (f"left({table.text(position)}, {LONGEST_CELL}) AS c{position}" for position in range(len(table.names)))
        found = table.connection.sql(f"SELECT row, {', '.join(cells)} FROM data{where}").to_arrow_table()
        read, rows = found.drop_columns(["row"]), found.column("row").to_numpy().astype(np.int64)
    columns = coded_columns(read, table.names, table.storage)
    return Encoded(columns, rows, table.n_rows, tuple(map(_filled, columns)))


def _filled(column: CodedColumn) -> Codes:
    blank = np.array([is_placeholder(value) for value in column.values] + [True], dtype=bool)
    return np.where(blank[column.codes], MISSING, column.codes).astype(np.int32)


def first_with(keys: Iterable[object]) -> Codes:
    """Return for each value, by a key that says what it means, the first with the same; MISSING for none."""
    first: dict[object, int] = {}
    return np.array([*(first.setdefault(key, code) for code, key in enumerate(keys)), MISSING], dtype=np.int32)


def value_table(table: Table, sampled: CodedColumn) -> CodedColumn | None:
    """Return a column's distinct values counted over all rows, None when a sample shows too many of them.

    The column's `codes` are those of the sample and do not belong to the values; `one_each` gives a row for each value.
    """
    if sampled.n_filled and len(sampled.values) > min(MAX_VALUES, sampled.n_filled // 5):
        return None
    cell = table.text(sampled.position)
    read = table.connection.sql(
        f"SELECT {cell} AS v, count(*) AS n FROM data WHERE v IS NOT NULL GROUP BY v ORDER BY n DESC, v"
    )
    found = read.fetchnumpy()
    return replace(
        sampled,
        values=[str(value) for value in found["v"]],
        counts=found["n"].astype(np.int64),
        codes=np.zeros(0, dtype=np.int32),
    )
