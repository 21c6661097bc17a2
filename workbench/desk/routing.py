"""Who may decide an item: people of its group within their authority, and the groups above where there are none."""

from __future__ import annotations

import hashlib
import hmac
import math
from dataclasses import dataclass, replace

from workbench.desk.items import ReviewItem
from workbench.pilot import ReviewPerson, ReviewSettings
from workbench.words import InputError, several, shown

HOUR_S = 3600.0


@dataclass(frozen=True, slots=True)
class Routed:
    """An item as the desk keeps it, and the group of each of the people that it needs."""

    item: ReviewItem
    teams: tuple[str, ...]


def may_decide(person: ReviewPerson, team: str, amount: float | None) -> bool:
    """Return whether a person is of a group and may decide an amount."""
    return team in person.groups and (amount is None or person.at_most is None or amount <= person.at_most)


def lowest_team(
    settings: ReviewSettings, team: str, amount: float | None, enough: int = 1, without: frozenset[str] = frozenset()
) -> str | None:
    """Return the first group on the way up with which so many different people may decide; None where there is none.

    Parameters
    ----------
    without : frozenset of str
        Ids of people who do not count, as they have answered.
    """
    found: set[str] = set()
    at: str | None = team
    while at is not None:
        here = {one.id for one in settings.people if may_decide(one, at, amount)} - without
        found |= here
        if here and len(found) >= enough:
            return at
        group = settings.group(at)
        at = None if group is None else group.goes_up_to
    return None


def routed(item: ReviewItem, settings: ReviewSettings, secret: bytes) -> Routed:
    """Return an item with the number of people that it is drawn for, and where each of them is looked for.

    Raises
    ------
    InputError
        The item does not fit review.yaml, or too few people may decide it.
    """
    _check(item, settings)
    queue = settings.queue(item.queue)
    least = max(item.needs, 2 if item.four_eyes else 1)
    drawn = max(least, 2) if drawn_share(item.id, secret) < queue.double_share else least
    for needs in dict.fromkeys((drawn, drawn if queue.double_share == 1 else least)):
        teams = [lowest_team(settings, item.group, item.amount, enough) for enough in range(1, needs + 1)]
        found = tuple(team for team in teams if team is not None)
        if len(found) == needs:
            return Routed(replace(item, needs=needs, is_blind=item.is_blind or queue.blind), found)
    raise InputError(
        "too few people may decide an item",
        where=f"item {item.id!r}, group {item.group!r}",
        got=f"an amount of {item.amount:,.2f}" if item.amount is not None else None,
        expected=several(needs, "person", "different people") + " of the group or above it",
        remedy="give at_most, groups or goes_up_to of review.yaml so that they may",
    )


def drawn_share(item: str, secret: bytes) -> float:
    """Return an item's place in [0, 1) that only the desk's secret tells."""
    return int.from_bytes(hmac.digest(secret, f"double:{item}".encode(), "sha256")[:6], "big") / 2**48


def queue_place(item: str) -> str:
    """Return by what items of one deadline are ordered."""
    return hashlib.sha256(item.encode()).hexdigest()[:16]


def deadline(settings: ReviewSettings, team: str, now: float) -> float:
    """Return when a group must have decided what it gets now, in epoch seconds."""
    group = settings.group(team)
    return now if group is None else now + HOUR_S * group.deadline_h


def _check(item: ReviewItem, settings: ReviewSettings) -> None:
    where = f"item {item.id!r}"
    if settings.group(item.group) is None:
        known = shown(group.id for group in settings.groups)
        raise InputError("review.yaml has no such group", where=where, got=repr(item.group), expected=known)
    if not item.id or item.needs < 1:
        raise InputError("an item needs an id and at least one person", where=where, got=f"needs {item.needs}")
    if item.amount is not None and not math.isfinite(item.amount):
        raise InputError("an item's amount is no number", where=where, got=str(item.amount))
    card = item.card
    if not card.actions or (card.recommended is not None and card.recommended not in card.actions):
        raise InputError(
            "a card must offer actions, the recommended one among them",
            where=where,
            got=repr(card.recommended),
            expected=shown(card.actions) or "at least one action",
        )
