"""The review desk's page over HTTP: what a card shows and hides, one request a tap, and nothing twice."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from commands import Command, command_in
from desk_crowd import (
    HIDDEN,
    PILOT,
    TOLD,
    Crowd,
    ServedDesk,
    crowd_items,
    crowd_pilot,
    decided_while_killed,
    lost_double_peeked,
)
from desk_pages import CARD, MONDAY, REASONS, SETTINGS, Clock, desk_at, item, links_of, served

from workbench.desk import AnswerKind, Card, Desk, GivenAnswer, PageReviewer, SeenCard, ShownField, open_desk
from workbench.desk.showing import due_words
from workbench.pilot import QueueName, ReviewSettings
from workbench.words import RunError

Acting = Callable[[PageReviewer], Awaitable[None]]


@dataclass
class Room:
    """A desk that is served, with a clock that stands."""

    desk: Desk
    address: str
    clock: Clock

    def link(self, person: str = "ada") -> str:
        return links_of().link_for(person, self.address, self.clock())

    def acts(self, acting: Acting, person: str = "ada") -> PageReviewer:
        """Let a person act on the page; return what it saw."""

        async def act() -> PageReviewer:
            async with PageReviewer(self.link(person)) as page:
                await acting(page)
            return page

        return asyncio.run(act())

    def sees(self, person: str = "ada", queue: str | None = None) -> str:
        """Return the page that a person opens."""

        async def look(page: PageReviewer) -> None:
            await page.next(queue)

        return self.acts(look, person).bodies[0]


def room_at(folder: Path, settings: ReviewSettings = SETTINGS) -> Iterator[Room]:
    clock = Clock()
    with desk_at(folder, settings, clock) as desk, served(desk, links_of(), now=clock) as address:
        yield Room(desk, address, clock)


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Command:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))
    return command_in(tmp_path, monkeypatch, capsys)


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    yield from room_at(tmp_path)


def words_of(page: str) -> str:
    """Return the words of a page, as one line."""
    return " ".join(re.sub(r"<[^>]*>", " ", page).split())


def test_a_card_shows_what_was_found_then_the_decision_then_the_evidence_with_its_sources(room: Room) -> None:
    room.desk.put([item("7")])
    page = room.sees()
    shown = words_of(page)
    order = [
        "Invoice 7", CARD.assessment, "Recommended escalate", "72% sure; it decides alone from 90% on",
        "Approve A", "Modify M", "Reject R", "Unit price invoice, unit_price 4.16 EUR", CARD.reasoning, CARD.rule,
        "What happened on the way (4 steps)",
    ]  # fmt: skip
    places = [shown.index(text.replace("Order's", "Order&#39;s")) for text in order]
    assert places == sorted(places)
    assert 'aria-label="72% sure; it decides alone from 90% on"' in page
    trace = page[: page.index(CARD.trace[0])]
    assert trace.count("<details") - trace.count("</details") == 1, "the trace is folded"


def test_one_tap_is_one_request_that_gives_the_next_card(room: Room) -> None:
    room.desk.put([item("1"), item("2")])

    async def act(page: PageReviewer) -> None:
        first = await page.next()
        second = await page.answer(AnswerKind.APPROVE)
        assert first is not None
        assert second is not None
        assert {first.item, second.item} == {"1", "2"}
        assert await page.answer(AnswerKind.APPROVE) is None

    page = room.acts(act)
    assert page.sent == 3
    assert page.statuses == [200, 200, 200]
    assert [
        re.search(r"\d of \d decided today, \d waits?", words_of(body))[0]  # type: ignore[index]
        for body in page.bodies
    ] == ["0 of 2 decided today, 2 wait", "1 of 2 decided today, 1 waits", "2 of 2 decided today, 0 wait"]
    assert "Nothing waits for you" in page.bodies[-1]
    assert list(room.desk.answers()["kind"]) == ["approve", "approve"]


def test_every_answer_arrives_as_it_was_given(room: Room) -> None:
    room.desk.put([item("1"), item("2"), item("3"), item("4", QueueName.AUDIT)])

    async def act(page: PageReviewer) -> None:
        await page.next("escalations")
        await page.answer(AnswerKind.MODIFY, "reject", REASONS[1], "as the note says")
        await page.answer(AnswerKind.REJECT, reason=REASONS[0])
        await page.answer(AnswerKind.APPROVE)
        await page.next("audit")
        await page.answer(AnswerKind.DECIDE, "escalate")

    room.acts(act)
    given = room.desk.answers()[["kind", "action", "reason", "note"]].to_numpy().tolist()
    assert given == [
        ["modify", "reject", REASONS[1], "as the note says"],
        ["reject", None, REASONS[0], ""],
        ["approve", "escalate", "", ""],
        ["decide", "escalate", "", ""],
    ]


def test_a_blind_card_has_a_button_for_each_action_and_nothing_of_the_recommendation(room: Room) -> None:
    secret = replace(
        CARD, assessment="HIDDEN-1", reasoning="HIDDEN-2", rule="HIDDEN-3", trace=("HIDDEN-4",), confidence=0.123
    )
    room.desk.put([item("1", QueueName.AUDIT, secret)])
    page = room.sees()
    assert re.findall(r'name="action" value="(\w+)" data-digit="(\d)"', page) == [
        ("approve", "1"), ("reject", "2"), ("escalate", "3"),
    ]  # fmt: skip
    for hidden in ("HIDDEN", "data-recommended", "Recommended", "12.3", 'value="approve" data-key', "Modify"):
        assert hidden not in page.replace("<kbd>M</kbd> modify", "")


def test_an_item_without_a_recommendation_is_shown_whole_with_a_button_for_each_action(room: Room) -> None:
    room.desk.put([item("1", card=replace(CARD, recommended=None, confidence=None))])
    page = room.sees()
    assert 'name="action" value="escalate" data-digit="3"' in page
    assert CARD.reasoning in page
    assert "sure" not in words_of(page)


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"kind": "modify", "action": "reject"}, "a reason is needed"),
        ({"kind": "reject"}, "a reason is needed"),
        ({"kind": "modify", "action": "pay twice", "reason": "x"}, "the card does not offer this action"),
        ({"kind": "decide", "action": "reject"}, "the card does not offer this"),
        ({"kind": "undo"}, "this is no answer"),
        ({"kind": "approve", "queue": "nowhere"}, "the desk has no such queue"),
        ({"kind": "approve", "item": "nothing"}, "the desk has no such item"),
    ],
)
def test_what_a_card_does_not_offer_is_a_readable_page_and_stores_nothing(
    room: Room, form: dict[str, str], said: str
) -> None:
    room.desk.put([item("1")])

    async def act(page: PageReviewer) -> None:
        await page.next()
        own = page.form("/answer", AnswerKind.APPROVE)
        await page.send("/answer", {**own.hidden, **form})

    page = room.acts(act)
    assert page.statuses[-1] == 400
    assert f"Not stored: {said}." in words_of(page.bodies[-1])
    assert room.desk.answers().empty


def test_a_form_that_is_sent_again_counts_once(room: Room) -> None:
    room.desk.put([item("1"), item("2"), item("3")])

    async def act(page: PageReviewer) -> None:
        first = await page.next()
        assert first is not None
        form = {**page.form("/answer", AnswerKind.APPROVE).hidden, "kind": "approve"}
        second = await page.send("/answer", form)
        assert await page.send("/answer", form) == second
        assert page.said.startswith("That was stored already")
        await page.answer(AnswerKind.APPROVE)
        undo = dict(page.form("/undo").hidden)
        back = await page.send("/undo", undo)
        assert await page.send("/undo", undo) == back
        said = {**page.form("/feedback").hidden, "kind": "case"}
        await page.send("/feedback", said)
        await page.send("/feedback", said)
        # The first answer again, long after: its card is decided, and the one in front of the person stays.
        assert await page.send("/answer", form) == back

    page = room.acts(act)
    assert set(page.statuses) == {200}
    assert list(room.desk.answers()["kind"]) == ["approve", "approve", "undo"]
    assert len(room.desk.feedbacks()) == 1


def test_an_answer_that_comes_again_after_a_restart_of_the_server_counts_once(tmp_path: Path) -> None:
    clock, forms, seen = Clock(), [], []

    async def first(page: PageReviewer) -> None:
        await page.next()
        forms.append({**page.form("/answer", AnswerKind.APPROVE).hidden, "kind": "approve"})
        seen.append(await page.send("/answer", forms[0]))

    async def again(page: PageReviewer) -> None:
        await page.next()
        seen.append(await page.send("/answer", forms[0]))

    link = ""
    with desk_at(tmp_path, now=clock) as desk:
        desk.put([item("1"), item("2")])
        for act in (first, again):
            with served(desk, links_of(), now=clock) as address:
                link = link or links_of().link_for("ada", address, clock())
                here = Room(desk, address, clock)
                ticket = link.rpartition("/")[2]

                async def acting(act: Acting = act, at: str = f"{address}/in/{ticket}") -> None:
                    async with PageReviewer(at) as page:
                        await act(page)

                asyncio.run(acting())
        assert here.address
        assert seen[0] == seen[1]
        assert len(desk.answers()) == 1


def test_who_comes_too_late_is_told_so_and_gets_the_next_card(room: Room) -> None:
    room.desk.put([item("1"), item("2")])

    async def act(page: PageReviewer) -> None:
        card = await page.next()
        assert card is not None
        room.clock.at += SETTINGS.lease_s + 1
        taken = room.desk.claim("bo")
        assert taken is not None
        assert taken.item == card.item
        room.desk.answer("bo", taken.item, GivenAnswer(AnswerKind.APPROVE), taken.shown_digest)
        form = {**page.form("/answer", AnswerKind.APPROVE).hidden, "kind": "approve"}
        for _ in range(2):  # what was refused is refused again, and never called stored
            other = await page.send("/answer", form)
            assert other is not None
            assert other.item != card.item
            assert "Not stored: somebody else decided this meanwhile" in page.said

    page = room.acts(act)
    assert page.statuses[-2:] == [409, 409]
    assert "Bo Lind" not in page.bodies[-1]
    assert len(room.desk.answers()) == 1


def test_undo_brings_the_card_back_while_there_is_time_also_after_the_last_one(room: Room) -> None:
    room.desk.put([item("1")])

    async def act(page: PageReviewer) -> None:
        await page.next()
        assert await page.answer(AnswerKind.APPROVE) is None
        back = await page.undo()
        assert back is not None
        assert back.item == "1"
        await page.answer(AnswerKind.REJECT, reason=REASONS[0])
        room.clock.at += SETTINGS.lease_s + 1
        assert await page.undo() is None

    page = room.acts(act)
    assert page.statuses == [200, 200, 200, 200, 409]
    assert page.said.startswith("Not undone")
    assert list(room.desk.answers()["kind"]) == ["approve", "undo", "reject"]


def test_a_page_that_is_opened_again_still_offers_undo(room: Room) -> None:
    room.desk.put([item("1"), item("2")])

    async def act(page: PageReviewer) -> None:
        await page.next()
        await page.answer(AnswerKind.APPROVE)
        await page.next()
        back = await page.undo()
        assert back is not None

    assert room.acts(act).statuses == [200] * 4


def test_feedback_is_stored_with_the_record_and_the_card_stays(room: Room) -> None:
    room.desk.put([item("1")])

    async def act(page: PageReviewer) -> None:
        card = await page.next()
        assert await page.feedback("the vendor's name is cut", severity="high") == card
        assert await page.feedback(kind="dispute") == card
        assert await page.feedback(kind="case", text="two deliveries, one price") == card
        await page.feedback(text=" ")

    page = room.acts(act)
    assert page.statuses == [200, 200, 200, 200, 400]
    kept = room.desk.feedbacks()[["record_id", "item", "kind", "severity", "text", "wants"]].to_numpy().tolist()
    assert kept == [
        ["R-1", "1", "issue", "high", "the vendor's name is cut", "none"],
        ["R-1", "1", "issue", "", "", "dispute"],
        ["R-1", "1", "issue", "", "two deliveries, one price", "case"],
    ]


def test_an_acceptance_card_asks_the_questions_of_a_session(room: Room) -> None:
    room.desk.put([item("1", QueueName.ACCEPTANCE), item("2")])
    assert 'value="missing">Which cases are missing from the tests?' in room.sees(queue="acceptance")
    assert "Which cases are missing" not in room.sees(queue="escalations")

    async def act(page: PageReviewer) -> None:
        await page.next("acceptance")
        await page.feedback("all of them were", what="common")

    room.acts(act)
    assert room.desk.feedbacks()[["kind", "severity", "text"]].to_numpy().tolist() == [
        ["common", "", "all of them were"]
    ]


@pytest.mark.parametrize(
    ("left", "words"),
    [
        (75.0, "1:15 min left to decide"),
        (7505.0, "2 h 5 min left to decide"),
        (200_000.0, "2 days left to decide"),
        (-90.0, "overdue by 1:30 min"),
        (0.0, "overdue by 0:00 min"),
    ],
)
def test_a_deadline_is_said_as_the_time_that_is_left(left: float, words: str) -> None:
    assert due_words(MONDAY + left, MONDAY) == words


def test_an_item_past_the_last_deadline_is_marked(room: Room) -> None:
    room.desk.put([replace(item("1"), group="leads")])
    assert "39 h 59 min" not in words_of(room.sees("cy"))
    assert "40 h 0 min left to decide" in words_of(room.sees("cy"))
    room.clock.at += 41 * 3600
    late = room.sees("cy")
    assert 'class="late">overdue by 1 h 0 min' in late


def test_two_eyes_and_two_who_disagree_are_said_without_names(room: Room) -> None:
    room.desk.put([item("1", four_eyes=True)])
    seen: list[SeenCard | None] = []

    async def approve(page: PageReviewer) -> None:
        seen.append(await page.next())
        await page.answer(AnswerKind.APPROVE)

    async def reject(page: PageReviewer) -> None:
        seen.append(await page.next())
        await page.answer(AnswerKind.REJECT, reason=REASONS[0])

    room.acts(approve)
    page = room.acts(reject, "bo")
    assert [one.marks for one in seen if one is not None] == [("A second person decides this too.",)] * 2
    assert "approve" not in words_of(page.bodies[0]).partition("Recommended")[0], "nothing of the first answer"
    last = room.sees("cy")
    assert "Two people decided differently: yours is the decision." in last
    assert "People disagree: escalate; nothing." in last
    assert not any(name in last for name in ("Ada Berg", "Bo Lind", REASONS[0] + "</p>"))


def test_an_adjudicator_of_a_blind_queue_is_not_told_what_others_said(tmp_path: Path) -> None:
    queues = {QueueName.AUDIT: SETTINGS.queue(QueueName.AUDIT).model_copy(update={"double_share": 1.0})}
    for room in room_at(tmp_path, SETTINGS.model_copy(update={"queues": queues})):
        room.desk.put([item("1", QueueName.AUDIT)])
        for person, action in (("ada", "approve"), ("bo", "reject")):
            claim = room.desk.claim(person)
            assert claim is not None
            room.desk.answer(
                person, "1", GivenAnswer(AnswerKind.DECIDE, action, note=f"{TOLD}{person}"), claim.shown_digest
            )
        page = room.sees("cy")
        assert "Two people decided differently" in page
        assert not any(peers in page for peers in (TOLD, "disagree:", "data-recommended", CARD.reasoning))


def test_what_played_the_people_stands_on_every_page(tmp_path: Path) -> None:
    played = SETTINGS.model_copy(update={"played": "a script that knows the truth answers here"})
    for room in room_at(tmp_path, played):
        room.desk.put([item("1")])

        async def act(page: PageReviewer) -> None:
            await page.next()
            await page.feedback("seen")
            await page.answer(AnswerKind.APPROVE)
            await page.send("/answer", {})
            await page.next("nowhere")
            await page.send("/nowhere", {})

        page = room.acts(act)
        assert sorted(set(page.statuses)) == [200, 400, 403, 404]
        for body in page.bodies:
            assert "<strong>Played, not decided by people.</strong> <bdi>a script that knows the truth" in body


def test_a_desk_without_reasons_asks_for_one_in_words(tmp_path: Path) -> None:
    for room in room_at(tmp_path, SETTINGS.model_copy(update={"reasons": ()})):
        room.desk.put([item("1")])

        async def act(page: PageReviewer) -> None:
            await page.next()
            await page.answer(AnswerKind.REJECT, reason="delivered twice")

        room.acts(act)
        assert list(room.desk.answers()["reason"]) == ["delivered twice"]


def test_signs_that_a_page_spells_out_come_back_as_they_were(room: Room) -> None:
    odd = ("pay\u202enow", 'say "no"', "a&b=c+d", "ja\u200bwohl")
    card = Card("x", "", odd, evidence=(ShownField("note", "n"),))
    room.desk.put([item("i\u200d 1/&", card=card)])

    async def act(page: PageReviewer) -> None:
        seen = await page.next()
        assert seen is not None
        assert seen.actions == odd
        await page.answer(AnswerKind.DECIDE, odd[0])

    page = room.acts(act)
    assert "pay\u202enow" not in page.bodies[0]
    assert "pay\\u202enow" in page.bodies[0]
    assert room.desk.answers()[["item", "action"]].to_numpy().tolist() == [["i\u200d 1/&", odd[0]]]


def test_the_state_is_a_person_s_progress_as_json(room: Room) -> None:
    room.desk.put([item("1"), item("2", QueueName.AUDIT)])

    async def act(page: PageReviewer) -> None:
        await page.send("/state")

    state = json.loads(room.acts(act).bodies[0])
    assert {name: state[name] for name in ("waiting", "decided", "by_queue", "now")} == {
        "waiting": 2, "decided": 0, "by_queue": {"escalations": 1, "audit": 1}, "now": MONDAY,
    }  # fmt: skip


def test_a_scripted_person_acts_only_through_what_the_page_offers(room: Room) -> None:
    room.desk.put([item("1")])

    async def act(page: PageReviewer) -> None:
        await page.next()
        with pytest.raises(RunError, match="no such form"):
            await page.answer(AnswerKind.DECIDE, "reject")
        with pytest.raises(RunError, match="does not offer this action"):
            await page.answer(AnswerKind.MODIFY, "pay twice", REASONS[0])
        with pytest.raises(RunError, match="does not offer this reason"):
            await page.answer(AnswerKind.REJECT, reason="because")
        with pytest.raises(RunError, match="no such form"):
            await page.undo()

    assert room.acts(act).sent == 1


def test_items_past_their_deadline_go_up_while_nobody_asks(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workbench.desk.serving.EXPIRE_EVERY_S", 0.01)
    room.desk.put([item("1")])
    room.clock.at += 9 * 3600
    with served(room.desk, links_of(), now=room.clock):
        for _ in range(1000):
            if "leads" in list(room.desk.items()["group_now"]):
                break
            asyncio.run(asyncio.sleep(0.01))
    assert list(room.desk.items()["group_now"]) == ["leads"]


def test_the_command_says_who_has_which_link_until_when(command: Command, tmp_path: Path) -> None:
    pilot = crowd_pilot(tmp_path)
    code, out, _ = command("review", "links", PILOT, "--public-url", "https://desk.example.com")
    assert code == 0
    assert len(re.findall(r"^  Person \d+: https://desk\.example\.com/in/\S+$", out, re.MULTILINE)) == 16
    assert re.search(r"valid until \d{4}-\d\d-\d\d \d\d:\d\d UTC", out)
    _, out, _ = command("review", "links", PILOT, "--json")
    assert json.loads(out)["links"][3]["link"].startswith("http://127.0.0.1:8940/in/")
    (pilot.suite / "review.yaml").unlink()
    code, _, err = command("review", "links", PILOT)
    assert code == 2
    assert "review.yaml" in err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--host", "0.0.0.0"), "over TLS only"),
        (("--host", "192.0.2.1"), "--public-url https://desk.example.com"),
        (("--public-url", "http://desk.example.com"), "the public address cannot be used"),
        (("--public-url", "https://desk.example.com/review"), "without a path"),
        (("--public-url", "https://desk.example.com:port"), "the public address cannot be used"),
    ],
)
def test_the_desk_is_never_served_beyond_this_machine_without_tls(
    command: Command, tmp_path: Path, options: tuple[str, ...], said: str
) -> None:
    crowd_pilot(tmp_path)
    code, _, err = command("review", PILOT, *options)
    assert code == 2
    assert said in err


@pytest.mark.slow
def test_the_command_serves_until_ctrl_c_and_says_when_a_port_is_taken(tmp_path: Path, command: Command) -> None:
    pilot = crowd_pilot(tmp_path)
    with open_desk(pilot) as desk:
        desk.put(crowd_items(2))
    desk_process = ServedDesk(pilot.root, tmp_path / "home")
    desk_process.start()
    code, _, err = command("review", PILOT, "--port", str(desk_process.port))
    assert code == 2
    assert "the desk cannot listen there" in err

    async def act() -> SeenCard | None:
        async with PageReviewer(desk_process.links["Person 5"]) as page:
            return await page.next()

    assert asyncio.run(act()) is not None
    assert desk_process.end() == 0


@pytest.mark.slow
def test_nothing_is_lost_doubled_or_peeked_at_while_sixteen_work_and_the_server_is_killed(tmp_path: Path) -> None:
    pilot, items, kills = crowd_pilot(tmp_path / "root"), 400, 3
    with open_desk(pilot) as desk:
        desk.put(crowd_items(items))
    desk_process, crowd = ServedDesk(pilot.root, tmp_path / "home"), Crowd()
    desk_process.start()
    asyncio.run(decided_while_killed(crowd, desk_process, items, kills))
    desk_process.end()
    assert lost_double_peeked(pilot, crowd, items) == (0, 0, 0)
    assert crowd.requests == crowd.taps
    assert set(crowd.statuses) <= {200, 409}


def test_a_crowd_s_losses_and_peeks_would_be_found(tmp_path: Path) -> None:
    pilot, crowd = crowd_pilot(tmp_path), Crowd()
    with open_desk(pilot) as desk:
        desk.put(crowd_items(2))
        for person in ("p1", "p2"):
            for queue, kind in ((QueueName.ESCALATIONS, AnswerKind.APPROVE), (QueueName.AUDIT, AnswerKind.DECIDE)):
                claim = desk.claim(person, queue)
                if claim is not None:
                    action = "approve" if kind is AnswerKind.DECIDE else None
                    desk.answer(person, claim.item, GivenAnswer(kind, action), claim.shown_digest)
                    crowd.told.add((person, claim.item))
    assert lost_double_peeked(pilot, crowd, 2) == (0, 0, 0)
    crowd.told.add(("p9", "I00000"))
    crowd.bodies += ["<p>fine</p>", f"<p>{HIDDEN}I00001</p>", f"<td>{TOLD}p1-I00001</td>"]
    assert lost_double_peeked(pilot, crowd, 3) == (2, 0, 2)
