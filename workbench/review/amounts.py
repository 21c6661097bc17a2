"""What is at stake in records, as review.yaml says: a column, or a function of the pilot's own."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from workbench.agents.callables import CallableWorker, Failed, PilotFunction, Task
from workbench.environment import waited_for
from workbench.pilot import REVIEW_FILE, Pilot, ReviewSettings
from workbench.records import Record
from workbench.words import InputError, RunError


def amounts_of(pilot: Pilot, settings: ReviewSettings, records: Sequence[Record]) -> Mapping[str, float | None]:
    """Return the amount of each record by its id, in the charter's currency; None where it has none.

    A function runs in a process of its own.

    Raises
    ------
    InputError
        review.yaml names a column that no agent sees, or a function that cannot be loaded.
    RunError
        The function raised at a record.
    """
    named = settings.amount
    if named is None:
        return {}
    if ":" in named:
        return waited_for(_computed(pilot, named, records))
    if named not in pilot.contract.shown:
        where, expected = f"{pilot.suite / REVIEW_FILE}, amount", ", ".join(pilot.contract.shown)
        raise InputError("amount names no column that can be shown", where=where, got=named, expected=expected)
    return {one.id: _number(one.fields.get(named)) for one in records}


async def _computed(pilot: Pilot, named: str, records: Sequence[Record]) -> dict[str, float | None]:
    folder = pilot.suite.relative_to(pilot.root)
    task = Task(PilotFunction(pilot.root, f"{folder}/{named}"), is_tool=True)
    found = {}
    async with CallableWorker(task) as worker:
        for one in records:
            said = await worker.run({"arguments": {"record": dict(one.fields)}, "state": None})
            if isinstance(said, Failed):
                where = f"{named}, record {one.id}"
                raise RunError("what is at stake in a record cannot be told", where=where, got=said.detail)
            found[one.id] = _number(said["result"])
    return found


def _number(cell: object) -> float | None:
    """Return a finite number, None for anything else."""
    try:
        number = float(cell) if isinstance(cell, int | float | str) and not isinstance(cell, bool) else math.nan
    except ValueError:
        return None
    return number if math.isfinite(number) else None
