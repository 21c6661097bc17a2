"""Numbers in a text, in whatever way they are written."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

_SPACES = "'\u2019\u00a0\u202f"  # apostrophes and narrow blanks that group digits
_NUMBER = rf"\d{{1,3}}(?: \d{{3}})+(?:[.,]\d+)?|\d+(?:[.,{_SPACES}]\d+)*"
_ANY = re.compile(_NUMBER)
# A number that is no share, and no part of a code such as RE-2025-0012.
_CITED = re.compile(rf"(?<![\w.,/:-])[-+]?((?>{_NUMBER}))(?![\w:/]|-\w|\s?(?:%|percent\b|Prozent\b))")
_DATE = re.compile(r"\b\d{4}-\d{1,2}-\d{1,2}\b|\b\d{1,2}[./]\s?\d{1,2}[./]\s?(?:\d{4}|\d{2})\b|\b\d{1,2}:\d{2}\b")


class MayMean(NamedTuple):
    """A value that written digits may stand for, and half a unit of their last place."""

    value: float
    within: float


@dataclass(frozen=True, slots=True)
class CitedNumber:
    """A number as it is written, and what it may stand for."""

    text: str
    readings: tuple[MayMean, ...]


def cited_numbers(text: str) -> Iterator[CitedNumber]:
    """Yield the amounts that a text names; dates, times, shares and parts of codes are none.

    Examples
    --------
    >>> [one.text for one in cited_numbers("1.234,56 EUR, 3% above 250 on 2025-01-31")]
    ['1.234,56', '250']
    """
    for match in _CITED.finditer(_DATE.sub(" ", text)):
        if found := readings(match[1]):
            yield CitedNumber(match[1], found)


def numbers_in(value: Any) -> Iterator[float]:
    """Yield every value that a number in a cell, or anywhere in what a tool said, may stand for."""
    if isinstance(value, bool) or value is None:
        return
    if isinstance(value, int | float):
        yield abs(float(value))
    elif isinstance(value, str):
        for match in _ANY.finditer(value):
            yield from (one.value for one in readings(match[0]))
            if " " in match[0]:
                yield from (float(part) for part in match[0].split(" ") if part.isdigit())
    else:
        held = value.values() if isinstance(value, Mapping) else value if isinstance(value, list | tuple) else ()
        for one in held:
            yield from numbers_in(one)


def readings(text: str) -> tuple[MayMean, ...]:
    """Return what digits with points and commas may stand for; nothing where they are no number.

    Examples
    --------
    >>> [[one.value for one in readings(text)] for text in ("1.234,56", "1,234.56", "1.234", "31.12.2025")]
    [[1234.56], [1234.56], [1.234, 1234.0], []]
    """
    plain = re.sub(rf"[ {_SPACES}]", "", text)
    marks = [sign for sign in plain if sign in ".,"]
    if not marks:
        return (MayMean(float(plain), 0.5),)
    *groups, fraction = re.split(r"[.,]", plain)
    decimal = MayMean(float(f"{''.join(groups)}.{fraction}"), 0.5 * 10.0 ** -len(fraction))
    if len(set(marks)) > 1:  # the last sign is the decimal one, the others group digits
        return (decimal,) if marks.count(marks[-1]) == 1 and _are_groups(groups) else ()
    whole = MayMean(float("".join([*groups, fraction])), 0.5)
    is_grouped = _are_groups([*groups, fraction]) and groups[0] != "0"
    return (*([decimal] if len(marks) == 1 else []), *([whole] if is_grouped else []))


def as_text(value: Any) -> str:
    """Return a value as text, as two of them are compared: case and white space do not count."""
    written = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return " ".join(written.casefold().split())


def _are_groups(groups: list[str]) -> bool:
    return 1 <= len(groups[0]) <= 3 and all(len(group) == 3 for group in groups[1:])
