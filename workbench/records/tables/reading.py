"""Any file as a table of text cells, exactly as written: one way to read for pilots, `init` and the audit."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.pilot import Reading
from workbench.records.tables.columnar import parquet_batches
from workbench.records.tables.delimited import delimited_batches, in_blocks, read_header
from workbench.records.tables.objects import object_batches
from workbench.records.tables.text import as_utf8
from workbench.words import InputError, shown

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow

DELIMITED = frozenset({".csv", ".tsv", ".tab", ".txt", ".data"})
OBJECTS = frozenset({".jsonl", ".ndjson", ".json"})
PARQUET = frozenset({".parquet"})
KINDS = DELIMITED | OBJECTS | PARQUET
_ADVICE = {
    ".xlsx": "save the sheet as CSV",
    ".xls": "save the sheet as CSV",
    ".gz": "unpack it first",
    ".zip": "unpack it first",
}


@dataclass(frozen=True, slots=True, eq=False)
class RawTable:
    """A table as it was read: every cell is text as written, an empty one is missing.

    Parameters
    ----------
    table : pyarrow.Table
        Columns of strings, in the file's order.
    encoding, separator : str or None
        How the text was read; None where the file is no text, or is not delimited.
    renamed : tuple of str
        What was done about columns without a name or with one that was taken, in words.
    """

    table: pyarrow.Table
    encoding: str | None
    separator: str | None
    renamed: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns, each once."""
        return tuple(self.table.column_names)

    @property
    def n_rows(self) -> int:
        """Records of the table."""
        return int(self.table.num_rows)

    def frame(self) -> pd.DataFrame:
        """Return the cells as a DataFrame of text, None where one is empty; the index counts the records from 0."""
        import pandas as pd

        frame: pd.DataFrame = self.table.to_pandas().astype(object)
        return frame.set_axis(pd.Index(self.names, dtype=object), axis="columns")


def read_raw_table(path: Path, reading: Reading | None = None) -> RawTable:
    """Return a file's rows; nothing is interpreted.

    Parameters
    ----------
    path : Path
        CSV, TSV or other delimited text, JSON lines, a JSON array, or Parquet.
    reading : Reading, optional
        Encoding, separator and whether there is a header, as far as they are known; the rest is found.

    Raises
    ------
    InputError
        The file is missing, empty, binary or of another kind, or rows do not fit: all counted, the first five named.
    """
    check_file(path)

    def whole(block: int) -> RawTable:
        with tempfile.TemporaryDirectory(prefix="workbench-") as folder:
            return open_stream(path, reading or Reading(), Path(folder), block).whole(path)

    return in_blocks(path, whole)


def read_table(path: Path, reading: Reading | None = None) -> pd.DataFrame:
    """Return a file's rows as text, None where a cell is empty. Raises as `read_raw_table`."""
    return read_raw_table(path, reading).frame()


@dataclass(slots=True)
class Stream:
    """A file that is being read, part by part.

    Parameters
    ----------
    parts : iterator of pyarrow.Table
        In the file's order; later parts may have more columns, at the end.
    names : tuple of str, optional
        Names of the columns, where they stand before the parts; else each part has them.
    encoding, separator : str or None
    """

    parts: Iterator[pyarrow.Table]
    names: tuple[str, ...] | None
    encoding: str | None
    separator: str | None

    def whole(self, path: Path) -> RawTable:
        """Return all parts as one table. Raises InputError where it has no row."""
        import pyarrow

        parts = list(self.parts)
        kept = [part for part in parts if part.num_rows] or parts[:1]
        table = pyarrow.concat_tables(kept, promote_options="default") if kept else pyarrow.table({})
        names, renamed = named_once(self.names if self.names is not None else table.column_names)
        if not table.num_rows:
            raise InputError("the table holds no row", where=str(path), got=f"columns {shown(names)} and no row")
        return RawTable(table.rename_columns(list(names)), self.encoding, self.separator, renamed)


def open_stream(path: Path, reading: Reading, folder: Path, block: int) -> Stream:
    """Return a file as parts of at most about 32 MB; `folder` takes a copy of a file that is not UTF-8.

    Raises
    ------
    InputError
        The file is binary, or not in its encoding; from the parts as `read_raw_table`.
    LongLineError
        From the parts: a row is longer than a block of bytes.
    """
    import pyarrow

    kind = path.suffix.lower()
    if kind in PARQUET:
        return Stream(parquet_batches(path), None, None, None)
    source, encoding = as_utf8(path, reading.encoding, folder)
    if kind in OBJECTS:
        return Stream(object_batches(source, path), None, encoding, None)
    if reading.separator == " ":
        return _aligned(source, reading, (path, folder, block))
    header = read_header(source, reading.separator, reading.header)
    batches = delimited_batches(source, header, path, block)
    tables = (pyarrow.Table.from_batches([batch]) for batch in batches)
    return Stream(tables, header.names, encoding, header.separator)


def _aligned(source: Path, reading: Reading, where: tuple[Path, Path, int]) -> Stream:
    """Return a file whose cells are set apart by one or more spaces, as columns that stand under each other are."""
    path, folder, block = where
    copy = folder / f"{path.stem}.tab"
    with source.open(encoding="utf-8-sig") as read, copy.open("w", encoding="utf-8") as write:
        write.writelines("\t".join(line.split()) + "\n" for line in read)
    again = Reading(separator="\t", header=reading.header)
    stream = open_stream(copy, again, folder, block)
    return replace(stream, separator=" ")


def check_file(path: Path) -> None:
    """Raise InputError where a file is missing, empty, or of a kind that is not read."""
    kind = path.suffix.lower()
    if kind not in KINDS:
        raise InputError(
            "this kind of file cannot be read as a table",
            where=str(path),
            expected=", ".join(sorted(KINDS)),
            remedy=_ADVICE.get(kind, "export it as one of these, or give it the right ending"),
        )
    if not path.is_file():
        raise InputError("the file is not there", where=str(path), remedy="correct the path")
    if path.stat().st_size == 0:
        raise InputError("the file is empty", where=str(path), expected="a header and at least one record")


def named_once(names: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return names of which each stands once, and in words what was changed.

    A column without a name is called `column_` and its place, counted from 0; one whose name is taken gets a number.

    Examples
    --------
    >>> named_once(["", "net", "net"])[0]
    ('column_0', 'net', 'net_2')
    """
    given = Counter(names)
    taken = set(names)
    seen: Counter[str] = Counter()
    made: list[str] = []
    said: list[str] = []
    for place, name in enumerate(names):
        seen[name] += 1
        if name.strip() and seen[name] == 1:
            made.append(name)
            continue
        stem, number = (f"column_{place}", 1) if not name.strip() else (name, seen[name])
        new = stem if not name.strip() else f"{name}_{number}"
        while new in taken:
            number += 1
            new = f"{stem}_{number}"
        taken.add(new)
        made.append(new)
        why = "had no name" if not name.strip() else f"is one of {given[name]} columns named {name!r}"
        said.append(f"{new!r} {why}")
    return tuple(made), tuple(said)
