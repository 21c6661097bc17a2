"""The worst case of errors that come in clusters: how few errors dependent records may show by luck.

Each cluster has its own error rate. Of all distributions of that rate with mean r and a correlation of at most rho
inside a cluster, the one that leaves few errors most likely has two points: most clusters at q, a few at a rate far
above r that takes up all of the correlation allowed. Without any error q is 0 (proved); with errors the worst q is
searched.
docs/decisions/0007-clusters.md has the proof and how the search was checked.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass

import numpy as np

from workbench.stats.inputs import Floats, Integers

ALIASING = 1e-12  # of a probability, by which the inversion of a generating function may be off
NEGLIGIBLE = -36.0  # logarithm of a value of a generating function that is left out
OVERSAMPLED = 4
MOST_ROWS = 600
CHUNK = 2_000_000
# Rates of the good clusters that are searched, as shares of the highest one that takes up all of the correlation, and
# beyond it on the way to all clusters alike.
BELOW = (0.0, 0.02, *(np.arange(1, 15) / 20), 0.8, 0.9, 1.0)
BEYOND = (0.25, 0.5, 0.75)


@dataclass(frozen=True, slots=True)
class TwoPoint:
    """Error rates of clusters: `good`, or `bad` with chance `weight`."""

    good: float
    bad: float
    weight: float

    @classmethod
    def at(cls, good: float, rate: float, correlation: float) -> TwoPoint:
        """Return the distribution of this mean rate whose bad clusters use the correlation up, or are wholly wrong."""
        bad = min(rate + correlation * rate * (1.0 - rate) / (rate - good), 1.0)
        return cls(good, bad, (rate - good) / (bad - good))

    def log_generating(self, z: np.ndarray, largest: int) -> np.ndarray:
        """Return the logarithm of E z^errors of one cluster of 1 to `largest` records; shape (largest, n_points)."""
        sizes = np.arange(1.0, largest + 1.0)
        good, bad = np.log1p(self.good * (z - 1.0)), np.log1p(self.bad * (z - 1.0))
        return np.asarray(
            np.multiply.outer(sizes, good) + np.log1p(self.weight * np.expm1(np.multiply.outer(sizes, bad - good)))
        )


@dataclass(frozen=True, slots=True, eq=False)
class Nested:
    """Clusters of the surest records, for every number of them, and the bound of their correlation.

    Parameters
    ----------
    turn : array of int, shape (n_automatable,)
        By falling confidence: the how-manieth of its cluster each record is, from 1.
    correlation : float
        Bound of the intra-cluster correlation of errors, in (0, 1].
    """

    turn: Integers
    correlation: float

    @classmethod
    def of(cls, codes: Integers, correlation: float) -> Nested | None:
        """Return clusters by falling confidence; None where records are independent: no repeat, or a bound of 0."""
        if correlation == 0.0 or not len(codes) or np.bincount(codes).max() < 2:
            return None
        order = np.argsort(codes, kind="stable")
        starts = np.flatnonzero(np.diff(codes[order], prepend=-1))
        turn = np.empty(len(codes), dtype=np.int64)
        turn[order] = np.arange(len(codes)) - np.repeat(starts, np.diff(starts, append=len(codes))) + 1
        return cls(turn, correlation)

    def at_least(self, counts: Integers) -> Floats:
        """Return how many clusters have at least 1, 2, ... of the first so many records; counts must rise."""
        width = int(self.turn.max())
        rows = np.searchsorted(counts, np.arange(len(self.turn)), side="right")
        inside = rows < len(counts)
        flat = np.bincount(rows[inside] * width + self.turn[inside] - 1, minlength=len(counts) * width)
        return np.cumsum(flat.reshape(len(counts), width), axis=0).astype(np.float64)


def worst_p_values(at_least: Floats, errors: Integers, rate: float, correlation: float) -> Floats:
    """Return the p-values of "the mean error rate is at least the rate": P(K <= errors) in the worst case.

    Parameters
    ----------
    at_least : array of shape (n_rows, largest)
        How many clusters have at least 1, 2, ... records.
    errors : array of int, shape (n_rows,)
    rate, correlation : float
        The rate, in (0, 1); the bound of the intra-cluster correlation, in (0, 1].
    """
    circle = _Circle.of(int(errors.max()))
    found = [circle.tails(at_least, one, errors) for one in _searched(rate, correlation)]
    return np.asarray(np.clip(np.max(found, axis=0), 0.0, 1.0))


def worst_allowed(at_least: Floats, rate: float, correlation: float, alpha: float, most: int) -> Integers:
    """Return how many errors, `most` at most, are about admissible at level alpha; -1 for none.

    About: good clusters without any error are assumed, which is the worst case unless clusters are large. It chooses
    where tests are made and says how many more records are needed; no test rests on it.
    """
    cdf = error_cdf(at_least, TwoPoint.at(0.0, rate, correlation), most)
    return np.asarray(np.sum(np.maximum.accumulate(cdf, axis=1) <= alpha, axis=1) - 1, dtype=np.int64)


def error_cdf(at_least: Floats, rates: TwoPoint, k_max: int) -> Floats:
    """Return P(at most 0, 1, ..., k_max errors), one row for each row of cluster sizes."""
    circle = _Circle.of(k_max)
    return np.concatenate([circle.distributions(some, rates, k_max) for some in circle.parts(at_least)])


@dataclass(frozen=True, slots=True, eq=False)
class _Circle:
    """Points on a circle inside the unit circle, at which generating functions are evaluated.

    Coefficients follow by a Fourier sum (Abate and Whitt, 1992), with an error below 1e-9. `z` has the points of the
    half circle, as the others are their conjugates.
    """

    n_points: int
    radius: float
    z: np.ndarray

    @classmethod
    def of(cls, k_max: int) -> _Circle:
        """Return a circle for up to k_max errors."""
        n_points = 1 << int(OVERSAMPLED * (k_max + 1) - 1).bit_length()
        radius = ALIASING ** (1.0 / n_points)
        return cls(n_points, radius, radius * np.exp(-2j * np.pi * np.arange(n_points // 2 + 1) / n_points))

    def parts(self, at_least: Floats) -> list[Floats]:
        """Return so many rows at a time that they need little memory."""
        rows = max(CHUNK // self.n_points, 1)
        return [at_least[start : start + rows] for start in range(0, len(at_least), rows)]

    def values(self, at_least: Floats, rates: TwoPoint) -> np.ndarray:
        """Return the generating function of P(at most k errors), at as many points as matter."""
        z = self.z[: self._n_used(at_least.min(axis=0), rates)]
        ratios = np.diff(rates.log_generating(z, at_least.shape[1]), axis=0, prepend=0.0)
        return np.asarray(np.exp(at_least @ ratios.real + 1j * (at_least @ ratios.imag)) / (1.0 - z))

    def _n_used(self, fewest: Floats, rates: TwoPoint) -> int:
        """Return from which point on the values are negligible.

        The modulus of a cluster's factor is at most that of its terms together, which falls along the half circle.
        """
        sizes, of_size = np.arange(1.0, len(fewest) + 1.0), fewest - np.append(fewest[1:], 0.0)

        def bound(place: int) -> float:
            good, bad = (float(np.log(abs(1.0 + p * (self.z[place] - 1.0)))) for p in (rates.good, rates.bad))
            return -float(
                of_size @ np.logaddexp(np.log1p(-rates.weight) + sizes * good, np.log(rates.weight) + sizes * bad)
            )

        return max(bisect_left(range(len(self.z)), -NEGLIGIBLE, key=bound), 1)

    def distributions(self, at_least: Floats, rates: TwoPoint, k_max: int) -> Floats:
        """Return P(at most 0, 1, ..., k_max errors)."""
        coefficients = np.fft.irfft(self.values(at_least, rates), self.n_points, axis=1)[:, : k_max + 1]
        return np.asarray(np.clip(coefficients * self.radius ** -np.arange(k_max + 1.0), 0.0, 1.0), dtype=np.float64)

    def tails(self, at_least: Floats, rates: TwoPoint, errors: Integers) -> Floats:
        """Return P(at most so many errors), one number for each row."""
        values = self.values(at_least, rates)
        n_used = values.shape[1]
        values = values * np.exp(-np.multiply.outer(errors, np.log(self.z[:n_used])))
        twice = np.where((np.arange(n_used) == 0) | (np.arange(n_used) == self.n_points // 2), 1.0, 2.0)
        return np.asarray(values.real @ twice / self.n_points, dtype=np.float64)


def _searched(rate: float, correlation: float) -> list[TwoPoint]:
    """Return the distributions among which the worst case is searched."""
    highest = rate * (1.0 - correlation)
    if highest == 0.0:
        return [TwoPoint.at(share * rate, rate, correlation) for share in BELOW[:-1]]
    good = [share * highest for share in BELOW] + [highest + share * (rate - highest) for share in BEYOND]
    return [TwoPoint.at(one, rate, correlation) for one in good]
