"""Writes: read back once, written once however often the same key comes, refused with another content, taken back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from workbench.environment.connections import Asked, CallError
from workbench.integrations.answers import as_rows, said_as
from workbench.integrations.asking import asked_about, with_other_content
from workbench.integrations.calling import code_of
from workbench.integrations.declared import CONFLICT, READ_BACK, SAME_KEY, UNDO
from workbench.integrations.lines import LineKind, LineVerdict
from workbench.integrations.probed import Probed
from workbench.pilot.integrations import Operation, OperationEffect

CANDIDATES = 8  # records of which one must have nothing written yet
SOURCE = "probe"


@dataclass(frozen=True, slots=True)
class Write:
    """A write that is measured: its name, its operation, the record that it is for."""

    name: str
    operation: Operation
    record: Mapping[str, str]

    def asked(self, key: str) -> Asked:
        """Return the call with a key."""
        return asked_about(self.name, self.operation, self.record, f"{SOURCE}-{self.name}-{key}")


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
    first = await probed.caller.call(write.asked("1"))
    probed.seen.add(write.name, first.content, write.operation)
    try:
        await _of_read_back(probed, write)
        if write.operation.idempotency_key is not None:
            await _of_key(probed, write, first.content)
    finally:
        await _of_undo(probed, write)


async def _of_read_back(probed: Probed, write: Write) -> None:
    rows = await _shown(probed, write)
    if rows is None:
        return
    back = write.operation.read_back or ""
    probed.seen.add(back, rows, probed.system.operations[back])
    other = _other_than_said(write, rows)
    said = f"{len(rows)} there" if len(rows) != 1 else other or "there, once"
    probed.sheet.holds(write.name, READ_BACK, len(rows) == 1 and not other, said)


async def _of_key(probed: Probed, write: Write, content: Any) -> None:
    """Write again with the same key, then with the same key and another content."""
    before = await _shown(probed, write)
    connection = probed.caller.connection()
    await probed.caller.room(2)
    try:
        again = (await connection.call(write.asked("1"))).content
        code = ""
    except CallError as error:
        again, code = None, f"{error.code}: {error.detail}"
    after = await _shown(probed, write)
    is_same = _declared_of(again, write.operation) == _declared_of(content, write.operation)
    n = "" if after is None else f"{len(after)} there"
    said = code or f"{n}, {'the same answer' if is_same else 'another answer'}".lstrip(", ")
    is_once = after is None or before is None or len(after) == len(before)
    probed.sheet.holds(write.name, SAME_KEY, not code and is_same and is_once, said, 2)
    if write.operation.conflict is not None:
        await _of_conflict(probed, write, after)


async def _of_conflict(probed: Probed, write: Write, before: list[Mapping[str, Any]] | None) -> None:
    other = with_other_content(write.asked("1"), write.operation, _others(probed, write))
    code, detail = await code_of(probed.caller.connection(), other)
    after, conflict = await _shown(probed, write), write.operation.conflict or ""
    is_kept = code == conflict and after == before
    said = code if after == before else f"{code}, and what was written changed"
    probed.sheet.holds(write.name, CONFLICT, is_kept, said, 1, "" if is_kept else detail)
    line = f"{LineKind.ERROR}: {conflict}"
    if probed.sheet.has(write.name, line):
        probed.sheet.holds(write.name, line, code == conflict, code)
    if code.startswith("2") and write.operation.undo is not None:  # it was written, maybe for the other record
        undo = probed.system.operations[write.operation.undo]
        record = {**write.record, **{write.operation.arguments[k]: str(v) for k, v in other.arguments.items() if k in write.operation.arguments}}
        await _quietly(probed, asked_about(write.operation.undo, undo, record))


async def _of_undo(probed: Probed, write: Write) -> None:
    name = write.operation.undo or ""
    undo = probed.system.operations[name]
    code, detail = await _quietly(probed, asked_about(name, undo, write.record))
    rows = await _shown(probed, write)
    is_good = code.startswith("2") or code == "ok"
    said = f"{code}, {'not looked at' if rows is None else f'{len(rows)} there'}"
    probed.sheet.holds(write.name, UNDO, is_good and not rows, said, 1, "" if is_good else detail)
    if rows is None:
        probed.sheet.put(write.name, UNDO, LineVerdict.UNCLEAR, said, 1, "nothing shows what is written")


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
