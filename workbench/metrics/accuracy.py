"""Accuracy: how often the agent's action is the label, overall, by class and by confusion."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.metrics.outcomes import column, has_ended, is_asked, is_right, is_wrong, labels, number_column
from workbench.metrics.settings import DEFAULT_CONFIDENCE_LEVEL
from workbench.metrics.statuses import Status
from workbench.stats import IntervalMethod, proportion_bounds

PER_CLASS_COLUMNS = (
    "label",
    "n",
    "predicted",
    "right",
    "precision",
    "precision_lower",
    "precision_upper",
    "recall",
    "recall_lower",
    "recall_upper",
    "f1",
)
CONFUSION_COLUMNS = ("label", "status", "action", "n", "share_of_errors", "record_ids")
MAX_EXAMPLES = 5


def per_class(outcomes: pd.DataFrame) -> pd.DataFrame:
    """Return precision, recall and F1 of each class, sorted by label.

    Recall is right / n and precision is right / predicted, each with its Wilson interval; an invalid or failed decision
    lowers recall and belongs to no class's precision. Skipped decisions are left out. Each interval holds on its own;
    looking for the worst of many classes needs a correction.

    Returns
    -------
    DataFrame
        `label`; `n` records with this label; `predicted` decisions for it; `right`; `precision`, `recall` and their
        `_lower` and `_upper`; `f1`. A class that was decided but is no label has n 0. What has no denominator is NaN:
        precision of a class never decided, recall and F1 of a class without records.
    """
    table = class_counts(outcomes).reset_index()
    for name, of in (("precision", "predicted"), ("recall", "n")):
        lower, upper = proportion_bounds(table["right"], table[of], DEFAULT_CONFIDENCE_LEVEL, IntervalMethod.WILSON)
        table[name] = table["right"] / table[of].where(table[of] > 0)
        table[f"{name}_lower"], table[f"{name}_upper"] = lower, upper
    table["f1"] = (2 * table["right"] / (table["n"] + table["predicted"])).where(table["n"] > 0)
    return table[list(PER_CLASS_COLUMNS)]


def confusion_pairs(outcomes: pd.DataFrame) -> pd.DataFrame:
    """Return what was decided wrongly as what, the most frequent first.

    Returns
    -------
    DataFrame
        `label`; `status` and `action` of the wrong decisions (an invalid or failed one has no action: None); `n` of
        them; `share_of_errors`, of all wrong decisions, so that it sums to 1; `record_ids`, a tuple of at most five,
        the most confident first.
    """
    wrong = is_wrong(outcomes).to_numpy()
    errors = pd.DataFrame(
        {
            "label": labels(outcomes)[wrong],
            "status": column(outcomes, "status")[wrong],
            "action": column(outcomes, "action")[wrong],
            "record_id": column(outcomes, "record_id")[wrong],
            "confidence": number_column(outcomes, "confidence")[wrong],
        }
    ).sort_values("confidence", ascending=False, kind="stable")
    keys = ["label", "status", "action"]
    pairs = errors.groupby(keys, dropna=False, sort=False)["record_id"].agg(n="size").reset_index()
    first = errors.groupby(keys, dropna=False, sort=False).head(MAX_EXAMPLES)
    examples = first.groupby(keys, dropna=False, sort=False)["record_id"].agg(record_ids=tuple).reset_index()
    pairs = pairs.merge(examples, on=keys).sort_values(
        ["n", "label", "status", "action"], ascending=[False, True, True, True], kind="stable", ignore_index=True
    )
    pairs["action"] = pairs["action"].astype(object).where(pairs["action"].notna(), None)
    pairs["share_of_errors"] = pairs["n"] / max(len(errors), 1)
    return pairs[list(CONFUSION_COLUMNS)]


def class_counts(outcomes: pd.DataFrame) -> pd.DataFrame:
    """Return records, decisions and right decisions of each class (`n`, `predicted`, `right`), sorted by label."""
    asked, ok = is_asked(outcomes).to_numpy(), has_ended(outcomes, Status.OK)
    label, action, right = labels(outcomes), column(outcomes, "action"), is_right(outcomes).to_numpy()
    counts = {"n": _counted(label[asked]), "predicted": _counted(action[ok]), "right": _counted(label[right])}
    return pd.DataFrame(counts).fillna(0).astype("int64").sort_index().rename_axis("label")


def _counted(values: NDArray[np.object_]) -> pd.Series[int]:
    """Return how often each value occurs."""
    return pd.Series(values, dtype=object).value_counts(sort=False)
