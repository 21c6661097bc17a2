"""How a card is shown, in words and as the desk's page in HTML; everything of a record is text."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from workbench.desk.items import Card
from workbench.desk.shapes import Claim
from workbench.pilot import QueueName
from workbench.words import percent, templates_in, whole_text

if TYPE_CHECKING:
    from jinja2 import Environment

TEMPLATES = Path(__file__).parent / "templates"
LONGEST = 280  # letters of a value that stand on the card unfolded
ASSETS = {"desk.css": "text/css; charset=utf-8", "desk.js": "text/javascript; charset=utf-8"}
QUEUES = {
    QueueName.ESCALATIONS: "Escalations",
    QueueName.AUDIT: "Audit",
    QueueName.LABELS: "Labels",
    QueueName.CASES: "Test cases",
    QueueName.ACCEPTANCE: "Acceptance",
}
BAR = 200  # width of the picture of a confidence, in its own units
HOUR_S, MINUTE_S = 3600, 60
DAY_H = 24


@dataclass(frozen=True, slots=True)
class Said:
    """What happened to the tap before: the sentence above the next card, and whether it can be undone."""

    words: str = ""
    is_wrong: bool = False
    may_undo: bool = False


@dataclass(frozen=True, slots=True)
class Shell:
    """What every page of one desk has.

    Parameters
    ----------
    title : str
        What the desk is for.
    played : str, optional
        Says what decided where no person did.
    reasons : tuple of str
    """

    title: str
    played: str | None = None
    reasons: tuple[str, ...] = ()

    def page(self, **given: Any) -> str:
        """Return a page; what is not given is absent from it."""
        absent: dict[str, Any] = {
            "heading": "", "person": None, "token": "", "now": 0.0, "said": "", "is_wrong": False, "undo": False,
            "queue": "", "queues": (), "progress": None, "is_empty": False, "card": None, "lines": (), "way": None,
        }  # fmt: skip
        own = {"title": self.title, "played": self.played, "reasons": self.reasons, "longest": LONGEST}
        html = _templates().get_template("desk.html.j2").render(absent | own | asset_addresses() | given)
        return whole_text(html)


@functools.cache
def _templates() -> Environment:
    templates = templates_in(TEMPLATES)
    templates.filters["sent"] = sent
    return templates


def sent(text: str) -> str:
    """Return text as a form's value: every sign comes back as it was, also those that pages spell out."""
    return quote(text, safe=" ", errors="surrogatepass")


@functools.cache
def asset(name: str) -> bytes:
    """Return the desk's own style sheet or script."""
    return (TEMPLATES / name).read_bytes()


@functools.cache
def asset_addresses() -> dict[str, str]:
    """Return where a page finds them; another content has another address, so that a browser may keep what it has."""
    digests = {name: hashlib.sha256(asset(name)).hexdigest()[:12] for name in ASSETS}
    return {
        "style": f"/static/{digests['desk.css']}/desk.css",
        "script": f"/static/{digests['desk.js']}/desk.js",
    }


def sureness(card: Card) -> Mapping[str, Any] | None:
    """Return a confidence against its threshold: in words, and as places in a picture; None where there is none."""
    if card.confidence is None:
        return None
    words = f"{_whole(card.confidence)} sure"
    if card.threshold is not None:
        words += f"; it decides alone from {_whole(card.threshold)} on"
    at = None if card.threshold is None else round(BAR * card.threshold, 1)
    return {"words": words, "width": round(BAR * card.confidence, 1), "at": at}


def marks_of(claim: Claim) -> list[str]:
    """Return what a person must know of a card beside what it says, one sentence each."""
    if claim.adjudicates:
        return ["Two people decided differently: yours is the decision."]
    return ["A second person decides this too."] if claim.four_eyes else []


def time_words(seconds: float) -> str:
    """Return a time as the page counts it down.

    Examples
    --------
    >>> time_words(75), time_words(7505), time_words(200_000)
    ('1:15 min', '2 h 5 min', '2 days')
    """
    whole = int(seconds)
    hours, minutes = whole // HOUR_S, whole // MINUTE_S % 60
    if hours >= 2 * DAY_H:
        return f"{hours // DAY_H} days"
    return f"{hours} h {minutes} min" if hours else f"{minutes}:{whole % MINUTE_S:02} min"


def due_words(due: float, now: float) -> str:
    """Return how long is left until a deadline, or how long it is past."""
    return f"{time_words(due - now)} left to decide" if due > now else f"overdue by {time_words(now - due)}"


def _whole(share: float) -> str:
    return percent(share).replace(".0%", "%")
