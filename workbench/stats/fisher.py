"""Fisher's exact test of a table of two by two, and the hypergeometric tail it is made of."""

from __future__ import annotations

import numpy as np

from workbench.stats.inputs import Floats, Integers

TIE = 1 + 1e-7  # tables as likely as the one seen, but for rounding


def more_hits(one: tuple[int, int], other: tuple[int, int]) -> float:
    """Return the chance of as many hits or more in the first part, if hits are spread over both parts by chance.

    Parameters
    ----------
    one, other : tuple of int
        Hits, and of how many.

    Examples
    --------
    >>> round(more_hits((3, 3), (0, 3)), 9)  # one of the 20 ways to put three hits into six places
    0.05
    """
    chances, at = _chances(one, other)
    return min(1.0, float(chances[at:].sum()))


def other_hits(one: tuple[int, int], other: tuple[int, int]) -> float:
    """Return the chance of a table as unlikely as this one, two-sided; parameters as `more_hits`.

    Examples
    --------
    >>> round(other_hits((3, 3), (0, 3)), 9)  # none of three is as unlikely as three of three
    0.1
    """
    chances, at = _chances(one, other)
    return min(1.0, float(chances[chances <= chances[at] * TIE].sum()))


def more_hits_in_strata(hits: Integers, n: Integers, hits_other: Integers, n_other: Integers) -> float:
    """Return the chance of as many hits or more in the first part, if in each stratum hits are spread by chance.

    Exact, given how many hits each stratum has over both parts: strata may differ in their rates as they like.

    Parameters
    ----------
    hits, n, hits_other, n_other : array of int, shape (n_strata,)
        Hits of the first part and of the other, and of how many.

    Notes
    -----
    Source: Mantel and Haenszel (1959), Journal of the National Cancer Institute 22; the sum's exact distribution in
    place of its normal approximation.

    Examples
    --------
    >>> round(more_hits_in_strata(*(np.array(one) for one in ([3, 0], [3, 2], [0, 0], [3, 2]))), 9)
    0.05
    """
    chances, least = np.ones(1), 0
    for k, size, k_other, size_other in zip(hits, n, hits_other, n_other, strict=True):
        if k + k_other == 0 or size == 0 or size_other == 0:
            least += int(k) if size_other == 0 else 0
            continue
        own, at = _chances((int(k), int(size)), (int(k_other), int(size_other)))
        chances, least = np.convolve(chances, own), least + int(k) - at
    return min(1.0, float(chances[max(int(hits.sum()) - least, 0) :].sum()))


def _chances(one: tuple[int, int], other: tuple[int, int]) -> tuple[Floats, int]:
    """Return the hypergeometric chances of all numbers of hits in the first part, and the place of the one seen."""
    from scipy import special

    (hits, n), (hits_other, n_other) = one, other
    total = hits + hits_other
    least = max(0, total - n_other)
    possible = np.arange(least, min(total, n) + 1)
    logs = (
        -special.betaln(possible + 1, n - possible + 1)
        - special.betaln(total - possible + 1, n_other - total + possible + 1)
        + special.betaln(total + 1, n + n_other - total + 1)
        + np.log((n + n_other + 1) / ((n + 1) * (n_other + 1)))
    )
    return np.asarray(np.exp(logs), dtype=np.float64), hits - least
