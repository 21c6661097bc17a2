"""Fisher's exact test of a table of two by two, and the hypergeometric tail it is made of."""

from __future__ import annotations

import numpy as np

from workbench.stats.inputs import Floats

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
