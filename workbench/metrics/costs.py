"""Costs: what a threshold costs per record, what automation saves, and the cheapest threshold that is certified."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from workbench.metrics.certified import ranked_decisions
from workbench.metrics.estimate import Estimate, listed, method_text
from workbench.metrics.outcomes import is_asked, is_automated, is_wrong, skipped
from workbench.metrics.settings import DEFAULT_CONFIDENCE_LEVEL
from workbench.stats import Certification, mean_interval, rank
from workbench.words import InputError

FEWEST_PAIRS = 30  # from fewer the interval is too wide to say anything of an agent
TOO_FEW = "too few pairs to say"
COST_COLUMNS = ("threshold", "automated", "automation_rate", "wrong", "cost_per_record", "is_certified")


@dataclass(frozen=True, slots=True)
class UnitCosts:
    """What one decision costs, in one currency: not negative.

    Parameters
    ----------
    error : float
        A wrong decision carried out without a person.
    escalation : float
        A decision handed to a person.
    """

    error: float
    escalation: float

    def __post_init__(self) -> None:
        if not (0.0 <= self.error < np.inf and 0.0 <= self.escalation < np.inf):
            raise InputError("costs must be finite and not negative", got=f"{self.error!r} and {self.escalation!r}")


def cost_per_record(
    outcomes: pd.DataFrame,
    threshold: float,
    costs: UnitCosts,
    escalate_label: str | None = None,
) -> Estimate:
    """Return the mean cost of a record at a threshold: errors carried out and records handed to a person.

    Denominator: every decision that was asked for. Excluded: skipped.
    """
    asked = is_asked(outcomes).to_numpy()
    if not asked.any():
        return Estimate.undefined("no decision was asked for", skipped(outcomes))
    automated = is_automated(outcomes, threshold, escalate_label).to_numpy()
    spent = np.where(automated, np.where(is_wrong(outcomes), costs.error, 0.0), costs.escalation)[asked]
    lower, upper = mean_interval(spent, DEFAULT_CONFIDENCE_LEVEL)
    method = method_text("Student t", DEFAULT_CONFIDENCE_LEVEL)
    return Estimate(float(spent.mean()), lower, upper, len(spent), method, listed(skipped(outcomes)))


def costs_by_threshold(
    outcomes: pd.DataFrame,
    costs: UnitCosts,
    escalate_label: str | None = None,
    certification: Certification | None = None,
) -> pd.DataFrame:
    """Return the expected cost per record at every threshold that changes it, the highest threshold first.

    Returns
    -------
    DataFrame
        `threshold`, NaN in the first row, where nothing is automated; `automated`; `automation_rate`; `wrong` among the
        automated; `cost_per_record`; `is_certified`, whether that threshold passed its test in `certification` (nothing
        automated needs no proof).
    """
    confidence, right = ranked_decisions(outcomes, escalate_label)
    ranked = rank(confidence, right)
    automated, wrong = (np.concatenate(([0], counts)) for counts in (ranked.n_automated, ranked.n_wrong))
    asked = max(ranked.n, 1)
    threshold = np.concatenate(([np.nan], ranked.threshold))
    proved = np.zeros(len(threshold), dtype=bool)
    proved[0] = True
    if certification is not None:
        proved |= np.isin(threshold, certification.passed)
    columns = (
        threshold,
        automated,
        automated / asked,
        wrong,
        (wrong * costs.error + (ranked.n - automated) * costs.escalation) / asked,
        proved,
    )
    return pd.DataFrame(dict(zip(COST_COLUMNS, columns, strict=True)))


def cheapest_certified(by_threshold: pd.DataFrame) -> pd.DataFrame:
    """Return the one row of `costs_by_threshold` that costs least among those that are certified.

    It is one of the thresholds that passed, so it is certified like the lowest of them: the proof covers all at once.
    Where escalating everything is cheapest that is the answer: the row without a threshold.
    """
    proved = by_threshold[by_threshold["is_certified"]]
    return proved.sort_values("cost_per_record", kind="stable").head(1)


def minutes_saved(
    outcomes: pd.DataFrame,
    threshold: float,
    minutes_each: float,
    escalate_label: str | None = None,
    records: float = 1_000,
) -> Estimate:
    """Return a person's minutes that automation saves in so many records, from the minutes one record takes by hand.

    The interval is that of the automation rate; the minutes each are taken as given. Denominator: every decision that
    was asked for. Excluded: skipped.

    Raises
    ------
    InputError
        The minutes are not a positive number.
    """
    if not 0.0 < minutes_each < np.inf:
        raise InputError("the minutes that one record takes must be a positive number", got=repr(minutes_each))
    automated = int(is_automated(outcomes, threshold, escalate_label).sum())
    rate = Estimate.proportion(automated, int(is_asked(outcomes).sum()), excluded=skipped(outcomes))
    if rate.value is None or rate.lower is None or rate.upper is None:
        return Estimate.undefined("no decision was asked for", rate.excluded)
    factor = records * minutes_each
    return Estimate(
        rate.value * factor, rate.lower * factor, rate.upper * factor, rate.n, rate.method, listed(rate.excluded)
    )


def noise_ceiling(label_errors: Estimate, measured: Estimate | None = None) -> Estimate:
    """Return the highest accuracy that can be measured against labels of which a share is wrong: one minus that share.

    An agent without any error is seen to err as often as the labels do (observed error about e + (1 - e) h), so a
    target above the ceiling cannot be proved with these labels, whoever decides.

    Parameters
    ----------
    label_errors : Estimate
        Share of wrong labels, as the audit estimates it, n counting the pairs of labels it was seen on.
    measured : Estimate, optional
        An accuracy that was measured on these labels: a ceiling below its lower bound is refuted by it.

    Returns
    -------
    Estimate
        Undefined on fewer than 30 pairs, and where it is refuted.
    """
    if label_errors.value is None:
        return label_errors
    if label_errors.n < FEWEST_PAIRS:
        return Estimate.undefined(f"{TOO_FEW}, {label_errors.n} where {FEWEST_PAIRS} are wanted")
    lower = None if label_errors.upper is None else 1.0 - label_errors.upper
    upper = None if label_errors.lower is None else 1.0 - label_errors.lower
    value = 1.0 - label_errors.value
    found = Estimate(value, lower, upper, label_errors.n, label_errors.method, listed(label_errors.excluded))
    return found if measured is None else unless_refuted(found, measured)


def unless_refuted(ceiling: Estimate, measured: Estimate) -> Estimate:
    """Return a ceiling, undefined where an accuracy was measured whose lower bound lies above it.

    The pairs of labels it was seen on are then harder cases than the other records.
    """
    if ceiling.value is None or measured.lower is None or ceiling.value >= measured.lower:
        return ceiling
    return Estimate.undefined(
        f"{ceiling.n:,} pairs of labels give {ceiling.value:.1%}, and an accuracy of at least {measured.lower:.1%} was "
        "measured: they are harder cases than the other records"
    )
