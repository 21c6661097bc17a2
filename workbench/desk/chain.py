"""The chain of everything that happened at a desk: one row an event, each with the digest of the one before."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from workbench.words import SignatureError

PUT, UNDO, WENT_UP, OVERDUE, CARRIED_OUT, FEEDBACK = "put", "undo", "went_up", "overdue", "carried_out", "feedback"
NAMES = (
    "seq",
    "item",
    "queue",
    "record_id",
    "reviewer",
    "kind",
    "adjudicates",
    "action",
    "reason",
    "note",
    "shown_digest",
    "opened",
    "decided",
    "lease_until",
    "content",
    "previous",
    "digest",
)
CANONICAL = json.JSONEncoder(sort_keys=True, ensure_ascii=False, separators=(",", ":"))
INSERT = f"INSERT INTO chain ({', '.join(NAMES)}) VALUES ({', '.join('?' * len(NAMES))})"


@dataclass(frozen=True, slots=True)
class Event:
    """One event before it has its place in the chain; `content` is JSON of what has no column."""

    kind: str
    decided: float
    content: Mapping[str, Any]
    item: str | None = None
    queue: str | None = None
    record_id: str | None = None
    reviewer: str | None = None
    adjudicates: int = 0
    action: str | None = None
    reason: str = ""
    note: str = ""
    shown_digest: str | None = None
    opened: float | None = None
    lease_until: float | None = None


class ChainEnd:
    """The end of the chain inside one transaction, where rows are added; `keep` writes the head."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self.digest, self.count = head_of(connection)

    def add(self, event: Event) -> int:
        """Add a row; return its number."""
        cells = {name: getattr(event, name) for name in event.__slots__}
        row = {**cells, "seq": self.count + 1, "content": compact(event.content), "previous": self.digest}
        row["digest"] = digest_of_row(row)
        self._connection.execute(INSERT, [row[name] for name in NAMES])
        self.digest, self.count = row["digest"], self.count + 1
        return self.count

    def keep(self) -> None:
        """Write the head, in the transaction of the rows."""
        self._connection.execute("UPDATE head SET digest = ?, count = ?", (self.digest, self.count))


def beginning(secret: str) -> str:
    """Return what the first row follows: a digest of what pseudonyms are made with, so that nobody is renamed."""
    return hashlib.sha256(f"workbench desk v1\n{secret}".encode()).hexdigest()


def compact(content: object) -> str:
    """Return content as JSON in its one canonical form."""
    return CANONICAL.encode(content)


def digest_of_row(row: Mapping[str, Any]) -> str:
    """Return SHA-256 over the previous digest and every cell of a row, hexadecimal."""
    cells = {name: row[name] for name in NAMES if name not in ("previous", "digest")}
    return hashlib.sha256(f"{row['previous']}\n{compact(cells)}".encode()).hexdigest()


def head_of(connection: sqlite3.Connection) -> tuple[str, int]:
    """Return digest and number of the last row as the head says."""
    found = connection.execute("SELECT digest, count FROM head").fetchall()
    if len(found) != 1:
        raise SignatureError("the desk has no head, or several", got=f"{len(found)}")
    return str(found[0][0]), int(found[0][1])


def chain_rows(connection: sqlite3.Connection, *kinds: str) -> Iterator[dict[str, Any]]:
    """Yield the rows of some kinds, or of all, in order; `content` is read."""
    wanted = f" WHERE kind IN ({', '.join('?' * len(kinds))})" if kinds else ""
    for values in connection.execute(f"SELECT {', '.join(NAMES)} FROM chain{wanted} ORDER BY seq", kinds):
        row = dict(zip(NAMES, values, strict=True))
        yield {**row, "content": json.loads(row["content"])}


def checked_chain(connection: sqlite3.Connection) -> list[dict[str, Any]]:
    """Return every row after each was held against its digest, its predecessor and the head.

    Raises
    ------
    SignatureError
        A row was changed, dropped, moved or put in; it is named.
    """
    rows: list[dict[str, Any]] = []
    digest = beginning(connection.execute("SELECT secret FROM meta").fetchone()[0])
    for values in connection.execute(f"SELECT {', '.join(NAMES)} FROM chain ORDER BY seq"):
        row = dict(zip(NAMES, values, strict=True))
        number = len(rows) + 1
        if row["seq"] != number:
            raise SignatureError("a row of the desk is missing", where=f"row {number}", got=f"row {row['seq']} next")
        if bytes in map(type, values):
            raise SignatureError("a row of the desk was changed", where=f"row {number}")
        if row["previous"] != digest:
            raise SignatureError("a row of the desk does not follow from the one before it", where=f"row {number}")
        if digest_of_row(row) != row["digest"]:
            raise SignatureError("a row of the desk was changed", where=f"row {number}")
        digest = row["digest"]
        rows.append(row)
    told = head_of(connection)
    if told != (digest, len(rows)):
        raise SignatureError(
            "the last row of the desk is not the one that its head names",
            where=f"row {max(told[1], len(rows))}",
            got=f"{len(rows)} rows",
            expected=f"{told[1]} rows, the last with digest {told[0][:12]}",
        )
    return [{**row, "content": json.loads(row["content"])} for row in rows]
