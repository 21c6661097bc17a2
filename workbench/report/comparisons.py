"""Versions and their decisions as tables: where they differ, how much of it chance could do, what was answered."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from workbench.contract import Role
from workbench.decisions import Status
from workbench.evaluation import Evaluation, rightness
from workbench.metrics.outcomes import column, numbers
from workbench.report.tables import UNDEFINED, percent
from workbench.splits import Dataset


def pairs_table(pairs: pd.DataFrame) -> pd.DataFrame:
    """Return `paired_differences` as a reader needs it: counts, the difference, and whether one version is better.

    The last columns look only at the records on which exactly one of the two is right: the share of them that the first
    one wins with its exact interval, and which version that makes the better one.
    """
    rows = [_pair_row(row) for row in pairs.to_dict("records")]
    names = ["first", "second", "records", "both right", "only first right", "only second right", "neither"]
    names += ["difference in accuracy", "first wins, where only one is right", "better"]
    return pd.DataFrame(rows, columns=names)


def _pair_row(pair: Mapping[Hashable, Any]) -> tuple[object, ...]:
    counts = [pair[name] for name in ("n", "both_right", "only_first", "only_second", "neither")]
    decisive = pair["only_first"] + pair["only_second"]
    gain = f"{100 * pair['difference']:+.2f} points" if pair["n"] else UNDEFINED
    bounds = f"({percent(pair['lower'])} to {percent(pair['upper'])})" if decisive else ""
    share = f"{percent(pair['only_first'] / decisive)} {bounds}" if decisive else UNDEFINED
    return (pair["first"], pair["second"], *counts, gain, share, pair["better"] or "cannot tell")


def patterns(evaluations: Sequence[Evaluation]) -> pd.DataFrame:
    """Return how many records each set of versions alone gets right, the most frequent first.

    Only records that every version was asked about count.
    """
    right = rightness(evaluations)
    names = list(right.columns)
    sizes = right.set_axis(range(len(names)), axis="columns").value_counts().rename("records").reset_index()
    rows = [
        (_listed(names, flags), _listed(names, [not flag for flag in flags]), n, percent(n / len(right)))
        for *flags, n in sizes.itertuples(index=False, name=None)
    ]
    return pd.DataFrame(rows, columns=["right", "wrong", "records", "share"])


def differences_by_label(first: Evaluation, second: Evaluation) -> pd.DataFrame:
    """Return per label how many records only one of two versions gets right, the largest difference first.

    Only records that both were asked about count; labels on which they agree are left out.
    """
    right = rightness([first, second])
    labels = first.outcomes.loc[right.index, "label"]
    one, two = right.iloc[:, 0], right.iloc[:, 1]
    counts = pd.DataFrame({"records": 1, "a": one & ~two, "b": ~one & two}).astype(int).groupby(labels).sum()
    counts = counts.assign(change=counts["a"] - counts["b"])[(counts["a"] > 0) | (counts["b"] > 0)]
    order = counts["change"].abs().sort_values(ascending=False, kind="stable").index
    named = {"a": f"only {first.agent} right", "b": f"only {second.agent} right", "change": "difference"}
    return counts.loc[order].rename(columns=named).rename_axis("label")


def only_right(winner: Evaluation, loser: Evaluation, most: int = 5) -> pd.Index[str]:
    """Return ids of records that one version gets right and another wrong, where the loser was surest first."""
    right = rightness([winner, loser])
    ids = right.index[(right.iloc[:, 0] & ~right.iloc[:, 1]).to_numpy()]
    sure = pd.Series(numbers(loser.outcomes, "confidence"), index=loser.outcomes.index).loc[ids]
    return sure.sort_values(ascending=False, kind="stable").index[:most]


def examples(evaluations: Sequence[Evaluation], dataset: Dataset, ids: pd.Index[str]) -> pd.DataFrame:
    """Return records as a reader needs them: what they say, their label, and what each version answered.

    Parameters
    ----------
    evaluations : sequence of Evaluation
        Of the same split.
    dataset : Dataset
    ids : Index
        Which records, in this order.

    Returns
    -------
    DataFrame
        `record`, `label` (with its reason after a colon where the contract has one) and "AGENT answers" for each
        version; index: record id.
    """
    outcomes = [evaluation.outcomes.loc[ids] for evaluation in evaluations]
    labels = outcomes[0]["label"]
    if "label_reason" in outcomes[0]:
        labels = _with_reason(labels, outcomes[0]["label_reason"])
    columns = {"record": contents(dataset, ids), "label": labels}
    columns |= {f"{e.agent} answers": answer_texts(part) for e, part in zip(evaluations, outcomes, strict=True)}
    return pd.DataFrame(columns, index=ids.rename("record_id"))


def contents(dataset: Dataset, ids: pd.Index[str]) -> pd.Series[Any]:
    """Return what an agent sees of records, each a mapping of column to value without id and empty cells.

    Where an agent sees one column only, its value as it is.
    """
    shown = dataset.shown()
    columns = [name for name in shown.columns if dataset.contract.columns[name].role is not Role.ID]
    rows = shown.loc[ids, columns].itertuples(index=False, name=None)
    if len(columns) == 1:
        said: list[object] = [row[0] for row in rows]
    else:
        pairs = (zip(columns, row, strict=True) for row in rows)
        said = [{name: value for name, value in pair if value is not None} for pair in pairs]
    return pd.Series(said, index=ids, dtype=object)


def answer_texts(outcomes: pd.DataFrame) -> pd.Series[str]:
    """Return each decision as one text: "refund (0.83): the reason given", "(failed: timeout): the detail"."""
    columns = (column(outcomes, name) for name in ("status", "cause", "action"))
    texts = []
    for status, cause, action, sure in zip(*columns, numbers(outcomes, "confidence"), strict=True):
        if status != Status.OK.value:
            texts.append(f"({status}: {cause})")
        else:
            texts.append(str(action) if np.isnan(sure) else f"{action} ({sure:.3g})")
    explained = outcomes["reason"].where(outcomes["status"] == Status.OK.value, outcomes["detail"])
    return _with_reason(pd.Series(texts, index=outcomes.index, dtype=object), explained)


def _with_reason(texts: pd.Series[str], reasons: pd.Series[Any]) -> pd.Series[str]:
    """Return texts with the reason after a colon, where there is one."""
    joined = [text if pd.isna(why) else f"{text}: {why}" for text, why in zip(texts, reasons, strict=True)]
    return pd.Series(joined, index=texts.index, dtype=object)


def classes_table(classes: pd.DataFrame) -> pd.DataFrame:
    """Return the classes that have records, the hardest first, with recall and precision as text.

    Parameters
    ----------
    classes : DataFrame
        As `workbench.metrics.per_class` gives it.
    """
    table = classes[classes["n"] > 0].sort_values(["recall", "n"], ascending=[True, False], kind="stable")
    texts = {name: [_interval(row) for row in _bounds(table, name)] for name in ("recall", "precision")}
    columns = {"right": table["right"], "decided as this": table["predicted"], "f1": table["f1"]}
    return pd.DataFrame({"label": table["label"], "records": table["n"], **columns, **texts}, index=table.index)


def undecided(evaluations: Sequence[Evaluation]) -> pd.DataFrame:
    """Return per version how its planned records ended, and the causes of those without a valid decision."""
    rows = []
    for evaluation in evaluations:
        info = evaluation.info
        causes = ", ".join(f"{cause} {n:,}" for cause, n in sorted(info.causes.items())) or "none"
        counts = (info.planned, info.ok, info.invalid, info.failed, info.skipped)
        rows.append((evaluation.agent, *counts, causes))
    return pd.DataFrame(rows, columns=["version", "planned", "ok", "invalid", "failed", "skipped", "causes"])


def _listed(names: Sequence[str], flags: Iterable[bool]) -> str:
    return ", ".join(name for name, flag in zip(names, flags, strict=True) if flag) or "none"


def _bounds(table: pd.DataFrame, name: str) -> list[tuple[float, float, float]]:
    return list(table[[name, f"{name}_lower", f"{name}_upper"]].itertuples(index=False, name=None))


def _interval(bounds: tuple[float, float, float]) -> str:
    """Return a share with its interval."""
    if np.isnan(bounds[0]):
        return UNDEFINED
    value, lower, upper = map(percent, bounds)
    return f"{value} ({lower} to {upper})"
