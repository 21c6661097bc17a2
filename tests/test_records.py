from pathlib import Path

import pandas as pd
import pytest

from workbench.pilot.contract import Column, ColumnType, Contract, Role
from workbench.records.records import read_record_table
from workbench.words import InputError

CONTRACT = Contract(
    records=("records.csv",),
    columns={
        "id": Column(role=Role.ID),
        "text": Column(role=Role.TEXT),
        "n": Column(type=ColumnType.INTEGER),
        "x": Column(type=ColumnType.NUMBER),
        "day": Column(type=ColumnType.DATE),
        "flag": Column(type=ColumnType.BOOLEAN),
        "secret": Column(role=Role.IGNORE),
        "label": Column(role=Role.LABEL, allowed=("yes", "no")),
    },
)
HEADER = "id,text,n,x,day,flag,secret,label\n"
ROWS = (
    "a,one,1,1.5,2025-01-31,true,s,yes\n"
    "b,two,2,-2e3,2025-02-28,False,s,no\n"
    "c,three,,,,,s,yes\n"
    "d,four,4,4,2024-02-29,true,s,no\n"
)


def folder_with(tmp_path: Path, text: str) -> Path:
    (tmp_path / "records.csv").write_text(text, encoding="utf-8")
    return tmp_path


def test_cells_become_json_scalars(tmp_path: Path) -> None:
    frame = read_record_table(CONTRACT, folder_with(tmp_path, HEADER + ROWS)).frame
    assert frame.loc["b", ["n", "x", "day", "flag"]].tolist() == [2, -2000.0, "2025-02-28", False]
    assert frame.loc["c", ["n", "x", "day", "flag"]].tolist() == [None, None, None, None]
    assert [type(value) for value in frame.loc["a", ["n", "x", "day", "flag"]]] == [int, float, str, bool]


def test_every_fault_is_reported_at_once_with_its_rows(tmp_path: Path) -> None:
    rows = "a,t,1.5,nan,2025-02-30,maybe,s,yes\na,t,1,1,2025-01-01,true,s,\nb,t,1,1,2025-01-01,true,s,perhaps\n"
    with pytest.raises(InputError, match="7 kinds of fault") as caught:
        read_record_table(CONTRACT, folder_with(tmp_path, HEADER + rows + ROWS.replace("a,", "e,").replace("b,", "f,")))
    text = str(caught.value)
    for part in (
        "column 'n' holds values that are no integer ('1.5'): row 0",
        "column 'x' holds values that are no number ('nan'): row 0",
        "column 'day' holds values that are no date ('2025-02-30'): row 0",
        "column 'flag' holds values that are no boolean ('maybe'): row 0",
        "ids given twice in column 'id' ('a'): row 0, 1",
        "records without a label in column 'label': row 1",
        "labels that the contract does not allow ('perhaps'): row 2",
    ):
        assert part in text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (HEADER + "a,t,1,1,2025-01-01,true,s,yes\n", "labels with one record"),
        (HEADER + ROWS.replace(",no", ",yes"), "1 different label, at least 2 are needed"),
        (HEADER.replace("text", "txet") + ROWS, "does not declare: 'txet'"),
        (HEADER.replace(",label", ",flag2") + ROWS, "required columns that are not there: 'label'"),
        (HEADER + ROWS.replace("d,four", ",four"), "records without an id in column 'id': row 3"),
    ],
)
def test_records_that_cannot_be_used_are_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_record_table(CONTRACT, folder_with(tmp_path, text))


def test_a_label_or_a_withheld_column_does_not_change_a_records_digest(tmp_path: Path) -> None:
    before = read_record_table(CONTRACT, folder_with(tmp_path, HEADER + ROWS))
    changed = ROWS.replace("one,1,1.5,2025-01-31,true,s,yes", "one,1,1.5,2025-01-31,true,other,no")
    after = read_record_table(CONTRACT, folder_with(tmp_path, HEADER + changed + "e,t,1,1,2025-01-01,true,s,yes\n"))
    assert (before.digests == after.digests[before.digests.index]).all()
    assert before.digest != after.digest
    text_changed = read_record_table(CONTRACT, folder_with(tmp_path, HEADER + ROWS.replace("one", "uno")))
    assert (before.digests != text_changed.digests).tolist() == [True, False, False, False]


def test_ids_made_from_content_follow_the_content_and_count_repeats(tmp_path: Path) -> None:
    contract = Contract(records=("records.csv",), columns={"text": Column(), "label": Column(role=Role.LABEL)})
    first = read_record_table(contract, folder_with(tmp_path, "text,label\nx,a\ny,b\nx,a\nz,b\n"))
    moved = read_record_table(contract, folder_with(tmp_path, "text,label\nnew,b\ny,b\nx,a\nz,b\nx,a\n"))
    assert first.frame.index[2] == first.frame.index[0] + ".2"
    assert set(first.frame.index) < set(moved.frame.index)
    assert first.units.iloc[0] == first.units.iloc[2]


def test_numbers_of_parquet_are_read_as_their_type(tmp_path: Path) -> None:
    contract = Contract(
        records=("records.parquet",),
        columns={"n": Column(type=ColumnType.INTEGER), "label": Column(type=ColumnType.INTEGER, role=Role.LABEL)},
    )
    pd.DataFrame({"n": [1, 2, 3, 4], "label": [0, 1, 0, 1]}).to_parquet(tmp_path / "records.parquet")
    frame = read_record_table(contract, tmp_path).frame
    assert frame["n"].tolist() == [1, 2, 3, 4]
    assert frame["label"].tolist() == ["0", "1", "0", "1"]


def labelled(tmp_path: Path, cells: list[str], **column: object) -> pd.Series:
    """Return the labels that cells mean, by record id."""
    contract = Contract(
        records=("records.csv",),
        columns={"t": Column(), "y": Column(role=Role.LABEL, **column)},  # type: ignore[arg-type]
    )
    rows = "".join(f'{number},"{cell}"\n' for number, cell in enumerate(cells))
    return read_record_table(contract, folder_with(tmp_path, f"t,y\n{rows}")).frame["y"]


def test_aliases_and_unicode_forms_are_one_label_and_change_no_id(tmp_path: Path) -> None:
    cells = ["yes", "yes", "Yes ", "YES", "no", " no", "e\u0301tude", "étude"]
    plain = labelled(tmp_path, [*cells, "Yes", "YES"])
    merged = labelled(tmp_path, [*cells, "Yes", "YES"], aliases={"Yes": "yes", "YES ": "yes"})
    assert plain.tolist() == ["yes", "yes", "Yes", "YES", "no", "no", "étude", "étude", "Yes", "YES"]
    assert merged.tolist() == ["yes", "yes", "yes", "yes", "no", "no", "étude", "étude", "yes", "yes"]
    assert list(merged.index) == list(plain.index)


def test_a_label_of_white_space_is_no_label(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="records without a label in column 'y': row 2"):
        labelled(tmp_path, ["a", "a", "  ", "b", "b"])


def test_allowed_labels_are_compared_as_labels_are(tmp_path: Path) -> None:
    assert set(labelled(tmp_path, ["a ", "a", "B", "b"], allowed=("a", " b"), aliases={"B": "b"})) == {"a", "b"}
    with pytest.raises(InputError, match=r"labels that the contract does not allow \('B'\)"):
        labelled(tmp_path, ["a", "a", "B", "b", "b"], allowed=("a", "b"))


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"t": {"aliases": {"a": "b"}}, "y": {"role": "label"}}, "aliases belong to the label column; 't' is not"),
        ({"y": {"role": "label", "allowed": ["a", "b"], "aliases": {"A": "c"}}}, "not allowed: 'c'"),
        ({"y": {"role": "label", "aliases": {True: True}}}, "YAML reads yes, no, on and off as true and false"),
        ({"y": {"role": "label", "allowed": [True, "b"]}}, "YAML reads yes, no, on and off as true and false"),
    ],
)
def test_aliases_that_do_not_fit_are_refused(columns: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Contract.model_validate({"records": ["r.csv"], "columns": columns})
