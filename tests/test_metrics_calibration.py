from __future__ import annotations

import numpy as np
import pytest
from hand_outcomes import hand_outcomes, nothing
from over_confident import drawn
from sklearn.metrics import brier_score_loss, roc_auc_score
from statsmodels.stats.proportion import proportion_confint

from workbench.metrics import calibration, reliability_table
from workbench.stats import aurc


def test_calibration_by_hand_counts_valid_decisions_with_a_confidence():
    # r1 r2 r3 r4 r5 r6: .95 right, .90 wrong, .90 right, .60 right, .99 right, .80 wrong
    found = calibration(hand_outcomes())
    brier = np.mean([0.05**2, 0.9**2, 0.1**2, 0.4**2, 0.01**2, 0.8**2])
    assert found["brier"].value == pytest.approx(brier)
    assert found["brier"].n == 6
    assert found["brier"].excluded == {"skipped": 1, "no_confidence": 1, "invalid": 1, "failed": 1}
    assert found["aurc"].value == pytest.approx(aurc([0.95, 0.9, 0.9, 0.6, 0.99, 0.8], [1, 0, 1, 1, 1, 0]))
    assert found["auc"].value == pytest.approx(5.5 / 8)  # r2 is below .95 and .99 and ties .90; r6 is below all but .60


def test_calibration_agrees_with_scikit_learn():
    outcomes = drawn(800, 1)
    found, right = calibration(outcomes), outcomes["action"] == outcomes["label"]
    assert found["brier"].value == pytest.approx(brier_score_loss(right, outcomes["confidence"]))
    assert found["auc"].value == pytest.approx(roc_auc_score(right, outcomes["confidence"]))
    assert found["brier"].lower < found["brier"].value < found["brier"].upper


def test_calibration_of_nothing_is_undefined():
    for outcomes in (nothing(), hand_outcomes().assign(confidence=np.nan)):
        assert {estimate.value for estimate in calibration(outcomes).values()} == {None}
    assert reliability_table(nothing()).empty


def test_a_confidence_that_is_no_probability_is_left_out_and_counted():
    outcomes = hand_outcomes().assign(confidence=lambda table: table["confidence"] * 100)
    assert calibration(outcomes)["brier"].excluded["not_a_probability"] == 6


def test_the_reliability_table_lists_every_record_once():
    outcomes = drawn(300, 3)
    table = reliability_table(outcomes)
    assert sorted(one for ids in table["record_ids"] for one in ids) == sorted(outcomes["record_id"])
    for row in table.itertuples():
        some = outcomes[outcomes["record_id"].isin(row.record_ids)]
        assert (len(some), int((some["action"] == "a").sum())) == (row.n, row.right)
        assert some["confidence"].mean() == pytest.approx(row.confidence)
        assert (row.lower, row.upper) == pytest.approx(proportion_confint(row.right, row.n, 0.05, method="beta"))
