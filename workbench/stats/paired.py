"""Two versions on the same records: tests and intervals for a paired difference of proportions.

The four counts are of records: `n11` both right, `n10` only the first, `n01` only the second, `n00` neither. The
difference is first minus second, (n10 - n01) / n.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from workbench.stats.inputs import Floats, checked_count, checked_share

BISECTIONS = 60


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
    first, second = checked_count("n10", n10), checked_count("n01", n01)
    low, n = min(first, second), first + second
    if not n:
        return 1.0
    from scipy import special

    below = float(special.bdtr(float(low - 1), n, 0.5)) if low else 0.0
    upto = float(special.bdtr(float(low), n, 0.5))
    return min(1.0, below + upto)


def sign_test(n_more: int, n_fewer: int) -> float:
    """Return the exact one-sided p-value of the sign test: so many units, or more, have more of the first.

    Units with as many of both are dropped before. It holds whatever happens within a unit, as long as first and second
    could be exchanged in it.

    Parameters
    ----------
    n_more, n_fewer : int
        Units with more, and with fewer, of the first than of the second.

    Returns
    -------
    float
        1.0 where no unit is left.

    Notes
    -----
    Source: Dixon and Mood (1946), Journal of the American Statistical Association 41.

    Examples
    --------
    >>> sign_test(5, 0), sign_test(0, 0)
    (0.03125, 1.0)
    """
    more, fewer = checked_count("n_more", n_more), checked_count("n_fewer", n_fewer)
    if not more + fewer:
        return 1.0
    from scipy import special

    return float(special.bdtr(float(fewer), more + fewer, 0.5))


def tango_bounds(n10: ArrayLike, n01: ArrayLike, n: ArrayLike, confidence: float) -> tuple[Floats, Floats]:
    """Return Tango's score intervals of many paired differences at once, first minus second.

    They hold their coverage for small n and where the versions hardly differ, and do not shrink to nothing when no
    record differs.

    Parameters
    ----------
    n10, n01, n : array of int, of one shape or broadcast to one
        Records that only the first has right, and only the second; all of them, at least 1 each.
    confidence : float
        In (0, 1).

    Returns
    -------
    tuple of array
        Lower and upper bounds in [-1, 1].

    Raises
    ------
    InputError
        Confidence lies outside (0, 1).

    Notes
    -----
    Source: Tango (1998), Statistics in Medicine 17, equations 4 to 6.

    Examples
    --------
    >>> [bounds.round(4).tolist() for bounds in tango_bounds([6], [16], [161], 0.95)]
    [[-0.124], [-0.0054]]
    """
    from scipy import special

    first, second, total = (np.asarray(values, dtype=np.float64) for values in np.broadcast_arrays(n10, n01, n))
    z = -float(special.ndtri((1.0 - checked_share("a confidence level", confidence)) / 2))
    estimate = (first - second) / total
    lower = _tango_root(first, second, total, (np.full_like(estimate, -1.0), estimate, z))
    upper = _tango_root(first, second, total, (estimate, np.full_like(estimate, 1.0), -z))
    return lower, upper


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
