"""A small desk to try the page on: people, cards of every kind, and the page served in this process."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from workbench.desk import Card, Desk, DeskPlace, Links, ReviewItem, ShownField, desk_app, listening_socket
from workbench.desk.hosting import desk_server
from workbench.pilot import QueueName, ReviewSettings

SECRET = b"0123456789abcdef0123456789abcdef"
PILOT, TITLE = "invoices", "Invoices of direct material"
MONDAY = 1_800_000_000.0
REASONS = ("the documents say otherwise", "a note was read wrongly", "something is missing")
SETTINGS = ReviewSettings.model_validate(
    {
        "people": [
            {"id": "ada", "name": "Ada Berg", "groups": ["clerks"]},
            {"id": "bo", "name": "Bo Lind", "groups": ["clerks"]},
            {"id": "cy", "name": "Cy Voss", "groups": ["leads"]},
        ],
        "groups": [{"id": "clerks", "deadline_h": 8, "goes_up_to": "leads"}, {"id": "leads", "deadline_h": 40}],
        "adjudicators": "leads",
        "queues": {"audit": {"blind": True}},
        "reasons": list(REASONS),
    }
)
CARD = Card(
    title="Invoice 4711 of Stahlwerk Nord",
    assessment="The price of one line is 4.2% above the order, and no note of an agreed price was found.",
    actions=("approve", "reject", "escalate"),
    recommended="escalate",
    confidence=0.72,
    threshold=0.9,
    evidence=(
        ShownField("Net amount", "12,480.00 EUR", "invoice, net_amount"),
        ShownField("Unit price", "4.16 EUR", "invoice, unit_price"),
        ShownField("Order's unit price", "3.99 EUR", "order 4500713202, unit_price"),
        ShownField("Received", "3,000 pieces", "goods receipt 5000031, quantity"),
        ShownField("Note", "Price as agreed by phone with Mr. Kern on Friday.", "invoice, note"),
    ),
    reasoning="The invoice is dearer than the order by more than 2%, and the difference of 510 EUR is above 25 EUR.",
    rule="A price more than 2% above the order, and more than 25 euro in total, goes to purchasing.",
    trace=("read invoice 4711", "read order 4500713202", "read goods receipt 5000031", "decided: escalate (0.72)"),
)


def item(name: str, queue: QueueName = QueueName.ESCALATIONS, card: Card = CARD, **given: Any) -> ReviewItem:
    """Return an item for the clerks."""
    return ReviewItem(name, queue, f"R-{name}", "clerks", replace(card, title=f"Invoice {name}"), **given)


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self, at: float = MONDAY) -> None:
        self.at = at

    def __call__(self) -> float:
        return self.at


@contextmanager
def served(
    desk: Desk, links: Links, place: DeskPlace | None = None, now: Callable[[], float] = time.time
) -> Iterator[str]:
    """Serve a desk in a thread; give its address on this machine."""
    listening = listening_socket(place or DeskPlace(), 0)
    app = desk_app(desk, desk.settings, links, TITLE, place, now)
    server = desk_server(app)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        while not server.started:
            time.sleep(0.005)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
        listening.close()


def desk_at(folder: Path, settings: ReviewSettings = SETTINGS, now: Callable[[], float] = time.time) -> Desk:
    """Return a desk in a folder."""
    return Desk(folder / "desk.db", settings, now)


def links_of(pilot: str = PILOT) -> Links:
    """Return the links of a pilot, by a secret that tests know."""
    return Links(SECRET, pilot)
