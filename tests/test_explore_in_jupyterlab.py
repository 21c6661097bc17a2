"""00_explore in JupyterLab itself: opened in Chromium, all cells run, the table of records filtered and unfolded."""

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
from pathlib import Path

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
PATIENCE_S = 120.0
NOTEBOOK = "00_explore.ipynb"


@pytest.fixture
def lab(explored_root: Path, tmp_path: Path) -> Iterator[str]:
    """JupyterLab on a copy of the pilot with the notebook beside it; gives the address of the notebook."""
    root = tmp_path / "root"
    shutil.copytree(explored_root, root)
    source = Path(__file__).resolve().parents[1] / "notebooks" / NOTEBOOK
    (root / "notebooks").mkdir()
    shutil.copyfile(source, root / "notebooks" / NOTEBOOK)
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
            yield f"http://127.0.0.1:{port}/lab/tree/notebooks/{NOTEBOOK}?token=abc"
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


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine: the notebook was not opened in JupyterLab")
def test_all_cells_run_and_the_table_is_filtered_and_unfolded(lab: str) -> None:
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1400, "height": 1000})
        page.set_default_timeout(1000 * PATIENCE_S)
        page.goto(lab)
        page.locator(".jp-Notebook").wait_for()
        page.get_by_text("Python 3 (ipykernel) | Idle").wait_for()  # earlier, running asks which kernel is meant
        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.get_by_role("menuitem", name=re.compile("^Run All Cells")).click()
        page.get_by_text("development records rightly. A trial, not a version").wait_for()  # JupyterLab scrolls there
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
        browser.close()
