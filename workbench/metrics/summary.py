"""The estimates of one agent version on one set of outcomes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

from workbench.metrics.accuracy import accuracy, macro_f1, reason_accuracy
from workbench.metrics.escalation import (
    automation_rate,
    missed_escalation,
    missed_escalation_of_all,
    over_escalation,
    selective_accuracy,
)
from workbench.metrics.estimate import DEFAULT_CONFIDENCE_LEVEL, Estimate
from workbench.metrics.outcomes import is_asked, skipped, statuses
from workbench.metrics.service import completion_tokens, cost_per_decision, latency, prompt_tokens, throughput_per_hour
from workbench.pilot import Price
from workbench.stats import IntervalMethod

LATENCY_QUANTILES = {"latency_p50_s": 0.5, "latency_p95_s": 0.95, "latency_p99_s": 0.99}
ESCALATION_METRICS: dict[str, Callable[[pd.DataFrame, float, str | None, float], Estimate]] = {
    "automation_rate": automation_rate,
    "selective_accuracy": selective_accuracy,
    "missed_escalation": missed_escalation,
    "missed_escalation_of_all": missed_escalation_of_all,
    "over_escalation": over_escalation,
}
METRIC_NAMES = (
    "accuracy",
    "accuracy_exact",
    "macro_f1",
    "reason_accuracy",
    *ESCALATION_METRICS,
    *LATENCY_QUANTILES,
    "throughput_per_hour",
    "prompt_tokens",
    "completion_tokens",
    "cost_per_decision",
)


@dataclass(frozen=True, slots=True)
class EvaluationSettings:
    """What the estimates depend on besides the outcomes.

    Parameters
    ----------
    threshold : float, optional
        Confidence from which a decision is automated; None when none was chosen, and the escalation estimates are then
        undefined.
    escalate_label : str, optional
        The action by which an agent escalates.
    confidence_level : float
        Of every interval, in (0, 1).
    price : Price, optional
        What tokens cost; None leaves the cost undefined.
    wall_s : float, optional
        Seconds that making the decisions took, over all sittings of a resumed run.
    """

    threshold: float | None = None
    escalate_label: str | None = None
    confidence_level: float = DEFAULT_CONFIDENCE_LEVEL
    price: Price | None = None
    wall_s: float | None = None


def evaluate_outcomes(outcomes: pd.DataFrame, settings: EvaluationSettings) -> dict[str, Estimate]:
    """Return every estimate by name; the names are `METRIC_NAMES`, in this order, whatever the outcomes.

    `accuracy` has a Wilson interval and `accuracy_exact` is the same number with a Clopper-Pearson one. What cannot be
    computed is there too, undefined, and its method says why.
    """
    level = settings.confidence_level
    outcomes = outcomes.assign(status=statuses(outcomes))  # read once, not by every metric
    estimates = {
        "accuracy": accuracy(outcomes, IntervalMethod.WILSON, level),
        "accuracy_exact": accuracy(outcomes, IntervalMethod.CLOPPER_PEARSON, level),
        "macro_f1": macro_f1(outcomes),
        "reason_accuracy": reason_accuracy(outcomes, level),
        **_escalation(outcomes, settings),
        **{name: latency(outcomes, q, level) for name, q in LATENCY_QUANTILES.items()},
        "throughput_per_hour": throughput_per_hour(outcomes, settings.wall_s),
        "prompt_tokens": prompt_tokens(outcomes, level),
        "completion_tokens": completion_tokens(outcomes, level),
        "cost_per_decision": cost_per_decision(outcomes, settings.price, level),
    }
    return {name: estimates[name] for name in METRIC_NAMES}


def _escalation(outcomes: pd.DataFrame, settings: EvaluationSettings) -> dict[str, Estimate]:
    """Return the estimates that need a threshold, undefined without one."""
    if settings.threshold is None:
        excluded = {**skipped(outcomes), "no_threshold": int(is_asked(outcomes).sum())}
        return dict.fromkeys(ESCALATION_METRICS, Estimate.undefined("no threshold", excluded))
    return {
        name: metric(outcomes, settings.threshold, settings.escalate_label, settings.confidence_level)
        for name, metric in ESCALATION_METRICS.items()
    }
