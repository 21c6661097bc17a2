"""Tables are opened with exact rows, whatever they hold; what is no table is one clear error."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from workbench.errors import InputError
from workbench.tables.database import open_table, table_from


def rows_of(path: Path) -> list[tuple[object, ...]]:
    with open_table(path) as table:
        return table.connection.execute("SELECT * FROM data ORDER BY row").fetchall()


def written(folder: Path, content: bytes | str, name: str = "table.csv") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_rows_count_from_the_line_after_the_header_and_a_cell_may_hold_line_breaks(tmp_path: Path) -> None:
    path = written(tmp_path, 'a,b\n1,"x\ny"\n2,\n3,""\n')
    assert rows_of(path) == [(0, "1", "x\ny"), (1, "2", None), (2, "3", None)]


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        ("a;b\nü;2\n".encode("cp1252"), "cp1252"),
        ("a;b\nü;2\n".encode("utf-16"), "utf-16"),
        ("a;b\nü;2\n".encode("utf-8-sig"), "utf-8"),
    ],
)
def test_other_encodings_are_read_and_named(tmp_path: Path, content: bytes, encoding: str) -> None:
    with open_table(written(tmp_path, content)) as table:
        assert (table.names, table.encoding) == (("a", "b"), encoding)
        assert table.connection.execute("SELECT c0 FROM data").fetchall() == [("ü",)]


def test_any_name_of_a_column_is_kept(tmp_path: Path) -> None:
    with open_table(written(tmp_path, '<script>,"a ""b",\n1,2,3\n')) as table:
        assert table.names == ("<script>", 'a "b', "")


def test_a_cell_of_ten_million_characters_is_read(tmp_path: Path) -> None:
    with open_table(written(tmp_path, "a,b\n" + "x" * 10_000_000 + ",2\n1,2\n")) as table:
        assert table.connection.execute("SELECT length(c0) FROM data").fetchall() == [(10_000_000,), (1,)]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("a,b\n1,2\n3\n4,5,6\n", r"(?s)do not all have the header's cells.*line 3.*got: 1 cells"),
        ("a,b\n1,2\n4,5,6\n", r"(?s)do not all have the header's cells.*line 3.*got: more than 2 cells"),
        ('a,b\n1,2\n3,"open\n5,6\n', r"(?s)a quoted cell of the CSV has no end.*line 3"),
        ('a,b\n1,"x"y\n3,4\n', r"(?s)goes on after its closing quote.*line 2"),
        ("a,a\n1,2\n", "names columns twice"),
        ("a,b\n", "holds no row"),
        ("", "the file is empty"),
        (b"a,b\n\0\0,2\n", "binary"),
    ],
)
def test_what_is_no_table_is_one_error(tmp_path: Path, content: bytes | str, problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        rows_of(written(tmp_path, content))


def test_a_missing_file_and_an_unknown_kind_are_errors(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="the file is not there"):
        open_table(tmp_path / "none.csv")
    with pytest.raises(InputError, match="cannot be read as a table"):
        open_table(written(tmp_path, "x", "table.xlsx"))


def test_parquet_and_json_lines_are_read_in_their_order(tmp_path: Path) -> None:
    pd.DataFrame({"n": [3, 1], "t": [None, "x"]}).to_parquet(tmp_path / "table.parquet")
    assert rows_of(tmp_path / "table.parquet") == [(0, 3, None), (1, 1, "x")]
    path = written(tmp_path, '{"a": 1, "b": "x"}\n{"a": 2.5, "c": [1]}\n', "table.jsonl")
    assert [row[:3] for row in rows_of(path)] == [(0, "1", "x"), (1, "2.5", None)]


def test_a_frame_becomes_text_with_missing_cells(tmp_path: Path) -> None:
    with table_from(pd.DataFrame({"a": [1, None], "b": ["x", float("nan")]}, dtype=object)) as table:
        assert table.connection.execute("SELECT c0, c1 FROM data").fetchall() == [("1", "x"), (None, None)]


def test_nothing_is_left_on_disk(tmp_path: Path) -> None:
    table = table_from(pd.DataFrame({"a": ["1"]}))
    folder = Path(table.folder.name)
    table.close()
    assert not folder.exists()
