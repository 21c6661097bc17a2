"""Numbers and dates far outside what their column holds."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from workbench.audit.detectors.detector import Detector, Votes
from workbench.audit.findings import CellKind, Effort, Remedy, Severity, until_gone
from workbench.audit.table.inferred import Known
from workbench.audit.table.relations import Numbers, days_of, numbers_of, per_row
from workbench.audit.table.rules import Rule, RuleKind
from workbench.records.tables import CodedColumn, ColumnProfile, Semantic

FAR = 8.0  # quartile distances from the median: by trial; nearer ones are true extremes of skewed amounts
MAX_REPEATS = 5  # rows: a number that more of them hold is no slip
MIN_VALUES = 30  # of fewer numbers, the quartiles say little about the next one
USUAL_SHARE = 0.25  # of the cells with one number: the quartiles are then that number, and everything else is far
COMPANY_ROWS, COMPANY_WITHIN = 8, 0.05  # far numbers so near each other are a group, such as another currency's rates
HARDLY_ANY = 0.02  # of the cells: more negative ones are credits, not slips
FEW = 0.03  # of the cells: when more are far, being far is how the column is
SKEWED = 4  # times the median, at the 99th percentile: amounts that span magnitudes are measured by their logarithm
LARGEST = 300.0  # exponent of a number that a float still holds
NINE_IN_TEN = (0.05, 0.95)
MIDDLE = (0.25, 0.5, 0.75)
WIDE = (0.02, 0.98)  # where the middle half is one number; half their distance then stands for a quartile's
MOST_DAYS = (0.01, 0.99)  # years that all but a slip in a hundred lie in
TIMES_DAYS, LEAST_DAYS = 3, 730.0  # so many times that span, and two years, away: a wrong year, not a late entry
SURE_DATE, SURE_SIGN, LIKELY = 0.75, 0.7, 0.65  # by trial: an outlier is true more often than a wrong sign or year

OUT_OF_RANGE = CellKind(
    "out_of_range",
    "values out of range",
    Severity.HIGH,
    "limits and tolerances are checked against a wrong number",
    until_gone(
        "correct the values; declare the range in contract.yaml so that import refuses others",
        Effort.DAYS,
        "value out of range",
    ),
    of_value="a sign or a date that hardly any other cell has",
)
OUTLIER = CellKind(
    "outlier",
    "values far from all others",
    Severity.LOW,
    "limits are tested on values that may be slips of a decimal point",
    Remedy(
        "have a person look at the rows; correct slips, keep true extremes",
        Effort.HOURS,
        "every value far out was looked at",
    ),
    of_value="far outside the other numbers",
)


def vote_on_quantities(known: Known, votes: Votes) -> None:
    """Vote on signs no other cell has, on numbers out of any proportion, and on dates outside the column's years."""
    for column, profile in known.each():
        if profile.is_numeric:
            _vote_on_numbers(column, numbers_of(column), votes)
        elif profile.semantic in {Semantic.DATE, Semantic.DATETIME} and not _has_short_years(profile):
            _vote_on_days(column, days_of(column.values), votes)


def _has_short_years(profile: ColumnProfile) -> bool:
    """Whether years are written with two digits, which leaves the century open."""
    return (profile.dominant_format or "").endswith((".YY", "/YY"))


def _vote_on_numbers(column: CodedColumn, numbers: Numbers, votes: Votes) -> None:
    cells = per_row(column, numbers)
    known = cells[~np.isnan(cells)]
    if len(known) < MIN_VALUES:
        return
    is_negative = numbers < 0
    if 0 < float((known < 0).mean()) < HARDLY_ANY:
        _vote(column, is_negative, SURE_SIGN, OUT_OF_RANGE, "negative, hardly any other cell is", votes)
        known = known[known >= 0]
    spread = fences(known)
    if spread is None:
        return
    low, high = spread
    far = ((numbers > high) | ((numbers < low) & ~is_negative)) & ~np.isnan(numbers) & (column.counts <= MAX_REPEATS)
    share = float(column.counts[far].sum()) / len(known)
    if 0 < share < FEW:
        far &= ~_has_company(column, numbers, far)
        rest = numbers[~far & ~np.isnan(numbers)]
        text = f"far from the others, which lie {most_lie(rest, column.counts[~far & ~np.isnan(numbers)])}"
        _vote(column, far, LIKELY, OUTLIER, text, votes)


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
    low, high = np.quantile(each, NINE_IN_TEN, method="nearest")
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
    _, median, upper = np.quantile(known, MIDDLE)
    skewed = positive and upper > 0 and float(np.quantile(known, 0.99)) > SKEWED * median
    scaled = np.log10(known) if skewed else known
    lower, median, upper = np.quantile(scaled, MIDDLE)
    reach = max(upper - median, median - lower)
    if reach <= 0:
        lower, upper = np.quantile(scaled, WIDE)
        reach = (upper - lower) / 2
    if reach <= 0:
        return None
    low, high = median - FAR * reach, median + FAR * reach
    return (float(10**low), float(10 ** min(high, LARGEST))) if skewed else (float(low), float(high))


def _vote_on_days(column: CodedColumn, days: Numbers, votes: Votes) -> None:
    cells = per_row(column, days)
    known = cells[~np.isnan(cells)]
    if len(known) < MIN_VALUES:
        return
    low, high = np.quantile(known, MOST_DAYS)
    reach = max(TIMES_DAYS * (high - low), LEAST_DAYS)
    far = (days < low - reach) | (days > high + reach)
    if 0 < float(column.counts[far].sum()) / len(known) < FEW:
        _vote(column, far, SURE_DATE, OUT_OF_RANGE, "the date is years away from all others", votes)


def _vote(
    column: CodedColumn, is_meant: npt.NDArray[np.bool_], strength: float, kind: CellKind, reason: str, votes: Votes
) -> None:
    votes.cells(column.position, column.rows_with(is_meant), strength, kind, reason)


def bounds_rules(known: Known) -> Iterator[Rule]:
    """Yield which bounds the numbers of each column keep."""
    for column, profile in known.each():
        bounds = _bounds(column, profile)
        if bounds is not None:
            low, high = bounds
            text = f"beyond the limits of {low:,.6g} and {high:,.6g}, many times the usual spread away"
            yield Rule.of(profile, RuleKind.BETWEEN, OUTLIER, text, low=low, high=high)


def _bounds(column: CodedColumn, profile: ColumnProfile) -> tuple[float, float] | None:
    """Return the bounds that numbers of a column keep, None when they are no quantities or too few."""
    if not profile.is_numeric or profile.semantic is Semantic.MEASURE:
        return None
    cells: Numbers = (
        per_row(column, numbers_of(column)) if len(column.codes) > len(column.values) else numbers_of(column)
    )
    known = cells[~np.isnan(cells)]
    if len(known) < MIN_VALUES:
        return None
    is_positive = float((known < 0).mean()) < HARDLY_ANY
    found = fences(known[known >= 0] if is_positive else known)
    if found is None:
        return None
    low, high = max(0.0, found[0]) if is_positive else found[0], found[1]
    outside = float(((known < low) | (known > high)).mean())
    return (low, high) if outside < FEW else None


OF_QUANTITIES = Detector("quantities", 90, vote_on_quantities, (OUT_OF_RANGE, OUTLIER), True, bounds_rules)
