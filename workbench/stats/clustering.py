"""Records that depend on each other: their clusters, and how far errors inside one correlate.

The correlation is that of a beta-binomial model: each cluster has its own error rate, drawn from a beta distribution.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from workbench.stats.inputs import Flags, Floats, Integers, checked_share
from workbench.words import InputError

RATES = np.geomspace(1 / 16, 16.0, 65)  # as multiples of the error rate seen
N_AROUND = 21  # correlations looked at around the best of these
CORRELATIONS = np.concatenate(([1e-6], np.geomspace(1e-4, 0.999, 40)))
HALVINGS = 16


@dataclass(frozen=True, slots=True)
class CorrelationLimits:
    """The intra-cluster correlation of errors: what fits best, and one-sided confidence limits.

    Parameters
    ----------
    estimate : float
        The likeliest value, in [0, 1).
    lower, upper : float
        Each holds by itself at the confidence level; 0 and 1 where the records exclude nothing.
    """

    estimate: float
    lower: float
    upper: float


def cluster_codes(clusters: ArrayLike, n: int) -> Integers:
    """Return a number per record that is the same within a cluster.

    Raises
    ------
    InputError
        Not one cluster per record, or a cluster that is missing.
    """
    import pandas as pd

    names = np.asarray(clusters, dtype=object)
    if names.shape != (n,):
        raise InputError("clusters must have one value per record", got=f"shape {names.shape}", expected=f"({n},)")
    codes, _ = pd.factorize(names)
    if (codes < 0).any():
        raise InputError("every record must have a cluster", got=f"{int((codes < 0).sum()):,} have none")
    return np.asarray(codes, dtype=np.int64)


def correlation_limits(correct: Flags, codes: Integers, confidence_level: float) -> CorrelationLimits:
    """Return the intra-cluster correlation of errors with one-sided limits.

    Parameters
    ----------
    correct : array of bool, shape (n_records,)
    codes : array of int, shape (n_records,)
        Number of each record's cluster, from 0.
    confidence_level : float
        Of each limit, one-sided, in (.5, 1).

    Notes
    -----
    Limits are those of the profile likelihood of the beta-binomial model: correlations whose best fit is worse than the
    overall best fit by no more than half of the squared normal quantile. Clusters of one record and records without
    an error exclude nothing, so the limits are 0 and 1. docs/validity.md says how often the upper one is too low.

    Examples
    --------
    >>> wrong_by_cluster = np.repeat(np.arange(60) < 6, 10)
    >>> found = correlation_limits(~wrong_by_cluster, np.repeat(np.arange(60), 10), 0.99)
    >>> found.lower > 0.9, found.upper
    (True, 1.0)
    """
    from scipy import special

    drop = float(special.ndtri(checked_share("a confidence level", confidence_level))) ** 2 / 2
    table = _Counted.of(correct, codes)
    if table is None:
        return CorrelationLimits(0.0, 0.0, 1.0)
    fits = np.array([table.best_fit(rho) for rho in CORRELATIONS])
    best = int(np.argmax(fits))
    least = fits[best] - drop
    inside = np.flatnonzero(fits >= least)
    first, last = int(inside[0]), int(inside[-1])
    lower = 0.0 if first == 0 else table.crossing(CORRELATIONS[first], CORRELATIONS[first - 1], least)
    is_open = last == len(CORRELATIONS) - 1
    upper = 1.0 if is_open else table.crossing(CORRELATIONS[last], CORRELATIONS[last + 1], least)
    around = np.linspace(CORRELATIONS[max(best - 1, 0)], CORRELATIONS[min(best + 1, len(CORRELATIONS) - 1)], N_AROUND)
    likeliest = around[int(np.argmax([table.best_fit(rho) for rho in around]))]
    return CorrelationLimits(0.0 if best == 0 else float(likeliest), lower, upper)


@dataclass(frozen=True, slots=True, eq=False)
class _Counted:
    """Clusters by their numbers of records and of errors, and how many clusters have these."""

    size: Floats
    wrong: Floats
    n: Floats

    @classmethod
    def of(cls, correct: Flags, codes: Integers) -> _Counted | None:
        """Return the counts, None where they say nothing: no cluster of two, no error, or nothing but errors."""
        size = np.bincount(codes)
        wrong = np.bincount(codes, weights=~correct).astype(np.int64)
        if not len(codes) or size.max() < 2 or not 0 < wrong.sum() < len(codes):
            return None
        pairs, n = np.unique(np.column_stack((size, wrong)), axis=0, return_counts=True)
        return cls(pairs[:, 0].astype(np.float64), pairs[:, 1].astype(np.float64), n.astype(np.float64))

    def best_fit(self, correlation: float) -> float:
        """Return the log-likelihood of a correlation at the error rate that fits best with it."""
        from scipy import special

        seen = float(self.n @ self.wrong / (self.n @ self.size))
        odds = seen / (1.0 - seen) * RATES
        rate = (odds / (1.0 + odds))[:, None]
        spread = 1.0 / correlation - 1.0
        a, b = rate * spread, (1.0 - rate) * spread
        fit = special.betaln(self.wrong + a, self.size - self.wrong + b) - special.betaln(a, b)
        return float(np.max(fit @ self.n))

    def crossing(self, inside: float, outside: float, least: float) -> float:
        """Return the correlation between two others at which the fit falls below what is tolerated."""
        for _ in range(HALVINGS):
            middle = (inside + outside) / 2
            inside, outside = (middle, outside) if self.best_fit(middle) >= least else (inside, middle)
        return float(outside)
