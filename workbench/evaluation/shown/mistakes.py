"""Every mistake of several versions, and what changed from one to another, as tables that a reader filters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from workbench.evaluation import Evaluation
from workbench.evaluation.shown.comparisons import said_by
from workbench.evaluation.versions.mistakes import confusion_clusters, flips
from workbench.evaluation.versions.tracing import records_behind
from workbench.metrics import Behind, Status, is_automated, is_wrong
from workbench.pages import FilterKind
from workbench.records.splits import Dataset

SLICES = ("class", "source")
KINDS: Mapping[str, FilterKind] = {
    "version": FilterKind.CHOICE,
    "outcome": FilterKind.CHOICE,
    "label": FilterKind.CHOICE,
    "decided": FilterKind.CHOICE,
    "taken for one another": FilterKind.CHOICE,
    **dict.fromkeys(SLICES, FilterKind.CHOICE),
    "change": FilterKind.CHOICE,
    "confidence": FilterKind.NUMBER,
    "says": FilterKind.NOTE,
}
FLIP_KINDS: Mapping[str, FilterKind] = {
    **dict.fromkeys(("change", "label", "before", "after"), FilterKind.CHOICE),
    "confidence before": FilterKind.NUMBER,
    "confidence after": FilterKind.NUMBER,
    "says": FilterKind.NOTE,
}


def mistakes_table(
    evaluations: Sequence[Evaluation], dataset: Dataset, against: Evaluation | None = None
) -> pd.DataFrame:
    """Return every wrong decision of several versions, those of the first version first, the surest of each first.

    Parameters
    ----------
    evaluations : sequence of Evaluation
        The version in question first.
    against : Evaluation, optional
        The version that `change` speaks of.

    Returns
    -------
    pd.DataFrame
        `record`, `version`, `outcome` (whether a person would see it), `label`, `decided`, `taken for one another` (the
        group of labels, where there is one), the strata `class` and `source` as far as there are any, `change` (broken
        or wrong otherwise since the other version, first version only), `confidence`, `says`.
    """
    parts = [_of_version(one) for one in evaluations]
    if against is not None and parts:
        changed = flips(evaluations[0], against)["change"]
        parts[0] = parts[0].assign(change=changed.reindex(parts[0].index).fillna("wrong before, the same way"))
    table = pd.concat(parts) if parts else pd.DataFrame(columns=["record"])
    said = said_by(dataset, table.index.unique())
    return table.assign(says=said.reindex(table.index)).reset_index(drop=True)


def flips_table(new: Evaluation, old: Evaluation, dataset: Dataset) -> pd.DataFrame:
    """Return `workbench.evaluation.versions.mistakes.flips` for readers, each record with its id and what it says."""
    table = flips(new, old)
    said = said_by(dataset, table.index)
    named = table.assign(says=said).rename(columns=lambda name: str(name).replace("_", " "))
    return named.rename_axis("record").reset_index()


def pairs_behind(best: Evaluation, others: Sequence[Evaluation]) -> dict[str, Behind]:
    """Return the records behind every pair of a version with others: those that exactly one of the two gets right."""
    found = {}
    for other in others:
        for number, winner in (("only_first", best), ("only_second", other)):
            name = f"{best.agent} and {other.agent}: only {winner.agent} right"
            found[name] = records_behind(best, number, against=other)
    return found


def _of_version(evaluation: Evaluation) -> pd.DataFrame:
    """Return the wrong decisions of one version, the surest first."""
    outcomes = evaluation.outcomes[is_wrong(evaluation.outcomes)]
    ordered = outcomes.sort_values("confidence", ascending=False, kind="stable")
    groups = pd.Series(
        {
            record_id: ", ".join(cluster["labels"])
            for cluster in confusion_clusters(evaluation.outcomes).to_dict("records")
            for record_id in cluster["record_ids"]
        },
        dtype=object,
    )
    ok = ordered["status"] == Status.OK.value
    columns = {
        "record": ordered.index,
        "version": evaluation.agent,
        "outcome": _outcomes(ordered, evaluation),
        "label": ordered["label"],
        "decided": ordered["action"].where(ok, None),
        "taken for one another": groups.reindex(ordered.index),
        **{name: ordered[name] for name in SLICES if name in ordered},
        "confidence": ordered["confidence"],
    }
    return pd.DataFrame(columns, index=ordered.index)


def _outcomes(ordered: pd.DataFrame, evaluation: Evaluation) -> np.ndarray:
    """Return how each wrong decision ended."""
    not_ok = "no valid answer: " + ordered["status"].astype(str)
    if evaluation.threshold is None:
        return np.where(ordered["status"] == Status.OK.value, "wrong", not_ok)
    alone = is_automated(ordered, evaluation.threshold.threshold, evaluation.escalate_label)
    told = np.where(alone, "wrong, and no person would see it", "wrong, but a person would see it")
    return np.where(ordered["status"] == Status.OK.value, told, not_ok)
