"""Every version that was ever tried on a split, as the journal knows them, and where each one is right."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from workbench.metrics import is_asked, is_right
from workbench.pilot import Pilot
from workbench.records.splits import Dataset, Split
from workbench.runs.journal import JOURNAL_FILE, Journal, RunEntry

Rightness = Mapping[str, "pd.Series[bool]"]


@dataclass(frozen=True, slots=True)
class Tried:
    """The versions that were ever tried on the development records.

    Parameters
    ----------
    names : mapping of str to str
        Digest of each version to the agent's name at its last run; one for each version, whatever became of it.
    right : mapping of str to Series
        Digest to whether each record that was asked is right, for versions whose last run on the present records has
        any decision; the others can only be counted.
    """

    names: Mapping[str, str]
    right: Rightness

    @property
    def n_versions(self) -> int:
        """How many versions were tried."""
        return len(self.names)


def n_versions_tried(pilot: Pilot) -> int:
    """Return how many versions were ever asked about development records, without reading a decision."""
    path = pilot.runs / JOURNAL_FILE
    if not path.is_file():
        return 0
    with Journal(path) as journal:
        return len({entry.agent_digest for entry in journal.entries(Split.DEV.value) if not entry.is_repeat})


def tried_versions(pilot: Pilot, dataset: Dataset, besides: Collection[str] = ()) -> Tried:
    """Return every version that was asked about development records, on the present ones or on earlier ones.

    Versions count by what they are: a prompt that was changed and changed back is one, and a model that was trained
    again makes another version of every prompt. Repeats of a version are that version.

    Parameters
    ----------
    besides : collection of str
        Digests of versions whose decisions are at hand already: they are counted and not read again.
    """
    path = pilot.runs / JOURNAL_FILE
    if not path.is_file():
        return Tried({}, {})
    with Journal(path) as journal:
        runs = _largest(journal.entries(Split.DEV.value), dataset)
        labels = dataset.dev_labels()["label"]
        open_ = {digest: entry for digest, entry in runs.items() if digest not in besides and _fits(entry, dataset)}
        decided = {digest: journal.decisions(entry.run) for digest, entry in open_.items()}
    right = {digest: rightness_of(table.join(labels)) for digest, table in decided.items() if len(table)}
    return Tried({digest: entry.agent for digest, entry in runs.items()}, right)


def rightness_of(outcomes: pd.DataFrame) -> pd.Series[bool]:
    """Return whether each record that was asked is right, by record id."""
    return is_right(outcomes)[is_asked(outcomes)]


def right_and_asked(columns: Rightness) -> tuple[np.ndarray, np.ndarray]:
    """Return two tables of 0 and 1, records by versions: right, and asked."""
    table = pd.concat([column.astype(float) for column in columns.values()], axis="columns", join="outer")
    values = table.to_numpy()
    asked = ~np.isnan(values)
    return np.where(asked, values, 0.0), asked.astype(float)


def _largest(entries: tuple[RunEntry, ...], dataset: Dataset) -> dict[str, RunEntry]:
    """Return the run of each version that says most: on the present records first, then the most decisions."""
    runs: dict[str, RunEntry] = {}
    for entry in entries:
        if entry.is_repeat:
            continue
        known = runs.get(entry.agent_digest)
        if known is None or _weight(entry, dataset) > _weight(known, dataset):
            runs[entry.agent_digest] = entry
    return runs


def _weight(entry: RunEntry, dataset: Dataset) -> tuple[bool, int]:
    return _fits(entry, dataset), entry.decided


def _fits(entry: RunEntry, dataset: Dataset) -> bool:
    return entry.dataset_digest == dataset.digest
