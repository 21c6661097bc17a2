"""Records that depend on each other: by how much their number has to be deflated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from workbench.errors import InputError
from workbench.stats.inputs import Flags, Integers

EXTRA_PAIRS = 3.0  # the 95% Poisson upper bound of a count of which none was seen


@dataclass(frozen=True, slots=True)
class Clustering:
    """How far records of one cluster resemble each other.

    Parameters
    ----------
    n_clusters : int
    mean_size : float
        Size of the cluster that an average record is in: sum of squared sizes over sum of sizes.
    correlation : float
        Intra-class correlation of being right that is used, in [0, 1]: an upper bound, as few errors say little.
    design_effect : float
        1 + (mean_size - 1) * correlation: n records are worth n / design_effect independent ones.
    """

    n_clusters: int
    mean_size: float
    correlation: float
    design_effect: float

    def as_json(self) -> dict[str, Any]:
        """Return the clustering as JSON values."""
        return {
            "n_clusters": self.n_clusters,
            "mean_size": self.mean_size,
            "correlation": self.correlation,
            "design_effect": self.design_effect,
        }


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


def intraclass_correlation(correct: Flags, codes: Integers) -> float | None:
    """Return the analysis-of-variance estimate of the intra-class correlation, not cut off at 0.

    None where it is undefined: no cluster of two records or more, a single cluster, or no variation at all.
    """
    sizes = np.bincount(codes).astype(np.float64)
    k, n = len(sizes), float(len(codes))
    if k < 2 or n <= k:
        return None
    values = correct.astype(np.float64)
    means = np.bincount(codes, weights=values) / sizes
    between = float(np.sum(sizes * (means - values.mean()) ** 2)) / (k - 1)
    within = float(np.sum((values - means[codes]) ** 2)) / (n - k)
    typical = (n - float(np.sum(sizes**2)) / n) / (k - 1)
    total = between + (typical - 1) * within
    return None if total <= 0 else (between - within) / total


def design_effect(correct: Flags, clusters: ArrayLike) -> Clustering:
    """Return by how much clusters deflate the number of records, from an upper bound of the correlation of errors.

    The correlation is the share of wrong decisions among the other records in the clusters of wrong decisions, with
    three pairs of errors added on top, since few errors seen apart prove little: without any error it is 1, and a
    cluster counts as one record.

    Parameters
    ----------
    correct : array of bool, shape (n_records,)
    clusters : array of shape (n_records,)
        Any values that name a cluster; none may be missing.
    """
    codes = cluster_codes(clusters, len(correct))
    sizes = np.bincount(codes).astype(np.float64)
    wrong = np.bincount(codes, weights=~correct)
    pairs = float(np.sum(wrong * (wrong - 1))) / 2
    partners = float(np.sum(wrong * (sizes - 1))) / 2
    mean_size = float(np.sum(sizes**2) / np.sum(sizes))
    correlation = min(1.0, (pairs + EXTRA_PAIRS) / (partners + EXTRA_PAIRS))
    return Clustering(len(sizes), mean_size, correlation, 1.0 + (mean_size - 1.0) * correlation)
