"""What records say about a proof that they do not give: out of reach, open, or a matter of more records.

And what development records say of a proof on records that nobody has opened: how many errors it may have there, how
many are likely, and the chance that it succeeds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import lru_cache
from typing import Any

import numpy as np

from workbench.stats.claim import AccuracyClaim
from workbench.stats.clustering import correlation_limits
from workbench.stats.dependence import CorrelationBound, Decided, bound_of, contradiction
from workbench.stats.inputs import Floats, Integers
from workbench.stats.sequence import Ranked, rank
from workbench.stats.worst_case import Nested, TwoPoint, error_cdf

POWER = 0.8
LEVEL = 0.95
SHARES = np.arange(1, 20) / 20
JEFFREYS = 0.5
N_RATES = 40  # error rates that the uncertainty is summed over where errors correlate


class Prospect(StrEnum):
    """What more records could do for a proof."""

    PROVED = "proved"  # nothing is missing
    MORE_RECORDS = "more records"  # at the error rate observed a number of records would do
    LOST = "lost"  # at the error rate observed these records are enough, but an earlier test failed
    OPEN = "open"  # the largest admissible error rate lies inside the interval of the one observed
    TOO_MANY_ERRORS = "too many errors"  # the whole interval lies above it
    TOO_FEW_AUTOMATABLE = "too few automatable"  # not that many decisions can be automated at all


@dataclass(frozen=True, slots=True)
class Outlook:
    """What was seen at the automation that is aimed at, and what more records could prove.

    Parameters
    ----------
    aim : float, optional
        Share of the records that should be automated; None for any.
    n, n_automatable : int
        All records, and those that can be automated at all.
    n_automated, n_wrong : int
        The surest decisions that make up the aim, and the wrong ones among them; without an aim those of the largest
        coverage with the lowest error rate seen. 0 where so many cannot be automated.
    lower, upper : float, optional
        Exact two-sided 95% interval of their true error rate, with clusters as wide as they allow.
    records_needed : int, optional
        About how many more records give an 80% chance of the aim; 0 when it is proved, None when no number would do at
        the error rate observed, or when these are enough and it was lost to an earlier test.
    within_reach : float, optional
        Automation below the aim that takes the fewest records to prove, looked for in steps of 5%, with clusters of
        10%; None where no number would do for any.
    within_reach_needs : int, optional
        About how many more that would be.
    lost_at : float, optional
        Where nothing is certified, the largest automation at which these records are enough at the error rate seen: it
        was not reached, as a test before it failed.
    """

    prospect: Prospect
    aim: float | None
    n: int
    n_automatable: int
    n_automated: int
    n_wrong: int
    lower: float | None
    upper: float | None
    records_needed: int | None
    within_reach: float | None
    within_reach_needs: int | None
    lost_at: float | None

    def as_json(self) -> dict[str, Any]:
        """Return the outlook as JSON values."""
        return {name: getattr(self, name) for name in self.__slots__} | {"prospect": self.prospect.value}


@lru_cache(maxsize=32)
def outlook(ranked: Ranked, n_certified: int, claim: AccuracyClaim) -> Outlook:
    """Return what more records could prove, for so many decisions that are certified already."""
    wanted, place = claim.automation_target, _place(ranked, claim)
    automatable = int(ranked.n_automated[-1]) if len(ranked.threshold) else 0
    shares = SHARES if claim.clusters is None else SHARES[1::2]  # with clusters each of them takes its time
    ahead = _needed_at(ranked, shares[shares * ranked.n > n_certified], claim)
    lost_at = max((share for share, more in ahead if more <= 0 and not n_certified), default=None)
    lesser = [(share, more) for share, more in ahead if more > 0 and wanted is not None and share < wanted]
    share, more = min(lesser, key=lambda one: one[1], default=(None, None))
    if place is None:
        facts = (Prospect.TOO_FEW_AUTOMATABLE, wanted, ranked.n, automatable)
        return Outlook(*facts, 0, 0, None, None, None, share, more, lost_at)
    n_automated, n_wrong = int(ranked.n_automated[place]), int(ranked.n_wrong[place])
    lower, upper = claim.interval(n_wrong, n_automated, (1.0 + LEVEL) / 2)
    is_proved = n_certified > 0 and n_certified >= (wanted or 0.0) * ranked.n
    at_aim = ahead if wanted is None else _needed_at(ranked, np.array([wanted]), claim)
    prospect, needed = _prospect(is_proved, [more for _, more in at_aim], lower > 1.0 - claim.target)
    if needed is not None:
        share, more = None, None
    found = (prospect, wanted, ranked.n, automatable, n_automated, n_wrong, lower, upper)
    return Outlook(*found, needed, share, more, None if is_proved else lost_at)


def _prospect(is_proved: bool, needed: list[int], is_out_of_reach: bool) -> tuple[Prospect, int | None]:
    """Return what more records could do, and how many of them would."""
    if is_proved:
        return Prospect.PROVED, 0
    if needed:
        return (Prospect.MORE_RECORDS, min(needed)) if min(needed) > 0 else (Prospect.LOST, None)
    return (Prospect.TOO_MANY_ERRORS if is_out_of_reach else Prospect.OPEN), None


def _needed_at(ranked: Ranked, shares: Floats, claim: AccuracyClaim) -> list[tuple[float, int]]:
    """Return the automation rates, next to these shares, that can be proved, and how many more records that takes."""
    places = _places(ranked, shares)
    found = []
    for place, rate in zip(places, _rates(ranked, places), strict=True):
        automated = claim.records_for_power(float(rate), POWER, int(ranked.n_automated[place]))
        if automated is not None:
            share = float(ranked.n_automated[place]) / ranked.n
            found.append((share, int(np.ceil(automated / share)) - ranked.n))
    return found


def _place(ranked: Ranked, claim: AccuracyClaim) -> int | None:
    """Return the place of the aim, or without one that of the largest coverage with the lowest error rate seen."""
    wanted = claim.automation_target
    places = _places(ranked, SHARES if wanted is None else np.array([wanted]))
    if not len(places):
        return None
    seen = ranked.n_wrong[places] / ranked.n_automated[places]
    return int(places[np.flatnonzero(seen == seen.min())[-1]])


def _places(ranked: Ranked, shares: Floats) -> Integers:
    """Return the places at which these shares of the records are automated, as far as so many can be."""
    reached = np.searchsorted(ranked.n_automated, shares * ranked.n)
    return np.unique(reached[reached < len(ranked.threshold)])


def _rates(ranked: Ranked, places: Integers) -> Floats:
    """Return the error rates at places, drawn a little towards one half so that none is 0."""
    return np.asarray((ranked.n_wrong[places] + 0.5) / (ranked.n_automated[places] + 1.0))


@dataclass(frozen=True, slots=True)
class UnopenedRecords:
    """What is counted of records whose labels nobody has seen.

    Parameters
    ----------
    n : int
    clusters : mapping of int to int, optional
        How many clusters have so many records, by the number of records; None where records are independent.
    """

    n: int
    clusters: Mapping[int, int] | None = None

    def automated(self, count: int) -> Integers:
        """Return the cluster of each of so many records, spread over the clusters as evenly as whole records allow."""
        sizes = np.repeat(np.array(sorted(self.clusters or {}), dtype=np.int64), self._n_of_size())
        until = np.floor(np.cumsum(sizes) * count / max(int(sizes.sum()), 1) + 1e-9).astype(np.int64)
        return np.asarray(np.repeat(np.arange(len(sizes)), np.diff(until, prepend=0)), dtype=np.int64)

    def _n_of_size(self) -> list[int]:
        return [number for _, number in sorted((self.clusters or {}).items())]


@dataclass(frozen=True, slots=True)
class CertificateOutlook:
    """What a certificate on unopened records may come to, by the errors of development records.

    Parameters
    ----------
    n, n_automated : int
        Unopened records; those that would be automated where it is tested: at the automation aimed at, or without an
        aim where the chance is highest.
    aim : float, optional
        Share of the records that should be automated.
    reaches_aim : float
        Chance that so many can be automated at all.
    allowed : int, optional
        Errors that the certificate may have among those; None where not even none would do.
    expected : float
        Errors that the rate on development records makes likely among them.
    chance : float
        That it is certified: that the aim is reached with no more errors than allowed.
    n_development, n_wrong : int
        Development decisions that the rate rests on, and the wrong ones among them.
    level : float
        Chance of a wrong certificate that is accepted, as the ledger leaves it.
    bound : CorrelationBound, optional
        Of the errors in a cluster; None where records are independent.
    contradicted : float, optional
        99% lower limit of the correlation on development records where that is above the bound: nothing is certified.
    records_needed : int, optional
        About how many more records give an 80% chance; 0 where there are enough, None where no number would do.
    """

    n: int
    n_automated: int
    aim: float | None
    reaches_aim: float
    allowed: int | None
    expected: float
    chance: float
    n_development: int
    n_wrong: int
    level: float
    bound: CorrelationBound | None
    contradicted: float | None
    records_needed: int | None

    def as_json(self) -> dict[str, Any]:
        """Return the outlook as JSON values."""
        own = {name: getattr(self, name) for name in self.__slots__ if name != "bound"}
        if self.bound is None:
            return own | {"correlation_at_most": None, "bound_from": None}
        return own | {"correlation_at_most": self.bound.at_most, "bound_from": self.bound.source.value}


def certificate_outlook(
    development: Decided, unopened: UnopenedRecords, claim: AccuracyClaim, stated: float | CorrelationBound | None
) -> CertificateOutlook:
    """Return what a certificate on unopened records may come to.

    Parameters
    ----------
    development : Decided
        Decisions of the same version on development records, with clusters where the unopened records have some.
    claim : AccuracyClaim
        Target, level and automation aimed at; without clusters.
    stated : float or CorrelationBound, optional
        As `certify_threshold` takes it.

    Notes
    -----
    The errors allowed are those of the exact test that decides. The chance is that of this one test, with the error
    rate uncertain as development records leave it (Jeffreys' prior, so beta-binomial), with clusters at the correlation
    that fits development records best: they count for as many independent ones, and the unopened records scatter more.
    Before it other tests may fail, and a sharper one may stand beside it: docs/iteration.md says how near it comes.
    """
    has_clusters = unopened.clusters is not None and max(unopened.clusters, default=1) > 1
    bound, contradicted, correlation = None, None, 0.0
    if has_clusters:
        bound = bound_of(stated, development, claim.alpha)
        claim = replace(claim, alpha=claim.alpha * (1.0 - bound.level_share))
        contradicted = contradiction(bound, development)
        if development.codes is not None:
            correlation = correlation_limits(*development.automatable(), LEVEL).estimate
    seen = _DevelopmentSeen(rank(development.confidence, development.correct), development, correlation)
    tried = [_tested(seen, place, unopened, claim, bound) for place in seen.places(claim)]
    if not tried:
        return CertificateOutlook(
            unopened.n, 0, claim.automation_target, 0.0, None, 0.0, 0.0, 0, 0, claim.alpha, bound, contradicted, None
        )
    best = max(tried, key=lambda one: (one.chance, one.n_automated))
    return best if contradicted is None else replace(best, chance=0.0, contradicted=contradicted, records_needed=None)


@dataclass(frozen=True, slots=True, eq=False)
class _DevelopmentSeen:
    """Development decisions by falling confidence, and the likeliest correlation of errors in a cluster."""

    ranked: Ranked
    decided: Decided
    correlation: float

    def places(self, claim: AccuracyClaim) -> Integers:
        """Return where a test may be made: at the aim, or at the last place where development does not reach it."""
        last = np.arange(len(self.ranked.threshold))[-1:]
        if claim.automation_target is not None:
            reached = _places(self.ranked, np.array([claim.automation_target]))
            return reached if len(reached) else last
        return np.unique(np.concatenate((_places(self.ranked, SHARES[1::2]), last)))

    def independent(self, place: int) -> float:
        """Return for how many independent records each of the surest decisions up to a place counts."""
        if self.decided.codes is None or self.correlation == 0.0:
            return 1.0
        alone = self.decided.confidence >= self.ranked.threshold[place]
        sizes = np.bincount(np.unique(self.decided.codes[alone], return_inverse=True)[1]).astype(np.float64)
        return float(1.0 / (1.0 + (sizes @ sizes / sizes.sum() - 1.0) * self.correlation))


def _tested(
    seen: _DevelopmentSeen, place: int, unopened: UnopenedRecords, claim: AccuracyClaim, bound: CorrelationBound | None
) -> CertificateOutlook:
    """Return what one test may come to: of as many of the unopened records as development has at a place."""
    ranked, aim = seen.ranked, claim.automation_target
    n_development, n_wrong = int(ranked.n_automated[place]), int(ranked.n_wrong[place])
    count = round(n_development / ranked.n * unopened.n)
    codes = None if bound is None else unopened.automated(count)
    clusters = None if codes is None or bound is None else Nested.of(codes, bound.at_most)
    claim = replace(claim, clusters=clusters)
    allowed = claim.exactly_allowed(count) if count else None
    weight = seen.independent(place)
    rate = (n_wrong * weight + JEFFREYS, (n_development - n_wrong) * weight + JEFFREYS)
    reaches = 1.0 if aim is None else _reaches(aim, (int(ranked.n_automated[-1]), ranked.n), unopened.n)
    together = None if codes is None or seen.correlation == 0.0 else Nested.of(codes, seen.correlation)
    chance = 0.0 if allowed is None else reaches * _at_most(allowed, count, rate, together)
    return CertificateOutlook(
        unopened.n,
        count,
        aim,
        reaches,
        allowed,
        n_wrong / n_development * count,
        chance,
        n_development,
        n_wrong,
        claim.alpha,
        bound,
        None,
        _more_needed(claim, (n_wrong + JEFFREYS) / (n_development + 1.0), count, unopened.n),
    )


def _more_needed(claim: AccuracyClaim, rate: float, count: int, n: int) -> int | None:
    """Return about how many more records give a good chance at an error rate, automated at the present share."""
    automated = claim.records_for_power(rate, POWER, count) if count else None
    return None if automated is None else max(int(np.ceil(automated / count * n)) - n, 0)


def _reaches(aim: float, seen: tuple[int, int], n: int) -> float:
    """Return the chance that a share of n records can be automated, by how many of the development records can."""
    can, of = seen
    cannot = n - int(np.ceil(aim * n - 1e-9))
    return _beta_binomial(cannot, n, of - can + JEFFREYS, can + JEFFREYS)


def _beta_binomial(most: int, n: int, alpha: float, beta: float) -> float:
    """Return the chance of at most so many of n, for a beta distribution of the rate."""
    from scipy import special

    k = np.arange(most + 1)
    ways = special.gammaln(n + 1) - special.gammaln(k + 1) - special.gammaln(n - k + 1)
    chances = np.exp(ways + special.betaln(k + alpha, n - k + beta) - special.betaln(alpha, beta))
    return min(1.0, float(chances.sum()))


def _at_most(errors: int, count: int, rate: tuple[float, float], together: Nested | None) -> float:
    """Return the chance of at most so many errors in a count, for a beta distribution of the error rate."""
    from scipy import special

    if together is None:
        return _beta_binomial(min(errors, count), count, *rate)
    sizes = together.at_least(np.array([count], dtype=np.int64))
    rates = special.betaincinv(*rate, (np.arange(N_RATES) + 0.5) / N_RATES)
    spread = [TwoPoint.at(0.0, float(one), together.correlation) for one in rates if one > 0.0]
    found = [float(error_cdf(sizes, one, errors)[0, errors]) for one in spread]
    return (sum(found) + N_RATES - len(found)) / N_RATES
