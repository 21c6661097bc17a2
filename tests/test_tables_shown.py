"""Tests of tables as text: names stay whole, constants are said once, what has no room is left out by rank."""

from __future__ import annotations

import pytest

from workbench.commands.screen import folded
from workbench.commands.tables import (
    TextColumn,
    TextTable,
    laid_out,
    of_names,
    of_numbers,
    parted,
    show_table,
    without_constants,
)

LONG = "a_name_of_exactly_forty_letters_and_no_m"
LONGER = "a_name_of_exactly_sixty_letters_which_is_more_than_one_line_"
WIDE = TextTable(
    (of_names("version"), of_numbers("records", 2), of_numbers("accuracy"), TextColumn("why", rank=1)),
    (
        (LONG, "4,480", "93.7% [92.9%, 94.3%]", "no threshold reaches it on development records"),
        (LONGER, "4,479", "8%", "chosen"),
    ),
)


def shown_lines(table: TextTable, width: int | None) -> list[str]:
    return [line for row in laid_out(table, width) for line in row]


@pytest.mark.parametrize("width", range(40, 140))
def test_no_line_is_wider_than_the_terminal_and_no_letter_of_a_name_is_lost(width: int) -> None:
    for details in (False, True):
        parts, _ = parted(WIDE, width, details=details)
        for part in parts:
            lines = shown_lines(part, width)
            assert max(map(len, lines)) <= width
            text = "".join(line.split("  ")[0] for line in lines)
            assert LONG in text
            assert LONGER in text


def test_names_up_to_forty_letters_stand_in_one_line_and_longer_ones_in_two() -> None:
    (part,), dropped = parted(WIDE, 80, details=False)
    lines = shown_lines(part, 80)
    assert [line for line in lines if LONG in line]
    assert lines[-2].startswith(LONGER[:40])
    assert lines[-1] == LONGER[40:]
    assert dropped == ["records"], "the column with the highest rank goes, and no other one has to"


def test_with_details_every_column_is_there_in_parts_that_begin_with_the_name() -> None:
    parts, dropped = parted(WIDE, 64, details=True)
    assert dropped == []
    assert [[column.heading for column in part.columns] for part in parts] == [
        ["version", "records"],
        ["version", "accuracy"],
        ["version", "why"],
    ]


def test_where_there_is_no_terminal_nothing_is_left_out_or_folded() -> None:
    (part,), dropped = parted(WIDE, None, details=False)
    assert (part, dropped) == (WIDE, [])
    assert shown_lines(WIDE, None) == [
        "version                                                       records              accuracy  why",
        f"{LONG}                        4,480  93.7% [92.9%, 94.3%]  no threshold reaches it on development records",
        f"{LONGER}    4,479                    8%  chosen",
    ]


def test_what_is_the_same_in_every_row_is_said_once_and_empty_columns_not_at_all() -> None:
    columns = (of_names("version"), of_numbers("records"), TextColumn("split"), TextColumn("causes"), of_numbers("n"))
    table = TextTable(columns, (("a", "4,480", "dev", "", "1"), ("b", "4,480", "dev", "", "2")))
    varied, said = without_constants(table)
    assert [column.heading for column in varied.columns] == ["version", "n"]
    assert said == "records: 4,480; split: dev in every row"
    one_row = TextTable(columns, table.rows[:1])
    assert without_constants(one_row) == (one_row, "")


def test_a_long_table_shows_its_first_rows_and_says_how_many_more_there_are(
    capsys: pytest.CaptureFixture[str],
) -> None:
    table = TextTable((of_names("run"), of_numbers("n")), tuple((f"r{n}", str(n)) for n in range(50)))
    show_table("Runs", table)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Runs"
    assert lines[-2:] == ["r19  19", "30 more rows with --details"]
    show_table("Runs", table, details=True)
    assert capsys.readouterr().out.splitlines()[-1] == "r49  49"


def test_wide_signs_take_two_columns() -> None:
    table = TextTable((of_names("name"), of_numbers("n")), (("漢字", "1"), ("abcd", "2")))
    assert shown_lines(table, 40)[1:] == ["漢字  1", "abcd  2"]
    assert folded("漢字 漢字 漢字", 9) == ["漢字 漢字", "漢字"]


def test_a_path_longer_than_the_line_stays_whole() -> None:
    path = "/a/folder/with/a/very/long/path.html"
    assert folded(f"Report: {path} is there", 20, "  ") == ["Report:", f"  {path}", "  is there"]
