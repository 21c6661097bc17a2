"""The process on a page: drawn without a line through a box, read as a list, harmless whatever its texts say."""

from __future__ import annotations

import dataclasses
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from browser import chromium, faults, needs_chromium
from process_pilots import REVIEW, process_pilot, specification
from typer.testing import CliRunner

from workbench.commands.cli import app
from workbench.pages import ProcessDocument
from workbench.pages.drawing import EXIT, Drawing, drawing_of
from workbench.pilot import Process, ReviewSettings, open_pilot, read_process
from workbench.pilot.signing import SignatureStatus

ROOT = Path(__file__).parent.parent
SIGNED = SignatureStatus("process.yaml", "0" * 64, ("owner",), (), ("owner",), {})
HOSTILE = '</text><script>alert(1)</script>{{7*7}}"onload="x\u202egnp.exe'


def document(process: Process, **changes: Any) -> ProcessDocument:
    review = ReviewSettings.model_validate(REVIEW)
    said = ProcessDocument("Small", process, review, (), SIGNED, {}, {"owner": "Ann"}, date(2026, 11, 1))
    return dataclasses.replace(said, **changes)


def shipped(name: str) -> Process:
    process = read_process(open_pilot(name, ROOT))
    assert process is not None
    return process


def overlaps(one: tuple[int, int, int, int], other: tuple[int, int, int, int]) -> bool:
    """Return whether two rectangles, left top right bottom, share more than an edge."""
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def rectangles(drawn: Drawing) -> list[tuple[int, int, int, int]]:
    boxes = [(one.x, one.y, one.x + one.width, one.y + one.height) for one in drawn.boxes]
    return boxes + [(one.x, one.y, one.x + EXIT, one.y + one.text.height) for one in drawn.exits]


def strips(drawn: Drawing) -> list[tuple[int, int, int, int]]:
    """Return each part of each line as a rectangle without its ends."""
    parts = [part for line in drawn.lines for part in pairwise(line.points)]
    return [(min(a[0], b[0]), min(a[1], b[1]) + 1, max(a[0], b[0]) + 1, max(a[1], b[1])) for a, b in parts]


def many_ways(content: dict[str, Any]) -> None:
    """Let ten steps follow one, each go on to the next and back to the first."""
    more = [{"id": f"s{n}", "title": f"Step {n}", "who": "clerk", "system": "ERP"} for n in range(10)]
    for place, one in enumerate(more):
        one["branches"] = [
            {"when": f"way {name}", "to": name} for name in (f"s{(place + 1) % 10}", "arrival", "approve")
        ]
    content["steps"][0]["next"] = ["look", *(one["id"] for one in more)]
    content["steps"] += more


@pytest.mark.parametrize(
    "process", [specification(), specification(many_ways), shipped("invoice_matching"), shipped("support_triage")]
)
def test_no_box_lies_on_another_and_no_line_runs_through_one(process: Process) -> None:
    drawn = drawing_of(process)
    found = rectangles(drawn)
    assert len(drawn.boxes) == len(process.steps) + len({
        name for step in process.steps for name in (*step.next, *(way.to for way in step.branches))
        if name in process.decisions
    })  # fmt: skip
    assert not [(one, other) for n, one in enumerate(found) for other in found[:n] if overlaps(one, other)]
    assert not [(line, box) for line in strips(drawn) for box in found if overlaps(line, box)]
    assert all(box[0] >= 0 and box[2] <= drawn.width and box[1] >= 0 and box[3] <= drawn.height for box in found)
    assert all(0 <= x <= drawn.width and 0 <= y <= drawn.height for line in drawn.lines for x, y in line.points)


def test_a_line_that_goes_back_is_dashed_and_branches_have_their_number() -> None:
    drawn = drawing_of(specification())
    assert sorted((line.number or 0, line.is_back) for line in drawn.lines) == [
        (0, False), (0, True), (1, False), (2, False), (3, False),
    ]  # fmt: skip
    [back] = [line for line in drawn.lines if line.is_back]
    arrival = next(box for box in drawn.boxes if box.id == "arrival")
    assert back.points[-1][1] == arrival.y


def test_a_shipped_drawing_is_no_wider_than_the_page() -> None:
    assert {name: drawing_of(shipped(name)).width <= 960 for name in ("invoice_matching", "support_triage")} == {
        "invoice_matching": True, "support_triage": True,
    }  # fmt: skip


def test_the_list_says_what_the_drawing_shows() -> None:
    page = document(specification()).html()
    for said in ("then Is it in order?", "2 where a rule holds: escalate", "out to escalate: buyers (dispute)"):
        assert said in page
    assert "<script" not in page


def test_the_page_has_rules_deadlines_workarounds_and_who_watched() -> None:
    page = document(specification(), ways={"rule:large": 7}).html()
    for said in ("above 900", "4 h", "Clerks split what is too large in two.", "Ann, pilot team", "10.0%", ">7<"):
        assert said in page
    assert "watch again" not in page
    assert "The newest is 396 days old: watch again." in document(specification(), day=date(2027, 11, 1)).html()


def test_a_specification_without_steps_has_a_page() -> None:
    page = document(specification(lambda content: content.pop("steps"))).html()
    assert "No step is written down." in page
    assert "<svg" not in page


def hostile(content: dict[str, Any]) -> None:
    content["steps"][1].update(title=HOSTILE, who=HOSTILE, system=HOSTILE)
    content["steps"][1]["branches"][0]["when"] = HOSTILE
    content["rules"][0].update(condition=HOSTILE, to=HOSTILE)
    content["workarounds"][0].update(what=HOSTILE, agent=HOSTILE)
    content["observations"][0].update(observer=HOSTILE)


def test_hostile_text_stays_text() -> None:
    page = document(specification(hostile), title=HOSTILE).html()
    assert "<script" not in page
    assert '"onload="' not in page
    assert "{{7*7}}" in page
    assert "\u202e" not in page


def test_the_command_writes_the_page(tmp_path: Path) -> None:
    pilot = process_pilot(tmp_path)
    said = CliRunner().invoke(app, ["process", "render", pilot.name, "--root", str(tmp_path)])
    assert said.exit_code == 0, said.output
    page = tmp_path / "mlruns" / pilot.name / "process" / "process.html"
    assert str(page) in said.output.replace("\n", "").replace("  ", "")
    assert "Complete, not signed by every role that must" in page.read_text(encoding="utf-8")


@needs_chromium
@pytest.mark.slow
def test_a_reader_in_a_browser_meets_nothing_wrong(tmp_path: Path) -> None:
    for name, process in (
        ("shipped", shipped("invoice_matching")),
        ("triage", shipped("support_triage")),
        ("hostile", specification(hostile)),
    ):
        (tmp_path / f"{name}.html").write_text(document(process).html(), encoding="utf-8")
    with chromium() as browser:
        found = {path.name: faults(browser, path) for path in sorted(tmp_path.glob("*.html"))}
        page = browser.new_page(viewport={"width": 320, "height": 640})
        page.goto((tmp_path / "shipped.html").as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") <= 320
        scrolls = "(one => one.scrollWidth > one.clientWidth)(document.querySelector('.flow'))"
        assert page.evaluate(scrolls), "the drawing keeps its size, and scrolls by itself"
    assert found == {"hostile.html": [], "shipped.html": [], "triage.html": []}
