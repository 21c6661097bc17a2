"""Tests of the way from a page's numbers back to records: what is listed is what was counted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from hand_outcomes import hand_outcomes
from judged_pilots import certified_version, judged_pilot, judged_version

from workbench.evaluation import Evaluation
from workbench.evaluation.shown.behind import IDS_KEPT, behind_table, listed_behind, numbers_behind, page_behind
from workbench.evaluation.shown.ceiling import Ceiling
from workbench.evaluation.shown.concluded import conclusions
from workbench.metrics import (
    Estimate,
    EvaluationSettings,
    declared_slices,
    evaluate_outcomes,
    per_class,
    reliability_table,
    threshold_text,
)
from workbench.pilot import Price
from workbench.records.splits import read_dataset


def by_hand() -> Evaluation:
    """Return the evaluation of the ten outcomes that are counted by hand, at threshold .90."""
    outcomes = hand_outcomes().set_index("record_id", drop=False).rename_axis(index=None)
    settings = EvaluationSettings(0.9, "escalate", price=Price(input_per_million=1.0, output_per_million=1.0))
    version = replace(judged_version(threshold=0.9), escalate_label="escalate")
    estimates = evaluate_outcomes(outcomes, settings)
    return replace(version, outcomes=outcomes, estimates=estimates, price=settings.price)


def test_every_estimate_that_is_defined_has_its_records(tmp_path: Path) -> None:
    evaluation = replace(by_hand(), estimates={
        **by_hand().estimates, "throughput_per_hour": by_hand().estimates["latency_p50_s"],
    })  # fmt: skip
    found = numbers_behind(evaluation)["Estimates"]
    defined = {name for name, one in evaluation.estimates.items() if one.value is not None}
    assert set(found) == defined
    # the lists are those beside the ten rows of hand_outcomes.py
    assert list(found["accuracy"].counted) == ["r1", "r3", "r4", "r5", "r7"]
    assert list(found["missed_escalation"].counted) == ["r2"]
    assert list(found["over_escalation"].counted) == ["r4", "r6", "r7"]
    assert list(found["reason_accuracy"].counted) == ["r1", "r5"]
    assert list(found["cost_per_decision"].of) == ["r1", "r2"]
    assert list(found["latency_p50_s"].of) == [f"r{i}" for i in range(1, 9)]
    for name, behind in found.items():
        assert len(behind.of) == evaluation.estimates[name].n, name
    for name in (
        "accuracy",
        "automation_rate",
        "selective_accuracy",
        "missed_escalation",
        "over_escalation",
        "reason_accuracy",
    ):
        assert behind_share(found[name]) == pytest.approx(evaluation.estimates[name].value), name


def behind_share(behind) -> float:
    return len(behind.counted) / len(behind.of)


def test_endings_labels_and_confusions_list_what_their_tables_count(tmp_path: Path) -> None:
    found = numbers_behind(by_hand())
    assert {name: len(one.counted) for name, one in found["How decisions ended"].items()} == {
        "ok": 7, "invalid": 1, "failed": 1, "skipped": 1,
    }  # fmt: skip
    classes = per_class(by_hand().outcomes).set_index("label")
    for label in ("approve", "reject", "escalate"):
        recall, precision = found["Labels"][f"label {label}: right"], found["Labels"][f"decided {label}: right"]
        assert (len(recall.counted), len(recall.of)) == (classes.loc[label, "right"], classes.loc[label, "n"])
        assert len(precision.of) == classes.loc[label, "predicted"]
    confused = {name: list(one.counted) for name, one in found["Confusions"].items()}
    assert confused == {
        "approve ends as escalate (25.0% of errors)": ["r6"],
        "escalate ends as (failed) (25.0% of errors)": ["r9"],
        "reject ends as (invalid) (25.0% of errors)": ["r8"],
        "reject ends as approve (25.0% of errors)": ["r2"],
    }


def test_the_proof_lists_the_wrong_decisions_at_its_last_tests(tmp_path: Path) -> None:
    evaluation = certified_version()
    found = numbers_behind(evaluation)["Proof"]
    steps = evaluation.certification.steps
    last = found[f"wrong from {threshold_text(steps.threshold[-1])} on"]
    assert (len(last.counted), len(last.of)) == (steps.n_wrong[-1], steps.n_automated[-1])
    in_use = found[f"wrong from the threshold in use on, {threshold_text(evaluation.threshold.threshold)}"]
    assert len(in_use.counted) == evaluation.certification.n_wrong


def test_slices_and_bins_list_their_own_records(tmp_path: Path) -> None:
    evaluation = judged_version()
    outcomes = evaluation.outcomes.assign(source=["a", "b"] * 200)
    table = declared_slices(outcomes, ["source"])
    found = listed_behind(table, outcomes, "slice", wrong=True)
    for row in table.to_dict("records"):
        assert (len(found[row["slice"]].counted), len(found[row["slice"]].of)) == (row["wrong"], row["n"])
    bins = reliability_table(outcomes).assign(bin=lambda frame: frame["from"].map("from {:.2f}".format))
    right = listed_behind(bins, outcomes, "bin", wrong=False)
    assert sum(len(one.counted) for one in right.values()) == bins["right"].sum() == 380


def test_the_table_of_records_counts_and_lists_both_sides() -> None:
    outcomes = judged_version().outcomes
    found = listed_behind(declared_slices(outcomes.assign(source="a"), ["source"]), outcomes, "slice", wrong=True)
    (row,) = behind_table(found).to_dict("records")
    assert (row["number"], row["records"], row["of"]) == ("source = a", 20, 400)
    assert row["records that count"] == tuple(f"d{i:03}" for i in range(0, 400, 20))
    assert len(row["the others"]) == 380
    many = pd.DataFrame({"slice": ["all"], "record_ids": [tuple(f"x{i}" for i in range(IDS_KEPT + 5))]})
    (long,) = behind_table(listed_behind(many, outcomes, "slice", wrong=True)).to_dict("records")
    assert long["the others"][-1] == "and 5 more"


def test_a_page_lists_rules_conclusions_and_parts_of_the_records_too(tmp_path: Path) -> None:
    pilot, evaluation = judged_pilot(tmp_path), judged_version()
    dataset = read_dataset(pilot)
    unknown = Ceiling(Estimate.undefined("no audit"), "no audit")
    concluded = conclusions(pilot, dataset, evaluation, unknown)
    parts = {"Declared": declared_slices(evaluation.outcomes.assign(source="a"), ["source"])}
    found = page_behind(pilot, dataset, evaluation, concluded, parts)
    # of 20 documents of blocked vendors d000 to d200 are decided alone; of 8 above 1,000 EUR d049 to d199
    assert {rule: (len(one.counted), len(one.of)) for rule, one in found["Rules"].items()} == {
        "blocked": (9, 20), "amount": (4, 8),
    }  # fmt: skip
    assert set(found["Conclusions"]) >= {"blocked: right", "time saved"}
    assert len(found["Parts of the records, declared: wrong"]["source = a"].counted) == 20
    assert "Confusions" in found
    without = page_behind(pilot, dataset, judged_version(threshold=None), concluded, {})
    assert {rule: len(one.counted) for rule, one in without["Rules"].items()} == {"blocked": 20, "amount": 8}
