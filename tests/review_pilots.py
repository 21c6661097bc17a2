"""A small pilot whose agent hands over to people, its desk, and people who are played: they decide by the label."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from acting_pilots import acting_pilot

from workbench.desk import AnswerKind, Claim, Desk, GivenAnswer, desk_path
from workbench.pilot import Pilot, QueueName, open_pilot, read_review
from workbench.records.splits import Dataset, read_dataset
from workbench.review import Filling, FillRequest, items_for
from workbench.runs import RunRequest

NOW = 1_800_000_000.0
ENVIRONMENT = """
tables:
  orders: {from_record: {po_number: po_number, ordered: ordered}}
  postings: {columns: [po_number, amount, key]}
  returns: {columns: [po_number, why, key]}
  parked: {columns: [po_number, assigned_to, key]}
tools:
  read_order:
    description: Return the order of a number.
    sql: SELECT ordered FROM orders WHERE po_number = :po_number
    arguments: {po_number: string}
  post:
    description: Post an invoice for payment.
    sql: INSERT INTO postings VALUES (:po_number, :amount, :idempotency_key)
    arguments: {po_number: string, amount: number}
    effect: write
    amount: amount
    carries_out: approve
    allowed_for: [clerk]
  send_back:
    description: Send an invoice back.
    sql: INSERT INTO returns VALUES (:po_number, :reason, :idempotency_key)
    arguments: {po_number: string, reason: string}
    effect: write
    carries_out: reject
    allowed_for: [clerk]
  park:
    description: Hand an invoice over to a group.
    sql: INSERT INTO parked VALUES (:po_number, :assigned_to, :idempotency_key)
    arguments: {po_number: string, assigned_to: string}
    effect: write
    carries_out: escalate
    allowed_for: [clerk]
limits: {calls: 8, writes: 2, euro: 20000}
"""
# Hands over what is above its authority and what nobody ordered. Of every fifth it is not sure; of every tenth, one of
# these, it takes what is missing for received and the other way round: a recommendation to override.
AGENT = """
def decide(record, tools):
    order = tools.read_order(po_number=record["po_number"])[0]
    number = int(record["po_number"])
    if record["amount"] > 10000:
        tools.park(po_number=record["po_number"], assigned_to="controllers")
        return {"action": "escalate", "confidence": 0.9, "reason": "over_authority"}
    if number % 7 == 3:
        return {"action": "escalate", "confidence": 0.9, "reason": "not_ordered"}
    sure = 0.3 if number % 5 == 0 else 0.9
    is_missing = record["received"] < order["ordered"]
    if is_missing != (number % 10 == 0):
        return {"action": "reject", "confidence": sure, "reason": "not_received"}
    return {"action": "approve", "confidence": sure, "reason": "matched"}
"""
PROCESS = {
    "decisions": {"approve": "Post it.", "reject": "Send it back.", "escalate": "Hand it over."},
    "rules": [
        {"id": "over_authority", "condition": "The amount is above the limit.", "decision": "escalate",
         "to": "controllers", "parameters": {"limit": 10000}},
        {"id": "not_ordered", "condition": "Nobody ordered it.", "decision": "escalate", "to": "purchasing"},
        {"id": "not_received", "condition": "Less was received than ordered.", "decision": "reject"},
    ],
    "approvals": [{"reason": "matched"}],
}  # fmt: skip
CHARTER = {
    "process": "Invoices are approved, rejected or escalated.",
    "authority": [
        {"id": "limit", "description": "Amount up to which the agent decides.", "at_most": 10000, "column": "amount",
         "to": "controllers", "when": {"column": "amount", "values": ["10300", "11000"]}},
    ],
}  # fmt: skip
REVIEW = {
    "people": [
        {"id": "ann", "name": "Ann", "groups": ["clerks"]},
        {"id": "ben", "name": "Ben", "groups": ["clerks"]},
        {"id": "cem", "name": "Cem", "groups": ["controllers"]},
        {"id": "dee", "name": "Dee", "groups": ["controllers"]},
        {"id": "eve", "name": "Eve", "groups": ["purchasing"]},
        {"id": "fay", "name": "Fay", "groups": ["purchasing", "lead"]},
    ],
    "groups": [
        {"id": "clerks", "deadline_h": 8, "goes_up_to": "lead"},
        {"id": "controllers", "deadline_h": 8, "goes_up_to": "lead"},
        {"id": "purchasing", "deadline_h": 8},
        {"id": "lead", "deadline_h": 8},
    ],
    "adjudicators": "lead",
    "queues": {"escalations": {"planted_share": 0.5}, "audit": {"blind": True, "double_share": 1.0}},
    "reasons": ["the documents say otherwise"],
    "arguments": {"assigned_to": "group"},
}
PEOPLE = tuple(str(one["id"]) for one in REVIEW["people"])  # type: ignore[index]


def review_pilot(root: Path, n: int = 120) -> Pilot:
    """Write and open the pilot, all its records for development."""
    pilot = acting_pilot(root, {"clerk": AGENT}, n, ENVIRONMENT)
    for name, content in (("process.yaml", PROCESS), ("charter.yaml", CHARTER), ("review.yaml", REVIEW)):
        (pilot.suite / name).write_text(json.dumps(content), encoding="utf-8")
    return open_pilot(pilot.name, root)


def asked_pilot(root: Path) -> None:
    """Write the pilot, its agent asked about every record."""
    filled(review_pilot(root))


def copied(root: Path, place: Path, **review: Any) -> Pilot:
    """Return a copy of a pilot with some keys of review.yaml otherwise."""
    shutil.copytree(root, place, dirs_exist_ok=True)
    pilot = open_pilot("small", place)
    (pilot.suite / "review.yaml").write_text(json.dumps({**REVIEW, **review}), encoding="utf-8")
    return pilot


def filled(pilot: Pilot, **asked: Any) -> Filling:
    """Return the items of a queue, escalations without another."""
    request = FillRequest("clerk", **{"threshold": 0.5, "run": RunRequest(show_progress=False), **asked})
    return items_for(pilot, request)


class PlayedClock:
    """A clock that stands until it is moved."""

    def __init__(self, now: float = NOW) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def desk_of(pilot: Pilot, now: Callable[[], float]) -> Desk:
    """Return the pilot's desk under a clock."""
    settings = read_review(pilot.suite)
    assert settings is not None
    return Desk(desk_path(pilot.runs), settings, now)


def truthful(label: str, claim: Claim) -> GivenAnswer:
    """Return the answer of somebody who knows the label."""
    card = claim.card
    if card.recommended is None:
        return GivenAnswer(AnswerKind.DECIDE, label)
    if card.recommended == label:
        return GivenAnswer(AnswerKind.APPROVE)
    return GivenAnswer(AnswerKind.MODIFY, label, "the documents say otherwise")


def approving(label: str, claim: Claim) -> GivenAnswer:
    """Return the answer of somebody who approves whatever is recommended."""
    return GivenAnswer(AnswerKind.APPROVE) if claim.card.recommended else truthful(label, claim)


def decide_all(
    desk: Desk,
    clock: PlayedClock,
    dataset: Dataset,
    answers: Callable[[str, Claim], GivenAnswer] = truthful,
    people: Iterable[str] = PEOPLE,
) -> int:
    """Let people decide until nothing waits for any of them; 20 seconds an item. Return how many answers there were."""
    labels, records, n = dataset.dev_labels()["label"], desk.items().set_index("item")["record_id"], 0
    for person in people:
        while (claim := desk.claim(person)) is not None:
            clock.now += 20.0
            desk.answer(person, claim.item, answers(str(labels[records[claim.item]]), claim), claim.shown_digest)
            n += 1
    return n


Decided = tuple[Pilot, Dataset, PlayedClock]


def decided_by(pilot: Pilot, answers: Callable[[str, Claim], GivenAnswer] = truthful) -> Decided:
    """Let people decide the pilot's escalations and an audit sample, and go past the time to undo it."""
    clock, dataset = PlayedClock(), read_dataset(pilot)
    with desk_of(pilot, clock) as desk:
        desk.put(filled(pilot).items)
        desk.put(filled(pilot, queue=QueueName.AUDIT, sample=20).items)
        decide_all(desk, clock, dataset, answers)
        clock.now += 1_000.0
    return pilot, dataset, clock


def decided_pilot(root: Path) -> None:
    """Write the pilot, everything decided by people who know the labels."""
    decided_by(review_pilot(root))


def decided_copy(root: Path, place: Path) -> Decided:
    """Return a copy of a pilot on whose desk everything is decided, long after."""
    pilot = copied(root, place)
    return pilot, read_dataset(pilot), PlayedClock(NOW + 100_000.0)
