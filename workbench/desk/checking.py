"""Whether the desk's file is what was written: the chain, and items and answers against it."""

from __future__ import annotations

import sqlite3
from collections import Counter, defaultdict
from typing import Any

from workbench.desk.chain import PUT, UNDO, WENT_UP, checked_chain
from workbench.desk.frames import ANSWER_KINDS
from workbench.desk.items import ReviewItem
from workbench.desk.judging import StandingAnswer, shown_card
from workbench.desk.rows import digest_of_text, item_from
from workbench.words import SignatureError

Rows = list[dict[str, Any]]


def check_desk(connection: sqlite3.Connection) -> None:
    """Hold the file against its chain. Raises SignatureError that names the first row that does not fit."""
    try:
        rows = checked_chain(connection)
        items = _checked_items(connection, rows)
        standing = _checked_answers(rows, items)
        _check_groups(rows, items)
        _check_slots(connection, items, standing)
    except sqlite3.DatabaseError as error:
        raise SignatureError("the desk's file cannot be read whole", got=str(error)) from None


def _checked_items(connection: sqlite3.Connection, rows: Rows) -> dict[str, ReviewItem]:
    """Return the items, each the one that its row says was put."""
    contents: dict[str, str] = dict(connection.execute("SELECT id, content FROM items").fetchall())
    put = {row["item"]: row for row in rows if row["kind"] == PUT}
    for name, row in put.items():
        where = f"row {row['seq']}, item {name!r}"
        if name not in contents:
            raise SignatureError("an item of the desk is missing", where=where)
        if digest_of_text(str(contents[name])) != row["content"]["item"]:
            raise SignatureError("an item of the desk is not the one that was put", where=where)
    foreign = sorted(set(contents) - set(put))
    if foreign:
        raise SignatureError("the desk has an item that nobody put", where=f"item {foreign[0]!r}")
    return {name: item_from(content) for name, content in contents.items()}


def _checked_answers(rows: Rows, items: dict[str, ReviewItem]) -> dict[int, dict[str, Any]]:
    """Return the rows of the answers that stand, by number; each was an answer to the card of its item."""
    standing: dict[int, dict[str, Any]] = {}
    by_item = defaultdict[str, dict[int, StandingAnswer]](dict)
    for row in rows:
        where = f"row {row['seq']}, item {row['item']!r}"
        before = by_item[row["item"]]
        if row["kind"] == UNDO:
            undone = row["content"]["undoes"]
            if standing.pop(undone, None) is None or before.pop(undone, None) is None:
                raise SignatureError("what was taken back was no answer", where=where)
        if row["kind"] not in ANSWER_KINDS:
            continue
        if row["item"] not in items:
            raise SignatureError("an answer is to an item that nobody put", where=where)
        adjudicates = bool(row["adjudicates"])
        if shown_card(items[row["item"]], list(before.values()), adjudicates=adjudicates).digest != row["shown_digest"]:
            raise SignatureError("an answer is to another card than its item's", where=where)
        before[row["seq"]] = StandingAnswer(row["seq"], row["reviewer"], row["action"], adjudicates)
        standing[row["seq"]] = row
    return standing


def _check_groups(rows: Rows, items: dict[str, ReviewItem]) -> None:
    """Refuse an answer of a group that the item was not put to and did not go up to."""
    known = {name: {item.group} for name, item in items.items()}
    for row in rows:
        if row["kind"] == WENT_UP:
            known[row["item"]].add(row["content"]["to"])
        is_first = row["kind"] in ANSWER_KINDS and not row["adjudicates"]
        if is_first and row["content"]["group"] not in known[row["item"]]:
            raise SignatureError(
                "an answer is of a group that the item was not given to",
                where=f"row {row['seq']}, item {row['item']!r}",
                got=repr(row["content"]["group"]),
            )


def _check_slots(
    connection: sqlite3.Connection, items: dict[str, ReviewItem], standing: dict[int, dict[str, Any]]
) -> None:
    """Hold who answered what, and how many answers each item waits for, against the answers that stand."""
    slots = connection.execute("SELECT answer, item, holder, adjudicates FROM slots").fetchall()
    told = {answer: (item, holder, adjudicates) for answer, item, holder, adjudicates in slots if answer is not None}
    wanted = {seq: (row["item"], row["reviewer"], row["adjudicates"]) for seq, row in standing.items()}
    for seq in sorted({*told, *wanted}):
        if told.get(seq) != wanted.get(seq):
            raise SignatureError("the desk's list of who answered does not fit its answers", where=f"row {seq}")
    first = Counter(item for _, item, _, adjudicates in slots if not adjudicates)
    for name, item in items.items():
        if first[name] != item.needs:
            raise SignatureError(
                "an item waits for another number of people than it was put for",
                where=f"item {name!r}",
                got=f"{first[name]}",
                expected=f"{item.needs}",
            )
