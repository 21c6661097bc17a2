"""Answers inside one transaction: given, taken back, and what they come to."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from workbench.desk.chain import UNDO, ChainEnd, Event
from workbench.desk.items import AnswerKind, GivenAnswer, ReviewItem
from workbench.desk.judging import ItemStanding, StandingAnswer, final_action, item_outcome, shown_card
from workbench.desk.leasing import AtDesk, open_slot
from workbench.desk.routing import deadline, lowest_team, may_decide
from workbench.desk.rows import Slot, is_carried_out, item_event, item_of, slots_of, standing_answers
from workbench.desk.shapes import DeskConflictError, Recorded
from workbench.pilot import ReviewSettings

LAST = """SELECT seq, item, kind, lease_until FROM chain
    WHERE reviewer = ? AND kind IN ('approve', 'modify', 'reject', 'decide', 'undo') ORDER BY seq DESC LIMIT 1"""


@dataclass(frozen=True, slots=True)
class Answering:
    """One person's answers inside one transaction; `ids` are people's by pseudonym."""

    connection: sqlite3.Connection
    settings: ReviewSettings
    ids: Mapping[str, str]
    at: AtDesk

    def answer(self, name: str, given: GivenAnswer, shown_digest: str) -> Recorded:
        """Record an answer, or find the same one recorded; see `Desk.answer`."""
        item = item_of(self.connection, name)
        slot = next((one for one in slots_of(self.connection, name) if one.holder == self.at.pseudonym), None)
        if slot is None:
            raise DeskConflictError(
                "the item is no longer yours", where=f"item {name!r}", got="it was taken by somebody else or went up"
            )
        if slot.answer is not None:
            return self._again(slot.answer, item, given)
        card = shown_card(item, standing_answers(self.connection, name), adjudicates=slot.adjudicates)
        if card.digest != shown_digest:
            raise DeskConflictError("this answer is to another card", where=f"item {name!r}")
        if not may_decide(self.at.person, slot.team, slot.amount):
            raise DeskConflictError("the item is beyond your authority by now", where=f"item {name!r}")
        return self._recorded(slot, item, given, final_action(given, card), shown_digest)

    def undo(self) -> Slot:
        """Take the last answer back, or find it just taken back; see `Desk.undo`."""
        slot = self._given_back()
        if slot is not None:
            return slot
        slot = self.undoable()
        if slot is None:
            raise DeskConflictError("nothing can be taken back", got="no answer, its time is over, or it was acted on")
        now, until = self.at.now, self.at.now + self.settings.lease_s
        item, end = item_of(self.connection, slot.item), ChainEnd(self.connection)
        self.connection.execute("DELETE FROM slots WHERE item = ? AND rowid > ? AND adjudicates", (item.id, slot.rowid))
        self.connection.execute(
            "UPDATE slots SET answer = NULL, opened = ?, lease_until = ?, given_back = 1 WHERE rowid = ?",
            (now, until, slot.rowid),
        )
        end.add(self._event(UNDO, item, slot, {"undoes": slot.answer, "group": slot.team}))
        end.keep()
        return next(one for one in slots_of(self.connection, item.id) if one.rowid == slot.rowid)

    def undoable(self) -> Slot | None:
        """Return the slot of the person's last answer if it can be taken back now."""
        last = self._last()
        if last is None or last["kind"] == UNDO or last["lease_until"] <= self.at.now:
            return None
        slots = slots_of(self.connection, last["item"])
        own = next(one for one in slots if one.answer == last["seq"])
        is_acted_on = any(one.adjudicates and one.rowid > own.rowid and one.holder is not None for one in slots)
        return None if is_acted_on or is_carried_out(self.connection, own.item) else own

    def _recorded(
        self, slot: Slot, item: ReviewItem, given: GivenAnswer, action: str | None, shown_digest: str
    ) -> Recorded:
        """Add the row, close the slot, and open one for an adjudicator where people disagree."""
        end, before = ChainEnd(self.connection), standing_answers(self.connection, item.id)
        answer = StandingAnswer(end.count + 1, self.at.pseudonym, action, slot.adjudicates)
        outcome = item_outcome(item, [*before, answer])
        completes = outcome.standing is ItemStanding.COMPLETE
        texts = {"action": action, "reason": given.reason, "note": given.note, "shown_digest": shown_digest}
        said = {"completes": completes, "group": slot.team}
        seq = end.add(self._event(given.kind.value, item, slot, said, **texts))
        end.keep()
        self.connection.execute("UPDATE slots SET answer = ?, given_back = 0 WHERE rowid = ?", (seq, slot.rowid))
        if outcome.standing is ItemStanding.DISAGREED:
            self._ask_adjudicator(item)
        return Recorded(seq, completes)

    def _ask_adjudicator(self, item: ReviewItem) -> None:
        """Open a slot for somebody who has not answered the item: of the adjudicators, or above them."""
        top, answers = self.settings.adjudicators, standing_answers(self.connection, item.id)
        answered = frozenset(self.ids[one.reviewer] for one in answers if one.reviewer in self.ids)
        found = lowest_team(self.settings, top, item.amount, without=answered)
        team = top if found is None else found  # nobody is left: it is overdue there, for all to see
        open_slot(self.connection, item, team, deadline(self.settings, team, self.at.now), adjudicates=True)

    def _again(self, seq: int, item: ReviewItem, given: GivenAnswer) -> Recorded:
        """Return what was recorded if the answer is the same, as after a double click."""
        kind, action, reason, note, content = self.connection.execute(
            "SELECT kind, action, reason, note, content FROM chain WHERE seq = ?", (seq,)
        ).fetchone()
        named = item.card.recommended if given.kind is AnswerKind.APPROVE else given.action
        if (given.kind.value, named, given.reason, given.note) != (kind, action, reason, note):
            raise DeskConflictError("you have answered this item already", where=f"item {item.id!r}", got=str(kind))
        return Recorded(seq, json.loads(content)["completes"])

    def _given_back(self) -> Slot | None:
        """Return the slot that the person's last row gave back, while it is the person's."""
        last = self._last()
        if last is None or last["kind"] != UNDO:
            return None
        slots = slots_of(self.connection, last["item"])
        return next((one for one in slots if one.given_back and one.holder == self.at.pseudonym), None)

    def _last(self) -> dict[str, Any] | None:
        found = self.connection.execute(LAST, (self.at.pseudonym,)).fetchone()
        return None if found is None else dict(zip(("seq", "item", "kind", "lease_until"), found, strict=True))

    def _event(self, kind: str, item: ReviewItem, slot: Slot, content: Mapping[str, object], **cells: Any) -> Event:
        about = {"reviewer": self.at.pseudonym, "adjudicates": int(slot.adjudicates), "opened": slot.opened}
        return item_event(kind, item, self.at.now, content, lease_until=slot.lease_until, **about, **cells)
