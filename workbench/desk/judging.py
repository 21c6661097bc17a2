"""What an answer means: whether the card offers it, the action it comes to, and what several answers come to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from workbench.desk.items import AnswerKind, Card, GivenAnswer, ReviewItem
from workbench.words import InputError, shown

WITH_REASON = frozenset({AnswerKind.MODIFY, AnswerKind.REJECT})
LONGEST_REASON, LONGEST_NOTE = 500, 2_000


class ItemStanding(StrEnum):
    """How far an item is."""

    WAITING = "waiting"  # people have not answered yet
    DISAGREED = "disagreed"  # an adjudicator is needed
    COMPLETE = "complete"


@dataclass(frozen=True, slots=True)
class StandingAnswer:
    """An answer that was not taken back: the action it comes to, None for nothing."""

    seq: int
    reviewer: str
    action: str | None
    adjudicates: bool


@dataclass(frozen=True, slots=True)
class Outcome:
    """How far an item is, and what is to be done where it is complete; None for nothing."""

    standing: ItemStanding
    action: str | None = None


def item_outcome(item: ReviewItem, answers: Sequence[StandingAnswer]) -> Outcome:
    """Return what the answers to an item come to, in the order in which they were given."""
    first = [one for one in answers if not one.adjudicates]
    if len(first) < item.needs:
        return Outcome(ItemStanding.WAITING)
    adjudicated = [one for one in answers if one.adjudicates]
    last = (adjudicated or first)[-1]
    alike = [one for one in answers if one.action == last.action]
    enough = (2 if item.four_eyes else 1) if adjudicated else len(first)
    return Outcome(ItemStanding.COMPLETE, last.action) if len(alike) >= enough else Outcome(ItemStanding.DISAGREED)


def offered(card: Card) -> tuple[AnswerKind, ...]:
    """Return what a person may do with a card."""
    if card.recommended is None:
        return (AnswerKind.DECIDE, AnswerKind.REJECT)
    has_other = any(action != card.recommended for action in card.actions)
    return (AnswerKind.APPROVE, *([AnswerKind.MODIFY] if has_other else []), AnswerKind.REJECT)


def final_action(given: GivenAnswer, card: Card) -> str | None:
    """Return the action that an answer to a card comes to, None where nothing is to be done.

    Raises
    ------
    InputError
        The card does not offer it, or its reason is missing or too long.
    """
    if given.kind not in offered(card):
        raise InputError("the card does not offer this", got=given.kind, expected=", ".join(offered(card)))
    _check_texts(given)
    match given.kind:
        case AnswerKind.APPROVE:
            if given.action not in (None, card.recommended):
                raise InputError("to approve is to take the recommended action", got=repr(given.action))
            return card.recommended
        case AnswerKind.REJECT:
            if given.action is not None:
                raise InputError("to reject is to do nothing", got=repr(given.action))
            return None
        case AnswerKind.MODIFY | AnswerKind.DECIDE:
            others = [action for action in card.actions if action != card.recommended]
            if given.action not in others:
                raise InputError("the card does not offer this action", got=repr(given.action), expected=shown(others))
            return given.action


def shown_card(item: ReviewItem, answers: Sequence[StandingAnswer], *, adjudicates: bool) -> Card:
    """Return what a person is shown of an item; an adjudicator sees the actions without names, unless it is blind."""
    card = item.shown
    if not adjudicates or item.is_blind:
        return card
    named = sorted({"nothing" if one.action is None else one.action for one in answers})
    return replace(card, assessment=f"{card.assessment} People disagree: {'; '.join(named)}.".strip())


def _check_texts(given: GivenAnswer) -> None:
    if given.kind in WITH_REASON and not given.reason.strip():
        raise InputError("a reason is needed", got="none", expected=f"a reason to {given.kind}")
    for name, text, longest in (("reason", given.reason, LONGEST_REASON), ("note", given.note, LONGEST_NOTE)):
        check_text(name, text, longest)


def check_text(name: str, text: str, longest: int) -> None:
    """Refuse a text that is too long or no Unicode."""
    if len(text) > longest:
        raise InputError(f"the {name} is too long", got=f"{len(text):,} signs", expected=f"at most {longest:,}")
    if not text.isascii() and any("\ud800" <= sign <= "\udfff" for sign in text):
        raise InputError(f"the {name} is no text", got="half of a sign")
