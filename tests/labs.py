"""JupyterLab started for a test, on a folder of notebooks."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from browser import chromium

PATIENCE_S = 120.0


@contextmanager
def jupyterlab(root: Path, own: Path) -> Iterator[str]:
    """Start JupyterLab on a folder with notebooks/, its own files elsewhere; give a notebook's address, NAME in it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        sys.executable, "-m", "jupyterlab", "--no-browser", f"--ServerApp.root_dir={root}", f"--port={port}",
        "--ServerApp.port_retries=0", "--IdentityProvider.token=abc", "--LabApp.news_url=None", "--allow-root",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    ]  # fmt: skip
    names = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTERLAB_SETTINGS_DIR")
    places = {**os.environ, **{name: str(own / name) for name in names}}
    with (own / "log").open("w") as log, subprocess.Popen(command, env=places, stderr=log) as server:
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
def all_cells_run(address: str, notebook: str, last: str) -> Iterator[Any]:
    """Open a notebook, run all of its cells, and give the page once its last words stand there."""
    with chromium() as browser:
        page = browser.new_page(viewport={"width": 1400, "height": 1000}, bypass_csp=True)
        page.set_default_timeout(1000 * PATIENCE_S)
        page.goto(address.replace("NAME", notebook) + "&reset")  # without what was open before
        page.locator(".jp-Notebook").wait_for()
        page.get_by_text("Python 3 (ipykernel) | Idle").wait_for()  # earlier, running asks which kernel is meant
        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.get_by_role("menuitem", name=re.compile("^Run All Cells")).click()
        page.get_by_text(last).last.wait_for()  # JupyterLab scrolls there
        yield page
