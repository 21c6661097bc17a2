"""Tests of recalibration: against scikit-learn, and on records that it was not fitted on."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from over_confident import drawn
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from workbench.errors import InputError
from workbench.metrics import Recalibration, calibration, cross_fitted, fitted_recalibration, risk_coverage


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


def by_scikit_learn(outcomes: pd.DataFrame) -> tuple[float, float]:
    """Return intercept and slope of an unpenalised logistic curve with Platt's targets, each a weighted yes and no."""
    held = np.clip(outcomes["confidence"].to_numpy(), 1e-6, 1 - 1e-6)
    odds, right = np.log(held / (1 - held))[:, None], (outcomes["action"] == "a").to_numpy()
    share = np.where(right, (right.sum() + 1) / (right.sum() + 2), 1 / ((~right).sum() + 2))
    answers, weights = np.repeat([1, 0], len(right)), np.concatenate([share, 1 - share])
    fit = LogisticRegression(C=1e12, tol=1e-12, max_iter=10_000).fit(np.vstack([odds, odds]), answers, weights)
    return float(fit.intercept_[0]), float(fit.coef_[0, 0])


@pytest.mark.parametrize("rounded_to", [0.01, 0.05, 0.2])
def test_platt_agrees_with_a_logistic_regression_also_where_confidences_are_0_and_1(rounded_to: float) -> None:
    # numbers that replies state and shares of repeats are often exactly 1, whose log-odds are held at 13.8: there
    # Newton's full steps do not converge
    rng = np.random.default_rng(9)
    chance = rng.beta(6, 1, 900)
    right = rng.random(900) < chance
    confidence = np.round(np.sqrt(chance) / rounded_to) * rounded_to
    outcomes = drawn(900, 9).assign(action=np.where(right, "a", "b"), confidence=np.clip(confidence, 0, 1))
    assert fitted_recalibration(outcomes, Recalibration.PLATT).chance == pytest.approx(
        by_scikit_learn(outcomes), abs=1e-4
    )


def test_a_cross_fitted_record_is_recalibrated_by_the_other_folds() -> None:
    outcomes = drawn(600, 10).set_index("record_id", drop=False)
    folds = pd.Series(np.arange(600) % 5, index=outcomes.index)
    found = cross_fitted(outcomes, folds, Recalibration.PLATT)
    for fold in range(5):
        inside = (folds == fold).to_numpy()
        fit = fitted_recalibration(outcomes[~inside], Recalibration.PLATT)
        assert found[inside] == pytest.approx(fit(outcomes["confidence"].to_numpy()[inside]))


def test_cross_fitting_needs_right_and_wrong_decisions_in_every_part() -> None:
    # the only wrong decision is in fold 0, so the other folds have none to learn from
    outcomes = drawn(50, 11).assign(action=["b"] + ["a"] * 49).set_index("record_id", drop=False)
    folds = pd.Series(np.arange(50) % 5, index=outcomes.index)
    with pytest.raises(InputError, match="needs right and wrong decisions"):
        cross_fitted(outcomes, folds, Recalibration.ISOTONIC)
