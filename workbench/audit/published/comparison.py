"""Two audits side by side: what got better and what got worse."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

CHANGES = ("gone", "better", "same", "worse", "new")


def compare_findings(before: Mapping[str, Any], after: Mapping[str, Any]) -> pd.DataFrame:
    """Return every finding of two audits with how it changed, what got worse first.

    A finding is better or worse by the share of records that it affects.

    Parameters
    ----------
    before, after : mapping
        The content of two findings.json.

    Returns
    -------
    DataFrame
        `change` (new, worse, same, better, gone), `severity`, `finding`, `records before`, `records after`, `share
        before`, `share after`, `id`.
    """
    old = {one["id"]: one for one in before["findings"]}
    new = {one["id"]: one for one in after["findings"]}
    rows = []
    for key in dict.fromkeys([*new, *old]):
        first, second = old.get(key), new.get(key)
        shown = second or first
        assert shown is not None
        shares = [_share(one) for one in (first, second)]
        counts = [None if one is None else one["n_records"] for one in (first, second)]
        rows.append((_change(*shares), shown["severity"], shown["title"], *counts, *shares, key))
    names = ["change", "severity", "finding", "records before", "records after", "share before", "share after", "id"]
    table = pd.DataFrame(rows, columns=names)
    order = table["change"].map({name: place for place, name in enumerate(reversed(CHANGES))})
    worse = (table["share after"].fillna(0) - table["share before"].fillna(0)).astype(float)
    table = table.assign(order=order, worse=worse).sort_values(
        ["order", "worse"], ascending=[True, False], kind="stable"
    )
    return table.drop(columns=["order", "worse"]).reset_index(drop=True)


def compare_estimates(before: Mapping[str, Any], after: Mapping[str, Any]) -> pd.DataFrame:
    """Return every estimate that two audits share, and by how much it changed.

    Returns
    -------
    DataFrame
        `question`, `estimate`, `before`, `after`, `change`; those that changed most first.
    """
    rows = []
    for name, section in after["sections"].items():
        earlier = before["sections"].get(name, {"estimates": {}})["estimates"]
        for metric, estimate in section["estimates"].items():
            if metric in earlier and estimate["value"] is not None and earlier[metric]["value"] is not None:
                change = estimate["value"] - earlier[metric]["value"]
                rows.append((section["title"], metric, earlier[metric]["value"], estimate["value"], change))
    table = pd.DataFrame(rows, columns=["question", "estimate", "before", "after", "change"])
    return table.loc[table["change"].abs().sort_values(ascending=False, kind="stable").index].reset_index(drop=True)


def summary(changes: pd.DataFrame) -> str:
    """Return how many findings changed how, in one line."""
    counts = changes["change"].value_counts()
    return ", ".join(f"{int(counts.get(name, 0))} {name}" for name in CHANGES)


def _share(finding: Mapping[str, Any] | None) -> float | None:
    if finding is None or not finding["of_records"]:
        return None
    return float(finding["n_records"] / finding["of_records"])


def _change(before: float | None, after: float | None) -> str:
    if before is None:
        return "new"
    if after is None:
        return "gone"
    if before == after:
        return "same"
    return "worse" if after > before else "better"
