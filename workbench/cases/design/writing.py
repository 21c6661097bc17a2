"""How numbers and dates are written in the cells of a column, found in the cells, so that others are written alike."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

LIKE = 0.9  # the share of a column's cells that are written in one way; damaged cells are not
DATES = ("%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S", "%d.%m.%Y", "%m/%d/%Y", "%d/%m/%Y", "%Y/%m/%d", "%Y%m%d")
MARKS = ((".", ""), (".", ","), (",", "."), (",", ""))  # decimal sign, sign that groups digits
MAX_DECIMALS = 6
CODE_DIGITS = 6
FEW_CODES = 8


def _number_pattern(decimal: str, group: str) -> re.Pattern[str]:
    grouped = rf"\d{{1,3}}(?:{re.escape(group)}\d{{3}})+|" if group else ""
    return re.compile(rf"-?(?:{grouped}\d+)(?:{re.escape(decimal)}\d+)?\Z")


_NUMBERS = {marks: _number_pattern(*marks) for marks in MARKS}
_DAY = timedelta(days=1)
_ZERO = datetime(1970, 1, 1)


class MovedKind(StrEnum):
    """What stands in the cells of a column that can be moved."""

    NUMBER = "number"
    DATE = "date"


@dataclass(frozen=True, slots=True)
class CellStyle:
    """How a column's numbers or dates are written; values are counted in ticks, the smallest step that can be written.

    Parameters
    ----------
    decimals : int
        Most decimals that a cell of the column has; a tick is one of the last decimal.
    is_text : bool
        Whether cells are text, not JSON numbers.
    date : str
        Format of dates; a tick is a day.
    """

    kind: MovedKind
    decimals: int = 0
    decimal: str = "."
    group: str = ""
    is_text: bool = True
    date: str = ""

    def with_decimals_of(self, cell: Any) -> CellStyle:
        """Return the style with the decimals that a text cell has."""
        if self.kind is MovedKind.DATE or not self.is_text or not isinstance(cell, str):
            return self
        return replace(self, decimals=len(cell.partition(self.decimal)[2]))

    def ticks(self, cell: Any) -> int | None:
        """Return a cell's value in ticks, None where it is not written so."""
        if self.kind is MovedKind.DATE:
            when = _when(cell, self.date)
            return None if when is None else (when - _ZERO) // _DAY
        if not self.is_text:
            return None if isinstance(cell, str | bool | None) else round(cell * 10**self.decimals)
        if not isinstance(cell, str) or not _NUMBERS[self.decimal, self.group].match(cell):
            return None
        plain = cell.replace(self.group, "") if self.group else cell
        whole, _, part = plain.replace(self.decimal, ".").partition(".")
        return int(whole + part.ljust(self.decimals, "0")[: self.decimals])

    def cell(self, ticks: int, like: Any) -> Any:
        """Return the cell that is so many ticks; of a time the part within the day stays as in `like`."""
        if self.kind is MovedKind.DATE:
            within = (_when(like, self.date) or _ZERO) - _ZERO
            return (_ZERO + ticks * _DAY + within % _DAY).strftime(self.date)
        if not self.is_text:
            is_whole = self.decimals == 0 and isinstance(like, int)
            return ticks if is_whole else round(ticks / 10**self.decimals, self.decimals)
        whole, part = divmod(abs(ticks), 10**self.decimals)
        grouped = f"{whole:,}".replace(",", self.group)
        tail = f"{self.decimal}{part:0{self.decimals}d}" if self.decimals else ""
        return f"{'-' if ticks < 0 else ''}{grouped}{tail}"


def style_of(cells: Sequence[Any], beside: Iterable[Any] = ()) -> CellStyle | None:
    """Return how the cells of a column are written, None where they hold neither numbers nor dates.

    Parameters
    ----------
    cells : sequence
        Cells of one column, of one source where sources write differently; empty ones are passed over.
    beside : iterable
        Cells of other columns of the source, which settle what a point or comma means where these cells do not.
    """
    filled = [cell for cell in cells if cell is not None and cell != ""]
    numbers = [cell for cell in filled if isinstance(cell, int | float) and not isinstance(cell, bool)]
    if filled and len(numbers) >= LIKE * len(filled):
        return CellStyle(MovedKind.NUMBER, max(map(_decimals_of, numbers)), is_text=False)
    texts = [cell for cell in filled if isinstance(cell, str)]
    if not texts or len(set(texts)) < 2:
        return None
    return _date_style(texts) or _number_style(texts, [cell for cell in beside if isinstance(cell, str)])


def _date_style(texts: Sequence[str]) -> CellStyle | None:
    for written in DATES:
        if sum(_when(text, written) is not None for text in texts) >= LIKE * len(texts):
            return CellStyle(MovedKind.DATE, date=written)
    return None


def _number_style(texts: Sequence[str], beside: Sequence[str]) -> CellStyle | None:
    def fit(marks: tuple[str, str], among: Sequence[str]) -> int:
        return sum(_NUMBERS[marks].match(text) is not None for text in among)

    marks = max(MARKS, key=lambda one: (fit(one, texts), fit(one, beside)))
    fitting = [text for text in texts if _NUMBERS[marks].match(text)]
    if len(fitting) < LIKE * len(texts) or _are_codes(fitting):
        return None
    return CellStyle(MovedKind.NUMBER, max(len(text.partition(marks[0])[2]) for text in fitting), *marks)


def _are_codes(texts: Sequence[str]) -> bool:
    """Return whether digits are a code: always one of a few, of one length, or with zeros in front."""
    if not all(text.isdigit() for text in texts):
        return False
    if len(texts) >= 4 * FEW_CODES and len(set(texts)) <= FEW_CODES:
        return True
    lengths = {len(text) for text in texts}
    return (len(lengths) == 1 and lengths.pop() >= CODE_DIGITS) or any(t.startswith("0") and t != "0" for t in texts)


def _when(cell: Any, written: str) -> datetime | None:
    if not isinstance(cell, str) or not 8 <= len(cell) <= 19:
        return None
    try:
        return datetime.strptime(cell, written)
    except ValueError:
        return None


def _decimals_of(number: float) -> int:
    text = f"{number:.{MAX_DECIMALS}f}".rstrip("0") if isinstance(number, float) else ""
    return len(text.partition(".")[2])
