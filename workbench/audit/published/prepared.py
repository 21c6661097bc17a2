"""The columns that a suite looks at, added to a pandas table; `spark` beside it adds the same with Spark."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from workbench.audit.published.suites import BROKEN, HOLDS, Added, Made
from workbench.audit.table.relations import SHARE, TOLERANCE
from workbench.audit.table.rules import MIN_GROUP, MIN_MAJORITY, STRAY_SHARE

_DIGITS = "[0-9]+(?:_[0-9]+)*"
_BLANK = r"[ \t\n\v\f\r]"
NUMBER = (
    rf"{_BLANK}*(?:\+-?|-)?(?:(?:{_DIGITS}(?:\.(?:{_DIGITS})?)?|\.{_DIGITS})(?:[eE][+-]?{_DIGITS})?"
    rf"|(?i:inf|infinity|nan)){_BLANK}*"
)
_PARTS = {"%Y": "([0-9]{1,4})", "%f": r"(?:\.([0-9]{1,9}))?(?:\+00)?", " ": f"{_BLANK}+"}
DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
RARE = 2  # rows: the same as in the votes on a broken dependency

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


def prepared(frame: pd.DataFrame, added: Sequence[Added]) -> pd.DataFrame:
    """Return a table as a suite looks at it: cells as text, an empty one missing, and the columns the suite adds.

    An added column made of one that the table does not have is left out; an expectation about it cannot be run.
    """
    ready = pd.DataFrame({name: _texts(frame[name]) for name in frame.columns}, index=frame.index)
    makers: dict[Made, Callable[[pd.DataFrame, Added], Any]] = {
        Made.TEXT: lambda cells, column: cells[column.of[0]],
        Made.NUMBER: _number_column,
        Made.PRODUCT: _calculated,
        Made.SUM: _calculated,
        Made.ORDER: _ordered,
        Made.DEPENDENCY: _settled,
    }
    able = [column for column in added if set(column.of) <= set(frame.columns)]
    made = {column.name: makers[column.made](ready, column) for column in able}
    return pd.concat([ready, pd.DataFrame(made, index=frame.index)], axis="columns") if made else ready


def _texts(cells: pd.Series[Any]) -> npt.NDArray[np.object_]:
    """Return cells as text, None where there is nothing in them."""
    known = zip(cells.tolist(), cells.isna().tolist(), strict=True)
    return np.array([None if is_missing else str(value) or None for value, is_missing in known], dtype=object)


def numbers(cells: pd.Series[Any]) -> tuple[Floats, Flags]:
    """Return the cells as numbers the way the scan reads them, and which can be read; "nan" can, as NaN.

    Examples
    --------
    >>> values, known = numbers(pd.Series([" 1_000", "1,5", None], dtype=object))
    >>> values.tolist(), known.tolist()
    ([1000.0, nan, nan], [True, False, False])
    """
    codes, texts = pd.factorize(cells)
    is_number = re.compile(NUMBER).fullmatch
    read = [float(text.strip().removeprefix("+")) if is_number(text) else None for text in texts]
    known = np.array([one is not None for one in read] + [False], dtype=bool)
    values = np.array([np.nan if one is None else one for one in read] + [np.nan], dtype=np.float64)
    return values[codes], known[codes]


def _number_column(frame: pd.DataFrame, column: Added) -> Floats:
    """Return numbers, NaN where there is none; a cell that says "nan" is beyond every limit, as in SQL."""
    values, known = numbers(frame[column.of[0]])
    return np.where(known & np.isnan(values), np.inf, values)


def _calculated(frame: pd.DataFrame, column: Added) -> npt.NDArray[np.object_]:
    cells = [numbers(frame[name]) for name in column.of]
    (a, b, c), known = (values for values, _ in cells), np.logical_and.reduce([known for _, known in cells])
    with np.errstate(all="ignore"):
        made = a * b if column.made is Made.PRODUCT else a + b
        is_off = _exceeds(np.abs(made - c), np.maximum(TOLERANCE, SHARE * np.abs(made)))
    return _told(~is_off, known)


def _ordered(frame: pd.DataFrame, column: Added) -> npt.NDArray[np.object_]:
    if column.layout is None:
        (a, has_a), (b, has_b) = (numbers(frame[name]) for name in column.of)
        return _told(~_exceeds(a, b), has_a & has_b)
    pattern, order = moment_pattern(column.layout)
    matches = re.compile(pattern).fullmatch
    known = {text: _moment(matches(text), order) for name in column.of for text in frame[name].dropna().unique()}
    pairs = [(known.get(a), known.get(b)) for a, b in zip(*(frame[name] for name in column.of), strict=True)]
    holds = np.array([a is not None and b is not None and a <= b for a, b in pairs], dtype=bool)
    return _told(holds, np.array([a is not None and b is not None for a, b in pairs], dtype=bool))


def moment_pattern(layout: str) -> tuple[str, tuple[str, ...]]:
    """Return the regular expression of a layout's texts, and what its groups are, such as ("Y", "m", "d")."""
    parts = re.findall(r"%[A-Za-z]|.", layout.replace(".%f", "%f"))
    made = (_PARTS.get(part, "([0-9]{1,2})" if part.startswith("%") else re.escape(part)) for part in parts)
    order = tuple(part[1] for part in parts if part.startswith("%"))
    return f"{_BLANK}*{''.join(made)}{_BLANK}*", order


def _moment(found: re.Match[str] | None, order: tuple[str, ...]) -> tuple[int, ...] | None:
    """Return year, month, day, hour, minute, second and microsecond, None for what no calendar has."""
    if found is None:
        return None
    told = dict(zip(order, found.groups(), strict=True))
    micro = int((told.get("f") or "0").ljust(6, "0")[:6])
    year, month, day, hour, minute, second = (int(told.get(sign) or 0) for sign in "YmdHMS")
    if not (1 <= month <= 12 and hour < 24 and minute < 60 and second < 60):
        return None
    is_leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    last = DAYS[month - 1] + (month == 2 and is_leap)
    return (year, month, day, hour, minute, second, micro) if 1 <= day <= last else None


def _settled(frame: pd.DataFrame, column: Added) -> npt.NDArray[np.object_]:
    """Return for each row whether its last column has the value that the others settle, or one that is no stray."""
    *left, right = column.of
    known = frame[list(column.of)].notna().all(axis="columns").to_numpy()
    cells = frame.loc[known, list(column.of)]
    pair = cells.groupby(list(column.of), sort=False)[right].transform("size")
    group = cells.groupby(left, sort=False)
    size, top = (
        group[right].transform("size"),
        pair.groupby([cells[name] for name in left], sort=False).transform("max"),
    )
    is_rare = (pair <= RARE) | (pair <= STRAY_SHARE * size)
    is_stray = (size >= MIN_GROUP) & (top >= MIN_MAJORITY * size) & (pair < top) & is_rare
    holds = np.zeros(len(frame), dtype=bool)
    holds[known] = ~is_stray.to_numpy()
    return _told(holds, known)


def _exceeds(first: Floats, second: Floats) -> Flags:
    """Return whether numbers are larger, NaN being the largest, as in SQL."""
    return np.asarray((first > second) | (np.isnan(first) & ~np.isnan(second)))


def _told(holds: Flags, known: Flags) -> npt.NDArray[np.object_]:
    told = np.full(len(known), None, dtype=object)
    told[known & holds], told[known & ~holds] = HOLDS, BROKEN
    return told
