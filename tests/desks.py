"""A small review desk for tests: people, groups, a clock that is set by hand, items."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workbench.desk import AnswerKind, Card, Claim, Desk, GivenAnswer, Recorded, ReviewItem, ShownField
from workbench.pilot import QueueName, ReviewSettings

APPROVE = GivenAnswer(AnswerKind.APPROVE)
START_S, LEASE_S, HOUR_S = 1_800_000_000.0, 300.0, 3600.0
SAID: dict[str, Any] = {
    "people": [
        {"id": "anna", "name": "Anna", "groups": ["clerks"], "at_most": 1_000},
        {"id": "bert", "name": "Bert", "groups": ["clerks"], "at_most": 1_000},
        {"id": "carl", "name": "Carl", "groups": ["clerks"], "at_most": 5_000},
        {"id": "dora", "name": "Dora", "groups": ["leads"]},
        {"id": "emil", "name": "Emil", "groups": ["leads", "judges"]},
    ],
    "groups": [
        {"id": "clerks", "deadline_h": 8, "goes_up_to": "leads"},
        {"id": "leads", "deadline_h": 4},
        {"id": "judges", "deadline_h": 2},
    ],
    "adjudicators": "judges",
    "reasons": ["wrong amount", "wrong vendor"],
    "lease_s": LEASE_S,
}
CARD = Card(
    title="Invoice R-1",
    assessment="The order says 100.00, the invoice 120.00.",
    actions=("pay", "hold", "ask"),
    recommended="hold",
    confidence=0.7,
    threshold=0.9,
    evidence=(ShownField("amount", "120.00", "invoice"), ShownField("note", "<script>\u202e", "mail")),
)


class HandClock:
    """Seconds since the epoch that only a test moves."""

    def __init__(self) -> None:
        self.now = START_S

    def __call__(self) -> float:
        return self.now


def review_settings(**changed: Any) -> ReviewSettings:
    """Return what review.yaml says, some of it changed."""
    return ReviewSettings.model_validate({**SAID, **changed})


def item_named(name: str, **changed: Any) -> ReviewItem:
    """Return an item for the clerks, some of it changed."""
    said: Mapping[str, Any] = {
        "queue": QueueName.ESCALATIONS,
        "record_id": f"R-{name}",
        "group": "clerks",
        "card": CARD,
        **changed,
    }
    return ReviewItem(name, **said)


def desk_in(folder: Path, *items: ReviewItem, clock: HandClock | None = None, **changed: Any) -> Desk:
    """Return a desk with items in it."""
    desk = Desk(folder / "desk.db", review_settings(**changed), clock or HandClock())
    desk.put(items)
    return desk


def claimed(desk: Desk, person: str) -> Claim:
    """Return what a person takes; there must be something."""
    claim = desk.claim(person)
    assert claim is not None
    return claim


def decided(desk: Desk, person: str, given: GivenAnswer = APPROVE) -> Recorded:
    """Let a person take an item and answer it."""
    claim = claimed(desk, person)
    return desk.answer(person, claim.item, given, claim.shown_digest)


def named(action: str, kind: AnswerKind = AnswerKind.MODIFY) -> GivenAnswer:
    """Return an answer that names an action, with a reason."""
    return GivenAnswer(kind, action, "wrong amount")
