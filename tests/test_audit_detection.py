"""One wrong cell of each kind is flagged as what it is, and clean tables are left alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from audit_tables import detected, flagged, shops, with_cells

from workbench.audit.cells import write_cells
from workbench.pilot.contract import TableContract
from workbench.words import InputError


def test_a_clean_table_has_no_flagged_cell() -> None:
    assert flagged(shops()) == {}


@pytest.mark.parametrize(
    ("column", "value", "kind"),
    [
        ("town", None, "missing"),
        ("town", "N/A", "placeholder"),
        ("quantity", "unknown", "placeholder"),
        ("town", "Brfmen", "typo"),
        ("town", " Bremen", "whitespace"),
        ("town", "BrÃ¼men", "encoding"),
        ("town", "BREMEN", "format"),
        ("quantity", "many", "type"),
        ("price", "12,50", "format"),
        ("price", "12.50 EUR", "format"),
        ("price", "-12.50", "out_of_range"),
        ("price", "99999999.00", "outlier"),
        ("amount", "1.23", "cross_field"),
        ("sold", "03/14/2024", "format"),
        ("sold", "1824-03-14", "out_of_range"),
        ("paid", "2023-12-30", "date_order"),
        ("sale", "S-10#7", "format"),
        ("sale", "S-1003", "duplicate"),
    ],
)
def test_one_wrong_cell_is_flagged_as_what_it_is(column: str, value: str | None, kind: str) -> None:
    assert flagged(with_cells(shops(), **{column: (17, value)})) == {(17, column): kind}


def test_another_shops_town_breaks_the_dependency() -> None:
    frame = shops().assign(street=shops()["shop"].str[-1] + " Marktplatz")
    other = next(town for town in frame["town"] if town != frame.loc[17, "town"])
    assert flagged(with_cells(frame, town=(17, other))) == {(17, "town"): "dependency"}


def test_the_determinant_is_blamed_when_all_that_follows_from_it_disagrees() -> None:
    frame = shops().assign(region=shops()["town"].str[0], manager=shops()["town"].str[::-1])
    other = next(shop for shop in frame["shop"] if shop != frame.loc[17, "shop"])
    assert flagged(with_cells(frame, shop=(17, other))) == {(17, "shop"): "dependency"}


def test_a_mostly_empty_column_is_not_missing_anything() -> None:
    frame = shops().assign(remark=["late" if i % 5 == 0 else None for i in range(200)])
    assert flagged(frame) == {}


def test_the_text_a_table_writes_for_no_value_is_no_error() -> None:
    frame = shops().assign(fax="empty", phone=["empty" if i % 4 else f"0{i}55" for i in range(200)])
    assert {column for _, column in flagged(frame)} & {"fax", "phone"} == set()


def test_sources_are_held_against_what_the_trusted_ones_say() -> None:
    times = {f"F-{i}": f"{1 + i % 9}:{(7 * i) % 60:02d} a.m." for i in range(30)}
    rows = [(site, f, t, t) for f, t in times.items() for site in ("one", "two", "three", "four", "five")]
    frame = pd.DataFrame(rows, columns=["site", "flight", "departs", "arrives"])
    for row in range(0, 150, 5):  # the first site is wrong about every second flight
        if row % 2 == 0:
            frame.loc[row, "departs"] = "1:01 p.m."
    frame.loc[[8, 23, 41], "arrives"] = None
    found = flagged(frame, TableContract(key=("flight",), source="site", columns={}))
    wrong = {(row, "departs") for row in range(0, 150, 10)} | {(row, "arrives") for row in (8, 23, 41)}
    assert set(found) == wrong


def test_numbers_may_be_written_in_each_sources_own_way() -> None:
    rng = np.random.default_rng(5)
    prices = rng.uniform(1, 999, 300)
    rows = [("DE", f"{x:.2f}".replace(".", ",")) if i % 2 else ("US", f"{x:.2f}") for i, x in enumerate(prices)]
    frame = pd.DataFrame(rows, columns=["system", "price"]).assign(id=[f"R{i}" for i in range(300)])
    assert flagged(frame) == {}
    frame.loc[10, "price"] = "17,25"
    assert flagged(frame) == {(10, "price"): "format"}


def test_check_digits_of_account_numbers_are_tried() -> None:
    # the example account of the IBAN registry for Germany, and seven made with the published algorithm (mod 97)
    accounts = [f"{37040044_0532013000 + i:018d}" for i in range(8)]
    ibans = [f"DE{98 - int(a + '131400') % 97:02d}{a}" for a in accounts]
    assert ibans[0] == "DE89370400440532013000"
    frame = pd.DataFrame({"name": [f"n{i % 3}" for i in range(80)], "account": [ibans[i % 8] for i in range(80)]})
    frame.loc[33, "account"] = "DE89370400440532013001"
    assert flagged(frame)[33, "account"] == "checksum"


def test_what_the_contract_says_comes_before_what_is_inferred() -> None:
    contract = TableContract.model_validate(
        {
            "columns": {
                "town": {"required": False, "allowed": ["Bremen", "Hamburg"]},
                "price": {"format": r"\d+\.\d\d"},
                "quantity": {"type": "string"},
            },
            "rules": ["quantity * price = amount"],
        }
    )
    frame = pd.DataFrame(
        {"town": ["Bremen", "Hamburg"] * 30, "price": ["2.50"] * 60, "quantity": ["2"] * 60, "amount": ["5.00"] * 60}
    )
    frame.loc[1, "town"], frame.loc[2, "town"], frame.loc[3, "price"], frame.loc[4, "amount"] = (
        None,
        "Kiel",
        "2.5",
        "6.00",
    )
    assert flagged(frame, contract) == {
        (2, "town"): "not_allowed",
        (3, "price"): "format",
        (4, "amount"): "cross_field",
    }


def test_a_text_longer_than_agreed_is_told_and_one_as_long_as_that_is_not() -> None:
    words = ("all", "most", "none", "half", "more")
    notes = [f"{words[i % 5]} goods {words[i % 3]} arrived {words[i % 2]} late" for i in range(60)]
    frame = pd.DataFrame({"note": notes, "n": [str(i) for i in range(60)]})
    longest = max(map(len, notes))
    frame.loc[8, "note"] = notes[8] + " " * (longest - len(notes[8])) + "!"
    contract = TableContract.model_validate({"columns": {"note": {"type": "string", "max_length": longest}}})
    assert flagged(frame, contract) == {(8, "note"): "too_long"}


@pytest.mark.parametrize(
    ("contract", "problem"),
    [
        ({"key": ["nothing"]}, "names columns that the table does not have"),
        ({"rules": ["shop -> nothing"]}, "names a column that the table does not have"),
        ({"rules": ["shop is nice"]}, "a rule of the contract cannot be read"),
    ],
)
def test_a_contract_that_does_not_fit_the_table_is_an_error(contract: dict[str, object], problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        detected(shops(), TableContract.model_validate(contract))


@pytest.mark.parametrize(
    "cells",
    [
        {"a": ["1"]},
        {"a": [None] * 50},
        {"a": [None] * 50, "b": ["x"] * 50},
        {"a": [1, "x", None, 2.5, "2020-01-01"] * 20},
        {"a": ["0000-01-01", "2020-01-01", "9999-12-31"] * 30},
        {"a": ["1e400", "-1e400", "9" * 400, "1", "2"] * 30},
        {"a": ["", " ", "b"] * 30},
        {"<script>alert(1)</script>": ["a", "b"] * 30, "a'b": ["1", "2"] * 30, '"q"': ["x", "y"] * 30},
        {"a": ["😀", "ß", "İ", "\x00a"] * 30},
        {"a": ["x" * 1_000_000, *["abc def"] * 60]},
    ],
)
def test_strange_tables_are_looked_at_without_a_fault(cells: dict[str, list[object]]) -> None:
    found = detected(pd.DataFrame(cells, dtype=object))
    assert len(found.columns) == len(cells)
    assert set(found.cells["column"]) <= set(cells)


def test_the_file_of_cells_names_row_column_kind_and_reason(tmp_path: Path) -> None:
    cells = detected(with_cells(shops(), town=(17, None)).rename(columns={"town": 'to,wn "x"'})).cells
    path = write_cells(cells, tmp_path / "cells.csv")
    back = pd.read_csv(path)
    assert list(back.columns) == ["row", "column", "kind", "reason"]
    assert back.loc[0, ["row", "column", "kind"]].tolist() == [17, 'to,wn "x"', "missing"]


@pytest.mark.parametrize(("grouped", "small"), [("{:,.2f}", "{:.2f}"), ("{:_.2f}", "{:.2f}"), ("{: >,.0f}", "{:.0f}")])
@pytest.mark.parametrize("is_german", [False, True])
def test_amounts_from_1000_up_are_no_second_format(grouped: str, small: str, is_german: bool) -> None:
    rng = np.random.default_rng(3)
    amounts = rng.uniform(1, 9_000, 300)
    swap = str.maketrans(",._", ".,.") if is_german else str.maketrans("_", ",")
    cells = [(grouped if one >= 1_000 else small).format(one).strip().translate(swap) for one in amounts]
    if is_german and "0f" in small:
        cells = [f"{cell},50" for cell in cells]  # without decimals 1.234 could be one and a fraction
    frame = pd.DataFrame({"id": [f"r{i}" for i in range(300)], "amount": cells})
    assert flagged(frame) == {}
    big = int(np.argmax(amounts >= 1_000))
    frame.loc[big, "amount"] = frame.loc[big, "amount"].replace("." if is_german else ",", "")
    assert flagged(frame) == {(big, "amount"): "format"}


def test_one_grouped_amount_among_plain_ones_is_another_format() -> None:
    amounts = np.random.default_rng(3).uniform(1, 9_000, 300)
    cells = [f"{one:.2f}" for one in amounts]
    big = int(np.argmax(amounts >= 1_000))
    cells[big] = f"{amounts[big]:,.2f}"
    frame = pd.DataFrame({"id": [f"r{i}" for i in range(300)], "amount": cells})
    assert flagged(frame) == {(big, "amount"): "format"}


def test_rare_words_and_signs_of_declared_prose_are_no_slips() -> None:
    rng = np.random.default_rng(1)
    words = ["how", "many", "times", "place", "through", "account", "money", "where", "please", "transfer"]
    said = [" ".join(rng.choice(words, 7)) + f" {rng.integers(0, 10_000)}" for _ in range(300)]
    said[5], said[9], said[12] = "change the tires of my car", "even though the plane is late", "pay $40 to her"
    frame = pd.DataFrame({"id": [f"q{i}" for i in range(300)], "question": said})
    prose = TableContract.model_validate({"columns": {"question": {"role": "text"}}})
    assert flagged(frame, prose) == {}
    frame.loc[20, "question"] = "where is my cafÃ© money"
    assert flagged(frame, prose) == {(20, "question"): "encoding"}
