"""Notebooks in JupyterLab itself: opened in Chromium, all cells run, their tables filtered and unfolded."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from browser import chromium, needs_chromium

pytestmark = [pytest.mark.slow, needs_chromium]

PATIENCE_S = 120.0
NOTEBOOKS = ("00_explore", "02_prompt_iteration")


@pytest.fixture
def lab(explored_root: Path, tmp_path: Path) -> Iterator[str]:
    """JupyterLab on a copy of the pilot with notebooks beside it; gives the address of a notebook, NAME to be named."""
    root = tmp_path / "root"
    shutil.copytree(explored_root, root)
    (root / "notebooks").mkdir()
    for name in NOTEBOOKS:
        source = Path(__file__).resolve().parents[1] / "notebooks" / f"{name}.ipynb"
        shutil.copyfile(source, root / "notebooks" / source.name)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        sys.executable, "-m", "jupyterlab", "--no-browser", f"--ServerApp.root_dir={root}", f"--port={port}",
        "--ServerApp.port_retries=0", "--IdentityProvider.token=abc", "--LabApp.news_url=None", "--allow-root",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    ]  # fmt: skip
    names = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTERLAB_SETTINGS_DIR")
    places = {**os.environ, **{name: str(tmp_path / name) for name in names}}
    with (tmp_path / "log").open("w") as log, subprocess.Popen(command, env=places, stderr=log) as server:
        try:
            wait_for(f"http://127.0.0.1:{port}/api/status?token=abc", server)
            yield f"http://127.0.0.1:{port}/lab/tree/notebooks/NAME.ipynb?token=abc"
        finally:
            server.terminate()


def wait_for(url: str, server: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until and server.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:
            time.sleep(0.5)
    raise AssertionError("JupyterLab did not start")


@contextmanager
def all_cells_run(address: str, notebook: str, last_words: str) -> Iterator[Any]:
    """Open a notebook, run all of its cells, and give the page once its last words stand there."""
    with chromium() as browser:
        page = browser.new_page(viewport={"width": 1400, "height": 1000})
        page.set_default_timeout(1000 * PATIENCE_S)
        page.goto(address.replace("NAME", notebook))
        page.locator(".jp-Notebook").wait_for()
        page.get_by_text("Python 3 (ipykernel) | Idle").wait_for()  # earlier, running asks which kernel is meant
        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.get_by_role("menuitem", name=re.compile("^Run All Cells")).click()
        page.get_by_text(last_words).last.wait_for()  # JupyterLab scrolls there
        yield page


def test_00_runs_and_its_table_of_records_is_filtered_and_unfolded(lab: str) -> None:
    with all_cells_run(lab, "00_explore", "development records rightly. A trial, not a version") as page:
        page.locator("iframe[title*='by 3 versions']").scroll_into_view_if_needed()
        frame = page.frame_locator("iframe[title*='by 3 versions']")
        found = frame.get_by_test_id("found")
        assert found.inner_text() == "82 of 82"
        menu = frame.get_by_test_id("decided rightly")
        wrong = menu.locator("option", has_text="by none").inner_text()
        menu.select_option(label=wrong)
        n = int(re.findall(r"\d+", wrong)[0])
        assert 0 < n < 82
        assert found.inner_text() == f"{n} of 82"
        frame.locator("summary").first.click()
        assert "reply of prompt_v6" in frame.locator("dl").first.inner_text()
        frame.get_by_test_id("reset").click()
        assert found.inner_text() == "82 of 82"


def test_02_runs_and_its_mistakes_are_filtered(lab: str) -> None:
    with all_cells_run(lab, "02_prompt_iteration", "goes on, of 3 versions") as page:
        mistakes = "iframe[title^='Wrong decisions']"
        page.get_by_role("heading", name="What goes wrong").scroll_into_view_if_needed()
        page.locator(mistakes).scroll_into_view_if_needed()
        frame = page.frame_locator(mistakes)
        found, menu = frame.get_by_test_id("found"), frame.get_by_test_id("version")
        one = menu.locator("option").nth(1).inner_text()
        menu.select_option(label=one)
        n = int(re.findall(r"\((\d+)\)", one)[0])
        assert n > 0
        assert found.inner_text().startswith(f"{n} of ")
