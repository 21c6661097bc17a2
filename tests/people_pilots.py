"""One small pilot from its signed charter to both gates; its scripted people act through the desk's own page alone."""

from __future__ import annotations

import asyncio
import io
import json
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from acting_pilots import acting_pilot
from answering_pilots import key_of, run, sign, with_store, write
from desk_pages import links_of, served
from review_pilots import AGENT, ENVIRONMENT, PROCESS

from workbench.commands.cli import main
from workbench.desk import AnswerKind, PageReviewer, SeenCard, open_desk
from workbench.desk import tables as desk_tables
from workbench.pilot import Pilot, open_pilot
from workbench.pilot.signing import Signer, sign_document
from workbench.pilot.signing.keys import new_key

SIDE = 0.5
PLAYED = "scripts answered, who read the documents"
SAYS_OTHERWISE, MISSING = "the documents say otherwise", "something is missing"
CHARTER: dict[str, Any] = {
    "process": "Invoices are approved, rejected or escalated.",
    "kpis": [{"id": "right", "metric": "accuracy", "operator": ">=", "target": 0.5, "confidence_level": 0.95}],
    "stakeholders": [
        {"role": "sponsor", "name": "Ann", "signs": True},
        {"role": "IT owner", "name": "Bo", "signs": True},
    ],
    "authority": [
        {"id": "limit", "description": "Amount up to which the agent decides.", "at_most": 10000, "column": "amount",
         "to": "controllers", "when": {"column": "amount", "values": ["10300", "11000"]}},
    ],
    "volume": {"records_per_day": 100},
}  # fmt: skip
REVIEW: dict[str, Any] = {
    "people": [
        {"id": "ann", "name": "Ann Ek", "groups": ["clerks", "first session"]},
        {"id": "ben", "name": "Ben Ode", "groups": ["clerks"]},
        {"id": "cem", "name": "Cem Aras", "groups": ["controllers", "first session"]},
        {"id": "dee", "name": "Dee Wolf", "groups": ["controllers"]},
        {"id": "eve", "name": "Eve Lund", "groups": ["purchasing"]},
        {"id": "fay", "name": "Fay Roth", "groups": ["purchasing"]},
        {"id": "gus", "name": "Gus Bley", "groups": ["lead"]},
    ],
    "groups": [
        {"id": "clerks", "deadline_h": 1000, "goes_up_to": "lead"},
        {"id": "controllers", "deadline_h": 1000, "goes_up_to": "lead"},
        {"id": "purchasing", "deadline_h": 1000},
        {"id": "lead", "deadline_h": 1000},
        {"id": "first session", "deadline_h": 1000},
    ],
    "adjudicators": "lead",
    "queues": {
        "escalations": {"planted_share": 0.4, "double_share": 0.5},
        "acceptance": {"planted_share": 0.2, "double_share": 1.0},
    },
    "reasons": [SAYS_OTHERWISE, MISSING],
    "arguments": {"assigned_to": "group"},
    "lease_s": 36000,  # no time decides anything here
}
PLAN: dict[str, Any] = {
    "title": "Acceptance of small",
    "owner": {"name": "Bo", "role": "IT owner"},
    "least_sessions": 1,
    "least_users": 2,
    "participants": [{"id": "ann", "role": "clerk"}, {"id": "cem", "role": "controller"}],
    "sessions": [
        {"id": "one", "day": "2026-12-07", "group": "first session", "participants": ["ann", "cem"], "records": 10},
    ],
}


def _metric(name: str, operator: str, target: float) -> dict[str, Any]:
    return {"id": name.replace("_", "-"), "metric": name, "operator": operator, "target": target}


WORKFLOW = [
    {"id": "right", "kpi": "right"},
    {"id": "human-workflow", "check": "human_workflow", "each": 3},
    *(_metric(f"review_{name}", "<=", 0) for name in ("wrong_group", "unanswered", "overdue", "lost", "doubled")),
    _metric("planted_caught", ">=", 0.3),
    _metric("review_ac1", ">=", 0.2),
]
USERS = [
    {"id": "acceptance", "check": "acceptance"},
    _metric("acceptance_open_critical", "<=", 0),
    _metric("acceptance_ac1", ">=", 0.2),
    _metric("acceptance_users", ">=", 2),
]
GATES = {
    "gates": {
        1: {"title": "Later", "criteria": [{"id": "load", "check": "load"}]},
        2: {"title": "Do people decide what they must?", "criteria": WORKFLOW},
        3: {"title": "Do people accept it?", "criteria": USERS},
    }
}
# What is said in the session: an answer to each of the four questions, and an issue of each severity.
ANSWERED = {
    "common": "yes, those of every day",
    "escalates": "yes",
    "intuitive": "the order's number should come first",
    "missing": "invoices of two orders",
}
ISSUES = {
    "critical": "it paid an order twice",
    "high": "it stops at holidays",
    "medium": "the reason is too short",
    "low": "a word is misspelt",
}


def opened_people(root: Path) -> None:
    """Write the pilot, signed, with its holdout opened; nothing was put to people."""
    pilot = acting_pilot(root, {"clerk": AGENT}, 160, ENVIRONMENT, SIDE)
    files = {"process": PROCESS, "charter": CHARTER, "review": REVIEW, "acceptance": PLAN, "gates": GATES}
    for name, content in files.items():
        write(pilot, f"{name}.yaml", content)
    new_key(root / "keys" / "key.pem")
    pilot = sign(open_pilot(pilot.name, root))
    sign_document(pilot.suite, "acceptance.yaml", Signer("Bo", "IT owner"), key_of(pilot, "IT owner"))
    run(pilot, "clerk")


def command(root: Path, *arguments: str) -> tuple[int, str]:
    """Run the command `workbench` under a root in this process; return exit code and what it printed.

    A desk that it makes has always the same secret, so that the same items are drawn for two people.
    """
    said, code = io.TextIOWrapper(io.BytesIO(), "utf-8"), 0
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(said):
        patch.setattr(desk_tables, "secrets", SimpleNamespace(token_hex=lambda n: "0123456789abcdef" * (n // 8)))
        patch.setattr("sys.argv", ["workbench", *arguments])
        patch.chdir(root)
        try:
            main()
        except SystemExit as ended:
            code = int(str(ended.code or 0))
    said.flush()
    return code, said.buffer.getvalue().decode()  # type: ignore[attr-defined]


def done(root: Path, *arguments: str) -> dict[str, Any]:
    """Return what a command prints as JSON; it must succeed."""
    code, out = command(root, *arguments, "--json")
    assert code == 0, out
    found: dict[str, Any] = json.loads(out)
    return found


@contextmanager
def desk_served(root: Path) -> Iterator[str]:
    """Serve the pilot's desk in this process; give its address."""
    with open_desk(open_pilot("small", root)) as desk, served(desk, links_of("small")) as address:
        yield address


def number(card: SeenCard, name: str) -> float:
    """Return a number that a card shows."""
    return float(card.evidence[name].replace(",", ""))


def right(card: SeenCard) -> str:
    """Return what the documents on a card ask for; whoever decides here has the authority that the agent lacks."""
    return "reject" if number(card, "received") < number(card, "ordered") else "approve"


class Person:
    """Somebody who knows a card only from its page, whose every page is kept."""

    def __init__(self, root: Path, address: str, name: str) -> None:
        self.name, self.bodies_at = name, root / "bodies"
        self.page = PageReviewer(links_of("small").link_for(name, address, time.time()))

    def works(self, queue: str | None = None, *, leaves: int = 0, slips: bool = False, speaks: bool = False) -> int:
        """Decide what waits, but for the last few; return how many answers stand."""
        return asyncio.run(self._works(queue, leaves, slips=slips, speaks=speaks))

    async def _works(self, queue: str | None, leaves: int, *, slips: bool, speaks: bool) -> int:
        n = 0
        async with self.page as page:
            card = await page.next(queue)
            if card is not None and speaks:
                await self._says()
            while card is not None and self._waiting() > leaves:
                if self.name == "ann" and not n and not speaks:  # the wrong key, taken back
                    await page.answer(AnswerKind.REJECT, reason=MISSING)
                    card = await page.undo()
                    assert card is not None
                card = await self._decides(card, wrongly=slips and not n)
                n += 1
        self.bodies_at.mkdir(exist_ok=True)
        for place, body in enumerate(page.bodies):
            (self.bodies_at / f"{self.name}-{queue}-{leaves}-{place:03}.html").write_text(body, encoding="utf-8")
        assert set(page.statuses) == {200}
        return n

    def _waiting(self) -> int:
        """Return how many cards wait, as the page says."""
        return int(self.page.bodies[-1].rpartition(" decided today, ")[2].split()[0])

    async def _decides(self, card: SeenCard, *, wrongly: bool) -> SeenCard | None:
        """Decide a card by its documents; nothing is due of an invoice whose order's number ends with 25."""
        page, wanted = self.page, right(card)
        if wrongly:
            wanted = "approve" if wanted == "reject" else "reject"
        if card.evidence["po_number"].endswith("25"):
            return await page.answer(AnswerKind.REJECT, reason=MISSING)
        if card.recommended is None:
            return await page.answer(AnswerKind.DECIDE, wanted)
        if card.recommended == wanted:
            return await page.answer(AnswerKind.APPROVE)
        return await page.answer(AnswerKind.MODIFY, wanted, SAYS_OTHERWISE)

    async def _says(self) -> None:
        for what, text in ANSWERED.items():
            await self.page.feedback(text, what=what)
        for severity, text in ISSUES.items():
            await self.page.feedback(text, what="issue", severity=severity)
        await self.page.feedback("a second small thing", what="issue", severity="low")
        await self.page.feedback(kind="case")


def story(place: Path, opened: Path, store: Path, played: str | None = None) -> None:
    """Let people decide and accept; leave the pilot as it is at three points: `unanswered`, `untriaged`, `end`."""
    root = place / "end"
    shutil.copytree(opened, root)
    pilot = open_pilot("small", root)
    with_store(pilot, store)
    if played is not None:
        write(pilot, "review.yaml", {**REVIEW, "played": played})
    told: dict[str, Any] = {"fill": done(root, "review", "fill", "small", "--agent", "clerk", "--threshold", "0.5")}
    with desk_served(root) as address:
        for name in ("ann", "ben", "cem"):
            told[name] = Person(root, address, name).works()
        told["dee"] = Person(root, address, "dee").works(slips=True)
        told["fay"] = Person(root, address, "fay").works()
        told["eve"] = Person(root, address, "eve").works(leaves=1)
        told["gus"] = Person(root, address, "gus").works()
    shutil.copytree(root, place / "unanswered")
    with desk_served(root) as address:
        told["late"] = Person(root, address, "eve").works()
    told["carried"] = done(root, "review", "carry-out", "small", "--final")
    told["session"] = done(root, "acceptance", "fill", "small", "--session", "one", "--agent", "clerk")
    with desk_served(root) as address:
        for name in ("ann", "cem"):
            told[f"{name} in session"] = Person(root, address, name).works("acceptance", speaks=name == "ann")
    for maker in ("review", "acceptance"):
        done(root, maker, "report", "small")
    shutil.copytree(root, place / "untriaged")
    told["board"] = triaged(root)
    told |= {maker: done(root, maker, "report", "small") for maker in ("review", "acceptance")}
    (place / "told.json").write_text(json.dumps(told), encoding="utf-8")


def triaged(root: Path) -> list[dict[str, Any]]:
    """Decide on every issue of the board as its owner; the critical one is no fault of the agent."""
    code, out = command(root, "acceptance", "board", "small", "--json")
    assert code == 1, "a critical issue is open"
    board: list[dict[str, Any]] = json.loads(out)["issues"]
    for one in board:
        decision = ("later", "with the next release")
        if one["severity"] == "critical":
            decision = ("reject", "the order was paid once: the sandbox shows a copy")
        asked = ("--owner", "Bo", "--decision", decision[0], "--reason", decision[1])
        done(root, "acceptance", "triage", "small", one["feedback"], *asked)
    return board


def copy_of(place: Path, point: str, root: Path) -> Pilot:
    """Return a copy of the pilot as it was at a point of its story."""
    shutil.copytree(place / point, root, dirs_exist_ok=True)
    return open_pilot("small", root)
