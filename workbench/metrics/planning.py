"""How many more observations would settle an estimate against its target, if the share stays what it is."""

from __future__ import annotations

import math
from collections.abc import Callable

from workbench.metrics.catalogue import CATALOGUE, Operator
from workbench.metrics.estimate import Estimate
from workbench.stats import IntervalMethod, agreements_for_rate, agreements_needed, proportion_interval

MAX_RECORDS = 10_000_000  # beyond it nobody labels


def observations_missing(
    metric: str, estimate: Estimate, operator: Operator, target: float, level: float
) -> int | None:
    """Return how many more observations would pass a target; None when none would.

    Shares and, where the metric is one, quantiles. `n` is the estimate's own denominator, so for selective accuracy
    these are automated decisions. At the very target no number of observations would do.

    Parameters
    ----------
    level : float
        That each one-sided bound must hold at.
    """
    entry = CATALOGUE.get(metric)
    if entry is not None and entry.quantile is not None:
        return max(quantile_observations(entry.quantile, level) - estimate.n, 0) or None
    value = estimate.value
    if value is None or not 0.0 <= value <= 1.0 or not operator.holds(value, target) or value == target:
        return None
    good_side = 0 if operator is Operator.AT_LEAST else 1

    def passes(n: int) -> bool:
        # The observed share is kept from below (above for an upper limit): a whole number of hits never flatters it.
        hits = math.floor(value * n + 1e-9) if good_side == 0 else math.ceil(value * n - 1e-9)
        bounds = proportion_interval(hits, n, 2.0 * level - 1.0, IntervalMethod.CLOPPER_PEARSON)
        return bool(operator.holds(bounds[good_side], target))

    needed = first_that(passes, max(estimate.n, 1))
    return None if needed is None else max(needed - estimate.n, 0)


def quantile_observations(q: float, confidence_level: float) -> int:
    """Return the fewest observations whose largest is an upper bound of a quantile at a confidence level.

    Source: order statistics; all n lie below the quantile with probability q ** n.

    Examples
    --------
    >>> quantile_observations(0.95, 0.95), 0.95 ** 59 <= 0.05 < 0.95 ** 58
    (59, True)
    """
    return math.ceil(math.log(1 - confidence_level) / math.log(q))


def agreements_to_draw(n_automated: int, target: float, level: float) -> tuple[int, bool]:
    """Return how many agreements of agent and label people look at again, and whether that can prove a target.

    Where the agreements are too few for a proof, as many as show the rate of wrong ones among them.

    Parameters
    ----------
    n_automated : int
        Decisions that the agent makes alone.
    target : float
        The share of them that must be right.
    level : float
        The chance of error.
    """
    proving = agreements_needed(n_automated, 0, target, level)
    return (agreements_for_rate(n_automated, target, level / 2), False) if proving is None else (proving, True)


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
