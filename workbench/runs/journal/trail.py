"""The audit trail: a line for every decision that is appended, with the digests of its five fields, signed.

A line is signed as a whole, and each field once over some lines together, in a seal: whoever alters a field and
computes every digest and hash again breaks one signature of the line and one of the field, and these two name it.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from workbench.pilot.signing import SigningKey

FIELDS = ("input", "reasoning", "action", "outcome", "timestamp")
REASONING_EVENTS = frozenset({"evidence", "reasoning", "guard"})
BEGINNING = bytes(32)
SEALED_TOGETHER = (
    64  # lines: with fewer, signatures cost more; with more, a process that is killed leaves more unsealed
)
_written = json.JSONEncoder(default=repr).encode  # of what is stored where only text and numbers should be, too
_LINE, _FIELD = b"workbench trail line v1\n", b"workbench trail field v1\n"
NS = 1_000_000_000


class AskedAs(NamedTuple):
    """What a decision was asked for: the digest of what is asked (the version), and of the record as it was asked."""

    asked: str | None = None
    record: str | None = None


class TrailLine(NamedTuple):
    """One line: its number, the decision's key, its input and moment as they are, five digests, the line before.

    `at` is UTC in ISO 8601, `monotonic` nanoseconds of a clock that never goes back while the machine runs;
    `previous` is the hash of the line before.
    """

    number: int
    key: str
    record_id: str | None
    asked: str | None
    record: str | None
    at: str | None
    monotonic: int | None
    input: bytes | None
    reasoning: bytes | None
    action: bytes | None
    outcome: bytes | None
    timestamp: bytes | None
    previous: bytes | None
    signature: bytes | None

    @property
    def digests(self) -> tuple[bytes | None, ...]:
        """The digests of the five fields, in the order of `FIELDS`."""
        return self[7:12]

    @property
    def hash(self) -> bytes:
        """What the next line carries of this one."""
        return _hash(self.signed_part(), self.previous)

    def signed_part(self, number: int | None = None) -> bytes:
        """Return what the line's signature is of; `number` asks as if it had another one."""
        return _signed_part(self.number if number is None else number, self.key, self.digests)


class TrailSeal(NamedTuple):
    """The signatures of each field over the lines `first` to `last`, and the key that signed, as a line."""

    first: int
    last: int
    key: str
    input: bytes | None
    reasoning: bytes | None
    action: bytes | None
    outcome: bytes | None
    timestamp: bytes | None

    @property
    def signatures(self) -> tuple[bytes | None, ...]:
        """The signatures of the five fields, in the order of `FIELDS`."""
        return self[3:]


class DecidedFields(NamedTuple):
    """What a decision's line seals besides input and moment; `trace` as JSON, where there is one."""

    status: str | None
    action: str | None
    confidence: float | None
    reason: str | None
    cause: str | None
    detail: str | None
    text: str | None
    trace: str | None

    def digests(self) -> tuple[bytes, bytes, bytes]:
        """Return the digests of reasoning, action and outcome."""
        why, what = _parted(self.trace)
        return (
            field_digest("reasoning", (self.reason, self.text, why)),
            field_digest("action", (self.action,)),
            field_digest("outcome", (self.status, self.cause, self.detail, self.confidence, what)),
        )


def lines_in(rows: Iterable[tuple[Any, ...]]) -> list[TrailLine]:
    """Return stored rows as lines; what is no line at all is not there, a digest that is none is empty."""
    whole = (row for row in rows if isinstance(row[0], int) and isinstance(row[1], str))
    return [TrailLine._make((*row[:7], *map(_bytes, row[7:]))) for row in whole]


def seals_in(rows: Iterable[tuple[Any, ...]]) -> list[TrailSeal]:
    """Return stored rows as seals, as `lines_in` does."""
    whole = (row for row in rows if isinstance(row[0], int) and isinstance(row[1], int) and isinstance(row[2], str))
    return [TrailSeal._make((*row[:3], *map(_bytes, row[3:]))) for row in whole]


def field_digest(field: str, content: Sequence[Any]) -> bytes:
    """Return the digest of one field's content."""
    return hashlib.sha256(f"{field}\n{_written(content)}".encode()).digest()


def sealed_lines(
    decided: Sequence[tuple[str, str, DecidedFields]],
    asked: Mapping[str, AskedAs],
    last: TrailLine | None,
    key: SigningKey | None,
) -> list[TrailLine]:
    """Return the lines of one transaction after the last line there is, signed where there is a key.

    Parameters
    ----------
    decided : sequence of (str, str, DecidedFields)
        Key and record id of each decision, and what it came to.
    asked : mapping
        By key what was asked; a decision that is not there has no input that can be proved.
    """
    number, previous = (0, BEGINNING) if last is None else (last.number, last.hash)
    lines = []
    for decision, record_id, fields in decided:
        number += 1
        version, record = asked.get(decision, AskedAs())
        at, monotonic = _moment()
        digests = (
            field_digest("input", (record_id, version, record)),
            *fields.digests(),
            field_digest("timestamp", (at, monotonic)),
        )
        part = _signed_part(number, decision, digests)
        signature = None if key is None else bytes.fromhex(key.sign(part))
        lines.append(
            TrailLine(number, decision, record_id, version, record, at, monotonic, *digests, previous, signature)
        )
        previous = _hash(part, previous)
    return lines


def sealed_field(field: str, lines: Sequence[TrailLine], first: int, last: int) -> bytes:
    """Return what the signature of one field over lines is of."""
    place = FIELDS.index(field)
    return b"".join((_FIELD, f"{field} {first} {last}\n".encode(), *(one.digests[place] or b"-" for one in lines)))


def evidence_in(trace: str | None) -> bool:
    """Return whether a trace has what a decision rests on: cited evidence, or a guard that stepped in."""
    events = [one for one in _parted(trace)[0] if isinstance(one, dict)]
    return any(one["kind"] == "evidence" or one.get("verdict", "allow") != "allow" for one in events)


def _bytes(value: object) -> bytes | None:
    return value if value is None or isinstance(value, bytes) else b""


def sealed_together(lines: Sequence[TrailLine], key: SigningKey) -> TrailSeal:
    """Return the seal of lines that follow one another."""
    first, last = lines[0].number, lines[-1].number
    signed = (bytes.fromhex(key.sign(sealed_field(field, lines, first, last))) for field in FIELDS)
    return TrailSeal(first, last, key.public.line, *signed)


def _signed_part(number: int, key: str, digests: Sequence[bytes | None]) -> bytes:
    return b"".join((_LINE, f"{number} {key}\n".encode(), *(one or b"-" for one in digests)))


def _hash(part: bytes, previous: bytes | None) -> bytes:
    return hashlib.sha256(part + (previous or b"")).digest()


def _parted(trace: str | None) -> tuple[list[Any], list[Any]]:
    """Return the events of a trace that a decision rests on, and those that say what was carried out."""
    if trace is None:
        return [], []
    try:
        said = json.loads(trace)
        said["events"] = [one for one in said["events"] if isinstance(one, dict)]
    except (TypeError, ValueError, KeyError):
        return [trace], [trace]  # no trace as it was written: it belongs to both
    why = [one for one in said["events"] if one.get("kind") in REASONING_EVENTS]
    return why, [[one for one in said["events"] if one.get("kind") not in REASONING_EVENTS], said.get("dropped")]


def _moment() -> tuple[str, int]:
    """Return when it is: UTC, and nanoseconds of the monotonic clock."""
    return datetime.now(UTC).isoformat(), time.monotonic_ns()
