"""Columns on which errors cluster: what an undeclared entity would look like."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from workbench.stats.clustering import cluster_codes, correlation_limits
from workbench.stats.inputs import Floats, Integers, checked_flags

SEED = 20_270_000
MOST_WORK = 4_000_000
MOST_DRAWS, FEWEST_DRAWS = 999, 199
LEVEL = 0.01


@dataclass(frozen=True, slots=True)
class ErrorCluster:
    """A column on whose values errors cluster.

    Parameters
    ----------
    correlation : float
        Intra-cluster correlation of errors that fits best.
    p_value : float
        Chance that errors without any correlation cluster as much on any of the columns looked at.
    """

    column: str
    correlation: float
    p_value: float


def error_clusters(correct: ArrayLike, columns: Mapping[str, ArrayLike]) -> tuple[ErrorCluster, ...]:
    """Return the columns on whose values errors cluster, the strongest first.

    A permutation test: pairs of errors with the same value, against errors that are drawn again among all records. The
    largest deviation over all columns is compared with the largest of each draw (Westfall and Young, 1993), so the
    chance to name any column where errors do not cluster is at most 1%.

    Parameters
    ----------
    correct : array of shape (n_records,)
    columns : mapping
        Name to one value per record.
    """
    flags = checked_flags("correctness", correct, len(np.asarray(correct)))
    n, n_wrong = len(flags), int((~flags).sum())
    if not columns or n_wrong < 2 or n_wrong == n:
        return ()
    codes = {name: cluster_codes(values, n) for name, values in columns.items()}
    generator = np.random.default_rng(SEED)
    n_draws = int(np.clip(MOST_WORK // (n_wrong * len(codes)), FEWEST_DRAWS, MOST_DRAWS))
    drawn = [np.flatnonzero(~flags), *(generator.choice(n, n_wrong, replace=False) for _ in range(n_draws))]
    pairs = np.array([[_pairs(of[wrong]) for of in codes.values()] for wrong in drawn])
    scores = _standardised(pairs)
    largest = scores[1:].max(axis=1)
    found = []
    for name, score in zip(codes, scores[0], strict=True):
        p_value = float((1 + np.sum(largest >= score)) / (1 + n_draws))
        if p_value <= LEVEL:
            found.append(ErrorCluster(name, correlation_limits(flags, codes[name], 0.95).estimate, p_value))
    return tuple(sorted(found, key=lambda one: (-one.correlation, one.column)))


def _pairs(codes: Integers) -> int:
    """Return how many pairs have the same code."""
    counts = np.bincount(codes)
    return int(np.sum(counts * (counts - 1))) // 2


def _standardised(pairs: Integers) -> Floats:
    """Return each column's pairs less their mean over the draws (all rows but the first), in standard deviations."""
    spread = pairs[1:].std(axis=0)
    return np.asarray((pairs - pairs[1:].mean(axis=0)) / np.where(spread > 0, spread, np.inf))
