"""What taps of reviewers show: how long one takes, answers lost or counted twice, and how many reviewers are borne."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from workbench.metrics import Estimate, method_text
from workbench.stats import quantile_interval

TAPS, ITEMS, ANSWERS, REVIEWED = "taps", "desk_items", "desk_answers", "reviewers"
OK, CONFLICT, ERROR = "ok", "conflict", "error"  # what came of a tap: stored, somebody else's by then, no answer
UNDO = "undo"


def reviewers_table(tables: Mapping[str, pd.DataFrame], level: float) -> pd.DataFrame:
    """Return a row for each number of reviewers at once, fewest first.

    `lost` counts answers that a reviewer was told were stored and that the desk's file has not; `doubled` rows of the
    file beyond what an item needs, or of one person twice; `peeks` cards that were shown although they are decided
    blind; `errors` taps without an answer in time. `p95_s` has an interval from order statistics at a level.
    """
    items, kept = tables[ITEMS], tables[ANSWERS][tables[ANSWERS]["kind"] != UNDO]
    rows = []
    for at, part in tables[TAPS].groupby("at_once", sort=True):
        needed, answers = items[items["at_once"] == at], kept[kept["at_once"] == at]
        taken = (part["done_s"] - part["sent_s"]).to_numpy(dtype=float)
        lower, upper = quantile_interval(taken, 0.95, level)
        rows.append(
            {
                "at_once": int(str(at)),
                "items": len(needed),
                "taps": len(part),
                "p50_s": float(np.quantile(taken, 0.5, method="inverted_cdf")),
                "p95_s": float(np.quantile(taken, 0.95, method="inverted_cdf")),
                "p95_lower_s": lower,
                "p95_upper_s": upper,
                "lost": _lost(part, answers),
                "doubled": _doubled(needed, answers),
                "peeks": int(part["peeked"].sum()),
                "conflicts": int((part["outcome"] == CONFLICT).sum()),
                "errors": int((part["outcome"] == ERROR).sum()),
            }
        )
    return pd.DataFrame(rows)


def reviewers_estimate(tables: Mapping[str, pd.DataFrame], limit_s: float, level: float) -> Estimate:
    """Return how many reviewers at once are borne: 95% of taps take at most the limit, and nothing goes wrong.

    A number counts only if every smaller one that was tried is borne too. The lower bound is the number that is borne
    by the upper bound of its p95, the upper bound the one by the lower bound.
    """
    table = reviewers_table(tables, level)
    lower, value, upper = (_borne(table, name, limit_s) for name in ("p95_upper_s", "p95_s", "p95_lower_s"))
    method = method_text(f"order statistics, {', '.join(map(str, table['at_once']))} tried", level)
    return Estimate(value, lower, upper, int(table["taps"].sum()), method)


def _went_right(row: Mapping[Hashable, Any]) -> bool:
    """Return whether nothing went wrong with so many reviewers at once, however long it took."""
    return not any(row[name] for name in ("lost", "doubled", "peeks", "errors"))


def _borne(table: pd.DataFrame, bound: str, limit_s: float) -> float:
    """Return the last number before the first that is not borne by a bound of its p95; 0 where the smallest is not."""
    borne = 0.0
    for row in table.to_dict("records"):
        is_fast = row[bound] <= limit_s if pd.notna(row[bound]) else bound == "p95_lower_s"
        if not _went_right(row) or not is_fast:
            return borne
        borne = float(row["at_once"])
    return borne


def _lost(taps: pd.DataFrame, answers: pd.DataFrame) -> int:
    """Return how many answers that were said to be stored have no row of the same item and kind."""
    told = taps[taps["outcome"] == OK].groupby(["item", "kind"]).size()
    kept = answers.groupby(["item", "kind"]).size().reindex(told.index, fill_value=0)
    return int((told - kept).clip(lower=0).sum())


def _doubled(items: pd.DataFrame, answers: pd.DataFrame) -> int:
    """Return how many rows items have beyond the different people that they need."""
    needs = items.set_index("item")["needs"]
    people = answers.groupby("item")["reviewer"].nunique().reindex(needs.index, fill_value=0)
    rows = answers.groupby("item").size().reindex(needs.index, fill_value=0)
    return int((rows - np.minimum(people, needs)).sum())
