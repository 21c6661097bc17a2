"""A pilot judged on its holdout, with acceptance sessions agreed, signed, filled and decided by scripted people."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from answering_pilots import judged_pilot, key_of, run, write

from workbench.desk import AnswerKind, Card, Desk, Feedback, FeedbackWish, GivenAnswer, desk_path
from workbench.evidence import Exhibit, Facts, Population, maker
from workbench.pilot import ACCEPTANCE_FILE, AcceptanceQuestion, Pilot, QueueName, read_review
from workbench.pilot.pilot import open_pilot
from workbench.pilot.signing import Signer, sign_document
from workbench.records.cells import named_cells
from workbench.records.ledger import read_ledger
from workbench.records.splits import ledger_path, read_dataset
from workbench.review import ACCEPTANCE
from workbench.review.acceptance import AcceptanceRequest, fill_session

START = 1_700_000_000.0
PEOPLE = {"ann": "clerks", "ben": "clerks", "cid": "leads", "dot": "leads"}
REVIEW: dict[str, Any] = {
    "people": [
        *({"id": one, "name": f"{one.title()} Person", "groups": [group]} for one, group in PEOPLE.items()),
        {"id": "eve", "name": "Eve Person", "groups": ["judges"]},
    ],
    "groups": [{"id": "clerks"}, {"id": "leads"}, {"id": "judges"}],
    "adjudicators": "judges",
    "queues": {"acceptance": {"double_share": 1.0, "planted_share": 0.2}},
    "reasons": ["it is disputed"],
}
PLAN: dict[str, Any] = {
    "title": "Acceptance of small",
    "owner": {"name": "Bo", "role": "IT owner"},
    "least_sessions": 2,
    "least_users": 4,
    "participants": [{"id": one, "role": group} for one, group in PEOPLE.items()],
    "sessions": [
        {"id": "one", "day": "2026-12-07", "group": "clerks", "participants": ["ann", "ben"], "records": 10},
        {"id": "two", "day": "2026-12-08", "group": "leads", "participants": ["cid", "dot"], "records": 10},
    ],
}
CRITERIA = [{"id": "acceptance", "check": "acceptance"}]
Decides = Callable[[Card], GivenAnswer]


def plan(change: Callable[[dict[str, Any]], object] = lambda _: None) -> dict[str, Any]:
    """Return a plan with something in it changed."""
    content: dict[str, Any] = json.loads(json.dumps(PLAN))
    change(content)
    return content


def truth(record: str) -> str:
    """Return the label: every tenth record is disputed."""
    return "escalate" if int(record.lstrip("R")) % 10 == 0 else "approve"


def careful(card: Card) -> GivenAnswer:
    """Return the answer of somebody who is always right."""
    right = truth(card.title.removeprefix("Record "))
    if card.recommended == right:
        return GivenAnswer(AnswerKind.APPROVE)
    return GivenAnswer(AnswerKind.MODIFY, right, "it is disputed")


def trusting(_: Card) -> GivenAnswer:
    """Return the answer of somebody who approves whatever is shown."""
    return GivenAnswer(AnswerKind.APPROVE)


@dataclass(slots=True)
class Clock:
    """Seconds that pass where a test lets them."""

    at: float = START

    def __call__(self) -> float:
        return self.at


def opened_pilot(root: Path) -> None:
    """Write a pilot whose holdout was opened for `good`, then for `exact`."""
    pilot = judged_pilot(root, CRITERIA)
    for agent in ("good", "exact"):
        run(pilot, agent, development=False)


def held_pilot(root: Path, opened: Path) -> None:
    """Copy the opened pilot and let both sessions be held on `good` as agreed."""
    held(agreed_pilot(root, opened))


def agreed_pilot(
    root: Path,
    opened: Path,
    content: Mapping[str, Any] | None = PLAN,
    review: Mapping[str, Any] = REVIEW,
    *,
    is_signed: bool = True,
) -> Pilot:
    """Return a copy of the opened pilot, with the plan signed by its owner; without a plan for None."""
    shutil.copytree(opened, root, dirs_exist_ok=True)
    pilot = open_pilot("small", root)
    write(pilot, "review.yaml", review)
    if content is not None:
        write(pilot, ACCEPTANCE_FILE, content)
        if is_signed:
            sign_plan(pilot)
    return pilot


def sign_plan(pilot: Pilot, name: str = "Bo") -> None:
    """Sign acceptance.yaml as it is now."""
    sign_document(pilot.suite, ACCEPTANCE_FILE, Signer(name, "IT owner"), key_of(pilot, "IT owner"))


def desk_of(pilot: Pilot, clock: Callable[[], float]) -> Desk:
    """Return the pilot's desk with another clock."""
    settings = read_review(pilot.suite)
    assert settings is not None
    return Desk(desk_path(pilot.runs), settings, clock)


def decided(pilot: Pilot, people: Mapping[str, Decides], clock: Clock, most: int | None = None) -> list[str]:
    """Let people decide in turn what waits for them, 10 seconds an answer, at most so many; return the items."""
    items: list[str] = []
    with desk_of(pilot, clock) as desk:
        waiting = dict(people)
        while waiting and (most is None or len(items) < most):
            for person, decides in list(waiting.items()):
                claim = desk.claim(person, QueueName.ACCEPTANCE)
                if claim is None:
                    del waiting[person]
                    continue
                clock.at += 10.0
                desk.answer(person, claim.item, decides(claim.card), claim.shown_digest)
                items.append(claim.item)
    return items


def said(pilot: Pilot, person: str, item: str, kind: str, severity: str = "", text: str = "so it is") -> str:
    """Let a person say something of an item; return the issue's id."""
    with desk_of(pilot, Clock()) as desk:
        row = desk.items().set_index("item").loc[item]
        wish = FeedbackWish.NONE
        desk.feedback(person, Feedback(str(row["record_id"]), kind, severity, text, item, wish))
        return str(desk.feedbacks()["digest"].iloc[-1])[:12]


def held(pilot: Pilot, agent: str = "good", decides: Mapping[str, Decides] | None = None) -> list[str]:
    """Fill both sessions, let everybody decide everything, answer every question and raise five low issues."""
    dataset, clock = read_dataset(pilot), Clock()
    for session in ("one", "two"):
        fill_session(pilot, dataset, session, agent)
    decided(pilot, {**dict.fromkeys(PEOPLE, careful), **(decides or {})}, clock)
    decided(pilot, {"eve": careful}, clock)
    with desk_of(pilot, clock) as desk:
        items = desk.items()
    firsts = [str(items.loc[items["item"].str.contains(f":{name}:"), "item"].iloc[-1]) for name in ("one", "two")]
    for person, item in (("ann", firsts[0]), ("cid", firsts[1])):
        for question in AcceptanceQuestion:
            said(pilot, person, item, question.value)
    return [said(pilot, "ann", firsts[0], "issue", "low", f"issue {number}") for number in range(5)]


def made(pilot: Pilot, agent: str | None = "good") -> Exhibit:
    """Return the exhibit as the command makes it."""
    return ACCEPTANCE.make(pilot, read_dataset(pilot), AcceptanceRequest(agent))


def facts_now(pilot: Pilot, agent: str | None = "good") -> Facts:
    """Return the facts of a gate, with the exhibits as they are."""
    dataset = read_dataset(pilot)
    found = {name: maker(name).present(pilot, dataset, agent) for name in ("evaluation", "acceptance")}
    return Facts(
        pilot,
        Population(dataset.digest, 0, None),
        named_cells(dataset, dataset.splits.index, ()),
        {name: one for name, one in found.items() if isinstance(one, Exhibit)},
        {name: one for name, one in found.items() if isinstance(one, str)},
        (ledger_path(pilot), read_ledger(ledger_path(pilot))),
        date(2026, 12, 10),
    )
