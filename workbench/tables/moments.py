"""Dates and times as they are written: ISO 8601, German, American, compact, or counted since 1970."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import pandas as pd

from workbench.tables.formats import Semantic, format_of

MONTHS = {
    name: number
    for number, names in enumerate(
        ("jan", "feb", "mar mär mrz", "apr", "may mai", "jun", "jul", "aug", "sep", "oct okt", "nov", "dec dez"),
        start=1,
    )
    for name in names.split()
}
SLASHED = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4}|\d{2})\b")
ISO = re.compile(r"\d{4}-\d{2}-\d{2}")
COMPACT = re.compile(r"([12]\d{3})(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])")
EPOCH = re.compile(r"(\d{10})(?:\.\d+|\d{3})?")
EARLIEST_EPOCH, LATEST_EPOCH = 946_684_800, 2_208_988_800  # 2000 and 2040
CLOCK = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))?(?:[.,]\d+)?\s*([ap])?\.?m?", re.IGNORECASE)
LETTERS = re.compile(r"[A-Za-zäÄ]{3,}")
DIGITS = re.compile(r"\d+")
DATED = frozenset({Semantic.DATE, Semantic.DATETIME})


def read_times(values: pd.Series[Any]) -> pd.Series[Any]:
    """Return cells as times without a zone (UTC where they have one), NaT where they cannot be read.

    Each cell is read in the way it is written. Whether 3/4/2025 is in March or April follows from the column's other
    cells; where they do not tell, it is not read.
    """
    texts = values.dropna().map(str).str.strip()
    is_iso = texts.str.match(ISO.pattern)
    read = pd.to_datetime(texts[is_iso], errors="coerce", utc=True, format="ISO8601").dt.tz_localize(None)
    others = texts[~is_iso]
    distinct = others.unique().tolist()
    known = dict(zip(distinct, moments_of(distinct), strict=True))
    rest = pd.to_datetime(
        pd.Series([known[text] for text in others], index=others.index, dtype=object), errors="coerce"
    )
    return pd.concat([read.astype("datetime64[ns]"), rest.astype("datetime64[ns]")]).reindex(values.index)


def moments_of(texts: Sequence[str], undecided: bool | None = None) -> list[datetime | None]:
    """Return texts as moments, None where one cannot be read.

    `undecided` says whether the day stands first in dates with slashes where none of the texts tells; None does not
    read them.

    Examples
    --------
    >>> [f"{m:%Y-%m-%d %H:%M}" for m in moments_of(["31.12.2025", "20251231", "1767182400", "3. Mai 2025 7:05 pm"])]
    ['2025-12-31 00:00', '2025-12-31 00:00', '2025-12-31 12:00', '2025-05-03 19:05']
    >>> moments_of(["3/4/2025"]), moments_of(["3/4/2025", "3/14/2025"])[0].month
    ([None], 3)
    """
    told = day_first(texts)
    is_day_first = undecided if told is None else told
    return [_moment(text, is_day_first) for text in texts]


def day_first(texts: Iterable[str]) -> bool | None:
    """Return whether the day stands first in dates with slashes, None where no date tells, or dates contradict."""
    found = [SLASHED.match(text) for text in texts]
    pairs = [(int(one[1]), int(one[2])) for one in found if one is not None]
    first, second = any(a > 12 for a, _ in pairs), any(b > 12 for _, b in pairs)
    return None if first == second else first


def _moment(text: str, is_day_first: bool | None) -> datetime | None:
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
    if name.startswith("N/N"):
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
