"""How much evidence is missing: labelled records that would settle a proportion, and days until they are there."""

from __future__ import annotations

import math
from collections.abc import Callable

import pandas as pd

from workbench.gates.criteria import Criterion
from workbench.metrics import Estimate, Operator
from workbench.stats import IntervalMethod, proportion_interval

MAX_RECORDS = 10_000_000


def records_missing(criterion: Criterion, estimate: Estimate) -> int | None:
    """Return how many more observations would pass the criterion if the share stays what it is; None when none would.

    Only for shares: `n` is the estimate's own denominator, so for selective accuracy these are automated decisions. At
    the very target no number of records would do.
    """
    value, target = estimate.value, criterion.target
    if value is None or target is None or criterion.operator is None or criterion.confidence_level is None:
        return None
    if not 0.0 <= value <= 1.0 or not criterion.operator.holds(value, target) or value == target:
        return None
    level = 2.0 * criterion.level - 1.0
    good_side = 0 if criterion.operator is Operator.AT_LEAST else 1
    holds = criterion.operator.holds

    def passes(n: int) -> bool:
        # The observed share is kept from below (above for an upper limit): a whole number of hits never flatters it.
        hits = math.floor(value * n + 1e-9) if good_side == 0 else math.ceil(value * n - 1e-9)
        return bool(holds(proportion_interval(hits, n, level, IntervalMethod.CLOPPER_PEARSON)[good_side], target))

    needed = first_that(passes, max(estimate.n, 1))
    return None if needed is None else max(needed - estimate.n, 0)


def quantile_records(q: float, confidence_level: float) -> int:
    """Return the fewest observations whose largest is an upper bound of a quantile at a confidence level.

    Source: order statistics; all n lie below the quantile with probability q ** n.

    Examples
    --------
    >>> quantile_records(0.95, 0.95), 0.95 ** 59 <= 0.05 < 0.95 ** 58
    (59, True)
    """
    return math.ceil(math.log(1 - confidence_level) / math.log(q))


def pace(times: pd.Series[str] | None) -> float | None:
    """Return how many records arrived a day, from when they were received (ISO 8601); None where that is not known."""
    if times is None:
        return None
    read = pd.to_datetime(times, errors="coerce", utc=True, format="ISO8601").dropna()
    days = (read.max() - read.min()).total_seconds() / 86_400 if len(read) > 1 else 0.0
    return (len(read) - 1) / days if days > 0 else None


def first_that(passes: Callable[[int], bool], start: int) -> int | None:
    """Return a number from `start` on that passes, the smallest up to the steps of rounding; None when none does."""
    high = start
    while not passes(high):
        if high >= MAX_RECORDS:
            return None
        high *= 2
    low = max(high // 2, start)
    while low < high:
        middle = (low + high) // 2
        if passes(middle):
            high = middle
        else:
            low = middle + 1
    return high
