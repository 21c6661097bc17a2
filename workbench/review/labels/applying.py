"""A label set from what people decided: written whole, logged, and named in the contract."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from workbench.desk import Desk, Settled
from workbench.pilot import Pilot, Role, name_label_set
from workbench.records.label_sets import (
    AppliedLabels,
    DrawnList,
    LogWriter,
    add_label_set,
    append_label_entry,
    next_label_set,
    read_label_log,
    read_label_set,
    read_list,
)
from workbench.records.splits import Dataset, Split, former_labels
from workbench.review.labels.standing import LabelStanding, label_standing
from workbench.words import InputError, several

TWO_AGREED, ADJUDICATED = "two agreed", "adjudicated"
LONGEST_WHY = 1_000


@dataclass(frozen=True, slots=True)
class Overturned:
    """Development records that were looked at, and the labels among them that people changed."""

    disputed: tuple[int, int]
    agreements: tuple[int, int]


@dataclass(frozen=True, slots=True)
class WrittenLabels:
    """A label set that was written.

    Parameters
    ----------
    n_looked, n_changed : int
        Records that people looked at for it, and those of them with another label than the records have.
    development : Overturned
    line : str
        What is to be written into contract.yaml by hand; empty where that was done.
    """

    label_set: str
    n_looked: int
    n_changed: int
    n_adjudicated: int
    development: Overturned
    line: str


def write_label_set(pilot: Pilot, dataset: Dataset, desk: Desk, by: LogWriter) -> WrittenLabels:
    """Write what people decided as the next label set, all of it or nothing.

    Raises
    ------
    InputError
        Records that were handed out are not decided: the correction would be one-sided. Or there is nothing to write,
        or another file of that name.
    RunError
        The log was altered.
    SignatureError
        The desk's answers were altered.
    """
    desk.check()
    standing = label_standing(pilot, desk)
    lists = [one for one in read_label_log(pilot.data) if isinstance(one, DrawnList)]
    _require_all(pilot, dataset, standing, lists)
    base, name = read_label_set(pilot.data, pilot.contract.label_set), next_label_set(pilot.contract.label_set)
    rows = _rows(pilot, dataset, desk, standing.settled)
    whole = rows if base is None else pd.concat([base.table, rows])
    file, n_changed = add_label_set(pilot.data, name, whole), int((whole["label"] != whole["was"]).sum())
    names = tuple(dict.fromkeys(one.records for one in lists))
    append_label_entry(pilot.data, AppliedLabels(name, file, names, len(whole), n_changed), by)
    is_named = name_label_set(pilot.data, pilot.contract, name)
    return WrittenLabels(
        name,
        len(rows),
        int((rows["label"] != rows["was"]).sum()),
        int((rows["how"] == ADJUDICATED).sum()),
        _overturned(pilot, dataset, rows, lists),
        "" if is_named else f"label_set: {name}",
    )


def _require_all(pilot: Pilot, dataset: Dataset, standing: LabelStanding, lists: list[DrawnList]) -> None:
    """Refuse to write a part of what was handed out."""
    where = f"pilot {pilot.name}"
    if not standing.open_ids:
        remedy = f"workbench labels disputed {pilot.name} --agent NAME hands records out"
        raise InputError("no label was looked at that is in no label set yet", where=where, remedy=remedy)
    missing = set(standing.missing)
    if not missing:
        return
    sample = {name for one in lists if one.sample is not None for name in read_list(pilot.data, one.sample)}
    n_sample = len(missing & sample)
    without = f"; to {several(standing.n_without, 'one', 'of them')} nobody gave a label" if standing.n_without else ""
    of_dev = f", {n_sample:,} of them development records of the sample of agreements" if n_sample else ""
    handed = several(len(standing.open_ids), "record")
    raise InputError(
        f"{len(missing):,} of {handed} that were handed out are not decided{of_dev}: a correction by the others alone "
        "would be one-sided",
        where=where,
        got=f"{several(standing.n_waiting, 'waits', 'wait')} for two people, {standing.n_disagreed:,} for an "
        f"adjudicator{without}",
        expected="every record decided by two people, or adjudicated, and the time to take an answer back over",
        remedy=f"workbench review {pilot.name} opens the desk; workbench labels adjudicate {pilot.name} says how far "
        "it is",
    )


def _rows(pilot: Pilot, dataset: Dataset, desk: Desk, settled: Mapping[str, Settled]) -> pd.DataFrame:
    """Return the rows of the records that were decided."""
    ids = pd.Index(sorted(settled), dtype=object, name="record_id")
    said = desk.answers()
    said = said[said["in_force"].astype(bool)]
    by_item = dict(iter(said.groupby("item", sort=False)))
    reason = pilot.contract.column_with(Role.REASON)
    reasons = set() if reason is None else set(pilot.contract.columns[reason].allowed or ())
    rows = pd.DataFrame(
        [_row(settled[name], by_item[settled[name].item.id], reasons) for name in ids],
        index=ids,
        columns=["label", "reason", "people", "how", "why"],
    )
    was = former_labels(pilot, dataset, ids)
    return rows.assign(was=was, changed=(rows["label"] != was).astype(int).astype(str))


def _row(decided: Settled, answers: pd.DataFrame, reasons: set[str]) -> tuple[str, str, str, str, str]:
    """Return label, reason, people, how and why of one record."""
    standing = answers[answers["action"] == decided.action]
    given = [str(text) for text in standing["reason"] if text]
    notes = [*given, *(str(text) for text in standing["note"] if text)]
    how = ADJUDICATED if answers["adjudicates"].astype(bool).any() else TWO_AGREED
    why = " ".join("; ".join(dict.fromkeys(notes)).split())[:LONGEST_WHY]
    known = [text for text in given if text in reasons]
    return str(decided.action), known[-1] if known else "", " ".join(decided.people), how, why


def _overturned(pilot: Pilot, dataset: Dataset, rows: pd.DataFrame, lists: list[DrawnList]) -> Overturned:
    """Return what was changed of development records: among disputed ones, and among the sample of agreements."""
    of_dev = rows[rows.index.isin(dataset.ids(Split.DEV))]
    sample = {name for one in lists if one.sample is not None for name in read_list(pilot.data, one.sample)}
    is_sample, is_changed = of_dev.index.isin(list(sample)), (of_dev["label"] != of_dev["was"]).to_numpy()
    return Overturned(
        (int(is_changed[~is_sample].sum()), int((~is_sample).sum())),
        (int(is_changed[is_sample].sum()), int(is_sample.sum())),
    )
