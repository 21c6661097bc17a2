"""docs/exploring.md: every example runs in the order of the page, and what the package offers is on the page."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from typing import Any

import pytest
from explored_pilots import REPOSITORY

import workbench

PAGE = REPOSITORY / "docs" / "exploring.md"
NOTEBOOK = REPOSITORY / "notebooks" / "00_explore.ipynb"
EXPLORATIONS = ("decisions", "errors", "try_prompt", "record", "compare")


def blocks() -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


def called(source: str) -> set[str]:
    return {
        node.func.attr
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    }


def cells() -> list[str]:
    content = json.loads(NOTEBOOK.read_text(encoding="utf-8"))
    return ["".join(cell["source"]) for cell in content["cells"] if cell["cell_type"] == "code"]


@pytest.mark.slow
def test_every_example_of_the_page_runs(explored_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(explored_root)
    names: dict[str, Any] = {}
    for number, block in enumerate(blocks(), start=1):
        exec(compile(block, f"block {number} of {PAGE.name}", "exec"), names)  # the page is ours
    assert names["comparison"].better == "prompt_v6"
    assert names["trial"].n == 50


def test_the_five_explorations_take_at_most_eight_lines_and_import_only_the_package() -> None:
    pages = {"the page": blocks(), "the notebook": cells()}
    for where, sources in pages.items():
        for exploration in EXPLORATIONS:
            using = [source for source in sources if exploration in called(source)]
            assert using, f"{exploration} is not in {where}"
            assert min(len(source.strip().splitlines()) for source in using) <= 8, f"{exploration} in {where}"
        imports = [line for source in sources for line in source.splitlines() if re.match(r"(import|from)\s", line)]
        assert imports == ["import workbench"], where


def test_what_the_package_offers_is_documented_and_nothing_else() -> None:
    from workbench.evaluation.exploring import LoadedPilot

    text = PAGE.read_text(encoding="utf-8")
    answers = {"LoadedPilot", "ExploredRecord", "Picture", "RecordsByVersion", "Trial", "VersionComparison"}
    named = set(re.findall(r"workbench\.([A-Za-z]\w*)", text))
    assert named | answers == set(workbench.__all__), "what a call returns need not be named on the page"
    methods = {name for name in vars(LoadedPilot) if not name.startswith("_")} - {"pilot", "engine"}
    assert methods == set(re.findall(r"pilot\.([a-z_]+)\(", text))
