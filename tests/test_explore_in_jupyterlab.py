"""Notebooks in JupyterLab itself: opened in Chromium, all cells run, their tables filtered and unfolded."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from browser import needs_chromium
from explored_pilots import VERSIONS
from labs import all_cells_run, jupyterlab

pytestmark = [pytest.mark.slow, needs_chromium]

NOTEBOOKS = ("00_explore", "02_prompt_iteration")


@pytest.fixture
def lab(explored_root: Path, tmp_path: Path) -> Iterator[str]:
    """JupyterLab on a copy of the pilot with notebooks beside it; gives the address of a notebook, NAME to be named."""
    root = tmp_path / "root"
    shutil.copytree(explored_root, root)
    (root / "notebooks").mkdir()
    named = json.dumps(list(VERSIONS)).replace('"', "'")
    for name in NOTEBOOKS:
        source = Path(__file__).resolve().parents[1] / "notebooks" / f"{name}.ipynb"
        text = source.read_text(encoding="utf-8").replace("agents: list[str] = []", f"agents: list[str] = {named}")
        (root / "notebooks" / source.name).write_text(text, encoding="utf-8")
    with jupyterlab(root, tmp_path) as address:
        yield address


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
