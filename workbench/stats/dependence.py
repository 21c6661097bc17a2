"""The clusters of a certificate: the bound of their correlation, where it comes from, and what contradicts it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np

from workbench.stats.clustering import correlation_limits
from workbench.stats.inputs import Flags, Floats, Integers
from workbench.words import InputError

BOUND_SHARE = 0.2  # of the level: the chance that a bound estimated from development records is too low
CONTRADICTION_LEVEL = 0.99


class BoundSource(StrEnum):
    """Where the bound of a correlation comes from."""

    STATED = "stated"
    DEVELOPMENT = "development records"
    NONE = "none"  # nothing bounds it: a cluster may be wholly right or wholly wrong


@dataclass(frozen=True, slots=True)
class CorrelationBound:
    """A bound of the intra-cluster correlation of errors.

    Parameters
    ----------
    at_most : float
        In [0, 1].
    level_share : float
        Share of the level that is spent on the bound being too low; the test has the rest.
    """

    at_most: float
    source: BoundSource = BoundSource.STATED
    level_share: float = 0.0

    def __post_init__(self) -> None:
        if not 0.0 <= self.at_most <= 1.0:
            raise InputError("a bound of the correlation must lie in 0 to 1", got=repr(self.at_most))


@dataclass(frozen=True, slots=True)
class Clustering:
    """Clusters of the records that can be automated, and what is assumed of their errors.

    Parameters
    ----------
    entity : str
        What a cluster is, such as "vendor".
    n_clusters, largest : int
    mean_size : float
        Records per cluster.
    n_on_both_sides : int, optional
        Clusters of which there are development records too; None where that is not known.
    contradicted : float, optional
        99% lower limit of the correlation in these or the development records, where it is above the bound: then
        nothing is certified.
    """

    entity: str
    n_clusters: int
    largest: int
    mean_size: float
    bound: CorrelationBound
    n_on_both_sides: int | None = None
    contradicted: float | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the clustering as JSON values."""
        own = {name: getattr(self, name) for name in self.__slots__ if name != "bound"}
        bound = {"correlation_at_most": self.bound.at_most, "bound_from": self.bound.source.value}
        return own | bound | {"bound_level_share": self.bound.level_share}


@dataclass(frozen=True, slots=True, eq=False)
class Decided:
    """Decisions as arrays: confidence, whether right, and a cluster each, from 0; None where none are known."""

    confidence: Floats
    correct: Flags
    codes: Integers | None = None

    def automatable(self) -> tuple[Flags, Integers]:
        """Return correctness and cluster of the decisions that can be automated."""
        assert self.codes is not None
        usable = np.isfinite(self.confidence)
        return self.correct[usable], np.unique(self.codes[usable], return_inverse=True)[1]


def bound_of(stated: float | CorrelationBound | None, development: Decided | None, alpha: float) -> CorrelationBound:
    """Return the bound to certify with: a stated one, else one from development records with clusters, else 1."""
    if isinstance(stated, CorrelationBound):
        return stated
    if stated is not None:
        return CorrelationBound(stated)
    if development is None or development.codes is None:
        return CorrelationBound(1.0, BoundSource.NONE)
    limits = correlation_limits(*development.automatable(), 1.0 - BOUND_SHARE * alpha)
    return CorrelationBound(limits.upper, BoundSource.DEVELOPMENT, BOUND_SHARE)


def clustering_of(holdout: Decided, development: Decided | None, bound: CorrelationBound, entity: str) -> Clustering:
    """Return the clusters of holdout decisions, with what speaks against the bound."""
    codes = holdout.automatable()[1]
    sizes = np.bincount(codes) if len(codes) else np.zeros(1, dtype=np.int64)
    lowest = correlation_limits(*holdout.automatable(), CONTRADICTION_LEVEL).lower
    earlier = None if development is None else contradiction(bound, development)
    return Clustering(
        entity=entity,
        n_clusters=int((sizes > 0).sum()),
        largest=int(sizes.max()),
        mean_size=float(sizes.mean()),
        bound=bound,
        contradicted=max(filter(None, (lowest if lowest > bound.at_most else None, earlier)), default=None),
    )


def contradiction(bound: CorrelationBound, development: Decided) -> float | None:
    """Return the 99% lower limit of the correlation on development records where that is above a stated bound."""
    if bound.source is not BoundSource.STATED or development.codes is None:
        return None
    lowest = correlation_limits(*development.automatable(), CONTRADICTION_LEVEL).lower
    return lowest if lowest > bound.at_most else None
