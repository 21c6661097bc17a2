"""Delimited text: the separator, the header, and cells as text; every row that does not fit is counted."""

from __future__ import annotations

import csv
import io
import itertools
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from workbench.words import MAX_SHOWN, InputError

if TYPE_CHECKING:
    import pyarrow

ReadT = TypeVar("ReadT")
SEPARATORS = (",", ";", "\t", "|")
SNIFFED_CHARACTERS = 1 << 16
BLOCK_BYTES, LARGEST_BLOCK = 1 << 25, 1 << 30
CHUNK_BYTES = 1 << 26
QUOTE = ord('"')


@dataclass(frozen=True, slots=True)
class Header:
    """The first line of a delimited file.

    Parameters
    ----------
    separator : str
    names : tuple of str
        As written; numbered where the file has no header.
    is_there : bool
        Whether the first row is the header.
    """

    separator: str
    names: tuple[str, ...]
    is_there: bool = True


def read_header(path: Path, separator: str | None, has_header: bool) -> Header:
    """Return the header of a UTF-8 file; without a separator the one that divides the rows most evenly is taken."""
    csv.field_size_limit(min(sys.maxsize, LARGEST_BLOCK))
    if separator is None:
        with path.open(encoding="utf-8-sig", newline="") as file:
            separator = sniffed(file.read(SNIFFED_CHARACTERS))
    with path.open(encoding="utf-8-sig", newline="") as file:
        first = next((row for row in csv.reader(file, delimiter=separator) if row), [])
    if not first:
        raise InputError("the table has no column", where=str(path))
    return Header(separator, tuple(first) if has_header else ("",) * len(first), has_header)


def sniffed(sample: str) -> str:
    r"""Return the separator that gives most rows the header's number of cells, at least two; quoted text is left out.

    Examples
    --------
    >>> sniffed('id;net, in EUR\n1;"2;5"\n2;7\n'), sniffed("text\nhello, you\n")
    (';', ',')
    """

    def evenness(separator: str) -> tuple[float, int]:
        widths = [len(row) for row in csv.reader(io.StringIO(sample, newline=""), delimiter=separator) if row]
        if len(sample) >= SNIFFED_CHARACTERS:
            widths = widths[:-1] or widths
        if not widths or widths[0] < 2:
            return 0.0, 0
        others = widths[1:] or widths
        return round(sum(width == widths[0] for width in others) / len(others), 2), widths[0]

    return max(SEPARATORS, key=evenness)


def delimited_batches(path: Path, header: Header, named: Path, block: int) -> Iterator[pyarrow.RecordBatch]:
    """Yield a UTF-8 file's rows as text, an empty cell missing, columns called 0, 1, ... in their order.

    Raises
    ------
    InputError
        Rows do not have the header's cells, or a quoted cell does not end.
    """
    import pyarrow
    from pyarrow import csv as arrow

    _check_quotes(path, header.separator, named)
    n_bad = itertools.count()
    places = [str(place) for place in range(len(header.names))]
    try:
        reader = arrow.open_csv(
            path,
            arrow.ReadOptions(block_size=block, column_names=places, skip_rows_after_names=int(header.is_there)),
            arrow.ParseOptions(
                delimiter=header.separator,
                newlines_in_values=True,
                invalid_row_handler=lambda _: _counted(n_bad),
            ),
            arrow.ConvertOptions(
                column_types=dict.fromkeys(places, pyarrow.string()), null_values=[""], strings_can_be_null=True
            ),
        )
        yield from reader
    except pyarrow.ArrowInvalid as error:
        if "straddling" in str(error) and block < LARGEST_BLOCK:
            raise LongLineError from None
        raise InputError("the file cannot be read as delimited text", where=str(named), got=str(error)[:300]) from None
    n = next(n_bad)
    if n:
        raise _ragged(path, header, named, n)


def _counted(counter: itertools.count[int]) -> str:
    """Count a row that does not fit and leave it out; the file is refused once all were counted."""
    next(counter)
    return "skip"


def _ragged(path: Path, header: Header, named: Path, n: int) -> InputError:
    """Return the error for rows with another number of cells than the header: the first five by line, all counted."""
    width, start, first = len(header.names), 1, []
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, delimiter=header.separator)
        for row in reader:
            if len(row) not in (0, width):
                cells = f"{len(row)} cell{'s' if len(row) > 1 else ''}"
                first.append(f"line {start}: {cells}, {header.separator.join(row)[:60]!r}")
            if len(first) == MAX_SHOWN:
                break
            start = reader.line_num + 1
    listed = [*first, f"... {n:,} in all"] if n > len(first) else first
    return InputError(
        f"{n:,} row{'s do' if n > 1 else ' does'} not have the header's {width} cells",
        where=str(named),
        got="".join(f"\n    - {one}" for one in listed),
        expected=f"{width} cells separated by {header.separator!r}",
        remedy="quote cells that hold the separator or a line break, or correct the rows; if another sign separates "
        "the cells, give --separator",
    )


class LongLineError(Exception):
    """A row is longer than a block; read again with a larger one."""


def in_blocks(path: Path, read: Callable[[int], ReadT]) -> ReadT:
    """Return what is read of a file in blocks of so many bytes, larger ones where a row is longer than a block."""
    for block in (BLOCK_BYTES, LARGEST_BLOCK):
        try:
            return read(block)
        except LongLineError:
            continue
    raise InputError("a row is longer than 1 GiB", where=str(path))


def _check_quotes(path: Path, separator: str, named: Path) -> None:
    """Refuse a quoted cell that has no end or goes on after its closing quote, which Arrow would read as it comes."""
    if not _may_be_broken(path, separator):
        return
    start = 1
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, delimiter=separator, strict=True)
        try:
            for _ in reader:
                start = reader.line_num + 1
        except csv.Error:
            raise InputError(
                "a quoted cell has no end, or goes on after its closing quote",
                where=f"{named}, line {start}",
                remedy='close the quote, and write a quote inside a quoted cell twice, as in "say ""yes"" or no"',
            ) from None


def _may_be_broken(path: Path, separator: str) -> bool:
    """Whether a quote stands elsewhere than at a cell's edge, or their number is odd: a quick look at the bytes."""
    data = np.memmap(path, dtype=np.uint8, mode="r")
    edges = np.array([ord(separator), ord("\n"), ord("\r"), QUOTE], dtype=np.uint8)
    n_before = 0
    for begin in range(0, len(data), CHUNK_BYTES):
        quotes = np.flatnonzero(data[begin : begin + CHUNK_BYTES] == QUOTE) + begin
        opening = quotes[n_before % 2 :: 2]
        closing = quotes[1 - n_before % 2 :: 2]
        n_before += len(quotes)
        before, after = opening[opening > 0] - 1, closing[closing < len(data) - 1] + 1
        if not (np.isin(data[before], edges).all() and np.isin(data[after], edges).all()):
            return True
    return n_before % 2 == 1
