"""What each tap on the desk's page does, and the page that it gives; one person's taps come one after another."""

from __future__ import annotations

import hmac
import secrets
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from workbench.desk.items import AnswerKind, GivenAnswer
from workbench.desk.shapes import Claim, DeskConflictError, Feedback, FeedbackWish, Progress
from workbench.desk.showing import QUEUES, Said, Shell, due_words, marks_of, sureness, time_words
from workbench.desk.store import Desk
from workbench.pilot import AcceptanceQuestion, QueueName, ReviewPerson, ReviewSettings, Severity
from workbench.words import InputError, several

KEPT_TAPS = 64  # last taps of a person that are known again when a browser sends them twice
FORM = "form"
DONE = {
    AnswerKind.APPROVE: "Stored: approved.",
    AnswerKind.MODIFY: "Stored: {action} instead.",
    AnswerKind.REJECT: "Stored: rejected.",
    AnswerKind.DECIDE: "Stored: {action}.",
}
UNDOABLE = "Your last decision can still be undone."
TWICE = "That was stored already; it counts once."
LOST = "Not stored: somebody else decided this meanwhile, or your time for the card was over."
SEVERITIES = tuple(one.value for one in reversed(Severity))
ISSUE = ("issue", "Something is wrong")
QUESTIONS = tuple((one.value, one.text) for one in AcceptanceQuestion)  # of a session of acceptance
WISHES = {
    FeedbackWish.CASE: ("Propose as test case", "Proposed as a test case."),
    FeedbackWish.DISPUTE: ("Dispute the label", "The label is disputed now."),
}


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who sent a request, and the token that this person's forms carry."""

    person: ReviewPerson
    token: str

    @classmethod
    def of(cls, person: ReviewPerson, ticket: str) -> Visitor:
        """Return a visitor by the ticket in the cookie: no other site can read it, or make the forms' token of it."""
        return cls(person, sha256(f"{FORM}:{ticket}".encode()).hexdigest()[:32])

    def sent(self, form: Mapping[str, str]) -> bool:
        """Return whether a form was on a page that this visitor was given."""
        return hmac.compare_digest(form.get("token", "").encode(), self.token.encode())


@dataclass(frozen=True, slots=True)
class GivenPage:
    """A page with its status."""

    html: str
    status: int = 200


@dataclass(slots=True)
class DeskPages:
    """The pages of one desk, by person.

    Parameters
    ----------
    now : callable
        Seconds since the epoch.
    """

    desk: Desk
    settings: ReviewSettings
    shell: Shell
    now: Callable[[], float] = time.time
    _taps: dict[str, deque[str]] = field(default_factory=lambda: defaultdict(lambda: deque(maxlen=KEPT_TAPS)))
    _turns: dict[str, threading.Lock] = field(default_factory=lambda: defaultdict(threading.Lock))

    def card(self, visitor: Visitor, queue: QueueName | None, said: Said | None = None, status: int = 200) -> GivenPage:
        """Return the next card of a person, or that nothing waits."""
        return self._page(visitor, queue, self.desk.claim(visitor.person.id, queue), said, status)

    def _page(
        self, visitor: Visitor, queue: QueueName | None, claim: Claim | None, said: Said | None, status: int = 200
    ) -> GivenPage:
        progress = self.desk.progress(visitor.person.id)
        if said is None:
            may_undo = claim is not None and claim.may_undo
            said = Said(UNDOABLE if may_undo else "", may_undo=may_undo)
        common = self._common(visitor, queue, said, progress)
        shown = _nothing(progress, queue) if claim is None else self._shown(claim)
        return GivenPage(self.shell.page(**common, **shown), status)

    def answer(self, visitor: Visitor, form: Mapping[str, str]) -> GivenPage:
        """Store a person's answer once and return the next card; with status 409 where it came too late.

        Raises
        ------
        InputError
            The form says what no card offers.
        """
        queue = queue_named(form.get("queue", ""))
        given = _given(form)
        try:
            with self._once(visitor, form) as is_new:
                if is_new:
                    self.desk.answer(visitor.person.id, form.get("item", ""), given, form.get("shown", ""))
        except DeskConflictError:
            return self.card(visitor, queue, Said(LOST, is_wrong=True), 409)
        words = DONE[given.kind].format(action=given.action) if is_new else TWICE
        return self.card(visitor, queue, Said(words, may_undo=True))

    def undo(self, visitor: Visitor, form: Mapping[str, str]) -> GivenPage:
        """Take a person's last answer back and return its card; with status 409 where that is over."""
        queue = queue_named(form.get("queue", ""))
        claim = None
        try:
            with self._once(visitor, form) as is_new:
                if is_new:
                    claim = self.desk.undo(visitor.person.id)
        except DeskConflictError as error:
            return self.card(visitor, queue, Said(f"Not undone: {error.problem}.", is_wrong=True), 409)
        if claim is None:
            return self.card(visitor, queue, Said(TWICE))
        return self._page(visitor, queue, claim, Said("Undone. Decide again."))

    def feedback(self, visitor: Visitor, form: Mapping[str, str]) -> GivenPage:
        """Keep what a person says about a card and return the card.

        Raises
        ------
        InputError
            It says nothing, or names what the page does not offer.
        """
        queue = queue_named(form.get("queue", ""))
        wish, words = _wished(form.get("kind", ""))
        with self._once(visitor, form) as is_new:
            if is_new:
                self.desk.feedback(visitor.person.id, _feedback(form, wish))
        return self.card(visitor, queue, Said(words))

    def state(self, visitor: Visitor) -> dict[str, Any]:
        """Return a person's progress as JSON values."""
        progress = self.desk.progress(visitor.person.id)
        by_queue = {str(name): count for name, count in progress.by_queue.items()}
        counts = {"waiting": progress.waiting, "decided": progress.decided}
        return {**counts, "next_due": progress.next_due, "by_queue": by_queue, "now": self.now()}

    def _common(self, visitor: Visitor, queue: QueueName | None, said: Said, progress: Progress) -> dict[str, Any]:
        """Return what a card's page and an empty one have in common."""
        in_all = progress.waiting + progress.decided
        words = f"{progress.decided:,} of {in_all:,} decided today, {several(progress.waiting, 'waits', 'wait')}"
        share = round(100 * progress.decided / in_all, 1) if in_all else 0
        return {
            "person": visitor.person.name,
            "token": visitor.token,
            "tap": secrets.token_hex(8),
            "now": self.now(),
            "said": said.words,
            "is_wrong": said.is_wrong,
            "undo": said.may_undo,
            "queue": "" if queue is None else queue.value,
            "queues": _queues(progress, queue),
            "progress": {"words": words, "share": share},
        }

    def _shown(self, claim: Claim) -> dict[str, Any]:
        """Return what a card's page has of a claimed item."""
        card, now = claim.card, self.now()
        lease = claim.lease_until - now
        return {
            "heading": card.title,
            "kind": QUEUES[claim.queue],
            "card": card,
            "item": claim.item,
            "shown": claim.shown_digest,
            "others": [one for one in card.actions if one != card.recommended],
            "sureness": sureness(card),
            "steps": several(len(card.trace), "step"),
            "due": claim.due,
            "due_words": due_words(claim.due, now),
            "is_overdue": claim.due <= now,
            "lease_until": claim.lease_until,
            "lease_words": f"yours for {time_words(max(lease, 0))}",
            "marks": marks_of(claim),
            "wishes": [(wish.value, button) for wish, (button, _) in WISHES.items()],
            "kinds": (ISSUE, *(QUESTIONS if claim.queue is QueueName.ACCEPTANCE else ())),
            "severities": SEVERITIES,
        }

    @contextmanager
    def _once(self, visitor: Visitor, form: Mapping[str, str]) -> Iterator[bool]:
        """Say whether a form comes for the first time, not again as after a double click or a page loaded again.

        It counts as come when nothing was raised: what failed may be sent again as it was.
        """
        tap, taps = form.get("tap", ""), self._taps[visitor.person.id]
        with self._turns[visitor.person.id]:
            is_new = tap not in taps
            yield is_new
            if tap and is_new:
                taps.append(tap)


def queue_named(name: str) -> QueueName | None:
    """Return a queue, None for all of them. Raises InputError where there is none of that name."""
    if not name:
        return None
    if name not in list(QueueName):
        raise InputError("the desk has no such queue", got=repr(name[:50]), expected=", ".join(QueueName))
    return QueueName(name)


def _given(form: Mapping[str, str]) -> GivenAnswer:
    """Return the answer that a form gives. Raises InputError where its kind is none."""
    kind = form.get("kind", "")
    if kind not in list(AnswerKind):
        raise InputError("this is no answer", got=repr(kind[:50]), expected=", ".join(AnswerKind))
    return GivenAnswer(AnswerKind(kind), form.get("action"), form.get("reason", ""), form.get("note", ""))


def _wished(name: str) -> tuple[FeedbackWish, str]:
    """Return what a button of the feedback asks for, and what is said of it afterwards."""
    if not name:
        return FeedbackWish.NONE, "Thank you: it is stored."
    if name not in [wish.value for wish in WISHES]:
        raise InputError("this is no feedback", got=repr(name[:50]), expected=", ".join(WISHES))
    return FeedbackWish(name), WISHES[FeedbackWish(name)][1]


def _feedback(form: Mapping[str, str], wish: FeedbackWish) -> Feedback:
    """Return what a form says about a card. Raises InputError where it says nothing, or what is not offered."""
    text, item = form.get("text", "").strip(), form.get("item", "")
    if wish is not FeedbackWish.NONE:
        return Feedback("", ISSUE[0], "", text, item, wish)
    kind, severity = form.get("what", ""), form.get("severity", "")
    known = [name for name, _ in (ISSUE, *QUESTIONS)]
    if kind not in known or severity not in SEVERITIES:
        raise InputError("this is no feedback", got=repr(f"{kind}, {severity}"[:50]), expected=", ".join(known))
    if not text:
        raise InputError("the feedback says nothing", remedy="write what you saw, in your words")
    return Feedback("", kind, severity if kind == ISSUE[0] else "", text, item)


def _nothing(progress: Progress, queue: QueueName | None) -> dict[str, Any]:
    """Return what a page without a card says."""
    lines = ["This page looks again by itself."]
    if queue is None or not progress.waiting:
        return {"heading": "Nothing waits for you", "is_empty": True, "lines": lines}
    heading = f"Nothing waits for you in {QUEUES[queue].lower()}"
    return {"heading": heading, "is_empty": True, "lines": lines, "way": ("/", "Show what waits elsewhere")}


def _queues(progress: Progress, here: QueueName | None) -> list[dict[str, Any]]:
    """Return the ways to single queues; there are none where a person has one only."""
    own = [name for name in QueueName if progress.by_queue.get(name) or name is here]
    if len(own) < 2 and here is None:
        return []
    named = [("/", "All", progress.waiting, here is None)]
    named += [(f"/queue/{name}", QUEUES[name], progress.by_queue.get(name, 0), name is here) for name in own]
    return [{"address": address, "words": f"{words} {n:,}", "is_here": at} for address, words, n, at in named]
