"""Any table as DuckDB sees it: text cells with exact row numbers, whatever the columns are called."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

import pandas as pd

from workbench.pilot import Reading
from workbench.records.tables.columnar import INDEX_NAME, is_flat
from workbench.records.tables.delimited import in_blocks
from workbench.records.tables.reading import PARQUET, RawTable, check_file, named_once, open_stream, read_raw_table
from workbench.words import InputError, shown

if TYPE_CHECKING:
    import duckdb
    import pyarrow

MEMORY_LIMIT = "1GB"
IN_MEMORY_BYTES = 256 << 20


@dataclass(slots=True)
class Table:
    """A table opened for an audit; close it after use, or use it in a `with` statement.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        Holds the view `data` with the columns `row` (0-based) and c0, c1, ... in the file's order.
    names : tuple of str
        The header's names, each once.
    storage : tuple of str
        DuckDB's type of each column; VARCHAR but for a Parquet file without nested columns, whose own types are kept.
    n_rows : int
    folder : TemporaryDirectory
        What the database keeps on disk.
    cells : pyarrow.Table, optional
        The same cells in memory, as text, where they fit.
    encoding : str or None
        What the file's text was read as; None where it is no text.
    renamed : tuple of str
        What was done about columns without a name or with one that was taken, in words.
    """

    connection: duckdb.DuckDBPyConnection
    names: tuple[str, ...]
    storage: tuple[str, ...]
    n_rows: int
    folder: tempfile.TemporaryDirectory[str]
    cells: pyarrow.Table | None = None
    encoding: str | None = None
    renamed: tuple[str, ...] = ()

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


def open_table(path: Path, reading: Reading | None = None) -> Table:
    """Return a file as a table. Memory stays bounded: what does not fit is kept on disk.

    Raises
    ------
    InputError
        As `read_raw_table`.
    """
    check_file(path)
    size = path.stat().st_size
    if path.suffix.lower() in PARQUET and is_flat(path):
        return _of_parquet(path)
    if size <= IN_MEMORY_BYTES:
        return _of_cells(read_raw_table(path, reading))
    return in_blocks(path, lambda block: _streamed(path, reading or Reading(), block))


def table_from(frame: pd.DataFrame) -> Table:
    """Return a DataFrame as a table of text cells; None and NaN are missing."""
    import pyarrow

    names, renamed = named_once([str(name) for name in frame.columns])
    cells = [
        pyarrow.array(
            [None if value is None or value != value else str(value) for value in frame.iloc[:, position]],
            pyarrow.string(),
        )
        for position in range(len(names))
    ]
    if frame.empty:
        raise InputError("the table holds no row", where="table", got=f"columns {shown(names)}")
    return _of_cells(RawTable(pyarrow.table(dict(zip(names, cells, strict=True))), None, None, renamed))


def _of_cells(cells: RawTable) -> Table:
    """Return a table in memory."""
    connection, folder = _connected(":memory:")
    places = [f"c{place}" for place in range(len(cells.names))]
    connection.register("cells_given", cells.table.rename_columns(places))
    connection.execute("CREATE TABLE loaded AS SELECT * FROM cells_given")
    connection.unregister("cells_given")
    connection.execute("CREATE VIEW data AS SELECT rowid AS row, * FROM loaded")
    storage = ("VARCHAR",) * len(places)
    return Table(connection, cells.names, storage, cells.n_rows, folder, cells.table, cells.encoding, cells.renamed)


def _streamed(path: Path, reading: Reading, block: int) -> Table:
    """Return a large file as a table on disk, copied part by part; nothing stays behind when it cannot be read."""
    connection, folder = _connected("table.duckdb")
    try:
        stream = open_stream(path, reading, Path(folder.name), block)
        found: list[str] = list(stream.names or ())
        connection.execute("CREATE TABLE loaded (row BIGINT)")
        n_rows = n_columns = 0
        for part in stream.parts:
            new = part.column_names if stream.names is not None else [n for n in part.column_names if n not in found]
            if stream.names is None:
                found += new
            while n_columns < len(found):
                connection.execute(f"ALTER TABLE loaded ADD COLUMN c{n_columns} VARCHAR")
                n_columns += 1
            n_rows = _append(connection, part, found if stream.names is None else part.column_names, n_rows)
        names, renamed = named_once(found)
        if not n_rows:
            raise InputError("the table holds no row", where=str(path), got=f"columns {shown(names)}")
        connection.execute("CREATE VIEW data AS SELECT * FROM loaded")
    except BaseException:
        connection.close()
        folder.cleanup()
        raise
    storage = ("VARCHAR",) * len(names)
    return Table(connection, names, storage, n_rows, folder, None, stream.encoding, renamed)


def _append(connection: duckdb.DuckDBPyConnection, part: pyarrow.Table, order: list[str], n_rows: int) -> int:
    """Append a part, whose columns stand at their places in `order`, and return how many rows there are now."""
    import pyarrow

    place = {name: position for position, name in enumerate(order)}
    columns = [f"c{place[name]}" for name in part.column_names]
    rows = pyarrow.array(range(n_rows, n_rows + part.num_rows), pyarrow.int64())
    connection.register("part_given", part.rename_columns(columns).append_column("row", rows))
    connection.execute("INSERT INTO loaded BY NAME SELECT * FROM part_given")
    connection.unregister("part_given")
    return n_rows + int(part.num_rows)


def _of_parquet(path: Path) -> Table:
    """Return a Parquet file without nested columns as a view with its own types: it is scanned where it lies."""
    import duckdb

    connection, folder = _connected(":memory:")
    scan = f"read_parquet('{_quoted(str(path))}', file_row_number=true)"
    try:
        found = connection.sql(f"SELECT * EXCLUDE (file_row_number) FROM {scan}").columns
        picked = ", ".join(f"{_identifier(name)} AS c{position}" for position, name in enumerate(found))
        connection.execute(f"CREATE VIEW data AS SELECT file_row_number AS row, {picked} FROM {scan}")
        storage = tuple(str(kind) for kind in connection.table("data").types[1:])
        n_rows = int(connection.execute("SELECT count(*) FROM data").fetchall()[0][0])
    except duckdb.Error as error:
        connection.close()
        folder.cleanup()
        raise InputError("the file is no readable Parquet", where=str(path), got=str(error)[:200]) from None
    names, renamed = named_once(["" if name.startswith(INDEX_NAME) else name for name in found])
    if not n_rows:
        connection.close()
        folder.cleanup()
        raise InputError("the table holds no row", where=str(path), got=f"columns {shown(names)} and no row")
    return Table(connection, names, storage, n_rows, folder, None, None, renamed)


def _connected(place: str) -> tuple[duckdb.DuckDBPyConnection, tempfile.TemporaryDirectory[str]]:
    """Return a fresh database, in memory or a file in its folder, that keeps on disk what exceeds its memory."""
    import duckdb

    folder = tempfile.TemporaryDirectory(prefix="workbench-audit-")
    connection = duckdb.connect(place if place == ":memory:" else str(Path(folder.name) / place))
    connection.execute(f"SET memory_limit='{MEMORY_LIMIT}'")
    connection.execute(f"SET temp_directory='{_quoted(str(Path(folder.name) / 'spill'))}'")
    return connection, folder


def _quoted(text: str) -> str:
    return text.replace("'", "''")


def _identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
