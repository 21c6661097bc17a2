"""A confidence threshold that is certified: below it a person decides, above it the accuracy is proved.

The method is fixed-sequence testing (Learn then Test: Angelopoulos et al., 2021) with exact tests: binomial for
independent records, the worst case at a bound of the correlation for records in clusters. Candidate thresholds are
tested one after the other, each at the full level, and the first that fails ends it; so no level is divided among
them. See `workbench.stats.sequence` for the order, `workbench.stats.worst_case` for clusters.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from workbench.stats.claim import AccuracyClaim
from workbench.stats.clustering import cluster_codes
from workbench.stats.dependence import Clustering, CorrelationBound, Decided, bound_of, clustering_of
from workbench.stats.inputs import Flags, Floats, Integers, checked_flags, checked_numbers, checked_share
from workbench.stats.outlook import Outlook, outlook
from workbench.stats.sequence import Order, Ranked, order_from_development, rank, usual_order
from workbench.stats.worst_case import Nested
from workbench.words import InputError

AT_ONCE = 40


@dataclass(frozen=True, slots=True)
class Steps:
    """The thresholds that were tested, in the order of the test; only the last one may have failed.

    Parameters
    ----------
    threshold, n_automated, n_wrong, p_value : array of shape (n_steps,)
        Confidence from which records are automated; how many are, and how many of them are wrong; the p-value of
        "the accuracy is at most the target".
    """

    threshold: Floats
    n_automated: Integers
    n_wrong: Integers
    p_value: Floats


@dataclass(frozen=True, slots=True)
class Certification:
    """What `certify_threshold` found.

    Parameters
    ----------
    threshold : float, optional
        Automate a decision when its confidence is at least this; None when nothing can be certified.
    automation_rate : float
        Automated of all records at the threshold; 0 when nothing is certified, as nothing may be automated then.
    accuracy_lower : float, optional
        Lower bound of the accuracy on automated decisions, at the confidence level; at least the target. None when
        nothing is certified.
    n, n_automated, n_wrong : int
        All records; those automated at the threshold, and the wrong ones among them (0 when nothing is certified).
    order : Order
        Which coverages were tested, and where that order came from.
    clustering : Clustering, optional
        The clusters that records come in, the bound of their correlation and what contradicts it.
    """

    threshold: float | None
    automation_rate: float
    accuracy_lower: float | None
    n: int
    n_automated: int
    n_wrong: int
    target: float
    confidence_level: float
    automation_target: float | None
    order: Order
    clustering: Clustering | None
    steps: Steps = field(repr=False)
    claim: AccuracyClaim = field(repr=False)
    ranked: Ranked = field(repr=False)

    @property
    def is_certified(self) -> bool:
        """Whether a threshold is certified; with an automation target, whether one with that much automation is."""
        return self.threshold is not None and self.automation_rate >= (self.automation_target or 0.0)

    @property
    def passed(self) -> Floats:
        """Thresholds that passed their test, highest first: each of them is certified."""
        if self.threshold is None:
            return np.empty(0)
        return np.asarray(self.steps.threshold[self.steps.p_value <= self.claim.alpha], dtype=np.float64)

    @property
    def outlook(self) -> Outlook:
        """What was seen at the automation aimed at, and what more records could prove."""
        return outlook(self.ranked, self.n_automated, self.claim)

    @property
    def records_needed(self) -> int | None:
        """About how many more labelled records give an 80% chance to certify the automation target, or else anything.

        0 when it is certified already; None when no number would do at the error rate observed, or when the bound of a
        correlation does not hold; `outlook` says more.
        """
        is_void = self.clustering is not None and self.clustering.contradicted is not None
        return None if is_void else self.outlook.records_needed

    @property
    def level(self) -> float:
        """Chance of a wrong certificate that is accepted."""
        return 1.0 - self.confidence_level

    def power_curve(self, error_rate: float, more: ArrayLike = (0, 500, 1_000, 2_000, 4_000, 8_000)) -> Floats:
        """Return the chance to certify the automation target (or all) after so many more labelled records.

        Parameters
        ----------
        error_rate : float
            True share of wrong decisions among the automated ones at that coverage.
        more : array of int
            Further labelled records.
        """
        counts = (self.n + np.asarray(more)) * (self.automation_target or 1.0)
        clusters = self.claim.clusters
        return self.claim.power(counts, error_rate, self.n if clusters is None else len(clusters.turn))

    def as_json(self) -> dict[str, Any]:
        """Return the certification without its steps as JSON values."""
        found = ("threshold", "automation_rate", "accuracy_lower", "records_needed", "n", "n_automated", "n_wrong")
        asked = ("target", "confidence_level", "automation_target")
        return {name: getattr(self, name) for name in (*found, *asked)} | {
            "order": self.order.as_json(),
            "clustering": None if self.clustering is None else self.clustering.as_json(),
            "certified": self.threshold is not None,
        }


def certify_threshold(
    confidence: ArrayLike,
    correct: ArrayLike,
    *,
    target: float,
    confidence_level: float = 0.95,
    automation_target: float | None = None,
    clusters: ArrayLike | None = None,
    correlation_at_most: float | CorrelationBound | None = None,
    development: tuple[ArrayLike, ...] | Order | None = None,
) -> Certification:
    """Return the lowest confidence threshold whose accuracy on automated decisions is proved on holdout records.

    The chance that the threshold's true accuracy is below the target is at most 1 - confidence_level, over repeated
    samples of records. It holds whatever the confidences are worth. What it needs: the records are independent draws
    of the records to come, and nobody has looked at their labels before. With clusters: clusters are independent draws
    of the clusters to come, errors of one cluster correlate by at most the bound, and the error rate of a cluster does
    not depend on its size.

    Coverages are tested in an order that no holdout label enters: fixed beforehand where only the holdout is given, or
    chosen on development records. Thresholds are the holdout's own confidences at those coverages; records that tie in
    confidence are automated together or not at all.

    Parameters
    ----------
    confidence : array of shape (n_records,)
        Finite numbers; minus infinity for a record that is never automated (the agent escalated, or failed): it stays
        in the denominator of the automation rate.
    correct : array of shape (n_records,)
        Whether each decision is right: booleans, or 0 and 1.
    target : float
        Accuracy on automated decisions to be proved, in (0, 1).
    confidence_level : float
        In (0, 1), one-sided.
    automation_target : float, optional
        Share of records that should be automated: the order aims at it, and `records_needed` is about it.
    clusters : array of shape (n_records,), optional
        What records depend on together, such as the vendor.
    correlation_at_most : float or CorrelationBound, optional
        Bound of the intra-cluster correlation of errors, in [0, 1], that was stated beforehand. Without it the upper
        confidence limit in the development records that can be automated, where their clusters are given; its chance
        to be too low is a fifth of 1 - confidence_level, and the test has the rest. With neither it is 1: a cluster may
        be wholly wrong. Where holdout or development records contradict a bound nothing is certified.
    development : arrays or Order, optional
        Confidence, correctness and, where there are clusters, cluster of development records, to choose the order by,
        or the order that was chosen on them: it only moves power, never validity.

    Returns
    -------
    Certification

    Raises
    ------
    InputError
        No records, lengths that differ, a value that cannot be used, or a share outside (0, 1).

    Notes
    -----
    Why thresholds may be taken from the holdout's own confidences: they are fixed by coverage, so no label enters.
    Given the confidences, decisions are right or wrong independently, and of all such sums with one mean the binomial
    is the one that reaches few errors most often (Hoeffding, 1956), so its exact test holds for any of them. Source of
    the testing in a fixed sequence: Angelopoulos, Bates, Candes, Jordan and Lei (2021), Learn then Test; the order of
    the sequence and the test with clusters are our own. docs/validity.md has simulations.

    Examples
    --------
    >>> import numpy as np
    >>> found = certify_threshold(np.linspace(0, 1, 1000), np.arange(1000) >= 200, target=0.95, automation_target=0.7)
    >>> found.n_automated, found.n_wrong, round(found.accuracy_lower, 4)
    (830, 30, 0.95)
    >>> vendors, right = np.repeat(np.arange(100), 10), np.ones(1000)
    >>> for rho in (0.05, None):  # None: a vendor may be wholly wrong
    ...     at_most = certify_threshold(np.ones(1000), right, target=0.992, clusters=vendors, correlation_at_most=rho)
    ...     print(rho, at_most.is_certified)
    0.05 True
    None False
    """
    scores = checked_numbers("confidences", confidence, never_allowed=True)
    flags = checked_flags("correctness", correct, len(scores))
    checked_share("a target", target)
    alpha = 1.0 - checked_share("a confidence level", confidence_level)
    if automation_target is not None:
        checked_share("an automation target", automation_target)
    holdout, earlier = _decided(scores, flags, clusters), _development(development)
    clustering = _clustering(holdout, earlier, correlation_at_most, alpha)
    claim = _claim(holdout, clustering, AccuracyClaim(target, alpha, automation_target))
    if isinstance(development, Order):
        order = development
    elif earlier is None:
        order = usual_order(automation_target)
    else:
        order = order_from_development(earlier.confidence, earlier.correct, len(scores), claim, earlier.codes)
    ranked = rank(scores, flags)
    steps, n_passed = _walked(ranked, order, claim)
    is_void = clustering is not None and clustering.contradicted is not None
    threshold, automated, wrong, lower = _found(steps, 0 if is_void else n_passed, claim)
    return Certification(
        threshold=threshold,
        automation_rate=automated / ranked.n,
        accuracy_lower=lower,
        n=ranked.n,
        n_automated=automated,
        n_wrong=wrong,
        target=target,
        confidence_level=confidence_level,
        automation_target=automation_target,
        order=order,
        clustering=clustering,
        steps=steps,
        claim=claim,
        ranked=ranked,
    )


def _decided(scores: Floats, flags: Flags, clusters: ArrayLike | None) -> Decided:
    return Decided(scores, flags, None if clusters is None else cluster_codes(clusters, len(scores)))


def _development(development: tuple[ArrayLike, ...] | Order | None) -> Decided | None:
    """Return development decisions, None where there are none."""
    if development is None or isinstance(development, Order):
        return None
    confidence, correct, *clusters = development
    scores = checked_numbers("development confidences", confidence, never_allowed=True)
    flags = checked_flags("development correctness", correct, len(scores))
    return _decided(scores, flags, clusters[0] if clusters else None)


def _clustering(
    holdout: Decided, earlier: Decided | None, stated: float | CorrelationBound | None, alpha: float
) -> Clustering | None:
    """Return the clusters of the holdout and the bound of their correlation; None where there are no clusters."""
    if holdout.codes is None:
        if stated is not None:
            raise InputError("a bound of the correlation needs clusters", got=f"correlation_at_most {stated!r} alone")
        return None
    return clustering_of(holdout, earlier, bound_of(stated, earlier, alpha), "cluster")


def _claim(holdout: Decided, clustering: Clustering | None, alone: AccuracyClaim) -> AccuracyClaim:
    """Return the claim in the worst case of the clusters, with what the bound leaves of the level."""
    if clustering is None or holdout.codes is None:
        return alone
    order = np.argsort(-holdout.confidence, kind="stable")
    surest = order[: int(np.isfinite(holdout.confidence).sum())]
    clusters = Nested.of(np.unique(holdout.codes[surest], return_inverse=True)[1], clustering.bound.at_most)
    return replace(alone, alpha=alone.alpha * (1.0 - clustering.bound.level_share), clusters=clusters)


def _walked(ranked: Ranked, order: Order, claim: AccuracyClaim) -> tuple[Steps, int]:
    """Return the thresholds tested, up to the first that fails, and how many passed."""
    considered = claim.tested(ranked.n_automated, order.strides_from * ranked.n)
    allowed = claim.allowed(ranked.n_automated[considered])
    places = considered[order.places(ranked.n_automated[considered], ranked.n, allowed)]
    automated, wrong = ranked.n_automated[places], ranked.n_wrong[places]
    p_values = _p_values(claim, wrong, automated)
    failed = np.flatnonzero(p_values > claim.alpha)
    n_passed = int(failed[0]) if len(failed) else len(places)
    tested = slice(0, n_passed + 1)
    steps = Steps(ranked.threshold[places][tested], automated[tested], wrong[tested], p_values[tested])
    return steps, n_passed


def _p_values(claim: AccuracyClaim, wrong: Integers, automated: Integers) -> Floats:
    """Return the p-values of tests in their order, of the last ones only where none before them failed."""
    found = np.ones(len(wrong))
    for start in range(0, len(wrong), AT_ONCE):
        some = slice(start, start + AT_ONCE)
        found[some] = claim.p_values(wrong[some], automated[some])
        if np.any(found[some] > claim.alpha):
            break
    return found


def _found(steps: Steps, n_passed: int, claim: AccuracyClaim) -> tuple[float | None, int, int, float | None]:
    """Return the last threshold that passed, what it automates, the wrong ones, and the bound of its accuracy.

    The bound is the target where a later threshold failed. Where all passed it is the lowest of their exact bounds
    (Hsu and Berger, 1999): the exact bound of the last threshold alone would ignore that it was reached by testing.
    """
    if not n_passed:
        return None, 0, 0, None
    last, lower = n_passed - 1, claim.target
    if n_passed == len(steps.threshold):
        lower = max(lower, claim.lower_bound(steps.n_wrong, steps.n_automated))
    return float(steps.threshold[last]), int(steps.n_automated[last]), int(steps.n_wrong[last]), lower
