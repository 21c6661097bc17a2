"""Messages to people and groups for whom something waits: for Slack, Teams and mail, with a link and no other action.

A message names what waits, how much, until when, and the first titles. Nothing is decided from a message: mail
scanners and previews open every link, so that a link only leads to the desk. Titles come from records and are
untrusted: they stand only where Slack and Teams read no markup and no mentions, and escaped in HTML.
"""

from __future__ import annotations

import html
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.headerregistry import Group
from email.message import EmailMessage
from email.policy import SMTP
from enum import StrEnum
from pathlib import Path
from typing import Any

from workbench.files import write_atomically
from workbench.pilot import NOT_PEOPLE, QueueName
from workbench.words import readable, several, visible, whole_text

TITLES, LONGEST_TITLE, LONGEST_NAME = 3, 150, 100
LOOK = "Open the desk"
ADAPTIVE_SCHEMA, ADAPTIVE_VERSION = "http://adaptivecards.io/schemas/adaptive-card.json", "1.5"
ADAPTIVE_TYPE = "application/vnd.microsoft.card.adaptive"
QUEUE_TITLES = {
    QueueName.ESCALATIONS: ("decision handed over", "decisions handed over"),
    QueueName.AUDIT: ("sample for audit", "samples for audit"),
    QueueName.LABELS: ("label in doubt", "labels in doubt"),
    QueueName.CASES: ("test case to confirm", "test cases to confirm"),
    QueueName.ACCEPTANCE: ("record of an acceptance session", "records of acceptance sessions"),
}


class MessageKind(StrEnum):
    """What a message is for."""

    SLACK = "slack"
    TEAMS = "teams"
    EMAIL = "email"


@dataclass(frozen=True, slots=True)
class WaitingWork:
    """What waits for a person or a group.

    Parameters
    ----------
    whom : str
        The name that the message begins with.
    file : str
        Name of the message's file, without its ending.
    by_queue : mapping
        How many items wait in each queue; at least one in all.
    due : float, optional
        The earliest deadline, in seconds since 1970.
    now : float
        When the message is made.
    titles : tuple of str
        Those of the most urgent items, the most urgent first; untrusted.
    link : str
        Where the desk is: a person's own signed link, or for a group the desk's address alone.
    played : str, optional
        What review.yaml says where nobody decides.
    """

    whom: str
    file: str
    by_queue: Mapping[QueueName, int]
    due: float | None
    now: float
    titles: tuple[str, ...]
    link: str
    played: str | None = None

    @property
    def n(self) -> int:
        """How many items wait."""
        return sum(self.by_queue.values())

    @property
    def subject(self) -> str:
        """How many wait and until when: nothing of it comes from a record."""
        return f"{several(self.n, 'item waits', 'items wait')} for a decision{self._until}"

    @property
    def what(self) -> str:
        """How many of which queue."""
        return ", ".join(several(count, *QUEUE_TITLES[name]) for name, count in self.by_queue.items() if count)

    @property
    def shown_titles(self) -> tuple[str, ...]:
        """The first titles, each on one line with its hidden signs spelled out."""
        return tuple(_one_line(title, LONGEST_TITLE) for title in self.titles[:TITLES])

    @property
    def shown_played(self) -> str:
        """What is said where nobody decides, on one line; empty where people do."""
        return _one_line(f"{NOT_PEOPLE.capitalize()}: {self.played}", LONGEST_TITLE) if self.played else ""

    @property
    def more(self) -> str:
        """How many items have no title here; empty where all have."""
        rest = self.n - len(self.shown_titles)
        return f"and {rest:,} more" if rest and self.titles else ""

    @property
    def _until(self) -> str:
        if self.due is None:
            return ""
        late = "the first was due" if self.due < self.now else "the first by"
        return f", {late} {datetime.fromtimestamp(self.due, UTC):%Y-%m-%d %H:%M} UTC"


def slack_message(work: WaitingWork) -> dict[str, Any]:
    """Return a message of Slack's Block Kit; titles stand in plain text, in which nothing is a mention or a link."""
    lines = [work.what, *work.shown_titles, work.more]
    said = [_slack_text(line) for line in (_one_line(work.whom, LONGEST_NAME), *lines) if line]
    button = {"type": "button", "text": _slack_text(LOOK)["text"], "url": work.link}
    blocks = [
        {"type": "header", "text": _slack_text(work.subject)["text"]},
        *said,
        *([_slack_text(work.shown_played)] if work.played else []),
        {"type": "actions", "elements": [button]},
    ]
    return {"text": work.subject, "blocks": blocks}


def teams_message(work: WaitingWork) -> dict[str, Any]:
    """Return a message for Teams with an Adaptive Card; titles stand in text runs, in which nothing is markup."""
    body = [
        {"type": "TextBlock", "text": work.subject, "weight": "Bolder", "wrap": True},
        *(_teams_text(line) for line in (_one_line(work.whom, LONGEST_NAME), work.what, *work.shown_titles) if line),
        *([_teams_text(work.more)] if work.more else []),
        *([_teams_text(work.shown_played)] if work.played else []),
    ]
    card = {
        "$schema": ADAPTIVE_SCHEMA,
        "type": "AdaptiveCard",
        "version": ADAPTIVE_VERSION,
        "fallbackText": work.subject,
        "body": body,
        "actions": [{"type": "Action.OpenUrl", "title": LOOK, "url": work.link}],
    }
    return {"type": "message", "attachments": [{"contentType": ADAPTIVE_TYPE, "contentUrl": None, "content": card}]}


def email_message(work: WaitingWork) -> EmailMessage:
    """Return a mail in text and HTML as a draft: whoever sends it adds the sender and the address."""
    mail = EmailMessage(policy=SMTP)
    mail["Subject"] = work.subject
    mail["To"] = Group(_one_line(work.whom, LONGEST_NAME))
    mail["Date"] = datetime.fromtimestamp(work.now, UTC)
    mail["X-Unsent"] = "1"
    titles = [f"- {title}" for title in work.shown_titles]
    lines = [work.shown_played, work.subject + ".", work.what, *titles, work.more, f"{LOOK}: {work.link}"]
    mail.set_content("\n\n".join(line for line in lines if line) + "\n", cte="quoted-printable")
    mail.add_alternative(_html(work), subtype="html", cte="quoted-printable")
    return mail


def write_messages(kind: MessageKind, works: Iterable[WaitingWork], folder: Path) -> list[Path]:
    """Write a message a file and return where they are."""
    paths = []
    for work in works:
        path = folder / f"{work.file}.{'eml' if kind is MessageKind.EMAIL else 'json'}"
        write_atomically(path, _content(kind, work))
        paths.append(path)
    return paths


def _content(kind: MessageKind, work: WaitingWork) -> bytes:
    if kind is MessageKind.EMAIL:
        return email_message(work).as_bytes()
    return json.dumps(chat_message(kind, work), ensure_ascii=False, indent=2).encode() + b"\n"


def chat_message(kind: MessageKind, work: WaitingWork) -> dict[str, Any]:
    """Return what a webhook of a kind is posted. Mails are not posted."""
    made = {MessageKind.SLACK: slack_message, MessageKind.TEAMS: teams_message}
    return made[kind](work)


def _html(work: WaitingWork) -> str:
    items = "".join(f"<li>{html.escape(title)}</li>" for title in work.shown_titles)
    rest = f"<p>{work.more}</p>" if work.more else ""
    played = f"<p><strong>{html.escape(work.shown_played)}</strong></p>" if work.played else ""
    link = html.escape(work.link, quote=True)
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{html.escape(work.subject)}</title></head>'
        f"<body>{played}<p><strong>{html.escape(work.subject)}.</strong></p><p>{html.escape(work.what)}</p>"
        f'<ul>{items}</ul>{rest}<p><a href="{link}">{LOOK}</a></p></body></html>\n'
    )


def _slack_text(text: str) -> dict[str, Any]:
    """Return a section of plain text; its three signs of control are escaped, as Slack asks for every text."""
    safe = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return {"type": "section", "text": {"type": "plain_text", "text": safe, "emoji": False}}


def _teams_text(text: str) -> dict[str, Any]:
    return {"type": "RichTextBlock", "inlines": [{"type": "TextRun", "text": text}]}


def _one_line(text: str, longest: int) -> str:
    """Return foreign text on one line, at most so long, what hides or turns the reading order spelled out."""
    line = " ".join(whole_text(text).split())
    return readable(visible(line), longest)
