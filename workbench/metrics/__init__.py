"""Estimates computed from decisions and labels."""

from __future__ import annotations

from workbench.metrics.accuracy import accuracy, confusion_pairs, macro_f1, per_class, reason_accuracy
from workbench.metrics.calibration import calibration, reliability_table
from workbench.metrics.certified import CertificationSettings, certify_outcomes, choice_of
from workbench.metrics.costs import (
    UnitCosts,
    cheapest_certified,
    cost_per_record,
    costs_by_threshold,
    minutes_saved,
    noise_ceiling,
)
from workbench.metrics.escalation import (
    ThresholdChoice,
    automation_rate,
    missed_escalation,
    missed_escalation_of_all,
    over_escalation,
    risk_coverage,
    risk_coverage_band,
    selective_accuracy,
    threshold_for,
    threshold_text,
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
from workbench.metrics.recalibration import Recalibrator, as_given, cross_fitted, fitted_recalibration, recalibrated
from workbench.metrics.service import completion_tokens, cost_per_decision, latency, prompt_tokens, throughput_per_hour
from workbench.metrics.slices import slices, worst_slices
from workbench.metrics.sources import Comparison, compare_sources
from workbench.metrics.summary import METRIC_NAMES, EvaluationSettings, estimate_of, evaluate_outcomes

__all__ = [
    "METRIC_NAMES",
    "CertificationSettings",
    "Comparison",
    "Estimate",
    "EvaluationSettings",
    "Recalibrator",
    "Route",
    "ThresholdChoice",
    "UnitCosts",
    "accuracy",
    "as_given",
    "automation_rate",
    "calibration",
    "certify_outcomes",
    "cheapest_certified",
    "choice_of",
    "compare_sources",
    "completion_tokens",
    "confusion_pairs",
    "cost_per_decision",
    "cost_per_record",
    "costs_by_threshold",
    "cross_fitted",
    "estimate_of",
    "evaluate_outcomes",
    "fitted_recalibration",
    "is_asked",
    "is_automated",
    "is_needless_escalation",
    "is_right",
    "is_wrong",
    "latency",
    "macro_f1",
    "minutes_saved",
    "missed_escalation",
    "missed_escalation_of_all",
    "noise_ceiling",
    "over_escalation",
    "per_class",
    "prompt_tokens",
    "reason_accuracy",
    "recalibrated",
    "reliability_table",
    "risk_coverage",
    "risk_coverage_band",
    "routes",
    "selective_accuracy",
    "slices",
    "threshold_for",
    "threshold_text",
    "throughput_per_hour",
    "worst_slices",
]
