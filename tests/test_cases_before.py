"""Bundles of before held decided holdout records for test cases; their criterion is decided again as it was."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from gate_pilots import facts_of, gate, gate_pilot, outcomes_of, write_evaluation

from workbench.gates.criteria import CriterionResult
from workbench.gates.judging import judged_criteria
from workbench.metrics import State
from workbench.pilot.pilot import Pilot

CASES = [{"id": "cases", "check": "test_cases", "at_least": 200, "each": 20}]


def result(pilot: Pilot, criterion: str) -> CriterionResult:
    """Return what facts say of one criterion that come from a time without an exhibit of cases."""
    facts = facts_of(pilot)
    absent = {name: why for name, why in facts.absent.items() if name != "cases"}
    return next(one for one in judged_criteria(replace(facts, absent=absent), 2) if one.criterion.id == criterion)


def test_holdout_records_are_no_test_cases_now(tmp_path: Path) -> None:
    pilot = gate_pilot(tmp_path, gate(CASES))
    write_evaluation(pilot, outcomes_of(pilot))
    found = next(one for one in judged_criteria(facts_of(pilot), 2) if one.criterion.id == "cases")
    assert found.state is State.UNPROVEN
    assert found.reason == "no test of the cases has been run; workbench cases run small --agent NAME"


def test_test_cases_are_counted_by_class(tmp_path: Path) -> None:
    pilot = gate_pilot(tmp_path, gate(CASES))
    write_evaluation(pilot, outcomes_of(pilot))
    found = result(pilot, "cases")
    assert (found.state, found.reason) == (State.PASS, "400 test cases were decided: common 134, edge 133, error 133")


def test_a_class_with_too_few_cases_leaves_them_unproven(tmp_path: Path) -> None:
    pilot = gate_pilot(tmp_path, gate(CASES))
    classes = ["error" if i < 19 else "common" if i % 2 else "edge" for i in range(400)]
    write_evaluation(pilot, outcomes_of(pilot, **{"class": classes}))
    found = result(pilot, "cases")
    assert (found.state, found.missing.records) == (State.UNPROVEN, 1)


def test_skipped_records_are_no_test_cases(tmp_path: Path) -> None:
    pilot = gate_pilot(tmp_path, gate(CASES))
    status = ["skipped" if i >= 150 else "ok" for i in range(400)]
    write_evaluation(pilot, outcomes_of(pilot, status=status))
    assert result(pilot, "cases").missing.records == 50


def test_suites_name_cases_and_a_record_counts_once(tmp_path: Path) -> None:
    pilot = gate_pilot(tmp_path, gate(CASES))
    write_evaluation(pilot, outcomes_of(pilot))
    suite = pilot.suite / "suites" / "hand.yaml"
    suite.parent.mkdir()
    suite.write_text(
        "title: By hand\ncases:\n  - {class: edge, where: {class: edge}}\n"
        "  - {class: edge, records: [R0001, R0004, GONE]}\n  - {class: error, where: {class: error}}\n",
        encoding="utf-8",
    )
    found = result(pilot, "cases")
    assert found.state is State.UNPROVEN
    assert "266 test cases were decided (common 0, edge 133, error 133)" in found.reason
