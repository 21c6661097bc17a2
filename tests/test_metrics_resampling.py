"""Tests of weighted measures: a record with weight 2 is a record that is there twice."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import brier_score_loss

from workbench.metrics.resampling import Weighed, draw_again
from workbench.stats import aurc, expected_calibration_error, ranking_auc


def cases() -> list[tuple[np.ndarray, np.ndarray]]:
    rng = np.random.default_rng(3)
    smooth = rng.beta(5, 2, 200)
    tied = np.round(smooth * 5) / 5
    return [(some, (rng.random(200) < some).astype(float)) for some in (smooth, tied)]


@pytest.mark.parametrize("case", [0, 1])
def test_weighted_measures_are_those_of_records_written_out_as_often_as_they_weigh(case: int) -> None:
    confidence, right = cases()[case]
    weights = np.random.default_rng(4).integers(0, 4, (3, len(right))).astype(float)
    found = Weighed(confidence, right).measures(weights)
    for row in range(3):
        often = weights[row].astype(int)
        written, hits = np.repeat(confidence, often), np.repeat(right, often).astype(bool)
        assert found["ece"][row] == pytest.approx(expected_calibration_error(written, hits))
        assert found["brier"][row] == pytest.approx(brier_score_loss(hits, written))
        assert found["auroc"][row] == pytest.approx(ranking_auc(written, hits))
        assert found["aurc"][row] == pytest.approx(aurc(written, hits))


def test_measures_by_hand() -> None:
    # .9 right, .8 wrong, .6 right: error rates of the 1, 2 and 3 surest are 0, 1/2 and 1/3
    judged, once = Weighed(np.array([0.9, 0.8, 0.6]), np.array([1.0, 0.0, 1.0])), np.ones((1, 3))
    found = {name: float(values[0]) for name, values in judged.measures(once).items()}
    assert found["aurc"] == pytest.approx((0 + 1 / 2 + 1 / 3) / 3)
    assert found["auroc"] == pytest.approx(1 / 2)
    assert found["brier"] == pytest.approx((0.1**2 + 0.8**2 + 0.4**2) / 3)
    assert found["log_loss"] == pytest.approx(-(np.log(0.9) + np.log(0.2) + np.log(0.6)) / 3)
    assert found["ece"] == pytest.approx((0.1 + 0.8 + 0.4) / 3)
    assert found["ece_distance"] == 0.0, "the records do not move from themselves"


def test_ranking_is_undefined_where_no_decision_is_wrong() -> None:
    judged = Weighed(np.array([0.9, 0.8]), np.array([1.0, 1.0]))
    found = judged.measures(np.ones((1, 2)))
    assert np.isnan(found["auroc"][0])
    assert found["aurc"][0] == 0.0


def test_confidences_are_measured_on_the_same_draws_and_a_seed_gives_them_again() -> None:
    confidence, right = cases()[0]
    draws = draw_again({"one": confidence, "same": confidence.copy()}, right, 7, np.arange(200))
    assert (draws.draws["one", "aurc"] == draws.draws["same", "aurc"]).all()
    again = draw_again({"one": confidence}, right, 7, np.arange(200))
    assert (again.draws["one", "brier"] == draws.draws["one", "brier"]).all()
    assert len(np.unique(again.draws["one", "brier"])) > 900


def test_a_cluster_is_drawn_as_a_whole() -> None:
    # 100 clusters of 10 equal records are worth 100 records: the error of a mean is sqrt(10) times that of 1,000
    rng = np.random.default_rng(5)
    right = np.repeat((rng.random(100) < 0.8).astype(float), 10)
    confidence = np.full(1_000, 0.8)
    alone = draw_again({"c": confidence}, right, 1, np.arange(1_000)).draws["c", "brier"].std()
    together = draw_again({"c": confidence}, right, 1, np.repeat(np.arange(100), 10)).draws["c", "brier"].std()
    assert together / alone == pytest.approx(10**0.5, rel=0.1)
