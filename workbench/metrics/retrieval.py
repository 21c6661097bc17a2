"""Retrieval: whether the documents that a record needs were among those that its agent saw, and what it did without.

Outcomes have two columns for it: `needs` names the documents that a record needs, `documents` those that tools returned
on the way to its decision, in the order in which the agent saw them first; names stand between semicolons, and an empty
cell has none. Recall at k of a record is the share of what it needs among the first k documents (Manning, Raghavan and
Schütze, 2008, section 8.4); without a k it is that of all the agent saw.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from workbench.metrics.estimate import Estimate
from workbench.metrics.outcomes import recall_at
from workbench.metrics.rows import Rows
from workbench.metrics.settings import EvaluationSettings

FIRST = (1, 3, 5, 10)
RECALL_COLUMNS = ("k", "found", "of", "share", "lower", "upper", "mean_recall", "method")


def recall_by_k(outcomes: pd.DataFrame) -> pd.DataFrame:
    """Return how many records had all that they need among the first k documents, for each k of 1, 3, 5, 10 and all.

    Of all records that were asked for and need a document. `documents` must be there; see `Rows.needing`.

    Returns
    -------
    DataFrame
        `k`, text; `found` records of `of`, their `share` with its exact interval, and `mean_recall`, the mean share of
        what each record needs: it differs where records need several. NaN where no record needs any.
    """
    rows = Rows(outcomes, EvaluationSettings())
    needing = rows.needing.to_numpy()
    table = []
    for k in (*FIRST, None):
        recall = recall_at(outcomes, k)[needing]
        whole = Estimate.exact_share(int((recall == 1.0).sum()), len(recall))
        mean = float(recall.mean()) if len(recall) else np.nan
        bounds = (whole.value, whole.lower, whole.upper)
        name = "all" if k is None else str(k)
        table.append((name, int((recall == 1.0).sum()), len(recall), *bounds, mean, whole.method))
    return pd.DataFrame(table, columns=list(RECALL_COLUMNS))


def with_and_without(outcomes: pd.DataFrame, settings: EvaluationSettings) -> dict[bool, tuple[Estimate, Estimate]]:
    """Return for records with what they need (True) and without it: shares decided alone, and wrong among those.

    All intervals are exact. The settings have a threshold.
    """
    rows = Rows(outcomes, settings)
    found = {}
    for has in (True, False):
        part = rows.needing & (rows.found if has else ~rows.found)
        alone = rows.share(rows.automated, part, {}, exact=True)
        found[has] = alone, rows.share(rows.wrong, part & rows.automated, {}, exact=True)
    return found
