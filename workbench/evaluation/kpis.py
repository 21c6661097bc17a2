"""The charter's KPIs held against an evaluation, by the numbers and the rule of a gate."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from workbench.evaluation.evaluation import Evaluation
from workbench.metrics import Estimate, State, bounded_estimate, charged_level, estimate_of, state_of
from workbench.pilot.charter import Charter, Kpi
from workbench.records.splits import Split


@dataclass(frozen=True, slots=True)
class KpiResult:
    """What an evaluation says of one KPI.

    Parameters
    ----------
    estimate : Estimate
        Holdout: with one-sided bounds at the level that this opening leaves, as a gate has them. Development records:
        with a two-sided interval at the KPI's own level.
    state : State, optional
        None on development records: they chose the version, and prove nothing of it.
    """

    kpi: Kpi
    estimate: Estimate
    state: State | None

    def as_json(self) -> dict[str, Any]:
        """Return the result as JSON values."""
        return {
            "kpi": self.kpi.id,
            "metric": self.kpi.metric,
            "operator": self.kpi.operator.value,
            "target": self.kpi.target,
            "placeholder": self.kpi.placeholder,
            "estimate": self.estimate.as_json(),
            "state": None if self.state is None else self.state.value,
        }


def kpi_results(charter: Charter, evaluation: Evaluation) -> tuple[KpiResult, ...]:
    """Return what an evaluation says of each KPI; a target that nobody agreed on stays unproven."""
    return tuple(_result(kpi, evaluation) for kpi in charter.kpis)


def _result(kpi: Kpi, evaluation: Evaluation) -> KpiResult:
    outcomes, level = evaluation.outcomes, kpi.confidence_level
    if evaluation.split is Split.DEV:
        settings = replace(evaluation.settings, confidence_level=level)
        return KpiResult(kpi, estimate_of(kpi.metric, outcomes, settings), None)
    share = 1.0 if evaluation.opening is None else evaluation.opening.charge
    settings = replace(
        evaluation.settings, confidence_level=charged_level(kpi.metric, level, share) or kpi.confidence_level
    )
    certificate = None if evaluation.certification is None else evaluation.certification.as_json()
    estimate = bounded_estimate(kpi.metric, outcomes, settings, certificate)
    state = State.UNPROVEN if kpi.placeholder else state_of(kpi.operator, kpi.target, estimate)
    return KpiResult(kpi, estimate, state)
