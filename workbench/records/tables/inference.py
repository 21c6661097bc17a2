"""What type a column's cells have and how they are written: one answer for `init` and the audit."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from workbench.pilot import ColumnType
from workbench.records.tables.columns import CodedColumn, Mask
from workbench.records.tables.moments import COMPACT, COMPACT_FORMAT, MOMENT_NAME, moments_written, written_format
from workbench.records.tables.numbers import LEADING_ZERO, WHOLE, Decimal, decimal_of, number_pattern
from workbench.records.tables.values import TRUTH

ISO_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
ISO_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?")


@dataclass(frozen=True, slots=True)
class Hints:
    """What is known about how a table is written, for columns whose cells do not tell.

    Parameters
    ----------
    decimal : "." or ",", optional
    day_first : bool, optional
        Whether 3/4/2025 is in April.
    """

    decimal: Decimal | None = None
    day_first: bool | None = None


@dataclass(frozen=True, slots=True)
class Written:
    """How a column's cells are written.

    Parameters
    ----------
    type : ColumnType
        The narrowest type that every filled cell has.
    why : str
        What that follows from.
    decimal : "." or ","
    format : str, optional
        Of dates that are not ISO 8601.
    is_told : bool
        Whether the cells alone tell the decimal sign, or the order of day and month.
    question : str
        What only the user knows, empty where nothing is open.
    """

    type: ColumnType
    why: str
    decimal: Decimal = "."
    format: str | None = None
    is_told: bool = True
    question: str = ""


def written_as(column: CodedColumn, blank: Mask, hints: Hints | None = None) -> Written:
    """Return how a column's cells are written, those that stand for nothing left out.

    Parameters
    ----------
    column : CodedColumn
    blank : array of bool, shape (n_values,)
        Which of its values stand for nothing.
    hints : Hints, optional
    """
    hints = hints or Hints()
    texts = [value.strip() for value, is_blank in zip(column.values, blank, strict=True) if not is_blank]
    if not texts:
        return Written(ColumnType.STRING, "every cell is empty")
    if all(text.lower() in TRUTH for text in texts):
        return Written(ColumnType.BOOLEAN, "true and false")
    if _may_be_numbers(texts):
        return _as_compact_dates(column, texts) or _as_numbers(texts, hints)
    return _as_moments(texts, hints)


def _may_be_numbers(texts: Sequence[str]) -> bool:
    return all(number_pattern(".").fullmatch(text) or number_pattern(",").fullmatch(text) for text in texts)


def _as_compact_dates(column: CodedColumn, texts: Sequence[str]) -> Written | None:
    """Return dates such as 20251231, where the column is named for them."""
    if not MOMENT_NAME.search(column.name) or not all(COMPACT.fullmatch(text) for text in texts):
        return None
    if any(one is None for one in moments_written(texts, COMPACT_FORMAT)):
        return None
    return Written(ColumnType.DATE, "named for a date, and every cell is one", format=COMPACT_FORMAT)


def _as_numbers(texts: Sequence[str], hints: Hints) -> Written:
    if any(LEADING_ZERO.match(text) for text in texts):
        return Written(ColumnType.STRING, "digits with leading zeros: a code")
    if all(WHOLE.fullmatch(text) for text in texts):
        return Written(ColumnType.INTEGER, "whole numbers")
    sign, is_told = decimal_of(texts, hints.decimal)
    if sign is None:
        return Written(ColumnType.STRING, "some numbers have a decimal comma, others a decimal point")
    is_whole = all(sign not in text and "e" not in text.lower() for text in texts)
    kind = ColumnType.INTEGER if is_whole else ColumnType.NUMBER
    named = "point" if sign == "." else "comma"
    why = "whole numbers with grouped digits" if is_whole else f"numbers with a decimal {named}"
    return Written(kind, why, sign, is_told=is_told)


def _as_moments(texts: Sequence[str], hints: Hints) -> Written:
    if all(ISO_DATE.fullmatch(text) for text in texts) and _all_read(texts, "%Y-%m-%d"):
        return Written(ColumnType.DATE, "ISO dates")
    if all(ISO_MOMENT.fullmatch(text) or ISO_DATE.fullmatch(text) for text in texts) and _all_read(texts, "ISO8601"):
        return Written(ColumnType.DATETIME, "ISO dates and times")
    told = written_format(texts)
    name = told or written_format(texts, hints.day_first if hints.day_first is not None else True)
    if name is None:
        return Written(ColumnType.STRING, "")
    if told is None and hints.day_first is None:
        question = "does the day or the month stand first? Say --dates DD/MM or --dates MM/DD"
        return Written(ColumnType.STRING, "dates whose day and month cannot be told apart", question=question)
    kind = ColumnType.DATETIME if ":" in texts[0] else ColumnType.DATE
    return Written(kind, f"dates written {name}", format=name, is_told=told is not None)


def _all_read(texts: Sequence[str], pattern: str) -> bool:
    return bool(pd.to_datetime(pd.Series(texts), format=pattern, errors="coerce", utc=True).notna().all())


def table_hints(found: Sequence[Written], given: Hints) -> Hints:
    """Return what the columns of a table tell about each other: their one decimal sign, their one order of dates."""
    signs = {one.decimal for one in found if one.is_told and one.type is ColumnType.NUMBER}
    orders = {one.format.startswith("DD") for one in found if one.format and one.is_told and "/" in one.format}
    return Hints(
        given.decimal or (signs.pop() if len(signs) == 1 else None),
        given.day_first if given.day_first is not None else (orders.pop() if len(orders) == 1 else None),
    )
