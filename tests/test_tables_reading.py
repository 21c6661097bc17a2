"""Any table is read exactly as it is written, by one reader; what is none is one message with the place."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from workbench.pilot.contract import Reading
from workbench.records.tables.database import open_table, table_from
from workbench.records.tables.reading import named_once, read_raw_table, read_table
from workbench.records.tables.spreadsheets import safe_for_spreadsheets
from workbench.words import InputError

NUMBERED = {"a": ["1", "2"], "b": ["x", None]}


def written(folder: Path, content: bytes | str, name: str = "table.csv") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def columns_of(path: Path, reading: Reading | None = None) -> dict[str, list[str | None]]:
    frame = read_table(path, reading)
    return {name: frame[name].tolist() for name in frame.columns}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("comma.csv", "a,b\n1,x\n2,\n"),
        ("semicolon.csv", "a;b\r\n1;x\r\n2;\r\n"),
        ("tab.tsv", "a\tb\n1\tx\n2\t\n"),
        ("bar.txt", "a|b\n1|x\n2|\n"),
        ("old_mac.csv", "a,b\r1,x\r2,\r"),
        ("mark.csv", "\ufeffa,b\n1,x\n2,\n"),
        ("quoted.csv", '"a","b"\n"1","x"\n"2",""\n'),
        ("blank_lines.csv", "a,b\n\n1,x\n\n2,\n\n"),
        ("utf_16.csv", "a,b\n1,x\n2,\n".encode("utf-16")),
        ("no_mark.csv", "a,b\n1,x\n2,\n".encode("utf-16-le")),
        ("big_endian.csv", "a,b\n1,x\n2,\n".encode("utf-16-be")),
        ("lines.jsonl", '{"a": 1, "b": "x"}\n\n{"a": 2}\n'),
        ("mark.jsonl", '\ufeff{"a": 1, "b": "x"}\n{"a": 2, "b": null}\n'),
        ("array.json", '[{"a": 1, "b": "x"},\n {"a": 2, "b": ""}]'),
        ("inside.json", '{"n": 2, "records": [{"a": 1, "b": "x"}, {"a": 2}]}'),
    ],
)
def test_a_table_is_the_same_in_whatever_way_it_is_written(tmp_path: Path, name: str, content: bytes | str) -> None:
    path = written(tmp_path, content, name)
    assert columns_of(path) == NUMBERED
    with open_table(path) as table:
        assert table.connection.execute("SELECT * FROM data ORDER BY row").fetchall() == [(0, "1", "x"), (1, "2", None)]


def test_parquet_is_read_as_text_that_keeps_every_value(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {
            "long": [1580661436132757507, 2],
            "amount": [1.0, 2.5],
            "moment": pd.to_datetime(["2025-01-31", "2025-02-01 10:00:00.5"], format="ISO8601"),
            "zoned": pd.to_datetime(["2025-01-31", "2025-02-01"], utc=True),
            "truth": [True, None],
            "kind": pd.Categorical(["x", "y"]),
            "text": ["", "z"],
            "list": [[1, 2], []],
            "outer": [{"inner": {"value": 7}}, {"inner": {"value": 8}}],
        }
    )
    frame.to_parquet(tmp_path / "t.parquet")
    assert columns_of(tmp_path / "t.parquet") == {
        "long": ["1580661436132757507", "2"],
        "amount": ["1", "2.5"],
        "moment": ["2025-01-31 00:00:00", "2025-02-01 10:00:00.5"],
        "zoned": ["2025-01-31 00:00:00Z", "2025-02-01 00:00:00Z"],
        "truth": ["true", None],
        "kind": ["x", "y"],
        "text": [None, "z"],
        "list": ["[1, 2]", "[]"],
        "outer.inner.value": ["7", "8"],
    }


def test_nested_objects_are_flattened_and_numbers_keep_their_digits(tmp_path: Path) -> None:
    row = '{"id": 1580661436132757507, "net": 1.50, "deep": {"on": true, "off": null, "empty": {}}, "tags": ["a", 1.0]}'
    path = written(tmp_path, f"{row}\n{row}\n", "t.jsonl")
    assert columns_of(path) == {
        "id": ["1580661436132757507"] * 2,
        "net": ["1.50"] * 2,
        "deep.on": ["true"] * 2,
        "deep.off": [None] * 2,
        "deep.empty": [None] * 2,
        "tags": ['["a", 1.0]'] * 2,
    }


def test_csv_cells_stay_as_they_are_written(tmp_path: Path) -> None:
    path = written(tmp_path, '\ufeffid;text\n007;"NA; N/A\nnull"\n 008 ;\n')
    assert columns_of(path) == {"id": ["007", " 008 "], "text": ["NA; N/A\nnull", None]}


@pytest.mark.parametrize(
    ("content", "separator"),
    [
        ("id;amount, gross, in EUR, rounded;note\n1;2;x\n3;4;y\n", ";"),
        ('text,label\n"a;b;c",x\n"d;e;f",y\n', ","),
        ("a;b\n1,5;2,5\n3,5;4,5\n", ";"),
        ("just one column\nhello, you\n", ","),
        ("a,b,c\n1,2,3\n4,5\n6,7,8\n", ","),
    ],
)
def test_the_separator_is_the_one_that_divides_the_rows_evenly_outside_quotes(
    tmp_path: Path, content: str, separator: str
) -> None:
    path = written(tmp_path, content)
    if content.endswith("4,5\n6,7,8\n"):
        with pytest.raises(InputError, match="1 row does not have the header's 3 cells"):
            read_raw_table(path)
    elif "hello" in content:
        with pytest.raises(InputError, match="1 row does not have the header's 1 cells"):
            read_raw_table(path)
    else:
        assert read_raw_table(path).separator == separator


def test_a_separator_an_encoding_and_a_missing_header_can_be_named(tmp_path: Path) -> None:
    path = written(tmp_path, "1:ü\n2:é\n".encode("cp850"))
    reading = Reading(encoding="cp850", separator=":", header=False)
    assert columns_of(path, reading) == {"column_0": ["1", "2"], "column_1": ["ü", "é"]}


def test_columns_that_stand_under_each_other_are_set_apart_by_spaces(tmp_path: Path) -> None:
    cells = read_raw_table(written(tmp_path, "AAT   0.49  ü\n B    0.5   y \n"), Reading(separator=" ", header=False))
    assert cells.frame().to_numpy().tolist() == [["AAT", "0.49", "ü"], ["B", "0.5", "y"]]
    assert cells.separator == " "


def test_text_that_is_not_utf_8_is_read_as_windows_1252_and_said(tmp_path: Path) -> None:
    cells = read_raw_table(written(tmp_path, "a;b\nü\x81;2\n".encode("latin-1")))
    assert (cells.encoding, cells.frame()["a"].tolist()) == ("cp1252", ["ü\x81"])
    assert read_table(tmp_path / "table.csv", Reading(encoding="cp1252"))["a"].tolist() == ["ü\x81"]


def test_columns_without_a_name_of_their_own_get_one(tmp_path: Path) -> None:
    cells = read_raw_table(written(tmp_path, ",net,net,column_3,\n1,2,3,4,5\n"))
    assert cells.names == ("column_0", "net", "net_2", "column_3", "column_4")
    assert cells.renamed == (
        "'column_0' had no name",
        "'net_2' is one of 2 columns named 'net'",
        "'column_4' had no name",
    )
    assert named_once(["a", "a", "a_2"])[0] == ("a", "a_3", "a_2")


def test_any_name_of_a_column_is_kept(tmp_path: Path) -> None:
    assert read_raw_table(written(tmp_path, '<script>,"a ""b", c \n1,2,3\n')).names == ("<script>", 'a "b', " c ")


def test_a_quote_inside_an_unquoted_cell_is_a_character(tmp_path: Path) -> None:
    assert columns_of(written(tmp_path, 'a,b\n1,5" pipe\n2,"x ""y"" z"\n')) == {
        "a": ["1", "2"],
        "b": ['5" pipe', 'x "y" z'],
    }


def test_a_row_longer_than_a_block_is_read(tmp_path: Path) -> None:
    path = written(tmp_path, "a,b\n" + "x" * 40_000_000 + ",2\n1,2\n")
    assert [len(cell) for cell in read_table(path)["a"]] == [40_000_000, 1]


FAULTS = [
    ("empty.csv", b"", "the file is empty"),
    ("header_only.csv", b"a,b\n", "the table holds no row"),
    ("picture.csv", b"\x89PNG\0\1\2", "the file is binary"),
    ("zeros.csv", b"a,b\n\0\0,2\n", "the file is binary"),
    ("broken.jsonl", b'{"a": 1}\n{"a": \n[1]\n', r"(?s)2 records are no JSON object.*line 2: no JSON.*line 3: \[1\]"),
    ("numbers.json", b"[1, 2]", "2 records are no JSON object"),
    ("broken.json", b'[{"a": 1}', "the file is no JSON"),
    ("broken.parquet", b"not parquet at all", "no readable Parquet"),
    ("table.xlsx", b"PK", r"(?s)cannot be read as a table.*do: save the sheet as CSV"),
    ("open.csv", b'a,b\n1,2\n3,"open\n5,6\n', r"(?s)a quoted cell has no end.*line 3"),
    ("after.csv", b'a,b\n1,"x"y\n3,4\n', r"(?s)goes on after its closing quote.*line 2"),
]


@pytest.mark.parametrize(("name", "content", "message"), FAULTS, ids=[fault[0] for fault in FAULTS])
def test_what_is_no_table_is_one_message(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    path = written(tmp_path, content, name)
    with pytest.raises(InputError, match=message):
        read_raw_table(path)
    with pytest.raises(InputError, match=message):
        open_table(path)


def test_a_missing_file_is_one_message(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="the file is not there"):
        read_raw_table(tmp_path / "none.csv")


def test_all_rows_that_do_not_fit_are_counted_and_the_first_five_named_by_their_line(tmp_path: Path) -> None:
    rows = ['1,"x\ny"', "2", "", "3,4,5", *["6"] * 7, "8,9"]
    path = written(tmp_path, "a,b\n" + "\n".join(rows) + "\n")
    with pytest.raises(InputError) as caught:
        read_raw_table(path)
    text = str(caught.value)
    assert text.startswith("9 rows do not have the header's 2 cells")
    for part in (
        "line 4: 1 cell, '2'",
        "line 6: 3 cells, '3,4,5'",
        "line 7: 1 cell, '6'",
        "... 9 in all",
        "--separator",
    ):
        assert part in text
    assert "line 10" not in text


def test_a_nul_character_names_its_line(tmp_path: Path) -> None:
    path = written(tmp_path, "a,b\n" + "1,2\n" * 100 + "3,x\0y\n")
    with pytest.raises(InputError, match=r"(?s)holds a NUL character.*line 102"):
        read_raw_table(path)


def test_an_encoding_that_does_not_fit_names_the_line(tmp_path: Path) -> None:
    path = written(tmp_path, "a,b\n1,2\nü,3\n".encode("cp1252"))
    with pytest.raises(InputError, match=r"(?s)not in the encoding utf-8.*line 3"):
        read_raw_table(path, Reading(encoding="utf-8"))
    with pytest.raises(InputError, match="there is no encoding 'ebcdic-9'"):
        read_raw_table(path, Reading(encoding="ebcdic-9"))


def test_a_file_too_large_for_memory_is_the_same_table_on_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [{"a": i} if i < 70_000 else {"a": i, "late": "x"} for i in range(70_002)]
    lines = written(tmp_path, "\n".join(map(json.dumps, rows)), "t.jsonl")
    table = written(tmp_path, "a;ü\n" + "1;ü\n" * 50_000 + "2;é\n", "t.csv")
    monkeypatch.setattr("workbench.records.tables.database.IN_MEMORY_BYTES", 1_000)
    monkeypatch.setattr("workbench.records.tables.delimited.BLOCK_BYTES", 1 << 16)
    with open_table(lines) as found:
        counted = found.connection.execute("SELECT count(*), max(row), count(c1), min(c0) FROM data").fetchall()
        assert (found.cells, found.names, counted) == (None, ("a", "late"), [(70_002, 70_001, 2, "0")])
    with open_table(table) as found:
        last = found.connection.execute("SELECT * FROM data ORDER BY row DESC LIMIT 1").fetchall()
        assert (found.cells, found.n_rows, last) == (None, 50_001, [(50_000, "2", "é")])
    ragged = written(tmp_path, "a,b\n" + "1,2\n" * 50_000 + "3\n", "r.csv")
    with pytest.raises(InputError, match="1 row does not have"):
        open_table(ragged)


def test_a_flat_parquet_file_is_scanned_with_its_own_types(tmp_path: Path) -> None:
    pd.DataFrame({"n": [3, 1], "t": [None, "x"]}).to_parquet(tmp_path / "t.parquet")
    with open_table(tmp_path / "t.parquet") as table:
        assert table.storage == ("BIGINT", "VARCHAR")
        assert table.connection.execute("SELECT * FROM data ORDER BY row").fetchall() == [(0, 3, None), (1, 1, "x")]


def test_a_frame_becomes_text_with_missing_cells() -> None:
    with table_from(pd.DataFrame({"a": [1, None], "b": ["x", float("nan")]}, dtype=object)) as table:
        assert table.connection.execute("SELECT c0, c1 FROM data").fetchall() == [("1", "x"), (None, None)]


def test_nothing_is_left_on_disk() -> None:
    table = table_from(pd.DataFrame({"a": ["1"]}))
    folder = Path(table.folder.name)
    table.close()
    assert not folder.exists()


def test_a_cell_that_starts_like_a_formula_is_quoted() -> None:
    frame = pd.DataFrame({"text": ["=1+1", "+x", "-x", "@x", "\tx", "\rx", "fine", None], "n": range(8)})
    expected = ["'=1+1", "'+x", "'-x", "'@x", "'\tx", "'\rx", "fine", None]
    assert safe_for_spreadsheets(frame)["text"].tolist() == expected
