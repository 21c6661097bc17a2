"""The order in which coverages are tested: what decides how much is certified, and never whether it is true.

Two stretches, from few automated records to many. The first takes strides: only numbers of records at which one more
error becomes admissible, since those are where the exact test is sharpest. The second goes step by step, to find how
far the proof carries. Where the first begins and the second takes over is fixed beforehand or chosen on development
records.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from workbench.stats.claim import AccuracyClaim
from workbench.stats.clustering import cluster_codes
from workbench.stats.inputs import Flags, Floats, Integers, checked_flags, checked_numbers, spread
from workbench.stats.selection import average_ranks

MAX_STEPS = 2_000
USUAL_STRIDES_FROM = 0.5
USUAL_STEPS_FROM = 0.6
GRID = 100
N_DRAWS = 200
STARTS = tuple((np.arange(1, 20) / 20).tolist())
SEED = 20_260_000


@dataclass(frozen=True, slots=True, eq=False)
class Ranked:
    """Records by falling confidence, one entry per distinct confidence that may be automated.

    Parameters
    ----------
    threshold : array of shape (n_thresholds,)
        The distinct confidences, highest first.
    n_automated, n_wrong : array of int
        Records at or above each threshold, and the wrong ones among them.
    n : int
        All records, those that are never automated among them.
    """

    threshold: Floats
    n_automated: Integers
    n_wrong: Integers
    n: int


@dataclass(frozen=True, slots=True)
class _Simulated:
    """Simulated holdouts: numbers of automated records, errors they may have, and whether each has no more."""

    counts: Integers
    allowed: Integers
    passes: Flags
    n: int


@dataclass(frozen=True, slots=True)
class Order:
    """Which coverages are tested, in rising order.

    Parameters
    ----------
    strides_from, steps_from : float
        Share of all records at which the strides begin, and at which steps take over.
    source : str
        "fixed beforehand", or how it was chosen.
    """

    strides_from: float
    steps_from: float
    source: str

    def as_json(self) -> dict[str, Any]:
        """Return the order as JSON values."""
        return asdict(self)

    def places(self, counts: Integers, n: int, allowed: Integers) -> Integers:
        """Return the places in `counts`, rising numbers of automated records, that are tested, in order.

        `allowed` is how many errors each count may have. Only counts enter, never an error that was made.
        """
        is_sharpest = allowed > np.concatenate(([-1], allowed[:-1]))
        strides = (counts >= self.strides_from * n) & (counts < self.steps_from * n) & is_sharpest
        steps = spread(np.flatnonzero((counts >= self.steps_from * n) & (allowed >= 0)), MAX_STEPS)
        return np.concatenate((np.flatnonzero(strides), steps)).astype(np.int64)


def rank(confidence: Floats, correct: Flags) -> Ranked:
    """Return records by falling confidence; minus infinity is never automated."""
    usable = np.isfinite(confidence)
    threshold, place = np.unique(confidence[usable], return_inverse=True)
    n_at = np.bincount(place, minlength=len(threshold))[::-1]
    wrong_at = np.bincount(place[~correct[usable]], minlength=len(threshold))[::-1]
    return Ranked(threshold[::-1], np.cumsum(n_at), np.cumsum(wrong_at), len(confidence))


def usual_order(automation_target: float | None) -> Order:
    """Return the order to use without development records.

    With an automation target the strides start at half of the records and the steps at the target, so that nearly all
    power goes into proving the target and a lower automation is still found where the target is out of reach.
    """
    steps_from = USUAL_STEPS_FROM if automation_target is None else automation_target
    return Order(min(USUAL_STRIDES_FROM, steps_from), steps_from, "fixed beforehand")


def order_from_development(
    confidence: ArrayLike, correct: ArrayLike, n: int, claim: AccuracyClaim, clusters: ArrayLike | None = None
) -> Order:
    """Return the order that certifies most, in simulations of n records like the development records.

    Half of the simulations draw development records again, the other half fit an error rate that falls with the
    confidence: an order must do well under what either leaves open. With an automation target, the sum of the chance to
    reach it and of the mean automation decides.

    Parameters
    ----------
    confidence, correct, clusters : array of shape (n_development,)
        As for `certify_threshold`; a cluster is drawn as a whole.
    n : int
        Holdout records.

    Raises
    ------
    InputError
        The arrays cannot be used.
    """
    scores = checked_numbers("development confidences", confidence, never_allowed=True)
    flags = checked_flags("development correctness", correct, len(scores))
    usable = np.isfinite(scores)
    counts = np.unique(np.ceil(np.arange(1, GRID + 1) / GRID * n).astype(np.int64))
    reachable = counts[counts <= usable.mean() * n]
    if not len(reachable):
        return usual_order(claim.automation_target)
    codes = np.arange(len(scores)) if clusters is None else cluster_codes(clusters, len(scores))
    errors = _simulated((scores[usable], flags[usable], codes[usable]), reachable)
    allowed = claim.allowed(reachable)
    simulated = _Simulated(reachable, allowed, errors <= allowed, n)
    wanted = claim.automation_target
    return max(_candidates(wanted), key=lambda order: sum(_merit(order, simulated, wanted)))


def _candidates(automation_target: float | None) -> tuple[Order, ...]:
    """Return the orders to choose from, the usual one first, so that it is kept when others are no better."""
    usual = usual_order(automation_target)
    places = STARTS if automation_target is None else tuple(sorted({*STARTS, automation_target}))
    pairs = [(first, second) for first, second in product(places, places) if first <= second]
    others = [Order(first, second, "chosen on development records") for first, second in pairs]
    return (usual, *others)


def _merit(order: Order, simulated: _Simulated, wanted: float | None) -> tuple[float, float]:
    """Return how often an order reaches the automation target, and its mean certified automation."""
    counts = simulated.counts
    places = order.places(counts, simulated.n, simulated.allowed)
    if not len(places):
        return 0.0, 0.0
    n_passed = np.logical_and.accumulate(simulated.passes[:, places], axis=1).sum(axis=1)
    automated = np.where(n_passed > 0, counts[places[np.maximum(n_passed - 1, 0)]], 0) / simulated.n
    return (1.0 if wanted is None else float(np.mean(automated >= wanted))), float(np.mean(automated))


def _simulated(development: tuple[Floats, Flags, Integers], counts: Integers) -> Integers:
    """Return cumulative errors, shape (2 * N_DRAWS, n_counts), of samples from what development records leave open."""
    generator = np.random.default_rng(SEED)
    shares = counts / counts[-1]
    rates = np.concatenate(
        (_falling(*development[:2], shares, generator), _drawn_again(development, shares, generator))
    )
    return np.asarray(np.cumsum(generator.binomial(np.diff(counts, prepend=0), rates), axis=1), dtype=np.int64)


def _falling(confidence: Floats, correct: Flags, shares: Floats, generator: np.random.Generator) -> Floats:
    """Return error rates between shares of the surest records that fall with the confidence, shape (N_DRAWS, n)."""
    from scipy import special

    score = special.ndtri((average_ranks(confidence) - 0.5) / len(confidence))
    centre, spread = _logistic(score, ~correct)
    draws = generator.multivariate_normal(centre, spread, N_DRAWS, method="eigh")
    middle = special.ndtri(1 - (shares - np.diff(shares, prepend=0.0) / 2))
    return np.asarray(special.expit(draws[:, :1] + draws[:, 1:] * middle))


def _drawn_again(development: tuple[Floats, Flags, Integers], shares: Floats, generator: np.random.Generator) -> Floats:
    """Return error rates between shares of the surest of development records drawn again, cluster by cluster."""
    confidence, correct, codes = development
    order = np.argsort(-confidence, kind="stable")
    wrong, (_, cluster) = ~correct[order], np.unique(codes[order], return_inverse=True)
    n_clusters, rates = int(cluster.max()) + 1, []
    for _ in range(N_DRAWS):
        weight = np.bincount(generator.integers(n_clusters, size=n_clusters), minlength=n_clusters)[cluster]
        total = np.cumsum(weight)
        at = np.concatenate(([0], total)) / total[-1]
        errors = np.interp(np.concatenate(([0.0], shares)), at, np.concatenate(([0], np.cumsum(weight * wrong))))
        rates.append(np.diff(errors) / (np.diff(shares, prepend=0.0) * total[-1]))
    return np.asarray(np.clip(np.array(rates), 0.0, 1.0), dtype=np.float64)


def _logistic(score: Floats, wrong: Flags) -> tuple[Floats, Floats]:
    """Return coefficients and covariance of a logistic regression of wrong on a score, with a weak pull to 0."""
    design = np.column_stack((np.ones_like(score), score))
    pull = np.diag([0.01, 0.1])
    beta = np.array([np.log((wrong.sum() + 0.5) / ((~wrong).sum() + 0.5)), 0.0])
    for _ in range(50):
        fitted = 1 / (1 + np.exp(-np.clip(design @ beta, -30, 30)))
        information = (design.T * (fitted * (1 - fitted))) @ design + pull
        step = np.linalg.solve(information, design.T @ (wrong - fitted) - pull @ beta)
        beta = beta + np.clip(step, -2, 2)
        if np.abs(step).max() < 1e-8:
            break
    return beta, np.linalg.inv(information)
