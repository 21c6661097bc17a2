"""A confidence threshold that is certified: below it a person decides, above it the accuracy is proved.

The method is fixed-sequence testing (Learn then Test: Angelopoulos et al., 2021) with exact binomial tests. Candidate
thresholds are tested one after the other, each at the full level, and the first that fails ends it; so no level is
divided among them. See `workbench.stats.sequence` for the order.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from workbench.stats.clustering import Clustering, design_effect
from workbench.stats.inputs import Floats, Integers, checked_flags, checked_numbers, checked_share
from workbench.stats.outlook import Outlook, outlook
from workbench.stats.power import allowed_errors, binomial_p_values, certification_power
from workbench.stats.sequence import Claim, Order, Ranked, order_from_development, rank, usual_order


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
    records_needed : int, optional
        About how many more labelled records give an 80% chance: to certify the automation target, or anything where
        there is none. 0 when it is certified already; None when no number would do at the error rate observed, which
        `outlook` says more about.
    n, n_automated, n_wrong : int
        All records; those automated at the threshold, and the wrong ones among them (0 when nothing is certified).
    order : Order
        Which coverages were tested, and where that order came from.
    clustering : Clustering, optional
        How far records of one cluster resemble each other, and by how much the counts were deflated for it.
    outlook : Outlook
        What was seen at the automation aimed at, and what more records could prove.
    """

    threshold: float | None
    automation_rate: float
    accuracy_lower: float | None
    records_needed: int | None
    n: int
    n_automated: int
    n_wrong: int
    target: float
    confidence_level: float
    automation_target: float | None
    order: Order
    clustering: Clustering | None
    steps: Steps = field(repr=False)
    outlook: Outlook = field(repr=False)

    @property
    def is_certified(self) -> bool:
        """Whether a threshold is certified; with an automation target, whether one with that much automation is."""
        return self.threshold is not None and self.automation_rate >= (self.automation_target or 0.0)

    @property
    def passed(self) -> Floats:
        """Thresholds that passed their test, highest first: each of them is certified."""
        return np.asarray(self.steps.threshold[self.steps.p_value <= self.level], dtype=np.float64)

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
        deflation = 1.0 if self.clustering is None else self.clustering.design_effect
        counts = (self.n + np.asarray(more)) * (self.automation_target or 1.0) / deflation
        return certification_power(np.floor(counts), self.target, error_rate, self.confidence_level)

    def as_json(self) -> dict[str, Any]:
        """Return the certification without its steps as JSON values."""
        return {
            "threshold": self.threshold,
            "automation_rate": self.automation_rate,
            "accuracy_lower": self.accuracy_lower,
            "records_needed": self.records_needed,
            "n": self.n,
            "n_automated": self.n_automated,
            "n_wrong": self.n_wrong,
            "target": self.target,
            "confidence_level": self.confidence_level,
            "automation_target": self.automation_target,
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
    development: tuple[ArrayLike, ArrayLike] | Order | None = None,
) -> Certification:
    """Return the lowest confidence threshold whose accuracy on automated decisions is proved on holdout records.

    The chance that the threshold's true accuracy is below the target is at most 1 - confidence_level, over repeated
    samples of records. It holds whatever the confidences are worth. What it needs: the records are independent draws
    of the records to come (or the clusters are), and nobody has looked at their labels before.

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
        What records depend on together, such as the vendor: counts are deflated by the design effect
        1 + (m - 1) ICC.
    development : pair of arrays or Order, optional
        Confidence and correctness of development records, to choose the order by, or the order that was chosen on them:
        it only moves power, never validity.

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
    the sequence is our own. docs/validity.md has simulations.

    Examples
    --------
    >>> import numpy as np
    >>> found = certify_threshold(np.linspace(0, 1, 1000), np.arange(1000) >= 200, target=0.95, automation_target=0.7)
    >>> found.n_automated, found.n_wrong, round(found.accuracy_lower, 4)
    (830, 30, 0.95)
    """
    scores = checked_numbers("confidences", confidence, never_allowed=True)
    flags = checked_flags("correctness", correct, len(scores))
    checked_share("a target", target)
    alpha = 1.0 - checked_share("a confidence level", confidence_level)
    if automation_target is not None:
        checked_share("an automation target", automation_target)
    clustering = None if clusters is None else design_effect(flags, clusters)
    claim = Claim(target, alpha, automation_target, 1.0 if clustering is None else clustering.design_effect)
    if development is None:
        order = usual_order(automation_target)
    elif isinstance(development, Order):
        order = development
    else:
        order = order_from_development(*development, n=len(scores), claim=claim)
    ranked = rank(scores, flags)
    steps, n_passed = _walked(ranked, order, claim)
    threshold, automated, wrong, lower = _found(steps, n_passed, claim)
    ahead = outlook(ranked, automated, claim)
    return Certification(
        threshold=threshold,
        automation_rate=automated / ranked.n,
        accuracy_lower=lower,
        records_needed=ahead.records_needed,
        n=ranked.n,
        n_automated=automated,
        n_wrong=wrong,
        target=target,
        confidence_level=confidence_level,
        automation_target=automation_target,
        order=order,
        clustering=clustering,
        steps=steps,
        outlook=ahead,
    )


def _walked(ranked: Ranked, order: Order, claim: Claim) -> tuple[Steps, int]:
    """Return the thresholds tested, up to the first that fails, and how many passed."""
    allowed = allowed_errors(ranked.n_automated, claim.target, claim.alpha, claim.deflation)
    places = order.places(ranked.n_automated, ranked.n, allowed)
    automated, wrong = ranked.n_automated[places], ranked.n_wrong[places]
    p_values = binomial_p_values(wrong, automated, 1.0 - claim.target, claim.deflation)
    failed = np.flatnonzero(p_values > claim.alpha)
    n_passed = int(failed[0]) if len(failed) else len(places)
    tested = slice(0, n_passed + 1)
    steps = Steps(ranked.threshold[places][tested], automated[tested], wrong[tested], p_values[tested])
    return steps, n_passed


def _found(steps: Steps, n_passed: int, claim: Claim) -> tuple[float | None, int, int, float | None]:
    """Return the last threshold that passed, what it automates, the wrong ones, and the bound of its accuracy.

    The bound is the target where a later threshold failed. Where all passed it is the lowest of their exact bounds
    (Hsu and Berger, 1999): the exact bound of the last threshold alone would ignore that it was reached by testing.
    """
    if not n_passed:
        return None, 0, 0, None
    last = n_passed - 1
    lower = claim.target if n_passed < len(steps.threshold) else _lowest_bound(steps, claim)
    return float(steps.threshold[last]), int(steps.n_automated[last]), int(steps.n_wrong[last]), lower


def _lowest_bound(steps: Steps, claim: Claim) -> float:
    """Return the lowest one-sided exact lower bound of the accuracy over all steps."""
    from scipy import special

    right = (steps.n_automated - steps.n_wrong) / claim.deflation
    bounds = special.betaincinv(right, steps.n_wrong / claim.deflation + 1.0, claim.alpha)
    return max(claim.target, float(np.min(bounds)))
