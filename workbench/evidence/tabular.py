"""One dialect of tables: CSV that a spreadsheet opens safely and that reads back exactly, by the kinds of its columns.

A cell of text that is empty or starts with = + - @ tab, CR or ' gets one ' in front, which reading takes away again; an
empty cell is no value. Numbers are written in full, so what is computed from the file is what was computed before.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from workbench.files import write_atomically
from workbench.records.tables import MARK, marked, unmarked
from workbench.words import InputError


class ColumnKind(StrEnum):
    """What the cells of a column are; any of them may be missing, but those of a boolean."""

    TEXT = "text"
    NUMBER = "number"
    INTEGER = "integer"
    BOOLEAN = "boolean"


def kinds_of(table: pd.DataFrame) -> dict[str, ColumnKind]:
    """Return the kind of each column of a table, by its dtype; what is no number and no boolean is text."""
    return {str(name): _kind(table[name]) for name in table.columns}


def table_csv(table: pd.DataFrame) -> bytes:
    """Return a table as CSV; its index is not in it.

    Raises
    ------
    InputError
        A cell of text is something else, or a column is named twice: it would not read back as it was.
    """
    if not table.columns.is_unique:
        raise InputError("a table has a column twice", got=", ".join(map(str, table.columns)))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")  # RFC 4180; so a lone CR in a cell is quoted, too
    writer.writerow([_cell(str(name)) for name in table.columns])
    writer.writerows(zip(*(_cells(table[name]) for name in table.columns), strict=True))
    return text.getvalue().encode()


def write_table(path: Path, table: pd.DataFrame) -> None:
    """Write a table as CSV, whole or not at all. Raises InputError as `table_csv` does."""
    write_atomically(path, table_csv(table))


def table_of(content: bytes, kinds: Mapping[str, ColumnKind]) -> pd.DataFrame:
    """Return the table that `table_csv` wrote.

    Raises
    ------
    InputError
        It is no such table, or has other columns than those named.
    """
    try:
        header, *rows = csv.reader(io.StringIO(content.decode("utf-8"), newline=""), strict=True)
        names = [_value(name) or "" for name in header]
        if names != list(kinds) or any(len(row) != len(header) for row in rows):
            raise ValueError(f"ragged rows, or other columns: {', '.join(names)}"[:200])
        columns = list(zip(*rows, strict=True)) if rows else [()] * len(names)
        return pd.DataFrame({name: _series(kinds[name], cells) for name, cells in zip(names, columns, strict=True)})
    except (ValueError, csv.Error) as error:
        raise InputError("a table cannot be read", got=str(error)[:200]) from None


def _kind(column: pd.Series[Any]) -> ColumnKind:
    if pd.api.types.is_bool_dtype(column.dtype):
        return ColumnKind.BOOLEAN
    if pd.api.types.is_integer_dtype(column.dtype):
        return ColumnKind.INTEGER
    return ColumnKind.NUMBER if pd.api.types.is_float_dtype(column.dtype) else ColumnKind.TEXT


def _cells(column: pd.Series[Any]) -> list[str]:
    is_missing = column.isna().to_numpy()
    return ["" if gone else _cell(value) for value, gone in zip(column.tolist(), is_missing, strict=True)]


def _cell(value: object) -> str:
    if isinstance(value, str):
        return marked(value) or MARK
    if isinstance(value, bool | np.bool_):
        return "true" if value else "false"
    if isinstance(value, float | np.floating):
        return repr(float(value))
    if isinstance(value, int | np.integer):
        return str(int(value))
    raise InputError("a cell of a table is neither text nor a number", got=f"{type(value).__name__} {value!r}"[:200])


def _value(cell: str) -> str | None:
    return unmarked(cell) if cell else None


def _series(kind: ColumnKind, cells: tuple[str, ...]) -> pd.Series[Any]:
    if kind is ColumnKind.NUMBER:
        return pd.Series([float(cell) if cell else np.nan for cell in cells], dtype=float)
    if kind is ColumnKind.INTEGER:
        return pd.Series([int(cell) if cell else None for cell in cells], dtype="Int64")
    if kind is ColumnKind.BOOLEAN:
        return pd.Series([_BOOLEANS[cell] for cell in cells], dtype=bool)
    return pd.Series([_value(cell) for cell in cells], dtype=object)


class _Booleans(dict[str, bool]):
    def __missing__(self, cell: str) -> bool:
        raise ValueError(f"not a boolean: {cell[:50]!r}")


_BOOLEANS = _Booleans(true=True, false=False)
