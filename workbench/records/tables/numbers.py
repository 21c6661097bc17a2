"""Numbers as they are written: decimal point or comma, digits grouped, whole numbers of any length exact."""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from typing import Literal, TypeAlias

from workbench.pilot import DECIMALS

Decimal: TypeAlias = Literal[".", ","]
SPACES = " \u00a0\u202f'\u2019"
WHOLE = re.compile(r"[+-]?\d+")
PLAIN = re.compile(r"[+-]?\d+\.\d*|[+-]?\.\d+")
LEADING_ZERO = re.compile(r"[+-]?0\d")
AMBIGUOUS = re.compile(r"[+-]?[1-9]\d{0,2}[.,]\d{3}")
EXPECTED = {".": "1,234.50", ",": "1.234,50"}


@functools.cache
def number_pattern(decimal: Decimal) -> re.Pattern[str]:
    """Return what a number looks like with a decimal sign: digits may be grouped by the other sign, space or quote."""
    groups = (re.escape(sign) for sign in ("." if decimal == "," else ",", *SPACES))
    whole = "|".join((*(rf"\d{{1,3}}(?:{group}\d{{3}})+" for group in groups), r"\d+"))
    point = re.escape(decimal)
    return re.compile(rf"[+-]?(?:(?:{whole})(?:{point}\d*)?|{point}\d+)(?:[eE][+-]?\d+)?")


def number_of(text: str, decimal: Decimal = ".") -> int | float | None:
    """Return the number that a text is, None where it is none; a whole number is exact whatever its length.

    Examples
    --------
    >>> number_of("1,234.50"), number_of("1.234,5", ","), number_of("1580661436132757506"), number_of("12a")
    (1234.5, 1234.5, 1580661436132757506, None)
    """
    stripped = text.strip()
    if WHOLE.fullmatch(stripped):
        return int(stripped)
    if decimal == "." and PLAIN.fullmatch(stripped):
        return float(stripped)
    if not number_pattern(decimal).fullmatch(stripped):
        return None
    plain = stripped.replace("." if decimal == "," else ",", "")
    for space in SPACES:
        plain = plain.replace(space, "")
    if WHOLE.fullmatch(plain):
        return int(plain)
    number = float(plain.replace(",", "."))
    return number if abs(number) != float("inf") else None


def decimal_of(texts: Sequence[str], wanted: Decimal | None = None) -> tuple[Decimal | None, bool]:
    """Return the decimal sign with which all texts are numbers, None where there is none, and whether they tell.

    `1,234` alone is a number either way: with other cells from 1,000 up that have no group it is a decimal comma,
    otherwise a group; `1.234` is a decimal point. `wanted` decides where the cells do not.
    """
    fitting = [sign for sign in DECIMALS if all(number_pattern(sign).fullmatch(text) for text in texts)]
    if len(fitting) < 2:
        return (fitting[0], True) if fitting else (None, False)
    marked = [text for text in texts if "," in text or "." in text]
    if not marked:
        return ".", True
    if not all(AMBIGUOUS.fullmatch(text) for text in marked):
        return wanted or ".", False
    if wanted is not None:
        return wanted, False
    has_plain_thousands = any(WHOLE.fullmatch(text) and len(text.lstrip("+-")) > 3 for text in texts)
    return ("," if "," in marked[0] and has_plain_thousands else "."), has_plain_thousands
