"""A table as codes: each column's distinct values once, and for each row which of them it holds."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from workbench.audit.placeholders import is_placeholder, may_be_placeholder
from workbench.audit.reading import Table

EXACT_ROWS = 250_000
SAMPLE_ROWS = 50_000
MAX_CELLS = 40_000_000
MISSING = -1
LONGEST_CELL = 2_000
MARKER_ROWS = 20
MAX_VALUES = 5_000

Codes: TypeAlias = npt.NDArray[np.int32]
Counts: TypeAlias = npt.NDArray[np.int64]
Mask: TypeAlias = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Column:
    """One column of the rows looked at.

    Parameters
    ----------
    position : int
    name : str
        The header's name.
    storage : str
        DuckDB's type.
    values : list of str
        Distinct cells as text, in order of appearance.
    counts : array of shape (n_values,)
        Rows that hold each value.
    codes : array of shape (n,)
        Index into `values` for each row, -1 where the cell is empty.
    n_marked : int
        Empty cells that hold the text which stands for "no value" throughout the table.
    """

    position: int
    name: str
    storage: str
    values: list[str]
    counts: Counts
    codes: Codes
    n_marked: int = 0

    @property
    def n_filled(self) -> int:
        """Rows whose cell is not empty."""
        return int(self.counts.sum())

    def rows_with(self, is_meant: Mask) -> npt.NDArray[np.intp]:
        """Return the rows (0-based among those looked at) whose value is meant."""
        return np.flatnonzero(np.append(is_meant, False)[self.codes])

    def one_each(self) -> Codes:
        """Return the codes of rows that would hold each value once."""
        return np.arange(len(self.values), dtype=np.int32)


@dataclass(frozen=True, slots=True)
class Encoded:
    """The rows that inference looks at: all of them, or a sample.

    Parameters
    ----------
    columns : tuple of Column
    rows : array of shape (n,)
        The data row of each.
    n_rows : int
        Rows of the whole table.
    filled : tuple of array
        Each column's codes with placeholders as missing.
    """

    columns: tuple[Column, ...]
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
    cells = (f"left({table.text(position)}, {LONGEST_CELL}) AS c{position}" for position in range(len(table.names)))
    picked = ", ".join(cells)
    read = table.connection.sql(f"SELECT row, {picked} FROM data{where}").to_arrow_table()
    rows = read.column("row").to_numpy().astype(np.int64)
    columns = tuple(
        _column(position, name, table.storage[position], read.column(position + 1))
        for position, name in enumerate(table.names)
    )
    kept = _without_marker(columns)
    return Encoded(kept, rows, table.n_rows, tuple(map(_filled, kept)))


def _filled(column: Column) -> Codes:
    blank = np.array([is_placeholder(value) for value in column.values] + [True], dtype=bool)
    return np.where(blank[column.codes], MISSING, column.codes).astype(np.int32)


def _without_marker(columns: tuple[Column, ...]) -> tuple[Column, ...]:
    """Return the columns with the table's own mark for "no value" as empty cells.

    A text that may stand for a missing value and fills a whole column is how this table writes empty cells.
    """
    markers = {
        column.values[0]
        for column in columns
        if len(column.values) == 1 and column.n_filled >= MARKER_ROWS and may_be_placeholder(column.values[0])
    }
    return tuple(_unmarked(column, markers) for column in columns) if markers else columns


def _unmarked(column: Column, markers: set[str]) -> Column:
    marked = [code for code, value in enumerate(column.values) if value in markers]
    if not marked:
        return column
    kept = np.setdiff1d(np.arange(len(column.values)), marked)
    renumbered = np.full(len(column.values) + 1, MISSING, dtype=np.int32)
    renumbered[kept] = np.arange(len(kept), dtype=np.int32)
    values, counts = [column.values[code] for code in kept], column.counts[kept]
    n_marked = int(column.counts[marked].sum())
    return replace(column, values=values, counts=counts, codes=renumbered[column.codes], n_marked=n_marked)


def _column(position: int, name: str, storage: str, cells: object) -> Column:
    coded = cells.combine_chunks().dictionary_encode()  # type: ignore[attr-defined]
    codes = coded.indices.fill_null(MISSING).to_numpy().astype(np.int32)
    values = [str(value) for value in coded.dictionary.to_pylist()]
    counts = np.bincount(codes[codes >= 0], minlength=len(values)).astype(np.int64)
    return Column(position, name, storage, values, counts, codes)


def value_table(table: Table, sampled: Column) -> Column | None:
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
