"""Tests of tables that a reader filters: hostile cells stay text, and the filters work in a real browser."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from pathlib import Path

import pandas as pd
import pytest

from workbench.pages import filters
from workbench.pages.filters import (
    MIME,
    MOST_ROWS,
    FilterKind,
    RowGroups,
    frame_html,
    read_filter_table,
    script,
    script_source,
    table_data,
)
from workbench.pages.pages import notebook_page
from workbench.words import InputError

ATTACKS = (
    "</script><script>alert(1)</script>",
    "<!--<script>",
    "<img src=x onerror=alert(1)>",
    '"></iframe><script>alert(1)</script>',
    "{{ 7 * 7 }}",
)
BY = RowGroups("label")
KINDS = {"label": FilterKind.CHOICE, "confidence": FilterKind.NUMBER, "says": FilterKind.NOTE}


def frame(n: int = 3) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "record": [f"R{number}" for number in range(n)],
            "label": ["refund", "login", None][:n] if n == 3 else ["refund"] * n,
            "confidence": [0.9, 0.5, float("nan")][:n] if n == 3 else [0.5] * n,
            "says": ["money back", "locked out", "where is it"][:n] if n == 3 else ["x"] * n,
        }
    )


def inner_page(markup: str) -> str:
    found = re.fullmatch(r'<iframe sandbox="allow-scripts" [^<>]* srcdoc="([^"<>]*)"></iframe>', markup)
    assert found is not None
    return html.unescape(found[1])


def test_choices_are_the_values_that_occur_and_missing_is_one_of_them() -> None:
    table = table_data(frame(), KINDS, "Mistakes", BY)
    assert [(column.name, column.kind) for column in table.columns] == [
        ("record", FilterKind.TEXT),
        ("label", FilterKind.CHOICE),
        ("confidence", FilterKind.NUMBER),
        ("says", FilterKind.NOTE),
    ]
    assert table.columns[1].values == ("login", "refund", None)
    assert table.rows[0] == ("R0", "refund", 0.9, "money back")
    assert table.rows[2][1:3] == (None, None)


def test_a_long_table_keeps_whole_groups_a_share_of_the_others_and_names_what_is_cut() -> None:
    # by hand: "best" and "rival" are whole; of 2,000 rows for the others all 10 of "few", the rest halved
    sizes = {"best": 2_400, "rival": 700, "many": 3_000, "more": 5_000, "few": 10}
    versions = [name for name, n in sizes.items() for _ in range(n)]
    rows = pd.DataFrame({"version": versions, "row": [str(i) for i in range(len(versions))]})
    table = table_data(rows, {"version": FilterKind.CHOICE}, "Mistakes", RowGroups("version", ("best", "rival")))
    kept = pd.Series([str(row[0]) for row in table.rows]).value_counts().to_dict()
    assert kept == {"best": 2_400, "rival": 700, "many": 995, "more": 995, "few": 10}
    assert table.columns[0].values == ("best", "few", "many", "more", "rival"), "every version is in the menu"
    assert table.caption == "Mistakes (cut to the first rows: many 995 of 3,000, more 995 of 5,000)"
    assert [row[1] for row in table.rows if row[0] == "many"][:2] == ["3100", "3101"], "the first of each"


def test_a_table_that_fits_is_not_cut() -> None:
    table = table_data(frame(MOST_ROWS), KINDS, "Mistakes", BY)
    assert (len(table.rows), table.caption) == (MOST_ROWS, "Mistakes")
    whole = table_data(frame(MOST_ROWS + 5), KINDS, "Mistakes", RowGroups("label", ("refund",)))
    assert (len(whole.rows), whole.caption) == (MOST_ROWS + 5, "Mistakes")


def test_a_folded_text_stands_once_and_what_finds_no_room_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    table = pd.DataFrame({"record": ["a", "b", "c"], "reply": ["yes", "no", "yes"], "other": ["yes", None, "why"]})
    kinds = dict.fromkeys(("reply", "other"), FilterKind.FOLDED)
    whole = table_data(table, kinds, "Replies", BY)
    assert whole.texts == ("yes", "no", "why")
    assert whole.rows == (("a", 0, 0), ("b", 1, None), ("c", 0, 2))
    monkeypatch.setattr(filters, "MOST_LETTERS", 5)  # room for yes and no
    cut = table_data(table, kinds, "Replies", BY)
    assert (cut.texts, cut.rows[2]) == (("yes", "no"), ("c", 0, None))
    assert cut.caption == "Replies (texts of 1 row are left out)"


@pytest.mark.parametrize("attack", ATTACKS)
def test_hostile_folded_texts_are_data(attack: str) -> None:
    table = table_data(pd.DataFrame({"a": ["x"], "reply": [attack]}), {"reply": FilterKind.FOLDED}, "T", BY)
    page = inner_page(frame_html(table))
    data, code = re.findall(r"<script[^>]*>(.*?)</script>", page, re.DOTALL)
    assert (json.loads(data)["texts"], code) == ([attack], script())


@pytest.mark.parametrize("attack", ATTACKS)
def test_hostile_cells_names_and_captions_are_data(attack: str) -> None:
    table = table_data(pd.DataFrame({attack: [attack]}), {attack: FilterKind.CHOICE}, attack, RowGroups(attack))
    page = inner_page(frame_html(table))
    data, code = re.findall(r"<script[^>]*>(.*?)</script>", page, re.DOTALL)
    assert json.loads(data) == table.model_dump(mode="json")
    assert code == script()
    assert page.count("<script") == 2
    assert "<img" not in page


def test_the_policy_lets_only_the_one_script_run() -> None:
    page = inner_page(frame_html(table_data(frame(), KINDS, "Mistakes", BY)))
    assert f"default-src 'none'; script-src {script_source()};" in page
    assert not re.search(r"innerHTML|outerHTML|insertAdjacent|document\.write|eval|Function\(|fetch|https?:", script())


@pytest.mark.parametrize(
    "content",
    [
        None,
        {"caption": "x", "columns": [], "rows": []},
        {"caption": "x", "columns": [{"name": "a", "kind": "text"}], "rows": [["1", "2"]]},
        {"caption": "x", "columns": [{"name": "a", "kind": "markup"}], "rows": []},
        {"caption": "x", "columns": [{"name": "a", "kind": "folded"}], "rows": [[1]], "texts": ["only one"]},
        {"caption": "x", "columns": [{"name": "a", "kind": "text"}], "rows": [], "script": "alert(1)"},
    ],
)
def test_an_output_that_is_no_table_is_refused(content: object) -> None:
    with pytest.raises(InputError, match="no table to filter"):
        read_filter_table(content)


def page_with(tmp_path: Path, content: object, markup: str) -> str:
    output = {"output_type": "display_data", "metadata": {}, "data": {MIME: content, "text/html": markup}}
    cell = {"cell_type": "code", "metadata": {}, "execution_count": 1, "source": "show()", "outputs": [output]}
    path = tmp_path / "notebook.ipynb"
    path.write_text(json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [cell]}), encoding="utf-8")
    return notebook_page(path)


def test_a_page_builds_the_frame_from_the_data_and_never_from_the_notebooks_markup(tmp_path: Path) -> None:
    content = table_data(frame(), KINDS, "Mistakes", BY).model_dump(mode="json")
    page = page_with(tmp_path, content, "<script>alert(1)</script>")
    assert "alert(1)" not in page
    assert f"script-src {script_source()}; img-src data:" in page
    assert page.count("<iframe") == 1
    assert "<script" not in page
    with pytest.raises(InputError, match="no table to filter"):
        page_with(tmp_path, {"caption": "<script>"}, "")


CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine: the table was not opened in a real browser")
def test_in_a_real_browser_the_table_is_shown_and_no_cell_is_run(tmp_path: Path) -> None:
    assert CHROMIUM is not None
    attack = "</td><script>document.title='run'</script><img src=x onerror=\"document.title='run'\">"
    hostile = frame().assign(says=attack, label=[attack, "login", None])
    path = tmp_path / "table.html"
    path.write_text(inner_page(frame_html(table_data(hostile, KINDS, "Mistakes", BY))), encoding="utf-8")
    command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}"]
    command += ["--virtual-time-budget=3000", "--dump-dom", path.as_uri()]
    dom = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout
    assert '<span id="found" role="status" data-testid="found">3 of 3</span>' in dom
    assert "<title>Mistakes</title>" in dom
    assert dom.count("<td") == 3 * 4
    assert "<img" not in dom.split("<body>")[1]
    assert re.search(r"<option value=\"0\">&lt;/td&gt;&lt;script&gt;.*?\(1\)</option>", dom)
