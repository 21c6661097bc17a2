"""The journal's file: its tables, one transaction at a time, and faults of the disk as messages."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from workbench.runs.journal.rows import STORED, checksum
from workbench.runs.journal.trail import TrailLine, TrailSeal
from workbench.words import InputError, RunError

JOURNAL_FILE = "journal.sqlite"
_SCHEMA = f"""
CREATE TABLE IF NOT EXISTS runs (
    run TEXT PRIMARY KEY, agent TEXT NOT NULL, split TEXT NOT NULL, agent_digest TEXT NOT NULL,
    identity TEXT NOT NULL, dataset_digest TEXT NOT NULL, started TEXT NOT NULL,
    wall_s REAL NOT NULL DEFAULT 0, called INTEGER NOT NULL DEFAULT 0, touched TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS planned (
    run TEXT NOT NULL, position INTEGER NOT NULL, record_id TEXT NOT NULL, key TEXT NOT NULL,
    PRIMARY KEY (run, position)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS decisions (
    key TEXT PRIMARY KEY, {", ".join(STORED)}, checksum TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS tokens (key TEXT PRIMARY KEY, content TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS origins (key TEXT PRIMARY KEY, model TEXT, fingerprint TEXT) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS traces (key TEXT PRIMARY KEY, content TEXT NOT NULL, checksum TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS memories (key TEXT PRIMARY KEY, content TEXT NOT NULL, checksum TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS trail ({", ".join(TrailLine._fields)});
CREATE TABLE IF NOT EXISTS seals ({", ".join(TrailSeal._fields)});
"""
RUN_COLUMNS = (
    "run", "agent", "split", "agent_digest", "identity", "dataset_digest", "started", "wall_s", "called", "touched",
)  # fmt: skip
_DECISIONS = (
    f"SELECT key, checksum, {', '.join(f'decisions.{name}' for name in STORED)}, run"
    " FROM planned JOIN decisions USING (key)"
)
_OF_RUN = "WHERE run = ? ORDER BY position"
# A checkpoint waits for the disk; one for each 64 MB is enough, and closing the journal makes one anyway.
_PAGES_BETWEEN_CHECKPOINTS = 16_000


class JournalFile:
    """The open file of a journal.

    Raises
    ------
    InputError
        The folder cannot be written.
    RunError
        The file is no journal, or is locked for longer than 30 seconds.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._kept: tuple[object, dict[str, tuple[Any, ...]]] | None = None
        try:
            _make_private(path)
            self._connection = sqlite3.connect(path, timeout=30, isolation_level=None, check_same_thread=False)
            self._connection.execute("PRAGMA journal_mode=WAL")
            self._connection.execute("PRAGMA synchronous=NORMAL")
            self._connection.execute(f"PRAGMA wal_autocheckpoint={_PAGES_BETWEEN_CHECKPOINTS}")
            self._connection.executescript(_SCHEMA)
        except (OSError, sqlite3.OperationalError) as error:
            raise InputError(
                "the journal cannot be written, so nothing was asked",
                where=str(path),
                got=str(error),
                remedy="make the folder writable, or give another --root",
            ) from None
        except sqlite3.DatabaseError as error:
            raise self._damaged(error) from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def _intact(self, condition: str, value: str) -> list[tuple[Any, ...]]:
        """Return stored fields and run of planned decisions; a row whose checksum is wrong counts as not there."""
        try:
            rows = self._connection.execute(f"{_DECISIONS} {condition}", (value,)).fetchall()
            return [row[2:] for row in rows if checksum(row[0], row[2:-1]) == row[1]]
        except sqlite3.DatabaseError as error:
            raise self._unreadable(error) from None

    def _columns(self, run: str) -> dict[str, tuple[Any, ...]]:
        """Return the stored fields of a run's intact decisions in planned order, each a column.

        Those of the run that was read last are kept while the file is as it was.
        """
        state = run, self._connection.total_changes, self._one("PRAGMA data_version")
        if self._kept is None or self._kept[0] != state:
            columns = list(zip(*self._intact(_OF_RUN, run), strict=True)) or [()] * (len(STORED) + 1)
            self._kept = state, dict(zip(STORED, columns, strict=False))
        return self._kept[1]

    def _read(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """Return all rows of a query."""
        try:
            return self._connection.execute(query, values).fetchall()
        except sqlite3.DatabaseError as error:
            raise self._unreadable(error) from None

    def _one(self, query: str, *values: object) -> tuple[Any, ...]:
        """Return the row of a run that is known to be there."""
        rows = self._read(query, *values)
        if not rows:
            raise self._damaged("a run that was planned is not there")
        return rows[0]

    def _json(self, text: str) -> Any:
        """Return the JSON value that was stored."""
        try:
            return json.loads(text)
        except (TypeError, ValueError) as error:
            raise self._damaged(error) from None

    @contextmanager
    def _storing(self) -> Iterator[sqlite3.Connection]:
        try:
            with self._transaction() as connection:
                yield connection
        except sqlite3.OperationalError as error:
            raise RunError(
                "decisions could not be stored; everything stored before is kept",
                where=str(self.path),
                got=str(error),
                remedy="free disk space or stop what locks the file, then run the same command again",
            ) from None
        except sqlite3.DatabaseError as error:
            raise self._damaged(error) from None

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield self._connection
        except BaseException:
            if self._connection.in_transaction:  # SQLite itself ends it when the disk is full
                self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def _unreadable(self, error: sqlite3.DatabaseError) -> RunError:
        if getattr(error, "sqlite_errorcode", None) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            stop = "stop what locks the file, then run the same command again"
            return RunError("the journal cannot be read now", where=str(self.path), got=str(error), remedy=stop)
        return self._damaged(error)

    def _damaged(self, error: Exception | str) -> RunError:
        return RunError(
            "the journal is damaged",
            where=str(self.path),
            got=str(error),
            remedy=f"workbench salvage {self.path.parent.name}: it keeps every intact answer, and the damaged file",
        )


def _make_private(path: Path) -> None:
    """Make the file of a new journal, and its folder, so that this user alone reads what records and replies say."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        path.parent.chmod(0o700)
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))
