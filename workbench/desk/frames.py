"""The desk as tables: answers, items, feedback, and what is settled."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import pandas as pd

from workbench.desk.chain import CARRIED_OUT, FEEDBACK, NAMES, PUT, UNDO, WENT_UP, chain_rows
from workbench.desk.items import AnswerKind, ReviewItem
from workbench.desk.judging import ItemStanding, StandingAnswer, item_outcome
from workbench.desk.rows import SLOT, Slot, item_from, slot_from
from workbench.desk.shapes import Settled

ANSWER_KINDS = tuple(kind.value for kind in AnswerKind)
ANSWER_COLUMNS = (*(name for name in NAMES if name != "content"), "group", "in_force")
ITEM_COLUMNS = (
    "item",
    "queue",
    "record_id",
    "group",
    "group_now",
    "needs",
    "four_eyes",
    "is_blind",
    "amount",
    "planted",
    "put",
    "due",
    "went_up",
    "is_overdue",
    "n_answers",
    "standing",
    "action",
    "receipt",
)
FEEDBACK_COLUMNS = ("seq", "reviewer", "record_id", "item", "kind", "severity", "text", "wants", "decided", "digest")


def answers_frame(connection: sqlite3.Connection, names: Mapping[str, str]) -> pd.DataFrame:
    """Return answers and those taken back, a row each; `in_force` where an answer stands."""
    rows = list(chain_rows(connection, *ANSWER_KINDS, UNDO))
    gone = {row["content"]["undoes"] for row in rows if row["kind"] == UNDO}
    for row in rows:
        row["group"], row["reviewer"] = row["content"]["group"], names.get(row["reviewer"], row["reviewer"])
        row["in_force"] = row["kind"] != UNDO and row["seq"] not in gone
    return pd.DataFrame(rows, columns=list(ANSWER_COLUMNS))


def feedback_frame(connection: sqlite3.Connection, names: Mapping[str, str]) -> pd.DataFrame:
    """Return feedback, a row each."""
    rows = [{**row, **row["content"]} for row in chain_rows(connection, FEEDBACK)]
    for row in rows:
        row["reviewer"] = names.get(row["reviewer"], row["reviewer"])
    return pd.DataFrame(rows, columns=list(FEEDBACK_COLUMNS))


def items_frame(connection: sqlite3.Connection) -> pd.DataFrame:
    """Return items with how far they are, a row each; of a planted one `planted` is the right action."""
    answers, items, slots = _answers(connection), _items(connection), _slots(connection)
    receipts, ups = _receipts(connection), defaultdict[str, int](int)
    for row in chain_rows(connection, WENT_UP):
        ups[row["item"]] += 1
    rows = [
        _item_row(items[put["item"]], put["decided"], slots[put["item"]], answers.get(put["item"], []))
        | {"went_up": ups[put["item"]], "receipt": receipts.get(put["item"])}
        for put in chain_rows(connection, PUT)
    ]
    return pd.DataFrame(rows, columns=list(ITEM_COLUMNS))


def settled_items(connection: sqlite3.Connection, now: float | None, names: Mapping[str, str]) -> list[Settled]:
    """Return what is decided, without planted items; None for `now` counts answers that can be taken back too."""
    receipts, until, settled = _receipts(connection), _lease_ends(connection), []
    items = _items(connection)
    for name, answers in _answers(connection).items():
        item, outcome = items[name], item_outcome(items[name], answers)
        is_open = outcome.standing is not ItemStanding.COMPLETE
        if is_open or item.planted is not None or (now is not None and any(until[one.seq] > now for one in answers)):
            continue
        people = tuple(names.get(one.reviewer, one.reviewer) for one in answers)
        settled.append(Settled(item, outcome.action, people, answers[-1].seq, receipts.get(name)))
    return sorted(settled, key=lambda one: one.seq)


def _item_row(item: ReviewItem, put: float, slots: list[Slot], answers: list[StandingAnswer]) -> dict[str, Any]:
    outcome = item_outcome(item, answers)
    waiting = [slot for slot in slots if slot.answer is None]
    return {
        "item": item.id,
        "queue": item.queue.value,
        "record_id": item.record_id,
        "group": item.group,
        "group_now": waiting[0].team if waiting else None,
        "needs": item.needs,
        "four_eyes": item.four_eyes,
        "is_blind": item.is_blind,
        "amount": item.amount,
        "planted": item.planted,
        "put": put,
        "due": min((slot.due for slot in waiting), default=None),
        "is_overdue": any(slot.is_overdue for slot in waiting),
        "n_answers": len(answers),
        "standing": outcome.standing.value,
        "action": outcome.action,
    }


def _answers(connection: sqlite3.Connection) -> dict[str, list[StandingAnswer]]:
    """Return the answers that stand, by item, in order."""
    found = connection.execute(
        "SELECT c.item, c.seq, c.reviewer, c.action, c.adjudicates FROM slots s JOIN chain c ON c.seq = s.answer"
        " ORDER BY c.seq"
    )
    answers = defaultdict[str, list[StandingAnswer]](list)
    for item, seq, reviewer, action, adjudicates in found:
        answers[item].append(StandingAnswer(seq, reviewer, action, bool(adjudicates)))
    return dict(answers)


def _items(connection: sqlite3.Connection) -> dict[str, ReviewItem]:
    return {name: item_from(content) for name, content in connection.execute("SELECT id, content FROM items")}


def _slots(connection: sqlite3.Connection) -> dict[str, list[Slot]]:
    slots = defaultdict[str, list[Slot]](list)
    for values in connection.execute(f"SELECT {SLOT} FROM slots ORDER BY rowid"):
        slots[values[1]].append(slot_from(values))
    return slots


def _receipts(connection: sqlite3.Connection) -> dict[str, str]:
    return {row["item"]: row["content"]["receipt"] for row in chain_rows(connection, CARRIED_OUT)}


def _lease_ends(connection: sqlite3.Connection) -> dict[int, float]:
    """Return until when each answer can be taken back."""
    return dict(connection.execute("SELECT seq, lease_until FROM chain WHERE lease_until IS NOT NULL").fetchall())
