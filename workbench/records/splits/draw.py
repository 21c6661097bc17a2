"""How the holdout is drawn: by a keyed hash of records or of entities, written down once."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml
from pydantic import Field

from workbench.files import Settings, write_atomically
from workbench.pilot import ColumnType, Contract, Role
from workbench.records.records import RecordTable
from workbench.words import InputError

HOLDOUT_SHARE = 0.3
KEYS_TRIED, MOST_HASHED = 64, 100_000
SPLITS_COMMENT = """\
# Which records are holdout: those whose keyed hash is below their label's threshold, or with `by` those whose value in
# that column has a hash below holdout_share, or with `since` those from that time on. Do not edit: a change moves
# records between development and the sealed holdout.
"""


class Split(StrEnum):
    """Development records may be looked at freely; holdout records are for judging."""

    DEV = "dev"
    HOLDOUT = "holdout"


class SplitSettings(Settings):
    """The content of splits.yaml: a record is holdout when its keyed hash in [0, 1) is below its label's threshold.

    The thresholds were set once so that each label has its share exactly; later records are compared with the same
    numbers, so no record ever changes side when others are added. A corrected label is compared with its new label's
    threshold: where the hash lies between the two, a few records in a hundred corrected ones, the record changes side.

    With `by`, a column, records that share its value stay on one side, and there are no thresholds: the value is hashed
    and compared with the share. The key is then the one of many that comes nearest to the share of each label. A file
    without `by` splits record by record, whatever the contract says today.

    With `since`, a time, `by` is a column of dates: records from then on are holdout, older ones and those without a
    time are development records.
    """

    key: str = Field(pattern=r"^[0-9a-f]{32,}$")
    holdout_share: float = Field(gt=0, lt=1)
    thresholds: dict[str, float] = Field(default_factory=dict)
    by: str | None = None
    since: str | None = None

    @property
    def words(self) -> str:
        """How records are split, for readers."""
        if self.since is not None:
            return f"by time: records with {self.by} from {self.since} on"
        return "record by record" if self.by is None else f"by entity: records that share {self.by} stay together"


class SplitBy(StrEnum):
    """What a new split keeps together."""

    RECORD = "record"
    ENTITY = "entity"
    TIME = "time"  # development records are the older ones


def new_split(labels: pd.Series[str], units: pd.Series[str], share: float, key: str) -> SplitSettings:
    """Return thresholds that give every label its share of holdout records, at least one on each side.

    The one record of a label that has no second one is a development record.

    Parameters
    ----------
    labels, units : pd.Series
        Label and hashed text per record, on the same index.
    share : float
        Holdout share in (0, 1); a label of n records has `round(share * n)` of them in the holdout.
    """
    positions = positions_of(key, units)
    thresholds = {}
    for label, of_label in positions.groupby(labels):
        ordered = np.sort(of_label.to_numpy())
        if len(ordered) == 1:
            thresholds[str(label)] = 0.0
            continue
        n_holdout = min(max(round(share * len(ordered)), 1), len(ordered) - 1)
        thresholds[str(label)] = round(float(ordered[n_holdout - 1 : n_holdout + 1].mean()), 12)
    return SplitSettings(key=key, holdout_share=share, thresholds=thresholds)


def split_by(column: str, labels: pd.Series[str], entities: pd.Series[str], share: float) -> SplitSettings:
    """Return a split that keeps records of one entity on one side, as near to the share of every label as luck allows.

    Of up to 64 random keys the one is taken whose largest gap to a label's share, in records, is smallest, a label that
    is missing on one side coming last. Labels enter the choice as they do in `new_split`.

    Parameters
    ----------
    labels, entities : pd.Series
        Label and hashed text of the entity per record, on the same index.
    """
    names, place = np.unique(entities.to_numpy(dtype=str), return_inverse=True)
    codes = pd.factorize(labels)[0]
    size = np.bincount(codes)

    def fault(key: str) -> tuple[int, float]:
        is_holdout = (positions_of(key, pd.Series(names)) < share).to_numpy()[place]
        inside = np.bincount(codes[is_holdout], minlength=len(size))
        return int(((inside == 0) | (inside == size)).sum()), float(np.abs(inside - share * size).max())

    n_keys = int(np.clip(MOST_HASHED // len(names), 4, KEYS_TRIED))
    drawn = secrets.token_hex(16)
    keys = (hashlib.sha256(f"{drawn} {number}".encode()).hexdigest()[: len(drawn)] for number in range(n_keys))
    key = min(keys, key=fault)
    return SplitSettings(key=key, holdout_share=share, by=column)


def split_since(column: str, times: pd.Series[Any], share: float) -> SplitSettings:
    """Return a split at the time that comes nearest to the share of newest records; equal times stay together.

    Parameters
    ----------
    times : Series of datetime64
        NaT where a record has none.

    Raises
    ------
    InputError
        All records have the same time.
    """
    ordered = np.sort(times.dropna().to_numpy())
    firsts = np.unique(ordered)[1:]
    if not len(firsts):
        raise InputError(
            f"the records cannot be split by time: {column!r} has one time only", remedy="split by record or by entity"
        )
    newer = len(ordered) - np.searchsorted(ordered, firsts)
    since = pd.Timestamp(firsts[int(np.argmin(np.abs(newer - share * len(times))))])
    text = f"{since:%Y-%m-%d}" if since == since.normalize() else since.isoformat()
    return SplitSettings(key=secrets.token_hex(16), holdout_share=share, by=column, since=text)


def fresh_split(table: RecordTable, contract: Contract, path: Path, by: SplitBy | None = None) -> SplitSettings:
    """Return the split of a new pilot: as asked, else by entity where the contract has one, else record by record.

    Raises
    ------
    InputError
        It is asked for by entity or time and the contract has no such column.
    """
    labels, entity = table.frame[contract.label], contract.column_with(Role.ENTITY)
    if by is SplitBy.TIME:
        column = contract.column_with(Role.TIMESTAMP)
        if column is None or contract.columns[column].type not in (ColumnType.DATE, ColumnType.DATETIME):
            raise InputError(
                "the records cannot be split by time: no column of dates has the role timestamp",
                where=str(path),
                remedy="name it with --role COLUMN=timestamp, and how it is written with --dates",
            )
        return split_since(column, times_of(table, column), HOLDOUT_SHARE)
    if by is SplitBy.ENTITY and entity is None:
        raise InputError("the records cannot be split by entity: no column is one", remedy="name it with --entity")
    if entity is None or by is SplitBy.RECORD:
        return new_split(labels, table.units, HOLDOUT_SHARE, secrets.token_hex(16))
    return split_by(entity, labels, entities_of(table, entity, path), HOLDOUT_SHARE)


def write_split(path: Path, settings: SplitSettings) -> None:
    """Write splits.yaml."""
    content = yaml.safe_dump(settings.model_dump(exclude_none=True), allow_unicode=True, sort_keys=True)
    write_atomically(path, SPLITS_COMMENT + content)


def created_split(path: Path, table: RecordTable, contract: Contract) -> SplitSettings:
    """Draw a pilot's split and write it. Raises InputError where it cannot be written."""
    settings = fresh_split(table, contract, path)
    try:
        write_split(path, settings)
    except OSError as error:
        raise InputError("the split cannot be written", where=str(path), got=str(error)) from None
    return settings


def drawn_split(
    settings: SplitSettings, table: RecordTable, contract: Contract, path: Path
) -> tuple[pd.Series[float], pd.Series[float], pd.Series[str]]:
    """Return each record's keyed hash, that of what is kept together with it, and its side: "dev" or "holdout".

    Raises
    ------
    InputError
        A column that records are split by is gone; `path` names the split in the message.
    """
    positions = positions_of(settings.key, table.units)
    entity = settings.by if settings.since is None else contract.column_with(Role.ENTITY)
    drawn = positions if entity is None else positions_of(settings.key, entities_of(table, entity, path))
    if settings.since is None or settings.by is None:
        thresholds = table.frame[contract.label].map(settings.thresholds).astype(float)
        is_holdout = drawn < thresholds.fillna(settings.holdout_share)
    else:
        is_holdout = times_of(table, checked_column(table, settings.by, path)) >= pd.Timestamp(settings.since)
    splits = np.where(is_holdout, Split.HOLDOUT, Split.DEV)
    return positions, drawn, pd.Series(splits, index=positions.index, dtype=object)


def entities_of(table: RecordTable, column: str, path: Path) -> pd.Series[str]:
    """Return the hashed text of each record's entity; a record without one is an entity of its own."""
    cells = table.frame[checked_column(table, column, path)]
    named = cells.map(lambda value: f"{column}: {value}")
    return named.where(cells.notna(), table.units)


def checked_column(table: RecordTable, column: str, path: Path) -> str:
    """Return a column that records are split by. Raises InputError where it is gone."""
    if column not in table.frame.columns:
        raise InputError(
            "the records are split by a column that is gone",
            where=str(path),
            got=f"by: {column}",
            remedy="declare the column in contract.yaml; without it nobody can tell what the holdout is",
        )
    return column


def times_of(table: RecordTable, column: str) -> pd.Series[Any]:
    """Return each record's time, in UTC where it has a zone, NaT where it has none."""
    read = pd.to_datetime(table.frame[column], format="ISO8601", errors="coerce", utc=True)
    return read.dt.tz_localize(None)


def positions_of(key: str, units: pd.Series[str]) -> pd.Series[float]:
    """Return each unit's keyed hash as a number in [0, 1)."""
    secret = bytes.fromhex(key)
    hashed = [hmac.digest(secret, unit.encode(), hashlib.sha256)[:7] for unit in units]
    return pd.Series([int.from_bytes(value, "big") / 2**56 for value in hashed], index=units.index, dtype=float)
