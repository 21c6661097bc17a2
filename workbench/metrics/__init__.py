"""Estimates computed from decisions and labels; the catalogue says what each of them is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.imports import opened_lazily

if TYPE_CHECKING:
    from workbench.metrics.accuracy import confusion_pairs, per_class
    from workbench.metrics.agreement import Coefficient, agreement_estimate
    from workbench.metrics.catalogue import (
        ACCURACY,
        AUTOMATION_RATE,
        CATALOGUE,
        KPI_METRICS,
        SELECTIVE_ACCURACY,
        Interval,
        Operator,
        Unit,
    )
    from workbench.metrics.certified import (
        CertificationSettings,
        certified_accuracy,
        certify_members,
        certify_money,
        certify_outcomes,
        choice_of,
        entity_codes,
        outlook_before_opening,
        ranked_decisions,
        takes_certificate,
        unopened_records,
    )
    from workbench.metrics.confidence import calibration, reliability_table
    from workbench.metrics.costs import (
        TOO_FEW,
        UnitCosts,
        cheapest_certified,
        cost_per_record,
        costs_by_threshold,
        minutes_saved,
        noise_ceiling,
        unless_refuted,
    )
    from workbench.metrics.escalation import (
        ThresholdChoice,
        risk_coverage,
        risk_coverage_band,
        threshold_for,
        threshold_text,
    )
    from workbench.metrics.estimate import Estimate, method_text
    from workbench.metrics.outcomes import (
        BETWEEN_DOCUMENTS,
        DOCUMENTS,
        NEEDS,
        column,
        is_asked,
        is_automated,
        is_needless_escalation,
        is_right,
        is_wrong,
        number_column,
        routes,
    )
    from workbench.metrics.planning import agreements_to_draw, observations_missing
    from workbench.metrics.prospects import (
        assumed_bound,
        before_opening_text,
        certification_note,
        chance_text,
        entities,
        likely_errors,
        outlook_json,
        undeclared_warning,
        what_would_do,
    )
    from workbench.metrics.recalibration import as_given, cross_fitted, fitted_recalibration, recalibrated
    from workbench.metrics.retrieval import recall_by_k, with_and_without
    from workbench.metrics.rows import Rows
    from workbench.metrics.settings import DEFAULT_CONFIDENCE_LEVEL, EvaluationSettings, Recalibration, TokenPrice
    from workbench.metrics.shown import (
        catalogue_markdown,
        declare_units,
        estimate_text,
        target_text,
        title_of,
        unit_of,
        value_text,
        versions_table,
    )
    from workbench.metrics.slicing import declared_slices, worst_slices
    from workbench.metrics.sources import Comparison, compare_sources
    from workbench.metrics.statuses import Status
    from workbench.metrics.summary import METRIC_NAMES, Behind, behind_metric, estimate_of, evaluate_outcomes, narrowed
    from workbench.metrics.targets import State, bounded_estimate, charged_level, one_sided, state_of
    from workbench.metrics.twins import chance_of_excess, excess_over_twins
else:
    __getattr__, __dir__, __all__ = opened_lazily(__name__, __file__)
