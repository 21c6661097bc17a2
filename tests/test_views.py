"""Tests of workbench.pages.views: tables in which everything is text, and copies of what was shown."""

from __future__ import annotations

import html
import json
import re
from pathlib import Path

import pandas as pd
import pytest

from workbench.notebooks import working_copies
from workbench.pages import figures, views
from workbench.pages.conclusion import Conclusion
from workbench.records.tables.reading import read_table
from workbench.words import InputError


def plain(table: str) -> list[list[str]]:
    """Return the text of a table's cells, row by row."""
    rows = re.findall(r"<tr>(.*?)</tr>", table, re.DOTALL)
    cells = [re.findall(r"<t[hd].*?</t[hd]>", row, re.DOTALL) for row in rows]
    return [[html.unescape(re.sub(r"<[^>]*>", "", cell)) for cell in row] for row in cells]


def test_cells_read_as_a_person_would_write_them():
    frame = pd.DataFrame(
        {
            "n": [1234, 5],
            "share": [0.12345, float("nan")],
            "known": [True, False],
            "any": pd.Series([None, 7], dtype=object),
            "ids": [("a", "b"), ()],
        }
    )
    assert plain(views.table_html(frame)) == [
        ["n", "share", "known", "any", "ids"],
        ["1,234", "0.123", "yes", "–", "a, b"],  # noqa: RUF001
        ["5", "–", "no", "7", ""],  # noqa: RUF001
    ]


def test_a_long_list_is_cut_on_the_page_and_whole_in_its_copy(tmp_path):
    ids = tuple(f"r{number}" for number in range(30))
    frame = pd.DataFrame({"ids": [ids]})
    assert plain(views.table_html(frame)) == [["ids"], [", ".join(ids[:25]) + ", and 5 more"]]
    views.Page(tmp_path).table("ids", frame)
    assert read_table(tmp_path / "ids.csv")["ids"].tolist() == [", ".join(ids)]


def test_a_conclusion_is_its_sentence_and_its_table_where_there_is_one(tmp_path, capsys):
    page = views.Page(tmp_path)
    page.conclude("costs", Conclusion("It costs 3 EUR.", pd.DataFrame({"n": [1]})), "Costs")
    page.conclude("time", Conclusion("Nobody knows."), "Time")
    shown = capsys.readouterr().out
    assert [word in shown for word in ("It costs 3 EUR.", "Costs", "Nobody knows.", "Time")] == [
        True,
        True,
        True,
        False,
    ]
    assert [path.name for path in tmp_path.iterdir()] == ["costs.csv"]


def test_numbers_stand_right_and_text_left():
    table = views.table_html(pd.DataFrame({"n": [1], "word": ["a"], "flag": [True]}))
    assert re.findall(r"<th style=\"text-align: (\w+)\"", table) == ["right", "left", "left"]


def test_names_and_cells_are_text_whatever_they_hold():
    attack = "<script>alert(1)</script>"
    table = views.table_html(pd.DataFrame({attack: [attack], "record": [{attack: attack}]}), attack, attack)
    assert "<script" not in table
    assert plain(table)[1:] == [[attack], [f"{attack} {attack}"]]


def test_what_a_record_says_goes_below_its_row():
    table = views.table_html(pd.DataFrame({"record": [{"a": 1, "b": "x"}, {"a": 2}], "label": ["p", "q"]}))
    assert plain(table) == [["label"], ["p"], ["a 1 · b x"], ["q"], ["a 2"]]


def test_long_text_is_cut_and_says_so():
    [_, [cell]] = plain(views.table_html(pd.DataFrame({"text": ["x" * 600]})))
    assert cell == "x" * 500 + "… (100 letters more)"


def test_signs_that_hide_or_reorder_are_spelled_out():
    hidden = "a\u202eb\u200bc\x00d\u2066e\ufeff\U000e0041"
    assert views.visible(hidden) == r"a\u202eb\u200bc\x00d\u2066e\ufeff\U000e0041"
    kept = "ä 中 \N{FAMILY} a\u200db\nc\td"  # a joiner belongs to some scripts
    assert views.visible(kept) == kept


def test_a_table_without_rows_says_none():
    assert views.table_html(pd.DataFrame(columns=["a"]), "Errors & co") == "<p>Errors &amp; co: none</p>"


def test_a_table_is_kept_whole_where_only_its_first_rows_are_shown(tmp_path, capsys):
    frame = pd.DataFrame(
        {"word": ["=1+1", "b", "c"], "record": [{"x": "é"}] * 3}, index=pd.Index(list("pqr"), name="id")
    )
    views.Page(tmp_path).table("words", frame, "Words", rows=1)
    kept = read_table(tmp_path / "words.csv")
    assert kept["id"].tolist() == ["p", "q", "r"]
    assert kept["word"].tolist() == ["'=1+1", "b", "c"], "no cell may run as a formula"
    assert json.loads(kept["record"][0]) == {"x": "é"}
    assert "Words" in capsys.readouterr().out


def test_figures_and_texts_are_kept_as_they_were_shown(tmp_path, capsys):
    page = views.Page(tmp_path / "new")
    page.figure("labels", figures.label_distribution(pd.Series({"a": 3, "b": 1})))
    page.text("changes", "- old\n+ new\n")
    page.note("said")
    assert (tmp_path / "new" / "labels.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "new" / "changes.txt").read_text() == "- old\n+ new\n"
    shown = capsys.readouterr().out
    assert "2 labels over 4 records" in shown
    assert "said" in shown


def test_a_notebook_opens_its_pilot_from_its_own_folder(tickets, tmp_path, monkeypatch):
    tickets(40)
    (tmp_path / "notebooks").mkdir()
    monkeypatch.chdir(tmp_path / "notebooks")
    pilot, page = views.open_notebook("01_data_audit", "tickets", ".", "")
    assert pilot.root == tmp_path
    assert page.folder == tmp_path / "mlruns" / "tickets" / "results" / "01_data_audit"
    copies = working_copies(tmp_path, "ada").folder
    monkeypatch.chdir(copies)
    assert views.open_notebook("01_data_audit", "tickets", ".", "")[0].root == tmp_path
    monkeypatch.chdir(tmp_path)
    assert views.open_notebook("01_data_audit", "tickets", ".", "kept")[1].folder == Path("kept")


def test_only_the_default_root_is_looked_for_in_folders_above(tickets, tmp_path, monkeypatch):
    tickets(40)
    (tmp_path / "notebooks").mkdir()
    monkeypatch.chdir(tmp_path / "notebooks")
    with pytest.raises(InputError, match="there is no pilot 'tickets'"):
        views.open_notebook("01_data_audit", "tickets", str(tmp_path / "notebooks"), "")
