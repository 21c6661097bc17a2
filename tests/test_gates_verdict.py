import json
from datetime import timedelta
from pathlib import Path
from xml.etree import ElementTree

import pytest
from gate_pilots import TODAY, facts_of, finding, gate, gate_pilot, outcomes_of, signed, write_audit, write_evaluation

from workbench.gates import Check, Criterion, CriterionResult, Decision, Kind, Missing, State, Verdict, decide
from workbench.gates.checks import check_answer
from workbench.gates.junit import junit_xml
from workbench.gates.schema import CriterionSettings
from workbench.gates.summary import markdown_summary
from workbench.gates.waivers import Waiver

RIGHT, LOAD = {"id": "right", "kpi": "right"}, {"id": "load", "check": "load"}
HOSTILE = "<script>alert(1)</script> | @all [x](http://evil.example) `a` \x00\x1b"


def one(name: str, state: State, **further: object) -> CriterionResult:
    criterion = Criterion(name, f"Title of {name}", Kind.CHECK, name)
    change = "" if state is State.PASS else f"mend {name}"
    return CriterionResult(criterion, state, f"reason of {name}", change, **further)  # type: ignore[arg-type]


def decision(*results: CriterionResult, waivers: tuple[Waiver, ...] = ()) -> Decision:
    return Decision("small", 2, "Good enough?", results, waivers, {})


def waiver(criterion: str, fault: str | None = None) -> Waiver:
    until = (TODAY + timedelta(days=3)).isoformat()
    return Waiver(criterion, "Ann", "sponsor", "next week", until, f"waivers/gate-2.{criterion}.yaml", fault)


@pytest.mark.parametrize(
    ("states", "verdict"),
    [
        ([State.PASS, State.PASS], Verdict.GO),
        ([State.PASS, State.UNPROVEN], Verdict.NO_GO),
        ([State.FAIL, State.PASS], Verdict.NO_GO),
        ([], Verdict.NO_GO),
    ],
)
def test_go_needs_every_criterion_to_pass(states: list[State], verdict: Verdict) -> None:
    assert decision(*(one(f"c{i}", state) for i, state in enumerate(states))).verdict is verdict


def test_a_void_waiver_lets_nothing_through() -> None:
    assert decision(one("load", State.FAIL), waivers=(waiver("load"),)).verdict is Verdict.GO
    assert decision(one("load", State.FAIL), waivers=(waiver("load", "it expired"),)).verdict is Verdict.NO_GO


def test_the_paragraph_says_why_what_would_change_it_and_how_much_is_missing() -> None:
    results = (
        one("a", State.PASS),
        one("b", State.FAIL),
        one("c", State.UNPROVEN, missing=Missing(records=300, days=3)),
        one("d", State.UNPROVEN, missing=Missing(records=1200, days=12, signatures=2)),
    )
    assert decision(*results).paragraph() == (
        "NO-GO: of 4 criteria 1 pass, 1 fail, 2 unproven. Failed: Title of b (reason of b). Unproven: "
        "Title of c (reason of c); Title of d (reason of d). What would change it: mend b; mend c; mend d. Missing "
        "evidence: about 1,200 labelled records, 12 days at the present volume, 2 signatures, 1 criterion that "
        "records and signatures alone would not settle."
    )
    assert decision(one("a", State.PASS)).paragraph() == "GO: 1 of 1 criteria pass."


def test_a_pilot_with_all_its_evidence_goes(tmp_path: Path) -> None:
    pilot = gate_pilot(tmp_path, gate([RIGHT, {"id": "limits", "check": "audit_limits"}]))
    signed(pilot)
    write_evaluation(pilot, outcomes_of(pilot, wrong=range(4)))
    write_audit(pilot, [finding("low")])
    assert decide(facts_of(pilot), 2, {}).verdict is Verdict.GO
    write_audit(pilot, [finding("critical")])
    assert decide(facts_of(pilot), 2, {}).verdict is Verdict.NO_GO


def test_every_check_has_an_answer(tmp_path: Path) -> None:
    facts = facts_of(gate_pilot(tmp_path, gate([LOAD]), n=20))
    for check in Check:
        answer = check_answer(check, facts, facts.gates.gates[2], CriterionSettings(id="x", check=check))
        assert answer.state in (State.UNPROVEN, State.FAIL), check  # nothing was measured: nothing passes
        assert answer.reason


def test_a_decision_is_plain_json(tmp_path: Path) -> None:
    pilot = gate_pilot(tmp_path, gate([RIGHT, LOAD]))
    signed(pilot)
    write_evaluation(pilot, outcomes_of(pilot))
    said = decide(facts_of(pilot), 2, {"agent": "A"}).as_json()
    assert json.loads(json.dumps(said, allow_nan=False)) == said
    assert said["counts"] == {"pass": 2, "fail": 0, "unproven": 1}  # distinct keys pass beside the KPI


def test_each_criterion_is_a_test_case_of_junit() -> None:
    results = (one("a", State.PASS), one("b", State.FAIL, details=("detail",)), one("c", State.UNPROVEN))
    suites = ElementTree.fromstring(junit_xml(decision(*results, waivers=(waiver("c"),))))
    (suite,) = suites
    assert {key: suite.get(key) for key in ("tests", "failures", "skipped", "errors")} == {
        "tests": "3", "failures": "1", "skipped": "1", "errors": "0",
    }  # fmt: skip
    cases = {case.get("name"): [child.tag for child in case] for case in suite.iter("testcase")}
    assert cases == {"a: Title of a": [], "b: Title of b": ["failure"], "c: Title of c": ["skipped"]}
    skipped = suite.find(".//skipped")
    assert skipped is not None
    assert "waived by Ann (sponsor)" in str(skipped.get("message"))


def test_junit_stays_well_formed_whatever_a_reason_says() -> None:
    bad = CriterionResult(Criterion("a", HOSTILE, Kind.CHECK, "a"), State.FAIL, HOSTILE, HOSTILE)
    suites = ElementTree.fromstring(junit_xml(decision(bad)))
    failure = suites.find(".//failure")
    assert failure is not None
    assert str(failure.get("message")).startswith("fail: <script>")


def test_a_summary_holds_no_markup_of_others() -> None:
    bad = CriterionResult(Criterion("a", HOSTILE, Kind.CHECK, "a"), State.FAIL, HOSTILE, HOSTILE)
    text = markdown_summary(decision(bad).as_json())
    assert "<script>" not in text
    assert "](http" not in text
    assert "@all" not in text.replace("\\@", "")
    assert (
        len([line for line in text.splitlines() if line.startswith("| ")]) == 2
    )  # head and one row: no pipe of a cell
    assert text.startswith("## NO-GO: gate 2 of small\n")
