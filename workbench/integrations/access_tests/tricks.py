"""Tricks in the texts that an agent gives to operations: SQL, wildcards, paths, signs and lengths nobody expects."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from workbench.environment.connections import Asked
from workbench.integrations.access_tests.declared import inputs_of, tricks_in, undoing
from workbench.integrations.access_tests.tenants import with_moved_digits
from workbench.integrations.answers import as_rows
from workbench.integrations.asking import asked_about, with_other_content
from workbench.integrations.calling import EndedCall, is_silence
from workbench.integrations.lines import LineVerdict, ProbeSheet
from workbench.integrations.probed import Probed
from workbench.integrations.reading import FILE
from workbench.pilot.integrations import FieldType, Operation, OperationEffect, SystemType

HONEST = "{}"  # where a trick has the honest value in it
OVERLONG = 5_000
TRICKS: Mapping[str, str] = {
    "quote": "{}'",
    "always true": "' OR '1'='1",
    "always true, value first": "{}' OR '1'='1",
    "always true, double quotes": '" OR ""="',
    "comment": "{}' OR 1=1 --",
    "union": "' UNION SELECT name, sql FROM sqlite_master --",
    "stacked": "{}'; DELETE FROM postings; --",
    "bare": "{} OR 1=1",
    "per cent": "%",
    "underscores": "_",  # as many as the honest value has signs
    "asterisk": "*",
    "parent folder": "../{}",
    "file of the machine": "../../../../etc/passwd",
    "coded slash": "..%2f{}",
    "null byte": "{}\x00",
    "next line": "{}\r\nX-Account: other",
    "over-long": "A" * OVERLONG,
}
FOR_WRITES = ("always true", "stacked", "parent folder")
BROKEN = ("42",)  # how codes of databases begin that say that a statement is none
TAKEN = 24  # records among which one is looked for that has every argument


@dataclass(frozen=True, slots=True)
class TrickedInput:
    """One trick in one argument: its name, the text, and whether the honest value is in it."""

    name: str
    text: str
    has_honest: bool


def tricks_with(honest: str) -> Iterator[TrickedInput]:
    """Yield every trick with an honest value.

    Examples
    --------
    >>> [one.text for one in tricks_with("4711") if one.name in ("quote", "underscores")]
    ["4711'", '____']
    """
    for name, form in TRICKS.items():
        text = form * len(honest) if name == "underscores" else form.replace(HONEST, honest)
        yield TrickedInput(name, text, HONEST in form)


async def try_inputs(probed: Probed) -> None:
    """Try every trick in every text argument of a system's operations, beside something of ours that is there."""
    operations = probed.system.operations
    columns = {column for one in operations.values() for column in one.arguments.values()}
    record = next(
        (one for one in probed.records.some(TAKEN) if all(one.get(column) for column in columns)),
        probed.records.some(1)[0],
    )
    there = [
        asked_about(name, operation, record, probed.key("there", name))
        for name, operation in operations.items()
        if operation.effect is OperationEffect.WRITE and operation.read_back is not None
    ]
    for asked in there:
        await _put_there(probed, asked)
    undo = undoing(operations)
    writing = [name for name, one in operations.items() if one.effect is OperationEffect.WRITE and name not in undo]
    for name in (*[one for one in operations if one not in writing], *writing):  # what tricks write must not be found
        base = await _base(probed, name, operations[name], record)
        for argument in inputs_of(probed.system, operations[name]):
            if base is None:
                probed.sheet.put(name, tricks_in(argument), LineVerdict.NOT_MEASURED, "", 0, "there is no file")
            elif name in writing:
                await _try_writing(probed, base, argument)
            else:
                await _try_reading(probed, base, argument, is_undo=name in undo)
    for asked in there:
        await _take_back(probed, asked)


async def _put_there(probed: Probed, asked: Asked) -> None:
    """Write something of ours; its key with another content besides, so that the error of a conflict is heard."""
    connection, operation = probed.caller.connection(), probed.system.operations[asked.operation]
    await probed.ended(connection, asked)
    for other in list(with_other_content(asked, operation, ()).values())[: operation.conflict is not None]:
        await probed.ended(connection, other)


async def _take_back(probed: Probed, asked: Asked) -> None:
    """Take back what a call has written, where there is an operation for that."""
    operation = probed.system.operations[asked.operation]
    if operation.undo is not None:
        told = {column: str(asked.arguments[argument]) for argument, column in operation.arguments.items()}
        undo = asked_about(operation.undo, probed.system.operations[operation.undo], {**told, "": asked.correlation})
        await probed.ended(probed.caller.connection(), undo)


async def _base(probed: Probed, name: str, operation: Operation, record: Mapping[str, str]) -> Asked | None:
    if probed.system.type is not SystemType.FILE:
        return asked_about(name, operation, record)
    ended = await probed.ended(probed.caller.connection(), Asked(name))
    return Asked(name, {FILE: "documents-0000.csv"}) if ended.is_answered else None


async def _try_reading(probed: Probed, base: Asked, argument: str, *, is_undo: bool) -> None:
    """Hold the answer to each trick beside those about an id that there is not, and about the honest one."""
    operation = probed.system.operations[base.operation]
    connection, honest = probed.caller.connection(), str(base.arguments[argument])
    before = await probed.caller.n_written()
    unknown_text = with_moved_digits(honest, 7)
    unknown = await probed.ended(connection, with_argument(base, argument, unknown_text))
    own = None if is_undo else await probed.ended(connection, base)
    found = TrickedArgument()
    for trick in tricks_with(honest):
        ended = await probed.ended(connection, with_argument(base, argument, trick.text))
        allowed = {said_about(unknown, unknown_text)}
        allowed |= {said_about(own, honest)} if own is not None and trick.has_honest else set()
        if is_verdict(operation):
            same_form = with_argument(base, argument, harmless_text(trick.text))
            allowed.add(said_about(await probed.ended(connection, same_form), trick.text))
        is_honest = said_about(ended, trick.text) in allowed or (ended.is_answered and not _has_rows(ended, operation))
        found.add(trick, ended, input_verdict(ended, is_honest=is_honest))
    if await probed.caller.has_written_since(before):
        found.let_in.append("something was written")
    found.put(probed.sheet, base.operation, argument)


async def _try_writing(probed: Probed, base: Asked, argument: str) -> None:
    """See that a write with a trick in it writes once, or not at all."""
    connection, honest, found = probed.caller.connection(), str(base.arguments[argument]), TrickedArgument()
    for trick in tricks_with(honest):
        if trick.name not in FOR_WRITES:
            continue
        before = await probed.caller.n_written()
        asked = replace(
            with_argument(base, argument, trick.text), key=probed.key("trick", base.operation, argument, trick.name)
        )
        ended = await probed.ended(connection, asked)
        now = await probed.caller.n_written()
        n = 0 if before is None or now is None else now - before
        is_honest = n == (1 if ended.is_answered else 0) or before is None
        verdict = LineVerdict.DEVIATES if not is_honest else input_verdict(ended, is_honest=True)
        found.add(trick, ended, verdict)
        if ended.is_answered:
            await _take_back(probed, asked)
    found.put(probed.sheet, base.operation, argument)


def is_verdict(operation: Operation) -> bool:
    """Return whether an operation only says yes or no, so that a harmless text of the same form may get either."""
    return bool(operation.answer) and all(one.type is FieldType.BOOLEAN for one in operation.answer.values())


def harmless_text(text: str) -> str:
    """Return a text with a letter for each sign that could mean something.

    Examples
    --------
    >>> harmless_text("../A 1'")
    'xxxA 1x'
    """
    return "".join(sign if sign.isalnum() or sign == " " else "x" for sign in text)


def input_verdict(ended: EndedCall, *, is_honest: bool) -> LineVerdict:
    """Return what the answer to a trick says: an error of the caller refuses it, one of the system is unclear."""
    if ended.is_answered:
        return LineVerdict.KEPT if is_honest else LineVerdict.DEVIATES
    is_broken = len(ended.code) == 3 and ended.code.startswith("5") and ended.code.isdigit()
    is_broken |= len(ended.code) == 5 and ended.code.startswith(BROKEN)
    if is_broken or is_silence(ended.code) or ended.code == "429":
        return LineVerdict.UNCLEAR
    return LineVerdict.KEPT


class TrickedArgument:
    """What came of the tricks in one argument."""

    def __init__(self) -> None:
        self.n, self.codes = 0, dict[str, int]()
        self.let_in, self.unclear = list[str](), list[str]()

    def add(self, trick: TrickedInput, ended: EndedCall, verdict: LineVerdict) -> None:
        """Count a trick."""
        self.n += 1
        self.codes[ended.code] = self.codes.get(ended.code, 0) + 1
        if verdict is LineVerdict.DEVIATES:
            self.let_in.append(f"by {trick.name!r}")
        elif verdict is LineVerdict.UNCLEAR:
            self.unclear.append(f"{trick.name} ({ended.code}: {ended.said[:60]})")

    def put(self, sheet: ProbeSheet, name: str, argument: str) -> None:
        """Put down the worst of them."""
        verdict = LineVerdict.DEVIATES if self.let_in else LineVerdict.UNCLEAR if self.unclear else LineVerdict.KEPT
        said = ", ".join(f"{n} x {code}" for code, n in sorted(self.codes.items()))
        sheet.put(name, tricks_in(argument), verdict, said, self.n, "; ".join(self.let_in or self.unclear)[:200])


def with_argument(asked: Asked, argument: str, text: str) -> Asked:
    """Return a call with another text in an argument."""
    return replace(asked, arguments={**asked.arguments, argument: text})


def said_about(ended: EndedCall, text: str) -> tuple[str, str]:
    """Return a code and an answer as they compare, what was asked for taken out of it."""
    said = json.dumps(ended.content, sort_keys=True, default=str).replace(json.dumps(text)[1:-1], "*")
    return ended.code, said


def _has_rows(ended: EndedCall, operation: Operation) -> bool:
    """Return whether an answer holds anything."""
    rows: list[Mapping[str, Any]] = as_rows(ended.content, operation)
    return any(cell not in (None, "", False, 0) for row in rows for cell in row.values())
