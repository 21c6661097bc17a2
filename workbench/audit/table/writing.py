"""How a column is written: the format or shape of each value, and columns whose writing depends on another."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workbench.audit.table.dependencies import grouped
from workbench.audit.table.encoded import Encoded
from workbench.audit.table.entities import Described
from workbench.records.tables import (
    MISSING,
    PLAIN_NUMBERS,
    CodedColumn,
    Codes,
    ColumnProfile,
    Semantic,
    format_of,
    is_placeholder,
    looked_at,
    number_of,
    runs_of,
    shape_of,
)

LAYOUTS = frozenset({Semantic.EMAIL, Semantic.URL, Semantic.IBAN, Semantic.ISSN})
# Digits in groups, and how a number below 1,000 is written by the same hand: there is nothing to group in it.
BELOW_GROUPS = {
    "thousands comma": re.compile(r"[+-]?\d{1,3}(\.\d+)?"),
    "thousands point": re.compile(r"[+-]?\d{1,3}(,\d+)?"),
    "thousands space": re.compile(r"[+-]?\d{1,3}([.,]\d+)?"),
}
UNGROUPED = re.compile(r"[+-]?\d{4,}([.,]\d+)?")
_PARTS = re.compile(r"^([+-]?\d+(?:[.,]\d+)*)\s*(.*)$")
SOME_PLAIN, MOST = 0.3, 0.6  # of a column: so many plain numbers, or so many of one style, say how it is written
ONE_UNIT = 0.8  # of a column: where units vary more, they do not belong into the cells
MAX_LEFT = 0.2  # of the rows written otherwise, not told by the source: it explains most of the variety, or is none
MAX_SOURCES = 20  # more values name things, not where rows come from
MIN_SETTLED = 0.97  # of the rows: by trial; a source that mixes writings settles none
MIN_VARIED = 0.05  # of the rows written otherwise: less is slips, which `formats` finds
AMBIGUOUS = re.compile(r"[+-]?\d+|[+-]?\d{1,3}[.,]\d{3}")
WRITINGS = {
    "plain number": "with a decimal point", "thousands comma": "with a decimal point",
    "decimal comma": "with a decimal comma", "thousands point": "with a decimal comma",
}  # fmt: skip


def weighed(names: Iterable[str], counts: NDArray[np.int64]) -> Counter[str]:
    """Return how many cells are called by each name, those that are called "" left out."""
    weights: Counter[str] = Counter()
    for name, count in zip(names, counts, strict=True):
        weights[name] += int(count)
    del weights[""]
    return weights


@dataclass(frozen=True, slots=True)
class Styles:
    """How each distinct value of a column is written: a format's name, or a shape; "" is a placeholder."""

    names: tuple[str, ...]
    shares: dict[str, float]
    is_declared: bool = False


def styles_of(column: CodedColumn, profile: ColumnProfile, is_sketch: bool = False) -> Styles:
    """Return the style of every distinct value: formats for numbers and moments, shapes for the rest.

    A sketch looks at 2,000 of the values at most and has their names only.
    """
    codes = looked_at(column.counts, column.counts > 0) if is_sketch else range(len(column.values))
    names = tuple(_style(column.values[code], profile) for code in codes)
    if profile.is_numeric and not profile.is_declared:
        names = _with_groups(names, [column.values[code].strip() for code in codes], column.counts[list(codes)])
    weights = weighed(names, column.counts[list(codes)])
    total = max(1, sum(weights.values()))
    return Styles(names, {name: weight / total for name, weight in weights.most_common()}, profile.is_declared)


def _with_groups(names: tuple[str, ...], values: list[str], counts: NDArray[np.int64]) -> tuple[str, ...]:
    """Return styles with numbers below 1,000 counted to the grouped style of the column, where it has one.

    It has one when more cells from 1,000 up are grouped than are not.
    """
    known = zip(names, values, strict=True)
    kinds = (n if n in BELOW_GROUPS else "ungrouped" if UNGROUPED.fullmatch(value) else "" for n, value in known)
    weights = weighed(kinds, counts)
    grouped = max(BELOW_GROUPS, key=lambda name: weights[name])
    if weights[grouped] <= weights["ungrouped"]:
        return names
    small = BELOW_GROUPS[grouped]
    return tuple(grouped if small.fullmatch(value) else name for name, value in zip(names, values, strict=True))


def is_agreed(profile: ColumnProfile) -> bool:
    """Whether the contract says that the cells are numbers, and thereby how they are read."""
    return profile.is_declared and profile.semantic in {Semantic.NUMBER, Semantic.INTEGER}


def _style(value: str, profile: ColumnProfile) -> str:
    text = value.strip()
    if is_placeholder(text):
        return ""
    if profile.is_numeric:
        found = format_of(text)
        if found is None:
            return "not a number"
        if found.name in PLAIN_NUMBERS or (is_agreed(profile) and number_of(text, profile.written.decimal) is not None):
            return "plain number"
        if found.family is Semantic.MEASURE or found.family is Semantic.PERCENT:
            parts = _PARTS.match(text)
            return f"number with {parts[2]!r}" if parts else found.name
        return found.name if found.family in {Semantic.NUMBER, Semantic.AMOUNT} else "not a number"
    if profile.is_moment or profile.semantic in LAYOUTS:
        found = format_of(text)
        return found.name if found else f"other ({runs_of(shape_of(text))[:40]})"
    return shape_of(text)[:80]


def usual_number(styles: Styles) -> str | None:
    """Return the style that numbers of a column should have, None when none prevails.

    A unit that is spelled in several ways, none of which prevails, does not belong into the cells.
    """
    if styles.is_declared:
        return "plain number"
    numbers = {name: share for name, share in styles.shares.items() if name != "not a number"}
    total = sum(numbers.values())
    if not total:
        return None
    top = max(numbers, key=lambda name: numbers[name])
    with_unit = sum(share for name, share in numbers.items() if name.startswith("number with"))
    is_mixed = numbers[top] < ONE_UNIT * total and with_unit > total / 2
    if numbers.get("plain number", 0.0) >= SOME_PLAIN * total or is_mixed:
        return "plain number"
    return top if numbers[top] >= MOST * total else None


def source_formats(
    encoded: Encoded, profiles: tuple[ColumnProfile, ...], roles: Described | None
) -> dict[int, SourceFormat]:
    """Return the columns whose way of writing depends on another; not those on which all sources should agree."""
    described = roles.described if roles is not None else ()
    found = {}
    for column, one in zip(encoded.columns, profiles, strict=True):
        if column.position not in described and not one.is_declared and (one.is_numeric or one.is_moment):
            source = source_format(encoded, profiles, column, styles_of(column, one))
            if source is not None:
                found[column.position] = source
    return found


@dataclass(frozen=True, slots=True)
class SourceFormat:
    """Which column tells how another is written, and the writing of each of its values.

    Parameters
    ----------
    source : int
        Position of the column that tells.
    writings : tuple of str
    of_row : array
        Each row's writing, -1 where it is missing or could be any.
    usual : array
        The writing usual for the row's source, -1 where there is none.
    """

    source: int
    writings: tuple[str, ...]
    of_row: Codes
    usual: Codes


def source_format(
    encoded: Encoded, profiles: tuple[ColumnProfile, ...], column: CodedColumn, styles: Styles
) -> SourceFormat | None:
    """Return the column that settles how this one is written, None when one writing prevails or none settles it."""
    profile = profiles[column.position]
    if not (profile.is_numeric or profile.is_moment) or len(styles.shares) < 2:
        return None
    writings, of_row = _writings(column, styles, profile.is_numeric)
    counts = np.bincount(of_row[of_row >= 0], minlength=1)
    if counts.sum() == 0 or 1 - counts.max() / counts.sum() < MIN_VARIED:
        return None
    for p in profiles:
        if p.position == column.position or not 2 <= p.n_distinct <= MAX_SOURCES:
            continue
        groups = grouped(encoded.filled[p.position], of_row)
        n = int(groups.n.sum())
        settled = int(groups.n[groups.right == groups.top].sum())
        if n and settled >= MIN_SETTLED * n and n - settled <= MAX_LEFT * (counts.sum() - counts.max()):
            usual = np.full(p.n_distinct + len(encoded.columns[p.position].values) + 1, MISSING, dtype=np.int32)
            usual[groups.left] = groups.top
            return SourceFormat(p.position, writings, of_row, usual[encoded.filled[p.position]])
    return None


def _writings(column: CodedColumn, styles: Styles, is_numeric: bool) -> tuple[tuple[str, ...], Codes]:
    """Return the ways a column's values are written, and each row's."""
    numbers: dict[str, int] = {}
    of_value = np.full(len(column.values) + 1, MISSING, dtype=np.int32)
    for code, (value, style) in enumerate(zip(column.values, styles.names, strict=True)):
        if not style or (is_numeric and (style == "not a number" or AMBIGUOUS.fullmatch(value.strip()))):
            continue
        name = WRITINGS.get(style, style) if is_numeric else style
        of_value[code] = numbers.setdefault(name, len(numbers))
    return tuple(numbers), of_value[column.codes]
