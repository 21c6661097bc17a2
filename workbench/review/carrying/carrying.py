"""What people settled, written back once: one key an item, a receipt, and what the systems hold of it afterwards."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import pandas as pd

from workbench.desk import Desk, DeskConflictError, Settled, open_desk
from workbench.environment import Tool, ToolError, read_environment, waited_for
from workbench.environment.sandbox import used_sandbox
from workbench.pilot import Pilot, QueueName, ReviewSettings
from workbench.pilot.integrations import INTEGRATIONS_FILE, read_integrations
from workbench.records import Record
from workbench.records.splits import Dataset, read_dataset
from workbench.review.carrying.books import (
    BOOKS_FILE,
    SystemBooks,
    WrittenBooks,
    carrying_tools,
    reached_books,
    stand_behind,
)
from workbench.review.carrying.observed import keep_observed

BY_A_PERSON = "decided by a person"
GROUP, REASON, AMOUNT = "group", "reason", "amount"


@dataclass(frozen=True, slots=True)
class CarriedOut:
    """What became of the settled items.

    Parameters
    ----------
    written : tuple of str
        Items that were written back now.
    nothing : int
        Settled items of which nothing is to be done.
    before : int
        Those that were carried out before.
    left : tuple of (str, str)
        Items that could not be carried out, and why.
    where : str
        What was written to.
    """

    written: tuple[str, ...]
    nothing: int
    before: int
    left: tuple[tuple[str, str], ...]
    where: str


def carry_out(
    pilot: Pilot, dataset: Dataset | None = None, *, final: bool = False, desk: Desk | None = None
) -> CarriedOut:
    """Write back every settled escalation, once, and keep what the systems then hold of it.

    The key is the item's id: whoever is ended between the write and the receipt writes with the same key the next time,
    and the systems change nothing. Planted items and those of which nothing is to be done are never written.

    Parameters
    ----------
    final : bool
        Whether those are written too whose answers could still be taken back.

    Raises
    ------
    InputError
        No tool carries anything out, or a sandbox does not say what it holds.
    RunError
        The sandbox does not start, ends, or does not say what it holds.
    """
    with open_desk(pilot) if desk is None else nullcontext(desk) as opened:
        return _carried(pilot, dataset, opened, final=final)


def _carried(pilot: Pilot, dataset: Dataset | None, desk: Desk, *, final: bool) -> CarriedOut:
    environment = read_environment(pilot)
    tools = carrying_tools(environment, pilot.suite)
    settled = [one for one in desk.settled(final=final) if one.item.queue is QueueName.ESCALATIONS]
    asked = [one for one in settled if one.action is not None]
    waiting = [one for one in asked if one.receipt is None]
    nothing, before = len(settled) - len(asked), len(asked) - len(waiting)
    if not waiting:
        return CarriedOut((), nothing, before, (), "")
    dataset = read_dataset(pilot) if dataset is None else dataset
    ids = pd.Index([one.item.record_id for one in waiting], dtype=object).unique()
    records = {one.id: one for one in dataset.records(ids)}
    writing = _Writing(desk, tools, records, desk.settings, _reasons(desk), pilot.settings.escalate_label)
    has_systems = (pilot.suite / INTEGRATIONS_FILE).is_file()
    inventory = read_integrations(pilot.suite) if has_systems else None
    if inventory is not None and stand_behind(inventory, tools.values()):
        with used_sandbox(pilot, dataset.documents()) as sandbox:
            done = waited_for(writing.through(reached_books(inventory, sandbox, environment), waiting, pilot))
    else:
        done = waited_for(writing.through(_given(WrittenBooks(pilot.runs / BOOKS_FILE, environment)), waiting, pilot))
    written, left, where = done
    return CarriedOut(written, nothing, before, left, where)


@dataclass(frozen=True, slots=True)
class _Writing:
    desk: Desk
    tools: Mapping[str, Tool]
    records: Mapping[str, Record]
    settings: ReviewSettings
    reasons: Mapping[str, str]
    hands_over: str | None

    async def through(
        self, opening: AbstractAsyncContextManager[SystemBooks], waiting: Sequence[Settled], pilot: Pilot
    ) -> tuple[tuple[str, ...], tuple[tuple[str, str], ...], str]:
        """Write items one after the other; what could not be written, and why, is left."""
        written, left = [], []
        async with opening as books:
            try:
                for one in waiting:
                    why = await self._write(books, one)
                    if why is None:
                        written.append(one.item.id)
                    else:
                        left.append((one.item.id, why))
            finally:
                keep_observed(pilot, books.held(list(self.desk.items()["item"])), books.said)
            return tuple(written), tuple(left), books.said

    async def _write(self, books: SystemBooks, one: Settled) -> str | None:
        """Write one item back and note the receipt; return why not, None where it was done."""
        assert one.action is not None
        tool, record = self.tools.get(one.action), self.records.get(one.item.record_id)
        if tool is None:
            return f"no tool carries out {one.action}"
        if record is None:
            return "its record is not there any more"
        try:
            arguments = tool.checked(self.arguments(tool, one, record))
            await books.write(tool, arguments, record, one.item.id)
            receipt = {"tool": tool.name, "key": one.item.id, "where": books.said}
            self.desk.carried_out(one.item.id, json.dumps(receipt))
        except (ToolError, DeskConflictError) as refused:
            return str(refused)
        return None

    def arguments(self, tool: Tool, one: Settled, record: Record) -> dict[str, Any]:
        """Return what a tool is given: as review.yaml says, else as the agent wanted it, else by its own name."""
        wanted = one.item.about.get("arguments", {}).get(tool.name, {})
        reason = self.reasons.get(one.item.id) or one.item.about.get("reason") or BY_A_PERSON
        known = {GROUP: self._group(one), REASON: reason, AMOUNT: one.item.amount}
        found: dict[str, Any] = {}
        for name in tool.arguments:
            source = self.settings.arguments.get(name)
            if source is not None:
                found[name] = known[source] if source in known else record.fields.get(source)
            elif name in wanted:
                found[name] = wanted[name]
            elif name in record.fields:
                found[name] = record.fields[name]
            else:
                found[name] = known[AMOUNT] if name == tool.settings.amount else known.get(name)
        return found

    def _group(self, one: Settled) -> str:
        """Return whose the item is: of a group whose person hands it on, the group above, where there is one."""
        group = self.settings.group(one.item.group)
        above = None if group is None or one.action != self.hands_over else group.goes_up_to
        return one.item.group if above is None else above


def _reasons(desk: Desk) -> dict[str, str]:
    """Return the reason that a person gave last for each item; the agent's where none did."""
    answers = desk.answers()
    given = answers[answers["in_force"].astype(bool) & (answers["reason"] != "")]
    return {str(item): str(reason) for item, reason in zip(given["item"], given["reason"], strict=True)}


@asynccontextmanager
async def _given(books: WrittenBooks) -> AsyncIterator[WrittenBooks]:
    yield books
