"""Which records people look at again: all whose label a decision differs from, and a sample of the others, mixed.

This holds decisions against sealed labels too. What leaves it is a list of ids that does not say which is which, and
whose length says nothing either: it is rounded up to a number that was fixed before, with more of the sample.
"""

from __future__ import annotations

import hashlib
import hmac
from pathlib import Path

import pandas as pd

from workbench.files import read_settings
from workbench.pilot import Pilot
from workbench.pilot.charter import SPLITS_FILE
from workbench.records.label_sets import labels_before, read_label_set
from workbench.records.ledger import read_budget
from workbench.records.splits.dataset import Dataset
from workbench.records.splits.draw import SplitSettings
from workbench.records.splits.opening import holdout_seen, ledger_path, other_ledgers

DRAWN_FOR = b"agreements with labels\n"


def disputed_among(
    pilot: Pilot, dataset: Dataset, decided: pd.Series[str], agreements: int, room: int = 0
) -> tuple[str, ...]:
    """Return the records whose label differs from what was decided, and a sample of the others, by id.

    Labels are those in the records, whatever people have corrected since: a sample that was corrected before would say
    nothing of the rest.

    Parameters
    ----------
    decided : Series of str
        Automated decisions by record id.
    agreements : int
        How many of those that agree with their label are drawn at least; all where there are fewer.
    room : int
        The list is as long as sample and this room for disputed records together, with so many more where these do
        not fit; what room they leave is filled with more of the sample. 0 for a list that need not hide its parts.
    """
    corrected = read_label_set(pilot.data, pilot.contract.label_set)
    differs = decided != labels_before(dataset._labels(decided.index)["label"], corrected)
    disputed, agreeing = decided.index[differs], agreements_order(pilot.data, decided.index[~differs])
    length = agreements + len(disputed)
    if room:
        length = agreements + room * max(1, -(-len(disputed) // room))
    return tuple(sorted([*disputed, *agreeing[: length - len(disputed)]]))


def agreements_order(data: Path, ids: pd.Index[str]) -> pd.Index[str]:
    """Return records in the order in which a sample of agreements is drawn: by a hash under the key of the split.

    `data` holds splits.yaml: the folder of the records, or a bundle.
    """
    key = bytes.fromhex(read_settings(data / SPLITS_FILE, SplitSettings).key)
    hashed = [hmac.digest(key, DRAWN_FOR + str(name).encode(), hashlib.sha256) for name in ids]
    return pd.Series(hashed, index=ids, dtype=object).sort_values(kind="stable").index


def holdout_has_results(pilot: Pilot, dataset: Dataset) -> bool:
    """Return whether an opening has shown a result for any of today's holdout records; no label leaves this function.

    Raises
    ------
    RunError
        A ledger was altered.
    """
    return read_budget(ledger_path(pilot), None, holdout_seen(pilot, dataset), other_ledgers(pilot)).spent > 0.0


def former_labels(pilot: Pilot, dataset: Dataset, ids: pd.Index[str]) -> pd.Series[str]:
    """Return the labels in the records of those that people have decided again, for the file of a label set alone."""
    corrected = read_label_set(pilot.data, pilot.contract.label_set)
    return labels_before(dataset._labels(ids)["label"], corrected)
