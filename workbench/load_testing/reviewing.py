"""People at the review desk at once: scripted ones, who tap as fast as the desk answers, one, two, four and so on."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from tqdm.auto import tqdm

from workbench.desk import AnswerKind, Card, Desk, Links, PageReviewer, ReviewItem, SeenCard, ShownField
from workbench.load_testing.served_desk import SERVER, served_desk
from workbench.load_testing.taps import CONFLICT, ERROR, OK
from workbench.pilot import LoadSettings, QueueName, ReviewGroup, ReviewPerson, ReviewQueue, ReviewSettings
from workbench.records import Record
from workbench.words import RunError

FEWEST_TAPS = 200  # of a level, so that its p95 has an upper bound far from its slowest taps
BLIND_EVERY, DOUBLE_SHARE = 2, 0.1
PATIENCE_S = 10.0  # for one answer of the desk; what takes longer is an error
REASONS = ("the documents say otherwise", "the wrong rule was applied")
TAP_COLUMNS = ("at_once", "person", "item", "kind", "sent_s", "done_s", "outcome", "peeked")
HIDDEN = "hidden from whoever decides blind"
PLAYED = "A load test: scripted reviewers decide, on cards made of development records."


@dataclass(frozen=True, slots=True)
class ReviewLoad:
    """What reviewers are put before.

    Parameters
    ----------
    records : sequence of Record
        Cards are made of their shown fields, again and again where there are fewer than items.
    actions : tuple of str
    items : int
        Decisions of each level.
    settings : LoadSettings
    """

    records: Sequence[Record]
    actions: tuple[str, ...]
    items: int
    settings: LoadSettings

    @property
    def levels(self) -> tuple[int, ...]:
        """How many reviewers at once: one, two, four and so on, at last those of load.yaml.

        Examples
        --------
        >>> ReviewLoad((), (), 1, LoadSettings(reviewers=6)).levels
        (1, 2, 4, 6)
        """
        most = self.settings.reviewers
        doubled = [2**step for step in range(most.bit_length()) if 2**step < most]
        return (*doubled, most)

    def review(self) -> ReviewSettings:
        """Return a review.yaml of its own: a group for each level, half of the items blind, a tenth decided twice."""
        groups = tuple(ReviewGroup(id=_group(level)) for level in self.levels)
        people = tuple(
            ReviewPerson(id=name, name=f"Reviewer {name}", groups=(_group(level),))
            for level in self.levels for name in _people(level)
        )  # fmt: skip
        queues = {
            QueueName.ESCALATIONS: ReviewQueue(double_share=DOUBLE_SHARE),
            QueueName.AUDIT: ReviewQueue(blind=True, double_share=DOUBLE_SHARE),
        }
        return ReviewSettings(
            people=people, groups=groups, adjudicators=groups[-1].id, queues=queues, reasons=REASONS, played=PLAYED
        )

    def items_of(self, level: int) -> Iterator[ReviewItem]:
        """Yield the decisions of a level."""
        for place in range(self.items):
            record = self.records[place % len(self.records)]
            is_blind = place % BLIND_EVERY == 1
            queue = QueueName.AUDIT if is_blind else QueueName.ESCALATIONS
            name = f"load-{level}-{place}"
            yield ReviewItem(name, queue, record.id, _group(level), self._card(record), is_blind=is_blind)

    def _card(self, record: Record) -> Card:
        evidence = tuple(ShownField(name, str(value), "development record") for name, value in record.fields.items())
        recommended = self.actions[_draw(record.id) % len(self.actions)]
        return Card(
            f"Record {record.id}", HIDDEN, self.actions, recommended, 0.5, 0.9, evidence, HIDDEN, HIDDEN, (HIDDEN,)
        )


@dataclass(frozen=True, slots=True, eq=False)
class ReviewedDesk:
    """What was seen of a desk under load, as tables.

    Parameters
    ----------
    taps : DataFrame
        A row for each tap: the level, who, on what, `sent_s` and `done_s` from the level's start, whether the desk said
        that it is stored (`outcome` ok), and whether the page showed what a blind card must not (`peeked`).
    items : DataFrame
        Every item with the people that it needs.
    answers : DataFrame
        The rows of the desk's file afterwards.
    """

    taps: pd.DataFrame
    items: pd.DataFrame
    answers: pd.DataFrame


def reviewed_desk(load: ReviewLoad, server: Sequence[str] = SERVER, *, show_progress: bool = True) -> ReviewedDesk:
    """Let more and more reviewers decide at a desk that is served by a process of its own.

    Raises
    ------
    RunError
        The desk does not start, or lets nobody in.
    """
    secret, review = secrets.token_bytes(32), load.review()
    each_s, links = load.settings.reviewers_at_most_s / len(load.levels), Links(secret)
    with tempfile.TemporaryDirectory(prefix="workbench-desk-") as folder:
        file, rows = Path(folder) / "desk.db", []
        with Desk(file, review) as desk, served_desk(file, review, secret, server) as address:
            for level in tqdm(load.levels, "reviewers at once", disable=not show_progress):
                desk.put(load.items_of(level))
                ways = {name: links.link_for(name, address, time.time()) for name in _people(level)}
                rows += asyncio.run(_level(level, ways, each_s))
        with Desk(file, review) as desk:
            items, answers = desk.items(), desk.answers()
    taps = pd.DataFrame(rows, columns=list(TAP_COLUMNS))
    return ReviewedDesk(taps, _levelled(items[["item", "needs"]]), _levelled(answers[["item", "reviewer", "kind"]]))


async def _level(level: int, ways: Mapping[str, str], at_most_s: float) -> list[tuple[Any, ...]]:
    """Let each person decide until nothing waits, or the time is over, and return the rows of their taps."""
    start = time.perf_counter()
    done = await asyncio.gather(*(_person(level, name, link, start, at_most_s) for name, link in ways.items()))
    return [row for rows in done for row in rows]


async def _person(level: int, name: str, link: str, start: float, at_most_s: float) -> list[tuple[Any, ...]]:
    rows: list[tuple[Any, ...]] = []
    async with PageReviewer(link, PATIENCE_S) as page:
        card = await page.next()
        while card is not None and time.perf_counter() - start < at_most_s:
            kind, action, reason = _choice(card)
            before = level, name, card.item, kind.value, time.perf_counter() - start
            peeked = _is_peeked(card, page.bodies[-1])
            try:
                card = await page.answer(kind, action, reason)
                outcome = {200: OK, 409: CONFLICT}.get(page.statuses[-1], ERROR)
            except RunError:
                outcome = ERROR
            rows.append((*before, time.perf_counter() - start, outcome, peeked))
            if outcome == ERROR:  # the page after it has no card to go on with
                card = await page.next()
    return rows


def _choice(card: SeenCard) -> tuple[AnswerKind, str | None, str]:
    """Return what is tapped: by the item alone, so that two people choose alike."""
    drawn = _draw(card.item)
    if card.recommended is None:
        return AnswerKind.DECIDE, card.actions[drawn % len(card.actions)], ""
    if drawn % 10 == 0:
        return AnswerKind.REJECT, None, REASONS[0]
    if drawn % 5 == 0 and card.actions:
        return AnswerKind.MODIFY, card.actions[drawn % len(card.actions)], REASONS[1]
    return AnswerKind.APPROVE, None, ""


def _is_peeked(card: SeenCard, body: str) -> bool:
    """Return whether a card that is decided blind shows what it must not."""
    is_blind = int(card.item.rpartition("-")[2]) % BLIND_EVERY == 1
    return is_blind and (card.recommended is not None or HIDDEN in body)


def _levelled(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table with the level of each item."""
    return table.assign(at_once=[int(str(name).split("-")[1]) for name in table["item"]]).reset_index(drop=True)


def _people(level: int) -> list[str]:
    return [f"at-{level}-{number}" for number in range(1, level + 1)]


def _group(level: int) -> str:
    return f"{level} at once"


def _draw(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")
