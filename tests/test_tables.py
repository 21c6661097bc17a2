from pathlib import Path

import pandas as pd
import pytest

from workbench.errors import InputError
from workbench.tables.reading import read_table
from workbench.tables.spreadsheets import safe_for_spreadsheets

FAULTS = [
    ("empty.csv", b"", "the file is empty"),
    ("header_only.csv", b"a,b\n", "the file holds no record"),
    ("binary.csv", b"\x89PNG\0\1\2", "the file is binary"),
    ("latin.csv", "text,label\nStra\u00dfe,x\n".encode("cp1252"), "not UTF-8 text\n.*line 2"),
    ("repeated.csv", b"a,a\n1,2\n", "names columns twice"),
    ("nameless.csv", b"a,\n1,2\n", "without a name"),
    ("ragged.csv", b"a,b\n1,2\n1,2,3\n", "do not all have the header's cells(.|\n)*Row #3"),
    ("short.csv", b"a,b\n1\n", "do not all have the header's cells"),
    ("broken.jsonl", b'{"a": 1}\n{"a": \n', "a line is no JSON\n.*line 2"),
    ("list.jsonl", b"[1]\n", "no JSON object"),
    ("nested.jsonl", b'{"a": {"b": 1}}\n', "nested values"),
    ("broken.parquet", b"not parquet at all", "no readable Parquet"),
    ("table.xlsx", b"PK", "cannot be read as records"),
]


@pytest.mark.parametrize(("name", "content", "message"), FAULTS, ids=[fault[0] for fault in FAULTS])
def test_a_file_that_is_no_table_is_refused_with_the_place(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InputError, match=message):
        read_table(path)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="the records are not there"):
        read_table(tmp_path / "none.csv")


def test_csv_cells_stay_as_they_are_written(tmp_path: Path) -> None:
    path = tmp_path / "raw.csv"
    path.write_text('\ufeffid;text\n007;"NA; N/A\nnull"\n008;\n', encoding="utf-8")
    frame = read_table(path)
    assert frame["id"].tolist() == ["007", "008"]
    assert frame["text"].tolist() == ["NA; N/A\nnull", None]


def test_the_three_formats_hold_the_same_rows(tmp_path: Path) -> None:
    frame = pd.DataFrame({"id": ["a", "b"], "text": ["x", None]}, dtype=object)
    frame.to_csv(tmp_path / "t.csv", index=False)
    frame.to_parquet(tmp_path / "t.parquet")
    frame.to_json(tmp_path / "t.jsonl", orient="records", lines=True)
    for name in ("t.csv", "t.parquet", "t.jsonl"):
        pd.testing.assert_frame_equal(read_table(tmp_path / name), frame, check_column_type=False)


def test_a_cell_that_starts_like_a_formula_is_quoted() -> None:
    frame = pd.DataFrame({"text": ["=1+1", "+x", "-x", "@x", "\tx", "\rx", "fine", None], "n": range(8)})
    expected = ["'=1+1", "'+x", "'-x", "'@x", "'\tx", "'\rx", "fine", None]
    assert safe_for_spreadsheets(frame)["text"].tolist() == expected
