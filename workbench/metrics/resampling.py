"""Measures of a confidence on records drawn again and again: the same draws for every confidence, so they compare.

A draw is a weight for each record: how often it was drawn. Records of one cluster are drawn together.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from workbench.metrics.confidence import ECE_BINS, HELD_OFF
from workbench.stats import Floats

MOST_WORK = 5_000_000
MOST_DRAWS, FEWEST_DRAWS = 1_000, 100
BATCH = 500_000


@dataclass(frozen=True, slots=True, eq=False)
class Weighed:
    """One confidence of n decisions, and which of them are right; weights count each of them.

    Parameters
    ----------
    confidence : array of shape (n,)
        In [0, 1].
    right : array of shape (n,)
        1.0 and 0.0.
    """

    confidence: Floats
    right: Floats
    _binned: _Groups = field(init=False)
    _ranked: _Groups = field(init=False)
    _gaps: Floats = field(init=False)

    def __post_init__(self) -> None:
        bins = np.clip(np.ceil(self.confidence * ECE_BINS) - 1, 0, ECE_BINS - 1)
        object.__setattr__(self, "_binned", _Groups.of(bins))
        object.__setattr__(self, "_ranked", _Groups.of(self.confidence))
        gaps = self._binned.sums((self.confidence - self.right)[None, :])[0] / len(self.right)
        object.__setattr__(self, "_gaps", gaps)

    def measures(self, weights: Floats) -> dict[str, Floats]:
        """Return every measure by name, one value for each row of weights.

        `ece` (bins of equal width, (lower, upper]), `brier`, `log_loss` (a confidence is held off 0 and 1), `auroc`
        (ties half; NaN without a right or a wrong decision) and `aurc` (ties in random order) are as in
        `workbench.stats`. `ece_distance` is how far the gaps of the bins together lie from those of the records
        themselves: the error cannot move further than they do, and it is biased upwards while they are not.
        `ece_signed` is the sum of the gaps, each with the sign that it has on the records themselves.
        """
        total = weights.sum(axis=1)
        held = np.clip(self.confidence, HELD_OFF, 1 - HELD_OFF)
        losses = -np.where(self.right == 1.0, np.log(held), np.log1p(-held))
        off = self.confidence - self.right
        gaps = self._binned.sums(weights * off) / total[:, None]
        size = self._ranked.sums(weights)
        wrong = size - self._ranked.sums(weights * self.right)
        return {
            "ece": np.abs(gaps).sum(axis=1),
            "ece_distance": np.abs(gaps - self._gaps).sum(axis=1),
            "ece_signed": gaps @ np.sign(self._gaps),
            "brier": weights @ off**2 / total,
            "log_loss": weights @ losses / total,
            "auroc": _auroc(size, wrong),
            "aurc": _aurc(size, wrong),
        }


@dataclass(frozen=True, slots=True, eq=False)
class _Groups:
    """Records of equal value, the lowest value first."""

    order: NDArray[np.intp]
    starts: NDArray[np.intp]

    @classmethod
    def of(cls, values: Floats) -> _Groups:
        order = np.argsort(values, kind="stable")
        return cls(order, np.flatnonzero(np.diff(values[order], prepend=-1.0)))

    def sums(self, values: Floats) -> Floats:
        """Return the sum over each group, row by row."""
        return np.asarray(np.add.reduceat(values[:, self.order], self.starts, axis=1))


def _auroc(size: Floats, wrong: Floats) -> Floats:
    """Return the chance that a right decision is surer than a wrong one, from the lowest confidence up."""
    right, below = size - wrong, np.cumsum(wrong, axis=1) - wrong
    pairs = right.sum(axis=1) * wrong.sum(axis=1)
    won = (right * (below + wrong / 2)).sum(axis=1)
    return np.asarray(np.divide(won, pairs, out=np.full(len(pairs), np.nan), where=pairs > 0))


def _aurc(size: Floats, wrong: Floats) -> Floats:
    """Return the mean error rate over coverages, from the highest confidence down.

    Within a group the expected errors rise evenly, so that its part of the sum has a closed form in harmonic numbers.
    """
    size, wrong = size[:, ::-1], wrong[:, ::-1]
    last = np.cumsum(size, axis=1)
    rate = np.divide(wrong, size, out=np.zeros_like(size), where=size > 0)
    before = np.cumsum(wrong, axis=1) - wrong - (last - size) * rate
    harmonic = np.append(0.0, np.cumsum(1.0 / np.arange(1, last[:, -1].max() + 1)))
    share = np.diff(harmonic[last.astype(np.intp)], prepend=0.0, axis=1)
    return np.asarray((wrong + before * share).sum(axis=1) / last[:, -1])


@dataclass(frozen=True, slots=True)
class Drawn:
    """Measures of several confidences on the records themselves and on every draw of them.

    Parameters
    ----------
    seen : mapping
        Name of a confidence and measure to its value on the records; NaN where it is undefined.
    draws : mapping
        The same to an array of shape (n_draws,); the i-th entries of all of them belong to one draw.
    """

    seen: Mapping[tuple[str, str], float]
    draws: Mapping[tuple[str, str], Floats]
    n_draws: int


def draw_again(confidences: Mapping[str, Floats], right: Floats, seed: int, clusters: NDArray[np.intp]) -> Drawn:
    """Return the measures of confidences on the same records, drawn with replacement.

    Parameters
    ----------
    confidences : mapping of str to array of shape (n,)
    right : array of shape (n,)
        1.0 and 0.0.
    seed : int
    clusters : array of shape (n,)
        Number of each record's cluster, from 0; a cluster is drawn as a whole.
    """
    n, judged = len(right), {name: Weighed(values, right) for name, values in confidences.items()}
    n_draws = int(np.clip(MOST_WORK // n, FEWEST_DRAWS, MOST_DRAWS))
    seen = {
        (name, measure): float(value[0])
        for name, one in judged.items()
        for measure, value in one.measures(np.ones((1, n))).items()
    }
    parts: dict[tuple[str, str], list[Floats]] = {key: [] for key in seen}
    for weights in _draws(n_draws, clusters, np.random.default_rng(seed)):
        for name, one in judged.items():
            for measure, values in one.measures(weights).items():
                parts[name, measure].append(values)
    return Drawn(seen, {key: np.concatenate(found) for key, found in parts.items()}, n_draws)


def _draws(n_draws: int, clusters: NDArray[np.intp], rng: np.random.Generator) -> Iterator[Floats]:
    """Yield weights, a few draws at a time."""
    n_clusters = int(clusters.max()) + 1
    size = max(1, BATCH // len(clusters))
    for start in range(0, n_draws, size):
        rows = min(size, n_draws - start)
        taken = rng.integers(n_clusters, size=(rows, n_clusters)) + n_clusters * np.arange(rows)[:, None]
        counts = np.bincount(taken.ravel(), minlength=rows * n_clusters).reshape(rows, n_clusters)
        yield counts[:, clusters].astype(np.float64)
