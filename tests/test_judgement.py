"""Tests of what the holdout says as tables: the proof, the budget, estimates, rules, slices."""

from __future__ import annotations

import numpy as np
import pytest
from hand_evaluations import hand_evaluation
from judged_pilots import certified_version, judged_version
from scipy.stats import binom

from workbench.evaluation.kpis import KpiResult
from workbench.evaluation.rules import CharterRuleResult
from workbench.evaluation.shown import judgement
from workbench.evaluation.shown.ceiling import Ceiling
from workbench.metrics import Estimate, State, declared_slices, noise_ceiling
from workbench.metrics.confidence import calibration
from workbench.pilot.charter import Kpi
from workbench.records.ledger import Budget, Opening, Purpose
from workbench.stats import certify_threshold
from workbench.words import Brief


def proof(n: int = 1_000, target: float = 0.99):
    return certify_threshold(np.linspace(0.999, 0.5, n), np.ones(n, dtype=bool), target=target)


def test_the_proof_lists_the_last_test_first_with_its_exact_p_value() -> None:
    found = proof()
    table = judgement.proof_table(found)
    assert len(table) == len(found.steps.threshold)
    assert table["passes"].tolist() == ["yes"] * len(table)
    # without an error the p-value is the chance of n right decisions at 99%
    n = int(found.steps.n_automated[-1])
    assert float(table["p of being below the target"][0]) == pytest.approx(binom.pmf(0, n, 0.01), rel=5e-3)
    assert table["automated"][0] == f"{n:,} of 1,000 ({100 * n / 1_000:.1f}%)".replace("100.0%", "100%")


def test_the_chances_of_a_proof_rise_with_records_and_fall_with_errors() -> None:
    table = judgement.power_table(proof(300, 0.992))
    assert table.columns.tolist()[1:] == ["true error rate 0.10%", "true error rate 0.20%", "true error rate 0.40%"]
    chances = table.iloc[-1, 1:].str.strip("<>%").astype(float).tolist()
    assert chances == sorted(chances, reverse=True)


def test_a_rule_that_did_not_fire_is_named_with_its_records() -> None:
    results = [
        CharterRuleResult("fired", 4, ()),
        CharterRuleResult("slipped", 4, ("r1",)),
        CharterRuleResult("said in words", None, ()),
        CharterRuleResult("rare", 0, ()),
    ]
    assert judgement.rules_table(results).to_numpy().tolist() == [
        ["fired", "4 of 4 (100%)", "yes", ()],
        ["slipped", "3 of 4 (75.0%)", "NO", ("r1",)],
        ["said in words", "not testable on these records", "", ()],
        ["rare", "0 of 0", "nothing to test", ()],
    ]


def test_the_ledger_says_what_is_left() -> None:
    purpose = Purpose("evaluation", "agent", "a" * 64, "d" * 64, 300)
    opening = Opening(2, "2026-11-01T08:00:00+00:00", "ada", "c" * 40, False, purpose, None, "h" * 64, share=0.2)
    table = judgement.opening_table(opening, Budget(None, 2, 0.85)).set_index("entry")["value"]
    assert table["share of the significance level"] == "20.0%"
    assert table["left for the next openings"] == "15.0%"


def test_slices_estimates_and_calibration_have_their_denominators() -> None:
    rows = [(f"r{i}", "ok", "x" if i % 4 else "y", 0.5 + i / 100, "x") for i in range(40)]
    evaluation = hand_evaluation("v", rows)
    outcomes = evaluation.outcomes.assign(source=["a", "b"] * 20)
    table = judgement.slices_table(declared_slices(outcomes, ["source"])).set_index("slice")
    assert table.loc["source = a", ["wrong", "wrong elsewhere"]].tolist() == ["10 of 20 (50.0%)", "0%"]
    estimates = judgement.measured_table(evaluation.estimates).set_index("estimate")
    assert estimates.loc["accuracy", ["value", "of"]].tolist() == ["75.0%", "40"]
    assert estimates.loc["automation_rate", ["value", "interval", "interval by"]].tolist() == [
        "not known", "", "none: no threshold",
    ]  # fmt: skip
    measured = calibration(outcomes)["brier"]
    # Brier by hand: the mean squared distance of the confidence from 1 (right) or 0 (wrong)
    brier = np.mean([((0.5 + i / 100) - (1.0 if i % 4 else 0.0)) ** 2 for i in range(40)])
    assert (measured.value, measured.n) == (pytest.approx(brier), 40)


def test_the_answer_says_how_often_it_is_right_and_what_it_may_decide_alone() -> None:
    evaluation = certified_version()
    found = evaluation.certification
    lower = f"{100 * found.accuracy_lower:.2f}%"
    # 380 of 400 documents are to be paid, and all are
    assert judgement.judged_brief(evaluation, (), ("mind this", "")) == Brief(
        f"payer is right on 380 of 400 (95.0%) holdout records. It may decide {found.n_automated} of 400 "
        f"(100%) alone: at least {lower} right, proved at 95.0% confidence.",
        (("Mind", ("mind this",)),),
    )
    unproved = judgement.judged_brief(certified_version(target=0.999), (), ())
    assert unproved.lead.endswith("records. Nothing that it decides alone is proved to be right to 99.9%.")
    assert [title for title, _ in unproved.groups] == ["Next"]
    assert judgement.judged_brief(judged_version(), (), ()).groups == ()


def test_a_kpi_stands_on_one_line_with_its_target_and_its_answer() -> None:
    kpi = Kpi(id="auto", metric="automation_rate", operator=">=", target=0.8, confidence_level=0.95)
    result = KpiResult(kpi, Estimate.proportion(200, 400), State.FAIL)
    # Wilson 95% of 200 of 400: .4512 to .5488
    assert judgement.judged_brief(judged_version(), (result,), ()).groups == (
        ("KPIs", ("Decides alone (auto): 50.0% of 400 (45.1% to 54.9%), target at least 80%: not met",)),
    )


def test_a_ceiling_from_a_few_pairs_is_not_held_against_an_accuracy() -> None:
    few = noise_ceiling(Estimate.proportion(1, 10))
    assert Ceiling(few, few.method.removeprefix("none: ")).beside == "too few pairs to say"
    assert Ceiling(Estimate.proportion(49, 50), "").beside == "98.0% of 50 (89.5% to 99.6%)"
