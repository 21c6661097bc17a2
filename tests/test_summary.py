from __future__ import annotations

import json

import pandas as pd
from hand_outcomes import hand_outcomes, nothing

import workbench.metrics
from workbench.metrics import CATALOGUE, KPI_METRICS, METRIC_NAMES, EvaluationSettings, evaluate_outcomes
from workbench.pilot import Price

LISTED = tuple(name for name in METRIC_NAMES if CATALOGUE[name].column is None)
SETTINGS = EvaluationSettings(
    threshold=0.9,
    escalate_label="escalate",
    price=Price(input_per_million=2.0, output_per_million=10.0),
    wall_s=16.0,
)


def test_every_metric_a_kpi_may_name_is_computed():
    assert set(KPI_METRICS) <= set(METRIC_NAMES)
    assert tuple(evaluate_outcomes(hand_outcomes(), SETTINGS)) == LISTED


def test_the_summary_holds_the_numbers_counted_by_hand():
    # the counts stand in hand_outcomes.py and in the tests of each metric
    estimates = evaluate_outcomes(hand_outcomes(), SETTINGS)
    assert {name: estimate.value for name, estimate in estimates.items() if name != "cost_per_decision"} == {
        "accuracy": 5 / 9,
        "accuracy_exact": 5 / 9,
        "macro_f1": (3 / 4 + 1 / 2 + 1 / 2) / 3,
        "reason_accuracy": 2 / 4,
        "automation_rate": 3 / 9,
        "selective_accuracy": 2 / 3,
        "missed_escalation": 1 / 4,
        "missed_escalation_of_all": 1 / 9,
        "over_escalation": 3 / 6,
        "latency_p50_s": 4.0,
        "latency_p95_s": 8.0,
        "latency_p99_s": 8.0,
        "throughput_per_hour": 1800.0,
        "prompt_tokens": 200.0,
        "completion_tokens": 15.0,
    }


def test_every_estimate_accounts_for_every_planned_record():
    for settings in (SETTINGS, EvaluationSettings()):
        for name, estimate in evaluate_outcomes(hand_outcomes(), settings).items():
            assert estimate.n + sum(estimate.excluded.values()) == 10, name


def test_the_names_are_the_same_when_nothing_can_be_computed():
    estimates = evaluate_outcomes(nothing(), SETTINGS)
    assert tuple(estimates) == LISTED
    assert {estimate.value for estimate in estimates.values()} == {None}


def test_without_a_threshold_escalation_is_undefined_and_says_so():
    estimates = evaluate_outcomes(hand_outcomes(), EvaluationSettings())
    for name in ("automation_rate", "selective_accuracy", "missed_escalation", "over_escalation"):
        assert (estimates[name].value, estimates[name].method) == (None, "none: no threshold")


def test_the_confidence_level_reaches_every_interval():
    narrow = evaluate_outcomes(hand_outcomes(), EvaluationSettings(0.9, "escalate", confidence_level=0.8))
    assert [e.method for e in narrow.values() if e.lower is not None] == [
        "Wilson 80%",
        "Clopper-Pearson 80%",
        *["Wilson 80%"] * 6,
        *["order statistics 80%"] * 3,
        *["Student t 80%"] * 2,
    ]


def test_the_summary_is_json():
    estimates = evaluate_outcomes(hand_outcomes(), SETTINGS)
    text = json.dumps({name: estimate.as_json() for name, estimate in estimates.items()}, allow_nan=False)
    assert json.loads(text)["accuracy"]["n"] == 9


def test_the_outcomes_are_not_changed():
    outcomes = hand_outcomes()
    evaluate_outcomes(outcomes, SETTINGS)
    pd.testing.assert_frame_equal(outcomes, hand_outcomes())


def test_what_the_room_offers_is_there_and_sorted():
    names = workbench.metrics.__all__
    assert all(hasattr(workbench.metrics, name) for name in names)
    assert len(set(names)) == len(names)
