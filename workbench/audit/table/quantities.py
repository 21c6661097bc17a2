"""Cells as numbers and as days, for the checks that compute."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import replace
from datetime import datetime
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from workbench.audit.table.encoded import Encoded
from workbench.records.tables import MISSING, CodedColumn, Codes, moments_of, number_in

Numbers: TypeAlias = npt.NDArray[np.float64]
_STRIPPED = re.compile(r"[^\d.,+-]")
EPOCH = datetime(1970, 1, 1)


def per_row(column: CodedColumn, of_value: Numbers) -> Numbers:
    """Return a number for each row looked at from one for each distinct value; NaN where the cell is empty."""
    return np.append(of_value, np.nan)[column.codes]


def numbers_of(column: CodedColumn) -> Numbers:
    """Return each distinct value as a number, NaN where it is none; currency signs and units are left out."""
    return np.array([_number(value) for value in column.values], dtype=float)


def _number(value: str) -> float:
    plain = number_in(value)
    if plain is not None:
        return plain if abs(plain) < 1e300 else float("nan")
    stripped = _STRIPPED.sub("", value) if any(sign in value for sign in "$€£%") else value.strip()
    if re.fullmatch(r"[+-]?\d{1,3}(,\d{3})+(\.\d+)?", stripped):
        return float(stripped.replace(",", ""))
    if re.fullmatch(r"[+-]?\d{1,3}(\.\d{3})*,\d+", stripped):
        return float(stripped.replace(".", "").replace(",", "."))
    found = number_in(stripped) if stripped != value else None
    return float("nan") if found is None else found


def with_same_numbers(encoded: Encoded, numeric: Collection[int]) -> Encoded:
    """Return a table whose cells that hold the same number in different writings (0,00 and 0.00) are the same."""
    filled = list(encoded.filled)
    for position in numeric:
        column = encoded.columns[position]
        if any("," in value for value in column.values) and any("," not in value for value in column.values):
            filled[position] = _same_code(column)[filled[position]]
    return replace(encoded, filled=tuple(filled))


def _same_code(column: CodedColumn) -> Codes:
    """Return for each value, and for none, the code of the first value that is the same number."""
    first: dict[object, int] = {}
    keys = [
        value if number != number else number for value, number in zip(column.values, numbers_of(column), strict=True)
    ]
    return np.array([*(first.setdefault(key, code) for code, key in enumerate(keys)), MISSING], dtype=np.int32)


def days_of(column: CodedColumn) -> Numbers:
    """Return each distinct date or datetime as days since 1970, NaN where it is none.

    In dates with slashes the month stands first unless the column's cells say otherwise.
    """
    moments = moments_of([value.strip() for value in column.values], undecided=False)
    return np.array([np.nan if one is None else (one - EPOCH).total_seconds() / 86_400 for one in moments], dtype=float)
