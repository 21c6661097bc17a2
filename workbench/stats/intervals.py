"""Two-sided confidence intervals for a proportion, a quantile and a mean."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from enum import StrEnum
from numbers import Integral
from statistics import NormalDist
from typing import assert_never

import numpy as np
from numpy.typing import ArrayLike, NDArray

from workbench.stats.inputs import Floats, checked_numbers, checked_share
from workbench.words import InputError


class IntervalMethod(StrEnum):
    """How the interval of a proportion is computed."""

    WILSON = "wilson"  # close to the stated confidence on average over true values, sometimes a little below it
    CLOPPER_PEARSON = "clopper_pearson"  # never below the stated confidence, and wider for it

    @property
    def shown_name(self) -> str:
        """Name as a reader knows it."""
        match self:
            case IntervalMethod.WILSON:
                return "Wilson"
            case IntervalMethod.CLOPPER_PEARSON:
                return "Clopper-Pearson"
            case _:
                assert_never(self)


def wilson(k: int, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """Return the Wilson score interval of a proportion, two-sided, without continuity correction.

    Parameters
    ----------
    k : int
        Successes, 0 to n.
    n : int
        Trials, at least 1.
    confidence : float
        In (0, 1).

    Returns
    -------
    tuple of float
        Lower and upper bound in [0, 1]; the lower is exactly 0 at k = 0, the upper exactly 1 at k = n.

    Raises
    ------
    InputError
        k or n is not an integer, n < 1, k outside 0 to n, or confidence outside (0, 1).

    Notes
    -----
    Source: Wilson (1927); Brown, Cai and DasGupta (2001), equation 4.

    Examples
    --------
    >>> [round(bound, 4) for bound in wilson(0, 10, 0.95)]
    [0.0, 0.2775]
    """
    return proportion_interval(k, n, confidence, IntervalMethod.WILSON)


def proportion_interval(k: int, n: int, confidence: float, method: IntervalMethod) -> tuple[float, float]:
    """Return the two-sided interval of k successes in n trials by the method named."""
    for name, value in (("k", k), ("n", n)):
        if isinstance(value, bool) or not isinstance(value, Integral):
            raise InputError(f"{name} must be an integer", got=repr(value))
    if n < 1:
        raise InputError("an interval needs at least one trial", got=f"n = {n}", expected="n >= 1")
    lower, upper = proportion_bounds(k, n, confidence, method)
    return float(lower), float(upper)


def proportion_bounds(k: ArrayLike, n: ArrayLike, confidence: float, method: IntervalMethod) -> tuple[Floats, Floats]:
    """Return the two-sided intervals of many proportions at once, each at `confidence` on its own.

    Parameters
    ----------
    k, n : array of int, of one shape or broadcast to one
        Successes and trials, 0 <= k <= n.

    Returns
    -------
    tuple of array
        Lower and upper bounds; NaN where n = 0, where an interval is undefined.

    Raises
    ------
    InputError
        A k lies outside 0 to n, the values are no integers, or confidence lies outside (0, 1).
    """
    alpha = 1.0 - checked_share("a confidence level", confidence)
    successes, trials = np.broadcast_arrays(np.asarray(k), np.asarray(n))
    if not all(np.issubdtype(values.dtype, np.integer) for values in (successes, trials)):
        raise InputError("counts must be integers", got=f"{successes.dtype} and {trials.dtype}")
    outside = (successes < 0) | (successes > trials)
    if outside.any():
        first = f"k = {successes[outside][0]}, n = {trials[outside][0]}"
        raise InputError("successes must lie between 0 and the number of trials", got=first)
    match method:
        case IntervalMethod.WILSON:
            lower, upper = _wilson(successes, np.maximum(trials, 1), alpha)
        case IntervalMethod.CLOPPER_PEARSON:
            lower, upper = _clopper_pearson(successes, np.maximum(trials, 1), alpha)
        case _:
            assert_never(method)
    undefined = trials == 0
    lower = np.where(undefined, np.nan, np.where(successes == 0, 0.0, lower))
    upper = np.where(undefined, np.nan, np.where(successes == trials, 1.0, upper))
    return lower, upper


def quantile_interval(values: ArrayLike, q: float, confidence: float = 0.95) -> tuple[float | None, float | None]:
    """Return a two-sided interval of a quantile from order statistics, valid for any distribution.

    Each bound is an observed value and is missed with probability at most (1 - confidence) / 2, whatever the
    distribution, as long as the values are independent draws from it.

    Parameters
    ----------
    values : array of shape (n,)
        Finite numbers, at least one.
    q : float
        Which quantile, in (0, 1).
    confidence : float
        In (0, 1).

    Returns
    -------
    tuple of float or None
        Lower and upper bound; None where n is too small for a finite one (the 0.99 quantile has no upper bound at
        95% below 368 values).

    Raises
    ------
    InputError
        No values, one that is not finite, or q or confidence outside (0, 1).

    Notes
    -----
    Source: David and Nagaraja, Order Statistics (2003), section 7.1. There only the sum of the two tails is limited;
    here each tail is held to its half.

    Examples
    --------
    >>> quantile_interval(range(1, 11), 0.5)
    (2.0, 9.0)
    >>> quantile_interval(range(1, 11), 0.99)
    (9.0, None)
    """
    from scipy import special

    ordered = np.sort(checked_numbers("values", values))
    if not 0.0 < q < 1.0:
        raise InputError("a quantile must lie between 0 and 1", got=repr(q))
    n, half = len(ordered), (1.0 - checked_share("a confidence level", confidence)) / 2

    def cumulative(k: int) -> float:
        return float(special.bdtr(float(k), n, q))

    lower = bisect_right(range(n + 1), half, key=cumulative)  # ranks from 1; rank 0 is below every value
    upper = bisect_left(range(n + 1), 1.0 - half, key=cumulative) + 1
    return (
        float(ordered[lower - 1]) if lower >= 1 else None,
        float(ordered[upper - 1]) if upper <= n else None,
    )


def mean_interval(values: ArrayLike, confidence: float = 0.95) -> tuple[float | None, float | None]:
    """Return the two-sided Student t interval of a mean.

    Exact for normal values; for skewed ones it needs some dozens of values, and its coverage is then approximate.

    Parameters
    ----------
    values : array of shape (n,)
        Finite numbers, at least one.
    confidence : float
        In (0, 1).

    Returns
    -------
    tuple of float or None
        Lower and upper bound; None, None for a single value.

    Raises
    ------
    InputError
        No values, one that is not finite, or confidence outside (0, 1).

    Examples
    --------
    >>> [round(bound, 3) for bound in mean_interval([1, 2, 3, 4, 5])]
    [1.037, 4.963]
    """
    from scipy import special

    numbers, alpha = checked_numbers("values", values), 1.0 - checked_share("a confidence level", confidence)
    n = len(numbers)
    if n < 2:
        return None, None
    mean = float(numbers.mean())
    half = -float(special.stdtrit(n - 1, alpha / 2)) * float(numbers.std(ddof=1)) / math.sqrt(n)
    return mean - half, mean + half


def _wilson(k: NDArray[np.integer], n: NDArray[np.integer], alpha: float) -> tuple[Floats, Floats]:
    """Return Wilson bounds; the caller sets the exact ends."""
    z = -NormalDist().inv_cdf(alpha / 2)  # without scipy, which takes a quarter of a second to import
    centre = (k + z * z / 2) / (n + z * z)
    half = z * np.sqrt(k * (1 - k / n) + z * z / 4) / (n + z * z)
    return centre - half, centre + half


def _clopper_pearson(k: NDArray[np.integer], n: NDArray[np.integer], alpha: float) -> tuple[Floats, Floats]:
    """Return Clopper-Pearson bounds; the caller sets the exact ends."""
    from scipy import special

    lower = special.betaincinv(np.maximum(k, 1), n - k + 1, alpha / 2)
    upper = special.betainccinv(k + 1, np.maximum(n - k, 1), alpha / 2)
    return np.asarray(lower, dtype=np.float64), np.asarray(upper, dtype=np.float64)
