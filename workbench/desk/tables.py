"""The desk's file: its tables, and its one connection in this process."""

from __future__ import annotations

import os
import secrets
import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar, cast

from workbench.desk.chain import beginning
from workbench.words import InputError, RunError

Made = TypeVar("Made")
VERSION = 1
WAIT_S = 30.0
APPEND_ONLY = "".join(
    f"CREATE TRIGGER {table}_{verb} BEFORE {verb} ON {table} "
    f"BEGIN SELECT RAISE(ABORT, 'rows of {table} are never changed'); END;\n"
    for table in ("chain", "items")
    for verb in ("UPDATE", "DELETE")
)
# An item's slots are who has it and who may take it: one a person that must answer, one more a disagreement.
# What is decided is in the chain alone; a slot names its row.
SCHEMA = f"""
CREATE TABLE meta (secret TEXT NOT NULL);
CREATE TABLE head (digest TEXT NOT NULL, count INTEGER NOT NULL);
CREATE TABLE chain (
    seq INTEGER PRIMARY KEY, item TEXT, queue TEXT, record_id TEXT, reviewer TEXT, kind TEXT NOT NULL,
    adjudicates INTEGER NOT NULL, action TEXT, reason TEXT NOT NULL, note TEXT NOT NULL, shown_digest TEXT,
    opened REAL, decided REAL NOT NULL, lease_until REAL, content TEXT NOT NULL, previous TEXT NOT NULL,
    digest TEXT NOT NULL UNIQUE);
CREATE INDEX chain_item ON chain (item, seq);
CREATE INDEX chain_person ON chain (reviewer, seq) WHERE reviewer IS NOT NULL;
CREATE UNIQUE INDEX chain_put_once ON chain (item) WHERE kind = 'put';
CREATE UNIQUE INDEX chain_carried_out_once ON chain (item) WHERE kind = 'carried_out';
CREATE TABLE items (id TEXT PRIMARY KEY, content TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE slots (
    item TEXT NOT NULL REFERENCES items (id), queue TEXT NOT NULL, team TEXT NOT NULL, amount REAL,
    place TEXT NOT NULL, adjudicates INTEGER NOT NULL, due REAL NOT NULL, overdue INTEGER NOT NULL DEFAULT 0,
    holder TEXT, opened REAL, lease_until REAL NOT NULL DEFAULT 0, given_back INTEGER NOT NULL DEFAULT 0,
    answer INTEGER REFERENCES chain (seq));
CREATE UNIQUE INDEX one_slot_an_answer ON slots (answer) WHERE answer IS NOT NULL;
CREATE UNIQUE INDEX one_slot_each ON slots (item, holder);
CREATE INDEX open_in_order ON slots (due, place) WHERE answer IS NULL;
CREATE INDEX open_by_deadline ON slots (due) WHERE answer IS NULL AND overdue = 0;
CREATE INDEX open_of_person ON slots (holder) WHERE answer IS NULL;
CREATE INDEX open_by_queue ON slots (queue, item, team, amount, holder, lease_until, due) WHERE answer IS NULL;
CREATE INDEX of_person ON slots (holder, item);
{APPEND_ONLY}
PRAGMA user_version = {VERSION};
"""


class _Change:
    """One change that waits for its transaction, and what came of it."""

    def __init__(self, make: Callable[[sqlite3.Connection], object]) -> None:
        self._make = make
        self.is_done = False
        self.result: object = None
        self.error: Exception | None = None

    def run(self, connection: sqlite3.Connection) -> None:
        """Make the change; one that fails leaves nothing, and the others stand."""
        self.error = None
        connection.execute("SAVEPOINT change")
        try:
            self.result = self._make(connection)
        except sqlite3.OperationalError:
            raise
        except Exception as error:
            self.error = error
            connection.execute("ROLLBACK TO change")
        connection.execute("RELEASE change")


class DeskFile:
    """One connection to the file, used by any thread one after the other; a write is whole or not there."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.RLock()
        self._changes: deque[_Change] = deque()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
            self._connection = sqlite3.connect(path, timeout=WAIT_S, isolation_level=None, check_same_thread=False)
        except (OSError, sqlite3.OperationalError) as error:
            raise RunError("the desk's file cannot be opened", where=str(path), got=str(error)) from None
        try:
            with _told_when_busy(path):
                self._connection.execute("PRAGMA journal_mode = WAL")
            self._prepare()
        except BaseException as error:
            self._connection.close()
            if isinstance(error, sqlite3.DatabaseError) and not isinstance(error, sqlite3.OperationalError):
                raise InputError("this is no desk's file", where=str(path), got=str(error)) from None
            raise

    def close(self) -> None:
        """Close the connection."""
        with self._lock:
            self._connection.close()

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Give the connection for reads that see one state."""
        with self._lock:
            self._connection.execute("BEGIN")
            try:
                yield self._connection
            finally:
                self._connection.execute("ROLLBACK")

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Give the connection for one change; it is on the disk when this returns."""
        with self._lock, _told_when_busy(self.path):
            self._connection.execute("PRAGMA synchronous = FULL")
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    def together(self, make: Callable[[sqlite3.Connection], Made]) -> Made:
        """Make one change, in one transaction with those that other threads ask for meanwhile; return what it gives.

        Most of a change's time is the disk's, so many at once take hardly longer than one.
        """
        change = _Change(make)
        self._changes.append(change)
        try:
            with self._lock:
                if not change.is_done:
                    self._make_all()
        finally:
            if not change.is_done:
                self._changes.remove(change)
        if change.error is not None:
            raise change.error
        return cast(Made, change.result)

    def _make_all(self) -> None:
        """Make all changes that wait; none is done unless all are on the disk."""
        changes = list(self._changes)
        with self.writing() as connection:
            for change in changes:
                change.run(connection)
        for change in changes:
            change.is_done = True
            self._changes.remove(change)

    @contextmanager
    def leasing(self) -> Iterator[sqlite3.Connection]:
        """Give the connection for a lease, one statement; a power cut may lose it, and nothing is lost with it."""
        with self._lock, _told_when_busy(self.path):
            self._connection.execute("PRAGMA synchronous = NORMAL")
            yield self._connection

    def _prepare(self) -> None:
        """Make the tables where there are none; one process does."""
        with self.writing() as connection:
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            if version == 0:
                for statement in _statements(SCHEMA):
                    connection.execute(statement)
                secret = secrets.token_hex(32)
                connection.execute("INSERT INTO meta VALUES (?)", (secret,))
                connection.execute("INSERT INTO head VALUES (?, 0)", (beginning(secret),))
            elif version != VERSION:
                raise InputError(
                    "this desk's file is of another version",
                    where=str(self.path),
                    got=str(version),
                    expected=str(VERSION),
                )

    @property
    def secret(self) -> bytes:
        """What pseudonyms and draws are made with."""
        with self._lock:
            return bytes.fromhex(self._connection.execute("SELECT secret FROM meta").fetchone()[0])


def _statements(script: str) -> Iterator[str]:
    """Yield the statements of a script, triggers whole; `executescript` would commit before it."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


@contextmanager
def _told_when_busy(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as error:
        raise RunError("the desk's file cannot be written", where=str(path), got=str(error)) from None
