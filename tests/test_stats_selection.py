from __future__ import annotations

import itertools

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from workbench.stats import (
    augrc,
    aurc,
    expected_calibration_error,
    ranking_auc,
    reliability,
)
from workbench.words import InputError

MEASURES = (aurc, augrc, expected_calibration_error, ranking_auc, reliability)


def drawn(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    confidence = np.round(generator.beta(5, 2, n), 2)
    return confidence, generator.random(n) < confidence


def test_aurc_is_the_mean_error_rate_over_coverages():
    # by hand: 0/1, 0/2, 1/3
    assert aurc([0.9, 0.8, 0.7], [1, 1, 0]) == pytest.approx(1 / 9)
    assert aurc([0.7, 0.8, 0.9], [1, 1, 0]) == pytest.approx((1 + 1 / 2 + 1 / 3) / 3)
    assert aurc([0.7], [0]) == 1.0


def test_augrc_is_the_mean_share_of_missed_errors_over_coverages():
    # by hand: 0/3, 0/3, 1/3
    assert augrc([0.9, 0.8, 0.7], [1, 1, 0]) == pytest.approx(1 / 9)
    assert augrc([0.7, 0.8, 0.9], [1, 1, 0]) == pytest.approx(1 / 3)


@pytest.mark.parametrize("measure", [aurc, augrc])
def test_ties_are_averaged_over_every_order(measure: object):
    # second method: all orders of five records, the middle three tied
    confidence, correct = np.array([0.9, 0.5, 0.5, 0.5, 0.1]), np.array([1, 0, 1, 1, 0])
    orders = itertools.permutations([0.001, 0.002, 0.003])
    nudged = [measure(confidence + np.array([0, *order, 0]), correct) for order in orders]
    assert measure(confidence, correct) == pytest.approx(np.mean(nudged))
    assert measure(confidence[::-1], correct[::-1]) == pytest.approx(np.mean(nudged))


def test_a_confidence_that_says_nothing_has_the_error_rate_as_its_area():
    assert aurc([0.5] * 8, [0, 0, 1, 1, 1, 1, 1, 1]) == pytest.approx(0.25)


def test_calibration_error_weighs_bins_by_their_records():
    # by hand, ten bins: (.8, .9] has 3 records, mean .9, 2 right; (.5, .6] has 1, .6, wrong
    value = expected_calibration_error([0.9, 0.9, 0.9, 0.6], [1, 1, 0, 0], n_bins=10)
    assert value == pytest.approx((3 * abs(2 / 3 - 0.9) + 1 * 0.6) / 4)


def test_calibration_error_of_all_equal_confidences_is_their_distance_from_the_accuracy():
    assert expected_calibration_error([0.8] * 10, [1] * 6 + [0] * 4) == pytest.approx(0.2)
    assert expected_calibration_error([1.0, 1.0, 0.0], [1, 1, 0]) == 0.0


def test_every_record_is_in_one_bin():
    confidence, correct = drawn(1_000, 1)
    table = reliability(confidence, correct, 10)
    assert table.n.sum() == 1_000
    assert table.right.sum() == correct.sum()
    assert (table.n > 0).all()
    assert np.bincount(table.bin_of).tolist() == table.n.tolist()
    assert ((table.lower <= table.confidence) & (table.confidence <= table.upper)).all()


def test_the_ranking_agrees_with_scikit_learn():
    confidence, correct = drawn(500, 2)
    assert ranking_auc(confidence, correct) == pytest.approx(roc_auc_score(correct, confidence))


def test_ranking_needs_both_right_and_wrong():
    assert ranking_auc([0.5, 0.6], [True, True]) is None
    assert ranking_auc([0.5, 0.6], [False, False]) is None


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize(
    ("confidence", "correct", "message"),
    [
        ([], [], "at least one number"),
        ([0.5, float("nan")], [1, 0], "finite numbers"),
        ([0.5, float("inf")], [1, 0], "finite numbers"),
        ([0.5, 0.6], [1], "one value per record"),
        ([0.5, 0.6], [1, 2], "true or false"),
        ([0.5, 0.6], [1, float("nan")], "true or false"),
        ([0.5, 0.6], ["yes", "no"], "true or false"),
        (["a", "b"], [1, 0], "must be numbers"),
        ([[0.5, 0.6]], [[1, 0]], "at least one number"),
    ],
)
def test_unusable_arrays_are_refused_with_one_message(
    measure: object, confidence: list[float], correct: list[int], message: str
):
    with pytest.raises(InputError, match=message):
        measure(confidence, correct)


def test_probabilities_lie_in_0_to_1():
    with pytest.raises(InputError, match="must lie in 0 to 1"):
        expected_calibration_error([1.2], [1])
    with pytest.raises(InputError, match="n_bins must be at least 1"):
        expected_calibration_error([0.2], [1], n_bins=0)
