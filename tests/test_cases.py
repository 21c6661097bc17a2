"""Test cases as evidence: asked once, judged, counted where a person confirmed them, and computed again."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pandas as pd
import pytest
import yaml
from case_pilots import case, order_pilot, orders, quietly, sign_suite, write_suite
from statsmodels.stats.proportion import proportion_confint

from workbench.agents import Decision
from workbench.cases import MAKER, cases_junit, read_cases
from workbench.cases.asking import answers_in, ask_about
from workbench.cases.conduct import MISCONDUCT
from workbench.cases.findings import case_findings
from workbench.cases.judging import Bench
from workbench.cases.made import asked_records, case_records, ground_of
from workbench.cases.numbers import estimates_of_cases, relations_table
from workbench.cases.results import cases_table
from workbench.engines import EngineChoice
from workbench.environment import Effect, ToolCall, ToolFault, Trace
from workbench.evaluation import evaluate
from workbench.evaluation.versions import tried_versions
from workbench.evidence import Exhibit, Facts, Population, read_exhibit
from workbench.evidence.exhibit import exhibit_folder
from workbench.gates.reading import read_facts
from workbench.metrics import State, Status
from workbench.pilot.pilot import Pilot, open_pilot
from workbench.records import Record, named_cells
from workbench.records.splits import Split, read_dataset
from workbench.runs import RunRequest
from workbench.runs.journal import JOURNAL_FILE, Apart, Journal
from workbench.words import InputError, RunError, SignatureError

WHY = {str(row[0]): (str(row[12]), str(row[13])) for row in orders()}


def right(name: str, base: str, **facts: Any) -> dict[str, Any]:
    """Return a case that expects what the policy decides on the record as it is."""
    action, reason = WHY[base]
    return case(name, base, expect={"action": action, "reason": reason}, **facts)


HAND = [
    right("plain", "O004", covers=["rule:heavy@below"]),
    right("heavy", "O001", **{"class": "edge"}, covers=["rule:heavy@above", "target:warehouse"]),
    case("at", "O001", set={"weight": "5.000"}, **{"class": "edge"}, covers=["rule:heavy@at"]),
    case("wrong", "O001", **{"class": "error"}),
    case("louder", "O000", relation="reason_same", change="case"),
    case("silent", "O001", relation="same", change="two_intents", set={"note": None}),
]


def made(pilot: Pilot, agent: str = "exact", **facts: Any) -> Exhibit:
    return MAKER.make(pilot, read_dataset(pilot), quietly(agent, **facts))


def facts_of(pilot: Pilot, exhibit: Exhibit) -> Facts:
    dataset = read_dataset(pilot)
    population = Population(dataset.digest, 4, None)
    cells = named_cells(dataset, pd.Index([], dtype=object), ())
    return Facts(pilot, population, cells, {"cases": exhibit}, {}, (Path("none"), ()), date(2026, 11, 30))


@pytest.fixture
def signed(tmp_path: Path) -> Pilot:
    pilot = order_pilot(tmp_path)
    write_suite(pilot, HAND)
    sign_suite(pilot)
    return pilot


def test_each_case_is_judged_and_one_that_cannot_be_made_says_why(signed: Pilot) -> None:
    exhibit = made(signed)
    table = exhibit.tables["cases"].set_index("case")
    assert table["passed"].to_dict() == {
        "plain": True, "heavy": True, "at": True, "wrong": False, "louder": True, "silent": False
    }  # fmt: skip
    assert table.loc["wrong", "failures"] == "expected approve, got escalate"
    assert (table.loc["silent", "judged"], table.loc["silent", "unchangeable"]) == (
        False,
        "this record has no free text",
    )
    passed, relations = exhibit.estimates["cases_passed"], exhibit.estimates["relations_violated"]
    assert (passed.value, passed.n, dict(passed.excluded)) == (4 / 5, 5, {"not judged": 1})
    assert (passed.lower, passed.upper) == pytest.approx(proportion_confint(4, 5, 0.05, "beta"))
    assert (relations.value, relations.n) == (0.0, 1)
    assert exhibit.estimates["cases_designed"].value == 5
    assert exhibit.estimates["forbidden_writes"].value is None, "no tool was seen"
    # needed: 8 of rules and exceptions, 3 targets, 1 fact; covered: three sides of heavy and the warehouse
    assert exhibit.estimates["rule_coverage"].value == 4 / 12
    assert exhibit.answer == (
        "exact passes 4 of 5 confirmed test cases; changes that mean nothing move 0% of 1 decisions; "
        "4 of 12 parts of the process have a case."
    )
    assert len(exhibit.answer.split()) <= 40


def test_only_cases_of_a_signed_file_count(tmp_path: Path) -> None:
    pilot = order_pilot(tmp_path)
    write_suite(pilot, HAND)
    exhibit = made(pilot)
    assert exhibit.estimates["cases_passed"].value is None
    assert exhibit.estimates["rule_coverage"].value == 0
    assert exhibit.answer == (
        "exact passes 4 of 5 proposed test cases; none counts before a person signs its suite."
    )  # fmt: skip
    sign_suite(pilot)
    note = MAKER.present(pilot, read_dataset(pilot), None)
    assert note == "the suites changed since the last test of the cases; workbench cases run small --agent NAME"
    assert made(pilot).estimates["cases_passed"].n == 5


def test_a_case_is_asked_once_and_a_new_one_asks_only_for_itself(signed: Pilot) -> None:
    made(signed)
    with Journal(signed.runs / JOURNAL_FILE) as journal:
        (first,) = journal.runs(Apart.CASES.value)
    made(signed)
    write_suite(signed, [case("one-more", "O004", set={"weight": "1.000,0"})], "more")
    made(signed)
    with Journal(signed.runs / JOURNAL_FILE) as journal:
        later, again = journal.runs(Apart.CASES.value)
    assert again.run == first.run
    assert again.called == first.called == first.planned, "the second time nothing was asked"
    assert (later.called, later.planned) == (1, first.planned + 1)


def test_a_record_as_it_is_shares_its_decision_with_the_development_run(signed: Pilot) -> None:
    evaluate(signed, "exact", RunRequest(Split.DEV, None, EngineChoice(), show_progress=False), read_dataset(signed))
    made(signed)
    with Journal(signed.runs / JOURNAL_FILE) as journal:
        (run,) = journal.runs(Apart.CASES.value)
    # as they are: O004, O001 and O000; made: `at`, `louder` and its twin
    assert (run.planned, run.called) == (6, 3)


def test_runs_of_cases_are_no_development_and_no_holdout_runs(signed: Pilot) -> None:
    dataset = read_dataset(signed)
    exhibit = made(signed)
    with Journal(signed.runs / JOURNAL_FILE) as journal:
        assert journal.entries() == ()
        assert journal.runs() == ()
        assert [one.split for one in journal.entries("cases")] == ["cases"]
        assert journal.finished_versions() == set()
    assert tried_versions(signed, dataset, {exhibit.about["agent"]}).n_versions <= 1


def test_what_was_left_reads_back_and_every_number_is_computed_again(signed: Pilot) -> None:
    exhibit = made(signed)
    read = read_exhibit(exhibit_folder(signed, "cases"))
    assert read is not None
    assert MAKER.again(read, facts_of(signed, read)).as_json() == exhibit.as_json()
    assert isinstance(MAKER.present(signed, read_dataset(signed), None), Exhibit)


def test_who_edits_what_was_left_changes_nothing_of_what_a_gate_reads(signed: Pilot) -> None:
    exhibit, dataset = made(signed), read_dataset(signed)
    said = exhibit.tables["answers"]
    replace(exhibit, answer="all well", tables={**exhibit.tables, "answers": said.assign(action="approve")}).write(
        exhibit_folder(signed, "cases")
    )
    present = MAKER.present(signed, dataset, None)
    assert isinstance(present, Exhibit)
    assert present.as_json() == exhibit.as_json()
    other = replace(exhibit, facts={**exhibit.facts, "run": "0" * 16})
    other.write(exhibit_folder(signed, "cases"))
    gone = "the answers of the last test of the cases are gone; workbench cases run small --agent NAME"
    assert MAKER.present(signed, dataset, None) == gone


def test_a_run_over_other_records_is_not_taken_for_the_test(signed: Pilot) -> None:
    first = made(signed)
    write_suite(signed, [case("more", "O007", set={"note": "by rail"})], "later")
    later, dataset = made(signed), read_dataset(signed)
    replace(later, facts={**later.facts, "run": first.facts["run"]}).write(exhibit_folder(signed, "cases"))
    assert "are gone" in str(MAKER.present(signed, dataset, None))


def test_a_case_that_was_judged_otherwise_is_found(signed: Pilot) -> None:
    exhibit = made(signed)
    table = exhibit.tables["cases"].assign(passed=True)
    better = replace(exhibit, tables={**exhibit.tables, "cases": table})
    with pytest.raises(SignatureError, match=r"does not follow from the answers(.|\n)*cases"):
        MAKER.again(better, facts_of(signed, better))
    write_suite(signed, HAND[:3])
    with pytest.raises(SignatureError, match=r"of something else(.|\n)*'suites'"):
        MAKER.again(exhibit, facts_of(signed, exhibit))


def test_an_answer_that_was_changed_changes_the_numbers(signed: Pilot) -> None:
    exhibit = made(signed)
    said = exhibit.tables["answers"]
    changed = replace(exhibit, tables={**exhibit.tables, "answers": said.assign(action="approve")})
    with pytest.raises(SignatureError, match="does not follow from the answers"):
        MAKER.again(changed, facts_of(signed, changed))
    with pytest.raises(RunError, match="cannot be read"):
        MAKER.again(replace(exhibit, tables={"answers": said.assign(status="fine")}), facts_of(signed, exhibit))


def test_an_agent_that_is_the_policy_is_refused_by_digest_whatever_its_name(tmp_path: Path) -> None:
    pilot = order_pilot(tmp_path)
    write_suite(pilot, HAND)
    process = pilot.suite / "process.yaml"
    content = yaml.safe_load(process.read_text(encoding="utf-8"))
    process.write_text(yaml.safe_dump({**content, "python": "policy.py:exact"}), encoding="utf-8")
    code = (pilot.suite / "deciders.py").read_text(encoding="utf-8")
    (pilot.suite / "policy.py").write_text(code, encoding="utf-8")
    with pytest.raises(InputError, match=r"are the same function(.|\n)*deciders.py is in the agent too"):
        made(pilot)
    (pilot.suite / "policy.py").write_text(f"{code}\n# another\n", encoding="utf-8")
    assert made(pilot).answer.startswith("exact passes 4 of 5")
    (pilot.suite / "deciders.py").write_text("from . import policy\nexact = policy.exact\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"are the same function(.|\n)*policy.py is in the agent too"):
        made(open_pilot("small", tmp_path))


def test_an_agent_that_decides_nothing_is_no_evidence(tmp_path: Path) -> None:
    pilot = order_pilot(tmp_path, ["silent"])
    write_suite(pilot, HAND)
    with pytest.raises(RunError, match="not one of 6 records got a decision"):
        made(pilot, "silent")


def test_a_pilot_without_cases_says_where_they_stand(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"the pilot has no test cases(.|\n)*suites"):
        made(order_pilot(tmp_path))


def test_a_suite_of_which_no_change_can_be_made_says_why(tmp_path: Path) -> None:
    pilot = order_pilot(tmp_path)
    write_suite(pilot, [case("a", "O001", relation="same", change="date_format")])
    with pytest.raises(InputError, match=r"no change of any case(.|\n)*no source has the same decimal sign"):
        made(pilot)


def test_a_cell_of_another_type_names_file_case_and_column(tmp_path: Path) -> None:
    pilot = order_pilot(tmp_path)
    write_suite(pilot, [case("a", set={"weight": 12})])
    with pytest.raises(InputError, match=r"its column's type(.|\n)*hand.yaml, case a, column weight(.|\n)*in quotes"):
        made(pilot)
    write_suite(pilot, [case("a", set={"rate": "much"})])
    with pytest.raises(InputError, match=r"its column's type(.|\n)*case a, column rate(.|\n)*'much'"):
        made(pilot)


def test_mutants_are_counted_but_those_that_nothing_can_tell_apart(signed: Pilot) -> None:
    mutants = pd.DataFrame(
        {
            "mutant": ["m1", "m2", "m3"],
            "kind": ["limit", "limit", "rule"],
            "noticed_by": ["heavy", None, None],
            "state": ["noticed", "survived", "equivalent"],
        },
        dtype=object,
    )
    cases = made(signed).tables["cases"]
    score = estimates_of_cases(cases, None, mutants)["mutation_score"]
    assert (score.value, score.n, dict(score.excluded)) == (0.5, 2, {"equivalent": 1})
    assert made(signed).estimates["mutation_score"].value is None, "its process has no policy as a function"


def test_a_threshold_sends_a_decision_to_a_person(tmp_path: Path) -> None:
    pilot = order_pilot(tmp_path)
    write_suite(pilot, [case("seen", expect={"person": True})])
    sign_suite(pilot)
    assert made(pilot).estimates["cases_passed"].value == 0
    assert made(pilot, threshold=0.95).estimates["cases_passed"].value == 1


@dataclass(frozen=True)
class Acts:
    """Posts once for each order, and once more, as it says, for one that it does not name in its answer."""

    name: str = "acts"
    identity: Mapping[str, Any] = field(default_factory=lambda: {"acts": 1})
    window: int = 4
    patience: int = 2
    deadline_s: None = None

    def prepare(self) -> None:
        """Nothing to find."""

    async def decide(self, records: AsyncIterator[Record]) -> AsyncIterator[Decision]:
        async for record in records:
            post = ToolCall(name="post", effect=Effect.WRITE, arguments={"order": record.id})
            yield Decision(record.id, Status.OK, action="approve", attempts=1, trace=Trace((post,)))


def test_a_trace_comes_back_from_the_journal_and_faults_make_another_question(tmp_path: Path) -> None:
    pilot = order_pilot(tmp_path)
    dataset = read_dataset(pilot)
    late = {"faults": [{"tool": "post", "outcome": "timeout", "done": True}]}
    write_suite(pilot, [case("a", "O001"), case("b", "O001", **late), case("c", "O001", **late)])
    records = asked_records(case_records(read_cases(pilot), dataset, ground_of(pilot, dataset)), dataset)
    assert len(records.by_id) == 2, "b and c are one question"
    assert list(records.faults.values()) == [(ToolFault(tool="post", outcome="timeout", done=True),)]
    answers = answers_in(pilot, ask_about(pilot, Acts(), records, show_progress=False))
    judged = cases_table(read_cases(pilot), {("a", "asked"): answers["O001"]}, {}, Bench("escalate"))
    assert judged.loc[0, "steps"] == "post ok"
    for name, answer in answers.items():
        assert answer.trace is not None
        (call,) = answer.trace.of(ToolCall)
        assert (call.name, call.arguments) == ("post", {"order": name})


def test_what_a_relation_is_held_against_has_the_faults_it_is_known_with(tmp_path: Path) -> None:
    pilot = order_pilot(tmp_path)
    dataset = read_dataset(pilot)
    late = {"faults": [{"tool": "post"}]}
    write_suite(
        pilot,
        [
            case("a", "O001"),
            case("b", "O001", relation="same", change="typo", **late),
            case("c", "O001", relation="same", of="a", change="typo", **late),
        ],
    )
    made_of = {one.case.id: one for one in case_records(read_cases(pilot), dataset, ground_of(pilot, dataset))}
    faults = asked_records(list(made_of.values()), dataset).faults
    a, b, c = made_of["a"], made_of["b"], made_of["c"]
    assert all(one is not None for one in (b.reference, b.twin, c.reference, c.twin, b.asked, c.asked))
    assert {one.id for one in (b.reference, b.twin, b.asked)} <= set(faults)
    assert c.reference == a.asked
    assert c.reference.id not in faults
    assert {c.asked.id, c.twin.id} <= set(faults)


def test_an_agent_that_learns_decides_a_made_record_as_the_record_it_was_made_from(tmp_path: Path) -> None:
    pilot = order_pilot(tmp_path)
    (pilot.suite / "learns.py").write_text(
        "def learner(training):\n    known = set(training['id'])\n"
        "    return lambda record: {'action': 'escalate' if record['id'] in known else 'approve'}\n",
        encoding="utf-8",
    )
    settings = yaml.safe_load((pilot.suite / "pilot.yaml").read_text(encoding="utf-8"))
    settings["agents"]["learns"] = {"python": "eval_suites/small/learns.py:learner", "trained": True}
    (pilot.suite / "pilot.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    pilot = open_pilot("small", tmp_path)
    write_suite(pilot, [case(f"c{i}", f"O{i:03}", set={"note": "changed"}) for i in range(20)])
    sign_suite(pilot)
    # by the model that did not see the order, no order is known
    assert made(pilot, "learns").estimates["cases_passed"].value == 1


def table(*rows: dict[str, Any]) -> pd.DataFrame:
    usual = {
        "case": "c", "class": "common", "relation": None, "change": None, "confirmed": True, "judged": True,
        "passed": True, "broken": False, "twin_moved": False, "acted": True,
        "tells": True, "forbids": True,
        **dict.fromkeys(MISCONDUCT, 0),
    }  # fmt: skip
    return pd.DataFrame([{**usual, **row} for row in rows])


def test_forbidden_writes_are_a_count_with_the_bound_of_as_many_cases() -> None:
    cases = table(*[{"forbidden_write": int(i < 2)} for i in range(50)], {"forbids": False})
    found = estimates_of_cases(cases, None, None)["forbidden_writes"]
    lower, upper = proportion_confint(2, 50, 0.05, "beta")
    assert (found.value, found.n, found.lower, found.upper) == pytest.approx((2, 50, 50 * lower, 50 * upper))


def test_claims_and_double_writes_are_counted_where_something_was_seen() -> None:
    claims = {"unobserved_claim": 2}, {"unobserved_claim": 1, "double_write": 1}
    guarded = {"acted": False, "tells": False}  # a guard stepped in, so that there is a trace, but no state was seen
    cases = table(*claims, guarded, {"confirmed": False})
    found = estimates_of_cases(cases, None, None)
    assert (found["unobserved_claims"].value, found["unobserved_claims"].upper, found["unobserved_claims"].n) == (
        3,
        3,
        2,
    )
    assert (found["double_writes"].value, found["double_writes"].n) == (1, 2)
    never_seen = estimates_of_cases(table(guarded, guarded), None, None)
    assert [never_seen[name].value for name in ("double_writes", "forbidden_writes")] == [None, None]
    assert (never_seen["unobserved_claims"].value, never_seen["unobserved_claims"].n) == (0, 0), "said, not failed"
    assert "tells of no call" in never_seen["unobserved_claims"].method


def test_what_a_twin_breaks_as_often_is_no_violation() -> None:
    held = {"relation": "same", "change": "typo"}
    alike = [{**held, "broken": True, "twin_moved": True}] * 5
    only = [{**held, "broken": True}] * 6
    twins = [{**held, "twin_moved": True}] * 6
    rest = [held] * 43
    found = estimates_of_cases(table(*alike, *only, *twins, *rest), None, None)["relations_violated"]
    assert (found.value, found.n) == (0.0, 60)
    assert found.method == "Tango, paired 95%"
    assert found.upper is not None
    assert 0.08 < found.upper < 0.14, "about 1.96 * sqrt(12) / 60"
    plain = estimates_of_cases(table(*only, *rest), None, None)["relations_violated"]
    assert (plain.value, plain.upper) == pytest.approx((6 / 49, proportion_confint(6, 49, 0.05, "beta")[1]))


def test_one_sided_bounds_hold_each_at_the_level(signed: Pilot) -> None:
    exhibit = made(signed)
    found = MAKER.estimate(facts_of(signed, exhibit), "cases_passed", {}, 0.95)
    assert (found.lower, found.upper) == pytest.approx(proportion_confint(4, 5, 0.1, "beta"))
    assert found.method == "Clopper-Pearson, one-sided 95%"
    counted = MAKER.estimate(facts_of(signed, exhibit), "cases_designed", {}, 0.95)
    assert (counted.lower, counted.method) == (5.0, "counted, nothing is estimated")


def at_gate(pilot: Pilot, check: str, **asked: int) -> Any:
    from workbench.gates.judging import judged_criteria

    one = {"title": "Good enough?", "criteria": [{"id": "asked", "check": check, **asked}]}
    later = {"title": "Later", "criteria": [{"id": "load", "check": "load"}]}
    gates = {"gates": {1: later, 2: one, 3: later}}
    (pilot.suite / "gates.yaml").write_text(yaml.safe_dump(gates), encoding="utf-8")
    results = judged_criteria(read_facts(pilot, date(2026, 11, 30)), 2)
    return next(one for one in results if one.criterion.id == "asked")


def test_a_gate_counts_confirmed_cases_by_class(signed: Pilot) -> None:
    found = at_gate(signed, "test_cases", at_least=5, each=1)
    assert (found.state, found.reason) == (
        State.UNPROVEN, "no test of the cases has been run; workbench cases run small --agent NAME"
    )  # fmt: skip
    made(signed)
    found = at_gate(signed, "test_cases", at_least=5, each=1)
    assert (found.state, found.reason) == (
        State.PASS, "5 confirmed test cases were judged: common 2, edge 2, error 1"
    )  # fmt: skip
    found = at_gate(signed, "test_cases", at_least=5, each=2)
    assert (found.state, found.missing.records) == (State.UNPROVEN, 1)
    write_suite(signed, [right(f"p{i}", "O004") for i in range(3)], "proposed")
    made(signed)
    found = at_gate(signed, "test_cases", at_least=8, each=1)
    assert found.state is State.UNPROVEN
    assert "3 more are only proposed; wanted 8" in found.reason
    assert found.would_change == "sign the suites that propose 3"


def test_a_gate_asks_for_a_case_of_every_rule_and_names_what_is_missing(signed: Pilot) -> None:
    made(signed)
    found = at_gate(signed, "case_coverage")
    assert (found.state, found.missing.records) == (State.UNPROVEN, 8)
    assert found.details[:2] == ("rule:complaint@holds", "exception:complaint/settled@used")
    excluded = dict.fromkeys(found.details[1:], "tested by hand")
    write_suite(signed, [*HAND, right("complains", "O000", covers=["rule:complaint@holds"])], excluded=excluded)
    sign_suite(signed)
    made(signed)
    found = at_gate(signed, "case_coverage")
    assert found.state is State.PASS
    assert found.reason.endswith("of 12 parts of the process 7 are excluded over a signature")


def test_a_report_for_ci_skips_what_does_not_count(signed: Pilot) -> None:
    write_suite(signed, [right("later", "O004")], "proposed")
    suite = ElementTree.fromstring(cases_junit(made(signed)).encode()).find("testsuite")
    assert suite is not None
    assert {name: suite.get(name) for name in ("tests", "failures", "skipped")} == {
        "tests": "7", "failures": "1", "skipped": "2"
    }  # fmt: skip
    (failed,) = suite.findall("testcase[failure]")
    assert (failed.get("name"), failed.find("failure").get("message")) == (  # type: ignore[union-attr]
        "wrong (error)", "expected approve, got escalate"
    )  # fmt: skip


def test_pairs_written_by_hand_are_told_of_as_pairs_and_changes_beside_their_twins() -> None:
    held = {"relation": "may_only_escalate", "kinds": None, "expected": None, "action": "age", "reason": None}
    broken = [{**held, "broken": True}] * 8
    typos = [{**held, "change": "typo", "broken": True}] * 8
    cases = table(*broken, *typos, *[held] * 4)
    pairs, change = sorted(case_findings(cases, relations_table(cases), None), key=lambda one: one.id)
    assert (pairs.title, pairs.evidence) == (
        "Pairs written by hand are not decided as they must be",
        "8 of 12 decisions",
    )
    assert change.title == "The change typo moves decisions although it means nothing"
    assert change.evidence == "8 of 8 decisions, and 0 with a harmless change of the same place"
