"""Every kind of page in Chromium: no request, no sideways scrolling, nothing for axe, nothing cut on paper."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from answering_pilots import KPIS, judged_pilot, key_of, with_store
from browser import chromium, faults, needs_chromium

from workbench.audit import audit_pilot
from workbench.audit.published import publish
from workbench.evaluation.shown import record_address, record_page
from workbench.evaluation.versions import record_history
from workbench.evidence import audits_folder
from workbench.gates.held import GateRequest, hold_gate
from workbench.gates.overview import write_index
from workbench.gates.pipeline import NOTEBOOKS, PilotRun, run_pilot
from workbench.pages.filters import FilterKind, RowGroups, frame_html, table_data
from workbench.records.splits import read_dataset

pytestmark = [pytest.mark.slow, needs_chromium]
KINDS = (
    "index.html", "charter.html", "notebooks/01_data_audit.html", "notebooks/02_prompt_iteration.html",
    "notebooks/03_evaluation.html", "notebooks/gate_2.html", "report.html", "audit/report.html", "record.html",
)  # fmt: skip


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory, migrated_store: Path) -> dict[str, Path]:
    """Return a page of each kind, of a small pilot that ran and held a gate."""
    pilot = judged_pilot(tmp_path_factory.mktemp("pages") / "root", KPIS, notebooks=[])
    with_store(pilot, migrated_store)
    key = pilot.root / "keys" / "key.pem"
    key_of(pilot)
    run_pilot(pilot, PilotRun(("good",), None, key=key_of(pilot)), NOTEBOOKS)
    held = hold_gate(pilot, 2, GateRequest(key=key))
    audit = audit_pilot(pilot)
    published = publish(audit, audits_folder(pilot) / audit.run, None, False)
    record = record_address(pilot, "R0007")
    record.parent.mkdir(parents=True, exist_ok=True)
    record.write_text(record_page(record_history(pilot, read_dataset(pilot), "R0007")), encoding="utf-8")
    write_index(pilot)
    inside = {name: pilot.runs / name for name in KINDS[:6]}
    return {
        **inside,
        "report.html": held.bundle / "report.html",
        "audit/report.html": published.report,
        "record.html": record,
    }


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as opened:
        yield opened


@pytest.mark.parametrize("kind", KINDS)
def test_a_page_is_fit_for_every_reader(pages: dict[str, Path], browser: Any, kind: str) -> None:
    assert faults(browser, pages[kind]) == []


@pytest.mark.parametrize("kind", KINDS)
def test_the_keyboard_reaches_the_skip_link_first_and_it_leads_past_the_top(
    pages: dict[str, Path], browser: Any, kind: str
) -> None:
    page = browser.new_page()
    page.goto(pages[kind].as_uri())
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    target = page.evaluate("document.activeElement.getAttribute('href')")
    assert page.locator(target).count() == 1
    page.keyboard.press("Enter")
    assert page.url.endswith(target)
    page.close()


def test_the_verdict_stands_on_the_first_screen_of_a_phone(pages: dict[str, Path], browser: Any) -> None:
    page = browser.new_page(viewport={"width": 390, "height": 844})
    page.goto(pages["report.html"].as_uri())
    assert page.get_by_test_id("verdict").bounding_box()["y"] < 400
    page.close()


@pytest.mark.parametrize("kind", KINDS)
def test_every_link_inside_the_pilot_leads_somewhere(pages: dict[str, Path], browser: Any, kind: str) -> None:
    page = browser.new_page()
    page.goto(pages[kind].as_uri())
    links = page.evaluate("[...document.querySelectorAll('a')].map((one) => one.href)")
    files = {link.split("#")[0] for link in links if link.startswith("file:")}
    from urllib.parse import unquote, urlparse

    assert [link for link in sorted(files) if not Path(unquote(urlparse(link).path)).exists()] == []
    page.close()


def test_the_table_to_filter_is_fit_for_every_reader_and_filters_by_the_keyboard(browser: Any, tmp_path: Path) -> None:
    import html

    import pandas as pd

    rows = pd.DataFrame({"version": ["a", "b"], "record": ["r1", "r2"], "confidence": [0.5, 0.9], "reason": ["x", "y"]})
    kinds = {"version": FilterKind.CHOICE, "confidence": FilterKind.NUMBER, "reason": FilterKind.NOTE}
    frame = frame_html(table_data(rows, kinds, "Mistakes", RowGroups("version")))
    path = tmp_path / "table.html"
    path.write_text(html.unescape(frame.split('srcdoc="')[1].rsplit('"', 1)[0]), encoding="utf-8")
    assert faults(browser, path) == []
    page = browser.new_page()
    page.goto(path.as_uri())
    page.get_by_test_id("version").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    assert page.get_by_test_id("found").inner_text() == "1 of 2"
    page.close()


def test_a_page_with_planted_faults_is_caught(browser: Any, tmp_path: Path) -> None:
    path = tmp_path / "bad.html"
    wide, pale = '<p style="width: 2000px">wide</p>', '<p style="color: #ddd">pale</p>'
    main = f'<main>{wide}<img src="http://127.0.0.1:9/x.png">{pale}</main>'
    path.write_text(f"<!doctype html><html><title>x</title><body>{main}</body></html>", encoding="utf-8")
    said = " ".join(faults(browser, path))
    for fault in (
        "asks for http://127.0.0.1:9/x.png",
        "scrolls sideways at 390",
        "image-alt",
        "color-contrast",
        "cut on paper",
    ):
        assert fault in said
