"""Reading operations asked about records: whether they answer, and what they answer is kept to be judged."""

from __future__ import annotations

import contextlib
import re
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from workbench.environment.connections import Answered, Asked, CallError
from workbench.integrations.answers import as_rows
from workbench.integrations.asking import asked_about
from workbench.integrations.calling import is_silence
from workbench.integrations.declared import FOUND
from workbench.integrations.lines import LineVerdict
from workbench.integrations.probed import Probed
from workbench.pilot.integrations import FieldType, Operation, OperationEffect, SystemType, placed_address

MOST_FILES = 200  # whose rows are held against records
ALL_FILES_S = 4.0  # for the ids in all of them
FILE = "file"
DAMAGED = 6  # calls with another digit
MESSAGES = 24  # of a queue


async def ask_about_records(probed: Probed) -> None:
    """Ask every reading operation about records, and put down whether it answered each call."""
    for name, operation in probed.system.operations.items():
        if operation.effect is OperationEffect.READ:
            await _ask(probed, name, operation)


async def _ask(probed: Probed, name: str, operation: Operation) -> None:
    n, failed = 0, []
    for record, asked in calls_about_records(probed, name, operation):
        n += 1
        try:
            answered = await _patiently(probed, asked)
        except CallError as error:
            failed.append(f"{error.code}: {error.detail}"[:120])
            continue
        for content in (
            answered.content if record is None and isinstance(answered.content, list) else [answered.content]
        ):
            of = record if record is not None else _record_of(probed, operation, content)
            probed.seen.add(name, content, operation, of)
    if not n:
        probed.sheet.put(name, FOUND, LineVerdict.NOT_MEASURED, "", 0, "there was nothing to ask about")
    elif len(failed) == n and not probed.holds_records and all(one.startswith("404") for one in failed):
        why = "the sandbox knows none of the pilot's records"
        probed.sheet.put(name, FOUND, LineVerdict.NOT_MEASURED, "all are unknown", n, why)
    else:
        twice, said = await _read_twice(probed, name, operation), f"{n - len(failed):,} of {n:,} calls"
        said += f", {len(twice):,} records more than once" if twice else ""
        probed.sheet.holds(name, FOUND, not failed and not twice, said, n, next(iter([*failed, *twice]), ""))
        await _ask_for_other_truth(probed, name, operation)


async def _ask_for_other_truth(probed: Probed, name: str, operation: Operation) -> None:
    """Ask what answers true or false about arguments of which a digit is another, too: all records may be alike."""
    if not operation.arguments or all(one.type is not FieldType.BOOLEAN for one in operation.answer.values()):
        return
    for record in probed.records.some(DAMAGED):
        asked = asked_about(name, operation, record)
        other = {
            one: with_other_digit(value) for one, value in asked.arguments.items() if isinstance(value, str) and value
        }
        with contextlib.suppress(CallError):  # refused, as it may be
            answered = await probed.caller.call(replace(asked, arguments={**asked.arguments, **other}))
            probed.seen.add(name, answered.content, operation)


def with_other_digit(text: str) -> str:
    """Return a text whose last digit is another; one without digits as it is.

    Examples
    --------
    >>> with_other_digit("DE129A"), with_other_digit("none")
    ('DE120A', 'none')
    """
    return re.sub(r"\d(?=\D*$)", lambda found: str((int(found[0]) + 1) % 10), text)


async def _patiently(probed: Probed, asked: Asked) -> Answered:
    """Call, and once more where no answer came in time: this machine may have been busy."""
    try:
        return await probed.caller.call(asked)
    except CallError as error:
        if not is_silence(error.code):
            raise
        return await probed.caller.call(asked)


def calls_about_records(
    probed: Probed, name: str, operation: Operation
) -> Iterator[tuple[Mapping[str, str] | None, Asked]]:
    """Yield the calls of an operation, each with the record that it is for; None where the answer says that."""
    if probed.system.type is SystemType.FILE:
        files = _files(probed, operation)
        for file in files[:: max(1, len(files) // MOST_FILES)]:
            yield None, Asked(name, {FILE: file})
    elif operation.arguments or operation.said:
        for record in probed.records.for_answers(operation):
            yield record, asked_about(name, operation, record)
    else:
        for _ in range(MESSAGES if probed.system.type is SystemType.QUEUE else 3):
            yield None, Asked(name)


def _record_of(probed: Probed, operation: Operation, content: object) -> Mapping[str, str] | None:
    """Return the record that a row says it is of, by the field that becomes the contract's id."""
    named = [name for name, one in operation.answer.items() if one.becomes == probed.records.id_column]
    if not named or not isinstance(content, Mapping) or probed.records.id_column is None:
        return None
    return probed.records.by_id(str(content.get(named[0], "")))


def _files(probed: Probed, operation: Operation) -> list[str]:
    folder = Path(placed_address(probed.system.sandbox or "", probed.caller.reach.places))
    return sorted(path.name for path in folder.glob(operation.call))


async def _read_twice(probed: Probed, name: str, operation: Operation) -> list[str]:
    """Return which records stand in files more than once; a queue may deliver again, a list is read with its pages.

    Every file counts as far as the time goes: a row that comes again mostly does so in the next one.
    """
    named = [field for field, one in operation.answer.items() if one.becomes == probed.records.id_column]
    if probed.system.type is not SystemType.FILE or probed.records.id_column is None or not named:
        return []
    ids, until = Counter[str](), time.monotonic() + ALL_FILES_S
    for file in _files(probed, operation):
        if time.monotonic() > until:
            break
        with contextlib.suppress(CallError):  # what cannot be read was told, or is of another line
            rows = as_rows((await probed.caller.call(Asked(name, {FILE: file}))).content, operation)
            ids.update(str(row[named[0]]) for row in rows if row.get(named[0]) not in (None, ""))
    return [f"{record} stands there {times} times" for record, times in ids.items() if times > 1]
