"""The desk in a notebook: what the kernel takes and refuses, and the widget itself in JupyterLab in Chromium."""

from __future__ import annotations

import asyncio
import json
import threading
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import nbformat
import pytest
from browser import needs_chromium
from desk_pages import CARD, REASONS, SETTINGS, Clock, desk_at, item, links_of, served
from labs import all_cells_run, jupyterlab

from workbench.desk import AnswerKind, Desk, PageReviewer, ShownField, review_widget
from workbench.desk.widget import STALE, STORED, UNDONE, ReviewWidget
from workbench.pilot import QueueName
from workbench.words import InputError

PLAYED = SETTINGS.model_copy(update={"played": "a script that knows the truth answers here"})
HOSTILE = "<img src=x onerror='window.taken=1'><script>window.taken=1</script>\u202e{{7*7}}</td></table><h1>x"


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with desk_at(tmp_path, now=Clock()) as opened:
        opened.put([item("1"), item("2"), item("3")])
        yield opened


def tapped(widget: ReviewWidget, action: str, **more: Any) -> dict[str, Any]:
    """Send what a browser sends of a tap on the card that is shown; return what is shown then."""
    shown = {"item": widget.shown["item"], "shown_digest": widget.shown["shown_digest"]}
    widget._handle_custom_msg({**shown, "action": action, **more}, [])
    return dict(widget.shown)


def kinds(desk: Desk) -> list[str]:
    return list(desk.answers()["kind"])


def test_each_kind_of_answer_is_stored_as_it_was_tapped(desk: Desk) -> None:
    widget = review_widget(desk, "ada")
    first = widget.shown["item"]
    assert tapped(widget, "approve")["said"] == STORED
    assert widget.shown["item"] != first
    others = [place for place, action in enumerate(CARD.actions) if action != CARD.recommended]
    tapped(widget, "modify", chosen=others[1], reason=1, note="seen")
    shown = tapped(widget, "reject", reason=0)
    assert (shown["card"], shown["item"], shown["progress"]) == (None, None, "3 decided today, 0 waiting")
    rows = desk.answers()[["kind", "action", "reason", "note"]].to_numpy().tolist()
    assert rows == [
        ["approve", "escalate", "", ""],
        ["modify", "reject", REASONS[1], "seen"],
        ["reject", None, REASONS[0], ""],
    ]


def test_the_last_answer_is_taken_back_while_there_is_time(desk: Desk) -> None:
    widget = review_widget(desk, "ada")
    first = widget.shown["item"]
    assert not widget.shown["may_undo"]
    assert tapped(widget, "approve")["may_undo"]
    shown = tapped(widget, "undo")
    assert (shown["said"], shown["item"], shown["may_undo"]) == (UNDONE, first, False)
    assert kinds(desk) == ["approve", "undo"]
    shown = tapped(widget, "undo")
    assert not shown["is_wrong"] or shown["item"] == first, "undoing again changes nothing"
    assert kinds(desk) == ["approve", "undo"]


@pytest.mark.parametrize(
    "content",
    [
        {"action": "approve", "item": "2", "shown_digest": "0" * 64},
        {"action": "approve"},
        {"action": "delete"},
        {"action": "modify", "chosen": 99, "reason": 0},
        {"action": "modify", "chosen": "reject", "reason": 0},
        {"action": "modify", "chosen": True, "reason": 0},
        {"action": "modify", "chosen": 0},  # without a reason
        {"action": "modify", "chosen": 2, "reason": 0},  # the recommended one
        {"action": "decide", "chosen": 0, "reason": 0},  # not offered where a recommendation is shown
        {"action": "reject", "reason": -1},
        {"action": "approve", "note": ["x"]},
        {},
    ],
)
def test_the_kernel_refuses_what_the_card_does_not_offer(desk: Desk, content: dict[str, Any]) -> None:
    widget = review_widget(desk, "ada")
    shown = {"item": widget.shown["item"], "shown_digest": widget.shown["shown_digest"]}
    number = widget.shown["number"]
    widget._handle_custom_msg(content if len(content) < 2 or "item" in content else {**shown, **content}, [])
    assert (widget.shown["is_wrong"], widget.shown["number"]) == (True, number + 1)
    assert widget.shown["item"] == shown["item"]
    assert kinds(desk) == []


@pytest.mark.parametrize("content", [None, "approve", [1], 7])
def test_a_message_that_is_no_object_is_refused(desk: Desk, content: Any) -> None:
    widget = review_widget(desk, "ada")
    widget._handle_custom_msg(content, [])
    assert widget.shown["is_wrong"]
    assert kinds(desk) == []


def test_a_double_click_is_stored_once(desk: Desk) -> None:
    widget = review_widget(desk, "ada")
    message = {"action": "approve", "item": widget.shown["item"], "shown_digest": widget.shown["shown_digest"]}
    for _ in range(2):
        widget._handle_custom_msg(message, [])
    assert (kinds(desk), widget.shown["said"]) == (["approve"], STALE)


def test_a_blind_card_has_nothing_of_the_recommendation_in_what_goes_to_the_browser(tmp_path: Path) -> None:
    secret = replace(CARD, assessment="hidden", reasoning="hidden", rule="hidden", trace=("hidden",))
    with desk_at(tmp_path, now=Clock()) as desk:
        desk.put([item("1", QueueName.AUDIT, secret)])
        widget = review_widget(desk, "ada")
        sent = json.dumps(widget.get_state())
        assert "hidden" not in sent
        assert "72" not in json.dumps(widget.shown["card"])
        assert widget.shown["card"]["recommended"] is None
        tapped(widget, "decide", chosen=0)
        assert desk.answers()[["kind", "action"]].to_numpy().tolist() == [["decide", CARD.actions[0]]]


def test_a_lease_that_went_to_somebody_else_is_told_and_the_next_card_shown(tmp_path: Path) -> None:
    clock = Clock()
    with desk_at(tmp_path, now=clock) as desk:
        desk.put([item("1")])
        widget = ReviewWidget(desk, "ada", clock)
        clock.at += SETTINGS.lease_s + 1
        other = desk.claim("bo")
        assert other is not None
        shown = tapped(widget, "approve")
        assert (shown["is_wrong"], shown["card"]) == (True, None)
        assert kinds(desk) == []


def test_two_eyes_and_two_who_disagree_are_said_as_on_the_page(desk: Desk) -> None:
    assert review_widget(desk, "ada").shown["marks"] == []
    desk.put([item("4", QueueName.CASES, four_eyes=True)])
    for person, action in (("ada", "approve"), ("bo", "reject")):
        widget = review_widget(desk, person)
        while widget.shown["kind"] != "Test cases":
            assert not tapped(widget, "approve")["is_wrong"]
        assert widget.shown["marks"] == ["A second person decides this too."]
        tapped(widget, action, reason=0)
    widget = review_widget(desk, "cy")
    assert widget.shown["marks"] == ["Two people decided differently: yours is the decision."]
    assert widget.shown["card"]["sureness"]["words"] == "72% sure; it decides alone from 90% on"


def test_what_played_the_people_is_told_also_in_an_export(tmp_path: Path) -> None:
    with desk_at(tmp_path, PLAYED, Clock()) as desk:
        widget = review_widget(desk, "ada")
        assert widget.shown["played"] == PLAYED.played
        assert f"<p>Played, not decided by people: {PLAYED.played}</p>" in widget._repr_mimebundle_()[0]["text/html"]


def test_an_export_says_where_it_is_worked_at_and_nothing_of_a_record(desk: Desk) -> None:
    bundle = review_widget(desk, "ada")._repr_mimebundle_()[0]
    assert (
        bundle["text/html"]
        == "<p>Review desk of Ada Berg: 0 decided today, 3 waiting. It is worked at in JupyterLab.</p>"
    )
    assert "application/vnd.jupyter.widget-view+json" in bundle


def test_somebody_who_is_not_in_review_yaml_has_no_desk(desk: Desk) -> None:
    with pytest.raises(InputError, match="no person 'eve'"):
        review_widget(desk, "eve")


def test_page_and_widget_never_decide_one_item_twice(tmp_path: Path) -> None:
    with desk_at(tmp_path) as desk, desk_at(tmp_path) as of_page, served(of_page, links_of()) as address:
        desk.put([item(str(number)) for number in range(40)])
        link, has_come = links_of().link_for("bo", address, time.time()), threading.Event()

        async def on_the_page() -> None:
            async with PageReviewer(link) as page:
                card = await page.next()
                has_come.set()
                while card is not None:
                    card = await page.answer(AnswerKind.APPROVE)

        other = threading.Thread(target=lambda: asyncio.run(on_the_page()))
        other.start()
        assert has_come.wait(30)
        widget = review_widget(desk, "ada")
        while widget.shown["item"] is not None:
            assert not tapped(widget, "approve")["is_wrong"]
        other.join()
        answers = desk.answers()
        assert sorted(answers["item"]) == sorted(str(number) for number in range(40))
        assert answers["reviewer"].nunique() == 2
        desk.check()


CELLS = """
from desk_pages import SETTINGS, desk_at
from pathlib import Path
from workbench.desk import review_widget
desk = desk_at(Path({folder!r}), SETTINGS.model_copy(update={settings!r}))
print("the desk is there")
review_widget(desk, "ada")
"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """JupyterLab on a folder where tests put notebooks; gives the address of one and the folder."""
    root, own = tmp_path_factory.mktemp("root"), tmp_path_factory.mktemp("own")
    (root / "notebooks").mkdir()
    with jupyterlab(root, own) as address:
        yield address, root


def notebook(root: Path, name: str, folder: Path, **settings: Any) -> None:
    """Write a notebook that shows ada's desk in a folder, whose review.yaml says some things otherwise."""
    tests = f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})"
    cells = [nbformat.v4.new_code_cell(tests + CELLS.format(folder=str(folder), settings=settings))]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3 (ipykernel)"}}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=kernel), root / "notebooks" / f"{name}.ipynb")


@pytest.mark.slow
@needs_chromium
def test_in_jupyterlab_one_tap_of_the_keyboard_decides(lab: tuple[str, Path], tmp_path: Path) -> None:
    with desk_at(tmp_path) as desk:
        desk.put([item(str(number)) for number in range(4)])
        notebook(lab[1], "keys", tmp_path)
        with all_cells_run(lab[0], "keys", "the desk is there") as page:
            title, said = page.get_by_test_id("title"), page.get_by_test_id("said")
            seen = [title.inner_text()]
            page.get_by_test_id("title").click()
            for keys, after in (("a", STORED), ("m12", STORED), ("r3", STORED), ("u", UNDONE), ("a", STORED)):
                number = page.evaluate("document.querySelector('.workbench-review').dataset.number")
                for key in keys:
                    page.keyboard.press(key)
                page.wait_for_function(
                    "(before) => document.querySelector('.workbench-review').dataset.number !== before", arg=number
                )
                assert said.inner_text() == after
                seen.append(title.inner_text())
            assert seen[2] == seen[4], "what is taken back is shown again"
            assert page.locator(".jp-Cell").count() == 1, "the notebook's own keys rest while the desk has the focus"
        rows = desk.answers()[["kind", "action", "reason"]].to_numpy().tolist()
        assert rows == [
            ["approve", "escalate", ""], ["modify", "approve", REASONS[1]], ["reject", None, REASONS[2]],
            ["undo", None, ""], ["approve", "escalate", ""],
        ]  # fmt: skip
        desk.check()


@pytest.mark.slow
@needs_chromium
def test_in_jupyterlab_hostile_text_is_text_and_a_blind_card_shows_no_recommendation(
    lab: tuple[str, Path], tmp_path: Path
) -> None:
    evidence = (ShownField(HOSTILE, HOSTILE, HOSTILE),)
    texts = dict.fromkeys(("assessment", "reasoning", "rule"), HOSTILE)
    card = replace(CARD, **texts, trace=(HOSTILE,), evidence=evidence, actions=(HOSTILE, "escalate"))
    with desk_at(tmp_path) as desk:
        desk.put([item("1", card=card)])
        notebook(lab[1], "hostile", tmp_path)
        with all_cells_run(lab[0], "hostile", "the desk is there") as page:
            widget = page.locator(".workbench-review")
            page.get_by_test_id("title").click()
            page.keyboard.press("m")
            assert widget.get_by_test_id("action").count() == 1
            assert widget.locator("img, script, h1").count() == 0
            assert page.evaluate("window.taken") is None
            assert "\u202e" not in widget.inner_text()
            assert "<img src=x onerror='window.taken=1'>" in widget.inner_text()
            page.keyboard.press("1")
            page.keyboard.press("1")
            page.get_by_text(STORED).wait_for()
            desk.put([item("2", QueueName.AUDIT)])
            page.get_by_test_id("next").click()
            page.get_by_text("Which action is right?").wait_for()
            assert widget.get_by_text("Recommended").count() == 0
            assert CARD.assessment not in widget.inner_text()
            page.get_by_test_id("title").click()
            page.keyboard.press("2")
            page.get_by_text("Nothing waits for you.").wait_for()
        rows = desk.answers()[["kind", "action"]].to_numpy().tolist()
        assert rows == [["modify", HOSTILE], ["decide", CARD.actions[1]]]


def put_on(address: str, theme: str) -> None:
    """Let JupyterLab have a theme from its next page on."""
    place = address.partition("/lab/")[0] + "/lab/api/settings/@jupyterlab/apputils-extension:themes"
    content = json.dumps({"raw": json.dumps({"theme": theme})}).encode()
    headers = {"Authorization": "token abc", "Content-Type": "application/json"}
    with urllib.request.urlopen(urllib.request.Request(place, content, headers, method="PUT"), timeout=30):
        pass


def looks_wrong(page: Any) -> list[str]:
    """Return what axe finds in the desk, wide and narrow, and whether anything of it is cut."""
    from axe_playwright_python.sync_playwright import Axe

    found, desk = [], page.locator(".workbench-review")
    page.add_style_tag(content="body { height: 100vh }")  # JupyterLab's is 0 high and cut, and axe sees nothing in it
    for width in (1000, 320):
        desk.evaluate("(one, to) => { one.parentElement.style.width = to }", f"{width}px")
        said = Axe().run(page, context=".workbench-review").response
        found += [f"{one['id']} at {width}: {one['nodes'][0]['html']}" for one in said["violations"]]
        if "color-contrast" not in {one["id"] for one in (*said["passes"], *said["violations"])}:
            found.append(f"no contrast was looked at, at {width}")
        if not desk.evaluate("(one) => one.scrollWidth <= one.clientWidth + 1"):
            found.append(f"cut at {width}")
    return found


@pytest.mark.slow
@needs_chromium
@pytest.mark.parametrize("theme", ["JupyterLab Dark", "JupyterLab Light"])
def test_in_jupyterlab_axe_finds_nothing_in_dark_light_and_narrow(
    lab: tuple[str, Path], tmp_path: Path, theme: str
) -> None:
    long = replace(CARD, evidence=(*CARD.evidence, ShownField("Note " + "n" * 200, "x" * 2_000, "s" * 200)))
    put_on(lab[0], theme)
    with desk_at(tmp_path, PLAYED, lambda: time.time() - 9 * 3600) as early:
        early.put([item("1", card=long, four_eyes=True)])
    with desk_at(tmp_path, PLAYED) as desk:
        desk.put([item("2", QueueName.AUDIT)])
        notebook(lab[1], "looks", tmp_path, played=PLAYED.played)
        with all_cells_run(lab[0], "looks", "the desk is there") as page:
            is_light = json.dumps(str(theme.endswith("Light")).lower())
            page.locator(f"body[data-jp-theme-light={is_light}]").wait_for(state="attached")
            for words in (
                "Played, not decided by people.",
                "A second person decides this too.",
                "overdue by 1 h 0 min",
            ):
                page.locator(".workbench-review").get_by_text(words).wait_for()
            asked: list[str] = []
            page.on("request", lambda request: asked.append(request.url))
            page.get_by_test_id("reject").click()
            assert looks_wrong(page) == []
            page.get_by_test_id("reason").first.click()
            page.get_by_text("Which action is right?").wait_for()
            assert looks_wrong(page) == []
            here = lab[0].partition("/lab/")[0]
            own = here, here.replace("http", "ws"), "data:", "blob:"
            assert [one for one in asked if not one.startswith(own)] == []
