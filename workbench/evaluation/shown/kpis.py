"""The charter's KPIs held against an evaluation, as a page shows them."""

from __future__ import annotations

import pandas as pd

from workbench.evaluation import Evaluation
from workbench.evaluation.kpis import KpiResult, kpi_results
from workbench.metrics import State, estimate_text, value_text
from workbench.pilot import Pilot

DEVELOPMENT = "development"
ANSWERS = {State.PASS: "met", State.FAIL: "not met", State.UNPROVEN: "unproven", None: DEVELOPMENT}


def kpi_table(pilot: Pilot, evaluation: Evaluation) -> pd.DataFrame:
    """Return the charter's KPIs with their targets, estimates and answers, as a gate would give them.

    Returns
    -------
    DataFrame
        `kpi`, `metric`, `wanted`, `found`, `interval` (how it was computed, or why there is none), `answer`: met, not
        met or unproven on the holdout, development on development records.
    """
    rows = [_row(one) for one in kpi_results(pilot.charter, evaluation)]
    return pd.DataFrame(rows, columns=["kpi", "metric", "wanted", "found", "interval", "answer"])


def _row(result: KpiResult) -> tuple[str, ...]:
    kpi, estimate = result.kpi, result.estimate
    wanted = f"{kpi.operator.words} {value_text(kpi.metric, kpi.target)}{kpi.mark}"
    return kpi.id, kpi.metric, wanted, estimate_text(kpi.metric, estimate), estimate.method, ANSWERS[result.state]
