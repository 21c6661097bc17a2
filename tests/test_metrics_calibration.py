from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hand_outcomes import hand_outcomes, nothing
from sklearn.isotonic import IsotonicRegression
from sklearn.metrics import brier_score_loss, roc_auc_score

from workbench.errors import InputError
from workbench.metrics import (
    Recalibration,
    calibration,
    compared_sources,
    fitted_recalibration,
    reliability_table,
    risk_coverage,
)
from workbench.stats import aurc, clopper_pearson


def drawn(n: int, seed: int, stated: bool = False) -> pd.DataFrame:
    """Return outcomes whose confidence is overconfident: the chance of being right is its square."""
    generator = np.random.default_rng(seed)
    confidence = np.round(generator.beta(6, 2, n), 2)
    right = generator.random(n) < confidence**2
    table = pd.DataFrame(
        {
            "record_id": np.arange(n).astype(str),
            "status": "ok",
            "action": np.where(right, "a", "b"),
            "confidence": confidence,
            "label": "a",
        }
    )
    return table.assign(stated=np.where(generator.random(n) < 0.9, 0.95, np.nan)) if stated else table


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


def test_every_confidence_source_is_judged_on_the_same_decisions():
    outcomes = drawn(500, 2, stated=True)
    found = compared_sources(outcomes, ["confidence", "stated"])
    assert found["confidence"]["ece"].n == found["stated"]["ece"].n == int(outcomes["stated"].notna().sum())
    assert found["stated"]["auc"].value == 0.5
    with pytest.raises(InputError, match="no column 'agreement'"):
        compared_sources(outcomes, ["confidence", "agreement"])


def test_the_reliability_table_lists_every_record_once():
    outcomes = drawn(300, 3)
    table = reliability_table(outcomes)
    assert sorted(one for ids in table["record_ids"] for one in ids) == sorted(outcomes["record_id"])
    for row in table.itertuples():
        some = outcomes[outcomes["record_id"].isin(row.record_ids)]
        assert (len(some), int((some["action"] == "a").sum())) == (row.n, row.right)
        assert some["confidence"].mean() == pytest.approx(row.confidence)
        assert (row.lower, row.upper) == pytest.approx(clopper_pearson(row.right, row.n, 0.95))


@pytest.mark.parametrize("method", list(Recalibration))
def test_recalibration_on_development_records_improves_others_and_cannot_change_the_automation(method: Recalibration):
    fit = fitted_recalibration(drawn(2_000, 4), method)
    other = drawn(2_000, 5)
    mapped = other.assign(confidence=fit(other["confidence"].to_numpy()))
    before, after = calibration(other), calibration(mapped)
    assert after["ece"].value < before["ece"].value / 2
    assert after["log_loss"].value < before["log_loss"].value
    if method is Recalibration.PLATT:
        assert after["aurc"].value == pytest.approx(before["aurc"].value)
        assert risk_coverage(mapped)["selective_accuracy"].tolist() == pytest.approx(
            risk_coverage(other)["selective_accuracy"].tolist()
        )


def test_isotonic_recalibration_agrees_with_scikit_learn():
    outcomes = drawn(400, 6)
    fit = fitted_recalibration(outcomes, Recalibration.ISOTONIC)
    theirs = IsotonicRegression(out_of_bounds="clip").fit(outcomes["confidence"], outcomes["action"] == "a")
    at = np.linspace(0, 1, 101)
    assert fit(at) == pytest.approx(theirs.predict(at), abs=1e-9)


def test_recalibration_keeps_a_missing_confidence_missing():
    fit = fitted_recalibration(drawn(200, 7), Recalibration.PLATT)
    assert np.isnan(fit(np.array([0.5, np.nan]))).tolist() == [False, True]


def test_recalibration_needs_right_and_wrong_decisions():
    always = drawn(50, 8).assign(action="a")
    with pytest.raises(InputError, match=r"needs right and wrong(.|\n)*50 right of 50"):
        fitted_recalibration(always, Recalibration.PLATT)
