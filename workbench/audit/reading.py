"""Any table as DuckDB sees it: text cells with exact row numbers, whatever the columns are called."""

from __future__ import annotations

import codecs
import csv
import re
import shutil
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import pandas as pd

from workbench.errors import InputError, shown

if TYPE_CHECKING:
    import duckdb

SEPARATORS = (",", ";", "\t", "|")
MEMORY_LIMIT = "1GB"
SNIFFED_BYTES = 1 << 20
IN_MEMORY_BYTES = 256 << 20
LINE_BYTES = 1 << 24
LONGEST_LINE_BYTES = 1 << 29
LONGEST_OBJECT_BYTES = 1 << 25
BOMS = {codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}


@dataclass(slots=True)
class Table:
    """A table opened for an audit; close it after use, or use it in a `with` statement.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        Holds the view `data` with the columns `row` (0-based) and c0, c1, ... in the file's order.
    names : tuple of str
        The header's names.
    storage : tuple of str
        DuckDB's type of each column; VARCHAR for CSV.
    n_rows : int
    encoding : str
        What the file's text was read as.
    """

    connection: duckdb.DuckDBPyConnection
    names: tuple[str, ...]
    storage: tuple[str, ...]
    n_rows: int
    encoding: str
    folder: tempfile.TemporaryDirectory[str]

    def text(self, position: int) -> str:
        """Return the SQL expression of a column's cells as text, an empty text being missing."""
        name = f"c{position}"
        return f"nullif({name}, '')" if self.storage[position] == "VARCHAR" else f"CAST({name} AS VARCHAR)"

    def close(self) -> None:
        """Close the connection and remove what it kept on disk."""
        self.connection.close()
        self.folder.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def open_table(path: Path) -> Table:
    """Return a CSV, JSON lines or Parquet file as a table; CSV cells are text and nothing is interpreted.

    Rows are those of the file in its order; a quoted cell may hold line breaks. A file that is not UTF-8 is read as
    UTF-16 when it says so, otherwise as Windows-1252. Memory stays bounded: what does not fit is kept on disk.

    Raises
    ------
    InputError
        The file is missing, empty, binary, ragged, or names a column twice.
    """
    loaders = {".csv": _load_csv, ".tsv": _load_csv, ".jsonl": _load_jsonl, ".parquet": _load_parquet}
    loader = loaders.get(path.suffix.lower())
    if loader is None:
        raise InputError(
            "this kind of file cannot be read as a table", where=str(path), expected=", ".join(sorted(loaders))
        )
    if not path.is_file():
        raise InputError("the file is not there", where=str(path), remedy="correct the path")
    size = path.stat().st_size
    if size == 0:
        raise InputError("the file is empty", where=str(path), expected="a header and at least one row")
    return _opened(loader, path, size > IN_MEMORY_BYTES)


def table_from(frame: pd.DataFrame) -> Table:
    """Return a DataFrame as a table of text cells; None and NaN are missing."""
    names = [str(name) for name in frame.columns]
    _refuse_repeated(names, "the table")

    def load(connection: duckdb.DuckDBPyConnection, _: Any, __: Path) -> tuple[list[str], str]:
        import pyarrow

        cells = {
            f"c{position}": pyarrow.array(
                [None if value is None or value != value else str(value) for value in frame.iloc[:, position]],
                pyarrow.string(),
            )
            for position in range(len(names))
        }
        connection.register("frame_given", pyarrow.table(cells))
        connection.execute("CREATE TABLE loaded AS SELECT * FROM frame_given")
        connection.unregister("frame_given")
        return names, "utf-8"

    return _opened(load, None, on_disk=False)


def _opened(loader: Any, source: Path | None, on_disk: bool) -> Table:
    """Return the table that a loader puts into a fresh database; nothing stays behind when it fails."""
    import duckdb

    folder = tempfile.TemporaryDirectory(prefix="workbench-audit-")
    connection = duckdb.connect(str(Path(folder.name) / "table.duckdb") if on_disk else ":memory:")
    try:
        connection.execute(f"SET memory_limit='{MEMORY_LIMIT}'")
        connection.execute(f"SET temp_directory='{_quoted(str(Path(folder.name) / 'spill'))}'")
        names, encoding = loader(connection, source, Path(folder.name))
        if not connection.execute("SELECT 1 FROM duckdb_views() WHERE view_name = 'data'").fetchall():
            connection.execute("CREATE VIEW data AS SELECT rowid AS row, * FROM loaded")
        storage = [str(kind) for kind in connection.table("data").types[1:]]
        n_rows = int(connection.execute("SELECT count(*) FROM data").fetchall()[0][0])
    except BaseException:
        connection.close()
        folder.cleanup()
        raise
    if n_rows == 0:
        connection.close()
        folder.cleanup()
        raise InputError("the table holds no row", where=str(source or "table"), got=f"columns {shown(names)}")
    return Table(connection, tuple(names), tuple(storage), n_rows, encoding, folder)


def _load_csv(connection: duckdb.DuckDBPyConnection, path: Path, folder: Path) -> tuple[list[str], str]:
    import duckdb

    with path.open("rb") as file:
        start = file.read(SNIFFED_BYTES)
    encoding = next((name for bom, name in BOMS.items() if start.startswith(bom)), "utf-8")
    if encoding == "utf-8" and b"\0" in start:
        raise InputError(
            "the file is binary, not CSV text",
            where=f"{path}, byte {start.index(0)}",
            remedy="export the table as CSV, Parquet or JSON lines",
        )
    source = path if encoding == "utf-8" else _transcoded(path, encoding, folder)
    try:
        names, separator = _header(source)
        _copy_csv(connection, source, names, separator)
    except (UnicodeDecodeError, duckdb.InvalidInputException) as error:
        if isinstance(error, duckdb.Error) and "utf-8" not in str(error).lower():
            raise _ragged(error, path, separator, len(names)) from None
        encoding, source = "cp1252", _transcoded(path, "cp1252", folder)
        names, separator = _header(source)
        try:
            _copy_csv(connection, source, names, separator)
        except duckdb.InvalidInputException as second:
            raise _ragged(second, path, separator, len(names)) from None
    return names, encoding


def _copy_csv(connection: duckdb.DuckDBPyConnection, path: Path, names: list[str], separator: str) -> None:
    """Copy a CSV file into the table `loaded`; a line longer than the first limit is read with one larger buffer."""
    import duckdb

    kinds = ", ".join(f"'c{position}': 'VARCHAR'" for position in range(len(names)))
    size = path.stat().st_size
    for longest in (LINE_BYTES, LONGEST_LINE_BYTES):
        try:
            connection.execute(
                f"CREATE OR REPLACE TABLE loaded AS SELECT * FROM read_csv('{_quoted(str(path))}', auto_detect=false, "
                f"header=true, delim='{separator}', quote='\"', escape='\"', nullstr='', columns={{{kinds}}}, "
                f"strict_mode=true, max_line_size={min(longest, max(size + 1, 2_000_000))})"
            )
        except duckdb.InvalidInputException as error:
            if "maximum line size" in str(error).lower() and longest < size:
                continue
            raise
        return


def _ragged(error: Exception, path: Path, separator: str, n_columns: int) -> InputError:
    text = str(error)
    line = re.search(r"Line:?\s+(\d+)", text)
    where = f"{path}, line {line[1]}" if line else str(path)
    if "\nValue with unterminated quote" in text:
        return InputError(
            "a quoted cell of the CSV has no end, or goes on after its closing quote",
            where=where,
            remedy='close the quote, and write a quote inside a quoted cell twice, as in "say ""yes"" or no"',
        )
    first = next((part.strip() for part in text.splitlines() if "rror" in part or "xpected" in part), "")
    found = re.search(r"Expected Number of Columns: \d+ Found: (\d+)", text)
    counted = "" if found is None else f"more than {n_columns}" if int(found[1]) > n_columns else found[1]
    return InputError(
        "the rows of the CSV do not all have the header's cells",
        where=where,
        got=f"{counted} cells" if counted else first[:200],
        expected=f"{n_columns} cells separated by {separator!r}",
        remedy="quote cells that hold the separator or a line break, or correct the line",
    )


def _header(path: Path) -> tuple[list[str], str]:
    """Return the column names and the separator of a CSV file."""
    csv.field_size_limit(min(sys.maxsize, LONGEST_LINE_BYTES))
    with path.open(encoding="utf-8-sig", newline="") as file:
        first = file.readline()
        separator = max(SEPARATORS, key=first.count)
        file.seek(0)
        names = next(csv.reader(file, delimiter=separator), [])
    _refuse_repeated(names, str(path))
    return names, separator


def _refuse_repeated(names: list[str], where: str) -> None:
    if not names:
        raise InputError("the table has no column", where=where)
    repeated = [name for name, n in Counter(names).items() if n > 1]
    if repeated:
        raise InputError(
            "the header names columns twice", where=where, got=shown(repeated), remedy="give each column its own name"
        )


def _transcoded(path: Path, encoding: str, folder: Path) -> Path:
    """Return a UTF-8 copy of a text file; what Windows-1252 leaves open is read as Latin-1."""
    target = folder / "transcoded.csv"
    errors = "strict" if encoding == "utf-16" else "workbench-latin-1"
    codecs.register_error("workbench-latin-1", _as_latin_1)
    with path.open(encoding=encoding, errors=errors, newline="") as read, target.open("w", encoding="utf-8") as write:
        shutil.copyfileobj(read, write, SNIFFED_BYTES)
    return target


def _as_latin_1(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return error.object[error.start : error.end].decode("latin-1"), error.end


def _load_jsonl(connection: duckdb.DuckDBPyConnection, path: Path, _: Path) -> tuple[list[str], str]:
    import duckdb

    try:
        names = connection.sql(
            f"SELECT * FROM read_json('{_quoted(str(path))}', format='newline_delimited', sample_size=-1, "
            f"maximum_object_size={LONGEST_OBJECT_BYTES})"
        ).columns
        _refuse_repeated(names, str(path))
        kinds = ", ".join(f"'{_quoted(name)}': 'VARCHAR'" for name in names)
        picked = ", ".join(f"{_identifier(name)} AS c{position}" for position, name in enumerate(names))
        connection.execute(
            f"CREATE TABLE loaded AS SELECT {picked} FROM read_json('{_quoted(str(path))}', "
            f"format='newline_delimited', columns={{{kinds}}}, maximum_object_size={LONGEST_OBJECT_BYTES})"
        )
    except duckdb.Error as error:
        raise InputError("the file is no JSON lines", where=str(path), got=str(error)[:200]) from None
    return names, "utf-8"


def _load_parquet(connection: duckdb.DuckDBPyConnection, path: Path, _: Path) -> tuple[list[str], str]:
    import duckdb

    scan = f"read_parquet('{_quoted(str(path))}', file_row_number=true)"
    try:
        names = connection.sql(f"SELECT * EXCLUDE (file_row_number) FROM {scan}").columns
        _refuse_repeated(names, str(path))
        picked = ", ".join(f"{_identifier(name)} AS c{position}" for position, name in enumerate(names))
        connection.execute(f"CREATE VIEW data AS SELECT file_row_number AS row, {picked} FROM {scan}")
    except duckdb.Error as error:
        raise InputError("the file is no readable Parquet", where=str(path), got=str(error)[:200]) from None
    return names, "utf-8"


def _quoted(text: str) -> str:
    return text.replace("'", "''")


def _identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
