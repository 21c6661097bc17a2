"""Items and slots as rows of the desk's file."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from workbench.desk.chain import CARRIED_OUT, Event, compact
from workbench.desk.items import Card, ReviewItem
from workbench.desk.judging import StandingAnswer
from workbench.pilot import QueueName
from workbench.words import InputError

SLOT = "rowid, item, queue, team, amount, adjudicates, due, overdue, holder, opened, lease_until, given_back, answer"


@dataclass(frozen=True, slots=True)
class Slot:
    """One of the answers that an item needs: who may give it, who has it, and the row that gave it."""

    rowid: int
    item: str
    queue: str
    team: str
    amount: float | None
    adjudicates: bool
    due: float
    is_overdue: bool
    holder: str | None
    opened: float | None
    lease_until: float
    given_back: bool
    answer: int | None


def slot_from(values: tuple[Any, ...]) -> Slot:
    """Return a slot from the columns `SLOT`."""
    row = list(values)
    for place in (5, 7, 11):
        row[place] = bool(row[place])
    return Slot(*row)


def slots_of(connection: sqlite3.Connection, item: str) -> list[Slot]:
    """Return the slots of an item, the first ones first."""
    found = connection.execute(f"SELECT {SLOT} FROM slots WHERE item = ? ORDER BY rowid", (item,))
    return [slot_from(values) for values in found]


def standing_answers(connection: sqlite3.Connection, item: str) -> list[StandingAnswer]:
    """Return the answers to an item that stand, in order."""
    found = connection.execute(
        "SELECT c.seq, c.reviewer, c.action, c.adjudicates FROM slots s JOIN chain c ON c.seq = s.answer"
        " WHERE s.item = ? ORDER BY c.seq",
        (item,),
    )
    return [StandingAnswer(seq, reviewer, action, bool(adjudicates)) for seq, reviewer, action, adjudicates in found]


def is_carried_out(connection: sqlite3.Connection, item: str) -> bool:
    """Return whether an item's decision was written back."""
    found = connection.execute("SELECT 1 FROM chain WHERE item = ? AND kind = ?", (item, CARRIED_OUT))
    return found.fetchone() is not None


def item_event(kind: str, item: ReviewItem, now: float, content: Mapping[str, object], **cells: Any) -> Event:
    """Return a row of the chain that is about an item."""
    return Event(kind, now, content, item=item.id, queue=item.queue.value, record_id=item.record_id, **cells)


def content_of_item(item: ReviewItem) -> str:
    """Return an item as JSON. Raises InputError where it holds what JSON cannot."""
    whole: dict[str, Any] = {name: getattr(item, name) for name in item.__slots__}
    try:
        content = compact({**whole, "card": item.card.as_json(), "about": dict(item.about)})
        content.encode()
    except (TypeError, ValueError) as error:
        raise InputError("an item holds what is no JSON", where=f"item {item.id!r}", got=str(error)) from None
    return content


def item_from(content: str) -> ReviewItem:
    """Return the item that `content_of_item` wrote."""
    read = json.loads(content)
    return ReviewItem(**{**read, "queue": QueueName(read["queue"]), "card": Card.from_json(read["card"])})


def item_of(connection: sqlite3.Connection, name: str) -> ReviewItem:
    """Return an item by its id. Raises InputError where there is none."""
    is_text = not any("\ud800" <= sign <= "\udfff" for sign in name)  # SQLite takes no half of a sign
    found = connection.execute("SELECT content FROM items WHERE id = ?", (name,)).fetchone() if is_text else None
    if found is None:
        raise InputError("the desk has no such item", got=repr(name))
    return item_from(found[0])


def digest_of_text(content: str) -> str:
    """Return SHA-256 of a text, hexadecimal."""
    return sha256(content.encode()).hexdigest()
