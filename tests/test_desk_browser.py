"""The review desk's page in Chromium: by keyboard alone, by phone, without scripts, with a server that goes away."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from browser import chromium, needs_chromium
from desk_pages import CARD, REASONS, SETTINGS, desk_at, item, links_of, served
from test_desk_security import HOSTILE

from workbench.desk import Card, Desk, ShownField
from workbench.desk.showing import time_words
from workbench.pilot import QueueName

pytestmark = [pytest.mark.slow, needs_chromium]
WIDTHS = (320, 1100)
LONG = replace(
    CARD,
    actions=("approve", "reject", "escalate to purchasing", "escalate to the plant's controller"),
    recommended="escalate to purchasing",
    evidence=(*CARD.evidence, ShownField("Note of the vendor", "Please pay soon. " * 120, "invoice, note")),
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as opened:
        yield opened


@dataclass
class Table:
    """A served desk, and what a browser does at it."""

    desk: Desk
    address: str
    browser: Any

    def opened(self, person: str = "ada", **context: Any) -> Any:
        """Open a person's link; give the page, on which anything that fails is kept in `faults`."""
        page = self.browser.new_context(**context).new_page()
        page.faults = []
        page.asked = []
        page.on("console", lambda said: page.faults.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: page.faults.append(str(error)))
        page.on("dialog", lambda dialog: page.faults.append(f"dialog {dialog.message}"))
        page.on("request", lambda request: page.asked.append((request.method, request.url)))
        page.goto(links_of().link_for(person, self.address, time.time()))
        return page

    def answers(self) -> list[tuple[str, str | None, str]]:
        rows = self.desk.answers()[["kind", "action", "reason"]]
        return [(kind, None if action is None else action, reason) for kind, action, reason in rows.to_numpy().tolist()]


@pytest.fixture
def table(tmp_path: Path, browser: Any) -> Iterator[Table]:
    played = SETTINGS.model_copy(update={"played": "scripts answer here, as in a theatre"})
    with desk_at(tmp_path, played) as desk, served(desk, links_of()) as address:
        yield Table(desk, address, browser)


def title(page: Any) -> str:
    return str(page.locator("#heading").inner_text())


def pressed(page: Any, key: str) -> None:
    """Press a key that sends something, and wait for the next card."""
    with page.expect_response(lambda answer: answer.request.method == "POST"):
        page.keyboard.press(key)
    page.locator("main:not([aria-busy])").wait_for()


def violations(page: Any, what: str) -> list[str]:
    """Return what axe finds at every width, and where the page scrolls sideways."""
    from axe_playwright_python.sync_playwright import Axe

    found = []
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        if page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"):
            found.append(f"{what} scrolls sideways at {width}")
        said = Axe().run(page).response["violations"]
        found += [f"{what}: {one['id']} at {width}: {one['nodes'][0]['html'][:100]}" for one in said]
    return found


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_is_fit_for_every_reader(table: Table, scheme: str) -> None:
    table.desk.put([item("1", card=LONG, four_eyes=True), item("2", QueueName.AUDIT), item("3", QueueName.ACCEPTANCE)])
    page = table.opened(color_scheme=scheme, bypass_csp=True)
    found = []
    for path, keys in (
        ("/queue/escalations", ()), ("/queue/escalations", ("m", "2")), ("/queue/escalations", ("r",)),
        ("/queue/audit", ()), ("/queue/audit", ("r",)), ("/queue/labels", ()), ("/queue/acceptance", ("?",)),
        ("/nowhere", ()), ("/in/nobody", ()),
    ):  # fmt: skip
        page.goto(f"{table.address}{path}")
        for key in keys:
            page.keyboard.press(key)
        if path == "/queue/acceptance":
            page.locator(".feedback > summary").click()
        found += violations(page, f"{path} {keys}")
    page.goto(f"{table.address}/queue/audit")
    pressed(page, "1")
    found += violations(page, "after a decision")
    assert found == []


def test_a_page_under_its_own_policy_runs_its_script_and_asks_nobody_else(table: Table) -> None:
    table.desk.put([item("1"), item("2")])
    page = table.opened()
    pressed(page, "a")
    assert page.faults == []
    assert {address.removeprefix(table.address).split("/")[1] for _, address in page.asked} == {
        "in", "", "static", "answer",
    }  # fmt: skip
    assert page.evaluate("getComputedStyle(document.querySelector('.recommended')).fontWeight") == "700"


def test_the_keyboard_alone_decides_and_each_decision_is_one_request(table: Table) -> None:
    table.desk.put([*(item(str(number)) for number in range(5)), item("blind", QueueName.AUDIT)])
    page = table.opened()
    page.goto(f"{table.address}/queue/escalations")
    page.asked.clear()
    pressed(page, "a")
    assert page.locator("#said").inner_text() == "Stored: approved."
    page.keyboard.press("m")
    page.keyboard.press("2")
    pressed(page, "1")
    page.keyboard.press("R")
    pressed(page, "3")
    before = title(page)
    pressed(page, "u")
    assert title(page) != before
    page.keyboard.press("r")
    page.keyboard.press("Escape")
    pressed(page, "a")
    assert len(page.asked) == 5, page.asked
    assert {method for method, _ in page.asked} == {"POST"}
    assert table.answers() == [
        ("approve", "escalate", ""), ("modify", "reject", REASONS[0]), ("reject", None, REASONS[2]),
        ("undo", None, ""), ("approve", "escalate", ""),
    ]  # fmt: skip
    page.goto(f"{table.address}/queue/audit")
    pressed(page, "3")
    assert table.answers()[-1] == ("decide", "escalate", "")
    assert page.faults == []


def test_tabs_reach_everything_and_the_focus_is_seen(table: Table) -> None:
    table.desk.put([item("1"), item("2")])
    page = table.opened()
    reached = []
    for _ in range(12):
        page.keyboard.press("Tab")
        words, width = page.evaluate(
            "(() => { const at = document.activeElement; return [at.innerText, getComputedStyle(at).outlineWidth] })()"
        )
        reached.append(" ".join(words.split()))
        assert width == "3px", reached
        if reached[-1].startswith("Keys"):
            break
    assert reached == [
        "Skip to the decision", "Approve A", "Modify M", "Reject R", "What happened on the way (4 steps)",
        "Say something about this card", "Keys ?",
    ]  # fmt: skip


def test_the_next_card_is_announced_and_in_focus(table: Table) -> None:
    table.desk.put([item("1"), item("2")])
    page = table.opened()
    pressed(page, "a")
    assert page.evaluate("document.activeElement.id") == "heading"
    page.locator("#live:not(:empty)").wait_for(state="attached")
    assert page.locator("#live").text_content() == f"Stored: approved. {title(page)}"
    assert page.title() == f"{title(page)} - Invoices of direct material"
    assert page.evaluate("window.scrollY") == 0


def test_keys_are_letters_in_a_text_field_and_can_be_turned_off(table: Table) -> None:
    table.desk.put([item("1")])
    page = table.opened()
    page.keyboard.press("m")
    page.locator(".ways details[open] textarea").focus()
    page.keyboard.type("ar12?u")
    page.keyboard.press("Enter")
    page.locator(".feedback > summary").click()
    page.locator("[name=text]").focus()
    page.keyboard.type("amr1?")
    assert page.locator("[name=text]").input_value() == "amr1?"
    assert page.locator(".ways details[open] textarea").input_value() == "ar12?u\n"
    for chord in ("Control+a", "Alt+a", "Meta+a"):
        page.locator("h1").focus()
        page.keyboard.press(chord)
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    page.locator("#keys").uncheck()
    page.locator("h1").focus()
    page.keyboard.press("a")
    page.reload()
    page.keyboard.press("a")
    assert not [method for method, _ in page.asked if method == "POST"]
    assert table.answers() == []


def test_a_note_that_ends_in_the_enter_key_chooses_no_reason(table: Table) -> None:
    table.desk.put([item("1", card=LONG)])
    for scripts in (True, False):
        page = table.opened(java_script_enabled=scripts)
        page.locator("[data-key=m]").click()
        page.locator(".ways details[open] input[type=radio]").first.focus()
        page.keyboard.press("Enter")
        page.locator(".ways details[open] textarea").focus()
        page.keyboard.press("Enter")
    assert table.answers() == []


def test_without_scripts_forms_give_the_next_card_and_a_reload_is_harmless(table: Table) -> None:
    table.desk.put([item("1"), item("2"), item("3")])
    page = table.opened(java_script_enabled=False)
    first = title(page)
    page.locator("[data-key=a]").click()
    second = title(page)
    assert second != first
    for _ in range(2):
        page.reload()
        assert title(page) == second
    assert len(table.answers()) == 1
    page.locator("[data-key=m]").click()
    page.locator("label.choice", has_text="reject").click()
    page.get_by_role("button", name=REASONS[1]).click()
    page.locator("[data-key=u]").click()
    page.reload()
    assert title(page) == second
    page.locator("[data-key=r]").click()
    page.get_by_role("button", name=REASONS[0]).click()
    page.locator(".feedback > summary").click()
    page.get_by_role("button", name="Propose as test case").click()
    page.reload()
    assert [kind for kind, _, _ in table.answers()] == ["approve", "modify", "undo", "reject"]
    assert len(table.desk.feedbacks()) == 1


def test_two_clicks_on_one_button_decide_one_card(table: Table) -> None:
    table.desk.put([item("1"), item("2")])
    for scripts in (True, False):
        page = table.opened(java_script_enabled=scripts)
        page.locator("[data-key=a]").dblclick()
        page.wait_for_selector("#said")
        page.wait_for_load_state()
        page.context.close()
        assert len(table.answers()) == 1 + (not scripts)


def test_a_desk_that_does_not_answer_is_said_and_the_tap_can_be_made_again(table: Table) -> None:
    table.desk.put([item("1"), item("2")])
    page = table.opened()
    page.route("**/answer", lambda route: route.abort())
    page.keyboard.press("a")
    page.wait_for_selector(".said.wrong")
    assert "press it again, nothing is stored twice" in page.locator(".said.wrong").inner_text()
    page.unroute("**/answer")
    pressed(page, "a")
    assert len(table.answers()) == 1
    assert page.locator(".said.wrong").count() == 0


def test_times_run_down_on_the_page_as_the_server_says_them(table: Table) -> None:
    table.desk.put([item("1")])
    page = table.browser.new_context().new_page()
    page.clock.install()
    page.goto(links_of().link_for("ada", table.address, time.time()))
    lease = page.locator("[data-until][data-before]")
    until = float(lease.get_attribute("data-until")) - float(page.locator("main").get_attribute("data-now"))
    page.clock.run_for(61_000)
    said = lease.inner_text()
    assert said in {f"yours for {time_words(until - ran)}" for ran in (60.0, 61.0, 62.0, 63.0)}
    page.clock.run_for(300_000)
    assert lease.inner_text() == "your time for this card is over; somebody else may take it"
    page.clock.run_for(9 * 3_600_000)
    assert page.locator(".clock .late").first.inner_text().startswith("overdue by 1 h 6 min")


def test_a_page_without_a_card_gets_one_when_it_comes(table: Table) -> None:
    page = table.browser.new_context().new_page()
    page.clock.install()
    page.goto(links_of().link_for("ada", table.address, time.time()))
    page.goto(f"{table.address}/queue/escalations")
    assert title(page) == "Nothing waits for you"
    table.desk.put([item("2", QueueName.AUDIT)])
    with page.expect_response(f"{table.address}/state"):
        page.clock.run_for(16_000)
    table.desk.put([item("1")])
    with page.expect_response(f"{table.address}/queue/escalations"):
        page.clock.run_for(16_000)
    page.wait_for_selector(".card")
    assert title(page) == "Invoice 1"


def test_hostile_records_run_nothing_and_stay_within_the_page(table: Table) -> None:
    page = table.opened()
    for number, text in enumerate(HOSTILE):
        card = Card(
            text, text, (text, "pay"), text, 0.5, 0.9, (ShownField(text, text, text),), text, text, (text,)
        )  # fmt: skip
        table.desk.put([replace(item(str(number), card=card), card=card)])
        page.goto(table.address)
        for width in (320, 1100):
            page.set_viewport_size({"width": width, "height": 900})
            sideways = page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
            assert not sideways, (text[:40], width)
        assert page.locator("main").count() == 1
        assert page.locator("script").count() == 1
        pressed(page, "a")
    assert page.faults == []
    assert len(table.answers()) == len(HOSTILE)
    assert all(address.startswith(table.address) for _, address in page.asked)
