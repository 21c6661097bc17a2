"""Queues filled from what an agent decides: whom a decision goes to, what is shown of it, what is planted."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from review_pilots import AGENT, NOW, PlayedClock, copied, desk_of, filled

from workbench.desk import ReviewItem
from workbench.pilot import Pilot, QueueName
from workbench.records.splits import Split, read_dataset
from workbench.review import FillRequest, items_for
from workbench.review.planting import planted_count
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
    assert (card.recommended, card.confidence, card.threshold) == ("escalate", 0.9, 0.5)
    assert card.reasoning == "over_authority"
    assert any(step.startswith("park(") for step in card.trace)
    assert card.actions == ("approve", "reject", "escalate")


def test_what_is_not_sure_enough_says_how_sure_it_is(items: tuple[ReviewItem, ...]) -> None:
    one = next(item for item in real(items) if item.group == "clerks")
    assert "It is 30.0% sure and decides alone from 50.0% on." in one.card.assessment


def test_what_was_planted_is_wrong_and_shows_nothing_of_what_the_agent_did(items: tuple[ReviewItem, ...]) -> None:
    planted = [one for one in items if one.planted is not None]
    # nine right ones and a share of .2 of all: 9 * .2 / .8 = 2.25
    assert len(planted) == 3 == planted_count(9, 0.2)
    for one in planted:
        assert one.card.recommended not in (None, one.planted)
        assert not any(step.startswith(("post(", "park(", "send_back(")) for step in one.card.trace)
        # a reason that process.yaml has for the action that is recommended
        assert one.card.reasoning in GOES_WITH[str(one.card.recommended)]
    assert not {one.record_id for one in planted} & {one.record_id for one in real(items)}


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
