"""People at the review desk at once: scripted ones, who decide faster than any person; one, two, four and so on."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from tqdm.auto import tqdm

from workbench.desk import AnswerKind, Card, Desk, PageReviewer, ReviewItem, SeenCard, ShownField
from workbench.environment import waited_for
from workbench.load_testing.served_desk import SERVER, desk_links, served_desk
from workbench.load_testing.taps import CONFLICT, ERROR, OK
from workbench.pilot import LoadSettings, QueueName, ReviewGroup, ReviewPerson, ReviewQueue, ReviewSettings
from workbench.records import Record
from workbench.words import RunError

FEWEST_ITEMS = 200  # of each level, whatever a day hands over
FEWEST_TAPS, TIMES_LONGER = 100, 4  # a level goes on until then, so that its p95 has an upper bound, but no longer
PAUSE_S = 0.2  # on average between a card and its tap: less than anybody needs to read it
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
    pause_s : float
        Between a card and its tap, on average; drawn by the seed.
    """

    records: Sequence[Record]
    actions: tuple[str, ...]
    items: int
    settings: LoadSettings
    pause_s: float = PAUSE_S

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
    links = desk_links(secret)
    with tempfile.TemporaryDirectory(prefix="workbench-desk-") as folder:
        file, rows = Path(folder) / "desk.db", []
        with Desk(file, review) as desk, served_desk(file, review, secret, server) as address:
            for level in tqdm(load.levels, "reviewers at once", disable=not show_progress):
                desk.put(load.items_of(level))
                ways = {name: links.link_for(name, address, time.time()) for name in _people(level)}
                rows += waited_for(_AtOnce(load, level).taps(ways))
        with Desk(file, review) as desk:
            items, answers = desk.items(), desk.answers()
    taps = pd.DataFrame(rows, columns=list(TAP_COLUMNS))
    return ReviewedDesk(taps, _levelled(items[["item", "needs"]]), _levelled(answers[["item", "reviewer", "kind"]]))


class _AtOnce:
    """So many reviewers at once, each with the next card after each tap."""

    def __init__(self, load: ReviewLoad, level: int) -> None:
        self._load, self._level = load, level
        self._at_most_s = load.settings.reviewers_at_most_s / len(load.levels)
        self._start, self._rows = time.perf_counter(), list[tuple[Any, ...]]()

    async def taps(self, ways: Mapping[str, str]) -> list[tuple[Any, ...]]:
        """Let each person decide until nothing waits, or the time is over, and return the rows of all taps."""
        self._start = time.perf_counter()
        await asyncio.gather(*(self._person(name, link) for name, link in ways.items()))
        return self._rows

    async def _person(self, name: str, link: str) -> None:
        rng = np.random.default_rng([self._load.settings.seed, _draw(name)])
        with suppress(RunError):  # of a page that does not come, after the tap that got no answer
            async with PageReviewer(link, PATIENCE_S) as page:
                card = await page.next()
                while card is not None and self._goes_on():
                    await asyncio.sleep(float(rng.exponential(self._load.pause_s)))
                    outcome, card = await self._tapped(page, name, card)
                    card = await page.next() if outcome == ERROR else card

    async def _tapped(self, page: PageReviewer, name: str, card: SeenCard) -> tuple[str, SeenCard | None]:
        """Decide a card, note how that went, and return it with the next card."""
        kind, action, reason = _choice(card)
        peeked, following = _is_peeked(card, page.bodies[-1]), None
        sent_s = self._now()
        try:
            following = await page.answer(kind, action, reason)
            outcome = {200: OK, 409: CONFLICT}.get(page.statuses[-1], ERROR)
        except RunError:
            outcome = ERROR
        self._rows.append((self._level, name, card.item, kind.value, sent_s, self._now(), outcome, peeked))
        return outcome, following

    def _goes_on(self) -> bool:
        """Return whether there is time left, or there were too few taps to tell how long one takes."""
        at_most_s = self._at_most_s * (1 if len(self._rows) >= FEWEST_TAPS else TIMES_LONGER)
        return self._now() < at_most_s

    def _now(self) -> float:
        return time.perf_counter() - self._start


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
