"""The check proves itself: a desk of this pilot's own rules and people without a fault, then with each planted one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import pandas as pd

from workbench.pilot import QueueName
from workbench.review.routing import Handing
from workbench.review.workflow.checks import CATEGORY, RequiredPath, required_paths
from workbench.review.workflow.findings import (
    ALONE,
    BIAS,
    LATE,
    LOST,
    NO_AUTHORITY,
    TWICE,
    UNASKED,
    WRONG,
    review_findings,
)
from workbench.review.workflow.judging import DeskAuthority, WorkflowGround, judged_tables
from workbench.review.workflow.tables import SEEN_ITEMS, SEEN_REVIEWS, typed_table

DONE, OTHER = "done", "other"  # what is decided at the desk that is played here
NO_FAULT, STRANGER = "none", "nobody of the group"
N_PLANTED = 8
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class PlayedDesk:
    """Items and answers of a desk that is played in tables, and what they are judged by."""

    items: tuple[Row, ...]
    reviews: tuple[Row, ...]
    ground: WorkflowGround

    def kinds(self) -> frozenset[str]:
        """Return the kinds of findings that the check makes of it."""
        items, reviews = typed_table(list(self.items), SEEN_ITEMS), typed_table(list(self.reviews), SEEN_REVIEWS)
        judged = judged_tables(items, reviews, self.ground)
        return frozenset(one.kind for one in review_findings(*judged, pilot=""))

    def with_item(self, place: int, **changes: Any) -> PlayedDesk:
        """Return the desk with another item in a place."""
        items = tuple({**row, **changes} if at == place else row for at, row in enumerate(self.items))
        return replace(self, items=items)

    def with_reviews(self, reviews: Iterator[Row]) -> PlayedDesk:
        """Return the desk with other answers."""
        return replace(self, reviews=tuple(reviews))


def played_desk(ground: WorkflowGround) -> PlayedDesk:
    """Return a desk on which everything goes right: an item of each rule and category, and planted ones, all caught."""
    handing = ground.handing
    paths = required_paths(handing) or (RequiredPath("", "", handing.default),)
    people = {f"{path.to}/{n}": DeskAuthority((path.to,), None) for path in paths for n in (1, 2)}
    items: list[Row] = []
    reviews: list[Row] = []
    for number, path in enumerate((*paths, *(paths[0] for _ in range(N_PLANTED)))):
        is_planted = number >= len(paths)
        items.append(_item(number, path, handing, planted=is_planted))
        answers = 2 if items[-1]["four_eyes"] else 1
        reviews += [_review(items[-1], f"{items[-1]['group']}/{n}") for n in range(1, answers + 1)]
    groups = {one["group"] for one in items}
    people |= {f"{group}/{n}": DeskAuthority((group,), None) for group in groups for n in (1, 2)}
    return PlayedDesk(tuple(items), tuple(reviews), replace(ground, authority=people))


def _item(number: int, path: RequiredPath, handing: Handing, *, planted: bool) -> Row:
    by_id = {rule.id: reason for reason, rule in handing.rules.items()}
    is_category = path.kind == CATEGORY
    reason = by_id.get(path.id)
    categories = [path.id] if is_category else []
    action = None if reason is None else handing.escalate_label
    group = handing.to(action, reason, categories).group
    right, shown = DONE, OTHER if planted else DONE
    return {
        "item": f"item-{number}", "queue": QueueName.ESCALATIONS.value, "record_id": f"R{number}", "split": "dev",
        "chosen": "planted" if planted else "each", "group": group, "rule": "" if is_category else path.id,
        "categories": "; ".join(categories), "action": action, "reason": reason, "recommended": shown,
        "amount": None, "needs": 1, "four_eyes": handing.needs_two(categories), "planted": planted,
        "right": right if planted else None, "is_blind": False, "settled": True, "decided": right, "due": None,
        "overdue": False, "receipt": not planted, "carried_out_times": int(not planted),
    }  # fmt: skip


def _review(item: Row, reviewer: str) -> Row:
    return {
        "record_id": item["record_id"], "reviewer": reviewer, "decision": DONE, "queue": item["queue"],
        "item": item["item"], "kind": "modify" if item["planted"] else "approve", "reason": "", "group": item["group"],
        "adjudicates": False, "seconds": 20.0, "planted": item["planted"],
    }  # fmt: skip


def _wrong_group(desk: PlayedDesk) -> PlayedDesk:
    return desk.with_item(0, group=STRANGER)


def _lost(desk: PlayedDesk) -> PlayedDesk:
    return desk.with_item(0, carried_out_times=0)


def _twice(desk: PlayedDesk) -> PlayedDesk:
    return desk.with_item(0, carried_out_times=2)


def _planted_written(desk: PlayedDesk) -> PlayedDesk:
    return desk.with_item(len(desk.items) - 1, carried_out_times=1)


def _stranger(desk: PlayedDesk) -> PlayedDesk:
    first = desk.items[0]["item"]
    return desk.with_reviews({**row, "reviewer": STRANGER} if row["item"] == first else row for row in desk.reviews)


def _one_alone(desk: PlayedDesk) -> PlayedDesk:
    return desk.with_item(0, four_eyes=True, needs=2).with_reviews(
        row for row in desk.reviews if row["item"] != desk.items[0]["item"] or row["reviewer"].endswith("/1")
    )


def _approves_all(desk: PlayedDesk) -> PlayedDesk:
    return desk.with_reviews({**row, "decision": OTHER} if row["planted"] else row for row in desk.reviews)


def _late(desk: PlayedDesk) -> PlayedDesk:
    first = desk.items[0]["item"]
    open_one = {"settled": False, "decided": None, "receipt": False, "carried_out_times": 0}
    late = desk.with_item(0, due=desk.ground.as_of - 1.0, **open_one)
    return late.with_reviews(row for row in desk.reviews if row["item"] != first)


# Each fault by what it is called, what plants it, and the kind of finding that must name it.
PLANTED_FAULTS: Mapping[str, tuple[Callable[[PlayedDesk], PlayedDesk], str]] = MappingProxyType(
    {
        "an escalation went to the wrong group": (_wrong_group, WRONG),
        "an answer was lost on its way back": (_lost, LOST),
        "an answer was written back twice": (_twice, TWICE),
        "a planted recommendation was written back": (_planted_written, UNASKED),
        "somebody without authority answered": (_stranger, NO_AUTHORITY),
        "one person decided where two must": (_one_alone, ALONE),
        "people approve whatever is recommended": (_approves_all, BIAS),
        "an item is past its deadline": (_late, LATE),
    }
)


def faults_table(ground: WorkflowGround) -> pd.DataFrame:
    """Return for each planted fault whether the check names it on a desk of this pilot's rules and people.

    Returns
    -------
    DataFrame
        `fault`, `named` (the kind of finding that names it), `caught`. The first row has no fault: it is caught where
        the check finds nothing.
    """
    clean = played_desk(ground)
    rows = [(NO_FAULT, "", not clean.kinds())]
    rows += [(fault, kind, kind in plant(clean).kinds()) for fault, (plant, kind) in PLANTED_FAULTS.items()]
    return pd.DataFrame(rows, columns=["fault", "named", "caught"]).astype({"caught": bool})
