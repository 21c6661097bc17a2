"""The desk in JupyterLab: the same store and cards as the page; the kernel checks each tap and alone writes."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

import anywidget
import traitlets

from workbench.desk.items import AnswerKind, Card, GivenAnswer
from workbench.desk.shapes import Claim, DeskConflictError
from workbench.desk.showing import LONGEST, QUEUES, TEMPLATES, marks_of, sureness
from workbench.desk.store import Desk
from workbench.pilot import NOT_PEOPLE
from workbench.words import InputError, WorkbenchError, visible, whole_text

STORED, UNDONE = "Stored.", "Taken back."
STALE = "This was no longer the card that is shown: nothing was stored."


class ReviewWidget(anywidget.AnyWidget):
    """One person's desk in a notebook; what is tapped comes as a message, and what is shown goes as one value.

    Parameters
    ----------
    desk : Desk
    person : str
        Id of somebody in review.yaml: whoever runs the kernel decides in this name.
    now : callable
        Seconds since the epoch.
    """

    _esm = (TEMPLATES / "widget.js").read_text(encoding="utf-8")
    _css = (TEMPLATES / "widget.css").read_text(encoding="utf-8")
    shown = traitlets.Dict().tag(sync=True)

    def __init__(self, desk: Desk, person: str, now: Callable[[], float] = time.time) -> None:
        self._at, self._agreed, self._who, self._now = desk, desk.settings, desk.settings.person(person), now
        self._claim: Claim | None = None
        self._n_shown, self._undoable = 0, False
        super().__init__()
        self._take()
        self._show("")
        self.on_msg(self._tapped)

    def _repr_mimebundle_(self, **_asked: Any) -> Any:
        """Return the widget, and for exports a sentence without anything from a record."""
        bundle = super()._repr_mimebundle_()
        if bundle is None:
            return None
        data, *more = bundle if isinstance(bundle, tuple) else (bundle,)
        played = self._agreed.played
        played = "" if played is None else f"<p>{_escaped(f'{NOT_PEOPLE.capitalize()}: {played}')}</p>"
        progress = f"Review desk of {self._who.name}: {self.shown['progress']}"
        html = f"{played}<p>{_escaped(progress)}. It is worked at in JupyterLab.</p>"
        whole = {**data, "text/html": html, "text/plain": progress}
        return (whole, *more) if more else whole

    def _tapped(self, _widget: Any, content: Any, _buffers: Any) -> None:
        """Do what was tapped, if the card is still the one that is shown, and show what comes next."""
        try:
            said, is_wrong = self._done(content if isinstance(content, Mapping) else {}), False
        except WorkbenchError as error:
            said, is_wrong = str(error), True
            if isinstance(error, DeskConflictError):
                self._take()
        self._show(said, is_wrong=is_wrong)

    def _done(self, content: Mapping[str, Any]) -> str:
        asked, claim = content.get("action"), self._claim
        if asked == "next":
            self._take()
            return ""
        if asked == "undo":
            self._claim = self._at.undo(self._who.id)
            self._undoable = self._claim.may_undo
            return UNDONE
        if claim is None or content.get("item") != claim.item or content.get("shown_digest") != claim.shown_digest:
            raise DeskConflictError(STALE)
        self._at.answer(self._who.id, claim.item, self._given(content, claim.card), claim.shown_digest)
        self._undoable = True
        self._take()
        return STORED

    def _given(self, content: Mapping[str, Any], card: Card) -> GivenAnswer:
        """Return the answer that a message means. Raises InputError where it means none."""
        kinds, note, own = {kind.value: kind for kind in AnswerKind}, content.get("note", ""), content.get("own", "")
        kind = kinds.get(str(content.get("action")))
        if kind is None or not isinstance(note, str) or not isinstance(own, str):
            raise InputError("this is no answer", got=repr(content.get("action")), expected=", ".join(kinds))
        named = kind in (AnswerKind.MODIFY, AnswerKind.DECIDE)
        action = _placed(card.actions, content.get("chosen")) if named else None
        place = content.get("reason")
        reason = own if place is None else _placed(self._agreed.reasons, place)
        return GivenAnswer(kind, action, reason, note)

    def _take(self) -> None:
        self._claim = self._at.claim(self._who.id)
        if self._claim is not None:
            self._undoable = self._claim.may_undo

    def _show(self, said: str, *, is_wrong: bool = False) -> None:
        claim, now, progress = self._claim, self._now(), self._at.progress(self._who.id)
        self._n_shown += 1
        self.shown = {
            "number": self._n_shown,  # another one with each answer of the kernel: taps wait for it
            "said": _told(said),
            "is_wrong": is_wrong,
            "played": None if self._agreed.played is None else _told(self._agreed.played),
            "progress": f"{progress.decided:,} decided today, {progress.waiting:,} waiting",
            "may_undo": self._undoable,
            "reasons": [_told(one) for one in self._agreed.reasons],
            "longest": LONGEST,
            "kind": None if claim is None else QUEUES[claim.queue],
            "marks": [] if claim is None else marks_of(claim),
            "item": None if claim is None else claim.item,
            "shown_digest": None if claim is None else claim.shown_digest,
            "due_left_s": None if claim is None else claim.due - now,
            "lease_left_s": None if claim is None else claim.lease_until - now,
            "card": None if claim is None else _card(claim.card),
        }


def review_widget(desk: Desk, person: str) -> ReviewWidget:
    """Return a person's desk for the end of a notebook's cell.

    Parameters
    ----------
    desk : Desk
        As `open_desk` gives it.
    person : str
        Id of somebody in review.yaml.

    Raises
    ------
    InputError
        review.yaml has no such person.
    """
    return ReviewWidget(desk, person)


def _card(card: Card) -> dict[str, Any]:
    """Return a card as a browser gets it: every text with its hidden signs spelled out."""
    told: dict[str, Any] = _told({**asdict(card), "confidence": None, "threshold": None})
    return {**told, "sureness": sureness(card)}


def _told(content: Any) -> Any:
    """Return a value with each text in it as a reader sees it."""
    if isinstance(content, str):
        return visible(whole_text(content))
    if isinstance(content, Mapping):
        return {name: _told(one) for name, one in content.items()}
    if isinstance(content, list | tuple):
        return [_told(one) for one in content]
    return content


def _placed(offered: tuple[str, ...], place: Any) -> str:
    """Return what stands at a place. Raises InputError where there is none."""
    if isinstance(place, bool) or not isinstance(place, int) or not 0 <= place < len(offered):
        raise InputError("the card does not offer this", got=repr(place), expected=f"a place below {len(offered)}")
    return offered[place]


def _escaped(text: str) -> str:
    return whole_text(visible(text)).replace("&", "&amp;").replace("<", "&lt;")
