"""Estimates computed from decisions and labels; the catalogue says what each of them is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.imports import opened_lazily

if TYPE_CHECKING:
    from workbench.metrics.accuracy import confusion_pairs, per_class
    from workbench.metrics.catalogue import (
        ACCURACY,
        AUTOMATION_RATE,
        CATALOGUE,
        KPI_METRICS,
        SELECTIVE_ACCURACY,
        Interval,
        Metric,
        Operator,
        Unit,
        catalogue_markdown,
    )
    from workbench.metrics.certified import CertificationSettings, certify_outcomes, choice_of
    from workbench.metrics.confidence import calibration, reliability_table
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
        risk_coverage,
        risk_coverage_band,
        threshold_for,
        threshold_text,
    )
    from workbench.metrics.estimate import Estimate
    from workbench.metrics.outcomes import (
        is_asked,
        is_automated,
        is_needless_escalation,
        is_right,
        is_wrong,
        routes,
    )
    from workbench.metrics.recalibration import (
        Recalibrator,
        as_given,
        cross_fitted,
        fitted_recalibration,
        recalibrated,
    )
    from workbench.metrics.settings import EvaluationSettings, Price, Recalibration, price_of
    from workbench.metrics.shown import estimate_text, unit_of, value_text, versions_table
    from workbench.metrics.slicing import slices, worst_slices
    from workbench.metrics.sources import Comparison, compare_sources
    from workbench.metrics.statuses import Route, Status
    from workbench.metrics.summary import METRIC_NAMES, Behind, behind_metric, estimate_of, evaluate_outcomes
    from workbench.metrics.targets import State, audited, bounded_estimate, charged_level, state_of
else:
    __getattr__, __dir__ = opened_lazily(__name__, __file__)

__all__ = [
    "ACCURACY",
    "AUTOMATION_RATE",
    "CATALOGUE",
    "KPI_METRICS",
    "METRIC_NAMES",
    "SELECTIVE_ACCURACY",
    "Behind",
    "CertificationSettings",
    "Comparison",
    "Estimate",
    "EvaluationSettings",
    "Interval",
    "Metric",
    "Operator",
    "Price",
    "Recalibration",
    "Recalibrator",
    "Route",
    "State",
    "Status",
    "ThresholdChoice",
    "Unit",
    "UnitCosts",
    "as_given",
    "audited",
    "behind_metric",
    "bounded_estimate",
    "calibration",
    "catalogue_markdown",
    "certify_outcomes",
    "charged_level",
    "cheapest_certified",
    "choice_of",
    "compare_sources",
    "confusion_pairs",
    "cost_per_record",
    "costs_by_threshold",
    "cross_fitted",
    "estimate_of",
    "estimate_text",
    "evaluate_outcomes",
    "fitted_recalibration",
    "is_asked",
    "is_automated",
    "is_needless_escalation",
    "is_right",
    "is_wrong",
    "minutes_saved",
    "noise_ceiling",
    "per_class",
    "price_of",
    "recalibrated",
    "reliability_table",
    "risk_coverage",
    "risk_coverage_band",
    "routes",
    "slices",
    "state_of",
    "threshold_for",
    "threshold_text",
    "unit_of",
    "value_text",
    "versions_table",
    "worst_slices",
]
