"""What waits for each person and each group, as their messages say it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from workbench.desk.messages import TITLES, WaitingWork
from workbench.desk.store import Desk
from workbench.pilot import QueueName

if TYPE_CHECKING:
    import pandas as pd

COMPLETE = "complete"


def waiting_for_people(desk: Desk, link_of: Callable[[str], str], now: float) -> Iterator[WaitingWork]:
    """Yield what waits for each person for whom something does.

    Parameters
    ----------
    link_of : callable
        Gives a person's own link by the id.
    now : float
        Seconds since the epoch.
    """
    open_items, answers = _open(desk), desk.answers()
    for person in desk.settings.people:
        progress = desk.progress(person.id)
        if not progress.waiting:
            continue
        own = {desk.pseudonym(person.id), person.id}  # the latter where review.yaml shows names
        answered = answers[answers["reviewer"].isin(own) & answers["in_force"]]["item"]
        may = open_items["group_now"].isin(person.groups) & ~open_items["item"].isin(answered)
        if person.at_most is not None:
            may &= open_items["amount"].isna() | (open_items["amount"] <= person.at_most)
        yield WaitingWork(
            person.name, person.id, progress.by_queue, progress.next_due, now, _titles(desk, open_items[may]),
            link_of(person.id), desk.settings.played,
        )  # fmt: skip


def waiting_for_groups(desk: Desk, address: str, now: float) -> Iterator[WaitingWork]:
    """Yield what waits for each group for which something does.

    Many read what is said to a group, so that it has the desk's address in the place of a link: whoever opens it comes
    in by a link of their own.
    """
    open_items = _open(desk)
    for group in desk.settings.groups:
        own = open_items[open_items["group_now"] == group.id]
        if own.empty:
            continue
        counts = {QueueName(str(name)): int(n) for name, n in own["queue"].value_counts(sort=False).items()}
        file = "group-" + re.sub(r"[^a-z0-9]+", "-", group.id.lower()).strip("-")
        titles, due = _titles(desk, own), float(own["due"].min())
        yield WaitingWork(group.id, file, counts, due, now, titles, address, desk.settings.played)


def _open(desk: Desk) -> pd.DataFrame:
    """Return the items that still wait for somebody, the most urgent first."""
    items = desk.items()
    return items[items["standing"] != COMPLETE].sort_values("due", kind="stable")


def _titles(desk: Desk, items: pd.DataFrame) -> tuple[str, ...]:
    return tuple(desk.title_of(str(name)) for name in items["item"][:TITLES])
