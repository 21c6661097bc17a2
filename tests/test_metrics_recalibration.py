"""Tests of recalibration: against scikit-learn, and on records that it was not fitted on."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from over_confident import drawn
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from workbench.metrics import Recalibration, calibration, cross_fitted, fitted_recalibration, risk_coverage
from workbench.words import InputError


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


def test_isotonic_recalibration_agrees_with_scikit_learn_and_laplaces_rule():
    outcomes = drawn(400, 6)
    fit = fitted_recalibration(outcomes, Recalibration.ISOTONIC)
    table = pd.DataFrame({"at": outcomes["confidence"], "right": outcomes["action"] == "a"})
    raw = IsotonicRegression().fit(table["at"], table["right"]).predict(table["at"])
    blocks = table.groupby(raw)["right"].agg(["sum", "size"])
    held = (blocks["sum"] + 1) / (blocks["size"] + 2)
    theirs = IsotonicRegression().fit(np.arange(len(held)), held, sample_weight=blocks["size"] + 2)
    of_block = dict(zip(blocks.index, theirs.predict(np.arange(len(held))), strict=True))
    assert fit(table["at"].to_numpy()) == pytest.approx(np.array([of_block[one] for one in raw]), abs=1e-9)
    assert fit(np.array([0.0, 1.0])) == pytest.approx([min(of_block.values()), max(of_block.values())], abs=1e-9)


def test_a_small_pool_at_the_end_is_joined_to_the_large_one_before_it() -> None:
    # by hand: of 4 at .2 none is right: 1 / 6; of 98 at .8 97 are: 98 / 100; the one at .9 is right: 2 / 3, which may
    # not fall below 98 / 100, so that both are (98 + 2) / (100 + 3)
    confidence = [0.2] * 4 + [0.8] * 98 + [0.9]
    outcomes = drawn(103, 1).assign(confidence=confidence, action=["b"] * 5 + ["a"] * 98)
    fit = fitted_recalibration(outcomes, Recalibration.ISOTONIC)
    assert fit(np.array([0.2, 0.8, 0.9])) == pytest.approx([1 / 6, 100 / 103, 100 / 103])


@given(
    st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=2, max_size=60).filter(
        lambda pairs: len({right for _, right in pairs}) == 2
    ),
    st.sampled_from(list(Recalibration)),
)
def test_no_recalibration_is_surer_than_the_number_of_its_records_allows(
    pairs: list[tuple[float, bool]], method: Recalibration
) -> None:
    outcomes = drawn(len(pairs), 1).assign(
        confidence=[confidence for confidence, _ in pairs], action=["a" if right else "b" for _, right in pairs]
    )
    found = fitted_recalibration(outcomes, method)(np.linspace(0, 1, 51))
    n = len(pairs)
    assert 1 / (n + 2) - 1e-12 <= found.min()
    assert found.max() <= (n + 1) / (n + 2) + 1e-12
    if method is Recalibration.ISOTONIC:
        assert (np.diff(found) >= -1e-12).all()


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
