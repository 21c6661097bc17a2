"""The state that an agent acts on: a database of its own for every decision, in memory."""

from __future__ import annotations

import csv
import hashlib
import sqlite3
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from workbench.environment.settings import ENVIRONMENT_FILE, TableSettings
from workbench.environment.trace import StateSeen
from workbench.words import InputError, shown

Cell = str | int | float | bool | bytes | None
NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class StateImage:
    """The state before any record: tables with the rows that are always there, as the bytes of a database.

    Parameters
    ----------
    content : bytes
    filled : mapping of str to mapping of str to str
        By table: its column, and the record's column that fills it.
    columns : mapping of str to tuple of str
        Columns by table.
    digests : mapping of str to str
        Of the rows that are there before, by table.
    full_text : tuple of str
        Tables that are full-text indexes.
    """

    content: bytes
    filled: Mapping[str, Mapping[str, str]]
    columns: Mapping[str, tuple[str, ...]]
    digests: Mapping[str, str]
    full_text: tuple[str, ...] = ()

    def with_canary(self, canary: str) -> StateImage:
        """Return the same state with one row more in each table that is no index, a text in each of its cells."""
        connection = sqlite3.connect(":memory:", isolation_level=None)
        connection.deserialize(self.content)
        digests = dict(self.digests)
        for table, columns in self.columns.items():
            if table not in self.full_text:
                marks = ", ".join("?" * len(columns))
                connection.execute(f"INSERT INTO {sql_name(table)} VALUES ({marks})", [canary] * len(columns))
                digests[table] = _digest(connection.execute(f"SELECT * FROM {sql_name(table)}").fetchall())
        content = connection.serialize()
        connection.close()
        return replace(self, content=content, digests=digests)

    def opened(self, fields: Mapping[str, Cell], injected: Mapping[str, str] = NOTHING) -> DecisionState:
        """Return a fresh state with the rows of a record, and texts behind what TABLE.COLUMN holds."""
        return DecisionState(self, fields, injected)


class DecisionState:
    """One decision's database; close it when the decision is made."""

    def __init__(self, image: StateImage, fields: Mapping[str, Cell], injected: Mapping[str, str] = NOTHING) -> None:
        self.connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        self.connection.deserialize(image.content)
        self._image = image
        for table, filled in image.filled.items():
            places = ", ".join("?" * len(filled))
            names = ", ".join(map(sql_name, filled))
            cells = [fields.get(column) for column in filled.values()]
            self.connection.execute(f"INSERT INTO {sql_name(table)} ({names}) VALUES ({places})", cells)
        for place, text in injected.items():
            table, _, column = place.partition(".")
            name = sql_name(column)
            self.connection.execute(f"UPDATE {sql_name(table)} SET {name} = coalesce({name} || ' ', '') || ?", (text,))
        changed = {*image.filled, *(place.partition(".")[0] for place in injected)}
        self._before: dict[str, list[tuple[Any, ...]]] = {}
        self._digests = {**image.digests, **{table: _digest(self._rows(table)) for table in sorted(changed)}}
        self._before_sha256 = _combined(self._digests)

    def remember(self, tables: Collection[str]) -> None:
        """Keep the rows of tables as they are before the first call that may change them."""
        for table in tables:
            if table not in self._before:
                self._before[table] = self._rows(table)

    def content(self) -> bytes:
        """Return the whole database."""
        return self.connection.serialize()

    def replace(self, content: bytes) -> None:
        """Take another content in place of this one."""
        self.connection.deserialize(content)

    def seen(self) -> StateSeen:
        """Return the digests of the state before and now, and the rows that were added and are gone."""
        digests, changes = dict(self._digests), {}
        for table, before in self._before.items():
            now = self._rows(table)
            if now == before:
                continue
            digests[table] = _digest(now)
            added, gone = Counter(now) - Counter(before), Counter(before) - Counter(now)
            names = self._image.columns[table]
            changes[table] = {
                what: tuple(dict(zip(names, row, strict=True)) for row in sorted(rows.elements(), key=repr))
                for what, rows in (("added", added), ("gone", gone))
                if rows
            }
        return StateSeen(before_sha256=self._before_sha256, after_sha256=_combined(digests), changes=changes)

    def close(self) -> None:
        """Forget the state."""
        self.connection.close()

    def _rows(self, table: str) -> list[tuple[Any, ...]]:
        return self.connection.execute(f"SELECT * FROM {sql_name(table)}").fetchall()


def made_image(tables: Mapping[str, TableSettings], folder: Path) -> StateImage:
    """Return the state before any record, with the rows of files beside environment.yaml.

    Raises
    ------
    InputError
        A file of rows is missing or does not fit its table.
    """
    connection = sqlite3.connect(":memory:", isolation_level=None)
    columns: dict[str, tuple[str, ...]] = {}
    for name, table in tables.items():
        header, rows = _read_rows(folder, name, table.rows)
        columns[name] = tuple(dict.fromkeys((*table.filled, *header, *table.columns)))
        where = f"{folder / ENVIRONMENT_FILE}, tables.{name}"
        unknown = [one for one in table.unique if one not in columns[name]]
        if unknown:
            raise InputError(
                "unique names columns that the table has not",
                where=where,
                got=shown(unknown),
                expected=shown(columns[name]),
            )
        unique = f", UNIQUE ({', '.join(map(sql_name, table.unique))})" if table.unique else ""
        made, using = ("VIRTUAL TABLE", " USING fts5") if table.full_text else ("TABLE", "")
        names = ", ".join(map(sql_name, columns[name]))
        try:
            connection.execute(f"CREATE {made} {sql_name(name)}{using} ({names}{unique})")
        except sqlite3.Error as error:
            raise InputError("a table cannot be made", where=where, got=str(error)) from None
        places = f"({', '.join(map(sql_name, header))}) VALUES ({', '.join('?' * len(header))})"
        try:
            if rows:
                connection.execute("BEGIN")  # an index that is filled row by row is larger
                connection.executemany(f"INSERT INTO {sql_name(name)} {places}", rows)
                connection.execute("COMMIT")
        except sqlite3.IntegrityError as error:
            raise InputError("rows of a table are not unique", where=where, got=str(error)) from None
    digests = {name: _digest(connection.execute(f"SELECT * FROM {sql_name(name)}").fetchall()) for name in tables}
    content = connection.serialize()
    connection.close()
    filled = {name: one.filled for name, one in tables.items() if one.filled}
    return StateImage(content, filled, columns, digests, tuple(name for name, one in tables.items() if one.full_text))


def _read_rows(folder: Path, name: str, file: str | None) -> tuple[list[str], list[list[str]]]:
    """Return header and rows of a table's CSV file; both empty where it has none."""
    if file is None:
        return [], []
    path = folder / file
    if not path.resolve().is_relative_to(folder.resolve()) or not path.is_file():
        raise InputError(
            "a file of rows is not there",
            where=f"{folder / ENVIRONMENT_FILE}, tables.{name}.rows",
            got=file,
            expected=f"a CSV file in {folder}",
        )
    with path.open(encoding="utf-8-sig", newline="") as lines:
        header, *rows = list(csv.reader(lines)) or [[]]
    wrong = next((number for number, row in enumerate(rows, start=2) if len(row) != len(header)), None)
    if wrong is not None or not header or len(set(header)) < len(header):
        expected = f"{len(header)} cells in each row" if wrong else "a header of columns, each once"
        raise InputError("a file of rows does not fit", where=f"{path}, line {wrong or 1}", expected=expected)
    return header, rows


def sql_name(name: str) -> str:
    """Return a name as SQL writes it."""
    return '"' + name.replace('"', '""') + '"'


def _digest(rows: Sequence[tuple[Any, ...]]) -> str:
    return hashlib.sha256(repr(sorted(rows, key=repr)).encode()).hexdigest()


def _combined(digests: Mapping[str, str]) -> str:
    return hashlib.sha256(repr(sorted(digests.items())).encode()).hexdigest()
