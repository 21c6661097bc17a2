"""Scripted people at the desk: each sees and answers cards through its page alone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path
from runpy import run_path

from workbench.commands.story.schema import StoryPeople, StoryWords
from workbench.desk import AnswerKind, PageReviewer, SeenCard
from workbench.pilot import QueueName

OTHERWISE = 0  # place of the reason in review.yaml that a script gives where it decides otherwise

Decides = Callable[[str, QueueName, SeenCard], str]


async def decide_all(links: Mapping[str, str], asked: StoryPeople, decides: Decides) -> int:
    """Let everybody decide what waits in a queue, also what waits only once others differ; return how many answers.

    Parameters
    ----------
    links : mapping of str to str
        Everybody's own link, by name.
    decides : callable
        Takes a person's name, the queue and a card, and returns the action that the person chooses.
    """
    words = {one.speaker: one for one in asked.words}
    n, last = 0, -1
    while n != last:
        last = n
        people = [_Scripted(name, link, asked.queue, decides) for name, link in links.items()]
        n += sum(await asyncio.gather(*(one.works(words.pop(one.name, None)) for one in people)))
    return n


class _Scripted:
    """One scripted person."""

    def __init__(self, name: str, link: str, queue: QueueName, decides: Decides) -> None:
        self.name, self.page, self.queue, self.decides = name, PageReviewer(link), queue, decides

    async def works(self, words: StoryWords | None) -> int:
        """Say something at the first card, and answer until nothing waits; return how many answers."""
        n = 0
        async with self.page as page:
            card = await page.next(self.queue)
            if card is not None and words is not None:
                for what, text in words.answers.items():
                    await page.feedback(text, what=what)
                for one in words.issues:
                    await page.feedback(one.text, severity=one.severity)
            while card is not None:
                card = await self._answers(card)
                n += 1
        return n

    async def _answers(self, card: SeenCard) -> SeenCard | None:
        action = self.decides(self.name, self.queue, card)
        if card.recommended is None:
            return await self.page.answer(AnswerKind.DECIDE, action)
        if card.recommended == action:
            return await self.page.answer(AnswerKind.APPROVE)
        return await self.page.answer(AnswerKind.MODIFY, action, card.reasons[OTHERWISE])


def people_of(path: Path, folder: Path) -> Decides:
    """Return how the people of a story decide: what `people(folder)` of the pilot's people.py returns."""
    decides: Decides = run_path(str(path))["people"](folder)
    return decides
