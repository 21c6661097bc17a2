"""Numbers with a unit in a document, held against what the pilot's files set.

A number is compared only where its clause says what it limits; one that the pilot's files do not set, or set otherwise,
contradicts them. Other numbers say nothing here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from workbench.compliance.documents.used import CLAUSE, Used

WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
PLAIN = rf"(?:\d+(?:,\d{{3}})*(?:\.\d+)?|\b(?:{'|'.join(WORDS)})\b)"
NUMBER = rf"(?P<number>{PLAIN})"
UNIT_S = {
    "ms": 0.001,
    "s": 1.0,
    "min": 60.0,
    "h": 3600.0,
    "second": 1.0,
    "minute": 60.0,
    "hour": 3600.0,
    "day": 86400.0,
}
TIME = rf"{NUMBER}[ \xa0]?(?P<unit>ms|s|min|h|seconds?|minutes?|hours?|days?)\b"
EACH = r"(?:an?|per|each|every)"
COUNTED = r"(?:records|documents|invoices|questions|messages|tickets|cases|claims|decisions|requests|e-?mails)"
AT_MOST = r"\b(?:at most|up to|(?:no|never|not) more than|limit\w*|maximum|or fewer)\b"
RELATED = r"(?: (?:of|is|at|least|most|below|above|under|over|from|than|or|set|to|reaches))*"
IN_ONE_DECISION = rf"(?=.*{AT_MOST})(?=.*\b(?:decisions?|records?|documents?|questions?|agent|tools?)\b)"
ARRIVING = r"\b(?:volume|load|peak|busiest|throughput|arriv\w+|comes?|takes?|handl\w+|process\w*)\b"
MONEY = r"(?:euros?|EUR|dollars?|USD|CHF|GBP)"
EXPIRES = r"\b(?:expir\w+|liv\w+|life|valid)\b"


@dataclass(frozen=True, slots=True)
class LimitKind:
    """A kind of limit: how it is written, what its clause must say besides, and under which keys the pilot sets it.

    Parameters
    ----------
    number : pattern
        With a group `number`, or `before` in its place, and `unit` where there are several.
    said : pattern
        What must stand in the same clause.
    key : pattern
        Of the file with the keys to a value, such as "integrations.yaml, systems.ERP.rate.per_s".
    """

    title: str
    number: re.Pattern[str]
    said: re.Pattern[str]
    key: re.Pattern[str]


def _kind(title: str, number: str, said: str, key: str) -> LimitKind:
    return LimitKind(
        title, re.compile(number, re.IGNORECASE), re.compile(said, re.IGNORECASE | re.DOTALL), re.compile(key)
    )


LIMITS = (
    _kind(
        "calls in one decision",
        rf"{NUMBER}\s(?:tool\s)?calls?\b(?!\s{EACH}\s(?:second|minute|hour|day))",
        IN_ONE_DECISION,
        r"^environment\.yaml, limits\.calls$",
    ),
    _kind(
        "writes in one decision",
        rf"{NUMBER}\swrites?\b(?!\s{EACH}\s(?:second|minute|hour|day))",
        IN_ONE_DECISION,
        r"^environment\.yaml, limits\.writes$",
    ),
    _kind("calls a second", rf"{NUMBER}\s(?:calls|requests)\s{EACH}\ssecond", "", r"rate\.per_s$"),
    _kind(
        "an amount of money",
        rf"(?:[€$£]|\bEUR|\bUSD) ?{NUMBER}|(?P<before>{PLAIN})\s?(?:{MONEY}\b|[€$£])",
        AT_MOST + r"|\b(?:above|over|beyond|below|under|authority)\b",
        r"limits\.(?!calls|writes)|authority|costs\.(?!minutes)|_eur\b|amount",
    ),
    _kind(
        "years of retention",
        rf"{NUMBER}\syears?\b",
        r"\b(?:kept|keeps?|retain\w*|retention|stor(?:e|ed|age)|archiv\w+|delet\w+)\b",
        r"retention[\w.]*$|years$",
    ),
    _kind(
        "days after which a secret is replaced",
        rf"{NUMBER}\sdays?\b",
        r"\b(?:rotat\w+|replaced|renewed)\b",
        r"rotation_days$",
    ),
    _kind("life of a token", TIME, rf"\btokens?\b.*{EXPIRES}|{EXPIRES}.*\btokens?\b", r"expires_s$"),
    _kind(
        "latency",
        rf"(?:within|below|under|at most|of|than|is)\s{TIME}",
        r"\bp ?95\b|\b95(?:th)? ?(?:%|percent|per cent|of 100)|\blatency\b",
        r"latency[\w-]*(?:\.(?:target|p95_s|at_most_s)|_p95_ms)$",
    ),
    _kind("records a day", rf"{NUMBER}\s{COUNTED}\s{EACH}\sday\b", ARRIVING, r"volume\.records_per_day$"),
    _kind(
        "records an hour",
        rf"{NUMBER}\s{COUNTED}\s(?:in\s)?(?:{EACH}|the busiest|the peak)\shour\b",
        ARRIVING,
        r"volume\.peak_per_hour$",
    ),
    _kind(
        "threshold of confidence",
        rf"\b(?:threshold|confidence){RELATED}\s(?P<number>0?\.\d+|1\.0+|\d+(?:\.\d+)?(?= ?%))",
        "",
        r"^charter\.yaml, kpis\..*\.target$|threshold$",
    ),
)


@dataclass(frozen=True, slots=True)
class OtherNumber:
    """A limit in a document that the pilot does not set so: what is written, where, and what the pilot sets."""

    kind: LimitKind
    written: str
    start: int
    known: Mapping[float, str]


def unset_limits(text: str, used: Used) -> Iterator[OtherNumber]:
    """Yield the limits in a text that the pilot's files do not set, or set otherwise, one kind after another."""
    for kind in LIMITS:
        known = _known(kind, used)
        for match in _written(kind, text):
            value, step = _value(text, match)
            if not any(abs(value - one) <= step / 2 + 1e-9 for one in known):
                yield OtherNumber(kind, " ".join(match[0].split()), match.start(), known)


def _known(kind: LimitKind, used: Used) -> dict[float, str]:
    """Return the values that the pilot's files set for a kind of limit; texts in them are read as the document is."""
    known: dict[float, str] = {}
    for where, value in used.numbers:
        if kind.key.search(where):
            known.setdefault(value / 1000 if where.endswith("_ms") else value, where)
    for text in used.strings:
        for match in _written(kind, text):
            known.setdefault(_value(text, match)[0], f"a text: {' '.join(match[0].split())}")
    return known


def _written(kind: LimitKind, text: str) -> Iterator[re.Match[str]]:
    """Yield the numbers in a text that a kind of limit is about."""
    return (match for match in kind.number.finditer(text) if kind.said.search(_clause(text, match)) is not None)


def _value(text: str, match: re.Match[str]) -> tuple[float, float]:
    """Return what is written in the unit of the pilot's keys, and one unit of its last digit where it has decimals."""
    found = match.groupdict()
    written = str(found["number"] or found.get("before")).replace(",", "").lower()
    value = float(WORDS.index(written)) if written in WORDS else float(written)
    factor = UNIT_S[_singular(found["unit"])] if found.get("unit") else 1.0
    if "%" in text[match.end() : match.end() + 2]:
        factor = 0.01
    decimals = written.partition(".")[2]
    return value * factor, factor * 10.0 ** -len(decimals) if decimals else 0.0


def _singular(unit: str) -> str:
    unit = unit.lower()
    return unit if unit in UNIT_S else unit.removesuffix("s")


def _clause(text: str, match: re.Match[str]) -> str:
    begins = max((end.end() for end in CLAUSE.finditer(text, 0, match.start())), default=0)
    ends = CLAUSE.search(text, match.end())
    return text[begins : len(text) if ends is None else ends.start()]
