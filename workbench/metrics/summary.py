"""The estimates of one agent version on one set of outcomes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

from workbench.errors import InputError
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


Metric = Callable[[pd.DataFrame, EvaluationSettings], Estimate]


def _at_threshold(metric: Callable[[pd.DataFrame, float, str | None, float], Estimate]) -> Metric:
    """Return a metric that needs a threshold, undefined without one."""

    def estimate(outcomes: pd.DataFrame, settings: EvaluationSettings) -> Estimate:
        if settings.threshold is None:
            excluded = {**skipped(outcomes), "no_threshold": int(is_asked(outcomes).sum())}
            return Estimate.undefined("no threshold", excluded)
        return metric(outcomes, settings.threshold, settings.escalate_label, settings.confidence_level)

    return estimate


def _latency(q: float) -> Metric:
    """Return a quantile of the latency as a metric."""
    return lambda outcomes, settings: latency(outcomes, q, settings.confidence_level)


# `accuracy` has a Wilson interval and `accuracy_exact` is the same number with a Clopper-Pearson one.
_METRICS: dict[str, Metric] = {
    "accuracy": lambda outcomes, of: accuracy(outcomes, IntervalMethod.WILSON, of.confidence_level),
    "accuracy_exact": lambda outcomes, of: accuracy(outcomes, IntervalMethod.CLOPPER_PEARSON, of.confidence_level),
    "macro_f1": lambda outcomes, of: macro_f1(outcomes),
    "reason_accuracy": lambda outcomes, of: reason_accuracy(outcomes, of.confidence_level),
    "automation_rate": _at_threshold(automation_rate),
    "selective_accuracy": _at_threshold(selective_accuracy),
    "missed_escalation": _at_threshold(missed_escalation),
    "missed_escalation_of_all": _at_threshold(missed_escalation_of_all),
    "over_escalation": _at_threshold(over_escalation),
    **{name: _latency(q) for name, q in LATENCY_QUANTILES.items()},
    "throughput_per_hour": lambda outcomes, of: throughput_per_hour(outcomes, of.wall_s),
    "prompt_tokens": lambda outcomes, of: prompt_tokens(outcomes, of.confidence_level),
    "completion_tokens": lambda outcomes, of: completion_tokens(outcomes, of.confidence_level),
    "cost_per_decision": lambda outcomes, of: cost_per_decision(outcomes, of.price, of.confidence_level),
}
METRIC_NAMES = tuple(_METRICS)


def estimate_of(metric: str, outcomes: pd.DataFrame, settings: EvaluationSettings) -> Estimate:
    """Return one estimate; undefined, with the reason as its method, where it cannot be computed.

    Raises
    ------
    InputError
        There is no such metric.
    """
    if metric not in _METRICS:
        raise InputError(f"there is no metric {metric!r}", expected=", ".join(METRIC_NAMES))
    return _METRICS[metric](outcomes, settings)


def evaluate_outcomes(outcomes: pd.DataFrame, settings: EvaluationSettings) -> dict[str, Estimate]:
    """Return every estimate by name; the names are `METRIC_NAMES`, in this order, whatever the outcomes."""
    outcomes = outcomes.assign(status=statuses(outcomes))  # read once, not by every metric
    return {name: metric(outcomes, settings) for name, metric in _METRICS.items()}
