"""MLflow's pages in a real browser: `workbench ui` opens on the versions of a pilot, side by side."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from commands import Command, command_in
from hand_versions import decided, version

from workbench.gates.tracked import log_gate
from workbench.pilot.pilot import Pilot
from workbench.tracking import log_versions, opening_page
from workbench.words import InputError

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
LONG = "prompt_that_was_written_by_the_night_team"  # 41 characters
NAMES = ("majority", *(f"prompt_v{number}" for number in range(1, 11)), LONG)
COLUMNS = ["accuracy", "automation", "selective_accuracy", "latency_p95", "cost", "n"]


@contextmanager
def served(root: Path, *arguments: str) -> Iterator[str]:
    """Start `workbench ui` at a root and give the address that it prints; its output is that line alone.

    No signing key reaches the server.
    """
    command = [sys.executable, "-m", "workbench", "ui", *arguments, "--root", str(root), "--no-browser", "--port", "0"]
    environment = {**os.environ, "WORKBENCH_SIGNING_KEY": "a secret"}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
    assert process.stdout is not None
    said = process.stdout.readline()
    try:
        found = re.fullmatch(r"MLflow at (http://127\.0\.0\.1:\d+/\S+) \(Ctrl-C ends it\)\n", said)
        assert found is not None, said or process.communicate()
        given = Path(f"/proc/{process.pid}/environ").read_bytes()
        assert b"MLFLOW_DISABLE_TELEMETRY=true" in given
        assert b"a secret" not in given
        yield found[1]
    finally:
        process.send_signal(signal.SIGINT)
        rest, errors = process.communicate(timeout=60)
    assert (rest, errors, process.returncode) == ("", "MLflow starts ...\n", 0)


@contextmanager
def seen(address: str) -> Iterator[Any]:
    """Open an address in a window of 1,280 x 800 pixels, and let nothing leave this machine."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto(address)
        yield page
        browser.close()
    assert [url for url in asked if not url.startswith((address.partition("#")[0], "data:", "blob:"))] == []


def table_of(page: Any) -> dict[str, dict[str, str]]:
    """Return what the table of runs shows in the width of the window: column to text, by the run's name."""
    page.wait_for_selector(".ag-center-cols-container .ag-row", timeout=60_000)
    page.wait_for_timeout(1_000)  # columns move to their widths
    cells = page.evaluate(
        """() => [...document.querySelectorAll('.ag-row [col-id]')].map(cell => {
            const text = cell.querySelector('a') || cell, row = cell.closest('.ag-row').getAttribute('row-index');
            const isInside = cell.getBoundingClientRect().right <= innerWidth;
            const isWhole = isInside && text.scrollWidth <= text.clientWidth + 1;
            return [row, cell.getAttribute('col-id'), text.innerText.trim(), isWhole];
        })"""
    )
    rows: dict[int, dict[str, str]] = {}
    for row, column, text, is_whole in cells:
        if is_whole:
            rows.setdefault(int(row), {})[column.partition("`")[2].rstrip("`")] = text
    return {rows[row].pop("Run Name", ""): rows[row] for row in sorted(rows)}


def check_versions(address: str) -> None:
    with seen(address) as page:
        table = table_of(page)
        assert list(table) == list(NAMES)
        for name, row in table.items():
            shares = [0.9, 0.5, 0.95] if name != LONG else [0.925, 0.5, 0.95]
            assert [float(row[column]) for column in COLUMNS] == [*shares, 0.125, 0.002, 1200]
            assert {column for column in row if column} == set(COLUMNS), "bounds and counts are elsewhere"
        assert "right on 1,110 of 1,200" in page.inner_text("body")  # the answer, in the description


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine: MLflow's pages were not opened in a browser")
def test_ui_opens_on_the_versions_side_by_side_before_and_after_three_gates(tickets: Callable[[int], Pilot]) -> None:
    pilot = tickets(60)
    versions = [version(pilot, name) for name in NAMES[:-1]]
    versions += [version(pilot, LONG, accuracy=0.925), version(pilot, "majority", split="holdout", accuracy=0.99)]
    log_versions(pilot, versions, f"{LONG}: right on 1,110 of 1,200 development records.")
    with served(pilot.root) as address:
        check_versions(address)
        check_versions(address.partition("#")[0])  # the bare address too
    for number in (1, 2, 3):
        log_gate(pilot, *decided(pilot, number))
    with served(pilot.root, pilot.name) as address:
        check_versions(address)
        gates = address.replace("experiments/1/", "experiments/3/")
        with seen(gates) as page:
            assert list(table_of(page)) == [f"gate {number} NO-GO 2026-11-30 majority" for number in (3, 2, 1)]


def test_a_pilot_without_a_logged_version_has_no_page(tickets: Callable[[int], Pilot]) -> None:
    pilot = tickets(60)
    assert opening_page(pilot.root) == "#/experiments"
    with pytest.raises(InputError, match=r"no version of tickets is in MLflow yet(.|\n)*workbench run tickets"):
        opening_page(pilot.root, "tickets")


def test_the_pilot_that_was_run_last_is_opened(tickets: Callable[[int], Pilot]) -> None:
    pilot = tickets(60)
    log_versions(pilot, [version(pilot, "majority")])
    assert opening_page(pilot.root) == opening_page(pilot.root, "tickets")
    assert opening_page(pilot.root).startswith("#/experiments/1/runs?")


def test_a_port_that_is_taken_is_said(
    tickets: Callable[[int], Pilot], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import socket

    command: Command = command_in(tickets(60).root, monkeypatch, capsys)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        code, _, err = command("ui", "--port", str(taken.getsockname()[1]))
    assert code == 2
    assert re.search(r"port \d+ cannot be had(.|\n)*name another --port", err)
