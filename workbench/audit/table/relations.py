"""Cells as numbers and days, and relations between the columns of a row: sums, products, and dates in order."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from itertools import combinations
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from workbench.audit.table.encoded import Encoded, first_with
from workbench.records.tables import CodedColumn, ColumnProfile, Semantic, moments_of, number_in

Numbers: TypeAlias = npt.NDArray[np.float64]
_STRIPPED = re.compile(r"[^\d.,+-]")
EPOCH = datetime(1970, 1, 1)
TOLERANCE, SHARE = 0.011, 2e-6  # what rounding to cents, and floats of large amounts, explain
MIN_HOLDS = 0.9  # of the rows: by trial; lower, sums that hold by chance are found
TRIED_ROWS = 2_000  # show that most triples hold nowhere
SCREENED_BY, SURER = 0.05, 0.03  # less is asked of the rows tried, more of dates: two are in order more often
TRIVIAL = 0.8  # of the rows with a factor of 1, or zeros: the relation says nothing then
MIN_APART = 0.2  # of two dates: where fewer differ they are the same one
MAX_NUMBERS = 20  # columns: their triples are thousands
MIN_ROWS = 30  # of fewer, a relation is chance


def per_row(column: CodedColumn, of_value: Numbers) -> Numbers:
    """Return a number for each row looked at from one for each distinct value; NaN where the cell is empty."""
    return np.append(of_value, np.nan)[column.codes]


def numbers_of(column: CodedColumn) -> Numbers:
    """Return each distinct value as a number, NaN where it is none; currency signs and units are left out."""
    return np.array([_number(value) for value in column.values], dtype=float)


def _number(value: str) -> float:
    plain = number_in(value)
    if plain is not None:
        return plain if abs(plain) < 1e300 else float("nan")
    stripped = _STRIPPED.sub("", value) if any(sign in value for sign in "$€£%") else value.strip()
    if re.fullmatch(r"[+-]?\d{1,3}(,\d{3})+(\.\d+)?", stripped):
        return float(stripped.replace(",", ""))
    if re.fullmatch(r"[+-]?\d{1,3}(\.\d{3})*,\d+", stripped):
        return float(stripped.replace(".", "").replace(",", "."))
    found = number_in(stripped) if stripped != value else None
    return float("nan") if found is None else found


def with_same_numbers(encoded: Encoded, numeric: Collection[int]) -> Encoded:
    """Return a table whose cells that hold the same number in different writings (0,00 and 0.00) are the same."""
    filled = list(encoded.filled)
    for position in numeric:
        column = encoded.columns[position]
        if any("," in value for value in column.values) and any("," not in value for value in column.values):
            numbers = zip(column.values, numbers_of(column), strict=True)
            same = first_with(value if number != number else number for value, number in numbers)
            filled[position] = same[filled[position]]
    return replace(encoded, filled=tuple(filled))


def days_of(values: Sequence[str]) -> Numbers:
    """Return each date or datetime as days since 1970, NaN where it is none.

    In dates with slashes the month stands first unless the column's cells say otherwise.
    """
    moments = moments_of([value.strip() for value in values], undecided=False)
    return np.array([np.nan if one is None else (one - EPOCH).total_seconds() / 86_400 for one in moments], dtype=float)


class RelationKind(StrEnum):
    """How columns go together."""

    PRODUCT = "a * b = c"
    SUM = "a + b = c"
    ORDER = "a <= b"


@dataclass(frozen=True, slots=True)
class Relation:
    """A relation that holds in nearly all rows.

    Parameters
    ----------
    kind : RelationKind
    positions : tuple of int
        Of a, b and, for sums and products, c.
    holds : float
        Share of the rows with all cells filled in which it holds.
    """

    kind: RelationKind
    positions: tuple[int, ...]
    holds: float


def quantities(
    encoded: Encoded, profiles: tuple[ColumnProfile, ...], agreed: tuple[Relation, ...] = ()
) -> dict[int, Numbers]:
    """Return numeric columns, dates, and the columns of relations agreed on as numbers for each row, by position."""
    needed = {position for relation in agreed for position in relation.positions}
    found = {}
    for profile in profiles:
        column = encoded.columns[profile.position]
        if profile.semantic in {Semantic.DATE, Semantic.DATETIME}:
            found[profile.position] = per_row(column, days_of(column.values))
        elif profile.position in needed or (profile.is_numeric and not profile.is_key):
            found[profile.position] = per_row(column, numbers_of(column))
    return found


def find_relations(
    encoded: Encoded, profiles: tuple[ColumnProfile, ...], cells: dict[int, Numbers]
) -> tuple[Relation, ...]:
    """Return the relations that hold in at least 90% of rows and are no coincidence."""
    numeric = [p.position for p in profiles if p.position in cells and p.is_numeric and p.n_distinct > 5]
    dates = [p.position for p in profiles if p.position in cells and p.is_moment and p.n_distinct > 5]
    step = max(1, encoded.n // TRIED_ROWS)
    found = [*_sums_and_products(cells, numeric[:MAX_NUMBERS], step)]
    for a, b in combinations(dates[:MAX_NUMBERS], 2):
        found += [one for one in (_order(cells, a, b), _order(cells, b, a)) if one is not None]
    return tuple(found)


def _sums_and_products(cells: dict[int, Numbers], numeric: list[int], step: int) -> Iterator[Relation]:
    for a, b in combinations(numeric, 2):
        for c in numeric:
            if c in {a, b}:
                continue
            for kind in (RelationKind.PRODUCT, RelationKind.SUM):
                if _share(cells, kind, (a, b, c), step) >= MIN_HOLDS - SCREENED_BY:
                    holds = _share(cells, kind, (a, b, c), 1)
                    if holds >= MIN_HOLDS and not _is_trivial(cells, kind, (a, b, c)):
                        yield Relation(kind, (a, b, c), holds)


def _share(cells: dict[int, Numbers], kind: RelationKind, positions: tuple[int, int, int], step: int) -> float:
    a, b, c = (cells[position][::step] for position in positions)
    gap = residual(kind, a, b, c)
    known = ~np.isnan(gap)
    return float((gap[known] <= 1).mean()) if known.sum() >= MIN_ROWS else 0.0


def residual(kind: RelationKind, a: Numbers, b: Numbers, c: Numbers) -> Numbers:
    """Return how far c is from what a and b make, in units of what rounding to cents explains; NaN when unknown."""
    expected = a * b if kind is RelationKind.PRODUCT else a + b
    return np.abs(expected - c) / np.maximum(TOLERANCE, SHARE * np.abs(expected))


def _is_trivial(cells: dict[int, Numbers], kind: RelationKind, positions: tuple[int, int, int]) -> bool:
    """Whether the relation says nothing: a factor that is 1 (a term that is 0) nearly everywhere, or all zeros."""
    a, b, c = (cells[position] for position in positions)
    neutral = 1.0 if kind is RelationKind.PRODUCT else 0.0
    known = ~np.isnan(a + b + c)
    near_neutral = max(float((a[known] == neutral).mean()), float((b[known] == neutral).mean()))
    return near_neutral > TRIVIAL or float((c[known] == 0).mean()) > TRIVIAL


def _order(cells: dict[int, Numbers], a: int, b: int) -> Relation | None:
    """Return that one date is never after another, where they are near to each other and hardly ever equal."""
    gap = cells[b] - cells[a]
    known = gap[~np.isnan(gap)]
    if len(known) < MIN_ROWS or float((known > 0).mean()) < MIN_APART:
        return None
    holds = float((known >= 0).mean())
    return Relation(RelationKind.ORDER, (a, b), holds) if holds >= MIN_HOLDS + SURER else None
