"""Exhibits: written and read back exactly, refused when damaged, shown by one page, whoever made them."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.evidence import (
    ColumnKind,
    Exhibit,
    Finding,
    MadeBy,
    exhibit_of,
    read_exhibit,
    table_csv,
    table_of,
)
from workbench.evidence.tabular import kinds_of
from workbench.metrics import Estimate
from workbench.pages.exhibits import exhibit_estimates, exhibit_findings
from workbench.pilot import Severity
from workbench.words import InputError, RunError

MADE = MadeBy(who="Ann", commit=None, time="2026-11-30T00:00:00+00:00")
FINDING = Finding(id="empty-1", kind="empty", severity=Severity.HIGH, title="Amounts are empty", n=4, of=12)
TEXTS = st.one_of(st.none(), st.text(st.characters(codec="utf-8"), max_size=12))
NUMBERS = st.one_of(st.just(math.nan), st.floats(allow_nan=False))
INTEGERS = st.one_of(st.none(), st.integers(-(2**62), 2**62))


def made(table: pd.DataFrame | None = None) -> Exhibit:
    """Return an exhibit with everything that one can have."""
    rows = pd.DataFrame({"record_id": ["=1", "'a"], "score": [0.1 + 0.2, math.nan], "right": [True, False]})
    return Exhibit(
        "repeats",
        "tickets",
        {"records": "d1", "agent": "a1"},
        MADE,
        "Right 5 of 10 times.",
        {"pass^2": Estimate.proportion(5, 10), "agreement": Estimate.undefined("nothing was asked")},
        (FINDING,),
        {"answers": rows if table is None else table},
        ("a note",),
        {"times": 2, "runs": ["r1", "r2"], "nested": {"share": 0.1, "none": None}},
    )


@given(st.lists(st.tuples(TEXTS, NUMBERS, INTEGERS, st.booleans()), max_size=8))
def test_any_table_reads_back_exactly(rows: list[tuple[str | None, float, int | None, bool]]) -> None:
    texts, numbers, integers, flags = zip(*rows, strict=True) if rows else ((), (), (), ())
    table = pd.DataFrame(
        {
            "text": pd.Series(texts, dtype=object),
            "=number": pd.Series(numbers, dtype=float),
            "integer": pd.Series(integers, dtype="Int64"),
            "flag": pd.Series(flags, dtype=bool),
        }
    )
    pd.testing.assert_frame_equal(table_of(table_csv(table), kinds_of(table)), table, check_exact=True)


@given(st.lists(TEXTS, min_size=1, max_size=8))
def test_no_cell_begins_like_a_formula(texts: list[str | None]) -> None:
    lines = pd.read_csv(pd.io.common.BytesIO(table_csv(pd.DataFrame({"a": pd.Series(texts, dtype=object)}))), dtype=str,
                        keep_default_na=False, lineterminator=None)  # fmt: skip
    assert not [cell for cell in lines["a"] if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]


@pytest.mark.parametrize("cell", [b"bytes", {"a": 1}, [1], pd.Timestamp("2026-01-01")])
def test_what_would_not_read_back_is_not_written(cell: object) -> None:
    with pytest.raises(InputError, match="neither text nor a number"):
        table_csv(pd.DataFrame({"a": pd.Series([cell], dtype=object)}))


@pytest.mark.parametrize(
    ("content", "kinds"),
    [
        (b"a\nyes\n", {"a": ColumnKind.BOOLEAN}),
        (b"a\n1.5\n", {"a": ColumnKind.INTEGER}),
        (b"a\nhigh\n", {"a": ColumnKind.NUMBER}),
        (b"a,b\n1,2\n", {"a": ColumnKind.TEXT}),
        (b"a\n1,2\n", {"a": ColumnKind.TEXT}),
        (b"", {"a": ColumnKind.TEXT}),
        (b"\xff\n", {"a": ColumnKind.TEXT}),
    ],
)
def test_a_table_of_other_columns_or_kinds_is_refused(content: bytes, kinds: dict[str, ColumnKind]) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        table_of(content, kinds)


def test_an_exhibit_reads_back_as_it_was(tmp_path: Path) -> None:
    exhibit = made()
    assert exhibit.write(tmp_path) == tmp_path / "exhibit.json"
    found = read_exhibit(tmp_path)
    assert found is not None
    assert found.as_json() == exhibit.as_json()
    pd.testing.assert_frame_equal(found.tables["answers"], exhibit.tables["answers"], check_exact=True)
    assert exhibit_of(exhibit.files(), "here").as_json() == exhibit.as_json()


def test_an_exhibit_that_is_made_again_leaves_nothing_of_the_one_before(tmp_path: Path) -> None:
    before = made()
    before.write(tmp_path)
    Exhibit("repeats", "tickets", {}, MADE, "Nothing.").write(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["exhibit.json"]


def test_without_one_there_is_none(tmp_path: Path) -> None:
    assert read_exhibit(tmp_path / "nothing") is None


def _other_version(folder: Path) -> None:
    path = folder / "exhibit.json"
    path.write_text(json.dumps({**json.loads(path.read_text(encoding="utf-8")), "version": 2}), encoding="utf-8")


def _unknown_key(folder: Path) -> None:
    path = folder / "exhibit.json"
    path.write_text(json.dumps({**json.loads(path.read_text(encoding="utf-8")), "more": 2}), encoding="utf-8")


DAMAGE: dict[str, Callable[[Path], object]] = {
    "another version": _other_version,
    "a key that nobody knows": _unknown_key,
    "a table edited": lambda f: (f / "answers.csv").write_bytes(b"record_id,score,right\na,1,true\n"),
    "a table gone": lambda f: (f / "answers.csv").unlink(),
    "half a file": lambda f: (f / "exhibit.json").write_bytes((f / "exhibit.json").read_bytes()[:100]),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_exhibit_is_one_message(tmp_path: Path, damage: Callable[[Path], object]) -> None:
    made().write(tmp_path)
    damage(tmp_path)
    with pytest.raises(RunError, match="an exhibit is damaged or of another version"):
        read_exhibit(tmp_path)


def test_a_column_named_twice_is_refused() -> None:
    with pytest.raises(InputError, match="a column twice"):
        table_csv(pd.DataFrame(np.zeros((1, 2)), columns=["a", "a"]))


def test_numbers_are_shown_in_their_units_and_findings_with_their_denominators() -> None:
    shown = exhibit_estimates(made()).set_index("estimate")
    assert shown.loc["pass^2", ["value", "n"]].tolist() == ["50.0%", 10]
    assert shown.loc["agreement", "value"] == "not known"
    assert exhibit_findings(made())[["records", "of", "owner"]].iloc[0].tolist() == [4, 12, "nobody yet"]
