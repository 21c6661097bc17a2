"""The rows that the pages of an SQLite file hold, read without SQLite: what is intact is found whatever lies around it.

A row is taken wherever it can be decoded; whoever reads it must be able to tell an intact one. Source: SQLite's
documentation, "Database File Format", sections 1.6 (pages), 2.1 (records) and 4 (the write-ahead log).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FILE_HEADER, WAL_HEADER, FRAME_HEADER = 100, 32, 24
DEFAULT_PAGE = 4096
TABLE_LEAF, INDEX_LEAF, INDEX_INTERIOR = 0x0D, 0x0A, 0x02
SIZES = {0: 0, 1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8, 7: 8, 8: 0, 9: 0}  # of the kinds below 12
MOST_BEFORE = 20  # two numbers of a row and the length of its header
MOST_HEADER = 200  # the journal's rows have twenty values at most


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its number where the table has such (a later row of the same key has a larger one), and its values."""

    number: int | None
    values: tuple[Any, ...]


def rows_in_file(path: Path, mark: bytes) -> Iterator[Row]:
    """Yield every row that can be decoded in a file and in the log beside it; what is later in the log counts.

    Parameters
    ----------
    path : Path
    mark : bytes
        How the kinds of values of the rows begin that are looked for where a page's list of its rows is lost.
    """
    content = path.read_bytes()
    size = _page_size(content)
    pages = {n + 1: content[n * size : (n + 1) * size] for n in range(len(content) // size)}
    log = path.with_name(f"{path.name}-wal")
    if log.is_file():
        pages |= _logged(log.read_bytes(), size)
    reader = _Pages(pages, size - content[20] if len(content) > 20 and content[20] < 64 else size)
    unread = []
    for number in pages:
        rows, is_whole = reader.rows(number)
        yield from rows
        if not is_whole:
            unread.append(number)
    for number in unread:
        if number not in reader.continued:
            yield from reader.searched(number, mark)


def _page_size(content: bytes) -> int:
    (size,) = struct.unpack(">H", content[16:18]) if len(content) >= FILE_HEADER else (0,)
    size = 65536 if size == 1 else size
    return size if size >= 512 and size & (size - 1) == 0 else DEFAULT_PAGE


def _logged(log: bytes, size: int) -> dict[int, bytes]:
    """Return the newest image of each page that a write-ahead log holds."""
    pages = {}
    salt = log[16:24]
    for start in range(WAL_HEADER, len(log) - FRAME_HEADER - size + 1, FRAME_HEADER + size):
        frame = log[start : start + FRAME_HEADER]
        if frame[8:16] != salt:  # left from before the log was begun anew
            break
        pages[struct.unpack(">I", frame[:4])[0]] = log[start + FRAME_HEADER : start + FRAME_HEADER + size]
    return pages


class _Pages:
    """Pages by their numbers; `continued` are those in which rows of others go on."""

    def __init__(self, pages: dict[int, bytes], usable: int) -> None:
        self._pages = pages
        self._usable = usable
        self.continued: set[int] = set()

    def rows(self, number: int) -> tuple[list[Row], bool]:
        """Return the rows that a page points to, and whether it is a page of rows that could all be decoded."""
        page = self._pages[number]
        start = FILE_HEADER if number == 1 else 0
        kind = page[start]
        if kind not in (TABLE_LEAF, INDEX_LEAF, INDEX_INTERIOR):
            return [], kind == 0x05  # an inner page of a table has no rows
        first = start + (12 if kind == INDEX_INTERIOR else 8)
        rows, is_whole = [], True
        for n in range(int.from_bytes(page[start + 3 : start + 5], "big")):
            at = first + 2 * n
            row = self._row(page, int.from_bytes(page[at : at + 2], "big"), kind)
            is_whole &= row is not None
            rows += [row] if row is not None else []
        return rows, is_whole

    def searched(self, number: int, mark: bytes) -> Iterator[Row]:
        """Yield what can be decoded as a row of a table, around each mark in a page whose own list of rows is lost."""
        page = self._pages[number]
        found = page.find(mark)
        while found >= 0:
            for start in range(max(0, found - MOST_BEFORE), found):
                row = self._row(page, start, TABLE_LEAF)
                if row is not None:
                    yield row
            found = page.find(mark, found + 1)

    def _row(self, page: bytes, at: int, kind: int) -> Row | None:
        try:
            if kind == INDEX_INTERIOR:
                at += 4
            size, at = _varint(page, at)
            number = None
            if kind == TABLE_LEAF:
                number, at = _varint(page, at)
            kinds, body = _header(page, at)
            if body - at + sum(map(_size, kinds)) != size:
                return None
            return Row(number, _values(self._payload(page, at, size, kind)))
        except (IndexError, KeyError, ValueError, struct.error):
            return None

    def _payload(self, page: bytes, at: int, size: int, kind: int) -> bytes:
        """Return a row's bytes, those that go on in further pages included."""
        usable = self._usable
        most = usable - 35 if kind == TABLE_LEAF else (usable - 12) * 64 // 255 - 23
        if size <= most:
            return page[at : at + size]
        if size > len(self._pages) * usable:
            raise ValueError(size)
        least = (usable - 12) * 32 // 255 - 23
        here = least + (size - least) % (usable - 4)
        here = here if here <= most else least
        parts, left = [page[at : at + here]], size - here
        following, used = int.from_bytes(page[at + here : at + here + 4], "big"), []
        while left > 0:
            used.append(following)
            further = self._pages[following]
            parts.append(further[4 : 4 + min(left, usable - 4)])
            left -= len(parts[-1])
            following = int.from_bytes(further[:4], "big")
        self.continued.update(used)
        return b"".join(parts)


def _varint(content: bytes, at: int) -> tuple[int, int]:
    """Return a number of one to nine bytes, and where it ends."""
    value = 0
    for place in range(at, at + 8):
        byte = content[place]
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, place + 1
    return value << 8 | content[at + 8], at + 9


def _values(payload: bytes) -> tuple[Any, ...]:
    """Return a record's values. Raises ValueError, IndexError or struct.error where it is none."""
    kinds, at = _header(payload, 0)
    values = []
    for kind in kinds:
        end = at + _size(kind)
        values.append(_value(payload[at:end], kind))
        at = end
    return tuple(values)


def _header(content: bytes, start: int) -> tuple[list[int], int]:
    """Return the kinds of a record's values, and where the first value begins."""
    length, at = _varint(content, start)
    if not 1 < length <= MOST_HEADER:
        raise ValueError("no record")
    kinds = []
    while at < start + length:
        kind, at = _varint(content, at)
        kinds.append(kind)
    if at != start + length:
        raise ValueError("no record")
    return kinds, at


def _size(kind: int) -> int:
    """Return how many bytes a value of a kind takes."""
    return SIZES[kind] if kind < 12 else (kind - 12) // 2


def _value(content: bytes, kind: int) -> Any:
    if kind == 0:
        return None
    if kind in (8, 9):
        return kind - 8
    if kind == 7:
        return struct.unpack(">d", content)[0]
    if kind < 7:
        return int.from_bytes(content, "big", signed=True)
    return content.decode() if kind % 2 else content
