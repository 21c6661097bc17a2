"""Whether the desk's file is what was written: the chain, and items and answers against it."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from typing import Any

from workbench.desk.chain import PUT, UNDO, checked_chain
from workbench.desk.frames import ANSWER_KINDS
from workbench.desk.items import ReviewItem
from workbench.desk.judging import StandingAnswer, shown_card
from workbench.desk.rows import digest_of_text, item_from
from workbench.words import SignatureError


def check_desk(connection: sqlite3.Connection) -> None:
    """Hold the file against its chain. Raises SignatureError that names the first row that does not fit."""
    rows = checked_chain(connection)
    items = _checked_items(connection, rows)
    _check_slots(connection, _checked_answers(rows, items))


def _checked_items(connection: sqlite3.Connection, rows: list[dict[str, Any]]) -> dict[str, ReviewItem]:
    """Return the items, each the one that its row says was put."""
    contents: dict[str, str] = dict(connection.execute("SELECT id, content FROM items").fetchall())
    put = {row["item"]: row for row in rows if row["kind"] == PUT}
    for name, row in put.items():
        where = f"row {row['seq']}, item {name!r}"
        if name not in contents:
            raise SignatureError("an item of the desk is missing", where=where)
        if digest_of_text(contents[name]) != row["content"]["item"]:
            raise SignatureError("an item of the desk is not the one that was put", where=where)
    foreign = sorted(set(contents) - set(put))
    if foreign:
        raise SignatureError("the desk has an item that nobody put", where=f"item {foreign[0]!r}")
    return {name: item_from(content) for name, content in contents.items()}


def _checked_answers(rows: list[dict[str, Any]], items: dict[str, ReviewItem]) -> dict[int, dict[str, Any]]:
    """Return the rows of the answers that stand, by number; each was an answer to the card of its item."""
    standing: dict[int, dict[str, Any]] = {}
    by_item = defaultdict[str, dict[int, StandingAnswer]](dict)
    for row in rows:
        if row["kind"] == UNDO:
            standing.pop(row["content"]["undoes"])
            del by_item[row["item"]][row["content"]["undoes"]]
        if row["kind"] not in ANSWER_KINDS:
            continue
        before = by_item[row["item"]]
        adjudicates = bool(row["adjudicates"])
        card = shown_card(items[row["item"]], list(before.values()), adjudicates=adjudicates)
        if card.digest != row["shown_digest"]:
            raise SignatureError(
                "an answer is to another card than its item's", where=f"row {row['seq']}, item {row['item']!r}"
            )
        before[row["seq"]] = StandingAnswer(row["seq"], row["reviewer"], row["action"], adjudicates)
        standing[row["seq"]] = row
    return standing


def _check_slots(connection: sqlite3.Connection, standing: dict[int, dict[str, Any]]) -> None:
    """Hold who answered what against the answers that stand."""
    found = connection.execute("SELECT answer, item, holder, adjudicates FROM slots WHERE answer IS NOT NULL")
    told = {answer: (item, holder, adjudicates) for answer, item, holder, adjudicates in found}
    wanted = {seq: (row["item"], row["reviewer"], row["adjudicates"]) for seq, row in standing.items()}
    for seq in sorted({*told, *wanted}):
        if told.get(seq) != wanted.get(seq):
            raise SignatureError("the desk's list of who answered does not fit its answers", where=f"row {seq}")
