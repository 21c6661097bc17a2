"""Records into people's hands: those whose label is disputed and a sample of agreements, in one list that is logged."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from workbench.desk import Desk, FeedbackWish
from workbench.pilot import Pilot
from workbench.records.label_sets import (
    DecidedAlone,
    DrawnList,
    LogWriter,
    append_label_entry,
    read_label_log,
    read_label_set,
    read_list,
    write_list,
)
from workbench.records.splits import Dataset, Split, disputed_among, holdout_has_results
from workbench.review.labels.cards import label_item, policy_fields
from workbench.review.labels.planning import SplitPlan, disputed_on_dev, suspected_on_dev
from workbench.words import InputError

OPENED = "an opening has shown a result for these holdout records, so their labels are not looked at again before it"


@dataclass(frozen=True, slots=True)
class Handed:
    """Records that were handed out: how many, how many of them are new at the desk, and whether they were drawn now."""

    split: Split
    n_records: int
    n_new: int
    is_drawn_now: bool


def draw_disputed(
    pilot: Pilot,
    dataset: Dataset,
    decided: DecidedAlone,
    plan: SplitPlan,
    hand: tuple[Desk, str, LogWriter],
) -> Handed:
    """Put the records of one split whose labels are to be looked at on the desk; a version's list is drawn once.

    Parameters
    ----------
    decided : DecidedAlone
        Of the split that the plan is for.
    hand : (Desk, str, LogWriter)
        The desk, the group that decides, who asks and what gives the key that signs the log.

    Raises
    ------
    InputError
        The holdout was opened before.
    RunError
        The log was altered, or a list is gone.
    """
    desk, group, by = hand
    known = _known(pilot.data, decided)
    if known is None:
        if plan.split is Split.HOLDOUT and holdout_has_results(pilot, dataset):
            remedy = (
                "new labels for them would be a new opening, charged as one: draw a new holdout, or correct labels of "
                "development records"
            )
            raise InputError(OPENED, where=f"pilot {pilot.name}", remedy=remedy)
        known = _drawn(pilot, dataset, (decided, plan), _said_wrong(desk, dataset))
        append_label_entry(pilot.data, known, by)
        is_new = True
    else:
        is_new = False
    looked = read_label_set(pilot.data, pilot.contract.label_set)
    ids = pd.Index(read_list(pilot.data, known.records), dtype=object)
    open_ids = ids if looked is None else ids.difference(looked.table.index)
    policy = policy_fields(pilot)
    items = (label_item(record, dataset.labels, policy, group) for record in dataset.records(open_ids))
    n_new = desk.put(sorted(items, key=lambda item: item.id))
    return Handed(plan.split, len(ids), n_new, is_new)


def _known(data: Path, decided: DecidedAlone) -> DrawnList | None:
    """Return the list that was drawn for these decisions, None where none was."""
    version = decided.agent_digest, decided.split, decided.digest
    drawn = [one for one in read_label_log(data) if isinstance(one, DrawnList)]
    return next((one for one in drawn if (one.agent_digest, one.split, one.decided) == version), None)


def _said_wrong(desk: Desk, dataset: Dataset) -> set[str]:
    """Return the development records whose label somebody disputed at the desk."""
    said = desk.feedbacks()
    disputed = said.loc[said["wants"] == FeedbackWish.DISPUTE.value, "record_id"]
    return set(disputed) & set(dataset.ids(Split.DEV))


def _drawn(pilot: Pilot, dataset: Dataset, asked: tuple[DecidedAlone, SplitPlan], said_wrong: set[str]) -> DrawnList:
    """Draw the records, write their list, and return what the log is to say of it."""
    decided, plan = asked
    if plan.split is Split.HOLDOUT:
        ids = disputed_among(pilot, dataset, decided.actions, plan.agreements, plan.disputed)
        sample = None
    else:
        drawn = disputed_among(pilot, dataset, decided.actions, plan.agreements)
        sample = write_list(pilot.data, set(drawn) - disputed_on_dev(pilot, dataset, decided))
        ids = tuple(sorted({*drawn, *suspected_on_dev(pilot, dataset), *said_wrong}))
    return DrawnList(
        plan.split.value,
        decided.agent,
        decided.agent_digest,
        dataset.digest,
        decided.digest,
        write_list(pilot.data, ids),
        len(ids),
        sample,
    )
