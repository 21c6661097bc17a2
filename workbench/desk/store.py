"""The desk: items in, one at a time to the people who may decide them, and their answers into a chain."""

from __future__ import annotations

import hmac
import sqlite3
import time
from collections.abc import Callable, Iterable
from datetime import datetime
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from workbench.desk.answering import Answering
from workbench.desk.chain import CARRIED_OUT, FEEDBACK, PUT, ChainEnd, Event, head_of
from workbench.desk.items import GivenAnswer, ReviewItem
from workbench.desk.judging import WITH_REASON, ItemStanding, check_text, item_outcome, offered, shown_card
from workbench.desk.leasing import AtDesk, gone_up, is_late, leased, open_slot, send_up, waiting
from workbench.desk.routing import deadline, routed
from workbench.desk.rows import (
    Slot,
    content_of_item,
    digest_of_text,
    is_carried_out,
    item_event,
    item_of,
    standing_answers,
)
from workbench.desk.shapes import Claim, DeskConflictError, Feedback, Progress, Recorded, Settled
from workbench.desk.tables import DeskFile
from workbench.pilot import QueueName, ReviewSettings
from workbench.words import InputError

if TYPE_CHECKING:
    import pandas as pd

LONGEST_FEEDBACK, LONGEST_WORD = 2_000, 100


class Desk:
    """The review desk of one pilot: any threads and processes may use the same file at once.

    Every change is one transaction: a process that is ended at any point leaves it done or not done.

    Parameters
    ----------
    path : Path
        The file, made where there is none.
    now : callable
        Seconds since the epoch.

    Raises
    ------
    InputError
        The file is something else.
    """

    def __init__(self, path: Path, settings: ReviewSettings, now: Callable[[], float] = time.time) -> None:
        self.settings = settings
        self._now, self._file = now, DeskFile(path)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def pseudonym(self, person: str) -> str:
        """Return what the rows call a person."""
        return hmac.digest(self._secret, f"person:{person}".encode(), "sha256").hex()[:12]

    def put(self, items: Iterable[ReviewItem]) -> int:
        """Add items, each in one slot for each person that it needs; return how many are new. All of them or none.

        An item goes up at once where nobody of its group may decide its amount.

        Raises
        ------
        InputError
            An item does not fit review.yaml, or too few people may decide it.
        """
        placed = [routed(item, self.settings, self._secret) for item in items]
        with self._file.writing() as connection:
            end, n_new, now = ChainEnd(connection), 0, float(self._now())
            for one in placed:
                item, content = one.item, content_of_item(one.item)
                added = connection.execute("INSERT OR IGNORE INTO items VALUES (?, ?)", (item.id, content)).rowcount
                if not added:
                    continue
                n_new += 1
                said = {"item": digest_of_text(content)}
                end.add(item_event(PUT, item, now, said, shown_digest=item.shown.digest))
                for team in one.teams:
                    open_slot(connection, item, team, deadline(self.settings, team, now), adjudicates=False)
                for team in sorted(set(one.teams) - {item.group}):
                    end.add(gone_up(item, now, item.group, team, "authority"))
            end.keep()
        return n_new

    def claim(self, person: str, queue: QueueName | None = None) -> Claim | None:
        """Return the next item for a person, who has it until the lease ends; None where nothing waits.

        What the person has already comes first; then what is due first.
        """
        at = self._at(person, queue)
        self.expire()
        with self._file.leasing() as connection:
            slot = leased(connection, at, self.settings.lease_s)
            return None if slot is None else self._shown(connection, slot, at)

    def answer(self, person: str, item: str, given: GivenAnswer, shown_digest: str) -> Recorded:
        """Record a person's answer to the card with a digest; the same answer again returns the same row.

        An answer after the lease counts where nobody else has taken the item meanwhile.

        Raises
        ------
        DeskConflictError
            The item is somebody else's by now, was answered otherwise, or the card was another.
        InputError
            The card does not offer this answer, or the answer lacks a reason.
        """
        at = self._at(person)
        return self._file.together(lambda connection: self._answering(connection, at).answer(item, given, shown_digest))

    def undo(self, person: str) -> Claim:
        """Take back the person's last answer while its lease runs; the item is the same person's again.

        Raises
        ------
        DeskConflictError
            There is none, its time is over, it was carried out, or a disagreement is being decided.
        """
        at = self._at(person)
        return self._file.together(
            lambda connection: self._shown(connection, self._answering(connection, at).undo(), at)
        )

    def progress(self, person: str) -> Progress:
        """Return what waits for a person and what the person has decided since midnight."""
        at = self._at(person)
        midnight = datetime.fromtimestamp(at.now).replace(hour=0, minute=0, second=0, microsecond=0).timestamp()
        with self._file.reading() as connection:
            by_queue, due = waiting(connection, at)
            decided = connection.execute(
                "SELECT count(*) FROM slots s JOIN chain c ON c.seq = s.answer WHERE c.reviewer = ? AND c.decided >= ?",
                (at.pseudonym, midnight),
            ).fetchone()[0]
        return Progress(sum(by_queue.values()), decided, due, by_queue)

    def expire(self) -> int:
        """Give what nobody decided in time to the group above; return how many items moved.

        An item of the topmost group is marked overdue instead.
        """
        now = float(self._now())
        with self._file.reading() as connection:
            if not is_late(connection, now):
                return 0
        with self._file.writing() as connection:
            return send_up(connection, self.settings, self._ids, now)

    def settled(self, *, final: bool = False) -> list[Settled]:
        """Return the items that people have decided, without planted ones, in the order in which they were completed.

        Parameters
        ----------
        final : bool
            Whether those are among them whose answers can still be taken back.
        """
        from workbench.desk.frames import settled_items

        with self._file.reading() as connection:
            return settled_items(connection, None if final else float(self._now()), self._names)

    def carried_out(self, item: str, receipt: str) -> bool:
        """Note that an item's decision was written back; True exactly once for an item.

        Raises
        ------
        InputError
            There is no such item, or it was planted and is never carried out.
        DeskConflictError
            It is not decided: an answer was taken back meanwhile.
        """
        check_text("receipt", receipt, LONGEST_FEEDBACK)
        with self._file.writing() as connection:
            known = item_of(connection, item)
            if known.planted is not None:
                raise InputError("a planted item is never carried out", where=f"item {item!r}")
            if item_outcome(known, standing_answers(connection, item)).standing is not ItemStanding.COMPLETE:
                raise DeskConflictError("the item is not decided", where=f"item {item!r}")
            if is_carried_out(connection, item):
                return False
            end = ChainEnd(connection)
            end.add(item_event(CARRIED_OUT, known, float(self._now()), {"receipt": receipt}))
            end.keep()
            return True

    def feedback(self, person: str, said: Feedback) -> int:
        """Record what a person says about a record; return its row in the chain.

        Raises
        ------
        InputError
            There is no such item, or a text is empty or too long.
        """
        at = self._at(person)
        for name, text, longest in (
            ("record", said.record_id, LONGEST_FEEDBACK),
            ("kind", said.kind, LONGEST_WORD),
            ("severity", said.severity, LONGEST_WORD),
            ("text", said.text, LONGEST_FEEDBACK),
        ):
            check_text(name, text, longest)
        if not said.record_id or not said.kind:
            raise InputError("feedback names a record and its kind")
        content = {"kind": said.kind, "severity": said.severity, "text": said.text, "wants": said.wants.value}
        with self._file.writing() as connection:
            queue = None if said.item is None else item_of(connection, said.item).queue.value
            where: dict[str, Any] = {"item": said.item, "queue": queue, "record_id": said.record_id}
            end = ChainEnd(connection)
            row = end.add(Event(FEEDBACK, at.now, content, reviewer=at.pseudonym, **where))
            end.keep()
        return row

    def answers(self) -> pd.DataFrame:
        """Return every answer and every one taken back, a row each, in the order of the chain."""
        from workbench.desk.frames import answers_frame

        with self._file.reading() as connection:
            return answers_frame(connection, self._names)

    def items(self) -> pd.DataFrame:
        """Return every item with how far it is, a row each, in the order in which they were put."""
        from workbench.desk.frames import items_frame

        with self._file.reading() as connection:
            return items_frame(connection)

    def feedbacks(self) -> pd.DataFrame:
        """Return all feedback, a row each, in order."""
        from workbench.desk.frames import feedback_frame

        with self._file.reading() as connection:
            return feedback_frame(connection, self._names)

    def check(self) -> None:
        """Hold the chain from its first row to its head, and items and answers against it.

        Raises
        ------
        SignatureError
            Something was changed, dropped, moved or put in; the row is named.
        """
        from workbench.desk.checking import check_desk

        with self._file.reading() as connection:
            check_desk(connection)

    def head(self) -> tuple[str, int]:
        """Return digest and number of the last row: whoever notes both can tell later whether rows were lost."""
        with self._file.reading() as connection:
            return head_of(connection)

    @cached_property
    def _secret(self) -> bytes:
        return self._file.secret

    @cached_property
    def _ids(self) -> dict[str, str]:
        return {self.pseudonym(person.id): person.id for person in self.settings.people}

    @property
    def _names(self) -> dict[str, str]:
        """What the people are called in tables, by pseudonym; empty where names are not shown."""
        return self._ids if self.settings.names_shown else {}

    def _at(self, person: str, queue: QueueName | None = None) -> AtDesk:
        return AtDesk(self.settings.person(person), self.pseudonym(person), float(self._now()), queue)

    def _answering(self, connection: sqlite3.Connection, at: AtDesk) -> Answering:
        return Answering(connection, self.settings, self._ids, at)

    def _shown(self, connection: sqlite3.Connection, slot: Slot, at: AtDesk) -> Claim:
        item = item_of(connection, slot.item)
        card = shown_card(item, standing_answers(connection, slot.item), adjudicates=slot.adjudicates)
        may_undo = self._answering(connection, at).undoable() is not None
        needs_reason = not WITH_REASON.isdisjoint(offered(card))
        return Claim(slot.item, item.queue, card, card.digest, slot.lease_until, slot.due, needs_reason, may_undo)
