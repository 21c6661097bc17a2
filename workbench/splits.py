"""Splits: each record is dev or holdout by a keyed hash; holdout labels are sealed."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

import numpy as np
import pandas as pd
import yaml
from pydantic import Field

from workbench.configuration import Settings, read_settings
from workbench.contract import Contract, Role
from workbench.errors import InputError
from workbench.files import write_atomically
from workbench.ledger import Purpose, append_opening
from workbench.pilot import Pilot
from workbench.provenance import Provenance
from workbench.records import Record, RecordTable, iterate, read_records
from workbench.sources import SOURCES_FILE

SPLITS_FILE = "splits.yaml"
HOLDOUT_SHARE = 0.3
SPLITS_COMMENT = """\
# Which records are holdout: those whose keyed hash is below their label's threshold. Do not edit: a change moves
# records between development and the sealed holdout.
"""
N_FOLDS = 5
_STRATA = (Role.CLASS, Role.SOURCE, Role.ENTITY, Role.TIMESTAMP)


class Split(StrEnum):
    """Development records may be looked at freely; holdout records are for judging."""

    DEV = "dev"
    HOLDOUT = "holdout"


class SplitSettings(Settings):
    """The content of splits.yaml: a record is holdout when its keyed hash in [0, 1) is below its label's threshold.

    The thresholds were set once so that each label has its share exactly; later records are compared with the same
    numbers, so no record ever changes side when others are added. A corrected label is compared with its new label's
    threshold: where the hash lies between the two, a few records in a hundred corrected ones, the record changes side.
    """

    key: str = Field(pattern=r"^[0-9a-f]{32,}$")
    holdout_share: float = Field(gt=0, lt=1)
    thresholds: dict[str, float] = Field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Dataset:
    """A pilot's records, split; labels of holdout records cannot be reached from here.

    Parameters
    ----------
    splits : pd.Series
        Per record id "dev" or "holdout".
    positions : pd.Series
        Per record id its keyed hash in [0, 1): the order in which `limit` takes records.
    digest : str
        Digest of all records with their labels.
    labels : tuple of str
        All labels the contract allows, or those that occur.
    """

    contract: Contract
    splits: pd.Series[str]
    positions: pd.Series[float]
    digest: str
    labels: tuple[str, ...]
    _table: RecordTable = field(repr=False)

    def ids(self, split: Split, limit: int | None = None) -> pd.Index[str]:
        """Return a split's record ids in hash order, the first `limit` of them; a smaller limit is a subset."""
        chosen = self.positions[self.splits == split.value].sort_values(kind="stable")
        return chosen.index[:limit]

    def records(self, ids: pd.Index[str]) -> Iterator[Record]:
        """Yield records as an agent sees them."""
        return iterate(self._table, self.contract, ids)

    def digests(self, ids: pd.Index[str]) -> pd.Series[str]:
        """Return each record's digest: its id and the columns an agent may see."""
        return self._table.digests.loc[ids]

    def shown(self, split: Split | None = None) -> pd.DataFrame:
        """Return the columns an agent may see, of one split or of all records, indexed by record id."""
        frame = self._table.frame[list(self.contract.shown)]
        return frame if split is None else frame[self.splits == split.value]

    def strata(self, ids: pd.Index[str]) -> pd.DataFrame:
        """Return the columns class, source, entity and timestamp, as far as the contract has such roles."""
        named = {role.value: self.contract.column_with(role) for role in _STRATA}
        return pd.DataFrame({role: self._table.frame.loc[ids, name] for role, name in named.items() if name}, index=ids)

    def dev_labels(self) -> pd.DataFrame:
        """Return `label`, and `label_reason` where the contract has one, of the development records."""
        return self._labels(self.ids(Split.DEV))

    def training(self) -> pd.DataFrame:
        """Return the development records as training data: shown columns plus label and reason columns."""
        columns = [*self.contract.shown, self.contract.label, *self.contract.columns_with(Role.REASON)]
        return self._table.frame.loc[self.ids(Split.DEV), columns]

    def folds(self) -> pd.Series[int]:
        """Return the fold, 0 to 4, of each development record; records with the same content share a fold."""
        positions = self.positions[self.splits == Split.DEV.value]
        return pd.Series(np.floor(positions.to_numpy() * 2**40).astype(int) % N_FOLDS, index=positions.index)

    def label_counts(self) -> pd.DataFrame:
        """Return how many records each label has in dev and in holdout: counts only, as the split itself shows them."""
        labels = self._table.frame[self.contract.label]
        counts = pd.crosstab(labels, self.splits).reindex(columns=[s.value for s in Split], fill_value=0)
        return counts.rename_axis(index="label", columns=None)

    def _labels(self, ids: pd.Index[str]) -> pd.DataFrame:
        frame = self._table.frame.loc[ids]
        labels = pd.DataFrame({"label": frame[self.contract.label]}, index=ids)
        reason = self.contract.column_with(Role.REASON)
        return labels if reason is None else labels.assign(label_reason=frame[reason])


def read_dataset(pilot: Pilot) -> Dataset:
    """Return a pilot's records, checked and split; the first call writes splits.yaml beside the contract.

    Raises
    ------
    InputError
        Records, contract or splits.yaml do not fit.
    """
    _check_obtained(pilot)
    table = read_records(pilot.contract, pilot.data)
    path = pilot.data / SPLITS_FILE
    settings = read_settings(path, SplitSettings) if path.is_file() else _created(path, table, pilot.contract)
    positions = _positions(settings.key, table.units)
    labels = table.frame[pilot.contract.label]
    thresholds = labels.map(settings.thresholds).astype(float).fillna(settings.holdout_share)
    splits = pd.Series(np.where(positions < thresholds, Split.HOLDOUT, Split.DEV), index=positions.index, dtype=object)
    allowed = pilot.contract.labels or tuple(sorted(labels.unique()))
    return Dataset(pilot.contract, splits, positions, table.digest, allowed, table)


def _check_obtained(pilot: Pilot) -> None:
    """Say how to obtain records that do not ship with the repository."""
    missing = [name for name in pilot.contract.records if not (pilot.data / name).is_file()]
    if missing and (pilot.data / SOURCES_FILE).is_file():
        raise InputError(
            "the records were not obtained yet",
            where=str(pilot.data),
            got=f"no {' and no '.join(missing)}",
            remedy=f"workbench data {pilot.name}",
        )


def open_holdout(pilot: Pilot, dataset: Dataset, purpose: Purpose, provenance: Provenance) -> pd.DataFrame:
    """Return the labels of the holdout records; the opening is on the ledger before they are handed out.

    Returns
    -------
    pd.DataFrame
        Columns `label` and, where the contract has one, `label_reason`; index: record id.
    """
    ids = dataset.ids(Split.HOLDOUT)
    append_opening(ledger_path(pilot), purpose, provenance, ids)
    return dataset._labels(ids)


def ledger_path(pilot: Pilot) -> Path:
    """Return where a pilot's holdout ledger is."""
    return pilot.runs / "ledger.jsonl"


def new_split(labels: pd.Series[str], units: pd.Series[str], share: float, key: str) -> SplitSettings:
    """Return thresholds that give every label its share of holdout records, at least one on each side.

    Parameters
    ----------
    labels, units : pd.Series
        Label and hashed text per record, on the same index.
    share : float
        Holdout share in (0, 1); a label of n records has `round(share * n)` of them in the holdout.
    """
    positions = _positions(key, units)
    thresholds = {}
    for label, of_label in positions.groupby(labels):
        ordered = np.sort(of_label.to_numpy())
        n_holdout = min(max(round(share * len(ordered)), 1), len(ordered) - 1)
        thresholds[str(label)] = round(float(ordered[n_holdout - 1 : n_holdout + 1].mean()), 12)
    return SplitSettings(key=key, holdout_share=share, thresholds=thresholds)


def write_split(path: Path, settings: SplitSettings) -> None:
    """Write splits.yaml."""
    content = yaml.safe_dump(settings.model_dump(), allow_unicode=True, sort_keys=True)
    write_atomically(path, SPLITS_COMMENT + content)


def _created(path: Path, table: RecordTable, contract: Contract) -> SplitSettings:
    settings = new_split(table.frame[contract.label], table.units, HOLDOUT_SHARE, secrets.token_hex(16))
    try:
        write_split(path, settings)
    except OSError as error:
        raise InputError("the split cannot be written", where=str(path), got=str(error)) from None
    return settings


def _positions(key: str, units: pd.Series[str]) -> pd.Series[float]:
    """Return each unit's keyed hash as a number in [0, 1)."""
    secret = bytes.fromhex(key)
    hashed = [hmac.digest(secret, unit.encode(), hashlib.sha256)[:7] for unit in units]
    return pd.Series([int.from_bytes(value, "big") / 2**56 for value in hashed], index=units.index, dtype=float)
