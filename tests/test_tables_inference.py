"""What type cells have and how they are written; `init` and the audit give one answer."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow
import pytest

from workbench.pilot.contract import Column as Declared
from workbench.pilot.contract import ColumnType
from workbench.records.tables.columns import coded_columns
from workbench.records.tables.inference import Hints, Written
from workbench.records.tables.numbers import number_of
from workbench.records.tables.profiles import ColumnProfile, profile, settled_profiles
from workbench.records.tables.values import typed


def profiles_of(hints: Hints | None = None, **columns: list[str | None]) -> dict[str, ColumnProfile]:
    table = pyarrow.table({name: pyarrow.array(cells, pyarrow.string()) for name, cells in columns.items()})
    coded = coded_columns(table, table.column_names, ("VARCHAR",) * table.num_columns)
    found = settled_profiles(coded, [profile(one, table.num_rows) for one in coded], hints)
    return {one.name: one for one in found}


def written_of(*cells: str | None, hints: Hints | None = None) -> Written:
    return profiles_of(hints, a=list(cells))["a"].written


@pytest.mark.parametrize(
    ("cells", "kind", "decimal", "form"),
    [
        (["1", "-20", None], ColumnType.INTEGER, ".", None),
        (["1580661436132757506", "2"], ColumnType.INTEGER, ".", None),
        (["1", "2.5"], ColumnType.NUMBER, ".", None),
        (["1e3", "2"], ColumnType.NUMBER, ".", None),
        (["1,5", "2,25"], ColumnType.NUMBER, ",", None),
        (["1.234,50", "7"], ColumnType.NUMBER, ",", None),
        (["1,234.50", "955.52"], ColumnType.NUMBER, ".", None),
        (["1,234", "17"], ColumnType.INTEGER, ".", None),
        (["1,234", "9", "4567"], ColumnType.NUMBER, ",", None),
        (["12,345,678", "1"], ColumnType.INTEGER, ".", None),
        (["1 234,5", "2\u202f345,6"], ColumnType.NUMBER, ",", None),
        (["1'234.50", "7.00"], ColumnType.NUMBER, ".", None),
        (["01", "2"], ColumnType.STRING, ".", None),
        (["1,5", "2.5"], ColumnType.STRING, ".", None),
        (["true", "FALSE"], ColumnType.BOOLEAN, ".", None),
        (["yes", "no"], ColumnType.STRING, ".", None),
        (["2025-01-31", "2024-02-29"], ColumnType.DATE, ".", None),
        (["2025-01-31", "2025-02-30"], ColumnType.STRING, ".", None),
        (["2025-01-31T10:00:00Z", "2025-01-31 10:00", "2025-02-01"], ColumnType.DATETIME, ".", None),
        (["31.12.2025", "1.2.2025"], ColumnType.DATE, ".", "DD.MM.YYYY"),
        (["31/12/2025", "01/02/2025"], ColumnType.DATE, ".", "DD/MM/YYYY"),
        (["12/31/2025", "01/02/2025"], ColumnType.DATE, ".", "MM/DD/YYYY"),
        (["12-31-2025", "01-02-2025"], ColumnType.DATE, ".", "MM-DD-YYYY"),
        (["3. Mai 2025", "4. Juni 2025"], ColumnType.DATE, ".", "D Month YYYY"),
        (["5/14/2025 7:05 PM", "1/2/2025 1:00 AM"], ColumnType.DATETIME, ".", "MM/DD/YYYY h:mm AM"),
        (["31.12.2025", "2025-12-31"], ColumnType.STRING, ".", None),
        (["13/13/2025", "1/2/2025"], ColumnType.STRING, ".", None),
        ([None, None], ColumnType.STRING, ".", None),
        (["a", "1"], ColumnType.STRING, ".", None),
    ],
)
def test_a_type_is_the_narrowest_that_every_cell_has(
    cells: list[str | None], kind: ColumnType, decimal: str, form: str | None
) -> None:
    found = written_of(*cells)
    assert (found.type, found.decimal, found.format) == (kind, decimal, form)


@pytest.mark.parametrize("nothing", ["NA", "n.a.", "N/A", "null", "-", " ", "NaN", "unknown", "?"])
def test_what_stands_for_nothing_does_not_make_numbers_text(nothing: str) -> None:
    found = profiles_of(a=["1", "2", "3", nothing])["a"]
    assert (found.written.type, found.n_missing) == (ColumnType.INTEGER, 1)
    assert found.missing == ((nothing,) if nothing.strip() else ())


def test_dates_that_do_not_tell_their_order_are_text_until_the_user_or_another_column_says_it() -> None:
    cells = ["01/02/2025", "03/04/2025"]
    alone = written_of(*cells)
    assert (alone.type, alone.format) == (ColumnType.STRING, None)
    assert alone.question == "does the day or the month stand first? Say --dates DD/MM or --dates MM/DD"
    assert written_of(*cells, hints=Hints(day_first=False)).format == "MM/DD/YYYY"
    beside = profiles_of(a=cells, other=["25/12/2025", "26/12/2025"])
    assert beside["a"].written.format == "DD/MM/YYYY"
    assert not beside["a"].written.question


def test_grouped_digits_follow_the_decimal_sign_of_the_other_columns() -> None:
    alone = profiles_of(a=["1,234", "5"])["a"].written
    beside = profiles_of(a=["1,234", "5"], other=["1,5", "2,5"])["a"].written
    assert (alone.type, alone.decimal) == (ColumnType.INTEGER, ".")
    assert (beside.type, beside.decimal) == (ColumnType.NUMBER, ",")
    assert written_of("1.234", "5", hints=Hints(decimal=",")).type is ColumnType.INTEGER


def test_digits_that_are_dates_need_a_name_that_says_so() -> None:
    found = profiles_of(posting_date=["20250131", "20250201"], number=["20250131", "20250201"])
    assert (found["posting_date"].written.type, found["posting_date"].written.format) == (ColumnType.DATE, "YYYYMMDD")
    assert found["number"].written.type is ColumnType.INTEGER


@pytest.mark.parametrize(
    ("text", "decimal", "number"),
    [
        ("1580661436132757507", ".", 1580661436132757507),
        ("+5", ".", 5),
        ("1,234,567.5", ".", 1234567.5),
        ("1.234.567,5", ",", 1234567.5),
        ("12.34.567", ",", None),
        ("1,23", ".", None),
        (".5", ".", 0.5),
        ("1e400", ".", None),
        ("nan", ".", None),
        ("1_000", ".", None),
        ("", ".", None),
    ],
)
def test_numbers_are_read_by_their_decimal_sign(text: str, decimal: str, number: float | None) -> None:
    found = number_of(text, decimal)  # type: ignore[arg-type]
    assert found == number
    assert type(found) is type(number)


@pytest.mark.parametrize(
    ("column", "cells", "values"),
    [
        (Declared(type="number", decimal=","), ["1.234,5", " 7 ", "1.5.5"], [1234.5, 7.0, None]),
        (Declared(type="integer"), ["1,000", "5.0", "5.5"], [1000, 5, None]),
        (Declared(type="integer", missing=["n.a."]), ["n.a.", "  ", "3"], [None, None, 3]),
        (Declared(type="boolean"), ["True", "false", "yes"], [True, False, None]),
        (Declared(type="date", format="DD.MM.YYYY"), ["31.12.2025", "2025-12-31"], ["2025-12-31", None]),
        (Declared(type="date", format="MM/DD/YYYY"), ["12/31/2025", "31/12/2025"], ["2025-12-31", None]),
        (Declared(type="date", format="YYYYMMDD"), ["20251231", "20251331"], ["2025-12-31", None]),
        (Declared(type="datetime", format="DD.MM.YYYY HH:MM"), ["31.12.2025 7:05"], ["2025-12-31T07:05:00"]),
        (Declared(type="date"), ["2025-12-31", "31.12.2025"], ["2025-12-31", None]),
        (Declared(missing=["NA"]), ["NA", " NA ", "Nab", " "], [None, None, "Nab", None]),
        (Declared(), ["NA", " a "], ["NA", " a "]),
    ],
)
def test_cells_become_the_values_that_the_contract_says(
    column: Declared, cells: list[str], values: list[object]
) -> None:
    found, is_wrong = typed(pd.Series(cells, dtype=object), column)
    assert found.tolist() == values
    expected = [
        value is None and bool(cell.strip()) and cell.strip() not in (column.missing or ())
        for cell, value in zip(cells, values, strict=True)
    ]
    assert is_wrong.tolist() == expected


def test_a_table_of_many_rows_has_the_type_of_all_of_them() -> None:
    cells = [str(number) for number in np.arange(5_000) / 10]
    assert written_of(*cells).type is ColumnType.NUMBER
    assert written_of(*cells, "12a").type is ColumnType.STRING


@pytest.mark.parametrize(
    ("cells", "missing"),
    [
        (["DE", "FR", "NA", "IT", "PL"], ()),
        (["DE", "DE", "NA", "NA", "NA", "FR"], ("NA",)),
        (["Anna", "Nan", "Liu", "Otto", "Nan", "Nan"], ()),
        (["Anna Berg", "nan", "Liu Wen", "Otto Kahl"], ("nan",)),
        (["xXx", "The Big Sleep", "Alien", "Heat"], ()),
        (["x1", "y2", "n/a", "z3"], ("n/a",)),
    ],
)
def test_a_name_or_a_code_that_looks_like_a_placeholder_is_a_value(cells: list[str], missing: tuple[str, ...]) -> None:
    assert profiles_of(a=cells)["a"].missing == missing
