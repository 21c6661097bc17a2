"""Rows that are there nearly twice, and cells that name a record which is not there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from audit_tables import flagged, shops, with_cells

import workbench.audit.table.encoded as encoded_module
from workbench.audit.detectors.detection import detect
from workbench.audit.questions.assessment import audit_file
from workbench.audit.table.inferred import Beside
from workbench.audit.table.near_repeats import near_repeats
from workbench.pilot.contract import TableContract
from workbench.records.tables.database import open_table, table_from
from workbench.words import InputError


def again(frame: pd.DataFrame, row: int, **changed: str | None) -> pd.DataFrame:
    """Return a table with one row entered once more at its end, some cells changed."""
    return pd.concat([frame, frame.iloc[[row]].assign(**changed)], ignore_index=True)


@pytest.mark.parametrize(
    "changed",
    [{}, {"town": " {town}"}, {"town": None}, {"price": None, "town": None}, {"amount": "0{amount}"}],
    ids=["new number", "space", "gap", "two gaps", "another writing"],
)
def test_a_row_entered_twice_under_another_number_is_a_near_duplicate(changed: dict[str, str | None]) -> None:
    frame = shops()
    changed = {name: value and value.format(**frame.loc[17]) for name, value in changed.items()}
    found = flagged(again(frame, 17, sale="S-2000", **changed))
    assert found[200, "sale"] == "near_duplicate"
    assert {row for row, _ in found} == {200}


@pytest.mark.parametrize(
    "changed", [{"quantity": "88"}, {"sold": "2024-12-01"}, {"town": "Hamburg", "paid": "2025-02-03"}]
)
def test_a_row_with_another_number_or_day_is_another_case(changed: dict[str, str]) -> None:
    found = flagged(again(shops(), 17, sale="S-2000", **changed))
    assert "near_duplicate" not in found.values()


def test_rows_that_are_alike_by_chance_are_no_repeats() -> None:
    rng = np.random.default_rng(1)
    frame = pd.DataFrame({name: rng.choice(list("abcdef"), 400) for name in ("x", "y", "z", "w")})
    assert "near_duplicate" not in flagged(frame.assign(id=[f"N{i:04d}" for i in range(400)])).values()


def test_the_same_thing_told_by_several_sources_is_no_repeat() -> None:
    rng = np.random.default_rng(2)
    rows = [
        (site, f"F-{i}", f"gate {rng.integers(40)}", f"{i % 24}:{i % 60:02d}") for i in range(60) for site in "abcd"
    ]
    frame = pd.DataFrame(rows, columns=["site", "flight", "gate", "time"])
    frame["gate"] = frame.groupby("flight")["gate"].transform("first")
    assert "near_duplicate" not in flagged(frame).values()
    twice = again(frame, 17, gate=f"{frame.loc[17, 'gate']} ")
    assert flagged(twice)[240, "site"] == "near_duplicate"


def test_every_pair_within_two_columns_is_found_by_parts_as_by_all_pairs() -> None:
    # second method: all pairs of rows, differing cells counted one by one
    rng = np.random.default_rng(3)
    columns = {f"c{k}": [f"{rng.integers(10**6):06d}x" for _ in range(120)] for k in range(7)}
    frame = pd.DataFrame(columns)
    for row in range(100, 120):
        frame.loc[row] = frame.loc[row - 100]
        for name in rng.choice(list(columns), row % 4, replace=False):
            frame.loc[row, name] = None
    with table_from(frame) as table:
        found = detect(table)
        encoded = encoded_module.encode(table)
        near = near_repeats(encoded, found.columns)
    pairs = [(i, j) for j in range(120) for i in range(j) if 0 < (frame.loc[i] != frame.loc[j]).sum() <= 2]
    assert sorted(zip(near.of.tolist(), near.rows.tolist(), strict=True)) == sorted(pairs)
    assert near.is_exact
    assert len(pairs) == 10


def test_near_duplicates_of_a_large_table_are_found_by_hash(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(encoded_module, "EXACT_ROWS", 2_000)
    monkeypatch.setattr(encoded_module, "SAMPLE_ROWS", 1_000)
    frame = shops(3_000).assign(sale=[f"S-{10_000 + i}" for i in range(3_000)])
    frame = again(again(frame, 2_900, sale="S-90001", town=None), 40, sale="S-90002")
    frame.to_parquet(tmp_path / "large.parquet")
    with open_table(tmp_path / "large.parquet") as table:
        found = detect(table)
    near = found.cells[found.cells["kind"] == "near_duplicate"]
    assert near[["row", "column"]].to_numpy().tolist() == [[3_000, "sale"], [3_001, "sale"]]
    assert {one.name: one.is_exact for one in found.checks}["near duplicates"]


def masters(folder: Path) -> Path:
    """Write the table of shops that sales refer to."""
    frame = pd.DataFrame({"shop": [f"shop {i}" for i in range(8)], "chief": list("abcdefgh")})
    frame.to_csv(folder / "shops.csv", index=False)
    return folder / "shops.csv"


def test_a_declared_reference_flags_what_is_not_among_the_keys(tmp_path: Path) -> None:
    masters(tmp_path)
    with_cells(shops(), shop=(17, "shop 9")).to_csv(tmp_path / "sales.csv", index=False)
    contract = TableContract.model_validate({"references": [{"column": "shop", "key": "shop", "file": "shops.csv"}]})
    cells = audit_file(tmp_path / "sales.csv", contract).detection.cells
    assert cells[["row", "column", "kind"]].to_numpy().tolist() == [[17, "shop", "orphan"]]
    assert cells.loc[0, "reason"] == "'shop 9' is not among the 8 values of shop in shops.csv"


def test_a_reference_is_inferred_from_a_table_beside_the_records(tmp_path: Path) -> None:
    frame = shops().assign(shop=lambda table: "K-00" + table["shop"].str[-1])
    keys = pd.DataFrame({"shop": [f"K-00{i}" for i in range(8)], "chief": list("abcdefgh")})
    keys.to_csv(tmp_path / "shops.csv", index=False)
    with table_from(with_cells(frame, shop=(17, "K-009"))) as table:
        cells = detect(table, beside=Beside(tmp_path, (tmp_path / "shops.csv",))).cells
    assert cells[["row", "column", "kind"]].to_numpy().tolist() == [[17, "shop", "orphan"]]


def test_a_column_may_refer_to_the_tables_own_key() -> None:
    frame = shops().assign(replaces=[f"S-{1000 + i // 2}" if i % 3 == 0 else None for i in range(200)])
    assert flagged(frame) == {}
    assert flagged(with_cells(frame, replaces=(18, "S-7777"))) == {(18, "replaces"): "orphan"}


def test_placeholders_and_gaps_are_no_orphans(tmp_path: Path) -> None:
    masters(tmp_path)
    with_cells(shops(), shop=(17, "N/A")).to_csv(tmp_path / "sales.csv", index=False)
    contract = TableContract.model_validate({"references": [{"column": "shop", "key": "shop", "file": "shops.csv"}]})
    assert set(audit_file(tmp_path / "sales.csv", contract).detection.cells["kind"]) == {"placeholder"}


@pytest.mark.parametrize(
    ("reference", "problem"),
    [
        ({"column": "shop", "key": "shop", "file": "none.csv"}, "the file is not there"),
        ({"column": "shop", "key": "nothing", "file": "shops.csv"}, "names a column that is not there"),
        ({"column": "nothing", "key": "sale"}, "names a column that is not there"),
    ],
)
def test_a_reference_to_nothing_is_an_error(reference: dict[str, str], problem: str, tmp_path: Path) -> None:
    masters(tmp_path)
    shops().to_csv(tmp_path / "sales.csv", index=False)
    with pytest.raises(InputError, match=problem):
        audit_file(tmp_path / "sales.csv", TableContract.model_validate({"references": [reference]}))
