"""Estimates computed from decisions and labels."""

from __future__ import annotations

from workbench.metrics.accuracy import accuracy, confusion_pairs, macro_f1, per_class, reason_accuracy
from workbench.metrics.escalation import (
    ThresholdChoice,
    automation_rate,
    missed_escalation,
    missed_escalation_of_all,
    over_escalation,
    risk_coverage,
    selective_accuracy,
    threshold_for,
)
from workbench.metrics.estimate import Estimate
from workbench.metrics.outcomes import (
    Route,
    is_asked,
    is_automated,
    is_needless_escalation,
    is_right,
    is_wrong,
    routes,
)
from workbench.metrics.service import completion_tokens, cost_per_decision, latency, prompt_tokens, throughput_per_hour
from workbench.metrics.summary import METRIC_NAMES, EvaluationSettings, evaluate_outcomes

__all__ = [
    "METRIC_NAMES",
    "Estimate",
    "EvaluationSettings",
    "Route",
    "ThresholdChoice",
    "accuracy",
    "automation_rate",
    "completion_tokens",
    "confusion_pairs",
    "cost_per_decision",
    "evaluate_outcomes",
    "is_asked",
    "is_automated",
    "is_needless_escalation",
    "is_right",
    "is_wrong",
    "latency",
    "macro_f1",
    "missed_escalation",
    "missed_escalation_of_all",
    "over_escalation",
    "per_class",
    "prompt_tokens",
    "reason_accuracy",
    "risk_coverage",
    "routes",
    "selective_accuracy",
    "threshold_for",
    "throughput_per_hour",
]
