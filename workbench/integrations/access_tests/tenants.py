"""Another tenant's records: asked for by their ids, written under them, and looked for in lists, files and messages."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from workbench.environment.connections import Asked, CallError, RestConnection
from workbench.integrations.access import DONE_ANYWAY, WRONG_INPUT
from workbench.integrations.access_tests.apart import SetApart
from workbench.integrations.access_tests.declared import FOREIGN_IDS, FOREIGN_ROWS
from workbench.integrations.access_tests.trials import AccessKind
from workbench.integrations.asking import asked_about
from workbench.integrations.calling import EndedCall, is_silence
from workbench.integrations.lines import LineVerdict
from workbench.integrations.probed import Probed
from workbench.integrations.reading import FILE
from workbench.pilot.integrations import Operation, OperationEffect, SystemType, placed_address

NOT_SAID = "`sandbox: foreign` names no list of another tenant's records, so none can be asked for"
MOST_RECORDS, MOST_MESSAGES, FEWEST_PAGES = 4, 400, 3
ROWS_S = 6.0  # for which lists, files and messages of one operation are read
NOT_THERE = ("404", "NotFound")  # how codes end that say that there is no such thing
SHIFTS = range(1, 10)  # by which the digits of an id are moved until it is nobody's


async def try_foreign(probed: Probed, apart: SetApart | None) -> None:
    """Try another tenant's records on every operation of a system."""
    if apart is None or not apart.records:
        probed.sheet.leave(NOT_SAID, None, AccessKind.TENANT)
        return
    for name, operation in probed.system.operations.items():
        if probed.sheet.has(name, FOREIGN_IDS):
            await _try_ids(probed, apart, name, operation)
        if probed.sheet.has(name, FOREIGN_ROWS):
            await _look_at_rows(probed, apart, name, operation)


async def _try_ids(probed: Probed, apart: SetApart, name: str, operation: Operation) -> None:
    """Ask for, or write under, ids of another tenant, each beside ids of the same form that are nobody's."""
    columns = set(operation.arguments.values())
    rows = [one for one in apart.records if columns <= set(one)][:MOST_RECORDS]
    if not rows:
        why = f"the list of another tenant's records has no {', '.join(sorted(columns - set(apart.records[0])))}"
        probed.sheet.put(name, FOREIGN_IDS, LineVerdict.NOT_MEASURED, "", 0, why)
        return
    worst, codes, why = LineVerdict.KEPT, [], ""
    for row in rows:
        verdict, code, said = await _try_row(probed, apart, name, operation, row)
        codes.append(code)
        if list(LineVerdict).index(verdict) < list(LineVerdict).index(worst):
            worst, why = verdict, said
    probed.sheet.put(name, FOREIGN_IDS, worst, ", ".join(dict.fromkeys(codes)), len(rows), why)


async def _try_row(
    probed: Probed, apart: SetApart, name: str, operation: Operation, row: Mapping[str, str]
) -> tuple[LineVerdict, str, str]:
    connection, is_write = probed.caller.connection(), operation.effect is OperationEffect.WRITE
    about = probed.records.some(1)[0]
    key = probed.key(name, *row.values()) if is_write else None
    before = await probed.caller.n_written()
    ended = await probed.ended(connection, replace(asked_about(name, operation, {**about, **row}), key=key))
    if await probed.caller.has_written_since(before):
        said = "it was written" if ended.is_answered else DONE_ANYWAY
        if operation.undo is not None:
            undo = probed.system.operations[operation.undo]
            await probed.ended(connection, asked_about(operation.undo, undo, {**about, **row}))
        return LineVerdict.DEVIATES, ended.code, said
    if is_write:
        return foreign_verdict(probed, ended), ended.code, ended.said
    others = nobodys(row, operation, probed, apart)
    if others is None:
        return LineVerdict.UNCLEAR, ended.code, "no id of the same form is nobody's"
    unknown = await probed.ended(connection, asked_about(name, operation, {**about, **others}))
    if ended.is_answered:
        is_same = unknown.is_answered and _without(ended, row) == _without(unknown, others)
        return (LineVerdict.KEPT, ended.code, "") if is_same else (LineVerdict.DEVIATES, ended.code, "it was answered")
    return foreign_verdict(probed, ended, unknown.code), ended.code, ended.said


def foreign_verdict(probed: Probed, ended: EndedCall, unknown: str = "") -> LineVerdict:
    """Return what the end of a call about another tenant's record says.

    Parameters
    ----------
    unknown : str
        The code of the same call about an id that is nobody's; with it the record is not told to be there.
    """
    if ended.is_answered:
        return LineVerdict.DEVIATES
    if ended.code in probed.system.auth_denied or ended.code.endswith(NOT_THERE) or ended.code == unknown:
        is_clear = ended.code not in WRONG_INPUT and not is_silence(ended.code) and not ended.code.startswith("429")
        return LineVerdict.KEPT if is_clear else LineVerdict.UNCLEAR
    return LineVerdict.UNCLEAR  # it was stopped, but not for whose it is, or it tells that the record is there


def nobodys(row: Mapping[str, str], operation: Operation, probed: Probed, apart: SetApart) -> dict[str, str] | None:
    """Return ids of the same form that belong to nothing, None where none was found."""
    for shift in SHIFTS:
        moved = {column: with_moved_digits(row[column], shift) for column in operation.arguments.values()}
        if all(one not in apart.ids and one not in probed.records.column(column) for column, one in moved.items()):
            return moved
    return None


def with_moved_digits(text: str, shift: int) -> str:
    """Return a text with each digit moved on; one without digits gets some at its end.

    Examples
    --------
    >>> with_moved_digits("A-0917", 3), with_moved_digits("none", 3)
    ('A-3240', 'none3')
    """
    moved = "".join(str((int(sign) + shift) % 10) if "0" <= sign <= "9" else sign for sign in text)
    return moved if moved != text else f"{text}{shift}"


def _without(ended: EndedCall, ids: Mapping[str, str]) -> str:
    """Return an answer as it compares, its own ids taken out."""
    text = json.dumps(ended.content, sort_keys=True, default=str)
    for value in sorted(ids.values(), key=len, reverse=True):
        text = text.replace(value, "*")
    return text


async def _look_at_rows(probed: Probed, apart: SetApart, name: str, operation: Operation) -> None:
    """Look for another tenant's ids and canaries in everything that an operation gives without being asked by an id."""
    n, found = 0, list[str]()
    try:
        async for content in _contents(probed, name, operation):
            n += len(content) if isinstance(content, list | tuple) else 1
            found += apart.foreign_in(content)
    except CallError as error:
        if not found:
            probed.sheet.put(name, FOREIGN_ROWS, LineVerdict.UNCLEAR, error.code, n, str(error)[:120])
            return
    if not n:
        probed.sheet.put(name, FOREIGN_ROWS, LineVerdict.NOT_MEASURED, "no row", 0, "it gave nothing to look at")
        return
    said = f"{len(set(found))} ids or canaries in {n:,} rows"
    probed.sheet.holds(name, FOREIGN_ROWS, not found, said, n, ", ".join(sorted(set(found))[:3]))


async def _contents(probed: Probed, name: str, operation: Operation) -> AsyncIterator[Any]:
    """Yield what an operation gives, to its end or as far as the time goes."""
    connection, until = probed.caller.connection(), time.monotonic() + ROWS_S
    if operation.paging is not None and isinstance(connection, RestConnection):
        await probed.caller.room(FEWEST_PAGES)
        yield list((await connection.pages(Asked(name), FEWEST_PAGES)).rows)
        size = {} if operation.paging.size is None else {operation.paging.size: operation.paging.most}
        await probed.caller.fill_up()
        yield list((await connection.pages(Asked(name, size))).rows)
        return
    for asked in _asked_in_turn(probed, name, operation):
        if time.monotonic() > until:
            return
        ended = await probed.ended(connection, asked)
        if not ended.is_answered:
            raise CallError(ended.code, ended.said, 0.0)
        if ended.content is None:
            return
        yield ended.content


def _asked_in_turn(probed: Probed, name: str, operation: Operation) -> Iterator[Asked]:
    if probed.system.type is SystemType.FILE:
        folder = Path(placed_address(probed.system.sandbox or "", probed.caller.reach.places))
        for path in sorted(folder.glob(operation.call)):
            yield Asked(name, {FILE: path.name})
        return
    for _ in range(MOST_MESSAGES if probed.system.type is SystemType.QUEUE else 1):
        yield Asked(name)
