"""Queues filled from what an agent decides: whom a decision goes to, what is shown of it, what is planted."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from case_pilots import case, order_pilot, quietly, sign_suite, write_suite
from people_pilots import REVIEW as OPENED_REVIEW
from people_pilots import opened_people
from review_pilots import AGENT, CHARTER, NOW, REVIEW, PlayedClock, copied, desk_of, filled

from workbench.cases import MAKER as CASES
from workbench.desk import AnswerKind, GivenAnswer, ReviewItem, ShownField
from workbench.environment import Cited, Effect, ToolCall, Trace
from workbench.metrics import Status
from workbench.pilot import Pilot, QueueName, open_pilot
from workbench.records import Record
from workbench.records.splits import Split, read_dataset
from workbench.review import FillRequest, items_for
from workbench.review.carding import CardWriter, DecidedRecord, card_text
from workbench.review.planting import planted_count
from workbench.review.routing import CameBy
from workbench.runs import RunRequest
from workbench.runs.journal import JOURNAL_FILE, Journal
from workbench.words import InputError, RunError


@pytest.fixture(scope="module")
def pilot(tmp_path_factory: pytest.TempPathFactory, asked_desk: Path) -> Pilot:
    return copied(asked_desk, tmp_path_factory.mktemp("filled"))


@pytest.fixture(scope="module")
def items(pilot: Pilot) -> tuple[ReviewItem, ...]:
    return filled(pilot).items


GOES_WITH = {
    "approve": ("matched",),
    "reject": ("not_received",),
    "escalate": ("over_authority", "not_ordered"),
}


def real(items: tuple[ReviewItem, ...]) -> list[ReviewItem]:
    return [one for one in items if one.planted is None]


def test_each_rule_and_category_has_its_records_and_goes_to_whom_the_process_names(
    items: tuple[ReviewItem, ...],
) -> None:
    went = Counter((one.about["rule"], one.group) for one in real(items))
    # three of each rule; what only the confidence brought here goes to the first group of review.yaml
    assert went == {("over_authority", "controllers"): 3, ("not_ordered", "purchasing"): 3, ("", "clerks"): 3}
    assert {tuple(one.about["categories"]) for one in items if one.about["rule"] == "over_authority"} == {("limit",)}


def test_beyond_a_limit_of_authority_two_people_decide(items: tuple[ReviewItem, ...]) -> None:
    assert {one.four_eyes for one in items if "limit" in one.about["categories"]} == {True}
    assert {one.four_eyes for one in items if "limit" not in one.about["categories"]} == {False}


def test_the_amount_is_that_of_the_charters_column(pilot: Pilot, items: tuple[ReviewItem, ...]) -> None:
    amounts = {one.id: one.fields["amount"] for one in read_dataset(pilot).records(read_dataset(pilot).ids(Split.DEV))}
    assert all(one.amount == amounts[one.record_id] for one in items)


def test_a_card_has_what_was_read_with_its_source_the_rule_and_what_happened(items: tuple[ReviewItem, ...]) -> None:
    one = next(item for item in real(items) if item.about["rule"] == "over_authority")
    card = one.card
    assert ("ordered", "10", "read_order") in [(field.name, field.value, field.source) for field in card.evidence]
    assert ("received", "record") in [(field.name, field.source) for field in card.evidence]
    assert card.rule == "over_authority: The amount is above the limit. (limit 10000) To: controllers."
    # what was handed over is nothing that could be approved
    assert (card.recommended, card.confidence, card.threshold) == (None, None, None)
    assert card.assessment == "The agent leaves it to you because of over_authority."
    assert card.reasoning == "over_authority"
    assert any(step.startswith("park(") for step in card.trace)
    assert card.actions == ("approve", "reject", "escalate")


def test_what_is_not_sure_enough_says_how_sure_it_is(items: tuple[ReviewItem, ...]) -> None:
    one = next(item for item in real(items) if item.group == "clerks")
    said = f"The agent says {one.about['action']} because of {one.about['reason']}."
    assert one.card.assessment == f"{said} It is 30.0% sure and decides alone from 50.0% on."
    assert (one.card.recommended, one.card.confidence, one.card.threshold) == (one.about["action"], 0.3, 0.5)


def test_what_was_planted_is_wrong_and_shows_nothing_of_what_the_agent_did(items: tuple[ReviewItem, ...]) -> None:
    planted = [one for one in items if one.planted is not None]
    # three of the nine real ones recommend something, and a share of .5 of all: 3 * .5 / .5
    assert sum(one.card.recommended is not None for one in real(items)) == 3
    assert len(planted) == 3 == planted_count(3, 0.5)
    for one in planted:
        assert one.card.recommended not in (None, "escalate", one.planted)
        assert not any(step.startswith(("post(", "park(", "send_back(")) for step in one.card.trace)
        # a reason that process.yaml has for the action that is recommended
        assert one.card.reasoning in GOES_WITH[str(one.card.recommended)]
    assert not {one.record_id for one in planted} & {one.record_id for one in real(items)}


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ({"threshold": None}, "the agent recommends nothing of what it hands over"),
        ({"each": 100}, "no other record is left on which a recommendation could be wrong"),
    ],
    ids=["only escalations", "all are chosen"],
)
def test_where_nothing_can_be_planted_it_says_why(pilot: Pilot, asked: dict[str, Any], why: str) -> None:
    filling = filled(pilot, **asked)
    assert filling.told[-1] == f"nothing was planted: {why}"
    assert not [one for one in filling.items if one.planted is not None]


def test_where_only_what_is_left_recommends_something_nothing_is_planted(tmp_path: Path, asked_desk: Path) -> None:
    pilot = copied(asked_desk, tmp_path)
    small = [f"{500 + 700 * n}" for n in range(14)]
    category = {"id": "small", "description": "Small.", "to": "clerks", "when": {"column": "amount", "values": small}}
    (pilot.suite / "charter.yaml").write_text(json.dumps({**CHARTER, "high_risk": [category]}), encoding="utf-8")
    filling = filled(open_pilot("small", tmp_path), each=1)
    # one that nobody ordered is the first of the category as well, so none that the agent is not sure of is needed
    assert {one.card.recommended for one in filling.items} == {None}
    assert filling.told[-1] == "nothing was planted: the agent recommends nothing of what was chosen"


@pytest.mark.parametrize(
    "queue", [{"planted_share": 0.0}, {"planted_share": 0.5, "blind": True}], ids=["none", "blind"]
)
def test_where_none_is_asked_for_nothing_is_said_of_it(tmp_path: Path, asked_desk: Path, queue: dict[str, Any]) -> None:
    filling = filled(copied(asked_desk, tmp_path, queues={"escalations": queue}))
    assert not [said for said in filling.told if "planted" in said]
    assert len(filling.items) == 9


def test_what_the_agent_cites_comes_first_and_what_two_tools_read_of_one_system_once(pilot: Pilot) -> None:
    fields = {"number": "4711", "amount": 5.0, "note": "none"}
    record = Record("R1", fields, "0" * 64)
    read = [
        ToolCall(name="read_order", call="c1", effect=Effect.READ, result=[{"ordered": 10, "price": 4}]),
        ToolCall(name="read_receipt", call="c2", effect=Effect.READ, result=[{"ordered": 10, "price": 5}]),
        ToolCall(name="read_notes", call="c3", effect=Effect.READ, result=[{"ordered": 10}]),
        ToolCall(name="read_lines", call="c4", effect=Effect.READ, result=[{"ordered": 10}, {"ordered": 10}]),
        ToolCall(name="read_order", call="c5", effect=Effect.READ, result=[{"ordered": 10, "price": 4}]),
    ]
    cited = [Cited(field="note"), Cited(tool_call="c4"), Cited(field="amount"), Cited(field="note")]
    systems = {"read_order": "erp", "read_receipt": "erp", "read_lines": "erp", "read_notes": "mail"}
    writer = CardWriter(pilot.contract, None, ("approve", "escalate"), systems, "escalate")

    def shown(*, blind: bool) -> list[tuple[str, str, str]]:
        trace = Trace((*read, *cited))
        decided = DecidedRecord(record, Status.OK, "approve", None, 0.3, 0.5, trace)
        return [
            (one.name, one.value, one.source) for one in writer.card(decided, CameBy.UNSURE, None, blind=blind).evidence
        ]

    of_two = [
        ("ordered", "10", "erp, read_order, read_receipt"),  # once, with both
        ("price", "4", "erp, read_order"),  # they differ, so both are shown
        ("price", "5", "erp, read_receipt"),
        ("ordered", "10", "mail, read_notes"),  # another system says so as well
    ]
    lines = [("ordered", "10", "erp, read_lines")] * 2  # rows of a table stay whole
    note, amount = ("note", "none", "record"), ("amount", "5", "record")
    assert shown(blind=False) == [note, *lines, amount, *of_two]
    assert shown(blind=True) == [*of_two, *lines, ("number", "4711", "record"), amount, note]


def test_text_on_a_card_is_as_it_is_written_and_a_number_without_a_needless_point() -> None:
    # in German 7.000 is seven thousand: a person who is shown 7 decides on another invoice
    assert [card_text(one) for one in ("7.000", "0.0", "", 7.0, 7.5, True)] == ["7.000", "0.0", "", "7", "7.5", "true"]


def test_a_planted_item_looks_as_others_do(items: tuple[ReviewItem, ...]) -> None:
    shown = [{name for name, value in one.about.items() if value is not None} for one in items]
    assert len({one.id for one in items}) == len(items)
    assert all(len(one.id) == 32 for one in items)
    assert {frozenset(names) for names in shown} == {frozenset(shown[0])}


def test_the_same_request_gives_the_same_items_and_asks_nothing_again(
    pilot: Pilot, items: tuple[ReviewItem, ...]
) -> None:
    with Journal(pilot.runs / JOURNAL_FILE) as journal:
        before = len(journal.lines()[0])
    assert filled(pilot).items == items
    with Journal(pilot.runs / JOURNAL_FILE) as journal:
        assert len(journal.lines()[0]) == before
    with desk_of(pilot, PlayedClock()) as desk:
        assert (desk.put(items), desk.put(items)) == (len(items), 0)


def test_the_audit_is_a_blind_sample_of_what_is_decided_alone(pilot: Pilot) -> None:
    audit = filled(pilot, queue=QueueName.AUDIT, sample=10)
    assert audit.told == ("10 of 73 development records that are decided alone",)
    assert {one.group for one in audit.items} == {"clerks"}
    assert {one.planted for one in audit.items} == {None}
    clock = PlayedClock()
    with desk_of(pilot, clock) as desk:
        desk.put(audit.items)
        claim = desk.claim("ann", QueueName.AUDIT)
    assert claim is not None
    card = claim.card
    assert (card.recommended, card.assessment, card.reasoning, card.trace, card.rule) == (None, "", "", (), "")
    assert {field.source for field in card.evidence} == {"read_order", "record"}
    assert clock.now == NOW


def test_a_blind_card_does_not_show_what_the_agent_cites(tmp_path: Path, asked_desk: Path) -> None:
    citing = AGENT.replace(
        '"reason": "matched"}', '"reason": "matched", "trace": [{"kind": "evidence", "field": "amount"}]}'
    )
    pilot = copied(asked_desk, tmp_path)
    (pilot.suite / "clerk.py").write_text(citing, encoding="utf-8")
    audit = filled(pilot, queue=QueueName.AUDIT, sample=40).items
    cited = [one for one in audit if one.about["reason"] == "matched"]
    assert cited
    assert all("received" in [field.name for field in one.shown.evidence] for one in cited)
    unsure = [one for one in real(filled(pilot).items) if one.about["reason"] == "matched"]
    assert {tuple(field.name for field in one.card.evidence if field.source == "record") for one in unsure} == {
        ("amount",)
    }


def test_no_label_decides_where_an_item_goes(pilot: Pilot, tmp_path: Path, asked_desk: Path) -> None:
    other = copied(asked_desk, tmp_path)
    path = other.data / "records.csv"
    text = path.read_text(encoding="utf-8")
    for label, becomes in ((",approve\n", ",swapped\n"), (",reject\n", ",approve\n"), (",swapped\n", ",reject\n")):
        text = text.replace(label, becomes)
    path.write_text(text, encoding="utf-8", newline="")
    left, right = (real(filled(one).items) for one in (pilot, other))

    def without_digest(item: ReviewItem) -> dict[str, Any]:
        return {name: value for name, value in item.about.items() if name not in ("records", "agent_digest")}

    assert [(i.record_id, i.group, i.card, without_digest(i)) for i in left] == [
        (i.record_id, i.group, i.card, without_digest(i)) for i in right
    ]


def test_without_a_threshold_only_what_the_agent_hands_over_goes_to_people(pilot: Pilot) -> None:
    items = real(filled(pilot, threshold=None).items)
    assert {one.about["rule"] for one in items} == {"over_authority", "not_ordered"}


def test_an_amount_can_be_computed_by_the_pilot(tmp_path: Path, asked_desk: Path) -> None:
    pilot = copied(asked_desk, tmp_path, amount="stake.py:stake")
    (pilot.suite / "stake.py").write_text("def stake(record):\n    return record['amount'] * 2\n", encoding="utf-8")
    cells = {one.id: one.fields["amount"] for one in read_dataset(pilot).records(read_dataset(pilot).ids(Split.DEV))}
    assert all(one.amount == 2 * float(str(cells[one.record_id])) for one in filled(pilot).items)


def test_an_amount_that_cannot_be_computed_is_told(tmp_path: Path, asked_desk: Path) -> None:
    pilot = copied(asked_desk, tmp_path, amount="stake.py:stake")
    (pilot.suite / "stake.py").write_text("def stake(record):\n    return record['gone']\n", encoding="utf-8")
    with pytest.raises(RunError, match="what is at stake in a record cannot be told"):
        filled(pilot)


def test_an_amount_of_no_column_is_refused(tmp_path: Path, asked_desk: Path) -> None:
    with pytest.raises(InputError, match="amount names no column"):
        filled(copied(asked_desk, tmp_path, amount="price"))


@pytest.mark.parametrize("queue", [QueueName.LABELS, QueueName.ACCEPTANCE])
def test_other_queues_are_filled_by_commands_of_their_own(pilot: Pilot, queue: QueueName) -> None:
    with pytest.raises(InputError, match="filled by a command of its own"):
        items_for(pilot, FillRequest("clerk", queue, run=RunRequest(show_progress=False)))


def test_without_review_yaml_nobody_could_decide(tmp_path: Path, asked_desk: Path) -> None:
    pilot = copied(asked_desk, tmp_path)
    (pilot.suite / "review.yaml").unlink()
    with pytest.raises(InputError, match=r"no review\.yaml"):
        filled(pilot)


# What a holdout that was opened adds


@pytest.fixture
def opened(once: Callable[[str, Callable[[Path], object]], Path], tmp_path: Path) -> Pilot:
    """Return a copy of a pilot with as many development as holdout records, of which the holdout was opened."""
    shutil.copytree(once("people_opened", opened_people), tmp_path, dirs_exist_ok=True)
    return open_pilot("small", tmp_path)


def of_split(items: tuple[ReviewItem, ...], split: Split) -> list[ReviewItem]:
    return [one for one in items if one.about["split"] == split.value]


def is_escalated(record: object) -> bool:
    """Return whether the agent hands a record over: the amount is above its authority, or nobody ordered it."""
    number = int(str(record).lstrip("R"))
    return 500 + 700 * (number % 16) > 10000 or (4_500_000 + number) % 7 == 3


def is_unsure(record: object) -> bool:
    """Return whether it says an action of which it is less than half sure."""
    return int(str(record).lstrip("R")) % 5 == 0 and not is_escalated(record)


def test_once_the_holdout_is_opened_all_that_it_does_not_decide_alone_goes_to_people(opened: Pilot) -> None:
    filling = filled(opened)
    holdout = [str(one) for one in read_dataset(opened).ids(Split.HOLDOUT)]
    wanted = {one for one in holdout if is_escalated(one) or is_unsure(one)}
    items = of_split(filling.items, Split.HOLDOUT)
    assert len(items) == len(wanted) > 20
    assert {one.record_id for one in items} == wanted
    assert {one.planted for one in items} == {None}, "no label of the holdout is used"
    assert f"{len(wanted)} records of the holdout that were not decided alone" in filling.told
    over = [one for one in items if one.about["rule"] == "over_authority"]
    assert {(one.group, one.four_eyes) for one in over} == {("controllers", True)}
    assert any("park(" in step for one in over for step in one.card.trace), "what happened is in the journal"
    shown = [(one.card.recommended, one.card.confidence) for one in items if one.group == "clerks"]
    assert {confidence for _, confidence in shown} == {0.3}
    assert {action for action, _ in shown} == {"approve", "reject"}
    development = of_split(filling.items, Split.DEV)
    assert {one.about["chosen"] for one in development} == {"each", "planted"}
    n = sum(one.card.recommended is not None for one in [*items, *development] if one.planted is None)
    share = OPENED_REVIEW["queues"]["escalations"]["planted_share"]
    chosen = {one.record_id for one in development if one.about["chosen"] == "each"}
    left = [one for one in read_dataset(opened).ids(Split.DEV) if is_unsure(one) and one not in chosen]
    assert sum(one.planted is not None for one in development) == min(planted_count(n, share), len(left)) > 3


def test_an_opening_of_another_version_adds_nothing(opened: Pilot) -> None:
    path = opened.suite / "clerk.py"
    path.write_text(path.read_text(encoding="utf-8").replace("0.3", "0.4"), encoding="utf-8")
    filling = filled(open_pilot("small", opened.root))
    assert of_split(filling.items, Split.HOLDOUT) == []
    assert not any("holdout" in one for one in filling.told)


# Test cases that somebody is to confirm


def proposed(root: Path, *cases: dict[str, Any]) -> Pilot:
    """Return a pilot whose agent ran proposed cases, beside one of a signed file."""
    pilot = order_pilot(root)
    (pilot.suite / "review.yaml").write_text(json.dumps(REVIEW), encoding="utf-8")
    write_suite(pilot, [case("signed", "O001")], "signed")
    sign_suite(pilot, "signed")
    write_suite(pilot, cases)
    CASES.make(pilot, read_dataset(pilot), quietly())
    return pilot


def asked_cases(pilot: Pilot) -> tuple[ReviewItem, ...]:
    return items_for(pilot, FillRequest("exact", QueueName.CASES)).items


HEAVY = case("heavy", "O004", set={"weight": "7.000", "note": None}, covers=["rule:heavy@above"], why="just above")


def test_a_case_that_nobody_signed_is_asked_with_what_it_makes_of_its_record(tmp_path: Path) -> None:
    pilot = proposed(
        tmp_path, case("plain", "O004"), HEAVY, case("louder", "O000", relation="reason_same", change="case")
    )
    filling = items_for(pilot, FillRequest("exact", QueueName.CASES))
    assert filling.told == ("3 of 4 test cases are of files that nobody signed",)
    by_case = {one.about["case"]: one for one in filling.items}
    assert set(by_case) == {"plain", "heavy", "louder"}
    assert {one.group for one in filling.items} == {"clerks"}
    heavy = by_case["heavy"].card
    assert (heavy.title, heavy.recommended, heavy.actions) == ("Test case heavy", "confirm", ("confirm", "reword"))
    assert heavy.assessment == "Expected: action approve. Is that what the process asks for?"
    # what it sets, once and first; then what it says; then the other cells of its record
    assert heavy.evidence[:4] == (
        ShownField("note", "(empty)", "set by the test case"),
        ShownField("weight", "7.000", "set by the test case"),
        ShownField("covers", "rule:heavy@above", "test case"),
        ShownField("why", "just above", "test case"),
    )
    names = [one.name for one in heavy.evidence]
    assert len(names) == len(set(names))
    assert {one.source for one in heavy.evidence[4:]} == {"base record"}
    record = next(read_dataset(pilot).records(read_dataset(pilot).ids(Split.DEV)[[0]]))
    assert {"supplier_id", "unit"} <= {*names} & {*record.fields}
    louder = by_case["louder"].card
    assert louder.assessment == "Expected: reason_same. Is that what the process asks for?"
    assert ("change", "case") in [(one.name, one.value) for one in louder.evidence]


def test_a_case_that_was_reworded_is_asked_again_and_the_others_are_not(tmp_path: Path) -> None:
    pilot = proposed(tmp_path, case("plain", "O004"), HEAVY)
    first = asked_cases(pilot)
    with desk_of(pilot, PlayedClock()) as desk:
        assert desk.put(first) == 2
        claim = desk.claim("ann", QueueName.CASES)
        assert claim is not None
        desk.answer("ann", claim.item, GivenAnswer(AnswerKind.APPROVE), claim.shown_digest)
    write_suite(pilot, [case("plain", "O004"), {**HEAVY, "expect": {"action": "escalate"}}])
    CASES.make(pilot, read_dataset(pilot), quietly())
    again = asked_cases(pilot)
    assert {one.id for one in first} & {one.id for one in again} == {first[0].id}
    with desk_of(pilot, PlayedClock()) as desk:
        assert desk.put(again) == 1


def test_cases_that_nobody_ran_cannot_be_confirmed(tmp_path: Path) -> None:
    pilot = order_pilot(tmp_path)
    (pilot.suite / "review.yaml").write_text(json.dumps(REVIEW), encoding="utf-8")
    write_suite(pilot, [case("plain", "O004")])
    with pytest.raises(
        InputError,
        match=r"^no test of the cases has been run; workbench cases run small --agent NAME\n  where: pilot small$",
    ):
        asked_cases(pilot)
