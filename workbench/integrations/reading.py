"""Reading operations asked about records: whether they answer, and what they answer is kept to be judged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

from workbench.environment.connections import Answered, Asked, CallError
from workbench.integrations.asking import asked_about
from workbench.integrations.calling import is_silence
from workbench.integrations.declared import FOUND
from workbench.integrations.lines import LineVerdict
from workbench.integrations.probed import Probed
from workbench.pilot.integrations import Operation, OperationEffect, SystemType, placed_address

MOST_FILES = 200
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
        failed += _read_twice(probed, name, operation)
        said = f"{n - len(failed):,} of {n:,} calls"
        probed.sheet.holds(name, FOUND, not failed, said, n, failed[0] if failed else "")


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
        folder = Path(placed_address(probed.system.sandbox or "", probed.caller.reach.places))
        files = sorted(folder.glob(operation.call))
        for path in files[:: max(1, len(files) // MOST_FILES)]:
            yield None, Asked(name, {"file": path.name})
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


def _read_twice(probed: Probed, name: str, operation: Operation) -> list[str]:
    """Return which records stand in files more than once; a queue may deliver again, a list is read with its pages."""
    if probed.system.type is not SystemType.FILE or probed.records.id_column is None:
        return []
    named = [field for field, one in operation.answer.items() if one.becomes == probed.records.id_column]
    rows = [row for seen in probed.seen.by_operation.get(name, []) for row in seen.rows]
    ids = Counter(str(row.get(named[0], "")) for row in rows) if named else Counter[str]()
    return [f"{record} stands there {times} times" for record, times in ids.items() if times > 1]
