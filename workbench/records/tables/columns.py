"""Columns as codes: the distinct values of each once, and for every row which of them it holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt

from workbench.records.tables.placeholders import may_be_placeholder

if TYPE_CHECKING:
    import pyarrow

MISSING = -1
LONGEST_CELL = 2_000
MARKER_ROWS = 20

Codes: TypeAlias = npt.NDArray[np.int32]
Counts: TypeAlias = npt.NDArray[np.int64]
Mask: TypeAlias = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class CodedColumn:
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


def coded_columns(table: pyarrow.Table, names: Sequence[str], storage: Sequence[str]) -> tuple[CodedColumn, ...]:
    """Return text columns as codes; of a cell longer than 2,000 characters the beginning.

    A text that may stand for a missing value and fills a whole column is how this table writes empty cells: it is
    empty in every column.

    Parameters
    ----------
    table : pyarrow.Table
        Columns of strings.
    names, storage : sequence of str
        Of its columns, in order.
    """
    columns = tuple(
        _coded(place, name, kind, table.column(place))
        for place, (name, kind) in enumerate(zip(names, storage, strict=True))
    )
    markers = {
        column.values[0]
        for column in columns
        if len(column.values) == 1 and column.n_filled >= MARKER_ROWS and may_be_placeholder(column.values[0])
    }
    return tuple(_unmarked(column, markers) for column in columns) if markers else columns


def _coded(position: int, name: str, storage: str, cells: pyarrow.ChunkedArray) -> CodedColumn:
    from pyarrow import compute

    whole = cells.combine_chunks()
    if (compute.max(compute.utf8_length(whole)).as_py() or 0) > LONGEST_CELL:
        whole = compute.utf8_slice_codeunits(whole, 0, LONGEST_CELL)
    found = whole.dictionary_encode()
    codes = found.indices.fill_null(MISSING).to_numpy(zero_copy_only=False).astype(np.int32)
    values = [str(value) for value in found.dictionary.to_pylist()]
    counts = np.bincount(codes[codes >= 0], minlength=len(values)).astype(np.int64)
    return CodedColumn(position, name, storage, values, counts, codes)


def _unmarked(column: CodedColumn, markers: set[str]) -> CodedColumn:
    marked = [code for code, value in enumerate(column.values) if value in markers]
    if not marked:
        return column
    kept = np.setdiff1d(np.arange(len(column.values)), marked)
    renumbered = np.full(len(column.values) + 1, MISSING, dtype=np.int32)
    renumbered[kept] = np.arange(len(kept), dtype=np.int32)
    values, counts = [column.values[code] for code in kept], column.counts[kept]
    n_marked = int(column.counts[marked].sum())
    return replace(column, values=values, counts=counts, codes=renumbered[column.codes], n_marked=n_marked)
