"""Cells as numbers and as days, for the checks that compute."""

from __future__ import annotations

import re
from datetime import datetime
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from workbench.audit.encoded import Column
from workbench.audit.semantic import number_in

Numbers: TypeAlias = npt.NDArray[np.float64]
_STRIPPED = re.compile(r"[^\d.,+-]")
_LAYOUTS = (
    "%Y-%m-%d", "%Y/%m/%d", "%d.%m.%Y", "%d.%m.%y", "%m/%d/%Y", "%d/%m/%Y", "%m/%d/%y", "%d-%m-%Y", "%d-%b-%Y",
    "%d %B %Y", "%d %b %Y", "%B %d, %Y", "%b %d, %Y", "%b %d %Y",
)  # fmt: skip


def per_row(column: Column, of_value: Numbers) -> Numbers:
    """Return a number for each row looked at from one for each distinct value; NaN where the cell is empty."""
    return np.append(of_value, np.nan)[column.codes]


def numbers_of(column: Column) -> Numbers:
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


def days_of(column: Column) -> Numbers:
    """Return each distinct date or datetime as days since 1970, NaN where it is none."""
    return np.array([_days(value) for value in column.values], dtype=float)


def _days(value: str) -> float:
    text = value.strip()
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00")).replace(tzinfo=None)
    except ValueError:
        day = text.split(" ")[0] if ":" in text else text
        for layout in _LAYOUTS:
            try:
                moment = datetime.strptime(day, layout)
                break
            except ValueError:
                continue
        else:
            return float("nan")
    return (moment - datetime(1970, 1, 1)).total_seconds() / 86_400
