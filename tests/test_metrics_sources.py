"""Tests of confidences side by side: the same decisions, intervals that cover, and differences that can be told."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hand_outcomes import hand_outcomes, nothing
from over_confident import three_confidences
from sklearn.metrics import brier_score_loss, log_loss

from workbench.metrics import calibration, compare_sources
from workbench.metrics.sources import MEASURED
from workbench.stats import aurc, expected_calibration_error, ranking_auc
from workbench.words import InputError

TRUTHS = {
    "ece": expected_calibration_error,
    "brier": lambda confidence, right: brier_score_loss(right, confidence),
    "log_loss": lambda confidence, right: log_loss(right, np.clip(confidence, 1e-6, 1 - 1e-6)),
    "auroc": ranking_auc,
    "aurc": aurc,
}


def test_measures_are_those_of_each_confidence_alone() -> None:
    outcomes = three_confidences(400, 1)
    found = compare_sources(outcomes, ["one", "poor"]).measures
    for name in ("one", "poor"):
        alone = calibration(outcomes, name)
        assert found[name]["auroc"].value == pytest.approx(alone["auc"].value)
        for measure in ("ece", "brier", "log_loss", "aurc"):
            assert found[name][measure].value == pytest.approx(alone[measure].value)
            assert found[name][measure].n == 400
            lower, upper = found[name][measure].lower, found[name][measure].upper
            assert lower <= found[name][measure].value <= upper


def test_all_confidences_are_judged_on_the_decisions_that_have_all_of_them() -> None:
    # r1 to r6 are valid with a confidence, r7 has none, of the rest some are invalid, failed or skipped
    outcomes = hand_outcomes().assign(other=lambda table: table["confidence"].where(table["record_id"] != "r2"))
    found = compare_sources(outcomes, ["confidence", "other"], besides=["confidence"])
    assert sorted(found.record_ids) == ["r1", "r3", "r4", "r5", "r6"]
    assert {one.n for measures in found.measures.values() for one in measures.values()} == {5}
    excluded = found.measures["other"]["brier"].excluded
    assert sum(excluded.values()) + 5 == len(outcomes)
    assert excluded["without_one_of_the_confidences"] == 2


def test_a_confidence_that_says_more_is_told_apart_and_an_equal_one_is_not() -> None:
    found = compare_sources(three_confidences(600, 2), ["one", "poor", "other"])
    assert found.best in ("one", "other")
    by_names = {(pair.first, pair.second): pair for pair in found.pairs}
    assert by_names["one", "poor"].better == "one"
    assert by_names["poor", "other"].better == "other"
    assert by_names["one", "other"].better is None
    assert by_names["one", "poor"].ratio.method.startswith("paired bootstrap, 3 pairs together, 95%")


def test_a_confidence_cannot_be_told_apart_from_itself() -> None:
    found = compare_sources(three_confidences(300, 3).assign(same=lambda table: table["one"]), ["one", "same"])
    assert found.pairs[0].ratio.value == 1.0
    assert found.pairs[0].better is None


def test_one_confidence_has_measures_and_nothing_to_be_compared_with() -> None:
    found = compare_sources(three_confidences(200, 4), ["one"])
    assert found.pairs == ()
    assert found.best is None
    assert found.measures["one"]["aurc"].value is not None


def test_where_no_decision_is_wrong_no_confidence_is_better() -> None:
    found = compare_sources(three_confidences(100, 5).assign(action="a"), ["one", "poor"])
    assert found.best is None
    assert found.pairs[0].ratio.value is None
    assert found.measures["one"]["auroc"].value is None
    assert found.measures["one"]["aurc"].value == 0.0
    bounds = {(one.lower, one.upper) for one in found.measures["one"].values()}
    assert bounds == {(None, None)}, "no interval of width 0"


def test_a_single_wrong_decision_gives_values_and_no_intervals_of_ranking() -> None:
    outcomes = three_confidences(100, 6)
    found = compare_sources(outcomes.assign(action=["b"] + ["a"] * 99), ["one", "poor"])
    assert found.measures["one"]["auroc"].value is not None
    assert found.measures["one"]["auroc"].lower is None
    assert found.pairs[0].ratio.lower is None
    assert found.pairs[0].better is None


def test_nothing_to_compare_is_undefined() -> None:
    found = compare_sources(nothing(), ["confidence"])
    assert found.record_ids == ()
    assert {one.value for one in found.measures["confidence"].values()} == {None}
    with pytest.raises(InputError, match="no column 'agreement'"):
        compare_sources(hand_outcomes(), ["confidence", "agreement"])


def test_records_of_one_entity_are_worth_less() -> None:
    alone = three_confidences(80, 7)
    ten_times = pd.concat([alone] * 10, ignore_index=True).assign(record_id=lambda table: table.index.astype(str))
    entity = np.tile(np.arange(80).astype(str), 10)
    wide = compare_sources(ten_times.assign(entity=entity), ["one"]).measures["one"]["brier"]
    narrow = compare_sources(ten_times, ["one"]).measures["one"]["brier"]
    assert np.log(wide.upper / wide.lower) / np.log(narrow.upper / narrow.lower) == pytest.approx(10**0.5, rel=0.15)
    one_entity = compare_sources(ten_times.assign(entity="all of them"), ["one"]).measures["one"]["brier"]
    assert (one_entity.lower, one_entity.upper) == (None, None)
    unknown = compare_sources(ten_times.assign(entity=None), ["one"]).measures["one"]["brier"]
    assert (unknown.lower, unknown.upper) == (narrow.lower, narrow.upper), "no entity is an entity of its own"


@pytest.mark.slow
@pytest.mark.parametrize(("n", "ease"), [(300, 2.0), (300, 4.5), (1_000, 4.5)])
def test_intervals_cover_the_truth(n: int, ease: float) -> None:
    # 19% and 3% of decisions are wrong; the truth is that of a million of them. 200 samples: 1.65 standard errors of a
    # coverage of 95% are 2.5 points; the intervals are approximate, so 3 more points are allowed.
    million = three_confidences(1_000_000, 0, ease)
    right = (million["action"] == "a").to_numpy()
    truth = {measure: TRUTHS[measure](million["one"], right) for measure in MEASURED}
    covered = dict.fromkeys(MEASURED, 0)
    for seed in range(200):
        found = compare_sources(three_confidences(n, seed + 1, ease), ["one"], seed=seed).measures["one"]
        for measure in MEASURED:
            one = found[measure]
            covered[measure] += one.lower is None or one.lower <= truth[measure] <= one.upper
    assert min(covered.values()) >= 200 * (0.95 - 0.055), covered


@pytest.mark.slow
def test_equal_confidences_are_rarely_told_apart() -> None:
    told = sum(
        compare_sources(three_confidences(400, seed), ["one", "other"], seed=seed).pairs[0].better is not None
        for seed in range(200)
    )
    assert told <= 200 * 0.05 + 1.65 * (200 * 0.05 * 0.95) ** 0.5
