"""How far people are with the labels that they look at again; nothing is said by version."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from workbench.desk import Desk, Settled
from workbench.pilot import Pilot, QueueName
from workbench.records.label_sets import DrawnList, read_label_log, read_label_set, read_list
from workbench.review.labels.cards import label_item_id


@dataclass(frozen=True, slots=True)
class LabelStanding:
    """Records that were handed out and are in no label set yet.

    Parameters
    ----------
    open_ids : tuple of str
        All of them.
    settled : mapping of str to Settled
        Those that people gave a label, by record id.
    n_waiting, n_disagreed : int
        Items of the desk that two people have not decided yet, and those that wait for an adjudicator.
    n_without : int
        Settled ones to which nobody gave a label.
    """

    open_ids: tuple[str, ...]
    settled: Mapping[str, Settled]
    n_waiting: int
    n_disagreed: int
    n_without: int

    @property
    def missing(self) -> tuple[str, ...]:
        """Ids of the records that have no decided label."""
        return tuple(name for name in self.open_ids if name not in self.settled)


def label_standing(pilot: Pilot, desk: Desk) -> LabelStanding:
    """Return how far people are, with answers that can no longer be taken back.

    Raises
    ------
    RunError
        The log of label sets was altered, or a list is gone.
    """
    looked = read_label_set(pilot.data, pilot.contract.label_set)
    known = set() if looked is None else set(looked.table.index)
    lists = [one for one in read_label_log(pilot.data) if isinstance(one, DrawnList)]
    open_ids = sorted({name for one in lists for name in read_list(pilot.data, one.records)} - known)
    wanted = {label_item_id(name): name for name in open_ids}
    decided = {wanted[one.item.id]: one for one in desk.settled() if one.item.id in wanted}
    items = desk.items()
    items = items[(items["queue"] == QueueName.LABELS.value) & items["item"].isin(wanted)]
    standing = items["standing"].value_counts()
    given = {name: one for name, one in decided.items() if one.action is not None}
    counts = int(standing.get("waiting", 0)), int(standing.get("disagreed", 0)), len(decided) - len(given)
    return LabelStanding(tuple(open_ids), given, *counts)
