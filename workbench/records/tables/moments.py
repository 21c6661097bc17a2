"""Dates and times as they are written: ISO 8601, German, American, compact, or counted since 1970."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import pandas as pd

from workbench.pilot import ColumnType
from workbench.records.tables.formats import DATE_FORMATS, FORMAT_NAMED, TIME_FORMATS, Format, Semantic, format_of

MONTHS = {
    name: number
    for number, names in enumerate(
        ("jan", "feb", "mar mär mrz", "apr", "may mai", "jun", "jul", "aug", "sep", "oct okt", "nov", "dec dez"),
        start=1,
    )
    for name in names.split()
}
ORDERED = re.compile(r"(\d{1,2})[/-](\d{1,2})[/-](\d{4}|\d{2})\b")
ISO = re.compile(r"\d{4}-\d{2}-\d{2}")
COMPACT = re.compile(r"([12]\d{3})(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])")
EPOCH = re.compile(r"(\d{10})(?:\.\d+|\d{3})?")
EARLIEST_EPOCH, LATEST_EPOCH = 946_684_800, 2_208_988_800  # 2000 and 2040
CLOCK = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))?(?:[.,]\d+)?\s*([ap])?\.?m?", re.IGNORECASE)
MOMENT_NAME = re.compile(r"date|time|datum|zeit|epoch|stamp|(^|_)(ts|at|on)$", re.IGNORECASE)
COMPACT_FORMAT = "YYYYMMDD"
_ORDERS = {"N/N": ("DD/MM", "MM/DD"), "DD-MM": ("DD-MM", "MM-DD")}
LETTERS = re.compile(r"[A-Za-zäÄ]{3,}")
DIGITS = re.compile(r"\d+")
DATED = frozenset({Semantic.DATE, Semantic.DATETIME})


def read_times(values: pd.Series[Any], undecided: bool | None = None) -> pd.Series[Any]:
    """Return cells as times without a zone (UTC where they have one), NaT where they cannot be read.

    Each cell is read in the way it is written. Whether 3/4/2025 is in March or April follows from the column's other
    cells; where they do not tell, `undecided` says whether the day stands first, and without it the cell is not read.
    """
    texts = values.dropna().map(str).str.strip()
    is_iso = texts.str.match(ISO.pattern)
    read = pd.to_datetime(texts[is_iso], errors="coerce", utc=True, format="ISO8601").dt.tz_localize(None)
    others = texts[~is_iso]
    distinct = others.unique().tolist()
    known = dict(zip(distinct, moments_of(distinct, undecided), strict=True))
    rest = pd.to_datetime(
        pd.Series([known[text] for text in others], index=others.index, dtype=object), errors="coerce"
    )
    return pd.concat([read.astype("datetime64[ns]"), rest.astype("datetime64[ns]")]).reindex(values.index)


def moments_of(texts: Sequence[str], undecided: bool | None = None) -> list[datetime | None]:
    """Return texts as moments, None where one cannot be read.

    `undecided` says whether the day stands first in dates with slashes where none of the texts tells; None does not
    read them. In dates with hyphens the day stands first unless the texts say otherwise.

    Examples
    --------
    >>> [f"{m:%Y-%m-%d %H:%M}" for m in moments_of(["31.12.2025", "20251231", "1767182400", "3. Mai 2025 7:05 pm"])]
    ['2025-12-31 00:00', '2025-12-31 00:00', '2025-12-31 12:00', '2025-05-03 19:05']
    >>> moments_of(["3/4/2025"]), moments_of(["3/4/2025", "3/14/2025"])[0].month
    ([None], 3)
    """
    told = day_first(texts)
    order = undecided if told is None else told
    return [_moment(text, order, told is not False) for text in texts]


def moment_formats(kind: ColumnType) -> tuple[str, ...]:
    """Return the names of the formats that dates, or dates with a time, can be read in."""
    dates = [name for one in DATE_FORMATS for name in _resolved(one)]
    if kind is ColumnType.DATE:
        return (*dates, COMPACT_FORMAT)
    return tuple(f"{date} {clock}" for date in dates for clock in TIME_FORMATS)


def written_format(texts: Sequence[str], order: bool | None = None) -> str | None:
    """Return the one format that all texts are written and can be read in, None where there is none.

    `order` says whether the day stands first where no text tells; without it such texts have no format.

    Examples
    --------
    >>> [written_format(one) for one in (["31.12.2025", "1.2.2025"], ["3/14/2025", "1/2/2025"], ["1/2/2025"])]
    ['DD.MM.YYYY', 'MM/DD/YYYY', None]
    """
    first = format_of(texts[0])
    if first is None or first.family not in DATED or not all(map(first.pattern.fullmatch, texts)):
        return None
    name = first.name
    told = day_first(texts)
    names = _resolved(name)
    resolved = names[0] if len(names) == 1 else None
    if len(names) == 2:
        is_first = told if told is not None else order if order is not None else None
        is_first = True if is_first is None and "-" in name else is_first
        resolved = None if is_first is None else names[0 if is_first else 1]
    if resolved is None or any(one is None for one in moments_written(texts, resolved)):
        return None
    return resolved


def moments_written(texts: Sequence[str], name: str) -> list[datetime | None]:
    """Return texts as moments, None where one is not written in the format or no day of the calendar.

    Examples
    --------
    >>> [f"{one:%Y-%m-%d}" if one else None for one in moments_written(["03/04/2025", "3.4.2025"], "MM/DD/YYYY")]
    ['2025-03-04', None]
    """
    if name == COMPACT_FORMAT:
        return [_moment(text, None, True) if COMPACT.fullmatch(text) else None for text in texts]
    wanted = _unresolved(name)
    is_day_first = not name.startswith("MM")
    zoned = re.compile(r"(?:Z|UTC|GMT|[+-]\d{2}:?\d{2})$")
    made = []
    for text in texts:
        found = format_of(text)
        is_so = found is not None and found.name == wanted and not (CLOCK.search(text) and zoned.search(text))
        made.append(_moment_in_order(text, is_day_first) if is_so else None)
    return made


def _moment_in_order(text: str, is_day_first: bool) -> datetime | None:
    """Return a moment whose order is known: one that only the other order can read is none."""
    ordered = ORDERED.match(text)
    if ordered is not None and int(ordered[2 if is_day_first else 1]) > 12:
        return None
    return _moment(text, is_day_first, is_day_first)


def known_format(name: str) -> Format | None:
    """Return the format that a name stands for, None where there is no such format."""
    if name == COMPACT_FORMAT:
        return Format(name, Semantic.DATE, COMPACT)
    return FORMAT_NAMED.get(_unresolved(name))


def _resolved(name: str) -> tuple[str, ...]:
    """Return a format's name, or both orders of day and month that it may stand for, the day first."""
    for start, orders in _ORDERS.items():
        if name.startswith(start):
            return tuple(name.replace(start, order, 1) for order in orders)
    return (name,)


def _unresolved(name: str) -> str:
    """Return the format that a name with its order of day and month is one of."""
    for start, orders in _ORDERS.items():
        for order in orders:
            if name.startswith(order):
                return name.replace(order, start, 1)
    return name


def day_first(texts: Iterable[str]) -> bool | None:
    """Return whether the day stands first in dates such as 3/4/2025, None where no date tells, or dates contradict."""
    found = [ORDERED.match(text) for text in texts]
    pairs = [(int(one[1]), int(one[2])) for one in found if one is not None]
    first, second = any(a > 12 for a, _ in pairs), any(b > 12 for _, b in pairs)
    return None if first == second else first


def _moment(text: str, in_slashed: bool | None, in_dashed: bool) -> datetime | None:
    """Return a text as a moment; whether the day stands first is told apart for 3/4/2025 and 3-4-2025."""
    try:
        if ISO.match(text):
            return datetime.fromisoformat(text.replace("Z", "+00:00")).replace(tzinfo=None)
        if compact := COMPACT.fullmatch(text):
            return datetime(int(compact[1]), int(compact[2]), int(compact[3]))
        if epoch := EPOCH.fullmatch(text):
            return _since_1970(int(epoch[1]))
        found = format_of(text)
        if found is None or found.family not in DATED:
            return None
        clock = CLOCK.search(text)
        is_day_first = in_dashed if "-" in found.name else in_slashed
        day = _day(text[: clock.start()] if clock else text, found.name, is_day_first)
        return None if day is None else datetime(*day, *(_time(clock) if clock else (0, 0, 0)))
    except ValueError:
        return None


def _since_1970(seconds: int) -> datetime | None:
    if not EARLIEST_EPOCH <= seconds < LATEST_EPOCH:
        return None
    return datetime(1970, 1, 1) + pd.Timedelta(seconds=seconds).to_pytimedelta()


def _day(text: str, name: str, is_day_first: bool | None) -> tuple[int, int, int] | None:
    """Return year, month and day of a date in a known format."""
    numbers = [int(digits) for digits in DIGITS.findall(text)]
    word = LETTERS.search(text)
    if word is not None:
        month = MONTHS.get(word[0][:3].casefold())
        if month is None:
            return None
        return _year(numbers[-1]), month, numbers[0] if len(numbers) > 1 else 1
    first, second, third = numbers[:3]
    if name.startswith("YYYY"):
        return first, second, third
    if name.startswith(("N/N", "DD-MM")):
        is_first = first > 12 or (second <= 12 and is_day_first)
        if not is_first and second <= 12 and is_day_first is None:
            return None
        return (_year(third), second, first) if is_first else (_year(third), first, second)
    return _year(third), second, first


def _year(number: int) -> int:
    return number if number >= 100 else number + (2000 if number < 70 else 1900)


def _time(clock: re.Match[str]) -> tuple[int, int, int]:
    hour = int(clock[1])
    if clock[4]:
        hour = hour % 12 + 12 * (clock[4].casefold() == "p")
    return hour, int(clock[2]), int(clock[3] or 0)
