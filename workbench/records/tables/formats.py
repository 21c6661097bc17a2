"""What a cell's text is: a number, a date, a time, an address; and in which of the usual formats it is written."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass

from workbench.pilot import Semantic


@dataclass(frozen=True, slots=True)
class Format:
    """One way to write a kind of value; `family` is what all its ways have in common."""

    name: str
    family: Semantic
    pattern: re.Pattern[str]


_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|sept|oct|nov|dec|mär|mai|okt|dez)[a-zäöü]*\.?"
_CLOCK12 = r"(?:0?[1-9]|1[0-2]):[0-5]\d(?::[0-5]\d)?"
_CLOCK24 = r"(?:[01]?\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:[.,]\d+)?)?"
_ZONE = r"(?:\s?(?:Z|UTC|GMT|[+-]\d{2}:?\d{2}))?"
_DATES = {
    "YYYY-MM-DD": r"[012]\d{3}-(?:0\d|1[0-2])-(?:[0-2]\d|3[01])",
    "YYYY/MM/DD": r"[012]\d{3}/(?:0?\d|1[0-2])/(?:[0-2]?\d|3[01])",
    "DD.MM.YYYY": r"(?:[0-2]?\d|3[01])\.(?:0?\d|1[0-2])\.[012]\d{3}",
    "DD.MM.YY": r"(?:[0-2]?\d|3[01])\.(?:0?\d|1[0-2])\.\d{2}",
    "N/N/YYYY": r"(?:[0-2]?\d|3[01])/(?:[0-2]?\d|3[01])/[012]\d{3}",
    "N/N/YY": r"(?:[0-2]?\d|3[01])/(?:[0-2]?\d|3[01])/\d{2}",
    "DD-MM-YYYY": r"(?:[0-2]?\d|3[01])-(?:[0-2]?\d|3[01])-[012]\d{3}",
    "D Month YYYY": rf"(?:[0-2]?\d|3[01])\.?\s{_MONTH},?\s[012]\d{{3}}",
    "Month D, YYYY": rf"{_MONTH}\s(?:[0-2]?\d|3[01])(?:st|nd|rd|th)?,?\s[012]\d{{3}}",
    "DD-Mon-YYYY": rf"(?:[0-2]?\d|3[01])[-/]{_MONTH}[-/](?:[012]\d{{3}}|\d{{2}})",
    "Month YYYY": rf"{_MONTH}\s[012]\d{{3}}",
}
_TIMES = {
    "h:mm a.m.": rf"{_CLOCK12}\s[ap]\.m\.",
    "h:mm AM": rf"{_CLOCK12}\s[APap][Mm]",
    "h:mma": rf"{_CLOCK12}(?:[ap]m?|[AP]M?)",
    "HH:MM": _CLOCK24,
}
_NUMBERS = {
    "integer": r"[+-]?\d+",
    "decimal point": r"[+-]?\d*\.\d+|[+-]?\d+\.",
    "decimal comma": r"[+-]?\d+,(?:\d{1,2}|\d{4,})",
    "thousands comma": r"[+-]?\d{1,3}(?:,\d{3})+(?:\.\d+)?",
    "thousands point": r"[+-]?\d{1,3}(?:\.\d{3})+,\d+|[+-]?\d{1,3}(?:\.\d{3}){2,}",
    "thousands space": r"[+-]?\d{1,3}(?:[ '\u00a0\u202f]\d{3})+(?:[.,]\d+)?",
    "scientific": r"[+-]?\d+(?:\.\d+)?[eE][+-]?\d+",
}
_PLAIN = r"[+-]?\d[\d.,'\u00a0 ]*"
_CURRENCY = r"(?:[$€£¥₹]|US\$|USD|EUR|GBP|CHF|JPY|CNY|PLN|SEK|CAD|AUD)"

__all__ = [
    "BOOLEANS", "DATE_FORMATS", "FORMATS", "FORMAT_NAMED", "PLAIN_NUMBERS", "TIME_FORMATS", "Format", "Semantic",
    "format_of", "number_in", "runs_of", "shape_of",
]  # fmt: skip

PLAIN_NUMBERS = frozenset({"integer", "decimal point", "scientific"})


def _formats() -> tuple[Format, ...]:
    def made(name: str, family: Semantic, pattern: str) -> Format:
        return Format(name, family, re.compile(f"(?:{pattern})", re.IGNORECASE if family in dated else 0))

    dated = {Semantic.DATE, Semantic.DATETIME}
    moments = {
        f"{day} {clock}": rf"(?:{_DATES[day]}),?[ T](?:{_TIMES[clock]}){_ZONE}"
        for day in _DATES
        for clock in ("HH:MM", "h:mm a.m.", "h:mm AM", "h:mma")
    }
    return (
        *(made(name, Semantic.NUMBER, pattern) for name, pattern in _NUMBERS.items()),
        *(made(name, Semantic.DATE, pattern) for name, pattern in _DATES.items()),
        *(made(name, Semantic.TIME, pattern) for name, pattern in _TIMES.items()),
        *(made(name, Semantic.DATETIME, pattern) for name, pattern in moments.items()),
        made("percent", Semantic.PERCENT, rf"{_PLAIN}\s?%"),
        made("amount", Semantic.AMOUNT, rf"[+-]?{_CURRENCY}\s?{_PLAIN}|{_PLAIN}\s?{_CURRENCY}"),
        made("email", Semantic.EMAIL, r"[^@\s,;]+@[^@\s,;]+\.[A-Za-z]{2,}"),
        made("url", Semantic.URL, r"(?:https?|ftp)://\S+|www\.\S+\.\S+"),
        made("iban", Semantic.IBAN, r"[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,4})?"),
        made("issn", Semantic.ISSN, r"\d{4}-\d{3}[\dX]"),
        made("number with unit", Semantic.MEASURE, r"[+-]?\d+(?:[.,]\d+)*\s?[A-Za-zµ°²³][A-Za-zµ°²³./' ]{0,14}"),
    )


DATE_FORMATS, TIME_FORMATS = tuple(_DATES), tuple(_TIMES)
LONGEST = 300
REMEMBERED = 1 << 16  # texts: each is asked for several times, and columns of a table share many
_MAY_HAVE_FORMAT = re.compile(r"[0-9@]|www")
FORMATS = _formats()
FORMAT_NAMED = {format_.name: format_ for format_ in FORMATS}
BOOLEANS = (
    frozenset({"true", "false"}), frozenset({"yes", "no"}), frozenset({"y", "n"}), frozenset({"t", "f"}),
    frozenset({"ja", "nein"}), frozenset({"0", "1"}),
)  # fmt: skip


@functools.lru_cache(maxsize=REMEMBERED)
def format_of(text: str) -> Format | None:
    """Return the first usual format that a whole text is written in, None when there is none.

    Examples
    --------
    >>> format_of("7:10 a.m.").name, format_of("1.234,50").name, format_of("mellow")
    ('h:mm a.m.', 'thousands point', None)
    """
    if len(text) > LONGEST or not (_MAY_HAVE_FORMAT.search(text)):
        return None
    return next((format_ for format_ in FORMATS if format_.pattern.fullmatch(text)), None)


_CLASSES = {ord(letter): "a" for letter in "abcdefghijklmnopqrstuvwxyz"}
_CLASSES |= {ord(letter): "A" for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}
_CLASSES |= {ord(digit): "9" for digit in "0123456789"}


def shape_of(text: str) -> str:
    """Return a text with each lower-case letter as a, upper-case letter as A and digit as 9.

    Examples
    --------
    >>> shape_of("AB-1203 x")
    'AA-9999 a'
    """
    if text.isascii():
        return text.translate(_CLASSES)
    return "".join(
        "9" if sign.isdigit() else "A" if sign.isupper() else "a" if sign.isalpha() else sign for sign in text
    )


_RUN = re.compile(r"([^9])\1+|(9)9*")


def runs_of(shape: str) -> str:
    """Return a shape with each run of one class written once and marked; a single digit counts as a run.

    Examples
    --------
    >>> runs_of("AA-9999 a")
    'A+-9+ a'
    """
    return _RUN.sub(r"\1\2+", shape)


def number_in(text: str) -> float | None:
    """Return the number that a text is in plain notation, None when it is not one.

    Examples
    --------
    >>> number_in(" 12.50"), number_in("1,5"), number_in("nan")
    (12.5, None, None)
    """
    stripped = text.strip()
    if not stripped or stripped[-1] not in "0123456789." or stripped[0] not in "+-.0123456789" or "_" in stripped:
        return None
    try:
        return float(stripped)
    except ValueError:
        return None
