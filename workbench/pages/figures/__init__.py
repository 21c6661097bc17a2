"""Figures of records and of evaluations: plain tables in, one `matplotlib.figure.Figure` out.

No state is kept: a figure belongs to the caller, `png` turns it into bytes. Titles state the finding, and every figure
reads in black and white.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.imports import opened_lazily

if TYPE_CHECKING:
    from workbench.pages.figures.acceptance import acceptance_overview
    from workbench.pages.figures.attacks import attack_rates
    from workbench.pages.figures.cases import cases_by_class, coverage_matrix, mutants_by_kind
    from workbench.pages.figures.certainty import cost_curve
    from workbench.pages.figures.classes import confusion_heatmap, per_class_accuracy
    from workbench.pages.figures.compliance import standings_by_regime
    from workbench.pages.figures.curves import latency_distribution, risk_coverage_curves
    from workbench.pages.figures.differences import categories_changed, differences_from
    from workbench.pages.figures.drawing import png
    from workbench.pages.figures.faults import fault_matrix
    from workbench.pages.figures.findings import findings_by_share
    from workbench.pages.figures.integrations import access_by_system, verdicts_by_system
    from workbench.pages.figures.intervals import shares_with_intervals
    from workbench.pages.figures.load import load_over_time, load_reviewers_taps, load_waits
    from workbench.pages.figures.picture import Picture
    from workbench.pages.figures.records import column_completeness, label_distribution, text_lengths, volume_over_time
    from workbench.pages.figures.reliability import Panel, reliability_panels
    from workbench.pages.figures.retrieval import recall_curve
    from workbench.pages.figures.reviews import people_and_agreement
    from workbench.pages.figures.versions import confidence_histogram, versions_compared
else:
    __getattr__, __dir__, __all__ = opened_lazily(__name__, __file__)
