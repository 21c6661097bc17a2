"""Lists read to their end: every row once, as many as are said, whatever the size of a page."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from workbench.environment.connections import Asked, CallError, Connection
from workbench.integrations.calling import TOO_MANY, is_silence, with_operation
from workbench.integrations.declared import COMPLETE, SIZES, TOTAL
from workbench.integrations.lines import LineVerdict
from workbench.integrations.probed import Probed
from workbench.pilot.integrations import Operation

MOST_PAGES = 150
FEW_PAGES = 4  # of small ones, which are held against the beginning of the whole list


@dataclass(frozen=True, slots=True)
class PagesRead:
    """Pages of a list: their rows, what each said of the total, the longest page, whether the last was reached.

    `cut` is the shortest page that has fewer rows than were asked for and is not the last, None where there is none.
    """

    rows: tuple[str, ...]
    totals: tuple[Any, ...]
    longest: int
    is_whole: bool
    cut: int | None = None


async def measure_paging(probed: Probed) -> None:
    """Measure every list of a system."""
    for name, operation in probed.system.operations.items():
        if operation.paging is None:
            continue
        bare = operation.model_dump(mode="json", exclude={"paging", "rows"})
        connection = probed.caller.reach.connection(with_operation(probed.system, name, **bare))
        try:
            await _measure(probed, name, operation, connection)
        finally:
            await connection.close()


async def _measure(probed: Probed, name: str, operation: Operation, connection: Connection) -> None:
    assert operation.paging is not None
    most, sheet = operation.paging.most, probed.sheet
    try:
        whole = await _read(probed, name, operation, connection, (most, MOST_PAGES))
    except CallError as error:
        is_told = error.code in (*operation.errors, TOO_MANY) or is_silence(error.code)
        if is_told or operation.paging.size is None or most == 1:
            raise
        sheet.put(name, SIZES, LineVerdict.DEVIATES, f"{error.code} where {most:,} were asked for", 1, error.detail)
        most = most // 2  # what else is to be said of the list does not hang on its largest page
        whole = await _read(probed, name, operation, connection, (most, MOST_PAGES))
    twice = [row for row, n in Counter(whole.rows).items() if n > 1]
    lost = _not_listed(probed, operation, whole)
    n = len(whole.rows)
    said = f"{n:,} rows, {len(twice):,} of them again, {len(lost):,} of the records' missing"
    if not whole.is_whole:
        sheet.put(name, COMPLETE, LineVerdict.UNCLEAR, f"more than {MOST_PAGES} pages", n)
    else:
        sheet.holds(name, COMPLETE, not twice and not lost, said, n, next(iter([*twice[:1], *lost[:1]]), ""))
    if operation.paging.total is not None and whole.is_whole:
        wrong = [total for total in whole.totals if total != n]
        sheet.holds(name, TOTAL, not wrong, f"{wrong[0] if wrong else n} said, {n:,} there", len(whole.totals))
    if operation.paging.size is not None and whole.is_whole:
        await _of_sizes(probed, name, operation, (connection, whole))


async def _of_sizes(probed: Probed, name: str, operation: Operation, read: tuple[Connection, PagesRead]) -> None:
    """Read the list with other sizes of a page, small ones only to some pages."""
    connection, whole = read
    assert operation.paging is not None
    most, n = operation.paging.most, 0
    problems = (
        [] if whole.cut is None else [f"a page of {whole.cut:,} rows where {most:,} were asked for, and more come"]
    )
    for size, pages in (
        (1, FEW_PAGES),
        (2, FEW_PAGES),
        (max(1, most - 1), MOST_PAGES),
        (max(1, most // 3), MOST_PAGES),
    ):
        found = await _read(probed, name, operation, connection, (size, pages))
        n += len(found.rows)
        if found.longest > (size or most):
            problems.append(f"a page of {found.longest:,} rows where {size or most:,} were asked for")
        elif found.cut is not None:
            problems.append(f"a page of {found.cut:,} rows where {size:,} were asked for, and more come")
        elif found.is_whole and sorted(found.rows) != sorted(whole.rows):
            problems.append(
                f"{len(found.rows):,} rows with pages of {size or 'any size'}, {len(whole.rows):,} with {most:,}"
            )
        elif found.rows != whole.rows[: len(found.rows)]:
            problems.append(f"another order with pages of {size or 'any size'}")
    try:
        longest = (await _read(probed, name, operation, connection, (most + 1, 1))).longest
    except CallError:
        longest = 0  # refused, as it may be
    if longest > most:
        problems.append(f"a page of {longest:,} rows where {most:,} are the most")
    probed.sheet.holds(
        name, SIZES, not problems, f"{len(problems)} sizes otherwise", n, problems[0] if problems else ""
    )


async def _read(
    probed: Probed, name: str, operation: Operation, connection: Connection, how: tuple[int | None, int]
) -> PagesRead:
    """Return a list read with pages of a size, the system's own for None, up to so many pages."""
    paging, (size, pages) = operation.paging, how
    assert paging is not None
    arguments: dict[str, Any] = {} if paging.size is None or size is None else {paging.size: size}
    rows: list[str] = []
    totals, longest, cut = [], 0, None
    for _ in range(pages):
        answered = await probed.caller.call(Asked(name, arguments), connection=connection)
        said = answered.content
        if not isinstance(said, Mapping) or not isinstance(said.get(paging.rows), list):
            raise CallError("answer", f"a page without {paging.rows!r}", answered.latency_s)
        page = said[paging.rows]
        if size is None or size >= paging.most // 2:
            probed.seen.add(name, page, operation)
        rows += [json.dumps(row, sort_keys=True, default=str, ensure_ascii=False) for row in page]
        longest = max(longest, len(page))
        totals += [] if paging.total is None else [said.get(paging.total)]
        after = said.get(paging.next)
        if after in (None, ""):
            return PagesRead(tuple(rows), tuple(totals), longest, True, cut)
        if paging.size is not None and size is not None and len(page) < min(size, paging.most):
            cut = len(page) if cut is None else min(cut, len(page))
        arguments = {**arguments, paging.after: after}
    return PagesRead(tuple(rows), tuple(totals), longest, False, cut)


def _not_listed(probed: Probed, operation: Operation, whole: PagesRead) -> list[str]:
    """Return values of records that the list should have, by its first field that becomes a column."""
    named = [(name, one.becomes) for name, one in operation.answer.items() if one.becomes]
    if not named or not probed.holds_records:
        return []
    field, column = named[0]
    listed = {str(json.loads(row).get(field)) for row in whole.rows}
    return sorted(probed.records.column(column or "") - listed)
