"""The journal: every decision of every run, appended in transactions, keyed by content.

One SQLite file in WAL mode holds a pilot's runs. A key is the digest of the agent's identity and of the record, so the
same question is never asked twice and any change is a new key. A run is the set of keys it planned; its state is
computed by joining that set with the decisions, so nothing can disagree.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pandas as pd

from workbench.decisions import Decision, Status
from workbench.engines.protocol import TokenLogprob
from workbench.errors import InputError, RunError

JOURNAL_FILE = "journal.sqlite"
REPEAT = "repeat"
_TOKENS = "tokens"
_COLUMNS = tuple(column.name for column in fields(Decision) if column.name != _TOKENS)
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
    key TEXT PRIMARY KEY, {", ".join(_COLUMNS)}, checksum TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS {_TOKENS} (key TEXT PRIMARY KEY, content TEXT NOT NULL) WITHOUT ROWID;
"""

_INSERT = f"INSERT OR REPLACE INTO decisions VALUES ({', '.join('?' * (len(_COLUMNS) + 2))})"
_INSERT_TOKENS = f"INSERT OR REPLACE INTO {_TOKENS} VALUES (?, ?)"
_LOGPROB_DIGITS = 5
# A checkpoint waits for the disk; one for each 64 MB is enough, and closing the journal makes one anyway.
_PAGES_BETWEEN_CHECKPOINTS = 16_000


@dataclass(frozen=True, slots=True)
class RunPlan:
    """What a run is going to ask: one agent version on one set of records."""

    agent: str
    split: str
    identity: Mapping[str, Any]
    dataset_digest: str

    @property
    def agent_digest(self) -> str:
        """Digest of everything that makes the agent this version."""
        return digest_of(self.identity)


@dataclass(frozen=True, slots=True)
class RunInfo:
    """One run and how its planned keys ended; `planned` is the sum of the four counts and `pending`.

    Parameters
    ----------
    causes : mapping of str to int
        Counts of invalid, failed and skipped decisions as "status: cause".
    wall_s : float
        Seconds this run spent asking, over all its sessions.
    called : int
        Decisions made in those seconds; the others came from the journal.
    """

    run: str
    agent: str
    split: str
    agent_digest: str
    dataset_digest: str
    planned: int
    ok: int
    invalid: int
    failed: int
    skipped: int
    causes: Mapping[str, int]
    started: str
    wall_s: float
    called: int

    @property
    def pending(self) -> int:
        """Planned keys without a decision."""
        return self.planned - self.ok - self.invalid - self.failed - self.skipped

    @property
    def finished(self) -> bool:
        """Whether every planned key has its terminal row."""
        return self.pending == 0


@dataclass(frozen=True, slots=True)
class RunEntry:
    """One run as the journal's index has it: what was planned and how much of it has a decision, however it ended.

    Parameters
    ----------
    identity : mapping
        What made the agent the version it was; with `repeat` where the run is a repeat of that version.
    """

    run: str
    agent: str
    split: str
    agent_digest: str
    dataset_digest: str
    identity: Mapping[str, Any]
    started: str
    planned: int
    decided: int

    @property
    def finished(self) -> bool:
        """Whether every planned key has a decision."""
        return self.planned == self.decided

    @property
    def is_repeat(self) -> bool:
        """Whether the run asks a version again, at another temperature or with another seed."""
        return REPEAT in self.identity

    @property
    def version_digest(self) -> str:
        """Digest of the version that was asked, the same for all of its repeats."""
        return digest_of({name: value for name, value in self.identity.items() if name != REPEAT})


def digest_of(content: Mapping[str, Any]) -> str:
    """Return the SHA-256 of a mapping's canonical JSON."""
    return hashlib.sha256(json.dumps(content, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def key_of(agent_digest: str, record_digest: str) -> str:
    """Return the key of one agent version on one record."""
    return hashlib.sha256(f"{agent_digest} {record_digest}".encode()).hexdigest()


class Journal:
    """A pilot's journal; open it with `with Journal(path) as journal`.

    Raises
    ------
    InputError
        The folder cannot be written.
    RunError
        The file is no journal, or is locked for longer than 30 seconds.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
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
            raise _damaged(path, error) from None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def plan(self, plan: RunPlan, records: Iterable[tuple[str, str]]) -> str:
        """Return the run of these (record id, record digest) pairs, planning it if it is new.

        The run's name is the digest of its content: planning the same again finds the same run.
        """
        agent_digest = plan.agent_digest
        whole = hashlib.sha256(f"{plan.agent} {plan.split} {agent_digest} {plan.dataset_digest}".encode())
        keys = []
        for record_id, record_digest in records:
            keys.append((record_id, key_of(agent_digest, record_digest)))
            whole.update(keys[-1][1].encode())
        run = whole.hexdigest()[:16]
        now = datetime.now(UTC).isoformat()
        with self._storing() as connection:
            connection.execute(
                "INSERT INTO runs (run, agent, split, agent_digest, identity, dataset_digest, started, touched)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (run) DO UPDATE SET touched = excluded.touched",
                (
                    run, plan.agent, plan.split, agent_digest, json.dumps(plan.identity, sort_keys=True),
                    plan.dataset_digest, now, now,
                ),
            )  # fmt: skip
            connection.executemany(
                "INSERT OR IGNORE INTO planned VALUES (?, ?, ?, ?)",
                ((run, position, record_id, key) for position, (record_id, key) in enumerate(keys)),
            )
        return run

    def to_ask(self, run: str) -> set[str]:
        """Return the record ids of a run that still need a call.

        Those without a decision, with a failed or skipped one (it is asked again), or whose row is damaged.
        """
        known = {row["record_id"] for row in self._rows(run) if row["status"] in (Status.OK, Status.INVALID)}
        planned = self._connection.execute("SELECT record_id FROM planned WHERE run = ?", (run,))
        return {record_id for (record_id,) in planned if record_id not in known}

    def append(self, decisions: Sequence[tuple[str, Decision]]) -> None:
        """Store (key, decision) pairs in one transaction."""
        rows = [(key, *(values := _values(decision)), _checksum(key, values)) for key, decision in decisions]
        tokens = [(key, _spelled(decision.tokens)) for key, decision in decisions if decision.tokens]
        with self._storing() as connection:
            connection.executemany(_INSERT, rows)
            connection.executemany(_INSERT_TOKENS, tokens)

    def spend(self, run: str, called: int, wall_s: float) -> None:
        """Add to the decisions that a run made itself and the seconds they took."""
        with self._storing() as connection:
            connection.execute(
                "UPDATE runs SET wall_s = wall_s + ?, called = called + ? WHERE run = ?", (wall_s, called, run)
            )

    def decisions(self, run: str) -> pd.DataFrame:
        """Return a run's decisions in planned order, one row per planned key that has one.

        Columns are the fields of `Decision`; index: record id (also a column).
        """
        frame = pd.DataFrame(list(self._rows(run)), columns=list(_COLUMNS))
        integers = dict.fromkeys(("prompt_tokens", "completion_tokens"), "Int64")
        typed = frame.astype({"confidence": float, "latency_s": float, "attempts": int, **integers})
        return typed.set_index("record_id", drop=False).rename_axis(index=None)

    def tokens(self, run: str, record_id: str) -> tuple[TokenLogprob, ...] | None:
        """Return a reply token by token, None when the engine gave no log probabilities or the decision has no reply.

        Decisions made before tokens were kept have none either.
        """
        found = self._connection.execute(
            f"SELECT content, text FROM planned JOIN {_TOKENS} USING (key) JOIN decisions USING (key)"
            " WHERE run = ? AND planned.record_id = ?",
            (run, record_id),
        ).fetchone()
        if found is None:
            return None
        tokens = tuple(TokenLogprob(token, logprob) for token, logprob in json.loads(found[0]))
        return tokens if "".join(token.token for token in tokens) == found[1] else None

    def of_record(self, record_id: str) -> dict[str, dict[str, Any]]:
        """Return every intact decision on a record, by its run; columns as in `decisions`."""
        columns = ", ".join(f"decisions.{name}" for name in _COLUMNS)
        rows = self._connection.execute(
            f"SELECT run, key, checksum, {columns} FROM planned JOIN decisions USING (key) WHERE planned.record_id = ?",
            (record_id,),
        )
        return {
            run: dict(zip(_COLUMNS, values, strict=True))
            for run, key, checksum, *values in rows
            if _checksum(key, tuple(values)) == checksum
        }

    def entries(self, split: str | None = None) -> tuple[RunEntry, ...]:
        """Return every run, or those of one split, the one used last first, in one query that reads no decision."""
        rows = self._connection.execute(
            "SELECT run, agent, split, agent_digest, dataset_digest, identity, started, COUNT(*), COUNT(decisions.key)"
            " FROM runs JOIN planned USING (run) LEFT JOIN decisions USING (key)"
            " WHERE split = coalesce(?, split) GROUP BY run ORDER BY touched DESC, run",
            (split,),
        )
        return tuple(
            RunEntry(run, agent, side, agent_digest, dataset_digest, json.loads(identity), *rest)
            for run, agent, side, agent_digest, dataset_digest, identity, *rest in rows
        )

    def runs(self, split: str | None = None) -> tuple[RunInfo, ...]:
        """Return all runs, or those of one split, the one used last first."""
        names = self._connection.execute(
            "SELECT run FROM runs WHERE split = coalesce(?, split) ORDER BY touched DESC, run", (split,)
        ).fetchall()
        return tuple(self.info(run) for (run,) in names)

    def finished_versions(self) -> set[str]:
        """Return the digests of the agent versions whose every planned record has a decision, in one query."""
        rows = self._connection.execute(
            "SELECT agent_digest FROM runs JOIN planned USING (run) LEFT JOIN decisions USING (key)"
            " GROUP BY agent_digest HAVING COUNT(decisions.key) = COUNT(*)"
        )
        return {digest for (digest,) in rows}

    def largest_finished(self, split: str, agent_digest: str, dataset_digest: str) -> str | None:
        """Return the finished run of an agent version on a split with the most planned records, None without one."""
        found = self._connection.execute(
            "SELECT run FROM runs JOIN planned USING (run) LEFT JOIN decisions USING (key)"
            " WHERE split = ? AND agent_digest = ? AND dataset_digest = ?"
            " GROUP BY run HAVING COUNT(decisions.key) = COUNT(*) ORDER BY COUNT(*) DESC, touched DESC LIMIT 1",
            (split, agent_digest, dataset_digest),
        ).fetchone()
        return None if found is None else str(found[0])

    def info(self, run: str) -> RunInfo:
        """Return a run and its counts."""
        agent, split, agent_digest, dataset_digest, started, wall_s, called, planned = self._connection.execute(
            "SELECT agent, split, agent_digest, dataset_digest, started, wall_s, called,"
            " (SELECT COUNT(*) FROM planned WHERE planned.run = runs.run) FROM runs WHERE run = ?",
            (run,),
        ).fetchone()
        counts: Counter[str] = Counter()
        causes: Counter[str] = Counter()
        for row in self._rows(run):
            counts[row["status"]] += 1
            if row["cause"] is not None:
                causes[f"{row['status']}: {row['cause']}"] += 1
        ended = {status.value: counts[status.value] for status in Status}
        return RunInfo(
            run, agent, split, agent_digest, dataset_digest, planned, **ended,
            causes=dict(causes), started=started, wall_s=wall_s, called=called,
        )  # fmt: skip

    def identity(self, run: str) -> dict[str, Any]:
        """Return what made the agent of a run the version it was."""
        (identity,) = self._connection.execute("SELECT identity FROM runs WHERE run = ?", (run,)).fetchone()
        content: dict[str, Any] = json.loads(identity)
        return content

    def _rows(self, run: str) -> Iterator[dict[str, Any]]:
        """Yield the intact decisions of a run in planned order; a row whose checksum is wrong counts as not there."""
        columns = ", ".join(f"decisions.{name}" for name in _COLUMNS)
        query = (
            f"SELECT key, checksum, {columns} FROM planned JOIN decisions USING (key) WHERE run = ? ORDER BY position"
        )
        try:
            for key, checksum, *values in self._connection.execute(query, (run,)):
                if _checksum(key, tuple(values)) == checksum:
                    yield dict(zip(_COLUMNS, values, strict=True))
        except sqlite3.DatabaseError as error:
            raise _damaged(self.path, error) from None

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


def _damaged(path: Path, error: sqlite3.DatabaseError) -> RunError:
    return RunError(
        "the journal is damaged", where=str(path), got=str(error), remedy="move the file away or restore it"
    )


def _values(decision: Decision) -> tuple[Any, ...]:
    values = (decision.record_id, decision.status.value, *(getattr(decision, name) for name in _COLUMNS[2:]))
    return tuple(_storable(value) if isinstance(value, str) else value for value in values)


def _spelled(tokens: Sequence[TokenLogprob]) -> str:
    """Return tokens as JSON, their log probabilities rounded."""
    return json.dumps([[_storable(token.token), round(token.logprob, _LOGPROB_DIGITS)] for token in tokens])


def _storable(text: str) -> str:
    """Return text that UTF-8 can hold: half a surrogate pair, as a model may write, becomes an escape."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()


def _checksum(key: str, values: tuple[Any, ...]) -> str:
    return hashlib.blake2b(repr((key, values)).encode(), digest_size=8).hexdigest()


@contextmanager
def sole_run(folder: Path, agent_digest: str) -> Iterator[None]:
    """Hold the only run of one agent version under a folder; the kernel frees it however this process ends.

    Raises
    ------
    RunError
        Another process holds it.
    """
    path = folder / "locks" / f"{agent_digest[:16]}.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise RunError(
                "another run of this agent version is at work on this pilot",
                where=str(path),
                got=f"process {file.read().strip() or 'unknown'}",
                remedy="wait until it ends and run the same command again: its decisions are then used",
            ) from None
        file.seek(0)
        file.truncate()
        file.write(str(os.getpid()))
        file.flush()
        yield
