"""Many reviewers at one desk's page at once, and a server that is killed meanwhile; what they saw and were told."""

from __future__ import annotations

import asyncio
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from desk_pages import CARD, REASONS
from ticket_records import write_tickets

from workbench.commands.scaffold import Columns, init_pilot
from workbench.desk import AnswerKind, PageReviewer, ReviewItem, SeenCard, open_desk
from workbench.pilot import Pilot, QueueName, open_pilot

PILOT = "tickets"
PEOPLE = 16
HIDDEN, TOLD = "HIDDEN-", "TOLD-"  # what no page of a blind card may say, and what no page may say of other people
PATIENCE_S = 60.0
LINK = re.compile(r"^  (?P<name>.+): (?P<link>http\S+)$", re.MULTILINE)
ROOT = Path(__file__).parent.parent


def crowd_pilot(root: Path) -> Pilot:
    """Make a pilot with sixteen people of whom four decide where two disagree."""
    init_pilot(PILOT, write_tickets(root / "in" / "tickets.csv", 40), Columns(label="queue", id="ticket"), root)
    people = "\n".join(
        f"  - {{id: p{number}, name: Person {number}, groups: [clerks{', leads' if number < 4 else ''}]}}"
        for number in range(PEOPLE)
    )
    reasons = "\n".join(f"  - {reason}" for reason in REASONS)
    (root / "eval_suites" / PILOT / "review.yaml").write_text(
        f"people:\n{people}\ngroups:\n  - {{id: clerks, goes_up_to: leads}}\n  - {{id: leads}}\nadjudicators: leads\n"
        f"queues:\n  audit: {{blind: true, double_share: 0.2}}\nreasons:\n{reasons}\nlease_s: 600\n",
        encoding="utf-8",
    )
    return open_pilot(PILOT, root)


def crowd_items(n: int) -> list[ReviewItem]:
    """Return items of which every second is blind: what its page may not say begins with `HIDDEN`."""
    items = []
    for number in range(n):
        name, is_blind = f"I{number:05}", number % 2 == 1
        hidden = f"{HIDDEN}{name}" if is_blind else "it is dearer"
        card = replace(CARD, title=f"Invoice {name}", assessment=hidden, reasoning=hidden, rule=hidden, trace=(hidden,))
        queue = QueueName.AUDIT if is_blind else QueueName.ESCALATIONS
        items.append(ReviewItem(name, queue, f"R{number:05}", "clerks", card, four_eyes=number % 10 == 0))
    return items


@dataclass
class ServedDesk:
    """`workbench review` in a process of its own, which can be killed and started again at the same port."""

    root: Path
    home: Path
    port: int = 0
    links: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Start it, and read the links that it prints."""
        environment = {**os.environ, "XDG_CONFIG_HOME": str(self.home), "PYTHONPATH": str(ROOT)}
        command = [
            sys.executable,
            "-m",
            "workbench",
            "review",
            PILOT,
            "--port",
            str(self.port),
            "--root",
            str(self.root),
        ]
        self.process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        for line in self.process.stdout:
            found = LINK.match(line)
            if found and not self.port:
                self.port = int(found["link"].split(":")[2].split("/")[0])
            if found:
                self.links.setdefault(found["name"], found["link"])
            if line.startswith("Ctrl-C"):
                return
        raise AssertionError("the desk has not started")

    def kill(self) -> None:
        """End it at once, as a power cut would."""
        self.end(signal.SIGKILL)

    def end(self, number: int = signal.SIGINT) -> int:
        """End it by a signal and return its exit code."""
        assert self.process is not None
        self.process.send_signal(number)
        code = self.process.wait(30)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code


@dataclass
class Crowd:
    """What sixteen people did and saw.

    Parameters
    ----------
    told : list
        Answers that a page called stored, and that were not taken back: person, item.
    """

    told: set[tuple[str, str]] = field(default_factory=set)
    bodies: list[str] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    taps: int = 0
    requests: int = 0

    async def work(self, person: str, link: str, seed: int, think_s: float) -> int:
        """Decide until nothing waits; return how many times."""
        draw, before = random.Random(seed), len(self.seconds)
        async with PageReviewer(link, PATIENCE_S) as page:
            card = await self._tap(page.next())
            while card is not None:
                await asyncio.sleep(draw.expovariate(1 / think_s) if think_s else 0)
                now = card.item
                begun = time.perf_counter()
                if draw.random() < 0.03:
                    card = await self._tap(page.next())  # reloads the page
                    continue
                card = await self._tap(self._answer(page, card, person, draw))
                self.seconds.append(time.perf_counter() - begun)
                if page.said.startswith("Stored"):
                    self.told.add((person, now))
                    if draw.random() < 0.05:
                        card = await self._tap(page.undo())
                        if page.said.startswith("Undone"):
                            self.told.discard((person, now))
            self.bodies += page.bodies
            self.statuses += page.statuses
            self.requests += page.sent
        return len(self.seconds) - before

    async def _answer(self, page: PageReviewer, card: SeenCard, person: str, draw: random.Random) -> SeenCard | None:
        note = f"{TOLD}{person}-{card.item}"
        wrong = draw.random() < 0.1
        if card.recommended is None:
            return await page.answer(AnswerKind.DECIDE, "reject" if wrong else "approve", note=note)
        if wrong:
            return await page.answer(AnswerKind.MODIFY, card.actions[0], draw.choice(REASONS), note)
        return await page.answer(AnswerKind.APPROVE, note=note)

    async def _tap(self, done: object) -> SeenCard | None:
        self.taps += 1
        return await done  # type: ignore[misc,no-any-return]


async def decided(crowd: Crowd, links: Mapping[str, str], think_s: float = 0.0, seed: int = 1) -> None:
    """Let everybody work until nothing waits for anybody: what two disagree on waits for a third."""
    while True:
        work = [
            crowd.work(f"p{name.rpartition(' ')[2]}", link, 100 * seed + number, think_s)
            for number, (name, link) in enumerate(links.items())
        ]
        if not any(await asyncio.gather(*work)):
            return
        seed += 1


async def decided_while_killed(crowd: Crowd, served: ServedDesk, items: int, times: int) -> None:
    """Let everybody work while the server is killed and started again, each time after as many answers more."""
    work = asyncio.create_task(decided(crowd, dict(served.links)))
    for number in range(1, times + 1):
        while len(crowd.seconds) < number * items / (times + 1):
            assert not work.done(), "everything was decided before the server was killed"
            await asyncio.sleep(0.01)
        await asyncio.to_thread(served.kill)
        await asyncio.to_thread(served.start)
    await work


def lost_double_peeked(pilot: Pilot, crowd: Crowd, n: int) -> tuple[int, int, int]:
    """Return how many answers are lost, how many count twice, and how many pages say what they must not."""
    with open_desk(pilot) as desk:
        desk.check()
        answers, items = desk.answers(), desk.items()
        people = {desk.pseudonym(one.id): one.id for one in desk.settings.people}
        undecided = n - len(desk.settled(final=True))
    standing = answers[answers["in_force"]]
    held = {(people[who], name) for who, name in standing[["reviewer", "item"]].itertuples(index=False, name=None)}
    double = int(standing.duplicated(["item", "reviewer"]).sum())
    first = standing[standing["adjudicates"] == 0]["item"].value_counts()
    wrong = [
        name for name, needs in items[["item", "needs"]].itertuples(index=False, name=None) if first[name] != needs
    ]
    peeked = sum(HIDDEN in body or TOLD in body for body in crowd.bodies)
    return len(crowd.told - held) + undecided, double + len(wrong), peeked
