"""Tests of workbench.report.kpis: three answers, and each needs its interval."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hand_evaluations import hand_evaluation

from workbench.charter import Charter, Kpi
from workbench.metrics import Estimate
from workbench.report.kpis import kpi_answer, kpi_table, verdict_text


def kpi(operator: str, target: float, metric: str = "accuracy", level: float = 0.95) -> Kpi:
    return Kpi.model_validate(
        {"id": metric, "metric": metric, "operator": operator, "target": target, "confidence_level": level}
    )


@pytest.mark.parametrize(
    ("operator", "lower", "upper", "answer"),
    [
        (">=", 0.81, 0.95, "met"),
        (">=", 0.80, 0.95, "met"),  # at least includes the target
        (">=", 0.70, 0.90, "cannot tell"),
        (">=", 0.70, 0.80, "cannot tell"),  # the upper end still reaches it
        (">=", 0.70, 0.79, "not met"),
        (">=", None, 0.79, "not met"),
        (">=", None, 0.90, "cannot tell"),
        (">=", None, None, "cannot tell"),
        ("<=", 0.10, 0.80, "met"),
        ("<=", 0.10, 0.90, "cannot tell"),
        ("<=", 0.81, 0.90, "not met"),
        ("<=", 0.10, None, "cannot tell"),
        ("<=", 0.90, None, "not met"),
    ],
)
def test_only_a_whole_interval_on_one_side_answers(operator, lower, upper, answer):
    assert kpi_answer(kpi(operator, 0.8), Estimate(0.8, lower, upper, 10, "by hand")) == answer


def test_a_good_value_without_an_interval_is_not_enough():
    assert kpi_answer(kpi(">=", 0.5), Estimate(0.99, None, None, 10, "none")) == "cannot tell"


def test_kpis_are_shown_with_target_estimate_and_answer(tickets):
    pilot = tickets(40)
    kpis = (kpi(">=", 0.5), kpi("<=", 45, "latency_p95_s"), kpi(">=", 0.8, "automation_rate"))
    pilot = replace(pilot, charter=Charter(process="x", kpis=kpis))
    # 20 of 20 right: Wilson 95% from 20 / (20 + 1.96 ** 2) = .8389 to 1; no threshold, so no automation rate
    evaluation = hand_evaluation("A", [(f"r{i}", "ok", "x", 0.9, "x") for i in range(20)])
    rows = kpi_table(pilot, evaluation)[["metric", "wanted", "found", "answer"]].to_numpy().tolist()
    assert rows == [
        ["accuracy", "at least 50.0%", "100% (83.9% to 100%), n 20", "met"],
        ["latency_p95_s", "at most 45 s", "0.5 s (0.5 s to ?), n 20".replace("0.5 s", "500 ms"), "cannot tell"],
        ["automation_rate", "at least 80.0%", "undefined", "cannot tell"],
    ]


def test_an_interval_is_at_the_kpis_own_confidence_level(tickets):
    charter = Charter(process="x", kpis=(kpi(">=", 0.5, level=0.99),))
    pilot = replace(tickets(40), charter=charter)
    evaluation = hand_evaluation("A", [(f"r{i}", "ok", "x", 0.9, "x") for i in range(20)], threshold=0.5)
    # Wilson 99% of 20 of 20 starts at 20 / (20 + 2.5758 ** 2) = .7509
    assert kpi_table(pilot, evaluation)["found"].tolist() == ["100% (75.1% to 100%), n 20"]


def test_a_charter_without_kpis_is_an_empty_table(tickets):
    pilot = replace(tickets(40), charter=Charter(process="x"))
    assert kpi_table(pilot, hand_evaluation("A", [("r1", "ok", "x", 0.9, "x")])).empty


def test_a_placeholder_is_called_so_beside_its_target_and_in_the_verdict(tickets):
    pilot = tickets(40)
    agreed, left = kpi(">=", 0.5), kpi(">=", 0.8, "automation_rate").model_copy(update={"placeholder": True})
    pilot = replace(pilot, charter=Charter(process="x", kpis=(agreed, left)))
    table = kpi_table(pilot, hand_evaluation("A", [(f"r{i}", "ok", "x", 0.9, "x") for i in range(20)]))
    assert table["wanted"].tolist() == ["at least 50.0%", "at least 80.0% (placeholder)"]
    assert verdict_text(pilot, table) == (
        "KPIs: 1 met, 1 cannot tell. 1 of 2 targets are placeholders that nobody agreed on: automation_rate."
    )
    settled = replace(pilot, charter=Charter(process="x", kpis=(agreed,)))
    assert verdict_text(settled, table.head(1)) == "KPIs: 1 met."
