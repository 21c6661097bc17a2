"""Cells that are written in another way than their column."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workbench.audit.cells import CellKind
from workbench.audit.detectors.votes import Votes
from workbench.records.tables import (
    PLAIN_NUMBERS,
    CodedColumn,
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
ODD = set('*#@$^~|<>\\{}[]=_"`¬¦§+%!;')
OF_SENTENCES = set('!;"%+=')
BRACKETED = re.compile(r"\[([^\[\]]*)\]|#(?=\d)")
SENTENCE_WORDS = 3
OWN_VALUE_ROWS = 5
# Digits in groups, and how a number below 1,000 is written by the same hand: there is nothing to group in it.
BELOW_GROUPS = {
    "thousands comma": re.compile(r"[+-]?\d{1,3}(\.\d+)?"),
    "thousands point": re.compile(r"[+-]?\d{1,3}(,\d+)?"),
    "thousands space": re.compile(r"[+-]?\d{1,3}([.,]\d+)?"),
}
UNGROUPED = re.compile(r"[+-]?\d{4,}([.,]\d+)?")
UNIT = re.compile(r"^([+-]?\d+(?:[.,]\d+)*)\s*(.*)$")


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
    weights: Counter[str] = Counter()
    for name, count in zip(names, column.counts[list(codes)], strict=True):
        weights[name] += int(count)
    del weights[""]
    total = max(1, sum(weights.values()))
    return Styles(names, {name: weight / total for name, weight in weights.most_common()}, profile.is_declared)


def _with_groups(names: tuple[str, ...], values: list[str], counts: NDArray[np.int64]) -> tuple[str, ...]:
    """Return styles with numbers below 1,000 counted to the grouped style of the column, where it has one.

    It has one when more cells from 1,000 up are grouped than are not.
    """
    weights: Counter[str] = Counter()
    for name, value, count in zip(names, values, counts, strict=True):
        weights[name if name in BELOW_GROUPS else "ungrouped" if UNGROUPED.fullmatch(value) else ""] += int(count)
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
            parts = UNIT.match(text)
            return f"number with {parts[2]!r}" if parts else found.name
        return found.name if found.family in {Semantic.NUMBER, Semantic.AMOUNT} else "not a number"
    if profile.is_moment or profile.semantic in LAYOUTS:
        found = format_of(text)
        return found.name if found else f"other ({runs_of(shape_of(text))[:40]})"
    return shape_of(text)[:80]


def vote_on_formats(column: CodedColumn, profile: ColumnProfile, styles: Styles, votes: Votes) -> None:
    """Vote on the cells whose style deviates from the column's."""
    if profile.n_distinct < 2:
        return
    if profile.is_numeric:
        _vote_on_numbers(column, styles, votes)
    elif profile.is_moment or profile.semantic in LAYOUTS:
        _vote_on_layouts(column, styles, votes)
    else:
        _vote_on_shapes(column, profile, styles, votes)


def _vote_on_numbers(column: CodedColumn, styles: Styles, votes: Votes) -> None:
    """Plain numbers are the rule where there are some; otherwise the one style that nearly all cells have."""
    usual = usual_number(styles)
    if usual is None:
        return
    strengths: dict[str, dict[int, tuple[float, str]]] = {"type": {}, "format": {}}
    for code, name in enumerate(styles.names):
        if name in {usual, ""}:
            continue
        if name == "not a number":
            strengths["type"][code] = (0.8, f"{_short(column.values[code])} in a column of numbers")
        elif usual == "plain number" or styles.shares[name] < 0.4:
            strengths["format"][code] = (0.75, f"written as {name}, the column as {usual}")
    votes.values(column, strengths["type"], CellKind.TYPE)
    votes.values(column, strengths["format"], CellKind.FORMAT)


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
    if numbers.get("plain number", 0.0) >= 0.3 * total or (numbers[top] < 0.8 * total and with_unit > 0.5 * total):
        return "plain number"
    return top if numbers[top] >= 0.6 * total else None


def _vote_on_layouts(column: CodedColumn, styles: Styles, votes: Votes) -> None:
    top, share = next(iter(styles.shares.items()), ("", 0.0))
    if share < 0.5:
        return
    strengths = {
        code: (0.75, f"written as {name}, {share:.0%} of the column as {top}")
        for code, name in enumerate(styles.names)
        if name and name != top and styles.shares[name] < 0.4
    }
    votes.values(column, strengths, CellKind.FORMAT)


def _vote_on_shapes(column: CodedColumn, profile: ColumnProfile, styles: Styles, votes: Votes) -> None:
    """Codes follow few shapes; words follow none, but hold few odd signs, and one use of capitals.

    A code of another shape that is as frequent as the others is one of another system, not a slip.
    """
    runs = [runs_of(name) if name else "" for name in styles.names]
    weights: Counter[str] = Counter()
    for name, count in zip(runs, column.counts, strict=True):
        weights[name] += int(count)
    del weights[""]
    total = sum(weights.values())
    if total < 20:
        return
    exact, exact_share = next(iter(styles.shares.items()), ("", 0.0))
    run, n_run = weights.most_common(1)[0]
    strengths: dict[int, tuple[float, str]] = {}
    has_zeros = any(value[:1] == "0" for value in column.values)
    n_own = max(OWN_VALUE_ROWS, total // (3 * len(column.values)))
    for code, (name, shape) in enumerate(zip(styles.names, runs, strict=True)):
        if not name or (column.counts[code] >= n_own and profile.semantic is not Semantic.ZIP):
            continue
        if exact_share >= 0.9 and name != exact and styles.shares[name] < 0.02 and "9" in exact:
            strengths[code] = (0.7, f"shaped {name[:40]}, {exact_share:.0%} of the column {exact[:40]}")
        elif profile.semantic is Semantic.ZIP and has_zeros and exact_share >= 0.6 and len(name) < len(exact):
            strengths[code] = (
                0.6,
                f"{len(name)} digits, {exact_share:.0%} of the column have {len(exact)}: a zero is lost",
            )
        elif n_run >= 0.9 * total and shape != run and weights[shape] < 0.02 * total and _is_code(run):
            strengths[code] = (0.6, f"shaped {shape[:40]}, {n_run / total:.0%} of the column {run[:40]}")
    votes.values(column, strengths, CellKind.FORMAT)
    _vote_on_signs(column, total, votes)
    _vote_on_case(column, total, votes)


def _is_code(run: str) -> bool:
    return "9" in run or run in {"A+", "A", "a"}


def _vote_on_signs(column: CodedColumn, total: int, votes: Votes) -> None:
    """Vote on signs that hardly any cell holds: odd ones, and digits among words; sentences may hold more."""
    holding: Counter[str] = Counter()
    n_words = sum(len(value.split()) * int(count) for value, count in zip(column.values, column.counts, strict=True))
    is_text = n_words >= SENTENCE_WORDS * total
    signs = [
        {one for one in _without_marks(value, is_text) if one in ODD or (one.isdigit() and not is_text)}
        for value in column.values
    ]
    classes = [{"digit" if sign.isdigit() else sign for sign in found} for found in signs]
    for found, count in zip(classes, column.counts, strict=True):
        for sign in found:
            holding[sign] += int(count)
    strengths = {}
    for code, found in enumerate(classes):
        rare = [sign for sign in found if holding[sign] < (0.02 if sign == "digit" else 0.1) * total]
        if rare and column.counts[code] < max(5, 0.005 * total) and not is_placeholder(column.values[code]):
            strengths[code] = (0.6, f"{rare[0]!r} in {holding[rare[0]] / total:.1%} of the column only")
    votes.values(column, strengths, CellKind.FORMAT)


def _without_marks(value: str, is_text: bool) -> str:
    """Return a value without the signs that sentences and titles may hold, and without brackets that are closed."""
    if is_text or len(value.split()) >= SENTENCE_WORDS:
        return BRACKETED.sub(r"\1", "".join(sign for sign in value if sign not in OF_SENTENCES))
    return value


def _vote_on_case(column: CodedColumn, total: int, votes: Votes) -> None:
    cases = [_case(value) for value in column.values]
    weights: Counter[str] = Counter()
    for name, count in zip(cases, column.counts, strict=True):
        weights[name] += int(count)
    lettered = total - weights["none"]
    for usual in ("lower", "upper"):
        if lettered and weights[usual] >= 0.9 * lettered:
            strengths = {
                code: (0.6, f"capitals unlike {weights[usual] / lettered:.0%} of the column")
                for code, name in enumerate(cases)
                if name not in {usual, "none"} and not is_placeholder(column.values[code])
            }
            votes.values(column, strengths, CellKind.FORMAT)


def _case(value: str) -> str:
    if not any(sign.isalpha() for sign in value):
        return "none"
    return "lower" if value == value.lower() else "upper" if value == value.upper() else "mixed"


def _short(value: str) -> str:
    return repr(value if len(value) <= 40 else value[:37] + "...")
