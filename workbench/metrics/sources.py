"""Several confidences of the same decisions side by side: which one is worth most, and whether that can be told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.metrics.confidence import judged_by
from workbench.metrics.estimate import Estimate, listed, method_text
from workbench.metrics.resampling import Drawn, draw_again
from workbench.metrics.settings import DEFAULT_CONFIDENCE_LEVEL

MEASURED = ("ece", "brier", "log_loss", "auroc", "aurc")
CLUSTERS = "entity"
LEAST_PAIRS = 0.5
FEWEST = 2
NOT_ALL = "without_one_of_the_confidences"


@dataclass(frozen=True, slots=True)
class Pair:
    """Two confidences of the same decisions.

    Parameters
    ----------
    ratio : Estimate
        AURC of the first over AURC of the second: below 1 the first ranks better. The intervals of all pairs hold
        together (Bonferroni).
    """

    first: str
    second: str
    ratio: Estimate

    @property
    def better(self) -> str | None:
        """The one that ranks better, None where it cannot be told."""
        if self.ratio.upper is not None and self.ratio.upper < 1.0:
            return self.first
        return self.second if self.ratio.lower is not None and self.ratio.lower > 1.0 else None


@dataclass(frozen=True, slots=True)
class Comparison:
    """Confidences measured on the same decisions.

    Parameters
    ----------
    measures : mapping
        Name of a confidence to measure to estimate; the measures are `MEASURED`.
    pairs : tuple of Pair
        Every pair of those that were compared.
    record_ids : tuple of str
        The decisions it rests on.
    """

    measures: Mapping[str, Mapping[str, Estimate]]
    pairs: tuple[Pair, ...]
    record_ids: tuple[str, ...]

    @property
    def best(self) -> str | None:
        """The compared confidence with the lowest AURC, None where no decision is wrong or none can be judged."""
        names = dict.fromkeys(name for pair in self.pairs for name in (pair.first, pair.second))
        found = {name: value for name in names if (value := self.measures[name]["aurc"].value)}
        return min(found, key=lambda name: found[name]) if len(found) == len(names) and found else None


def compare_sources(
    outcomes: pd.DataFrame,
    compared: Sequence[str],
    besides: Sequence[str] = (),
    seed: int = 0,
) -> Comparison:
    """Return how good several confidences are on the decisions that all of them have.

    The same decisions are drawn with replacement for all of them (paired bootstrap), whole entities where the outcomes
    have a column `entity`. Ranking, by AURC, is what is compared: it decides how much can be automated, and no
    recalibration changes it. Denominator: valid decisions with every confidence in [0, 1], those the agent escalated
    among them.

    Parameters
    ----------
    outcomes : DataFrame
    compared : sequence of str
        Columns with confidences, compared with each other.
    besides : sequence of str
        Further columns to measure on the same decisions, such as recalibrations.

    Raises
    ------
    InputError
        There is no such column.

    Notes
    -----
    Intervals of Brier score, log loss and AURC are symmetric in their logarithm, of AUROC in its log-odds, with the
    standard error over draws and Student's t at one less than the rarer of right and wrong decisions, or than the
    entities where they are fewer; there is none with fewer than two. Of the expected calibration error: below, how far
    the gaps of all bins together move over draws, as it cannot move further; above, the standard error of their sum,
    as it is the largest such sum over all choices of signs. It is conservative, while the quantiles of the drawn errors
    themselves lie above the truth: each draw adds noise to every gap.
    """
    names = [*compared, *besides]
    judged = {name: judged_by(outcomes, name) for name in names}
    common = set.intersection(*(set(one.record_ids) for one in judged.values()))
    rows = outcomes[outcomes["record_id"].isin(common).to_numpy()]
    first = judged[names[0]]
    causes = {cause: n for cause, n in first.excluded.items() if cause in ("skipped", "invalid", "failed")}
    excluded = listed({**causes, NOT_ALL: len(outcomes) - len(rows) - sum(causes.values())})
    if rows.empty:
        nothing = Estimate.undefined("no decision has every confidence", excluded)
        return Comparison({name: dict.fromkeys(MEASURED, nothing) for name in names}, (), ())
    right = judged_by(rows, names[0]).right.astype(np.float64)
    columns, clusters = {name: rows[name].to_numpy(dtype=np.float64) for name in names}, _cluster_codes(rows)
    drawn = draw_again(columns, right, seed, clusters)
    counts = _Counts(len(right), int(right.sum()), len(np.unique(clusters)))
    intervals = _Intervals(drawn, counts, excluded)
    measures = {name: {measure: intervals.estimate(name, measure) for measure in MEASURED} for name in names}
    both = tuple(combinations(compared, 2))
    pairs = tuple(Pair(one, other, intervals.ratio(one, other, len(both))) for one, other in both)
    return Comparison(measures, pairs, tuple(rows["record_id"]))


@dataclass(frozen=True, slots=True)
class _Counts:
    """How many decisions there are, how many of them are right, and from how many clusters they come."""

    n: int
    right: int
    clusters: int

    @property
    def rarer(self) -> int:
        """What limits how much is known of the spread: the rarer of right and wrong decisions, or the clusters."""
        return min(self.right, self.n - self.right, self.clusters)

    @property
    def pairs(self) -> int:
        """Pairs of a right and a wrong decision."""
        return self.right * (self.n - self.right)


@dataclass(frozen=True, slots=True)
class _Intervals:
    """Estimates from draws."""

    drawn: Drawn
    of: _Counts
    excluded: Mapping[str, int]

    def estimate(self, name: str, measure: str) -> Estimate:
        """Return one measure of one confidence."""
        value, draws = self.drawn.seen[name, measure], self.drawn.draws[name, measure]
        if np.isnan(value):
            return Estimate.undefined("needs right and wrong decisions", {**self.excluded, "all_alike": self.of.n})
        if measure == "ece":
            return Estimate(
                value, *self._around_gaps(name, value), self.of.n, self._method("bootstrap of the gaps"), self.excluded
            )
        bounds = self._around_share(value, draws) if measure == "auroc" else self._around(value, draws, 1)
        return Estimate(value, *bounds, self.of.n, self._method("bootstrap"), self.excluded)

    def ratio(self, one: str, other: str, n_pairs: int) -> Estimate:
        """Return the ratio of two AURC, its interval for so many pairs together."""
        first, second = self.drawn.seen[one, "aurc"], self.drawn.seen[other, "aurc"]
        if min(first, second) <= 0.0:
            return Estimate.undefined("no decision is wrong", {**self.excluded, "all_right": self.of.n})
        over, under = self.drawn.draws[one, "aurc"], self.drawn.draws[other, "aurc"]
        draws = np.divide(over, under, out=np.full(len(over), np.nan), where=under > 0)
        bounds = self._around(first / second, draws, n_pairs)
        title = "paired bootstrap" if n_pairs == 1 else f"paired bootstrap, {n_pairs} pairs together,"
        return Estimate(first / second, *bounds, self.of.n, self._method(title), self.excluded)

    def _around(self, value: float, draws: NDArray[np.float64], n_pairs: int) -> tuple[float | None, float | None]:
        """Return bounds that are symmetric in the logarithm; None where too few decisions or no draws differ."""
        usable = draws[np.isfinite(draws) & (draws > 0)]
        if self.of.rarer < FEWEST or value <= 0.0 or not len(usable) or np.ptp(usable) == 0.0:
            return None, None
        from scipy import special

        t = special.stdtrit(self.of.rarer - 1, 1.0 - (1.0 - DEFAULT_CONFIDENCE_LEVEL) / (2 * n_pairs))
        reach = float(np.exp(t * np.log(usable).std()))
        return value / reach, value * reach

    def _around_share(self, value: float, draws: NDArray[np.float64]) -> tuple[float | None, float | None]:
        """Return bounds that are symmetric in the log-odds."""
        least = LEAST_PAIRS / self.of.pairs
        held = np.clip(np.append(value, draws[~np.isnan(draws)]), least, 1.0 - least)
        odds = held / (1.0 - held)
        lower, upper = self._around(float(odds[0]), odds[1:], 1)
        return None if lower is None else lower / (1.0 + lower), None if upper is None else upper / (1.0 + upper)

    def _around_gaps(self, name: str, value: float) -> tuple[float | None, float | None]:
        """Return bounds of the calibration error from how the gaps of its bins move; None as in `_around`."""
        if self.of.rarer < FEWEST:
            return None, None
        from scipy import special

        upper_share = 1.0 - (1.0 - DEFAULT_CONFIDENCE_LEVEL) / 2
        moved = float(np.quantile(self.drawn.draws[name, "ece_distance"], upper_share))
        above = float(special.ndtri(upper_share) * self.drawn.draws[name, "ece_signed"].std())
        return max(0.0, value - moved), min(1.0, value + above)

    def _method(self, title: str) -> str:
        return f"{method_text(title, DEFAULT_CONFIDENCE_LEVEL)}, {self.drawn.n_draws:,} draws"


def _cluster_codes(rows: pd.DataFrame) -> NDArray[np.intp]:
    """Return the number of each record's entity; a record without one is an entity of its own."""
    if CLUSTERS not in rows:
        return np.arange(len(rows))
    codes, names = pd.factorize(rows[CLUSTERS])
    alone = codes < 0
    return np.where(alone, len(names) + np.cumsum(alone) - 1, codes)
