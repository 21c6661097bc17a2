"""The design of test cases: cells, levers, boundaries, covers, whole designs, and what suites notice."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from loan_pilots import COLUMNS, PROCESS, loan_pilot, loan_policy, loan_rows
from small_pilots import ALL_DEV, written_pilot

from workbench.cases import (
    Case,
    CaseClass,
    Cases,
    CaseSuite,
    FunctionDecider,
    Ruling,
    SuiteFile,
    mutants_of,
    read_case_suite,
    score,
)
from workbench.cases.design import Design, design_cases, design_from_decisions, write_design
from workbench.cases.design.bases import MOST_ALIKE, development_records, reached_limits
from workbench.cases.design.boundaries import find_boundaries
from workbench.cases.design.covering import greedy_cover
from workbench.cases.design.levers import Levers, Move
from workbench.cases.design.writing import MovedKind, style_of
from workbench.cases.made import CaseRecords, case_records, ground_of
from workbench.cases.mutants import edited
from workbench.cases.policy import Fields, PolicyProcess
from workbench.pilot import Pilot, Process, content_of, open_pilot, read_process
from workbench.records.splits import Split, read_dataset

ROOT = Path(__file__).resolve().parents[1]
SINGLE = {  # limits of one column, with the column and the value that stands at the limit
    "minor.age": ("age", 18), "score_too_low.below": ("score", 420), "employment.months": ("employed_months", 6),
    "thin_score.below": ("score", 520), "thin_score.amount": ("amount", 10_000), "term.months": ("term_months", 84),
    "most.car": ("amount", 40_000), "most.home": ("amount", 80_000), "most.other": ("amount", 15_000),
}  # fmt: skip


@pytest.fixture(scope="module")
def pilot(tmp_path_factory: pytest.TempPathFactory) -> Pilot:
    return loan_pilot(tmp_path_factory.mktemp("loans"))


@pytest.fixture(scope="module")
def process(pilot: Pilot) -> Process:
    found = read_process(pilot)
    assert found is not None
    return found


@pytest.fixture(scope="module")
def design(pilot: Pilot, process: Process) -> Design:
    return design_cases(pilot, process, read_dataset(pilot))


def record_of(pilot: Pilot, case: Case) -> dict[str, Any]:
    dataset = read_dataset(pilot)
    (record,) = dataset.records(dataset.ids(Split.DEV)[dataset.ids(Split.DEV) == case.base])
    return {**record.fields, **case.set}


# --- cells and levers ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cells", "cell", "ticks", "other", "written"),
    [
        (["1.234,56", "7,10", "12,00"], "1.234,56", 123_456, 1_000_001, "10.000,01"),
        (["1,234.56", "7.10", "12.00"], "7.10", 710, -5, "-0.05"),
        (["1234.56", "7.10", "12.00"], "7.10", 710, 123_456_789, "1234567.89"),
        (["1.543,2", "150,0", "4.059"], "4.059", 4_059, 4_060, "4.060"),
        (["31.12.2025", "01.02.2025"], "31.12.2025", 20_453, 20_454, "01.01.2026"),
        (["12/31/2025", "01/02/2025"], "12/31/2025", 20_453, 20_454, "01/01/2026"),
        (["20251231", "20250102"], "20251231", 20_453, 20_452, "20251230"),
        (["2025-12-31T06:10:00", "2025-01-02T09:00:00"], "2025-12-31T06:10:00", 20_453, 20_454, "2026-01-01T06:10:00"),
        ([1, 20, 300], 20, 20, 21, 21),
        ([1.5, 2.25, 3.0], 1.5, 150, 151, 1.51),
    ],
)
def test_a_cell_is_moved_by_the_smallest_step_and_written_as_its_column_is(
    cells: list[Any], cell: Any, ticks: int, other: int, written: Any
) -> None:
    style = style_of(cells)
    assert style is not None
    own = style.with_decimals_of(cell)
    assert own.ticks(cell) == ticks
    assert own.cell(other, cell) == written
    assert own.cell(ticks, cell) == cell


@pytest.mark.parametrize(
    "cells",
    [["yes", "no"], ["4500720907", "4500723188"], ["0815", "4711"], [None, ""], [True, False], ["978", "840"] * 40],
)
def test_texts_truths_and_codes_are_no_numbers(cells: list[Any]) -> None:
    assert style_of(cells) is None


def test_one_damaged_cell_in_twenty_does_not_hide_how_a_column_is_written() -> None:
    style = style_of(["N/A", *(f"{n},50" for n in range(20))])
    assert style is not None
    assert (style.kind, style.decimal, style.ticks("N/A")) == (MovedKind.NUMBER, ",", None)


def loans(pilot: Pilot) -> list[Fields]:
    dataset = read_dataset(pilot)
    return [dict(record.fields) for record in dataset.records(dataset.ids(Split.DEV))]


def test_columns_of_numbers_are_levers_and_no_others(pilot: Pilot) -> None:
    records = loans(pilot)
    levers = Levers(pilot.contract, records, FunctionDecider(lambda some: [None for _ in some]))
    numbers = [name for name, column in COLUMNS.items() if column.get("type") == "integer"]
    assert levers.names(records[0]) == [f"column {name}" for name in numbers]


def test_a_column_that_is_held_is_never_moved(pilot: Pilot) -> None:
    records = loans(pilot)
    levers = Levers(pilot.contract, records, FunctionDecider(lambda some: [None for _ in some]), held=("income",))
    numbers = [name for name, column in COLUMNS.items() if column.get("type") == "integer"]
    assert levers.names(records[0]) == [f"column {name}" for name in numbers if name != "income"]
    assert {one["income"] for one in levers.rounded(records[0])} == {records[0]["income"]}


def test_boundaries_are_neighbouring_values_on_every_change(pilot: Pilot) -> None:
    def decided(some: Sequence[Fields]) -> list[Ruling | None]:  # three bands: up to 7,000; up to 9,000; above
        return [Ruling(["small", "medium", "large"][(one["amount"] > 7_000) + (one["amount"] > 9_000)]) for one in some]

    levers = Levers(pilot.contract, loans(pilot), FunctionDecider(decided))
    found = find_boundaries(levers, loans(pilot)[:1], most=9)
    assert [(one.lever, one.before, one.after, one.was.action, one.becomes.action) for one in found] == [
        ("column amount", 7_000, 7_001, "small", "medium"),
        ("column amount", 9_000, 9_001, "medium", "large"),
    ]
    (record,) = levers.records(loans(pilot)[:1], [Move(0, "column amount", 7_001)])
    assert record is not None
    assert record["amount"] == 7_001


# --- bases -----------------------------------------------------------------------------------------------------------


def test_no_case_is_built_on_a_record_with_a_cell_that_the_contract_does_not_allow(tmp_path: Path) -> None:
    rows = loan_rows(20)
    rows[3][2] = " north"
    pilot = written_pilot(tmp_path, COLUMNS, rows, dict.fromkeys(("approve", "reject", "refer"), ALL_DEV))
    labels = {str(row[0]): str(row[-1]) for row in rows}

    def decided(some: Sequence[Fields]) -> list[Ruling | None]:
        return [Ruling(labels[str(one["id"])]) for one in some]

    found = development_records(pilot.contract, read_dataset(pilot), FunctionDecider(decided))
    assert {base.id for base in found} == labels.keys() - {"L003"}


def test_a_limit_that_only_rare_records_reach_is_reached(tmp_path: Path, process: Process) -> None:
    pilot = loan_pilot(tmp_path, n=3_000)
    with PolicyProcess(pilot, process) as policy:
        found = development_records(pilot.contract, read_dataset(pilot), policy)
        by_purpose = {name: [one for one in found if one.fields["purpose"] == name] for name in ("car", "other")}
        rare = next(one for one in by_purpose["other"] if one.ruling.action == "approve")
        assert sum(one.ruling == rare.ruling for one in by_purpose["car"]) > MOST_ALIKE
        reach = reached_limits(policy, process, [*by_purpose["car"], rare])
    assert reach["most.other"] == [len(by_purpose["car"])]
    assert len(reach["most.car"]) > 1
    assert reach["most.home"] == []


# --- covers ----------------------------------------------------------------------------------------------------------


def test_a_greedy_cover_covers_all_and_is_never_much_larger_than_the_smallest() -> None:
    sets = [{n, (n * 3) % 17, (n * 5) % 17, (n * n) % 17} for n in range(17)]
    chosen = greedy_cover(sets, most=17)
    everything = set().union(*sets)
    assert set().union(*(sets[n] for n in chosen)) == everything
    smallest = next(
        k for k in range(1, 18) if any(set().union(*some) == everything for some in combinations(sets, k))
    )  # by trying all
    assert smallest <= len(chosen) <= smallest + 2


def test_a_greedy_cover_of_a_few_takes_what_adds_most_and_nothing_that_adds_nothing() -> None:
    assert greedy_cover([{1}, {1, 2}, {3, 4, 5}, {5}], most=2) == [2, 1]
    assert greedy_cover([{1}, {2}], most=9, given={1}) == [1]


# --- a whole design --------------------------------------------------------------------------------------------------


def test_a_design_of_another_domain_notices_nine_in_ten_mutants_without_an_edit(design: Design) -> None:
    assert len(design.mutants) == 48
    assert len(design.noticed) >= 0.9 * (48 - len(design.equivalent))
    others = design.equivalent.keys() | design.unnoticed.keys()
    assert others | design.noticed.keys() == {mutant.id for mutant in design.mutants}
    assert not others & design.noticed.keys()


def test_what_a_design_says_to_notice_is_what_the_policy_decides_by_a_second_way(
    design: Design, pilot: Pilot, process: Process
) -> None:
    # here the policy is called in this process, on specifications edited one by one
    decide, content = loan_policy(), content_of(process)
    records = {case.id: record_of(pilot, case) for case in design.cases}
    for case in design.cases:
        assert case.expect is not None
        said = decide(records[case.id], content)
        assert (said["action"], said.get("reason"), said.get("to")) == (
            case.expect.action, case.expect.reason, case.expect.to,
        )  # fmt: skip
    for mutant in design.mutants:
        changed = edited(content, mutant.path, mutant.value)
        noticing = tuple(
            case.id
            for case in design.cases
            if case.expect is not None and decide(records[case.id], changed)["action"] != case.expect.action
        )
        assert design.noticed.get(mutant.id, ()) == noticing, mutant.id


def test_a_limit_that_no_whole_number_tells_from_its_mutant_is_equivalent_with_the_proof(design: Design) -> None:
    # fewer than 6 months and fewer than 5.4 months differ at no whole number but ... 5.4 < n < 6: none
    assert set(design.equivalent) == {"limit:employment.months@-10%"}
    (proof,) = design.equivalent.values()
    assert proof.startswith(
        "employment.months is 5.4 instead of 6: no value that can be written lies between; searched"
    )
    assert "column employed_months" in proof


@pytest.mark.parametrize("limit", sorted(SINGLE))
def test_cases_stand_at_each_limit_and_next_to_it_on_both_sides(limit: str, design: Design, pilot: Pilot) -> None:
    column, value = SINGLE[limit]
    found = {
        side: {record_of(pilot, case)[column] for case in design.cases if f"limit:{limit}@{side}" in case.covers}
        for side in ("below", "at", "above")
    }
    assert value in found["at"]
    assert value - 1 in found["below"]
    assert value + 1 in found["above"]


def test_each_rule_exception_fact_and_person_has_a_case(design: Design) -> None:
    covers = {name for case in design.cases for name in case.covers}
    assert {f"rule:{rule['id']}@holds" for rule in PROCESS["rules"]} <= covers
    assert {"exception:debts/guarantor@used", "exception:debts/guarantor@claimed"} <= covers
    assert {"fact:guarantor", "fact:fraud_hint", "fact:guarantor@denied", "fact:fraud_hint@denied"} <= covers
    assert {"target:fraud desk", "target:underwriting", "target:credit committee"} <= covers
    assert {"approval:plain", "approval:guaranteed"} <= covers


def test_cases_that_set_two_rules_at_odds_are_decided_by_the_earlier_one(design: Design) -> None:
    order = [rule["id"] for rule in PROCESS["rules"]]
    pairs = [
        name.removeprefix("precedence:").split(">") for case in design.cases for name in case.covers if ">" in name
    ]
    assert len(pairs) >= 20
    assert all(order.index(first) < order.index(second) for first, second in pairs)


def test_cases_are_of_all_classes_and_made_of_development_records(design: Design, pilot: Pilot) -> None:
    counts = {one: sum(case.case_class is one for case in design.cases) for one in CaseClass}
    assert all(count >= 20 for count in counts.values()), counts
    assert {case.base for case in design.cases} <= set(read_dataset(pilot).ids(Split.DEV))
    assert len({case.id for case in design.cases}) == len(design.cases)
    assert {case.author for case in design.cases} == {"proposed"}


def test_a_smoke_suite_of_twenty_notices_nearly_all(design: Design) -> None:
    noticed = [ids for ids in design.noticed.values() if set(ids) & set(design.smoke)]
    assert len(design.smoke) <= 20
    assert len(noticed) >= 40


def test_a_design_is_written_as_a_suite_that_reads_back_the_same(design: Design, tmp_path: Path) -> None:
    path = tmp_path / "suites" / "designed.yaml"
    write_design(design, path, "Loans: yes, no # on")
    suite = read_case_suite(path)
    assert suite.cases == design.cases
    assert (suite.title, suite.smoke, suite.equivalent) == ("Loans: yes, no # on", design.smoke, design.equivalent)
    assert max(map(len, path.read_text(encoding="utf-8").splitlines())) < 1_500


def test_two_designs_of_one_pilot_are_the_same(design: Design, pilot: Pilot, process: Process) -> None:
    assert design_cases(pilot, process, read_dataset(pilot)) == design


def made(pilot: Pilot, cases: Sequence[Case]) -> tuple[CaseRecords, ...]:
    """Return cases with their records, as if they stood in a suite of their own."""
    suite = CaseSuite.model_validate({"title": "These", "cases": tuple(cases)})
    dataset = read_dataset(pilot)
    return case_records(Cases((SuiteFile("these", Path("these"), suite, ""),)), dataset, ground_of(pilot, dataset))


# --- the score of a suite --------------------------------------------------------------------------------------------


def test_a_suite_without_the_cases_of_some_rules_loses_exactly_what_only_they_notice(
    design: Design, pilot: Pilot, process: Process
) -> None:
    whole = score(pilot, process, made(pilot, design.cases), design.equivalent)
    assert (whole.noticed, whole.share, whole.unnoticed) == (design.noticed, 1.0, ())
    kept = [case for case in design.cases if case.expect is not None and case.expect.action != "reject"]
    gone = {case.id for case in design.cases} - {case.id for case in kept}
    part = score(pilot, process, made(pilot, kept), design.equivalent)
    lost = [name for name, ids in design.noticed.items() if set(ids) <= gone]
    assert [mutant.id for mutant in part.unnoticed] == lost
    assert "rule:minor@decision" in lost
    assert part.share == pytest.approx((47 - len(lost)) / 47)


def test_one_case_by_hand_notices_what_can_be_counted_by_hand(pilot: Pilot, process: Process) -> None:
    sound = {"amount": 5000, "term_months": 60, "income": 3000, "debts": 0, "age": 40, "score": 420}
    case = Case.model_validate(
        {"id": "by_hand", "class": "edge", "base": "L000", "set": {**sound, "employed_months": 60, "remark": None},
         "expect": {"action": "reject"}}
    )  # fmt: skip
    found = score(pilot, process, made(pilot, [case]), {})
    assert found.noticed == {"limit:score_too_low.below@+10%": ("by_hand",)}
    assert (found.n, found.share, len(found.unnoticed)) == (48, 1 / 48, 47)
    assert {name: ruling.action for name, ruling in found.wrong.items()} == {"by_hand": "approve"}


# --- a pilot without a policy ----------------------------------------------------------------------------------------


def test_without_a_policy_cases_stand_where_an_agent_changes_its_action(pilot: Pilot) -> None:
    def decided(some: Sequence[Fields]) -> list[Ruling | None]:
        return [Ruling("refer" if one["amount"] > 12_345 else "approve", "amount") for one in some]

    found = design_from_decisions(pilot, read_dataset(pilot), FunctionDecider(decided))
    amounts = {record_of(pilot, case)["amount"]: case for case in found.cases}
    at, above = amounts[12_345], amounts[12_346]
    assert at.expect is not None
    assert above.expect is not None
    assert (at.expect.action, above.expect.action, at.author) == ("approve", "refer", "proposed")
    assert at.covers == ("boundary:column amount: approve to refer@before",)
    assert at.case_class is CaseClass.EDGE
    assert len(found.cases) <= 200
    assert (found.mutants, found.noticed) == ((), {})


def test_an_agent_that_decides_nothing_at_some_records_has_no_cases_there(pilot: Pilot) -> None:
    def decided(some: Sequence[Fields]) -> list[Ruling | None]:
        return [None if one["age"] < 30 else Ruling("refer" if one["age"] > 50 else "approve") for one in some]

    found = design_from_decisions(pilot, read_dataset(pilot), FunctionDecider(decided))
    assert found.cases
    assert all(record_of(pilot, case)["age"] >= 30 for case in found.cases)


# --- the shipped pilot -----------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_shipped_policy_has_a_suite_of_200_that_notices_all_that_can_be_told_apart() -> None:
    shipped = open_pilot("invoice_matching", ROOT)
    process, dataset = read_process(shipped), read_dataset(shipped)
    assert process is not None
    found = design_cases(shipped, process, dataset)
    assert len(found.mutants) == len(mutants_of(process)) == 165
    assert len(found.noticed) >= 160
    assert not found.unnoticed
    # worked out by hand: amounts are written in whole cents and days are whole, so that no difference lies between
    # 0.01 and 0.011, and none between 5 and 5.5 days
    assert set(found.equivalent) == {
        "limit:duplicate_invoice.tolerance@+10%",
        "limit:credit_note_exceeds_invoice.tolerance@+10%",
        "limit:payment_terms.days@+10%",
    }
    assert len(found.cases) <= 220
    assert all(sum(case.case_class is one for case in found.cases) >= 20 for one in CaseClass)
    assert sum(bool(set(ids) & set(found.smoke)) for ids in found.noticed.values()) >= 55
    covers = {name for case in found.cases for name in case.covers}
    assert {f"rule:{rule.id}@holds" for rule in process.rules} <= covers
    assert {f"target:{rule.to}" for rule in process.rules if rule.to} <= covers
    assert {f"exception:{rule.id}/{one.id}@used" for rule in process.rules for one in rule.exceptions} <= covers
    scored = score(shipped, process, made(shipped, found.cases), found.equivalent)
    assert (scored.noticed, scored.wrong) == (found.noticed, {})
    ten = {rule.id for rule in process.rules[:10]}
    kept = [case for case in found.cases if not any(f"rule:{name}@holds" in case.covers for name in ten)]
    part = score(shipped, process, made(shipped, kept), found.equivalent)
    lost = {mutant.id for mutant in part.unnoticed}
    gone = {case.id for case in found.cases} - {case.id for case in kept}
    assert lost == {name for name, ids in found.noticed.items() if set(ids) <= gone}
    assert {f"rule:{name}@decision" for name in ten} <= lost
