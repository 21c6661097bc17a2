"""Two versions on the same records: tests and intervals for a paired difference of proportions.

The four counts are of records: `n11` both right, `n10` only the first, `n01` only the second, `n00` neither. The
difference is first minus second, (n10 - n01) / n.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from workbench.errors import InputError
from workbench.stats.inputs import Floats, checked_count, checked_share
from workbench.stats.intervals import IntervalMethod, proportion_bounds

BISECTIONS = 60


def mcnemar_exact(n10: int, n01: int) -> float:
    """Return the two-sided p-value of the exact McNemar test.

    Conservative: with 1,000 records of which 2% differ, its true size at a nominal 5% is about 3%; see `mcnemar_midp`.

    Parameters
    ----------
    n10, n01 : int
        Records that only the first, and only the second, has right.

    Returns
    -------
    float
        1.0 when no record differs.

    Raises
    ------
    InputError
        A count is negative or no integer.

    Notes
    -----
    Source: binomial test of n10 of n10 + n01 against one half, twice the smaller tail.

    Examples
    --------
    >>> round(mcnemar_exact(6, 16), 6)
    0.052479
    """
    low, n = _discordant(n10, n01)
    from scipy import special

    return min(1.0, 2.0 * float(special.bdtr(float(low), n, 0.5))) if n else 1.0


def mcnemar_midp(n10: int, n01: int) -> float:
    """Return the two-sided mid-p-value of McNemar's test: what to use for comparing two versions.

    Half of the probability of the observed table is taken off the exact tail. Its size stays close to the nominal
    level and rarely above it.

    Parameters
    ----------
    n10, n01 : int
        Records that only the first, and only the second, has right.

    Returns
    -------
    float
        1.0 when no record differs, and when as many differ either way.

    Raises
    ------
    InputError
        A count is negative or no integer.

    Notes
    -----
    Source: Fagerland, Lydersen and Laake (2013), BMC Medical Research Methodology 13:91. For n10 = n01 twice the
    one-sided mid-p is exactly 1; the paper gives 1 less half the table's probability there.

    Examples
    --------
    >>> round(mcnemar_midp(6, 16), 6)
    0.03469
    """
    low, n = _discordant(n10, n01)
    if not n:
        return 1.0
    from scipy import special

    below = float(special.bdtr(float(low - 1), n, 0.5)) if low else 0.0
    upto = float(special.bdtr(float(low), n, 0.5))
    return min(1.0, below + upto)


def tango_paired(n11: int, n10: int, n01: int, n00: int, confidence: float = 0.95) -> tuple[float, float]:
    """Return Tango's score interval of a paired difference, first minus second.

    Holds its coverage for small n and where the versions hardly differ; it does not shrink to nothing when no record
    differs.

    Parameters
    ----------
    n11, n10, n01, n00 : int
        Records both have right, only the first, only the second, neither; at least one record in all.
    confidence : float
        In (0, 1).

    Returns
    -------
    tuple of float
        Lower and upper bound in [-1, 1].

    Raises
    ------
    InputError
        A count is negative or no integer, there is no record, or confidence lies outside (0, 1).

    Notes
    -----
    Source: Tango (1998), Statistics in Medicine 17, equations 4 to 6.

    Examples
    --------
    >>> [round(bound, 4) for bound in tango_paired(59, 6, 16, 80, 0.95)]
    [-0.124, -0.0054]
    """
    n = sum(_checked_table(n11, n10, n01, n00))
    lower, upper = tango_bounds([n10], [n01], [n], confidence)
    return float(lower[0]), float(upper[0])


def newcombe_paired(n11: int, n10: int, n01: int, n00: int, confidence: float = 0.95) -> tuple[float, float]:
    """Return Newcombe's method 10 interval of a paired difference, first minus second, with the corrected phi.

    Two Wilson intervals joined by the correlation phi of the two versions. Corrected: the numerator n11 n00 - n10 n01
    of phi is lowered by n / 2, to no less than 0, where it is positive.

    Parameters
    ----------
    n11, n10, n01, n00 : int
        Records both have right, only the first, only the second, neither; at least one record in all.
    confidence : float
        In (0, 1).

    Returns
    -------
    tuple of float
        Lower and upper bound in [-1, 1].

    Raises
    ------
    InputError
        A count is negative or no integer, there is no record, or confidence lies outside (0, 1).

    Notes
    -----
    Source: Newcombe (1998), Statistics in Medicine 17, 2635-2650, method 10.

    Examples
    --------
    >>> [round(bound, 4) for bound in newcombe_paired(59, 6, 16, 80, 0.95)]
    [-0.1186, -0.0046]
    """
    counts = _checked_table(n11, n10, n01, n00)
    lower, upper = newcombe_bounds(*(np.array([count]) for count in counts), confidence=confidence)
    return float(lower[0]), float(upper[0])


def tango_bounds(n10: ArrayLike, n01: ArrayLike, n: ArrayLike, confidence: float) -> tuple[Floats, Floats]:
    """Return Tango's intervals of many paired differences at once; n is the number of records, at least 1 each."""
    from scipy import special

    first, second, total = (np.asarray(values, dtype=np.float64) for values in np.broadcast_arrays(n10, n01, n))
    z = -float(special.ndtri((1.0 - checked_share("a confidence level", confidence)) / 2))
    estimate = (first - second) / total
    lower = _tango_root(first, second, total, (np.full_like(estimate, -1.0), estimate, z))
    upper = _tango_root(first, second, total, (estimate, np.full_like(estimate, 1.0), -z))
    return lower, upper


def newcombe_bounds(
    n11: ArrayLike, n10: ArrayLike, n01: ArrayLike, n00: ArrayLike, *, confidence: float
) -> tuple[Floats, Floats]:
    """Return Newcombe's method 10 intervals, corrected phi, of many paired differences at once."""
    both, first, second, neither = (np.asarray(values, dtype=np.int64) for values in (n11, n10, n01, n00))
    n = both + first + second + neither
    one, two = (both + first) / n, (both + second) / n
    lower_1, upper_1 = proportion_bounds(both + first, n, confidence, IntervalMethod.WILSON)
    lower_2, upper_2 = proportion_bounds(both + second, n, confidence, IntervalMethod.WILSON)
    phi = _corrected_phi(both.astype(float), first.astype(float), second.astype(float), neither.astype(float))
    below_1, above_1, below_2, above_2 = one - lower_1, upper_1 - one, two - lower_2, upper_2 - two
    down = np.sqrt(np.maximum(below_1**2 - 2 * phi * below_1 * above_2 + above_2**2, 0.0))
    up = np.sqrt(np.maximum(above_1**2 - 2 * phi * above_1 * below_2 + below_2**2, 0.0))
    return np.maximum(one - two - down, -1.0), np.minimum(one - two + up, 1.0)


def _corrected_phi(n11: Floats, n10: Floats, n01: Floats, n00: Floats) -> Floats:
    """Return the correlation of the two versions, with Newcombe's correction; 0 where a margin is empty."""
    product = (n11 + n10) * (n01 + n00) * (n11 + n01) * (n10 + n00)
    numerator = n11 * n00 - n10 * n01
    corrected = np.where(numerator > 0, np.maximum(numerator - (n11 + n10 + n01 + n00) / 2, 0.0), numerator)
    return np.where(product > 0, corrected / np.sqrt(np.where(product > 0, product, 1.0)), 0.0)


def _tango_root(n10: Floats, n01: Floats, n: Floats, search: tuple[Floats, Floats, float]) -> Floats:
    """Return where Tango's score statistic equals z, by bisection between two differences."""
    low, high, z = search[0].copy(), search[1].copy(), search[2]
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        above = _tango_score(n10, n01, n, middle) > z  # the statistic falls as the difference rises
        low, high = np.where(above, middle, low), np.where(above, high, middle)
    return np.asarray((low + high) / 2)


def _tango_score(n10: Floats, n01: Floats, n: Floats, difference: Floats) -> Floats:
    """Return the score statistic of a hypothetical difference."""
    b = (2 * n - n10 + n01) * difference - n10 - n01
    c = -n01 * difference * (1 - difference)
    only_second = (np.sqrt(np.maximum(b * b - 8 * n * c, 0.0)) - b) / (4 * n)
    variance = n * (2 * only_second + difference * (1 - difference))
    distance = n10 - n01 - n * difference
    return distance / np.sqrt(np.maximum(variance, np.finfo(float).tiny))


def _checked_table(n11: int, n10: int, n01: int, n00: int) -> tuple[int, int, int, int]:
    """Return four counts that are integers, not negative, and not all 0."""
    named = {"n11": n11, "n10": n10, "n01": n01, "n00": n00}
    counts = tuple(checked_count(name, value) for name, value in named.items())
    if not sum(counts):
        raise InputError("a paired interval needs at least one record", got="four counts of 0")
    return counts[0], counts[1], counts[2], counts[3]


def _discordant(n10: int, n01: int) -> tuple[int, int]:
    """Return the smaller discordant count and their sum."""
    first, second = checked_count("n10", n10), checked_count("n01", n01)
    return min(first, second), first + second
