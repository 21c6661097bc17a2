"""Journals with an audit trail, and whatever somebody may do to one: five fields, five ways, and whole lines."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from workbench.agents.decisions import Decision
from workbench.environment.trace import Cited, ToolCall, Trace
from workbench.metrics import Status
from workbench.pilot.signing.keys import SigningKey
from workbench.runs.journal import FIELDS, AskedAs, DecidedFields, Journal, RunPlan, TrailLine, field_digest, key_of
from workbench.runs.journal.rows import STORED, checksum

WAYS = ("deleted", "emptied", "altered", "exchanged", "altered with fresh checksums")
TWENTY_FIVE = tuple((field, way) for field in FIELDS for way in WAYS)
# Where each field is stored, and what somebody would rather have there.
PLACES: Mapping[str, tuple[tuple[str, str], ...]] = {
    "input": (("trail", "record_id"), ("trail", "record"), ("decisions", "record_id")),
    "reasoning": (("decisions", "reason"), ("decisions", "text")),
    "action": (("decisions", "action"),),
    "outcome": (("decisions", "status"),),
    "timestamp": (("trail", "at"), ("trail", "monotonic")),
}
RATHER = {
    "record_id": "r-other",
    "record": "f" * 64,
    "reason": "as agreed by telephone",
    "text": '{"action": "approve", "reason": "as agreed by telephone"}',
    "action": "reject",
    "status": "failed",
    "at": "2020-01-01T00:00:00+00:00",
    "monotonic": 1,
}
PLAN = RunPlan("agent", "dev", {"code": "1"}, "data")
SIZES = (20, 1, 7)  # of transactions, in turns


@dataclass(frozen=True, slots=True)
class Tampered:
    """What was done: the record ids that it was done to, and what is then wrong with the field of each."""

    records: tuple[str, ...]
    fault: str


def trailed(path: Path, n: int) -> Path:
    """Write a journal of n decisions: some invalid, some with a trace, each with a reason of its own; return it."""
    records = [(f"r{number:05}", f"{number:064x}") for number in range(n)]
    with Journal(path) as journal:
        journal.plan(PLAN, records)
        start, turn = 0, 0
        while start < n:
            part = records[start : start + SIZES[turn % len(SIZES)]]
            asked = {key_of(PLAN.asked_digest, digest): AskedAs(PLAN.asked_digest, digest) for _, digest in part}
            journal.append([(key, decided(one)) for key, (one, _) in zip(asked, part, strict=True)], asked)
            start, turn = start + len(part), turn + 1
    return path


def decided(record_id: str) -> Decision:
    number = int(record_id[1:])
    if number % 10 == 7:
        return Decision(record_id, Status.INVALID, cause="no_action", text=f"?{number}")
    events = (Cited(field="amount", value=number), ToolCall(name="post", carries_out="approve", result={"id": number}))
    return Decision(
        record_id,
        Status.OK,
        action="approve" if number % 3 else "escalate",
        confidence=0.9,
        reason=f"reason {number}",
        text=f'{{"action": "approve", "reason": "{number}"}}',
        trace=Trace(events) if number % 4 == 0 else None,
    )


def tamper(path: Path, field: str, way: str, n: int) -> Tampered:
    """Do one of the 25 to one decision of a journal of n, or with one other decision."""
    one, other = n // 2 // 10 * 10 + 1, n // 3 // 10 * 10 + 7  # escalated or approved, and an invalid one
    if field == "action":
        other = next(number for number in range(n) if number % 10 != 7 and (number % 3 == 0) != (one % 3 == 0))
    if field == "reasoning":
        other = one + 2  # neither has a trace, whose evidence is part of the reasoning
    name, second = f"r{one:05}", f"r{other:05}"
    with sqlite3.connect(path) as connection:
        key, another = (_key(connection, record) for record in (name, second))
        if way == "exchanged":
            for table, column in PLACES[field]:
                values = [_get(connection, table, column, of) for of in (key, another)]
                for of, value in zip((another, key), values, strict=True):
                    _set(connection, table, column, (of, value))
            return Tampered((name, second), "exchanged" if field in ("input", "reasoning", "timestamp") else "altered")
        for table, column in PLACES[field]:
            _set(connection, table, column, (key, {"deleted": None, "emptied": ""}.get(way, RATHER[column])))
        if way == WAYS[-1]:
            freshen(connection, key)
            return Tampered((name,), "resealed")
    return Tampered((name,), {"deleted": "missing", "emptied": "empty"}.get(way, "altered"))


def freshen(connection: sqlite3.Connection, key: str) -> None:
    """Compute again everything that needs no key: the row's checksum, the digests of the line, the chain."""
    (row,) = connection.execute(f"SELECT {', '.join(STORED)} FROM decisions WHERE key = ?", (key,)).fetchall()
    connection.execute("UPDATE decisions SET checksum = ? WHERE key = ?", (checksum(key, row), key))
    traces = connection.execute("SELECT content FROM traces WHERE key = ?", (key,)).fetchall()
    values = dict(zip(STORED, row, strict=True))
    fields = DecidedFields(
        **{name: values[name] for name in DecidedFields._fields if name != "trace"},
        trace=traces[0][0] if traces else None,
    )
    (line,) = [TrailLine(*one) for one in connection.execute("SELECT * FROM trail WHERE key = ?", (key,))]
    digests = (
        field_digest("input", (line.record_id, line.asked, line.record)),
        *fields.digests(),
        field_digest("timestamp", (line.at, line.monotonic)),
    )
    for name, digest in zip(FIELDS, digests, strict=True):
        connection.execute(f"UPDATE trail SET {name} = ? WHERE key = ?", (digest, key))
    rechain(connection)


def rechain(connection: sqlite3.Connection) -> None:
    """Let every line carry the hash of the one before it."""
    previous = bytes(32)
    for rowid, *values in connection.execute("SELECT rowid, * FROM trail ORDER BY number, rowid").fetchall():
        line = TrailLine(*values)._replace(previous=previous)
        connection.execute("UPDATE trail SET previous = ? WHERE rowid = ?", (previous, rowid))
        previous = line.hash


def line_deleted(connection: sqlite3.Connection) -> None:
    connection.execute("DELETE FROM trail WHERE number = 12")


def lines_swapped(connection: sqlite3.Connection) -> None:
    connection.execute("UPDATE trail SET number = 25 - number WHERE number IN (12, 13)")


def line_doubled(connection: sqlite3.Connection) -> None:
    connection.execute("INSERT INTO trail SELECT * FROM trail WHERE number = 12")


# What is done to lines, and the records and words of the order that it is named by; record r00011 has line 12.
LINES: Mapping[str, tuple[Callable[[sqlite3.Connection], None], tuple[str, ...], str]] = {
    "a line deleted": (line_deleted, ("r00012",), "line 12 is missing"),
    "two lines swapped": (lines_swapped, ("r00011", "r00012"), "stands as number"),
    "a line doubled": (line_doubled, ("r00011",), "number 12 is there 2 times"),
}


def signed_anew(path: Path, key: SigningKey) -> None:
    """Sign every line and every transaction with another key, as somebody does who has no key of this pilot."""
    from workbench.runs.journal import sealed_field

    with sqlite3.connect(path) as connection:
        lines = [TrailLine(*row) for row in connection.execute("SELECT * FROM trail ORDER BY number")]
        for line in lines:
            signature = bytes.fromhex(key.sign(line.signed_part()))
            connection.execute("UPDATE trail SET signature = ? WHERE number = ?", (signature, line.number))
        for first, last in connection.execute("SELECT first, last FROM seals").fetchall():
            inside = [line for line in lines if first <= line.number <= last]
            for name in FIELDS:
                signature = bytes.fromhex(key.sign(sealed_field(name, inside, first, last)))
                connection.execute(
                    f"UPDATE seals SET {name} = ?, key = ? WHERE first = ?", (signature, key.public.line, first)
                )


def _key(connection: sqlite3.Connection, record_id: str) -> str:
    return str(connection.execute("SELECT key FROM planned WHERE record_id = ?", (record_id,)).fetchone()[0])


def _get(connection: sqlite3.Connection, table: str, column: str, key: str) -> object:
    return connection.execute(f"SELECT {column} FROM {table} WHERE key = ?", (key,)).fetchone()[0]


def _set(connection: sqlite3.Connection, table: str, column: str, to: tuple[str, object]) -> None:
    connection.execute(f"UPDATE {table} SET {column} = ? WHERE key = ?", (to[1], to[0]))
