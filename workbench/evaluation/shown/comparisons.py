"""Versions and their decisions as tables: where they differ, how much of it chance could do, what was answered."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from workbench.agents.prompts import LintFinding, LintLevel
from workbench.evaluation import Evaluation, rightness
from workbench.evaluation.versions.tracing import records_behind
from workbench.metrics import Status, column, number_column
from workbench.pilot import Role
from workbench.records.splits import Dataset
from workbench.words import UNDEFINED, Brief, counted, percent, several


def pairs_table(pairs: pd.DataFrame) -> pd.DataFrame:
    """Return `paired_differences` as a reader needs it: counts, the difference with its interval, which one is better.

    `p` is McNemar's mid-p for the pair alone, `p corrected` Holm's over all versions ever tried; `better` names the
    version that is better when the corrected one is at most 5%.
    """
    rows = [_pair_row(row) for row in pairs.to_dict("records")]
    names = ["first", "second", "records", "both right", "only first right", "only second right", "neither"]
    return pd.DataFrame(rows, columns=[*names, "difference in accuracy", "p", "p corrected", "better"])


def _pair_row(pair: Mapping[Hashable, Any]) -> tuple[object, ...]:
    counts = [pair[name] for name in ("n", "both_right", "only_first", "only_second", "neither")]
    gain = points(pair["difference"], (pair["lower"], pair["upper"])) if pair["n"] else UNDEFINED
    chance = [p_text(pair[name]) for name in ("p", "p_adjusted")]
    return (pair["first"], pair["second"], *counts, gain, *chance, pair["better"] or "cannot tell apart")


def detectable_table(detectable: pd.DataFrame) -> pd.DataFrame:
    """Return `detectable_differences` for readers: by how much two versions must differ to be told apart."""
    rows = [
        (percent(row["discordance"]), _gain(row["alone"]), _gain(row["corrected"]))
        for row in detectable.to_dict("records")
    ]
    names = ["records on which exactly one of two is right", "one pair, fixed before", "a pair among all tried"]
    return pd.DataFrame(rows, columns=names)


def categories_table(categories: pd.DataFrame) -> pd.DataFrame:
    """Return `by_category` for readers."""
    rows = [
        (
            *(row[name] for name in ("category", "n", "right_before", "right", "mended", "broken")),
            points(row["difference"], (row["lower"], row["upper"])),
            row["answer"],
        )
        for row in categories.to_dict("records")
    ]
    names = ["category", "records", "right before", "right now", "mended", "broken", "difference", "answer"]
    return pd.DataFrame(rows, columns=names)


def choice_brief(best: Evaluation, n_versions: int, unclear: Sequence[str], note: str = "") -> Brief:
    """Return which version goes on and by what, with its denominators; none does from a trial.

    Parameters
    ----------
    best : Evaluation
    n_versions : int
        How many were compared.
    unclear : sequence of str
        Versions that these records cannot tell apart from it in accuracy.
    note : str
        What else a reader must mind, empty for nothing.
    """
    right = records_behind(best, "accuracy")
    said = f"right on {counted(len(right.counted), len(right.of))} development records"
    lead = f"{best.agent} goes on, of {several(n_versions, 'version')}: {said}."
    following = f"03_evaluation judges {best.agent} on the holdout"
    if best.is_partial:
        part = f"{best.info.planned:,} of {best.n_split:,} development records"
        lead = f"A trial on {part}, so no version goes on. Ahead of {n_versions} is {best.agent}: {said}."
        following = "run it without a limit"
    alone = "there is no threshold to decide alone by"
    if best.threshold is not None:
        taken = records_behind(best, "automation_rate")
        alone = f"decides {counted(len(taken.counted), len(taken.of))} alone, {percent(best.threshold.target)} of them "
        alone += "right: seen on these records, not certified"
    doubt = [f"these records cannot tell it in accuracy from {', '.join(unclear)}"] if unclear else []
    return Brief.of(lead, [("", [alone, *doubt]), ("Next", [following]), ("Mind", filter(None, [note]))])


def clusters_table(clusters: pd.DataFrame) -> pd.DataFrame:
    """Return `confusion_clusters` for readers."""
    rows = [
        (", ".join(row["labels"]), row["records"], row["errors"], percent(row["share_of_errors"]), row["main"])
        for row in clusters.to_dict("records")
    ]
    return pd.DataFrame(rows, columns=["labels", "records", "mistakes", "of all mistakes", "most often"])


def lint_table(findings: Sequence[LintFinding]) -> pd.DataFrame:
    """Return lint findings for readers, the errors of all prompts first."""
    order = {level: place for place, level in enumerate(LintLevel)}
    rows = [
        (one.level.value, f"{one.prompt}, line {one.line}", one.rule, one.problem, one.remedy)
        for one in sorted(findings, key=lambda one: order[one.level])
    ]
    return pd.DataFrame(rows, columns=["level", "where", "rule", "what", "do"])


def points(difference: float, bounds: tuple[float, float]) -> str:
    """Return a difference of two shares in percentage points, with its interval.

    Examples
    --------
    >>> points(-0.062, (-0.124, -0.0054))
    '-6.20 points (-12.40 to -0.54)'
    """
    return f"{100 * difference:+.2f} points ({100 * bounds[0]:+.2f} to {100 * bounds[1]:+.2f})"


def p_text(p: float) -> str:
    """Return a p-value; a very small one by what it is below.

    Examples
    --------
    >>> p_text(0.03469), p_text(1e-9), p_text(1.0)
    ('0.035', '<0.001', '1')
    """
    return "<0.001" if p < 0.001 else f"{p:.2g}" if p < 0.995 else "1"


def _gain(difference: float | None) -> str:
    """Return a detectable difference."""
    return "more than that" if difference is None else f"{100 * difference:.2g} points"


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


def said_by(dataset: Dataset, ids: pd.Index[str]) -> pd.Series[str]:
    """Return what an agent sees of each record as one text."""
    return contents(dataset, ids).map(_one_text)


def answer_texts(outcomes: pd.DataFrame) -> pd.Series[str]:
    """Return each decision as one text: "refund (0.83): the reason given", "(failed: timeout): the detail"."""
    columns = (column(outcomes, name) for name in ("status", "cause", "action"))
    texts = []
    for status, cause, action, sure in zip(*columns, number_column(outcomes, "confidence"), strict=True):
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


def _one_text(said: object) -> str:
    """Return what a record says as one text."""
    if isinstance(said, Mapping):
        return " · ".join(f"{name}: {value}" for name, value in said.items())
    return str(said)
