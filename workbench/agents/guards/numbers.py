"""Numbers in a text, in whatever way they are written."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_SPACES = "'\u2019\u00a0\u202f"  # apostrophes and narrow blanks that group digits
_NUMBER = rf"\d{{1,3}}(?: \d{{3}})+(?:[.,]\d+)?|\d+(?:[.,{_SPACES}]\d+)*"
_ANY = re.compile(_NUMBER)
# A number that is no share, and no part of a code such as RE-2025-0012.
_CITED = re.compile(rf"(?<![\w.,/:-])[-+]?((?>{_NUMBER}))(?![\w:/]|-\w|\s?(?:%|percent\b|Prozent\b))")
_DATE = re.compile(r"\b\d{4}-\d{1,2}-\d{1,2}\b|\b\d{1,2}[./]\s?\d{1,2}[./]\s?(?:\d{4}|\d{2})\b|\b\d{1,2}:\d{2}\b")


@dataclass(frozen=True, slots=True)
class Written:
    """A number as it is written, the values that it may stand for, and half a unit of its last place."""

    text: str
    values: tuple[float, ...]
    within: float


def cited_numbers(text: str) -> Iterator[Written]:
    """Yield the amounts that a text names; dates, times, shares and parts of codes are none.

    Examples
    --------
    >>> [one.values for one in cited_numbers("1.234,56 EUR, 3% above 250 on 2025-01-31")]
    [(1234.56,), (250.0,)]
    """
    for match in _CITED.finditer(_DATE.sub(" ", text)):
        if values := readings(match[1]):
            yield Written(match[1], values, _half_a_unit(match[1], values))


def numbers_in(value: Any) -> Iterator[float]:
    """Yield every value that a number in a cell, or anywhere in what a tool said, may stand for."""
    if isinstance(value, bool) or value is None:
        return
    if isinstance(value, int | float):
        yield abs(float(value))
    elif isinstance(value, str):
        for match in _ANY.finditer(value):
            yield from readings(match[0])
            if " " in match[0]:
                yield from (float(part) for part in match[0].split(" ") if part.isdigit())
    else:
        held = value.values() if isinstance(value, Mapping) else value if isinstance(value, list | tuple) else ()
        for one in held:
            yield from numbers_in(one)


def readings(text: str) -> tuple[float, ...]:
    """Return the values that digits with points and commas may stand for; none where they are no number.

    Examples
    --------
    >>> readings("1.234,56"), readings("1,234.56"), readings("1.234"), readings("31.12.2025")
    ((1234.56,), (1234.56,), (1.234, 1234.0), ())
    """
    plain = re.sub(rf"[ {_SPACES}]", "", text)
    marks = [sign for sign in plain if sign in ".,"]
    if not marks:
        return (float(plain),)
    whole, fraction = plain[: plain.rindex(marks[-1])], plain[plain.rindex(marks[-1]) + 1 :]
    groups = re.split(r"[.,]", whole)
    if len(set(marks)) == 1:
        is_grouped = _are_groups([*groups, fraction])
        found = [float("".join([*groups, fraction]))] if is_grouped and groups[0] != "0" else []
        return (*([float(f"{whole}.{fraction}")] if len(marks) == 1 else []), *found)
    return (float(f"{''.join(groups)}.{fraction}"),) if marks.count(marks[-1]) == 1 and _are_groups(groups) else ()


def as_text(value: Any) -> str:
    """Return a value as text, as two of them are compared: case and white space do not count."""
    written = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return " ".join(written.casefold().split())


def _are_groups(groups: list[str]) -> bool:
    return 1 <= len(groups[0]) <= 3 and all(len(group) == 3 for group in groups[1:])


def _half_a_unit(text: str, values: tuple[float, ...]) -> float:
    """Return half a unit of the last place of a number as it was meant most exactly."""
    fraction = re.split(r"[.,]", text)[-1] if re.search(r"[.,]", text) else ""
    is_whole = not fraction or (len(values) == 1 and values[0].is_integer() and len(fraction) == 3)
    return 0.5 if is_whole else 0.5 * 10.0 ** -len(fraction)
