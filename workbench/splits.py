"""Splits: each record is dev or holdout by a keyed hash; holdout labels are sealed."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml
from pydantic import Field

from workbench.configuration import Settings, read_settings
from workbench.contract import Contract, Role
from workbench.errors import InputError
from workbench.files import write_atomically
from workbench.ledger import (
    LEDGER_FILE,
    OpenedRecords,
    Opening,
    Purpose,
    Seen,
    Sight,
    Subject,
    append_opening,
    check_continues,
    content_digests,
    decided_digest,
    known_opening,
    opened_records,
    read_ledger,
    rows_root,
)
from workbench.pilot import Pilot
from workbench.provenance import Provenance
from workbench.records import Record, RecordTable, iterate, read_records
from workbench.signing.keys import SigningKey
from workbench.sources import SOURCES_FILE

SPLITS_FILE = "splits.yaml"
HOLDOUT_SHARE = 0.3
SPLITS_COMMENT = """\
# Which records are holdout: those whose keyed hash is below their label's threshold. Do not edit: a change moves
# records between development and the sealed holdout.
"""
N_FOLDS = 5
JUDGED_BY = {"kpis", "high_risk", "authority", "dependence"}  # parts of the charter
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

    def sealed(self, ids: pd.Index[str], *, with_training: bool) -> dict[str, Any]:
        """Return records as JSON values without label, reason or anything else that is withheld from an agent.

        Parameters
        ----------
        ids : pd.Index
            Records to decide.
        with_training : bool
            Whether development records, with their labels, are in it too: for an agent that learns.
        """
        kept = ids.union(self.ids(Split.DEV), sort=False) if with_training else ids
        learnt = {self.contract.label, *self.contract.columns_with(Role.REASON)}
        frame = self._table.frame.loc[kept, [*self.contract.shown, *(learnt if with_training else ())]]
        closed = (self.splits[kept] == Split.HOLDOUT.value).to_numpy()
        cells = {name: frame[name].where(~closed, None) if name in learnt else frame[name] for name in frame.columns}
        return {
            "ids": list(kept),
            "splits": self.splits[kept].tolist(),
            "positions": self.positions[kept].tolist(),
            "digests": self._table.digests[kept].tolist(),
            "columns": {name: column.tolist() for name, column in cells.items()},
            "labels": list(self.labels),
            "digest": self.digest,
        }

    @classmethod
    def unsealed(cls, contract: Contract, content: Mapping[str, Any]) -> Dataset:
        """Return the records that `sealed` wrote; what was withheld is not there."""
        index = pd.Index(content["ids"], name="record_id")

        def column(values: list[Any], kind: type = object) -> pd.Series[Any]:
            return pd.Series(values, index=index, dtype=kind)

        frame = pd.DataFrame({name: column(values) for name, values in content["columns"].items()}, index=index)
        digests = column(content["digests"])
        table = RecordTable(frame, column(content["ids"]), digests, content["digest"])
        positions = column(content["positions"], float)
        return cls(contract, column(content["splits"]), positions, content["digest"], tuple(content["labels"]), table)

    def _opened(self) -> OpenedRecords:
        """Return all holdout records as digests of content, id and label."""
        ids = self.ids(Split.HOLDOUT)
        contract = self.contract
        apart = {contract.label, contract.column_with(Role.ID), *contract.columns_with(Role.REASON)}
        cells = self._table.frame.loc[ids, [name for name in contract.columns if name not in apart]]
        return opened_records(content_digests(cells), self._table.frame.loc[ids, contract.label])

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
    allowed = pilot.contract.columns[pilot.contract.label].allowed or tuple(sorted(labels.unique()))
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


def open_holdout(
    pilot: Pilot, dataset: Dataset, asked: tuple[Purpose, pd.DataFrame], by: tuple[Provenance, Callable[[], SigningKey]]
) -> tuple[pd.DataFrame, Opening]:
    """Return labels and strata of decided holdout records; the opening is on the ledger before they are handed out.

    Parameters
    ----------
    pilot : Pilot
    dataset : Dataset
    asked : (Purpose, DataFrame)
        Which version is to be judged, and its decisions: their digest goes on the ledger with the opening.
    by : (Provenance, callable)
        Who opens, and what gives the key that signs the entry.

    Returns
    -------
    pd.DataFrame, Opening
        Columns `label`, `label_reason` where the contract has one, and the strata; index: record id.
    """
    purpose, decisions = asked
    truth, sight = _sight(pilot, dataset, decisions)
    path = ledger_path(pilot)
    check_continues(path, evidence_folder(pilot))
    return truth, append_opening(path, (purpose, sight), by, other_ledgers(pilot))


def opened_before(
    pilot: Pilot, dataset: Dataset, asked: tuple[Purpose, pd.DataFrame]
) -> tuple[pd.DataFrame, Opening] | None:
    """Return labels, strata and opening as `open_holdout` gave them for exactly these decisions; None if it never did.

    Nothing is opened.
    """
    purpose, decisions = asked
    openings = read_ledger(ledger_path(pilot))
    if not any(one.purpose.agent_digest == purpose.agent_digest for one in openings):
        return None
    truth, sight = _sight(pilot, dataset, decisions)
    known = known_opening(openings, purpose, sight)
    return None if known is None else (truth, known)


def ledger_path(pilot: Pilot) -> Path:
    """Return where a pilot's holdout ledger is."""
    return pilot.data / LEDGER_FILE


def other_ledgers(pilot: Pilot) -> tuple[Path, ...]:
    """Return every other ledger under the root, this pilot's own of before entries were signed among them."""
    own = ledger_path(pilot)
    others = [path for path in sorted((pilot.root / "datasets").glob(f"*/{LEDGER_FILE}")) if path != own]
    return (*others, *sorted((pilot.root / "mlruns").glob(f"*/{LEDGER_FILE}")))


def evidence_folder(pilot: Pilot) -> Path:
    """Return where the bundles of a pilot's gates are."""
    return pilot.root / "mlruns" / "evidence" / pilot.name


def holdout_seen(pilot: Pilot, dataset: Dataset) -> Seen:
    """Return the holdout records of today as the ledger knows them, for a budget; no label leaves this function."""
    return Seen(dataset._opened(), _subject(pilot, dataset).split)


def _sight(pilot: Pilot, dataset: Dataset, decisions: pd.DataFrame) -> tuple[pd.DataFrame, Sight]:
    """Return labels and strata of decided records, and what an opening for these decisions shows."""
    truth = dataset._labels(decisions.index).join(dataset.strata(decisions.index))
    sight = Sight(
        pilot.name,
        dataset._opened(),
        _subject(pilot, dataset),
        rows_root(decisions),
        rows_root(truth.rename_axis("record_id").reset_index()),
        decided_digest(decisions),
    )
    return truth, sight


def _subject(pilot: Pilot, dataset: Dataset) -> Subject:
    """Return what an opening is of besides version and records."""
    roles = {name: column.role.value for name, column in dataset.contract.columns.items()}
    targets = pilot.charter.model_dump(mode="json", include=JUDGED_BY, exclude_defaults=True)
    split = read_settings(pilot.data / SPLITS_FILE, SplitSettings).model_dump(mode="json", exclude_defaults=True)
    return Subject(_digest(roles), _digest(targets), _digest(pilot.settings.escalate_label), _digest(split))


def _digest(content: object) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


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
