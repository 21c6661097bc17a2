"""Every number of the fault matrix: cells, which are a fault and an operation, in which something went wrong."""

from __future__ import annotations

from types import MappingProxyType

import pandas as pd

from workbench.integrations.faults.outcomes import FaultOutcome
from workbench.metrics import Estimate, Unit

LOST, DOUBLED, WRONG, NOT_RUN = "faults_lost", "faults_doubled", "faults_wrong", "faults_not_run"
COUNTS = MappingProxyType(
    {
        LOST: FaultOutcome.LOST,
        DOUBLED: FaultOutcome.DOUBLE,
        WRONG: FaultOutcome.WRONG,
        NOT_RUN: FaultOutcome.NOT_RUN,
    }
)
FAULT_UNITS = MappingProxyType(dict.fromkeys(COUNTS, Unit.NUMBER))
COUNTED = "counted, nothing is estimated"
NO_CELLS = "no fault was tried on any operation"


def fault_estimates(matrix: pd.DataFrame) -> dict[str, Estimate]:
    """Return in how many cells a record was lost, doubled or wrong, and how many were not run; n is all cells."""
    n = len(matrix)
    if not n:
        return {metric: Estimate.undefined(NO_CELLS) for metric in COUNTS}
    counts = {metric: float((matrix[outcome.value] > 0).sum()) for metric, outcome in COUNTS.items()}
    return {metric: Estimate(k, k, k, n, COUNTED) for metric, k in counts.items()}


def bad_cells(matrix: pd.DataFrame, outcome: FaultOutcome) -> list[str]:
    """Return the cells in which an outcome is found, each for a reader."""
    found = matrix[matrix[outcome.value] > 0]
    return [
        f"{fault} at {system}.{operation}"
        for fault, system, operation in found[["fault", "system", "operation"]].itertuples(index=False, name=None)
    ]
