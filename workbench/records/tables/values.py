"""Text cells as the values that a contract says they are: numbers, truth values, ISO dates, None for nothing."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.pilot import Column, ColumnType
from workbench.records.tables.moments import moment_formats, moments_written
from workbench.records.tables.numbers import EXPECTED, number_of

Value: TypeAlias = str | int | float | bool | None
TRUTH = {"true": True, "false": False}
ISO = {ColumnType.DATE: "%Y-%m-%d", ColumnType.DATETIME: "ISO8601"}


def typed(cells: pd.Series[Any], column: Column) -> tuple[pd.Series[Any], NDArray[np.bool_]]:
    """Return a column's cells as values, and which of them are not of its type.

    A cell is missing, so None, when it is empty or blank, or one of the column's `missing` texts. A number is an int
    where it is whole and the type says so, otherwise a float; a date or datetime is ISO 8601 text. A cell that is not
    of the type is None as well.

    Parameters
    ----------
    cells : Series
        Text as written, None where a cell is empty.
    column : Column

    Returns
    -------
    Series of objects and array of bool, shape (n_cells,)
    """
    codes, found = pd.factorize(cells.to_numpy(dtype=object))
    texts: list[str] = found.tolist()
    is_missing = missing_texts(texts, column.missing or ())
    filled = [text for text, missing in zip(texts, is_missing, strict=True) if not missing]
    read = dict(zip(filled, _CONVERTERS[column.type](filled, column), strict=True))
    values = np.empty(len(texts) + 1, dtype=object)
    values[:-1] = [None if missing else read[text] for text, missing in zip(texts, is_missing, strict=True)]
    is_wrong = np.append(np.array([value is None for value in values[:-1]], dtype=bool) & ~is_missing, False)
    return pd.Series(values[codes], index=cells.index, dtype=object), is_wrong[codes]


def missing_texts(texts: Sequence[str], missing: Sequence[str]) -> NDArray[np.bool_]:
    """Return which texts stand for nothing: blank ones, and those named, compared without white space around them."""
    named = {composed(text).strip() for text in missing}
    if not named:
        return np.array([not text.strip() for text in texts], dtype=bool)
    return np.array([not text.strip() or composed(text).strip() in named for text in texts], dtype=bool)


def composed(text: str) -> str:
    """Return a text in Unicode's composed form (NFC)."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def expected_of(column: Column) -> str:
    """Return how a cell of a column is to be written, as a hint in messages."""
    if column.type in (ColumnType.INTEGER, ColumnType.NUMBER):
        return f"such as {EXPECTED[column.decimal]}"
    if column.type in ISO:
        known = column.format in moment_formats(column.type)
        return (
            f"as {column.format}" if known else "ISO 8601, or a `format` such as DD.MM.YYYY, MM/DD/YYYY, D Month YYYY"
        )
    return "true or false" if column.type is ColumnType.BOOLEAN else "text"


def _strings(texts: Sequence[str], _: Column) -> Sequence[Value]:
    return texts


def _integers(texts: Sequence[str], column: Column) -> Sequence[Value]:
    found = [number_of(text, column.decimal) for text in texts]
    return [int(one) if isinstance(one, int) or (one is not None and one.is_integer()) else None for one in found]


def _numbers(texts: Sequence[str], column: Column) -> Sequence[Value]:
    found = [number_of(text, column.decimal) for text in texts]
    return [None if one is None else float(one) if abs(one) < 1e300 else None for one in found]


def _booleans(texts: Sequence[str], _: Column) -> Sequence[Value]:
    return [TRUTH.get(text.strip().lower()) for text in texts]


def _times(texts: Sequence[str], column: Column) -> Sequence[Value]:
    if column.format in moment_formats(column.type) and not str(column.format).startswith("YYYY-MM-DD"):
        moments = moments_written([text.strip() for text in texts], str(column.format))
        if column.type is ColumnType.DATE:
            return [None if one is None else f"{one:%Y-%m-%d}" for one in moments]
        return [None if one is None else one.isoformat() for one in moments]
    plain = [text.strip() for text in texts]
    read = pd.to_datetime(pd.Series(plain, dtype=object), format=ISO[column.type], errors="coerce", utc=True)
    return [text if known else None for text, known in zip(plain, read.notna(), strict=True)]


_CONVERTERS: Mapping[ColumnType, Callable[[Sequence[str], Column], Sequence[Value]]] = {
    ColumnType.STRING: _strings,
    ColumnType.INTEGER: _integers,
    ColumnType.NUMBER: _numbers,
    ColumnType.BOOLEAN: _booleans,
    ColumnType.DATE: _times,
    ColumnType.DATETIME: _times,
}
