"""The slope of what was measured again and again, whatever its steps and outliers, with bounds for dependent values."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from workbench.stats.inputs import Floats, Integers, checked_count, checked_numbers, checked_share, spread
from workbench.words import InputError

MOST_POINTS = 200  # some twenty thousand pairs: more points than that narrow nothing that a block is longer than
BLOCKS, DRAWS = 16, 4_000


@dataclass(frozen=True, slots=True)
class Slope:
    """A slope with the bounds between which it lies; None, None where there are too few points for any.

    `n` counts the points that it is computed from.
    """

    value: float
    lower: float | None
    upper: float | None
    n: int


def theil_sen(x: ArrayLike, y: ArrayLike, confidence: float = 0.95, *, seed: int, blocks: int = BLOCKS) -> Slope:
    """Return the median of the slopes between all pairs of points, with a two-sided bootstrap interval.

    Points that follow each other may depend on each other, as readings of one process do: whole stretches of them are
    drawn, so that the bounds hold as far as a stretch is longer than the dependence. Of many points some are taken,
    evenly spread. A single step, as an allocator makes, moves neither the slope nor its lower bound.

    Parameters
    ----------
    x, y : array of shape (n,)
        Finite numbers, at least two different x, in the order in which they were measured.
    confidence : float
        In (0, 1).
    seed : int
        Of the draws.
    blocks : int
        Into how many stretches the points fall; with fewer than two points to each there are no bounds.

    Raises
    ------
    InputError
        The arrays cannot be used, or no two x differ.

    Notes
    -----
    Source: Sen (1968), equation 2.2, of pairs whose x differ; Künsch (1989), moving blocks, percentile bounds. A pair
    counts as often as both its points were drawn.

    Examples
    --------
    >>> theil_sen([0, 1, 2, 3, 4], [1, 3, 5, 7, 90], seed=1).value
    2.0
    """
    places, values = checked_numbers("x", x), checked_numbers("y", y)
    if len(places) != len(values):
        raise InputError("a slope needs one y for each x", got=f"{len(places)} and {len(values)}")
    alpha = 1.0 - checked_share("a confidence level", confidence)
    taken = spread(np.arange(len(places)), MOST_POINTS)
    pairs = _Pairs.of(places[taken], values[taken])
    n, length = len(taken), -(-len(taken) // checked_count("blocks", blocks, 2))
    value = pairs.median(np.ones((1, n)))[0]
    if length < 2:
        return Slope(float(value), None, None, n)
    starts = np.random.default_rng(seed).integers(n - length + 1, size=(DRAWS, -(-n // length)))
    drawn = (starts[:, :, None] + np.arange(length)).reshape(DRAWS, -1)[:, :n]
    medians = pairs.median(_counts(drawn, n))
    found = medians[np.isfinite(medians)]
    lower, upper = np.quantile(found, [alpha / 2, 1 - alpha / 2], method="inverted_cdf")
    return Slope(float(value), float(lower), float(upper), n)


@dataclass(frozen=True, slots=True, eq=False)
class _Pairs:
    """Slopes between all pairs of points, the lowest first, and which points they are between."""

    slopes: Floats
    first: Integers
    second: Integers

    @classmethod
    def of(cls, x: Floats, y: Floats) -> _Pairs:
        first, second = np.triu_indices(len(x), 1)
        differ = x[first] != x[second]
        first, second = first[differ], second[differ]
        if not len(first):
            raise InputError("a slope needs two points with different x", got=f"{len(x)} points")
        slopes = (y[second] - y[first]) / (x[second] - x[first])
        order = np.argsort(slopes, kind="stable")
        return cls(slopes[order], first[order], second[order])

    def median(self, weights: Floats) -> Floats:
        """Return the median slope under each row of weights of the points; NaN where no pair has weight."""
        return np.array([self._median(one) for one in weights])

    def _median(self, weights: Floats) -> float:
        below = np.cumsum(weights[self.first] * weights[self.second])
        if not below[-1]:
            return float("nan")
        half = below[-1] / 2
        low = int(np.searchsorted(below, half))
        high = int(np.searchsorted(below, half, side="right")) if below[low] == half else low
        return float((self.slopes[low] + self.slopes[high]) / 2)


def _counts(drawn: Integers, n: int) -> Floats:
    """Return how often each of n points was drawn, row by row."""
    rows = len(drawn)
    return (
        np.bincount((drawn + n * np.arange(rows)[:, None]).ravel(), minlength=rows * n).reshape(rows, n).astype(float)
    )
