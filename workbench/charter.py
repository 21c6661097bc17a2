"""The charter's process and KPIs: the targets every estimate is held against."""

from __future__ import annotations

import operator
from collections.abc import Callable
from enum import StrEnum

from pydantic import Field

from workbench.configuration import Settings

CHARTER_FILE = "charter.yaml"


class KpiMetric(StrEnum):
    """The estimates a KPI may name."""

    ACCURACY = "accuracy"
    AUTOMATION_RATE = "automation_rate"
    SELECTIVE_ACCURACY = "selective_accuracy"
    LATENCY_P50_S = "latency_p50_s"
    LATENCY_P95_S = "latency_p95_s"
    LATENCY_P99_S = "latency_p99_s"
    COST_PER_DECISION = "cost_per_decision"


class Operator(StrEnum):
    """How an estimate is held against a target."""

    AT_LEAST = ">="
    AT_MOST = "<="

    @property
    def holds(self) -> Callable[[float, float], bool]:
        """Function of (estimate, target)."""
        return operator.ge if self is Operator.AT_LEAST else operator.le


class Kpi(Settings):
    """One agreed target; `confidence_level` is how sure a gate must be that it is met."""

    id: str = Field(pattern=r"^[a-z][a-z0-9_-]*$")
    metric: KpiMetric
    operator: Operator
    target: float
    confidence_level: float = Field(default=0.95, gt=0.5, lt=1)


class Charter(Settings):
    """What was agreed before the pilot began."""

    process: str
    kpis: tuple[Kpi, ...] = ()

    def target(self, metric: KpiMetric) -> float | None:
        """Return the target of the first KPI on a metric, None when there is none."""
        return next((kpi.target for kpi in self.kpis if kpi.metric is metric), None)
