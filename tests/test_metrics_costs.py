from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hand_outcomes import hand_outcomes, nothing

from workbench.metrics import (
    CertificationSettings,
    Estimate,
    UnitCosts,
    certify_outcomes,
    cheapest_certified,
    choice_of,
    cost_per_record,
    costs_by_threshold,
    minutes_saved,
    noise_ceiling,
    risk_coverage,
    risk_coverage_band,
)
from workbench.words import InputError

COSTS = UnitCosts(error=100.0, escalation=5.0)


def drawn(n: int, seed: int, entity_size: int | None = None) -> pd.DataFrame:
    """Return outcomes with calibrated confidence; a tenth is escalated by the agent."""
    generator = np.random.default_rng(seed)
    confidence = generator.beta(19, 1, n)
    right = generator.random(n) < confidence
    action = np.where(generator.random(n) < 0.1, "up", np.where(right, "a", "b"))
    table = pd.DataFrame(
        {
            "record_id": np.arange(n).astype(str),
            "status": "ok",
            "action": action,
            "confidence": confidence,
            "label": "a",
        }
    )
    return table if entity_size is None else table.assign(entity=[f"v{place // entity_size}" for place in range(n)])


def test_a_record_costs_its_error_or_its_escalation():
    # threshold .90: r1 r2 r3 are automated, r2 is wrong; six of nine asked are escalated
    found = cost_per_record(hand_outcomes(), 0.9, COSTS, "escalate")
    assert (found.value, found.n, found.excluded) == (pytest.approx((100 + 6 * 5) / 9), 9, {"skipped": 1})
    assert cost_per_record(nothing(), 0.9, COSTS).value is None


def test_costs_at_every_threshold_equal_those_taken_alone():
    table = costs_by_threshold(hand_outcomes(), COSTS, "escalate")
    assert math.isnan(table["threshold"][0])
    assert table["cost_per_record"][0] == 5.0
    for row in table.iloc[1:].itertuples():
        alone = cost_per_record(hand_outcomes(), row.threshold, COSTS, "escalate")
        assert row.cost_per_record == pytest.approx(alone.value)
    assert table["is_certified"].tolist() == [True, False, False, False]


def test_the_cheapest_threshold_is_one_that_passed_its_test():
    outcomes = drawn(3_000, 1)
    proof = certify_outcomes(outcomes, CertificationSettings(0.95, 0.95, 0.6, "up"))
    table = costs_by_threshold(outcomes, COSTS, "up", proof)
    assert set(table["threshold"][table["is_certified"]].dropna()) == set(proof.passed)
    best = cheapest_certified(table).iloc[0]
    assert best["is_certified"]
    assert best["cost_per_record"] <= table["cost_per_record"][0]
    assert best["threshold"] >= proof.threshold
    nothing_proved = cheapest_certified(costs_by_threshold(outcomes, COSTS, "up"))
    assert nothing_proved["automated"].tolist() == [0]


@pytest.mark.parametrize("values", [(-1.0, 5.0), (1.0, math.nan), (math.inf, 1.0)])
def test_impossible_costs_are_refused(values: tuple[float, float]):
    with pytest.raises(InputError, match="costs must be finite and not negative"):
        UnitCosts(*values)


def test_minutes_saved_are_those_of_the_automated_records():
    found = minutes_saved(hand_outcomes(), 0.9, 6.0, "escalate")
    assert (found.value, found.n) == (pytest.approx(1_000 * 6 * 3 / 9), 9)
    assert minutes_saved(hand_outcomes(), 0.9, 6.0, "escalate", records=300).value == pytest.approx(300 * 6 * 3 / 9)
    assert found.lower < found.value < found.upper
    assert minutes_saved(nothing(), 0.9, 6.0).value is None
    with pytest.raises(InputError, match="must be a positive number"):
        minutes_saved(hand_outcomes(), 0.9, 0.0)


def test_the_noise_ceiling_is_what_a_perfect_agent_would_be_seen_to_have():
    errors = Estimate.proportion(8, 1_000)
    ceiling = noise_ceiling(errors)
    assert (ceiling.value, ceiling.n) == (pytest.approx(0.992), 1_000)
    assert (ceiling.lower, ceiling.upper) == pytest.approx((1 - errors.upper, 1 - errors.lower))
    assert noise_ceiling(Estimate.undefined("no second label")).value is None


def test_a_certified_threshold_counts_what_is_never_automated_in_its_denominator():
    outcomes = drawn(3_000, 2)
    found = certify_outcomes(outcomes, CertificationSettings(0.95, 0.95, 0.6, "up"))
    choice = choice_of(found)
    assert choice is not None
    assert choice.is_certified
    assert choice.as_json()["certified"]
    automated = (outcomes["confidence"] >= found.threshold) & (outcomes["action"] != "up")
    assert (choice.automated, choice.right, choice.asked) == (
        int(automated.sum()),
        int((automated & (outcomes["action"] == "a")).sum()),
        3_000,
    )
    assert choice_of(certify_outcomes(drawn(50, 3), CertificationSettings(0.99, 0.95))) is None


def test_records_of_one_entity_are_a_cluster_and_those_without_one_stand_alone():
    settings = CertificationSettings(0.95, 0.95, 0.6, "up")
    alone = certify_outcomes(drawn(2_000, 4), settings)
    of_ten = certify_outcomes(drawn(2_000, 4, 10), settings)
    assert alone.clustering is None
    assert (of_ten.clustering.n_clusters, of_ten.clustering.largest) == (200, 10)
    assert of_ten.clustering.mean_size == pytest.approx((of_ten.n - (drawn(2_000, 4)["action"] == "up").sum()) / 200)
    half = drawn(2_000, 4, 10)
    half.loc[half.index[1_000:], "entity"] = None
    assert certify_outcomes(half, settings).clustering.n_clusters > 900
    assert certify_outcomes(drawn(2_000, 4, 1), settings).clustering is None


def test_the_band_holds_the_whole_curve_at_once():
    # 100 samples; the true accuracy at each point is that of calibrated confidences above it
    missed = 0
    for seed in range(100):
        outcomes = drawn(400, seed).assign(action=lambda t: np.where(t["action"] == "up", "b", t["action"]))
        band = risk_coverage_band(outcomes)
        above = [0.9 * outcomes["confidence"][outcomes["confidence"] >= at].mean() for at in band["threshold"]]
        missed += bool(((band["lower"] > above) | (band["upper"] < above)).any())
    assert missed / 100 <= 0.05 + 0.065  # three standard errors
    curve = risk_coverage(drawn(400, 1))
    band = risk_coverage_band(drawn(400, 1))
    assert len(band) == 20
    wide = band.merge(curve, on="threshold", suffixes=("", "_alone"))
    assert (wide["upper"] - wide["lower"] > wide["upper_alone"] - wide["lower_alone"]).all()
    assert risk_coverage_band(nothing()).empty
