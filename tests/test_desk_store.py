"""The desk's store: who gets what, answers once each, deadlines, and a chain in which every manipulation shows."""

import json
import secrets
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from desks import (
    APPROVE,
    CARD,
    HOUR_S,
    LEASE_S,
    SAID,
    START_S,
    HandClock,
    claimed,
    decided,
    desk_in,
    item_named,
    named,
    review_settings,
)

from workbench.desk import AnswerKind, Card, Desk, DeskConflictError, Feedback, FeedbackWish, GivenAnswer, desk_path
from workbench.desk import open_desk as open_desk_of
from workbench.pilot import QueueName, open_pilot
from workbench.words import InputError

MAY_SEE = {
    "item",
    "queue",
    "card",
    "shown_digest",
    "lease_until",
    "due",
    "needs_reason",
    "may_undo",
    "adjudicates",
    "four_eyes",
}


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def open_desk(tmp_path: Path, clock: HandClock) -> Iterator[Callable[..., Desk]]:
    """Open the test's one desk with items and settings, and close it at the end."""
    desks: list[Desk] = []

    def opened(*items: Any, **changed: Any) -> Desk:
        desks.append(desk_in(tmp_path, *items, clock=clock, **changed))
        return desks[-1]

    yield opened
    for desk in desks:
        desk.close()


# Who gets what


def test_an_item_is_put_once(open_desk: Callable[..., Desk]) -> None:
    desk = open_desk(item_named("a"))
    assert desk.put([item_named("a"), item_named("b"), item_named("b")]) == 1
    assert list(desk.items()["item"]) == ["a", "b"]
    desk.check()


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"group": "nobody"}, "no such group"),
        ({"card": replace(CARD, actions=())}, "must offer actions"),
        ({"card": replace(CARD, recommended="burn")}, "must offer actions"),
        ({"amount": float("nan")}, "no number"),
        ({"needs": 0}, "at least one person"),
        ({"about": {"when": object()}}, "no JSON"),
        ({"card": replace(CARD, title="\ud800")}, "no JSON"),
    ],
)
def test_an_item_that_does_not_fit_leaves_nothing(
    open_desk: Callable[..., Desk], changed: dict[str, Any], said: str
) -> None:
    desk = open_desk()
    with pytest.raises(InputError, match=said):
        desk.put([item_named("a"), item_named("b", **changed)])
    assert desk.items().empty
    assert desk.head()[1] == 0


def test_an_item_is_one_persons_until_the_lease_ends(open_desk: Callable[..., Desk], clock: HandClock) -> None:
    desk = open_desk(item_named("a"))
    first = claimed(desk, "anna")
    assert (first.item, first.lease_until, first.due) == ("a", START_S + LEASE_S, START_S + 8 * HOUR_S)
    assert desk.claim("bert") is None
    clock.now += 10
    assert claimed(desk, "anna") == first, "a page that is opened again gets the same lease"
    clock.now = first.lease_until
    assert claimed(desk, "bert").item == "a"
    assert desk.claim("anna") is None


def test_what_is_due_first_comes_first(open_desk: Callable[..., Desk], clock: HandClock) -> None:
    desk = open_desk(item_named("early"))
    clock.now += 1
    desk.put([item_named(f"late{n}") for n in range(20)])
    assert claimed(desk, "anna").item == "early"


def test_a_queue_can_be_chosen(open_desk: Callable[..., Desk], clock: HandClock) -> None:
    desk = open_desk(item_named("a"))
    clock.now += 1
    desk.put([item_named("b", queue=QueueName.AUDIT)])
    claim = desk.claim("anna", QueueName.AUDIT)
    assert claim is not None
    assert (claim.item, claim.queue) == ("b", QueueName.AUDIT)
    assert desk.claim("anna", QueueName.CASES) is None


def test_an_amount_beyond_authority_is_not_offered(open_desk: Callable[..., Desk]) -> None:
    desk = open_desk(item_named("dear", amount=4_000.0), item_named("free", amount=None))
    assert decided(desk, "anna").completes
    assert desk.claim("anna") is None, "at most 1,000"
    assert claimed(desk, "carl").item == "dear"
    assert desk.claim("dora") is None, "it was not given to the leads"


def test_what_nobody_of_the_group_may_decide_goes_up_at_once(open_desk: Callable[..., Desk]) -> None:
    desk = open_desk(item_named("dear", amount=9_000.0))
    row = desk.items().iloc[0]
    assert (row["group"], row["group_now"], row["went_up"]) == ("clerks", "leads", 1)
    assert desk.claim("carl") is None
    assert claimed(desk, "dora").due == START_S + 4 * HOUR_S


def test_what_nobody_may_decide_is_refused(open_desk: Callable[..., Desk]) -> None:
    people = [{**one, "at_most": 1_000} for one in review_settings().model_dump()["people"]]
    desk = open_desk(people=people)
    with pytest.raises(InputError, match="too few people") as refused:
        desk.put([item_named("dear", amount=9_000.0)])
    assert refused.value.got == "an amount of 9,000.00"
    with pytest.raises(InputError, match="too few people"):
        desk.put([item_named("many", needs=6)])


def test_an_unknown_person_gets_nothing(open_desk: Callable[..., Desk]) -> None:
    with pytest.raises(InputError, match="no person 'zoe'"):
        open_desk(item_named("a")).claim("zoe")


def test_a_planted_item_looks_like_any_other(open_desk: Callable[..., Desk]) -> None:
    desk = open_desk(item_named("a", planted="pay"))
    claim = claimed(desk, "anna")
    assert set(claim.__slots__) == MAY_SEE
    assert claim.card == CARD
    desk.answer("anna", "a", APPROVE, claim.shown_digest)
    assert desk.settled(final=True) == []
    with pytest.raises(InputError, match="never carried out"):
        desk.carried_out("a", "receipt")
    assert list(desk.items()["planted"]) == ["pay"]


def test_a_blind_queue_hides_the_recommendation(open_desk: Callable[..., Desk]) -> None:
    desk = open_desk(item_named("a", queue=QueueName.LABELS))
    claim = claimed(desk, "anna")
    assert claim.card == CARD.blinded()
    with pytest.raises(InputError, match="does not offer this"):
        desk.answer("anna", "a", APPROVE, claim.shown_digest)
    desk.answer("anna", "a", GivenAnswer(AnswerKind.DECIDE, "hold"), claim.shown_digest)
    assert desk.claim("anna") is None, "the second slot is another person's"
    desk.check()


def test_the_share_that_two_decide_is_drawn_by_the_secret(
    open_desk: Callable[..., Desk], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(secrets, "token_hex", lambda n: "5a" * n)
    queues = {"escalations": {"double_share": 0.25}}
    desk = open_desk(*(item_named(f"i{n}") for n in range(2_000)), queues=queues)
    needs = desk.items().set_index("item")["needs"]
    assert set(needs) == {1, 2}
    assert (needs == 2).mean() == pytest.approx(0.25, abs=0.04)  # four standard errors of 2,000 draws
    desk.check()


def test_a_drawn_second_person_who_does_not_exist_is_not_waited_for(open_desk: Callable[..., Desk]) -> None:
    people = [{"id": "anna", "name": "Anna", "groups": ["clerks", "leads", "judges"]}]
    desk = open_desk(people=people, queues={"escalations": {"double_share": 0.999}})
    desk.put([item_named(f"i{n}") for n in range(20)])
    assert set(desk.items()["needs"]) == {1}
    with pytest.raises(InputError, match="too few people"):
        desk.put([item_named("label", queue=QueueName.LABELS)])


# Answers


def test_an_answer_is_recorded_once(open_desk: Callable[..., Desk]) -> None:
    desk = open_desk(item_named("a"))
    claim = claimed(desk, "anna")
    first = desk.answer("anna", "a", APPROVE, claim.shown_digest)
    assert (first.seq, first.completes) == (2, True)
    assert desk.answer("anna", "a", APPROVE, claim.shown_digest) == first, "a double click"
    with pytest.raises(DeskConflictError, match="answered this item already"):
        desk.answer("anna", "a", named("pay"), claim.shown_digest)
    row = desk.answers().iloc[0]
    assert len(desk.answers()) == 1
    assert (row["action"], row["reviewer"], row["group"]) == ("hold", desk.pseudonym("anna"), "clerks")
    assert (row["opened"], row["decided"], row["lease_until"]) == (START_S, START_S, START_S + LEASE_S)


def test_a_late_answer_counts_unless_somebody_took_the_item(open_desk: Callable[..., Desk], clock: HandClock) -> None:
    desk = open_desk(item_named("a"), item_named("b"))
    late, other = claimed(desk, "anna"), claimed(desk, "bert")
    clock.now += LEASE_S + 1
    assert desk.answer("anna", late.item, APPROVE, late.shown_digest).completes, "nobody else had it"
    assert claimed(desk, "carl").item == other.item
    with pytest.raises(DeskConflictError, match="no longer yours"):
        desk.answer("bert", other.item, APPROVE, other.shown_digest)
    assert len(desk.answers()) == 1


def test_an_answer_is_to_the_card_that_was_shown(open_desk: Callable[..., Desk]) -> None:
    desk = open_desk(item_named("a"))
    claimed(desk, "anna")
    with pytest.raises(DeskConflictError, match="another card"):
        desk.answer("anna", "a", APPROVE, replace(CARD, title="Invoice R-2").digest)
    with pytest.raises(DeskConflictError, match="no longer yours"):
        desk.answer("bert", "a", APPROVE, CARD.digest)
    for name in ("zzz", "\ud800"):
        with pytest.raises(InputError, match="no such item"):
            desk.answer("anna", name, APPROVE, CARD.digest)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (GivenAnswer(AnswerKind.APPROVE, "pay"), "take the recommended action"),
        (GivenAnswer(AnswerKind.DECIDE, "pay"), "does not offer this"),
        (named("hold"), "does not offer this action"),
        (named("burn"), "does not offer this action"),
        (GivenAnswer(AnswerKind.MODIFY, "pay"), "a reason is needed"),
        (GivenAnswer(AnswerKind.REJECT, reason=" "), "a reason is needed"),
        (GivenAnswer(AnswerKind.REJECT, "pay", "wrong"), "do nothing"),
        (GivenAnswer(AnswerKind.REJECT, reason="x" * 501), "too long"),
        (GivenAnswer(AnswerKind.APPROVE, note="x" * 2_001), "too long"),
        (GivenAnswer(AnswerKind.APPROVE, note="\ud800"), "no text"),
    ],
)
def test_an_answer_that_the_card_does_not_offer_leaves_nothing(
    open_desk: Callable[..., Desk], given: GivenAnswer, said: str
) -> None:
    desk = open_desk(item_named("a"))
    claim = claimed(desk, "anna")
    with pytest.raises(InputError, match=said):
        desk.answer("anna", "a", given, claim.shown_digest)
    assert desk.answers().empty
    assert desk.answer("anna", "a", named("pay"), claim.shown_digest).completes


def test_a_rejection_settles_as_nothing_to_do(open_desk: Callable[..., Desk]) -> None:
    desk = open_desk(item_named("a"))
    decided(desk, "anna", GivenAnswer(AnswerKind.REJECT, reason="no invoice at all"))
    assert [(one.action, one.people) for one in desk.settled(final=True)] == [(None, (desk.pseudonym("anna"),))]


def test_an_answer_can_be_taken_back_while_its_lease_runs(open_desk: Callable[..., Desk], clock: HandClock) -> None:
    desk = open_desk(item_named("a"), item_named("b"))
    first = claimed(desk, "anna")
    desk.answer("anna", first.item, APPROVE, first.shown_digest)
    clock.now += 5
    following = claimed(desk, "anna")
    assert following.may_undo
    back = desk.undo("anna")
    assert (back.item, back.lease_until, back.may_undo) == (first.item, clock.now + LEASE_S, False)
    assert desk.undo("anna") == back, "a double click"
    assert claimed(desk, "anna").item == first.item, "before the one that was taken meanwhile"
    desk.answer("anna", first.item, named("pay"), first.shown_digest)
    assert list(desk.answers()["kind"]) == ["approve", "undo", "modify"]
    assert list(desk.answers()["in_force"]) == [False, False, True]
    assert claimed(desk, "anna").item == following.item
    desk.check()


def test_an_answer_stands_when_its_time_is_over_or_it_was_carried_out(
    open_desk: Callable[..., Desk], clock: HandClock
) -> None:
    desk = open_desk(item_named("a"), item_named("b"))
    with pytest.raises(DeskConflictError, match="nothing can be taken back"):
        desk.undo("anna")
    decided(desk, "anna")
    clock.now += LEASE_S
    with pytest.raises(DeskConflictError, match="nothing can be taken back"):
        desk.undo("anna")
    decided(desk, "anna")
    assert desk.carried_out("a", "1")
    assert desk.carried_out("b", "2")
    with pytest.raises(DeskConflictError, match="nothing can be taken back"):
        desk.undo("anna")


# What several answers come to


def test_two_who_agree_settle_an_item_that_needs_two(open_desk: Callable[..., Desk], clock: HandClock) -> None:
    desk = open_desk(item_named("a", needs=2))
    assert not decided(desk, "anna").completes
    assert desk.claim("anna") is None
    clock.now += 100
    assert decided(desk, "bert").completes
    clock.now = START_S + LEASE_S
    assert desk.settled() == [], "the second can still be taken back"
    clock.now += 100
    (settled,) = desk.settled()
    assert settled.action == "hold"
    assert settled.people == (desk.pseudonym("anna"), desk.pseudonym("bert"))


def test_where_two_disagree_an_adjudicator_decides(open_desk: Callable[..., Desk]) -> None:
    desk = open_desk(item_named("a", needs=2))
    decided(desk, "anna")
    assert not decided(desk, "bert", named("pay")).completes
    assert desk.claim("carl") is None, "no third of the clerks is asked"
    claim = claimed(desk, "emil")
    assert claim.card.assessment.endswith("People disagree: hold; pay.")
    assert desk.settled(final=True) == []
    assert desk.answer("emil", "a", named("ask"), claim.shown_digest).completes
    assert desk.settled(final=True)[0].action == "ask"
    assert list(desk.answers()["adjudicates"]) == [0, 0, 1]
    desk.check()


def test_an_adjudicator_of_a_blind_queue_sees_nothing_of_it(open_desk: Callable[..., Desk]) -> None:
    desk = open_desk(item_named("a", queue=QueueName.LABELS))
    for person, action in (("anna", "pay"), ("bert", "hold")):
        decided(desk, person, GivenAnswer(AnswerKind.DECIDE, action))
    assert claimed(desk, "emil").card == CARD.blinded()


def test_an_adjudicator_has_not_answered_the_item(open_desk: Callable[..., Desk]) -> None:
    desk = open_desk(
        item_named("a", needs=2),
        adjudicators="leads",
        people=[
            {"id": "dora", "name": "Dora", "groups": ["clerks", "leads"]},
            {"id": "emil", "name": "Emil", "groups": ["clerks", "leads"]},
            {"id": "fred", "name": "Fred", "groups": ["leads", "judges"]},
        ],
    )
    decided(desk, "dora")
    decided(desk, "emil", named("pay"))
    assert desk.claim("dora") is None
    assert desk.claim("emil") is None
    assert claimed(desk, "fred").item == "a"


def test_a_disagreement_that_is_taken_back_needs_no_adjudicator(open_desk: Callable[..., Desk]) -> None:
    desk = open_desk(item_named("a", needs=2))
    decided(desk, "anna")
    decided(desk, "bert", named("pay"))
    desk.undo("bert")
    assert desk.claim("emil") is None
    assert decided(desk, "bert").completes
    assert desk.claim("emil") is None
    assert list(desk.answers()["kind"]) == ["approve", "modify", "undo", "approve"]
    desk.check()


def test_what_an_adjudicator_has_in_hand_is_not_taken_back(open_desk: Callable[..., Desk]) -> None:
    desk = open_desk(item_named("a", needs=2))
    decided(desk, "anna")
    decided(desk, "bert", named("pay"))
    claimed(desk, "emil")
    with pytest.raises(DeskConflictError, match="nothing can be taken back"):
        desk.undo("bert")


def test_four_eyes_are_two_people_with_one_action(open_desk: Callable[..., Desk]) -> None:
    desk = open_desk(item_named("a", four_eyes=True), adjudicators="leads")
    decided(desk, "anna")
    decided(desk, "bert", named("pay"))
    assert not decided(desk, "dora", named("ask")).completes, "three people, three actions"
    assert not desk.settled(final=True)
    with pytest.raises(DeskConflictError, match="not decided"):
        desk.carried_out("a", "receipt")
    assert decided(desk, "emil", named("pay")).completes
    (settled,) = desk.settled(final=True)
    assert (settled.action, len(set(settled.people))) == ("pay", 4)
    desk.check()


def test_a_decision_is_carried_out_once(open_desk: Callable[..., Desk]) -> None:
    desk = open_desk(item_named("a"))
    with pytest.raises(DeskConflictError, match="not decided"):
        desk.carried_out("a", "receipt")
    decided(desk, "anna")
    assert [desk.carried_out("a", f"receipt {n}") for n in range(3)] == [True, False, False]
    assert desk.settled(final=True)[0].receipt == "receipt 0"
    assert list(desk.items()["receipt"]) == ["receipt 0"]


# Deadlines


def test_what_nobody_takes_goes_up_and_is_overdue_at_the_top(open_desk: Callable[..., Desk], clock: HandClock) -> None:
    desk = open_desk(item_named("a"), item_named("b", amount=9_000.0))
    clock.now += 8 * HOUR_S
    assert desk.expire() == 1, "b was at the top already, and is overdue"
    assert list(desk.items()["group_now"]) == ["leads", "leads"]
    assert list(desk.items()["is_overdue"]) == [False, True]
    assert desk.claim("anna") is None
    assert [claimed(desk, one).item for one in ("dora", "emil")] == ["b", "a"], "what is overdue comes first"
    clock.now += 5 * HOUR_S
    assert desk.expire() == 0
    assert list(desk.items()["is_overdue"]) == [True, True]
    assert decided(desk, "dora").completes
    desk.check()


def test_a_claim_finds_what_is_late(open_desk: Callable[..., Desk], clock: HandClock) -> None:
    desk = open_desk(item_named("a"))
    late = claimed(desk, "anna")
    clock.now += 8 * HOUR_S
    assert desk.claim("bert") is None
    assert claimed(desk, "dora").item == "a"
    with pytest.raises(DeskConflictError, match="no longer yours"):
        desk.answer("anna", "a", APPROVE, late.shown_digest)


def test_what_somebody_has_in_hand_does_not_go_up(open_desk: Callable[..., Desk], clock: HandClock) -> None:
    desk = open_desk(item_named("a"))
    clock.now += 8 * HOUR_S - 1
    claim = claimed(desk, "anna")
    clock.now += 2
    assert desk.expire() == 0
    assert desk.answer("anna", "a", APPROVE, claim.shown_digest).completes


def test_progress_counts_what_one_person_may_take(open_desk: Callable[..., Desk], clock: HandClock) -> None:
    desk = open_desk(item_named("a", needs=2), item_named("b", queue=QueueName.AUDIT), item_named("c", amount=4_000.0))
    seen = desk.progress("anna")
    assert (seen.waiting, seen.decided, seen.next_due) == (2, 0, START_S + 8 * HOUR_S)
    assert seen.by_queue == {QueueName.ESCALATIONS: 1, QueueName.AUDIT: 1}
    assert desk.progress("carl").waiting == 3
    decided(desk, "anna")
    assert desk.progress("anna").decided == 1
    assert desk.progress("anna").waiting == 1
    decided(desk, "anna")
    assert (desk.progress("anna").waiting, desk.progress("anna").next_due) == (0, None)
    claimed(desk, "carl")
    assert desk.progress("carl").waiting == 2, "one's own lease counts"
    clock.now += 36 * HOUR_S
    assert desk.progress("anna").decided == 0


# Names, feedback, places


def test_people_have_pseudonyms_unless_names_are_shown(open_desk: Callable[..., Desk], tmp_path: Path) -> None:
    desk = open_desk(item_named("a"))
    decided(desk, "anna")
    hidden = desk.answers()["reviewer"][0]
    assert len(hidden) == 12
    desk.close()
    assert b"anna" not in (tmp_path / "desk.db").read_bytes()
    assert (tmp_path / "desk.db").stat().st_mode & 0o777 == 0o600
    named_desk = open_desk(names_shown=True)
    assert named_desk.answers()["reviewer"][0] == "anna"
    assert named_desk.settled(final=True)[0].people == ("anna",)


def test_feedback_is_in_the_chain(open_desk: Callable[..., Desk]) -> None:
    desk = open_desk(item_named("a"))
    said = Feedback("R-a", "wrong", "critical", "The vendor is another.", item="a", wants=FeedbackWish.DISPUTE)
    assert desk.feedback("anna", said) == 2
    assert desk.feedback("bert", Feedback("R-9", "idea", "minor", "")) == 3
    frame = desk.feedbacks()
    assert list(frame["wants"]) == ["dispute", "none"]
    assert list(frame["reviewer"]) == [desk.pseudonym("anna"), desk.pseudonym("bert")]
    with pytest.raises(InputError, match="no such item"):
        desk.feedback("anna", replace(said, item="zzz"))
    with pytest.raises(InputError, match="too long"):
        desk.feedback("anna", replace(said, text="x" * 2_001))
    with pytest.raises(InputError, match="names a record"):
        desk.feedback("anna", replace(said, record_id="", item=None))
    assert desk.claim("anna") is not None, "feedback decides nothing"
    desk.check()


def test_another_file_is_no_desk(tmp_path: Path) -> None:
    path = desk_path(tmp_path)
    path.write_bytes(b"no database at all, but longer than a header of one" * 40)
    with pytest.raises(InputError, match="no desk's file"):
        Desk(path, review_settings())
    path.unlink()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 7")
    with pytest.raises(InputError, match="another version"):
        Desk(path, review_settings())


def test_a_card_comes_back_whole(open_desk: Callable[..., Desk]) -> None:
    assert claimed(open_desk(item_named("a")), "anna").card == CARD
    assert Card.from_json(json.loads(json.dumps(CARD.as_json()))) == CARD


def test_a_pilots_desk_is_in_the_folder_of_its_runs(tmp_path: Path) -> None:
    shipped = open_pilot("invoice_matching", Path(__file__).parent.parent)
    pilot = replace(shipped, root=tmp_path)
    with pytest.raises(InputError, match=r"has no review\.yaml"):
        open_desk_of(pilot)
    pilot.suite.mkdir(parents=True)
    (pilot.suite / "review.yaml").write_text(json.dumps(SAID))
    with open_desk_of(pilot) as desk:
        assert desk.put([item_named("a")]) == 1
    assert desk_path(pilot.runs) == tmp_path / "mlruns" / "invoice_matching" / "desk.db"
    assert desk_path(pilot.runs).is_file()
