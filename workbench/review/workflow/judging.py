"""Every item and answer judged: the right group, somebody with authority, two where two must, written back once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from workbench.pilot import QueueName, ReviewSettings
from workbench.review.routing import Handing
from workbench.review.workflow.tables import BETWEEN, NOTHING

JUDGED_ITEMS = ("expected_group", "routed_right", "people", "answered_right", "late", "carried_right", "good")


@dataclass(frozen=True, slots=True)
class DeskAuthority:
    """What a person behind a pseudonym may decide: in which groups, up to which amount, None for any."""

    groups: tuple[str, ...]
    at_most: float | None


@dataclass(frozen=True, slots=True)
class WorkflowGround:
    """What items and answers are judged by.

    Parameters
    ----------
    up : mapping of str to str or None
        By group the one that gets what it did not decide.
    authority : mapping of str to DeskAuthority
        By pseudonym; one that is not there may decide nothing.
    as_of : float
        When the desk was looked at, seconds since the epoch.
    """

    handing: Handing
    up: Mapping[str, str | None]
    adjudicators: str
    authority: Mapping[str, DeskAuthority]
    as_of: float

    @classmethod
    def of(
        cls, handing: Handing, settings: ReviewSettings, authority: Mapping[str, DeskAuthority], as_of: float
    ) -> WorkflowGround:
        """Return the ground that review.yaml gives."""
        up = {one.id: one.goes_up_to for one in settings.groups}
        return cls(handing, up, settings.adjudicators, authority, as_of)

    def above(self, group: str) -> frozenset[str]:
        """Return a group and all those that its items can go up to."""
        found, at = set[str](), group
        while at not in found:
            found.add(at)
            at = self.up.get(at) or at
        return frozenset(found)


def judged_tables(
    items: pd.DataFrame, reviews: pd.DataFrame, ground: WorkflowGround
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return items and reviews with what each is judged to be.

    Returns
    -------
    (DataFrame, DataFrame)
        Items with `expected_group`, `routed_right`, `people` (different ones whose answer is what was decided),
        `answered_right` (every answer is by somebody of the group with the authority, and by two where two must),
        `late` (past its deadline without a decision), `carried_right` (as often as was decided) and `good` (all of
        it, and settled). Reviews with `has_authority`.
    """
    amounts = dict(zip(items["item"], items["amount"], strict=True))
    groups = dict(zip(items["item"], items["group"], strict=True))
    said = [
        _has_authority(row, groups[row["item"]], amounts[row["item"]], ground) for row in reviews.to_dict("records")
    ]
    reviews = reviews.assign(has_authority=pd.Series(said, index=reviews.index, dtype=bool))
    answers: dict[str, list[dict[Any, Any]]] = {}
    for row in reviews.to_dict("records"):
        answers.setdefault(row["item"], []).append(row)
    rows = [_judged(row, answers.get(row["item"], []), ground) for row in items.to_dict("records")]
    judged = pd.DataFrame(rows, columns=list(JUDGED_ITEMS), index=items.index, dtype=object)
    kinds: dict[str, Any] = dict.fromkeys(JUDGED_ITEMS[1:], bool) | {"people": "int64"}
    return pd.concat([items, judged.astype(kinds)], axis=1), reviews


def times_due(decided: str | None, *, planted: bool, queue: str) -> int:
    """Return how often an item is to be written back: once where an escalation asks for something, else never."""
    is_asked = queue == QueueName.ESCALATIONS.value and decided is not None and decided != NOTHING
    return int(is_asked and not planted)


def _judged(row: dict[Any, Any], answers: list[dict[Any, Any]], ground: WorkflowGround) -> dict[Any, Any]:
    categories = tuple(filter(None, (row["categories"] or "").split(BETWEEN)))
    expected = _expected(row, categories, ground)
    people = len({one["reviewer"] for one in answers if one["decision"] == row["decided"]})
    enough = not row["four_eyes"] or people > 1 or not row["settled"]
    answered = enough and all(one["has_authority"] for one in answers)
    due = times_due(row["decided"], planted=row["planted"], queue=row["queue"])
    is_late = not row["settled"] and (bool(row["overdue"]) or (not pd.isna(row["due"]) and row["due"] < ground.as_of))
    carried = row["carried_out_times"] == due
    return {
        "expected_group": expected,
        "routed_right": row["group"] == expected,
        "people": people,
        "answered_right": answered,
        "late": is_late,
        "carried_right": carried,
        "good": row["settled"] and row["group"] == expected and answered and carried and not row["planted"],
    }


def _expected(row: dict[Any, Any], categories: tuple[str, ...], ground: WorkflowGround) -> str:
    """Return the group that an item belongs to, found again by what the agent decided."""
    if row["queue"] == QueueName.AUDIT.value:
        return ground.handing.default
    return ground.handing.to(row["action"], row["reason"], categories).group


def _has_authority(row: dict[Any, Any], group: str, amount: float, ground: WorkflowGround) -> bool:
    """Return whether whoever answered is of the group that it was for, which may have it, and may decide the amount."""
    person = ground.authority.get(row["reviewer"])
    if person is None or row["group"] not in person.groups:
        return False
    may_have = ground.above(ground.adjudicators) if row["adjudicates"] else ground.above(group)
    return row["group"] in may_have and (person.at_most is None or pd.isna(amount) or amount <= person.at_most)
