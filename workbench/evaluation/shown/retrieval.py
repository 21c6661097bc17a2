"""Knowledge retrieval: how often an agent had the documents that a record needs, and what it decided without them."""

from __future__ import annotations

import pandas as pd

from workbench import metrics
from workbench.evaluation import Evaluation
from workbench.evaluation.shown.conclusion import threshold_in_use, traced
from workbench.metrics import Estimate, Rows, estimate_text
from workbench.pages import Conclusion
from workbench.words import counted, percent

ALONE, WRONG = "decided alone", "wrong, of those decided alone"
SHARE = "automation_rate"  # whose unit is that of every share


def retrieval_conclusion(evaluation: Evaluation) -> Conclusion:
    """Return how many records had what they need, and how many were decided alone, and wrong, with it and without."""
    outcomes, settings = evaluation.outcomes, evaluation.settings
    rows = Rows(outcomes, settings)
    n, found = int(rows.needing.sum()), int((rows.needing & rows.found).sum())
    said = f"Every document that a record needs was among those the agent saw on {counted(found, n)} records"
    number = "documents needed and found"
    behind = {number: traced(outcomes, number, rows.found, rows.needing)}
    if threshold_in_use(evaluation) is None:
        return Conclusion(f"{said}; without a threshold none is decided alone.", behind=behind)
    parts = metrics.with_and_without(outcomes, settings)
    table, words = [], []
    for has, (alone, wrong) in parts.items():
        name = "found" if has else "not found"
        table.append((name, alone.n, _text(alone), _text(wrong)))
        words.append(f"{'with' if has else 'without'} them {_count(alone)} are decided alone, {_count(wrong)} wrong")
        members = rows.needing & (rows.found if has else ~rows.found)
        behind[f"{name}: {ALONE}"] = traced(outcomes, f"{name}: {ALONE}", rows.automated, members)
        behind[f"{name}: {WRONG}"] = traced(outcomes, f"{name}: {WRONG}", rows.wrong, members & rows.automated)
    columns = ["needed documents", "records", ALONE, WRONG]
    return Conclusion(f"{said}; {'; '.join(words)}.", pd.DataFrame(table, columns=columns), behind)


def recall_table(recall: pd.DataFrame) -> pd.DataFrame:
    """Return `workbench.metrics.recall_by_k` as text."""
    rows = []
    for one in recall[recall["of"] > 0].to_dict("records"):
        interval = f"{percent(one['lower'])} to {percent(one['upper'])}"
        rows.append((one["k"], counted(one["found"], one["of"]), interval, percent(one["mean_recall"])))
    return pd.DataFrame(rows, columns=["first documents", "all found", "interval", "mean share found"])


def _text(share: Estimate) -> str:
    return estimate_text(SHARE, share)


def _count(share: Estimate) -> str:
    return f"{round((share.value or 0.0) * share.n):,} of {share.n:,}"
