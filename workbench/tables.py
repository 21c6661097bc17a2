"""Tables in files: CSV, JSON lines and Parquet read without guessing, with the place of every fault."""

from __future__ import annotations

import csv
import json
from collections import Counter
from pathlib import Path

import pandas as pd

from workbench.errors import InputError, shown

SEPARATORS = (",", ";", "\t", "|")
SNIFFED_BYTES = 65_536
LARGEST_BLOCK = 1 << 30
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def read_table(path: Path) -> pd.DataFrame:
    """Return a file's rows; CSV cells are text, an empty cell is missing, nothing is interpreted.

    Raises
    ------
    InputError
        The file is missing, empty, binary, not UTF-8, ragged, or has repeated or nameless columns.
    """
    readers = {".csv": _read_csv, ".jsonl": _read_jsonl, ".parquet": _read_parquet}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise InputError(
            "this kind of file cannot be read as records", where=str(path), expected=", ".join(sorted(readers))
        )
    if not path.is_file():
        raise InputError("the records are not there", where=str(path), remedy="put the file there, or obtain it")
    if path.stat().st_size == 0:
        raise InputError("the file is empty", where=str(path), expected="a header and at least one record")
    frame = reader(path)
    if frame.empty:
        raise InputError("the file holds no record", where=str(path), got=f"columns {shown(frame.columns)} and no row")
    return frame


def _read_csv(path: Path) -> pd.DataFrame:
    import pyarrow
    from pyarrow import csv as arrow_csv

    _refuse_binary(path)
    _refuse_other_encodings(path)
    separator, header = _header(path)
    try:
        table = arrow_csv.read_csv(
            path,
            read_options=arrow_csv.ReadOptions(
                use_threads=False, block_size=min(path.stat().st_size + 1, LARGEST_BLOCK)
            ),
            parse_options=arrow_csv.ParseOptions(delimiter=separator, newlines_in_values=True),
            convert_options=arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(header, pyarrow.string()), null_values=[""], strings_can_be_null=True
            ),
        )
    except pyarrow.ArrowInvalid as error:
        raise InputError(
            "the rows of the CSV do not all have the header's cells",
            where=str(path),
            got=f"{error} (row 1 is the header)"[:300],
            expected=f"{len(header)} cells separated by {separator!r}",
        ) from None
    frame: pd.DataFrame = table.to_pandas().astype(object)
    return frame


def _refuse_binary(path: Path) -> None:
    with path.open("rb") as file:
        start = file.read(SNIFFED_BYTES)
    if b"\0" in start:
        raise InputError(
            "the file is binary, not CSV text",
            where=f"{path}, byte {start.index(0)}",
            remedy="export the table as CSV, Parquet or JSON lines",
        )


def _refuse_other_encodings(path: Path) -> None:
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError as error:
                raise InputError(
                    "the file is not UTF-8 text",
                    where=f"{path}, line {number}, byte {error.start} of the line",
                    got=repr(line[max(0, error.start - 10) : error.start + 10]),
                    remedy="save it as UTF-8, for example `iconv -f cp1252 -t utf-8 FILE > NEW`",
                ) from None


def _header(path: Path) -> tuple[str, list[str]]:
    """Return the separator and the column names, after refusing repeated and nameless columns."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        first = file.readline()
        separator = max(SEPARATORS, key=first.count)
        file.seek(0)
        header = next(csv.reader(file, delimiter=separator), [])
    nameless = [position for position, name in enumerate(header) if not name.strip()]
    if nameless:
        raise InputError("the header has columns without a name", where=f"{path}, column {shown(nameless)}")
    repeated = [name for name, n in Counter(header).items() if n > 1]
    if repeated:
        raise InputError("the header names columns twice", where=str(path), got=shown(repeated))
    return separator, header


def _read_jsonl(path: Path) -> pd.DataFrame:
    _refuse_binary(path)
    _refuse_other_encodings(path)
    rows = []
    with path.open(encoding="utf-8-sig") as file:
        for number, line in enumerate(file, start=1):
            if line.strip():
                rows.append(_jsonl_row(line, f"{path}, line {number}"))
    return pd.DataFrame(rows, dtype=object)


def _jsonl_row(line: str, where: str) -> dict[str, object]:
    try:
        row = json.loads(line)
    except json.JSONDecodeError as error:
        raise InputError("a line is no JSON", where=where, got=str(error)) from None
    if not isinstance(row, dict):
        raise InputError("a line is no JSON object", where=where, got=line.strip()[:80])
    nested = [name for name, value in row.items() if isinstance(value, list | dict)]
    if nested:
        raise InputError("a record holds nested values", where=where, got=shown(nested), expected="one value a column")
    return row


def _read_parquet(path: Path) -> pd.DataFrame:
    import pyarrow

    try:
        return pd.read_parquet(path).astype(object)
    except (pyarrow.ArrowInvalid, OSError) as error:
        raise InputError("the file is no readable Parquet", where=str(path), got=str(error)[:200]) from None


def safe_for_spreadsheets(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a table whose text cells no spreadsheet runs as a formula: a leading = + - @ tab or CR gets a quote."""

    def safe(value: object) -> object:
        return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA_STARTS) else value

    text = [name for name in frame.columns if frame[name].dtype == object]
    return frame.assign(**{name: frame[name].map(safe) for name in text})
