from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from hand_outcomes import found, hand_outcomes, nothing

from workbench.metrics import CATALOGUE, risk_coverage, threshold_for
from workbench.stats import wilson
from workbench.words import InputError

ALL = [one.id for one in CATALOGUE.values() if one.at_threshold]


def decisions(n: int, seed: int) -> pd.DataFrame:
    """Return outcomes whose confidence is informative and tied at two decimals."""
    rng = np.random.default_rng(seed)
    confidence = np.round(rng.beta(6, 2, n), 2)
    label = rng.choice(["a", "b", "up"], n)
    action = np.where(rng.random(n) < confidence, label, rng.choice(["a", "b", "up"], n))
    status = rng.choice(["ok", "invalid", "failed", "skipped"], n, p=[0.9, 0.05, 0.03, 0.02])
    return pd.DataFrame(
        {
            "record_id": np.arange(n).astype(str),
            "status": status,
            "action": np.where(status == "ok", action, None),
            "confidence": np.where((status == "ok") & (rng.random(n) < 0.97), confidence, np.nan),
            "label": label,
        }
    )


def test_automation_rate_is_of_everything_asked():
    estimate = found("automation_rate", hand_outcomes(), 0.9, "escalate")
    assert (estimate.value, estimate.n, estimate.excluded) == (3 / 9, 9, {"skipped": 1})
    assert (estimate.lower, estimate.upper) == wilson(3, 9, 0.95)


def test_selective_accuracy_is_of_the_automated_and_names_why_the_others_are_not():
    estimate = found("selective_accuracy", hand_outcomes(), 0.9, "escalate")
    assert (estimate.value, estimate.n) == (2 / 3, 3)
    assert estimate.excluded == {
        "escalated_by_agent": 2,
        "no_confidence": 1,
        "below_threshold": 1,
        "invalid": 1,
        "failed": 1,
        "skipped": 1,
    }


def test_missed_escalation_is_the_share_of_errors_that_slip_through():
    estimate = found("missed_escalation", hand_outcomes(), 0.9, "escalate")
    assert (estimate.value, estimate.n, estimate.excluded) == (1 / 4, 4, {"right": 5, "skipped": 1})
    of_all = found("missed_escalation_of_all", hand_outcomes(), 0.9, "escalate")
    assert (of_all.value, of_all.n, of_all.excluded) == (1 / 9, 9, {"skipped": 1})


def test_over_escalation_counts_what_a_human_need_not_have_seen():
    # r4 and r7 were right but held back, r6 chose itself to escalate; r5 had to be escalated, r8 and r9 had no action
    estimate = found("over_escalation", hand_outcomes(), 0.9, "escalate")
    assert (estimate.value, estimate.n, estimate.excluded) == (3 / 6, 6, {"automated": 3, "skipped": 1})


def test_escalation_metrics_of_nothing_are_undefined():
    for metric in ALL:
        estimate = found(metric, nothing(), 0.9, "escalate")
        assert (estimate.value, estimate.lower, estimate.upper, estimate.n) == (None, None, None, 0)


def test_an_agent_without_confidence_automates_nothing_and_its_selective_accuracy_is_undefined():
    outcomes = hand_outcomes().assign(confidence=np.nan)
    assert found("automation_rate", outcomes, 0.0, "escalate").value == 0.0
    assert found("selective_accuracy", outcomes, 0.0, "escalate").value is None
    assert found("missed_escalation", outcomes, 0.0, "escalate").value == 0.0
    assert risk_coverage(outcomes, "escalate").empty
    assert threshold_for(outcomes, 0.5, "escalate") is None


def test_every_denominator_and_its_exclusions_add_up_to_what_was_planned():
    outcomes = decisions(500, seed=1)
    for metric in ALL:
        estimate = found(metric, outcomes, 0.8, "up")
        assert estimate.n + sum(estimate.excluded.values()) == 500


def test_ties_in_confidence_are_automated_together():
    # by hand: r5 and r6 escalate, r7 has no confidence; left are .95 right, .90 one right and one wrong, .60 right
    points = risk_coverage(hand_outcomes(), "escalate")
    assert points["threshold"].tolist() == [0.95, 0.90, 0.60]
    assert points["automated"].tolist() == [1, 3, 4]
    assert points["right"].tolist() == [1, 2, 3]
    assert points["automation_rate"].tolist() == [1 / 9, 3 / 9, 4 / 9]
    assert points["selective_accuracy"].tolist() == [1.0, 2 / 3, 3 / 4]
    bounds = list(zip(points["lower"], points["upper"], strict=True))
    assert bounds == [wilson(1, 1, 0.95), wilson(2, 3, 0.95), wilson(3, 4, 0.95)]


def test_every_point_of_the_curve_equals_the_metrics_at_its_threshold():
    # second method: each threshold taken alone
    outcomes = decisions(400, seed=2)
    points = risk_coverage(outcomes, "up")
    assert points["threshold"].is_monotonic_decreasing
    for point in points.itertuples():
        rate = found("automation_rate", outcomes, point.threshold, "up", 0.95)
        accuracy = found("selective_accuracy", outcomes, point.threshold, "up", 0.95)
        assert (point.automated, point.automation_rate) == (accuracy.n, rate.value)
        assert point.selective_accuracy == accuracy.value
        assert (point.lower, point.upper) == (accuracy.lower, accuracy.upper)


def test_the_curve_of_nothing_has_no_points():
    assert risk_coverage(nothing(), "escalate").empty
    assert risk_coverage(nothing()).columns.tolist() == risk_coverage(hand_outcomes()).columns.tolist()


@pytest.mark.parametrize(
    ("target", "threshold", "automated"),
    [(0.75, 0.60, 4), (0.5, 0.60, 4), (0.76, 0.95, 1), (1.0, 0.95, 1)],
)
def test_the_threshold_chosen_automates_as_much_as_the_target_allows(target: float, threshold: float, automated: int):
    # the curve by hand: .95 gives 1 of 1, .90 gives 2 of 3, .60 gives 3 of 4
    choice = threshold_for(hand_outcomes(), target, "escalate")
    assert choice is not None
    assert (choice.threshold, choice.automated, choice.asked) == (threshold, automated, 9)
    assert choice.selective_accuracy >= target
    assert choice.automation_rate == automated / 9


def test_a_target_that_no_threshold_reaches_gives_no_threshold():
    outcomes = hand_outcomes().query("record_id == 'r2'")
    assert threshold_for(outcomes, 0.9, "escalate") is None
    assert threshold_for(nothing(), 0.9, "escalate") is None


def test_a_choice_says_that_it_is_not_certified():
    choice = threshold_for(hand_outcomes(), 0.75, "escalate")
    assert choice is not None
    assert json.loads(json.dumps(choice.as_json())) == {
        "threshold": 0.6,
        "target": 0.75,
        "automated": 4,
        "right": 3,
        "asked": 9,
        "automation_rate": 4 / 9,
        "selective_accuracy": 0.75,
        "certified": False,
    }


@pytest.mark.parametrize("target", [0.0, 1.2, 99.2])
def test_a_target_outside_its_range_is_refused(target: float):
    with pytest.raises(InputError, match="target for selective accuracy"):
        threshold_for(hand_outcomes(), target)


def test_the_curve_of_many_decisions_has_a_point_for_each_confidence():
    outcomes = decisions(20_000, seed=5)
    outcomes["confidence"] += np.random.default_rng(6).uniform(0, 1e-3, len(outcomes))  # no ties
    outcomes["confidence"] = outcomes["confidence"].clip(upper=1.0)
    automatable = outcomes[(outcomes["status"] == "ok") & (outcomes["action"] != "up")]
    assert len(risk_coverage(outcomes, "up")) == automatable["confidence"].nunique()
