"""Mistakes of a version: which labels it confuses with each other, what it is surest of, what changed from another."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import pandas as pd

from workbench.evaluation import Evaluation
from workbench.evaluation.versions.tried import rightness_of
from workbench.metrics import Status, column, confusion_pairs, is_asked, is_automated, is_wrong

LEAST_SHARE = 0.05
MOST_SURE = 20
MOST_PAIRS = 8
CLUSTER_COLUMNS = ("labels", "records", "errors", "share_of_errors", "main", "record_ids")
FLIP_COLUMNS = ("change", "label", "before", "after", "confidence_before", "confidence_after")


class Flip(StrEnum):
    """What became of a record from one version to the next."""

    MENDED = "mended"
    BROKEN = "broken"
    WRONG_OTHERWISE = "wrong otherwise"


@dataclass(frozen=True, slots=True)
class ErrorFilter:
    """Records that belong together for a reader: a click shows them."""

    name: str
    title: str
    record_ids: tuple[str, ...]


def confusion_clusters(outcomes: pd.DataFrame, least_share: float = LEAST_SHARE) -> pd.DataFrame:
    """Return groups of labels that are taken for one another, the group with the most mistakes first.

    Two labels are as near as the share of their records that is decided as the other. Groups grow by average linkage
    as long as on average at least `least_share` of two groups' records change sides; a label that is confused with none
    so often is in no group.

    Returns
    -------
    pd.DataFrame
        `labels`, a tuple; `records` with one of these labels that were asked; `errors` within the group and their share
        of all errors; `main`, the most frequent mistake in it; `record_ids` of the errors.
    """
    wrong = outcomes[is_wrong(outcomes) & (outcomes["status"] == Status.OK.value)]
    asked = outcomes[is_asked(outcomes)]
    groups = _groups(asked, wrong, least_share)
    n_errors = int(is_wrong(outcomes).sum())
    rows = []
    for labels in groups:
        inside = wrong[wrong["label"].isin(labels) & wrong["action"].isin(labels)]
        label, action, most = _main(inside)
        main = f"{label} taken for {action} ({most:,})"
        ids = tuple(inside.index)
        records = int(asked["label"].isin(labels).sum())
        rows.append((labels, records, len(ids), len(ids) / n_errors, main, ids))
    rows.sort(key=lambda row: (-row[2], row[0]))
    return pd.DataFrame(rows, columns=list(CLUSTER_COLUMNS))


def surest_errors(outcomes: pd.DataFrame, most: int = MOST_SURE) -> pd.Index[str]:
    """Return ids of wrong decisions, the most confident first; those without a confidence come last."""
    wrong = outcomes[is_wrong(outcomes)]
    return wrong.sort_values("confidence", ascending=False, kind="stable").index[:most]


def flips(new: Evaluation, old: Evaluation) -> pd.DataFrame:
    """Return the records on which two versions differ and at least one is wrong, broken ones first.

    Returns
    -------
    pd.DataFrame
        `change` (mended: right now, wrong before; broken: the other way around; wrong otherwise: wrong both times, by
        different answers), `label`, `before` and `after` (the action, or how the decision failed), both confidences.
        Index: record id, where the confidence before and after differ most first.
    """
    now, then = rightness_of(new.outcomes), rightness_of(old.outcomes)
    ids = now.index.intersection(then.index)
    now, then = now.loc[ids], then.loc[ids]
    after, before = _said(new.outcomes.loc[ids]), _said(old.outcomes.loc[ids])
    change = pd.Series("", index=ids, dtype=object)
    change[now & ~then] = Flip.MENDED.value
    change[~now & then] = Flip.BROKEN.value
    change[~now & ~then & (after != before)] = Flip.WRONG_OTHERWISE.value
    table = pd.DataFrame(
        {
            "change": change,
            "label": new.outcomes.loc[ids, "label"],
            "before": before,
            "after": after,
            "confidence_before": old.outcomes.loc[ids, "confidence"],
            "confidence_after": new.outcomes.loc[ids, "confidence"],
        }
    )
    table = table[table["change"] != ""]
    moved = (table["confidence_after"].fillna(0) - table["confidence_before"].fillna(0)).abs()
    order = table["change"].map({Flip.BROKEN.value: 0, Flip.MENDED.value: 1, Flip.WRONG_OTHERWISE.value: 2})
    sorted_table = table.assign(order=order, moved=moved).sort_values(["order", "moved"], ascending=[True, False])
    return sorted_table[list(FLIP_COLUMNS)]


def error_filters(evaluation: Evaluation, against: Evaluation | None = None) -> tuple[ErrorFilter, ...]:
    """Return the records of an evaluation's mistakes in the groups a reader asks for; empty groups are left out.

    All mistakes, the surest, those that no person would have seen (where there is a threshold), each confusion cluster,
    the most frequent confusions, decisions that are invalid or failed, and what changed from another version.
    """
    outcomes = evaluation.outcomes
    wrong = is_wrong(outcomes)
    found = [
        ErrorFilter("all", "all wrong decisions", tuple(surest_errors(outcomes, len(outcomes)))),
        ErrorFilter("surest", f"the {MOST_SURE} surest wrong decisions", tuple(surest_errors(outcomes))),
    ]
    if evaluation.threshold is not None:
        slipped = wrong & is_automated(outcomes, evaluation.threshold.threshold, evaluation.escalate_label)
        found.append(ErrorFilter("automated", "wrong, and no person would see it", tuple(outcomes.index[slipped])))
    clusters = confusion_clusters(outcomes)
    for number, (labels, ids) in enumerate(zip(clusters["labels"], clusters["record_ids"], strict=True), start=1):
        found.append(ErrorFilter(f"cluster-{number}", f"taken for one another: {', '.join(labels)}", ids))
    found += _confusion_filters(outcomes)
    no_answer = wrong & (outcomes["status"] != Status.OK.value)
    found.append(ErrorFilter("no-answer", "no valid answer", tuple(outcomes.index[no_answer])))
    if against is not None:
        changed = flips(evaluation, against)
        for flip in Flip:
            ids = tuple(changed.index[changed["change"] == flip.value])
            found.append(ErrorFilter(flip.name.lower(), f"{flip.value} since {against.agent}", ids))
    return tuple(one for one in found if one.record_ids)


def _confusion_filters(outcomes: pd.DataFrame) -> list[ErrorFilter]:
    """Return one filter for each of the most frequent confusions of two labels."""
    wrong = outcomes[is_wrong(outcomes)]
    pairs = confusion_pairs(outcomes)
    filters = []
    for number, row in enumerate(pairs[pairs["status"] == Status.OK.value].head(MOST_PAIRS).itertuples(), start=1):
        ids = wrong.index[(wrong["label"] == row.label) & (wrong["action"] == row.action)]
        filters.append(ErrorFilter(f"pair-{number}", f"{row.label} taken for {row.action}", tuple(ids)))
    return filters


def _groups(asked: pd.DataFrame, wrong: pd.DataFrame, least_share: float) -> list[tuple[str, ...]]:
    """Return the groups of two labels or more."""
    if wrong.empty:
        return []
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import squareform

    labels = sorted({*asked["label"], *wrong["action"]})
    taken = pd.crosstab(wrong["label"], wrong["action"]).reindex(index=labels, columns=labels, fill_value=0).to_numpy()
    sizes = asked["label"].value_counts().reindex(labels, fill_value=0).to_numpy()
    both = sizes[:, None] + sizes[None, :]
    nearness = (taken + taken.T) / np.maximum(both, 1)
    distance = 1.0 - np.minimum(nearness, 1.0)
    np.fill_diagonal(distance, 0.0)
    found = fcluster(linkage(squareform(distance, checks=False), "average"), 1.0 - least_share, "distance")
    members: dict[int, list[str]] = {}
    for label, group in zip(labels, found, strict=True):
        members.setdefault(int(group), []).append(label)
    return [tuple(group) for group in members.values() if len(group) > 1]


def _main(errors: pd.DataFrame) -> tuple[str, str, int]:
    """Return the most frequent mistake: label, action and how often."""
    counts = Counter(zip(errors["label"], errors["action"], strict=True))
    ((label, action), most), *_ = counts.most_common(1)
    return str(label), str(action), most


def _said(outcomes: pd.DataFrame) -> pd.Series[str]:
    """Return each action, or how the decision failed."""
    actions, statuses, causes = (column(outcomes, name) for name in ("action", "status", "cause"))
    ok = statuses == Status.OK.value
    failed = [f"({status}: {cause})" for status, cause in zip(statuses, causes, strict=True)]
    return pd.Series(np.where(ok, actions, failed), index=outcomes.index, dtype=object)
