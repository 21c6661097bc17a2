"""Writes: read back once, written once however often the same key comes, refused with another content, taken back."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo

from workbench.environment.connections import Asked, CallError, Connection
from workbench.integrations.answers import as_rows, said_as
from workbench.integrations.asking import asked_about, with_other_content
from workbench.integrations.calling import code_of, is_silence
from workbench.integrations.declared import AN_HOUR_LATER, AT_THE_SAME_TIME, CONFLICT, READ_BACK, SAME_KEY, UNDO
from workbench.integrations.lines import LineKind, LineVerdict
from workbench.integrations.probed import Probed
from workbench.pilot.integrations import AnswerField, FieldType, Operation, OperationEffect

CANDIDATES = 8  # records of which one must have nothing written yet
MOST_STEPS = 28  # half hours: no zone is further from another
HOUR_S = 3_600.0
CLOSE_S, HALF_HOUR_S = 120.0, 1_800.0  # how exact clocks are, and by what zones differ


@dataclass(frozen=True, slots=True)
class Write:
    """A write that is measured: its name, its operation, the record that it is for."""

    name: str
    operation: Operation
    record: Mapping[str, str]

    def asked(self, key: str) -> Asked:
        """Return the call with a key."""
        return asked_about(self.name, self.operation, self.record, key)


async def measure_writing(probed: Probed) -> None:
    """Measure every write that can be read back and taken back; nothing of it stays."""
    operations = probed.system.operations
    undone = {one.undo for one in operations.values()}
    for name, operation in operations.items():
        if operation.effect is not OperationEffect.WRITE or name in undone:
            continue
        if operation.undo is None:
            probed.sheet.leave("nothing takes it back, so it is not tried", name, LineKind.WRITING)
            continue
        record = await _untouched(probed, operation)
        if record is None:
            probed.sheet.leave("each of the records tried has something written already", name, LineKind.WRITING)
            continue
        await _measure(probed, Write(name, operation, record))


async def _measure(probed: Probed, write: Write) -> None:
    key = probed.key(write.name, "once")
    first = await probed.caller.call(write.asked(key))
    probed.seen.add(write.name, first.content, write.operation)
    beside = None
    try:
        await _of_read_back(probed, write)
        beside = await _written_beside(probed, write)  # between two writes with the same key
        if write.operation.idempotency_key is not None:
            await _of_key(probed, write, key, first.content)
    finally:
        await _of_undo(probed, write, beside)
    if probed.sheet.has(write.name, AT_THE_SAME_TIME):
        await _at_the_same_time(probed, write)


async def _at_the_same_time(probed: Probed, write: Write) -> None:
    """Write twice at once with one key: what looks first and writes then does it twice."""
    asked, connection = write.asked(probed.key(write.name, "at once")), probed.caller.connection()
    before = len(await _shown(probed, write) or [])
    await probed.caller.room(2)
    codes = await asyncio.gather(code_of(connection, asked), code_of(connection, asked))
    rows = await _shown(probed, write) or []
    n = len(rows) - before
    said = f"{n} more there, answered {codes[0][0]} and {codes[1][0]}"
    if any(is_silence(code) for code, _ in codes):
        probed.sheet.put(write.name, AT_THE_SAME_TIME, LineVerdict.UNCLEAR, said, 2, "no answer came in time")
    else:
        probed.sheet.holds(write.name, AT_THE_SAME_TIME, n == 1, said, 2)
    await _quietly(probed, asked_about(write.operation.undo or "", _undo(probed, write), write.record))


async def measure_late_keys(probed: Probed) -> None:
    """Write with the same key an hour later, by the test clock: whoever forgets keys soon writes twice."""
    if not probed.caller.clock.is_there:
        probed.sheet.leave("no test clock, and an hour is not waited for", None, LineKind.WRITING)
        return
    for name, operation in probed.system.operations.items():
        if not probed.sheet.has(name, AN_HOUR_LATER) or operation.undo is None:
            continue
        record = await _untouched(probed, operation)
        if record is None:
            continue
        write, key = Write(name, operation, record), probed.key(name, "late")
        await probed.caller.call(write.asked(key))
        await probed.caller.clock.pass_by(HOUR_S)
        await probed.caller.room()
        code, _ = await code_of(await _renewed(probed, write), write.asked(key))
        rows = await _shown(probed, write) or []
        probed.sheet.holds(name, AN_HOUR_LATER, len(rows) == 1, f"{len(rows)} there, answered {code}", 2)
        await _quietly(probed, asked_about(operation.undo, _undo(probed, write), record))


async def _renewed(probed: Probed, write: Write) -> Connection:
    """Return the connection once it has a token that holds: the clock was put forward."""
    await _shown(probed, write)
    return probed.caller.connection()


def _undo(probed: Probed, write: Write) -> Operation:
    return probed.system.operations[write.operation.undo or ""]


async def _of_read_back(probed: Probed, write: Write) -> None:
    rows = await _shown(probed, write)
    if rows is None:
        return
    back = write.operation.read_back or ""
    probed.seen.add(back, rows, probed.system.operations[back])
    other = _other_than_said(write, rows)
    said = f"{len(rows)} there" if len(rows) != 1 else other or "there, once"
    probed.sheet.holds(write.name, READ_BACK, len(rows) == 1 and not other, said)
    for name, declared in probed.system.operations[back].answer.items():
        if declared.type is FieldType.DATETIME and rows:
            hours = hours_off(said_as(rows[0].get(name)), declared, await probed.caller.clock.now())
            if hours:
                said = f"{hours:+g} hours from now, right after it was written"
                probed.sheet.put(
                    back, f"{LineKind.ANSWER}: {name}", LineVerdict.DEVIATES, said, 1, said_as(rows[0][name])
                )


async def _of_key(probed: Probed, write: Write, key: str, content: Any) -> None:
    """Write again with the same key, then with the same key and another content."""
    before = await _shown(probed, write)
    connection = probed.caller.connection()
    await probed.caller.room(2)
    try:
        again = (await connection.call(write.asked(key))).content
        code, detail = "", ""
    except CallError as error:
        again, code, detail = None, error.code, f"{error.code}: {error.detail}"
    after = await _shown(probed, write)
    is_same = _declared_of(again, write.operation) == _declared_of(content, write.operation)
    n = "" if after is None else f"{len(after)} there"
    said = detail or f"{n}, {'the same answer' if is_same else 'another answer'}".lstrip(", ")
    is_once = after is None or before is None or len(after) == len(before)
    if is_silence(code):
        probed.sheet.put(write.name, SAME_KEY, LineVerdict.UNCLEAR, said, 2, "no answer came in time")
    else:
        probed.sheet.holds(write.name, SAME_KEY, not code and is_same and is_once, said, 2)
    if write.operation.conflict is not None:
        await _of_conflict(probed, write, key)


async def _of_conflict(probed: Probed, write: Write, key: str) -> None:
    """Write with the key of another content, one argument changed at a time: refused, and nothing changes."""
    conflict, codes, wrong = write.operation.conflict or "", dict[str, str](), list[str]()
    others = with_other_content(write.asked(key), write.operation, _others(probed, write))
    for name, other in others.items():
        codes[name], said = await _with_other(probed, write, other)
        wrong += [f"{said} with another {name}"] if said else []
    answered = [code for code in codes.values() if not is_silence(code)]
    said = ", ".join(f"{code} for {name}" for name, code in codes.items())
    if not answered:
        probed.sheet.put(write.name, CONFLICT, LineVerdict.UNCLEAR, said, len(codes), "no answer came in time")
        return
    # a changed argument may make a call that does not fit, which is refused before its key is looked at
    is_kept = conflict in answered and not wrong
    probed.sheet.holds(write.name, CONFLICT, is_kept, said, len(codes), wrong[0] if wrong else "")
    line = f"{LineKind.ERROR}: {conflict}"
    if probed.sheet.has(write.name, line):
        probed.sheet.holds(write.name, line, conflict in answered, said, len(codes))


async def _with_other(probed: Probed, write: Write, other: Asked) -> tuple[str, str]:
    """Return the code of a write with another content, and what is wrong about it, empty where nothing is."""
    named = {column: str(other.arguments[one]) for one, column in write.operation.arguments.items()}
    elsewhere = Write(write.name, write.operation, {**write.record, **named})
    before, before_there = await _shown(probed, write), await _shown(probed, elsewhere)
    n_before = await probed.caller.n_written()
    code, _ = await _quietly(probed, other)
    after, after_there = await _shown(probed, write), await _shown(probed, elsewhere)
    is_changed = after != before or after_there != before_there or await probed.caller.has_written_since(n_before)
    is_elsewhere = any(write.record.get(column) != value for column, value in named.items())
    if is_changed and is_elsewhere and not before_there:  # written for the other record
        await _quietly(probed, asked_about(write.operation.undo or "", _undo(probed, write), elsewhere.record))
    if is_silence(code):
        return code, ""
    is_taken = code.startswith("2") or code == "ok"
    return code, f"{code}, and what was written changed" if is_changed else f"{code}" if is_taken else ""


async def _written_beside(probed: Probed, write: Write) -> Write | None:
    """Return a write of another record, as like the first as can be, once it is shown; None where none is."""
    for record in probed.records.beside(write.record, tuple(write.operation.arguments.values()), CANDIDATES):
        other = Write(write.name, write.operation, record)
        if not await _shown(probed, other):
            await _quietly(probed, other.asked(probed.key(write.name, "beside")))
            return other if await _shown(probed, other) else None
    return None


async def _of_undo(probed: Probed, write: Write, beside: Write | None) -> None:
    name = write.operation.undo or ""
    code, detail = await _quietly(probed, asked_about(name, _undo(probed, write), write.record))
    if is_silence(code):
        probed.sheet.put(write.name, UNDO, LineVerdict.UNCLEAR, code, 1, detail)
        return
    rows = await _shown(probed, write)
    is_good = code.startswith("2") or code == "ok"
    said = f"{code}, {'not looked at' if rows is None else f'{len(rows)} there'}"
    probed.sheet.holds(write.name, UNDO, is_good and not rows, said, 1, "" if is_good else detail)
    if rows is None:
        probed.sheet.put(write.name, UNDO, LineVerdict.NOT_MEASURED, said, 1, "nothing shows what is written")
    if beside is not None:
        if not await _shown(probed, beside):
            said = f"{said}, and what was written for another record is gone too"
            probed.sheet.put(write.name, UNDO, LineVerdict.DEVIATES, said, 2)
        await _quietly(probed, asked_about(name, _undo(probed, write), beside.record))


async def _quietly(probed: Probed, asked: Asked) -> tuple[str, str]:
    await probed.caller.room()
    return await code_of(probed.caller.connection(), asked)


async def _untouched(probed: Probed, operation: Operation) -> Mapping[str, str] | None:
    """Return a record for which nothing is written yet, so that what is written here can be told."""
    for record in probed.records.some(CANDIDATES):
        if not await _shown(probed, Write("", operation, record)):
            return record
    return None


def _others(probed: Probed, write: Write) -> list[Mapping[str, str]]:
    return [one for one in probed.records.some(CANDIDATES) if one != write.record]


async def _shown(probed: Probed, write: Write) -> list[Mapping[str, Any]] | None:
    """Return what an operation shows of a write, none where it says that there is nothing, None where none shows it."""
    back = write.operation.read_back
    if back is None:
        return None
    operation = probed.system.operations[back]
    try:
        answered = await probed.caller.call(asked_about(back, operation, write.record))
    except CallError as error:
        if error.code == "404" or error.code.endswith("NotFound"):
            return []
        raise
    return as_rows(answered.content, operation)


def _other_than_said(write: Write, rows: list[Mapping[str, Any]]) -> str:
    """Return which of the values that were said is shown otherwise, empty where none is."""
    for name, text in write.operation.said.items():
        for row in rows[:1]:
            if name in row and not _is_equal(said_as(row[name]), text):
                return f"{name} is {said_as(row[name])!r} where {text!r} was written"
    return ""


def _is_equal(shown: str, written: str) -> bool:
    try:
        return Decimal(shown) == Decimal(written)
    except InvalidOperation:
        return shown == written


def _declared_of(content: Any, operation: Operation) -> list[dict[str, str]]:
    """Return the declared fields of an answer, as text."""
    return [{name: said_as(row.get(name)) for name in operation.answer} for row in as_rows(content, operation)]


def hours_off(text: str, declared: AnswerField, now: datetime) -> float:
    """Return by how many whole or half hours a moment that was just written differs from now; 0 where by none.

    That is what another zone looks like; any other difference is no fault of a zone.

    Examples
    --------
    >>> declared = AnswerField(type=FieldType.DATETIME, format="%Y-%m-%dT%H:%M:%S%z")
    >>> hours_off("2026-03-01T12:00:05+00:00", declared, datetime.fromisoformat("2026-03-01T10:00:00+00:00"))
    2.0
    """
    try:
        moment = datetime.strptime(text, declared.format or "")
    except ValueError:
        return 0.0
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=ZoneInfo(declared.zone) if declared.zone else UTC)
    seconds = (moment - now).total_seconds()
    steps = round(seconds / HALF_HOUR_S)
    is_zone = 0 < abs(steps) <= MOST_STEPS and abs(seconds - steps * HALF_HOUR_S) <= CLOSE_S
    return steps / 2 if is_zone else 0.0
