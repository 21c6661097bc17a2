"""What is to be proved, and the exact test of it: for independent records, or in the worst case of clusters."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from workbench.stats.inputs import Floats, Integers, spread
from workbench.stats.intervals import IntervalMethod, proportion_interval
from workbench.stats.power import allowed_errors, binomial_p_values, certification_power, records_for_power
from workbench.stats.worst_case import MOST_ROWS, Nested, TwoPoint, error_cdf, worst_allowed, worst_p_values

CERTAIN = 1.0 - 1e-9
TOLERANCE, SLACK = 1e-8, 1e-4
MOST_ERRORS = 120  # that the records looked for may have: beyond that "about so many" says little
FACTORS = 60


@dataclass(frozen=True, slots=True, eq=False)
class AccuracyClaim:
    """What is to be proved: accuracy above `target`, at level `alpha`.

    Parameters
    ----------
    automation_target : float, optional
        Share of the records that should be automated.
    clusters : Nested, optional
        Clusters of the surest records, by falling confidence; None where records are independent.
    """

    target: float
    alpha: float
    automation_target: float | None = None
    clusters: Nested | None = None

    def tested(self, counts: Integers, start: float) -> Integers:
        """Return the places in `counts`, rising numbers of automated records, at which tests are considered.

        All of them from the last one below `start`; with clusters so many, evenly spread, that it takes no long time.
        """
        first = max(int(np.searchsorted(counts, start)) - 1, 0)
        places = np.arange(first, len(counts))
        return places if self.clusters is None else spread(places, MOST_ROWS)

    def allowed(self, counts: Integers) -> Integers:
        """Return how many errors among rising numbers of automated records are admissible; -1 where even 0 are not.

        With clusters about how many: it says where tests are worth making.
        """
        alone = allowed_errors(counts, self.target, self.alpha)
        if self.clusters is None or not len(counts):
            return alone
        most = max(int(alone.max()), 0)
        return worst_allowed(
            self.clusters.at_least(counts), 1.0 - self.target, self.clusters.correlation, self.alpha, most
        )

    def exactly_allowed(self, count: int) -> int | None:
        """Return how many errors among so many of the surest records still prove the target; None where not even 0 do.

        By the exact test that decides, with clusters too.
        """
        counts = np.array([count], dtype=np.int64)
        for errors in range(int(self.allowed(counts)[0]), -1, -1):  # with clusters what is about allowed is no less
            if self.p_values(np.array([errors], dtype=np.int64), counts)[0] <= self.alpha:
                return errors
        return None

    def p_values(self, errors: Integers, counts: Integers) -> Floats:
        """Return the exact p-values of "the accuracy is at most the target" for rising numbers of automated records.

        With clusters those above the level are lower bounds, as errors beyond what independent records may have need
        no exact number.
        """
        if self.clusters is None or not len(counts):
            return binomial_p_values(errors, counts, 1.0 - self.target)
        most = int(allowed_errors(counts, self.target, self.alpha).max()) + 1
        capped = np.minimum(errors, most)
        return worst_p_values(self.clusters.at_least(counts), capped, 1.0 - self.target, self.clusters.correlation)

    def lower_bound(self, errors: Integers, counts: Integers) -> float:
        """Return the highest target that all of these numbers prove, which prove the claim's own: the test inverted."""
        if self.clusters is None:
            from scipy import special

            return float(np.min(special.betaincinv(counts - errors, errors + 1.0, self.alpha)))
        at_least, rho = self.clusters.at_least(counts), self.clusters.correlation
        weakest, bound = int(np.argmax(self.p_values(errors, counts))), CERTAIN
        while True:
            bound = _proved(at_least[[weakest]], errors[[weakest]], rho, self.alpha, (self.target, bound))
            p_values = worst_p_values(at_least, errors, 1.0 - bound, rho)
            if p_values.max() <= self.alpha * (1.0 + SLACK) or int(np.argmax(p_values)) == weakest:
                return bound
            weakest = int(np.argmax(p_values))

    def interval(self, errors: int, count: int, level: float) -> tuple[float, float]:
        """Return one-sided bounds of the error rate, each at a level: exact, or about as far as clusters allow."""
        if self.clusters is None:
            return proportion_interval(errors, count, 2.0 * level - 1.0, IntervalMethod.CLOPPER_PEARSON)
        from scipy import optimize

        at_least, rho = self.clusters.at_least(np.array([count])), self.clusters.correlation

        def at_most(k: int, rate: float) -> float:
            return float(error_cdf(at_least, TwoPoint.at(0.0, rate, rho), k)[0, k])

        def crossing(k: int, chance: float) -> float:
            return float(optimize.brentq(lambda rate: at_most(k, rate) - chance, 1e-9, CERTAIN, xtol=TOLERANCE))

        lower = crossing(errors - 1, level) if errors > 0 else 0.0
        return lower, crossing(errors, 1.0 - level) if errors < count else 1.0

    def power(self, counts: Floats, error_rate: float, of: int) -> Floats:
        """Return the chance that so many automated records prove the target, clusters being as in the `of` surest.

        With clusters errors are taken to correlate as much as the bound allows.
        """
        if self.clusters is None:
            return certification_power(np.floor(counts), self.target, error_rate, 1.0 - self.alpha)
        rho, sizes = self.clusters.correlation, self.clusters.at_least(np.array([of]))
        most = min(max(int(allowed_errors(counts, self.target, self.alpha).max()), 0), MOST_ERRORS + 2 * sizes.shape[1])
        grown = np.round(sizes * (counts / of)[:, None])
        allowed = worst_allowed(grown, 1.0 - self.target, rho, self.alpha, most)
        cdf = error_cdf(grown, TwoPoint.at(0.0, error_rate, rho), most)
        chance = np.take_along_axis(cdf, np.maximum(allowed, 0)[:, None], axis=1)[:, 0]
        return np.where(allowed >= 0, chance, 0.0)

    def records_for_power(self, error_rate: float, power: float, of: int) -> int | None:
        """Return about how many automated records prove the target with a chance, None where no number would do."""
        if self.clusters is None:
            return records_for_power(self.target, error_rate, power, 1.0 - self.alpha)
        if error_rate >= 1.0 - self.target:
            return None
        inflation = 1.0 + (of / self.clusters.at_least(np.array([of]))[0, 0] - 1.0) * self.clusters.correlation
        low, high = 1.0 / (1.0 - self.target), MOST_ERRORS / (1.0 - self.target) * inflation
        for _ in range(2):
            counts = np.geomspace(low, high, FACTORS)
            enough = np.flatnonzero(self.power(counts, error_rate, of) >= power)
            if not len(enough):
                return None
            low, high = float(counts[max(int(enough[0]) - 1, 0)]), float(counts[enough[0]])
        return int(np.ceil(high))


def _proved(at_least: Floats, errors: Integers, rho: float, alpha: float, between: tuple[float, float]) -> float:
    """Return the highest accuracy that one number of records proves: the lower of two is proved, the higher is not."""
    from scipy import optimize

    def excess(accuracy: float) -> float:
        return float(worst_p_values(at_least, errors, 1.0 - accuracy, rho)[0]) - alpha

    low, high = between
    return low if excess(low) >= 0.0 else float(optimize.brentq(excess, low, high, xtol=TOLERANCE))
