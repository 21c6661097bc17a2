"""A pilot's records, split; labels of the holdout leave only by way of the ledger."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from workbench.files import read_settings
from workbench.pilot import ColumnType, Contract, Pilot, Role
from workbench.pilot.charter import SPLITS_FILE
from workbench.records.label_sets import read_label_set, under_label_set
from workbench.records.ledger import OpenedRecords, content_digests, opened_records
from workbench.records.records import Record, RecordTable, Turns, iterate, read_record_table
from workbench.records.sources import SOURCES_FILE
from workbench.records.splits.draw import Split, SplitSettings, created_split, drawn_split, times_of
from workbench.words import InputError

N_FOLDS = 5
_STRATA = (Role.CLASS, Role.SOURCE, Role.ENTITY, Role.TIMESTAMP)


@dataclass(frozen=True, slots=True, eq=False)
class Dataset:
    """A pilot's records, split; labels of holdout records cannot be reached from here.

    Parameters
    ----------
    splits : pd.Series
        Per record id "dev" or "holdout".
    positions : pd.Series
        Per record id its keyed hash in [0, 1): the order in which `limit` takes records.
    units : pd.Series
        Per record id the keyed hash of what is kept together: the record, or the entity that records are split by.
    digest : str
        Digest of all records with their labels.
    labels : tuple of str
        All labels the contract allows, or those that occur.
    """

    contract: Contract
    splits: pd.Series[str]
    positions: pd.Series[float]
    units: pd.Series[float]
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

    def turns(self, ids: pd.Index[str], by: str) -> Turns:
        """Return which of some records follow which: those with one value in a column, in the order in which they came.

        That is by time where a column of dates has the role timestamp, records without a time last; else, and of equal
        times, as they stand in the files. Records without a value follow none. Nothing is remembered before the first.
        """
        frame = self._table.frame
        order = self._in_time(frame.index[frame.index.isin(ids)])
        before = order.to_series().groupby(frame.loc[order, by]).shift().dropna()
        return Turns({str(one): str(other) for one, other in before.items()})

    def documents(self) -> list[Mapping[str, Any]]:
        """Return what an agent may see of every record, in the order in which they came; no labels."""
        return [record.fields for record in self.records(self._in_time(self._table.frame.index))]

    def _in_time(self, ids: pd.Index[str]) -> pd.Index[str]:
        """Return ids by time where a column of dates has the role timestamp, else as they are."""
        time = self.contract.column_with(Role.TIMESTAMP)
        if time is None or self.contract.columns[time].type not in (ColumnType.DATE, ColumnType.DATETIME):
            return ids
        return times_of(self._table, time)[ids].sort_values(kind="stable").index

    def digests(self, ids: pd.Index[str]) -> pd.Series[str]:
        """Return each record's digest: its id and the columns an agent may see."""
        return self._table.digests.loc[ids]

    def shown(self, split: Split | None = None) -> pd.DataFrame:
        """Return the columns an agent may see, of one split or of all records, indexed by record id."""
        frame = self._table.frame[list(self.contract.shown)]
        return frame if split is None else frame[self.splits == split.value]

    def with_shown(self, frame: pd.DataFrame) -> Dataset:
        """Return the same records with other cells in the columns that an agent may see, as `shown` gives them."""
        whole = self._table.frame.assign(**{str(name): frame[name] for name in frame.columns})
        return replace(self, _table=replace(self._table, frame=whole))

    def strata(self, ids: pd.Index[str]) -> pd.DataFrame:
        """Return the columns class, source, entity and timestamp, as far as the contract has such roles."""
        named = {role.value: self.contract.column_with(role) for role in _STRATA}
        return pd.DataFrame({role: self._table.frame.loc[ids, name] for role, name in named.items() if name}, index=ids)

    def unseen(self, column: str, ids: pd.Index[str]) -> pd.Series[Any] | None:
        """Return a column that no agent sees and that is no label (`role: ignore`), None where there is none so called.

        It is for what decisions are judged by, as strata are.
        """
        found = self.contract.columns.get(column)
        return self._table.frame.loc[ids, column] if found is not None and found.role is Role.IGNORE else None

    def dev_labels(self) -> pd.DataFrame:
        """Return `label`, and `label_reason` where the contract has one, of the development records."""
        return self._labels(self.ids(Split.DEV))

    def training(self) -> pd.DataFrame:
        """Return the development records as training data: shown columns plus label and reason columns."""
        columns = [*self.contract.shown, self.contract.label, *self.contract.columns_with(Role.REASON)]
        return self._table.frame.loc[self.ids(Split.DEV), columns]

    def folds(self) -> pd.Series[int]:
        """Return the fold, 0 to 4, of each development record; records of one entity, or one content, share a fold."""
        positions = self.units[self.splits == Split.DEV.value]
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
        asked = ids.union(self.ids(Split.DEV), sort=False) if with_training else ids
        kept = self._table.frame.index[self._table.frame.index.isin(asked)]  # as in the files: turns go by it
        learnt = {self.contract.label, *self.contract.columns_with(Role.REASON)}
        frame = self._table.frame.loc[kept, [*self.contract.shown, *(learnt if with_training else ())]]
        closed = (self.splits[kept] == Split.HOLDOUT.value).to_numpy()
        cells = {name: frame[name].where(~closed, None) if name in learnt else frame[name] for name in frame.columns}
        return {
            "ids": list(kept),
            "splits": self.splits[kept].tolist(),
            "positions": self.positions[kept].tolist(),
            "units": self.units[kept].tolist(),
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
        positions, units = (column(content[name], float) for name in ("positions", "units"))
        labels = tuple(content["labels"])
        return cls(contract, column(content["splits"]), positions, units, content["digest"], labels, table)

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

    Labels are those of the contract's label set where it names one.

    Raises
    ------
    InputError
        Records, contract or splits.yaml do not fit.
    """
    _check_obtained(pilot)
    table = read_record_table(pilot.contract, pilot.data)
    path = pilot.data / SPLITS_FILE
    settings = read_settings(path, SplitSettings) if path.is_file() else created_split(path, table, pilot.contract)
    positions, drawn, splits = drawn_split(settings, table, pilot.contract, path)
    corrected = read_label_set(pilot.data, pilot.contract.label_set)
    if corrected is not None:  # after the split: a corrected label moves no record into or out of the holdout
        table = under_label_set(table, pilot.contract, corrected, pilot.data)
    labels = table.frame[pilot.contract.label]
    allowed = pilot.contract.labels or tuple(sorted(labels.unique()))
    return Dataset(pilot.contract, splits, positions, drawn, table.digest, allowed, table)


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
