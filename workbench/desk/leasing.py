"""Leases: one slot is one person's for a while; what nobody takes in time goes up."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass

from workbench.desk.chain import OVERDUE, WENT_UP, ChainEnd, Event
from workbench.desk.items import ReviewItem
from workbench.desk.routing import deadline, lowest_team, queue_place
from workbench.desk.rows import SLOT, Slot, item_event, item_of, slot_from, slots_of
from workbench.pilot import QueueName, ReviewPerson, ReviewSettings

WITHIN = """team IN (SELECT value FROM json_each(:teams)) AND (:queue IS NULL OR queue = :queue)
    AND (amount IS NULL OR :at_most IS NULL OR amount <= :at_most)"""
NO_OTHER = "NOT EXISTS (SELECT 1 FROM slots o WHERE o.item = s.item AND o.holder = :me AND o.rowid <> s.rowid)"
# A lease of one's own that still runs comes first and keeps its end, a decision taken back before all others.
CLAIM = f"""
UPDATE slots SET
    opened = CASE WHEN holder = :me AND lease_until > :now THEN opened ELSE :now END,
    given_back = CASE WHEN holder = :me AND lease_until > :now THEN given_back ELSE 0 END,
    lease_until = CASE WHEN holder = :me AND lease_until > :now THEN lease_until ELSE :until END,
    holder = :me
WHERE rowid = coalesce(
    (SELECT rowid FROM slots INDEXED BY open_of_person WHERE answer IS NULL AND holder = :me AND lease_until > :now
        AND (:queue IS NULL OR queue = :queue) ORDER BY given_back DESC, opened DESC LIMIT 1),
    (SELECT rowid FROM slots s INDEXED BY open_in_order WHERE answer IS NULL AND lease_until <= :now
        AND {WITHIN} AND {NO_OTHER} ORDER BY due, place LIMIT 1))
RETURNING {SLOT}"""
WAITING = f"""
SELECT queue, count(DISTINCT item), min(due) FROM slots INDEXED BY open_by_queue WHERE answer IS NULL
    AND ((holder = :me AND lease_until > :now) OR (lease_until <= :now AND {WITHIN}
        AND (holder = :me OR item NOT IN (SELECT item FROM slots WHERE holder = :me))))
GROUP BY queue"""
LATE = f"""
SELECT {SLOT} FROM slots INDEXED BY open_by_deadline
WHERE answer IS NULL AND overdue = 0 AND due <= :now AND lease_until <= :now
ORDER BY rowid"""


@dataclass(frozen=True, slots=True)
class AtDesk:
    """A person in front of the desk at a moment: who, the pseudonym, and which queue, None for any."""

    person: ReviewPerson
    pseudonym: str
    now: float
    queue: QueueName | None = None

    @property
    def named(self) -> dict[str, object]:
        """The values of the statements' names."""
        return {
            "me": self.pseudonym,
            "now": self.now,
            "queue": None if self.queue is None else self.queue.value,
            "teams": json.dumps(self.person.groups),
            "at_most": self.person.at_most,
        }


def leased(connection: sqlite3.Connection, at: AtDesk, lease_s: float) -> Slot | None:
    """Give a person the next slot in one statement; None where nothing waits."""
    found = connection.execute(CLAIM, {**at.named, "until": at.now + lease_s}).fetchall()
    return slot_from(found[0]) if found else None


def waiting(connection: sqlite3.Connection, at: AtDesk) -> tuple[dict[QueueName, int], float | None]:
    """Return how many items a person could take by queue, and the earliest of their deadlines."""
    found = connection.execute(WAITING, at.named).fetchall()
    dues = [due for _, _, due in found]
    return {QueueName(queue): count for queue, count, _ in found}, min(dues, default=None)


def open_slot(connection: sqlite3.Connection, item: ReviewItem, team: str, due: float, *, adjudicates: bool) -> None:
    """Add a slot to an item."""
    connection.execute(
        "INSERT INTO slots (item, queue, team, amount, place, adjudicates, due) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (item.id, item.queue.value, team, item.amount, queue_place(item.id), int(adjudicates), due),
    )


def is_late(connection: sqlite3.Connection, now: float) -> bool:
    """Return whether a deadline has passed that nobody has looked at."""
    return connection.execute(f"{LATE} LIMIT 1", {"now": now}).fetchone() is not None


def send_up(connection: sqlite3.Connection, settings: ReviewSettings, ids: Mapping[str, str], now: float) -> int:
    """Give what is late to the groups above, mark it overdue where there is none; return how many items moved.

    Parameters
    ----------
    ids : mapping
        Person id by pseudonym.
    """
    end, moved = ChainEnd(connection), set[str]()
    for slot in map(slot_from, connection.execute(LATE, {"now": now}).fetchall()):
        item, above = item_of(connection, slot.item), _above(connection, slot, settings, ids)
        if above is None:
            connection.execute("UPDATE slots SET overdue = 1 WHERE rowid = ?", (slot.rowid,))
            end.add(item_event(OVERDUE, item, now, {"team": slot.team}))
            continue
        due = deadline(settings, above, now)
        connection.execute(
            "UPDATE slots SET team = ?, due = ?, holder = NULL, opened = NULL, lease_until = 0 WHERE rowid = ?",
            (above, due, slot.rowid),
        )
        end.add(gone_up(item, now, slot.team, above, "deadline"))
        moved.add(slot.item)
    end.keep()
    return len(moved)


def gone_up(item: ReviewItem, now: float, team: str, above: str, why: str) -> Event:
    """Return the row that says that an item went up: for `deadline` or `authority`."""
    return item_event(WENT_UP, item, now, {"from": team, "to": above, "why": why})


def _above(connection: sqlite3.Connection, slot: Slot, settings: ReviewSettings, ids: Mapping[str, str]) -> str | None:
    """Return the group above with people for a slot and the open slots before it who have not answered the item."""
    group = settings.group(slot.team)
    if group is None or group.goes_up_to is None:
        return None
    others = slots_of(connection, slot.item)
    answered = frozenset(
        ids[one.holder] for one in others if one.answer and one.holder is not None and one.holder in ids
    )
    before = sum(one.answer is None and one.rowid < slot.rowid for one in others)
    return lowest_team(settings, group.goes_up_to, slot.amount, before + 1, answered)
