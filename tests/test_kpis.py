"""KPIs held against an evaluation: three answers by one rule, the same on a page, in a command and at a gate."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from gate_pilots import gate, gate_pilot, outcomes_of, result, write_evaluation
from hand_evaluations import hand_evaluation

from workbench.evaluation import Evaluation
from workbench.evaluation.kpis import kpi_results
from workbench.evaluation.shown.kpis import kpi_table
from workbench.metrics import Estimate, Operator, State, state_of
from workbench.pilot.charter import Charter, Kpi
from workbench.pilot.pilot import Pilot
from workbench.records.splits import Split
from workbench.runs.runner import Session

Tickets = Callable[[int], Pilot]


def kpi(operator: str, target: float, metric: str = "accuracy", level: float = 0.95) -> Kpi:
    return Kpi.model_validate(
        {"id": metric, "metric": metric, "operator": operator, "target": target, "confidence_level": level}
    )


def on_holdout(evaluation: Evaluation, charge: float) -> Evaluation:
    """Return the evaluation as one of holdout records whose opening was charged a share of the level."""
    info = replace(evaluation.info, split="holdout")
    opening: Any = SimpleNamespace(charge=charge)
    return replace(evaluation, split=Split.HOLDOUT, session=Session(info, 0, 0, None), opening=opening)


@pytest.mark.parametrize(
    ("operator", "lower", "upper", "state"),
    [
        (">=", 0.81, 0.95, "pass"),
        (">=", 0.80, 0.95, "pass"),  # at least includes the target
        (">=", 0.70, 0.90, "unproven"),
        (">=", 0.70, 0.80, "unproven"),  # the upper end still reaches it
        (">=", 0.70, 0.79, "fail"),
        (">=", None, 0.79, "fail"),
        (">=", None, 0.90, "unproven"),
        (">=", None, None, "unproven"),
        ("<=", 0.10, 0.80, "pass"),
        ("<=", 0.10, 0.90, "unproven"),
        ("<=", 0.81, 0.90, "fail"),
        ("<=", 0.10, None, "unproven"),
        ("<=", 0.90, None, "fail"),
    ],
)
def test_only_a_whole_interval_on_one_side_answers(
    operator: str, lower: float | None, upper: float | None, state: str
) -> None:
    assert state_of(Operator(operator), 0.8, Estimate(0.8, lower, upper, 10, "by hand")) == state


def test_a_good_value_without_an_interval_is_not_enough() -> None:
    assert state_of(Operator.AT_LEAST, 0.5, Estimate(0.99, None, None, 10, "none")) is State.UNPROVEN


def test_development_records_answer_no_kpi(tickets: Tickets) -> None:
    kpis = (kpi(">=", 0.5), kpi("<=", 45, "latency_p95_s"), kpi(">=", 0.8, "automation_rate"))
    pilot = replace(tickets(40), charter=Charter(process="x", kpis=kpis))
    # 20 of 20 right: Wilson 95% from 20 / (20 + 1.96 ** 2) = .8389 to 1; no threshold, so no automation rate
    evaluation = hand_evaluation("A", [(f"r{i}", "ok", "x", 0.9, "x") for i in range(20)])
    table = kpi_table(pilot, evaluation)
    assert table[["metric", "wanted", "found", "answer"]].to_numpy().tolist() == [
        ["accuracy", "at least 50.0%", "100% of 20 (83.9% to 100%)", "development"],
        ["latency_p95_s", "at most 45 s", "500 ms (500 ms to ?), n 20", "development"],
        ["automation_rate", "at least 80.0%", "not known", "development"],
    ]


def test_a_development_interval_is_at_the_kpis_own_confidence_level(tickets: Tickets) -> None:
    pilot = replace(tickets(40), charter=Charter(process="x", kpis=(kpi(">=", 0.5, level=0.99),)))
    evaluation = hand_evaluation("A", [(f"r{i}", "ok", "x", 0.9, "x") for i in range(20)], threshold=0.5)
    # Wilson 99% of 20 of 20 starts at 20 / (20 + 2.5758 ** 2) = .7509
    assert kpi_table(pilot, evaluation)["found"].tolist() == ["100% of 20 (75.1% to 100%)"]


def test_a_holdout_bound_is_exact_and_at_the_level_that_its_opening_leaves(tickets: Tickets) -> None:
    kpis = (kpi(">=", 0.8), kpi(">=", 0.9, "automation_rate"))
    pilot = replace(tickets(40), charter=Charter(process="x", kpis=kpis))
    evaluation = hand_evaluation("A", [(f"r{i}", "ok", "x", 0.9, "x") for i in range(20)], threshold=0.5)
    right, automated = kpi_results(pilot.charter, on_holdout(evaluation, 0.5))
    # of 20 of 20 the exact lower bound at 1 - a is a ** (1 / 20): .025 -> .8316; the automation rate is not charged
    assert right.estimate.lower == pytest.approx(0.025 ** (1 / 20))
    assert automated.estimate.lower == pytest.approx(0.05 ** (1 / 20))
    assert (right.state, automated.state) == (State.PASS, State.UNPROVEN)
    assert kpi_table(pilot, on_holdout(evaluation, 0.5))["answer"].tolist() == ["met", "unproven"]


@pytest.mark.parametrize("n_right", [355, 366, 370, 371, 372, 373, 374, 380])
@pytest.mark.parametrize("charge", [2 / 3, 2 / 9, 2 / 27])
def test_page_and_gate_answer_alike_at_every_opening(tmp_path: Path, n_right: int, charge: float) -> None:
    pilot = gate_pilot(tmp_path / "root", gate([{"id": "right", "kpi": "right"}]))
    outcomes = outcomes_of(pilot, wrong=range(400 - n_right))
    write_evaluation(pilot, outcomes, share=charge)
    judged = result(pilot, "right")
    rows = [("r", "ok", "x", 0.9, "x")]
    page = replace(on_holdout(hand_evaluation("A", rows), charge), outcomes=outcomes)
    (found, *_) = kpi_results(pilot.charter, page)
    assert found.kpi.id == "right"
    assert judged.estimate is not None
    assert (found.state, found.estimate.as_json()) == (judged.state, judged.estimate.as_json())


def test_a_charter_without_kpis_is_an_empty_table(tickets: Tickets) -> None:
    pilot = replace(tickets(40), charter=Charter(process="x"))
    assert kpi_table(pilot, hand_evaluation("A", [("r1", "ok", "x", 0.9, "x")])).empty


def test_a_placeholder_is_called_so_beside_its_target_and_is_never_met(tickets: Tickets) -> None:
    agreed, left = kpi(">=", 0.5), kpi(">=", 0.2, "automation_rate").model_copy(update={"placeholder": True})
    pilot = replace(tickets(40), charter=Charter(process="x", kpis=(agreed, left)))
    evaluation = hand_evaluation("A", [(f"r{i}", "ok", "x", 0.9, "x") for i in range(20)], threshold=0.5)
    table = kpi_table(pilot, on_holdout(evaluation, 1.0))
    assert table["wanted"].tolist() == ["at least 50.0%", "at least 20.0% (placeholder)"]
    assert table["answer"].tolist() == ["met", "unproven"]
