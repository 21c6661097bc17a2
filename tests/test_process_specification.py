"""What process.yaml leaves open: the shipped ones nothing, and everything that is taken out or made wrong is named."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from gate_pilots import facts_of, gate, gate_pilot, result
from process_pilots import AGREED, CASES, PROCESS, SPECIFIED, gaps, process_pilot, specification
from typer.testing import CliRunner

from workbench.cases import Case, path_cases, path_gaps, read_cases
from workbench.commands.cli import app
from workbench.gates import decide
from workbench.gates.held.contents import bundle_files
from workbench.metrics import State
from workbench.pilot import Process, content_of, open_pilot, policy_part, read_process, read_review
from workbench.pilot.process import days_since_watched, end_steps, levels, process_gaps, reached
from workbench.words import InputError

ROOT = Path(__file__).parent.parent
Change = Callable[[dict[str, Any]], object]


@pytest.mark.parametrize("name", ["invoice_matching", "support_triage"])
def test_a_shipped_specification_leaves_nothing_open(name: str) -> None:
    pilot = open_pilot(name, ROOT)
    process, cases = read_process(pilot), read_cases(pilot)
    assert process is not None
    assert process_gaps(process, pilot.charter, read_review(pilot.suite)) == ()
    assert path_gaps(process, [case for _, case in cases.by_id.values()], cases.excluded) == ()
    assert len(process.steps) >= 8
    assert len(process.workarounds) >= 3
    assert len(process.observations) >= 3


def test_the_small_specification_leaves_nothing_open() -> None:
    assert gaps() == []


def step(place: int, **values: Any) -> Change:
    return lambda content: content["steps"][place].update(values)


def rule(place: int, **values: Any) -> Change:
    return lambda content: content["rules"][place].update(values)


def first(part: str, **values: Any) -> Change:
    return lambda content: content[part][0].update(values)


def without(*path: Any) -> Change:
    def change(content: Any) -> None:
        for key in path[:-1]:
            content = content[key]
        del content[path[-1]]

    return change


WAY = {"when": "it is", "to": "approve"}
ALONE = {"id": "alone", "title": "Nobody comes here", "who": "clerk", "system": "ERP", "next": ["approve"]}
CIRCLE = [{**ALONE, "id": "one", "next": ["two"]}, {**ALONE, "id": "two", "next": ["one"]}]
PLANTED: list[tuple[Change, list[tuple[str, str]]]] = [
    (step(0, who=" "), [("steps.arrival", "nobody is said to do it")]),
    (step(0, system=""), [("steps.arrival", "no system is named")]),
    (step(2, next=[]), [("steps.ask", "a dead end: nothing follows it")]),
    (step(0, next=["lok"]), [
        ("steps.arrival, goes on to", "'lok' is not a step or a decision"),
        ("steps.look", "no way leads to it"),
        ("steps.ask", "no way leads to it"),
        ("decisions.approve", "no step ends in it"),
        ("decisions.escalate", "no step ends in it"),
    ]),
    (step(1, next=["ask"]), [("steps.look", "it has both `next` and `branches`")]),
    (step(2, branches=[WAY], next=[]), [("steps.ask", "it decides between one way and no other")]),
    (step(2, branches=[WAY, {**WAY, "when": "It  IS"}], next=[]), [
        ("steps.ask", "two ways have one condition: it is"),
    ]),
    (lambda content: content["steps"].append(ALONE), [
        ("steps.alone", "no way leads to it"), ("steps.alone", "nobody watched it"),
    ]),
    (lambda content: content["steps"][1]["branches"].__setitem__(0, {"when": "it is", "to": "one"})
        or content["steps"].extend(CIRCLE) or content["observations"][0]["steps"].extend(["one", "two"]), [
        ("steps.one", "a circle without a way out: no decision follows"),
        ("steps.two", "a circle without a way out: no decision follows"),
        ("decisions.approve", "no step ends in it"),
    ]),
    (step(1, rules=["dispute", "large", "other"]), [("steps.look, rules", "'other' is not a rule")]),
    (step(1, rules=["dispute"]), [("rules.large", "no step tries it")]),
    (lambda content: content.update(steps=[*content["steps"], content["steps"][2]]), [
        ("steps.ask", "the id is given twice"),
    ]),
    (rule(0, condition=""), [("rules.dispute", "no condition")]),
    (rule(0, decision="refuse"), [
        ("rules.dispute, decision", "'refuse' is not a decision"),
        ("charter, high_risk.dispute", "no rule of process.yaml hands it over"),
    ]),
    (without("rules", 0, "to"), [
        ("rules.dispute", "it escalates to nobody"),
        ("charter, high_risk.dispute", "the charter says buyers, the rule dispute nobody"),
    ]),
    (rule(0, to="head"), [("charter, high_risk.dispute", "the charter says buyers, the rule dispute head")]),
    (rule(1, to="hed"), [
        ("rules.large, to", "'hed' is not a group of review.yaml"),
        ("charter, authority.limit", "no rule of process.yaml hands it over"),
    ]),
    (without("handed_over"), [("handed_over", "none")]),
    (lambda content: content["handed_over"].append("park"), [("handed_over", "'park' is not a decision")]),
    (lambda content: content["decisions"].update(park="wait"), [("decisions.park", "no step ends in it")]),
    (without("approvals"), [("decisions.approve", "no rule makes it")]),
    (first("exception_paths", step="look2"), [("exception_paths.angry, step", "'look2' is not a step")]),
    (first("exception_paths", step="arrival"), [("exception_paths.angry", "the step arrival does not try dispute")]),
    (first("exception_paths", rule="anger"), [
        ("exception_paths.angry, rule", "'anger' is not a rule"),
        ("exception_paths.angry", "the step look does not try anger"),
    ]),
    (first("exception_paths", happens="rings"), [("exception_paths.angry", "too vague: 'rings'")]),
    (without("exception_paths", 1, "no_case"), [("exception_paths.image", "neither a rule nor a test case")]),
    (lambda content: content["exception_paths"][1].update(to="nobody"), [
        ("exception_paths.image, to", "'nobody' is not a group of review.yaml"),
    ]),
    (without("workarounds"), [("workarounds", "none")]),
    (first("workarounds", why=""), [("workarounds.by-hand, why", "nothing")]),
    (first("workarounds", agent="It must not."), [("workarounds.by-hand, agent", "too vague: 'It must not.'")]),
    (first("workarounds", step="lunch"), [("workarounds.by-hand, step", "'lunch' is not a step")]),
    (without("workarounds", 0, "rule"), [("workarounds.by-hand", "neither a rule nor a test case")]),
    (first("workarounds", rule="small"), [("workarounds.by-hand, rule", "'small' is not a rule")]),
    (without("observations"), [("observations", "nobody watched the work")]),
    (first("observations", steps=["arrival", "look"]), [("steps.ask", "nobody watched it")]),
    (first("observations", steps=["arrival", "look", "ask", "lunch"]), [
        ("observations.2026-10-01", "'lunch' is not a step"),
    ]),
    (lambda content: content.update(valid_from=date(2026, 11, 1)), [
        ("observations.2026-10-01", "too old: the rules hold since 2026-11-01, other ones were watched"),
    ]),
    (without("valid_from"), [("valid_from", "no day")]),
]  # fmt: skip


@pytest.mark.parametrize(("change", "expected"), PLANTED)
def test_what_is_taken_out_or_made_wrong_is_named_and_nothing_else(
    change: Change, expected: list[tuple[str, str]]
) -> None:
    assert gaps(change) == expected


def test_a_specification_of_rules_alone_lacks_steps_workarounds_and_observations() -> None:
    def only_rules(content: dict[str, Any]) -> None:
        for name in ("steps", "exception_paths", "workarounds", "observations"):
            del content[name]

    assert [part for part, _ in gaps(only_rules)] == ["steps", "workarounds", "observations"]


def test_without_review_yaml_nobody_is_there_to_escalate_to() -> None:
    assert gaps(review=None) == [("review.yaml", "missing")]


def test_a_high_risk_category_without_a_rule_is_named() -> None:
    more = [*AGREED["high_risk"], {"id": "new", "description": "new vendors", "to": "master data"}]
    expected = [("charter, high_risk.new", "no rule of process.yaml hands it over")]
    assert gaps(charter={**AGREED, "high_risk": more}) == expected


def test_a_way_back_is_no_circle_without_an_end() -> None:
    process = specification()
    assert reached(process) == {"arrival", "look", "ask", "approve", "escalate"}
    assert end_steps(process) == {"arrival", "look", "ask"}
    assert levels(process) == (("arrival",), ("look",), ("ask",), ("approve", "escalate"))


def cases(*left_out: str, **changes: Any) -> list[Case]:
    return [Case.model_validate({**one, **changes.get(one["id"], {})}) for one in CASES if one["id"] not in left_out]


def test_each_way_is_taken_by_its_cases() -> None:
    assert path_cases(specification(), cases()) == {
        "rule:dispute": 1, "rule:large": 1, "exception:large/agreed": 1, "approval:match": 1,
    }  # fmt: skip
    assert path_gaps(specification(), cases(), {}) == ()


@pytest.mark.parametrize(
    ("left_out", "part", "token"),
    [
        ("disputed", "rules.dispute", "rule:dispute@holds"),
        ("too-large", "rules.large", "rule:large@holds"),
        ("agreed", "exceptions.large/agreed", "exception:large/agreed@used"),
        ("in-order", "approvals.match", "approval:match"),
    ],
)
def test_a_way_that_no_case_takes_is_a_gap_unless_a_signed_suite_says_why(left_out: str, part: str, token: str) -> None:
    [gap] = path_gaps(specification(), cases(left_out), {})
    assert (gap.part, gap.problem) == (part, "no test case")
    assert token in gap.remedy
    assert path_gaps(specification(), cases(left_out), {token: "cannot be made"}) == ()


def test_below_its_limit_a_rule_has_no_case() -> None:
    below = cases(**{"too-large": {"covers": ["rule:large@below"]}})
    assert [gap.part for gap in path_gaps(specification(), below, {})] == ["rules.large"]
    assert path_gaps(specification(), below, {"rule:large@below": "no reason for above"}) != ()


def test_a_case_that_a_workaround_names_must_be_in_a_suite() -> None:
    process = specification(first("workarounds", cases=["too-larg"]))
    [gap] = path_gaps(process, cases(), {})
    assert (gap.part, gap.problem) == ("workarounds.by-hand, cases", "'too-larg' is in no suite")
    assert "too-large" in gap.remedy


def test_how_the_work_is_done_is_no_part_of_what_the_policy_decides_by() -> None:
    bare = {name: PROCESS[name] for name in ("title", "valid_from", "decisions", "rules", "approvals")}
    assert policy_part(PROCESS) == bare
    assert content_of(specification()) == content_of(Process.model_validate(bare))
    assert not {"steps", "observations"} & content_of(specification()).keys()


def test_the_age_of_the_newest_observation_is_said_in_days() -> None:
    assert days_since_watched(specification(), date(2026, 10, 31)) == 30
    assert days_since_watched(specification(without("observations")), date(2026, 10, 31)) is None


def test_the_check_at_a_gate_passes_fails_and_is_unproven(tmp_path: Path) -> None:
    pilot = process_pilot(tmp_path / "whole")
    found = result(pilot, "process")
    assert (found.state, found.reason) == (State.PASS, "3 steps, 2 rules and 1 workaround, from 1 observation")
    (pilot.suite / "review.yaml").unlink()
    found = result(pilot, "process")
    assert (found.state, found.reason) == (State.FAIL, "process.yaml has 1 gap in 3 steps, 2 rules")
    assert found.details == ("review.yaml: missing; name the people and groups that decide what the agent must not",)
    bare = gate_pilot(tmp_path / "bare", gate(SPECIFIED))
    (bare.suite / "process.yaml").unlink(missing_ok=True)
    assert result(bare, "process").state is State.UNPROVEN


def test_the_command_says_gaps_with_exit_code_1_and_nothing_with_0(tmp_path: Path) -> None:
    pilot = process_pilot(tmp_path)
    root = ["--root", str(tmp_path)]
    said = CliRunner().invoke(app, ["process", "check", pilot.name, *root])
    assert (said.exit_code, said.output.splitlines()[0]) == (0, "The process is complete: 3 steps and 2 rules.")
    content = copy.deepcopy(PROCESS)
    content["steps"][2]["next"] = []
    process_pilot(tmp_path / "again", content)
    said = CliRunner().invoke(app, ["process", "check", pilot.name, "--root", str(tmp_path / "again"), "--json"])
    listed = json.loads(said.output)
    assert (said.exit_code, listed["complete"], listed["steps"]) == (1, False, 3)
    assert [gap["part"] for gap in listed["gaps"]] == ["steps.ask"]
    (pilot.suite / "process.yaml").unlink()
    said = CliRunner().invoke(app, ["process", "check", pilot.name, *root])
    assert isinstance(said.exception, InputError)
    assert "no process specification" in str(said.exception)


def test_a_bundle_holds_what_the_check_looks_at(tmp_path: Path) -> None:
    pilot = process_pilot(tmp_path)
    for name in ("findings.yaml", "acceptance.yaml"):
        (pilot.suite / name).write_text("title: signed with the rest\n", encoding="utf-8")
    facts = facts_of(pilot)
    held = bundle_files(pilot, facts, decide(facts, 1, {}))
    assert {"process.yaml", "review.yaml", "findings.yaml", "acceptance.yaml", "suites/all.yaml"} <= held.keys()
