"""Numbers and dates far outside what their column holds."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from workbench.audit.cells import CellKind
from workbench.audit.detectors.votes import Votes
from workbench.audit.table.quantities import Numbers, days_of, numbers_of, per_row
from workbench.records.tables import CodedColumn, ColumnProfile, Semantic

FAR = 8.0
MAX_REPEATS = 5
MIN_VALUES = 30
USUAL_SHARE = 0.25
COMPANY_ROWS, COMPANY_WITHIN = 8, 0.05


def vote_on_quantities(column: CodedColumn, profile: ColumnProfile, votes: Votes) -> None:
    """Vote on signs no other cell has, on numbers out of any proportion, and on dates outside the column's years."""
    if profile.is_numeric:
        _vote_on_numbers(column, numbers_of(column), votes)
    elif profile.semantic in {Semantic.DATE, Semantic.DATETIME} and not _has_short_years(profile):
        _vote_on_days(column, days_of(column), votes)


def _has_short_years(profile: ColumnProfile) -> bool:
    """Whether years are written with two digits, which leaves the century open."""
    return (profile.dominant_format or "").endswith((".YY", "/YY"))


def _vote_on_numbers(column: CodedColumn, numbers: Numbers, votes: Votes) -> None:
    cells = per_row(column, numbers)
    known = cells[~np.isnan(cells)]
    if len(known) < MIN_VALUES:
        return
    is_negative = numbers < 0
    if 0 < float((known < 0).mean()) < 0.02:
        _vote(column, is_negative, 0.7, CellKind.OUT_OF_RANGE, "negative, hardly any other cell is", votes)
        known = known[known >= 0]
    spread = fences(known)
    if spread is None:
        return
    low, high = spread
    far = ((numbers > high) | ((numbers < low) & ~is_negative)) & ~np.isnan(numbers) & (column.counts <= MAX_REPEATS)
    share = float(column.counts[far].sum()) / len(known)
    if 0 < share < 0.03:
        far &= ~_has_company(column, numbers, far)
        rest = numbers[~far & ~np.isnan(numbers)]
        text = f"far from the others, which lie {most_lie(rest, column.counts[~far & ~np.isnan(numbers)])}"
        _vote(column, far, 0.65, CellKind.OUTLIER, text, votes)


def _has_company(column: CodedColumn, numbers: Numbers, far: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Return which far numbers belong to a group of their own, such as rates of another currency."""
    found = np.zeros(len(numbers), dtype=bool)
    for code in np.flatnonzero(far):
        near = far & (np.abs(numbers - numbers[code]) <= COMPANY_WITHIN * abs(numbers[code]))
        found[code] = column.counts[near].sum() >= COMPANY_ROWS
    return found


def most_lie(numbers: Numbers, counts: npt.NDArray[np.int64] | None = None) -> str:
    """Return where nine in ten of the numbers lie, and where all do, in words.

    Examples
    --------
    >>> most_lie(np.array([*range(5, 96), 400.0]))
    'between 5 and 400, nine in ten between 10 and 91'
    """
    each = numbers if counts is None else np.repeat(numbers, counts)
    low, high = np.quantile(each, [0.05, 0.95], method="nearest")
    return f"between {each.min():,.6g} and {each.max():,.6g}, nine in ten between {low:,.6g} and {high:,.6g}"


def fences(known: Numbers) -> tuple[float, float] | None:
    """Return the bounds beyond which a number is out of proportion, None when the column has no spread.

    On a scale on which the middle half is roughly symmetric (the logarithm for positive numbers that span
    magnitudes), eight times the distance from the median to the quartile on that side. Where one number, such as 0, is
    what a quarter of the cells or more hold, the others are measured, and that number lies within the bounds.
    """
    distinct, counts = np.unique(known, return_counts=True)
    usual = float(distinct[counts.argmax()])
    others = known[known != usual]
    if counts.max() >= USUAL_SHARE * len(known) and len(others) >= MIN_VALUES:
        spread = _spread(others)
        return None if spread is None else (min(spread[0], usual), max(spread[1], usual))
    return _spread(known)


def _spread(known: Numbers) -> tuple[float, float] | None:
    positive = bool((known > 0).all())
    lower, median, upper = np.quantile(known, [0.25, 0.5, 0.75])
    skewed = positive and upper > 0 and float(np.quantile(known, 0.99)) > 4 * median
    scaled = np.log10(known) if skewed else known
    lower, median, upper = np.quantile(scaled, [0.25, 0.5, 0.75])
    reach = max(upper - median, median - lower)
    if reach <= 0:
        lower, upper = np.quantile(scaled, [0.02, 0.98])
        reach = (upper - lower) / 2
    if reach <= 0:
        return None
    low, high = median - FAR * reach, median + FAR * reach
    return (float(10**low), float(10 ** min(high, 300.0))) if skewed else (float(low), float(high))


def _vote_on_days(column: CodedColumn, days: Numbers, votes: Votes) -> None:
    cells = per_row(column, days)
    known = cells[~np.isnan(cells)]
    if len(known) < MIN_VALUES:
        return
    low, high = np.quantile(known, [0.01, 0.99])
    reach = max(3 * (high - low), 730.0)
    far = (days < low - reach) | (days > high + reach)
    if 0 < float(column.counts[far].sum()) / len(known) < 0.03:
        _vote(column, far, 0.75, CellKind.OUT_OF_RANGE, "the date is years away from all others", votes)


def _vote(
    column: CodedColumn, is_meant: npt.NDArray[np.bool_], strength: float, kind: CellKind, reason: str, votes: Votes
) -> None:
    votes.cells(column.position, column.rows_with(is_meant), strength, kind, reason)
