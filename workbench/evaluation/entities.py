"""Candidate entities of a table: columns whose values repeat, and on which errors may cluster."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from workbench.metrics import entity_codes, is_asked, ranked_decisions
from workbench.pilot import ColumnType, Contract, Role
from workbench.stats import ErrorCluster, error_clusters

FEWEST_VALUES = 12  # fewer are classes, which future records have too
LEAST_REPEATED = 0.5  # of the records share their value with another one
_TYPES = (ColumnType.STRING, ColumnType.INTEGER)
_ROLES = (Role.FIELD, Role.SOURCE)


def candidate_entities(frame: pd.DataFrame, contract: Contract) -> tuple[str, ...]:
    """Return the columns that may name what records depend on together: text or whole numbers that repeat.

    Not those with another role, of fewer than a dozen values, or in which most records have a value of their own.
    """
    named = [name for name, one in contract.columns.items() if one.role in _ROLES and one.type in _TYPES]
    return tuple(name for name in named if name in frame.columns and _repeats(frame[name]))


def errors_cluster_on(
    development: pd.DataFrame, frame: pd.DataFrame, contract: Contract, escalate_label: str | None = None
) -> tuple[ErrorCluster, ...]:
    """Return the candidate entities on which errors of decisions that can be automated cluster in development records.

    Parameters
    ----------
    development : DataFrame
        Outcomes on development records, record ids as the index.
    frame : DataFrame
        Columns of the same records, by record id.
    """
    confidence, right = ranked_decisions(development, escalate_label)
    usable = confidence > float("-inf")
    cells = frame.loc[development.index[is_asked(development).to_numpy()][usable]]
    columns = {name: entity_codes(cells[name]) for name in candidate_entities(cells, contract)}
    return error_clusters(right[usable], columns)


def _repeats(cells: pd.Series[Any]) -> bool:
    codes, values = pd.factorize(cells.to_numpy(dtype=object))
    counts = np.bincount(codes[codes >= 0], minlength=len(values))
    return len(values) >= FEWEST_VALUES and int(counts[counts > 1].sum()) >= LEAST_REPEATED * len(cells)
