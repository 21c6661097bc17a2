"""The charter's KPIs held against an evaluation: met, not met, or not to be told from these records."""

from __future__ import annotations

from enum import StrEnum

import pandas as pd

from workbench.charter import Kpi, KpiMetric, Operator
from workbench.evaluation import Evaluation
from workbench.metrics import Estimate, EvaluationSettings, estimate_of
from workbench.metrics.estimate import DEFAULT_CONFIDENCE_LEVEL
from workbench.pilot import Pilot
from workbench.report.tables import estimate_text, value_text


class KpiAnswer(StrEnum):
    """What an estimate says about a target."""

    MET = "met"
    NOT_MET = "not met"
    CANNOT_TELL = "cannot tell"


def kpi_answer(kpi: Kpi, estimate: Estimate) -> KpiAnswer:
    """Return whether the whole interval of an estimate is on the good side of the target, on the bad side, or neither.

    Examples
    --------
    >>> kpi = Kpi(id="right", metric="accuracy", operator=">=", target=0.5)
    >>> print(kpi_answer(kpi, Estimate(0.7, 0.6, 0.8, 100, "by hand")))
    met
    >>> print(kpi_answer(kpi, Estimate(0.7, 0.4, 0.9, 10, "by hand")))
    cannot tell
    """
    bounds = (estimate.lower, estimate.upper)
    worst, best = bounds if kpi.operator is Operator.AT_LEAST else bounds[::-1]
    if worst is not None and kpi.operator.holds(worst, kpi.target):
        return KpiAnswer.MET
    if best is not None and not kpi.operator.holds(best, kpi.target):
        return KpiAnswer.NOT_MET
    return KpiAnswer.CANNOT_TELL


def kpi_table(pilot: Pilot, evaluation: Evaluation) -> pd.DataFrame:
    """Return the charter's KPIs with their targets, estimates and answers.

    Each estimate has its two-sided interval at the KPI's own confidence level.

    Returns
    -------
    DataFrame
        `kpi`, `metric`, `wanted`, `found`, `interval` (how it was computed, or why there is none), `answer`.
    """
    rows = []
    for kpi in pilot.charter.kpis:
        estimate = _estimate_at(pilot, evaluation, kpi)
        metric = kpi.metric.value
        words = "at least" if kpi.operator is Operator.AT_LEAST else "at most"
        wanted, found = f"{words} {value_text(metric, kpi.target)}{kpi.mark}", estimate_text(metric, estimate)
        rows.append((kpi.id, metric, wanted, found, estimate.method, kpi_answer(kpi, estimate).value))
    return pd.DataFrame(rows, columns=["kpi", "metric", "wanted", "found", "interval", "answer"])


def verdict_text(pilot: Pilot, table: pd.DataFrame) -> str:
    """Return how many KPIs of a table have each answer, and which targets are placeholders, in words."""
    count = table["answer"].value_counts()
    listed = ", ".join(f"{count[answer]} {answer}" for answer in KpiAnswer if answer in count)
    return " ".join(filter(None, (f"KPIs: {listed or 'the charter has none'}.", pilot.charter.placeholder_note)))


def _estimate_at(pilot: Pilot, evaluation: Evaluation, kpi: Kpi) -> Estimate:
    """Return the estimate a KPI is about, with its interval at the KPI's confidence level.

    Where the evaluation has a certification, the selective accuracy is the certification's: one answer for a KPI.
    """
    is_certified = kpi.metric is KpiMetric.SELECTIVE_ACCURACY and evaluation.certification is not None
    if is_certified or kpi.confidence_level == DEFAULT_CONFIDENCE_LEVEL:
        return evaluation.estimates[kpi.metric.value]
    model = str(dict(evaluation.identity.get("engine", {})).get("model", ""))
    settings = EvaluationSettings(
        threshold=None if evaluation.threshold is None else evaluation.threshold.threshold,
        escalate_label=pilot.settings.escalate_label,
        confidence_level=kpi.confidence_level,
        price=pilot.settings.prices.get(model),
    )
    return estimate_of(kpi.metric.value, evaluation.outcomes, settings)
