"""The records behind the numbers of an evaluation's page: from every number back to the rows it was counted from."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from workbench import metrics
from workbench.evaluation import Evaluation
from workbench.evaluation.rules import rule_members
from workbench.evaluation.shown.conclusion import threshold_in_use, traced
from workbench.metrics import Behind
from workbench.pages import Conclusion
from workbench.pilot import Pilot
from workbench.records.splits import Dataset
from workbench.words import percent

IDS_KEPT = 10_000
Numbers = Mapping[str, Behind]


def numbers_behind(evaluation: Evaluation) -> dict[str, dict[str, Behind]]:
    """Return for every number that decisions and labels alone give the records behind it, by part of the page.

    Numbers that need more than the evaluation bring their own, see `page_behind`; reliability tables list their
    `record_ids` themselves.

    Returns
    -------
    dict
        Part of the page to the name of a number to its `Behind`: the records that count (`counted`), of those that the
        number is a share of (`of`). For a mean or a quantile `of` are the records it was computed from.

    Examples
    --------
    `numbers_behind(evaluation)["Estimates"]["accuracy"].counted` lists the ids of the right decisions.
    """
    return {
        "How decisions ended": _endings(evaluation),
        "Estimates": _estimates(evaluation),
        "Proof": _proof(evaluation),
        "Labels": _labels(evaluation),
        "Confusions": _confusions(evaluation),
    }


def page_behind(
    pilot: Pilot,
    dataset: Dataset,
    evaluation: Evaluation,
    concluded: Mapping[str, Conclusion],
    parts: Mapping[str, pd.DataFrame],
) -> dict[str, dict[str, Behind]]:
    """Return `numbers_behind` with the page's rules, conclusions, and parts of the records (tables of slices)."""
    outcomes, threshold = evaluation.outcomes, threshold_in_use(evaluation)
    asked = metrics.is_asked(outcomes)
    seen = asked
    if threshold is not None:
        seen = asked & ~metrics.is_automated(outcomes, threshold, pilot.settings.escalate_label)
    covered = rule_members(pilot.charter, dataset, outcomes)
    found = numbers_behind(evaluation)
    found["Rules"] = {
        rule: traced(outcomes, rule, seen, asked & flags) for rule, flags in covered.items() if flags is not None
    }
    found["Conclusions"] = {number: one for said in concluded.values() for number, one in said.behind.items()}
    for title, table in parts.items():
        found[f"Parts of the records, {title.lower()}: wrong"] = listed_behind(table, outcomes, "slice", wrong=True)
    return {part: numbers for part, numbers in found.items() if numbers}


def listed_behind(table: pd.DataFrame, outcomes: pd.DataFrame, name: str, wrong: bool) -> dict[str, Behind]:
    """Return the records behind a table that lists its own in `record_ids`: the wrong or the right ones of each row.

    `name` is the column that names a row.
    """
    flags = metrics.is_wrong(outcomes) if wrong else metrics.is_right(outcomes)
    counted = set(outcomes.index[flags.to_numpy()])
    found = {}
    for title, ids in zip(table[name].map(str), table["record_ids"], strict=True):
        of = pd.Index(list(ids), dtype=object)
        found[title] = Behind(title, of[[one in counted for one in of]], of)
    return found


def behind_table(found: Numbers) -> pd.DataFrame:
    """Return one row for each number: how many records count, of how many, and the ids of those that do or do not.

    A cell of ids is a tuple of the first 10,000; the whole lists are `Behind.counted` and `Behind.of`.
    """
    rows = []
    for number, behind in found.items():
        others = behind.of.difference(behind.counted, sort=False)
        rows.append((number, len(behind.counted), len(behind.of), _listed(behind.counted), _listed(others)))
    return pd.DataFrame(rows, columns=["number", "records", "of", "records that count", "the others"])


def _listed(ids: pd.Index[str]) -> tuple[str, ...]:
    kept = tuple(map(str, ids[:IDS_KEPT]))
    return (*kept, f"and {len(ids) - IDS_KEPT:,} more") if len(ids) > IDS_KEPT else kept


def _endings(evaluation: Evaluation) -> dict[str, Behind]:
    outcomes = evaluation.outcomes
    planned = pd.Series(True, index=outcomes.index)
    return {
        str(status): traced(outcomes, str(status), outcomes["status"] == status, planned)
        for status in sorted(outcomes["status"].astype(str).unique())
    }


def _estimates(evaluation: Evaluation) -> dict[str, Behind]:
    """Return the records behind every estimate that is defined."""
    outcomes, settings = evaluation.outcomes, evaluation.settings
    defined = [name for name, one in evaluation.estimates.items() if one.value is not None]
    return {name: metrics.behind_metric(name, outcomes, settings) for name in defined}


def _proof(evaluation: Evaluation) -> dict[str, Behind]:
    """Return the wrong decisions at every threshold that was tested, the last one first, and at the one in use."""
    outcomes, escalate = evaluation.outcomes, evaluation.escalate_label
    tested = [] if evaluation.certification is None else evaluation.certification.steps.threshold.tolist()[::-1]
    in_use = threshold_in_use(evaluation)
    named = {f"wrong from {metrics.threshold_text(threshold)} on": threshold for threshold in tested[:10]}
    named |= {} if in_use is None else {f"wrong from the threshold in use on, {metrics.threshold_text(in_use)}": in_use}
    wrong = metrics.is_wrong(outcomes)
    return {
        name: traced(outcomes, name, wrong, metrics.is_automated(outcomes, threshold, escalate))
        for name, threshold in named.items()
    }


def _labels(evaluation: Evaluation) -> dict[str, Behind]:
    """Return the right decisions of each label, and of each decision: what recall and precision are counted from."""
    outcomes, found = evaluation.outcomes, {}
    asked, right = metrics.is_asked(outcomes), metrics.is_right(outcomes)
    for label in sorted(map(str, outcomes["label"].unique())):
        recall, precision = f"label {label}: right", f"decided {label}: right"
        found[recall] = traced(outcomes, recall, right, asked & (outcomes["label"] == label))
        found[precision] = traced(outcomes, precision, right, asked & (outcomes["action"] == label))
    return found


def _confusions(evaluation: Evaluation) -> dict[str, Behind]:
    """Return the decisions of each confusion, of all wrong ones, the most frequent first."""
    outcomes, found = evaluation.outcomes, {}
    wrong = metrics.is_wrong(outcomes)
    for pair in metrics.confusion_pairs(outcomes).to_dict("records"):
        action = outcomes["action"].isna() if pair["action"] is None else outcomes["action"] == pair["action"]
        decided = pair["action"] if pair["action"] is not None else f"({pair['status']})"
        same = (outcomes["label"] == pair["label"]) & (outcomes["status"] == pair["status"]) & action
        name = f"{pair['label']} ends as {decided} ({percent(pair['share_of_errors'])} of errors)"
        found[name] = traced(outcomes, name, same, wrong)
    return found
