from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hand_outcomes import found, hand_outcomes, nothing
from sklearn.metrics import f1_score, precision_recall_fscore_support
from statsmodels.stats.proportion import proportion_confint

from workbench.metrics import confusion_pairs, per_class
from workbench.stats import wilson


def random_outcomes(n: int, classes: int, seed: int) -> pd.DataFrame:
    """Return outcomes with some wrong, invalid and failed decisions."""
    rng = np.random.default_rng(seed)
    label = rng.integers(classes, size=n)
    action = np.where(rng.random(n) < 0.8, label, rng.integers(classes + 1, size=n))
    status = rng.choice(["ok", "invalid", "failed"], size=n, p=[0.9, 0.06, 0.04])
    names = np.array([f"class {i}" for i in range(classes + 1)], dtype=object)
    return pd.DataFrame(
        {
            "record_id": [f"r{i}" for i in range(n)],
            "status": status,
            "action": np.where(status == "ok", names[action], None),
            "confidence": np.where(status == "ok", rng.random(n), np.nan),
            "label": names[label],
        }
    )


def test_accuracy_counts_failed_and_invalid_calls_as_wrong_and_leaves_out_skipped_ones():
    estimate = found("accuracy", hand_outcomes())
    assert (estimate.value, estimate.n, estimate.excluded) == (5 / 9, 9, {"skipped": 1})
    assert (estimate.lower, estimate.upper) == wilson(5, 9, 0.95)
    assert estimate.method == "Wilson 95%"


def test_accuracy_names_the_exact_interval_when_asked_for_it():
    estimate = found("accuracy_exact", hand_outcomes(), level=0.9)
    assert estimate.value == 5 / 9
    assert (estimate.lower, estimate.upper) == pytest.approx(proportion_confint(5, 9, 0.1, method="beta"))
    assert estimate.method == "Clopper-Pearson 90%"


def test_accuracy_of_nothing_is_undefined():
    only_skipped = hand_outcomes().query("status == 'skipped'")
    assert found("accuracy", nothing()).value is None
    assert (found("accuracy", only_skipped).value, found("accuracy", only_skipped).excluded) == (None, {"skipped": 1})


def test_an_agent_that_fails_everywhere_has_accuracy_zero_and_not_an_undefined_one():
    outcomes = hand_outcomes().query("status == 'failed'")
    assert (found("accuracy", outcomes).value, found("accuracy", outcomes).lower, found("accuracy", outcomes).n) == (
        0.0,
        0.0,
        1,
    )


def test_each_class_has_its_precision_recall_and_f1():
    table = per_class(hand_outcomes()).set_index("label")
    assert table.index.tolist() == ["approve", "escalate", "reject"]
    # by hand: approve is the label of r1 r4 r6 r7 and the action of r1 r2 r4 r7; reject of r2 r3 r8 and r3;
    # escalate of r5 r9 and r5 r6
    assert table[["n", "predicted", "right"]].to_dict("index") == {
        "approve": {"n": 4, "predicted": 4, "right": 3},
        "escalate": {"n": 2, "predicted": 2, "right": 1},
        "reject": {"n": 3, "predicted": 1, "right": 1},
    }
    assert table["precision"].tolist() == [3 / 4, 1 / 2, 1 / 1]
    assert table["recall"].tolist() == [3 / 4, 1 / 2, 1 / 3]
    assert table["f1"].tolist() == [3 / 4, 1 / 2, 1 / 2]
    assert tuple(table.loc["reject", ["recall_lower", "recall_upper"]]) == wilson(1, 3, 0.95)
    assert tuple(table.loc["reject", ["precision_lower", "precision_upper"]]) == wilson(1, 1, 0.95)


def test_a_class_without_a_denominator_is_undefined_and_not_zero():
    outcomes = hand_outcomes().query("record_id in ['r2', 'r8']")  # two records labelled reject, one decided approve
    table = per_class(outcomes).set_index("label")
    assert table.loc["approve", "n"] == 0
    assert table.loc["approve", "precision"] == 0.0
    assert math.isnan(table.loc["approve", "recall"])
    assert math.isnan(table.loc["approve", "f1"])
    assert math.isnan(table.loc["reject", "precision"])
    assert math.isnan(table.loc["reject", "precision_lower"])
    assert (table.loc["reject", "recall"], table.loc["reject", "f1"]) == (0.0, 0.0)


def test_class_metrics_agree_with_scikit_learn():
    outcomes = random_outcomes(3_000, 12, seed=3)
    table = per_class(outcomes)
    labelled = table[table["n"] > 0]
    names = labelled["label"].tolist()
    decided = outcomes["action"].fillna("no valid action")
    precision, recall, f1, support = precision_recall_fscore_support(outcomes["label"], decided, labels=names)
    assert labelled["precision"].tolist() == pytest.approx(precision)
    assert labelled["recall"].tolist() == pytest.approx(recall)
    assert labelled["f1"].tolist() == pytest.approx(f1)
    assert labelled["n"].tolist() == support.tolist()
    expected = f1_score(outcomes["label"], decided, labels=names, average="macro")
    assert found("macro_f1", outcomes).value == pytest.approx(expected)


def test_macro_f1_weighs_every_class_the_same():
    estimate = found("macro_f1", hand_outcomes())
    assert estimate.value == pytest.approx((3 / 4 + 1 / 2 + 1 / 2) / 3)
    assert (estimate.lower, estimate.upper, estimate.n, estimate.method) == (None, None, 9, "none")
    assert estimate.excluded == {"skipped": 1}
    assert found("macro_f1", nothing()).value is None


def test_confusions_account_for_every_error_invalid_and_failed_ones_included():
    pairs = confusion_pairs(hand_outcomes())
    assert pairs.drop(columns="record_ids").values.tolist() == [
        ["approve", "ok", "escalate", 1, 0.25],
        ["escalate", "failed", None, 1, 0.25],
        ["reject", "invalid", None, 1, 0.25],
        ["reject", "ok", "approve", 1, 0.25],
    ]
    assert pairs["record_ids"].tolist() == [("r6",), ("r9",), ("r8",), ("r2",)]


def test_confusions_show_the_most_frequent_pair_first_with_its_most_confident_records():
    rows = [(f"r{i}", "ok", "b", i / 10, "a") for i in range(7)] + [("x", "ok", "a", 0.99, "b")]
    outcomes = pd.DataFrame(rows, columns=["record_id", "status", "action", "confidence", "label"])
    pairs = confusion_pairs(outcomes)
    assert pairs["n"].tolist() == [7, 1]
    assert pairs.loc[0, "record_ids"] == ("r6", "r5", "r4", "r3", "r2")
    assert pairs["share_of_errors"].tolist() == [7 / 8, 1 / 8]


def test_confusions_sum_to_the_errors():
    outcomes = random_outcomes(2_000, 9, seed=4)
    pairs = confusion_pairs(outcomes)
    estimate = found("accuracy", outcomes)
    assert pairs["n"].sum() == estimate.n - round(estimate.value * estimate.n)
    assert pairs["share_of_errors"].sum() == pytest.approx(1.0)
    assert pairs["n"].is_monotonic_decreasing


def test_without_errors_or_records_there_are_no_confusions_and_no_classes():
    all_right = hand_outcomes().query("record_id in ['r1', 'r3']")
    assert confusion_pairs(all_right).empty
    assert confusion_pairs(nothing()).empty
    assert per_class(nothing()).empty
    assert confusion_pairs(nothing()).columns.tolist() == confusion_pairs(hand_outcomes()).columns.tolist()


def test_reason_accuracy_is_judged_on_right_decisions_that_have_a_reason_label():
    # by hand: r1 and r5 agree, r3 names another reason, r4 names none; r7 has no reason label
    estimate = found("reason_accuracy", hand_outcomes())
    assert (estimate.value, estimate.n) == (2 / 4, 4)
    assert estimate.excluded == {"skipped": 1, "wrong": 4, "no_label_reason": 1}
    assert (estimate.lower, estimate.upper) == wilson(2, 4, 0.95)


def test_reason_accuracy_is_undefined_where_there_are_no_reasons():
    without_column = found("reason_accuracy", hand_outcomes().drop(columns="label_reason"))
    assert (without_column.value, without_column.method) == (None, "none: the contract has no reason column")
    silent = found("reason_accuracy", hand_outcomes().assign(reason=None))
    assert (silent.value, silent.method) == (None, "none: the agent gives no reasons")
    assert silent.excluded == {"skipped": 1, "wrong": 4, "no_label_reason": 1, "no_reason": 4}
    assert found("reason_accuracy", nothing()).value is None
