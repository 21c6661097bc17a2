"""Tests of workbench.evaluation.shown.comparisons: versions compared on records that are counted by hand."""

from __future__ import annotations

import pandas as pd
import pytest
from hand_evaluations import NO_OTHERS, hand_evaluation
from hand_outcomes import hand_outcomes
from small_pilots import ALL_DEV, written_pilot

from workbench.evaluation.shown import comparisons
from workbench.evaluation.versions.pairs import paired_differences
from workbench.metrics import per_class
from workbench.records.splits import read_dataset
from workbench.words import Brief

# right:          A: r1 r2 r3          B: r1 r4             both r1; only A r2 r3; only B r4; neither r5; r6 not asked
A = (
    ("r1", "ok", "x", 0.9, "x"),
    ("r2", "ok", "x", 0.8, "x"),
    ("r3", "ok", "y", 0.7, "y"),
    ("r4", "ok", "x", 0.95, "y"),
    ("r5", "failed", None, None, "y"),
    ("r6", "ok", "x", 0.9, "x"),
)
B = (
    ("r1", "ok", "x", None, "x"),
    ("r2", "ok", "y", 0.4, "x"),
    ("r3", "invalid", None, None, "y"),
    ("r4", "ok", "y", 0.6, "y"),
    ("r5", "ok", "x", 0.3, "y"),
    ("r6", "skipped", None, None, "x"),
)


@pytest.fixture
def both():
    return hand_evaluation("A", A), hand_evaluation("B", B)


def test_pairs_are_counted_on_records_both_were_asked(both):
    [row] = comparisons.pairs_table(paired_differences(both, NO_OTHERS)).to_numpy().tolist()
    assert row[:7] == ["A", "B", 5, 1, 2, 1, 1]
    assert row[7].startswith("+20.00 points (")
    # mid-p of 2 against 1: twice the binomial tail P(X <= 1) = 4/8 less half of P(X = 1) = 3/16, so .625
    assert row[8:] == ["0.62", "0.62", "cannot tell apart"]


def test_a_version_is_better_only_when_chance_is_ruled_out():
    # one version alone is right on all n records: McNemar's mid-p is 1 / 2 ** n, .0625 for 4 and .031 for 5
    for n, better in ((4, "cannot tell apart"), (5, "good")):
        rows = [(f"r{i}", "x") for i in range(n)]
        good = hand_evaluation("good", [(name, "ok", label, 0.9, label) for name, label in rows])
        bad = hand_evaluation("bad", [(name, "ok", "z", 0.9, label) for name, label in rows])
        assert comparisons.pairs_table(paired_differences([good, bad], NO_OTHERS))["better"].tolist() == [better]
        assert comparisons.pairs_table(paired_differences([bad, good], NO_OTHERS))["better"].tolist() == [better]


def test_versions_that_never_differ_cannot_be_told_apart():
    [row] = (
        comparisons.pairs_table(paired_differences([hand_evaluation("A", A), hand_evaluation("C", A)], NO_OTHERS))
        .to_numpy()
        .tolist()
    )
    assert row[-3:] == ["1", "1", "cannot tell apart"]


def test_one_version_has_no_pair(both):
    assert comparisons.pairs_table(paired_differences(both[:1], NO_OTHERS)).empty


def test_patterns_count_who_is_right_together(both):
    rows = comparisons.patterns(both).to_numpy().tolist()
    assert rows[0] == ["A", "B", 2, "40.0%"]
    assert sorted(rows[1:]) == [["A, B", "none", 1, "20.0%"], ["B", "A", 1, "20.0%"], ["none", "A, B", 1, "20.0%"]]


def test_versions_may_be_named_like_the_columns_of_a_table(both):
    named = [hand_evaluation("records", A), hand_evaluation("label", B)]
    assert comparisons.patterns(named)["records"].sum() == 5


def test_answers_are_told_with_confidence_and_reason_or_why_there_is_none(both):
    assert comparisons.answer_texts(both[1].outcomes).tolist()[:4] == ["x", "y (0.4)", "(invalid: not_json)", "y (0.6)"]
    outcomes = hand_outcomes().assign(cause="timeout", detail="after 60 s")
    texts = comparisons.answer_texts(outcomes).tolist()
    assert (texts[0], texts[8]) == ("approve (0.95): price", "(failed: timeout): after 60 s")


def test_examples_show_what_a_record_says_and_what_each_version_answered(both, tmp_path):
    columns = {"no": {"role": "id"}, "body": {}, "sum": {"type": "integer"}, "queue": {"role": "label"}}
    rows = [(f"r{i}", f"text {i}", None if i == 2 else i, "xy"[i % 2]) for i in range(1, 7)]
    dataset = read_dataset(written_pilot(tmp_path, columns, rows, {"x": ALL_DEV, "y": ALL_DEV}))
    table = comparisons.examples(both, dataset, pd.Index(["r2", "r3"]))
    assert table.reset_index().to_numpy().tolist() == [
        ["r2", {"body": "text 2"}, "x", "x (0.8)", "y (0.4)"],
        ["r3", {"body": "text 3", "sum": 3}, "y", "y (0.7)", "(invalid: not_json)"],
    ]
    assert table.columns.tolist() == ["record", "label", "A answers", "B answers"]


def test_a_lone_column_is_shown_as_it_is(tmp_path):
    rows = [("p", "x"), ("q", "x"), ("r", "y"), ("s", "y")]
    columns = {"body": {}, "queue": {"role": "label"}}
    dataset = read_dataset(written_pilot(tmp_path, columns, rows, {"x": ALL_DEV, "y": ALL_DEV}))
    assert sorted(comparisons.contents(dataset, dataset.splits.index)) == ["p", "q", "r", "s"]


def test_what_was_not_decided_is_counted_by_cause(both):
    rows = comparisons.undecided(both).to_numpy().tolist()
    assert rows == [["A", 6, 5, 0, 1, 0, "failed: timeout 1"], ["B", 6, 4, 1, 0, 1, "invalid: not_json 1"]]


def test_classes_are_sorted_by_how_hard_they_are():
    # hand_outcomes.py: reject 1 of 3 right, escalate 1 of 2, approve 3 of 4; approve was decided 4 times, right 3 times
    table = comparisons.classes_table(per_class(hand_outcomes())).set_index("label")
    assert table.index.tolist() == ["reject", "escalate", "approve"]
    assert table.loc["approve", ["records", "right", "decided as this"]].tolist() == [4, 3, 4]
    # Wilson 95% of 3 of 4: .3006 to .9544
    assert table.loc["approve", "recall"] == "75.0% (30.1% to 95.4%)"


def test_the_choice_is_one_sentence_and_a_list_with_their_denominators(both):
    sure = hand_evaluation("A", A, threshold=0.75)  # r1, r2, r4 and r6 are at 0.8 or more; r1, r2, r3 and r6 are right
    assert comparisons.choice_brief(sure, 2, ("B",)) == Brief(
        "A goes on, of 2 versions: right on 4 of 6 (66.7%) development records.",
        (
            (
                "",
                (
                    "decides 4 of 6 (66.7%) alone, 90.0% of them right: seen on these records, not certified",
                    "these records cannot tell it in accuracy from B",
                ),
            ),
            ("Next", ("03_evaluation judges A on the holdout",)),
        ),
    )
    (_, alone), *_ = comparisons.choice_brief(both[1], 2, ()).groups
    assert alone == ("there is no threshold to decide alone by",)
