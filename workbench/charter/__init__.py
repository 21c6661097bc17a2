"""The charter: what was agreed before the pilot began, and who signed it."""

from __future__ import annotations

from workbench.charter.metrics import CATALOGUE, KpiMetric, MetricEntry, Operator
from workbench.charter.schema import CHARTER_FILE, Authority, Cell, Charter, Costs, Dependence, HighRisk, Kpi, Match

__all__ = [
    "CATALOGUE",
    "CHARTER_FILE",
    "Authority",
    "Cell",
    "Charter",
    "Costs",
    "Dependence",
    "HighRisk",
    "Kpi",
    "KpiMetric",
    "Match",
    "MetricEntry",
    "Operator",
]
