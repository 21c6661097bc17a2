"""How the holdout is drawn: by a keyed hash of records or of entities, written down once."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from enum import StrEnum
from pathlib import Path

import numpy as np
import pandas as pd
import yaml
from pydantic import Field

from workbench.configuration import Settings
from workbench.contract import Contract, Role
from workbench.errors import InputError
from workbench.files import write_atomically
from workbench.records import RecordTable

HOLDOUT_SHARE = 0.3
KEYS_TRIED, MOST_HASHED = 64, 100_000
SPLITS_COMMENT = """\
# Which records are holdout: those whose keyed hash is below their label's threshold, or with `by` those whose value in
# that column has a hash below holdout_share. Do not edit: a change moves records between development and the sealed
# holdout.
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
    """

    key: str = Field(pattern=r"^[0-9a-f]{32,}$")
    holdout_share: float = Field(gt=0, lt=1)
    thresholds: dict[str, float] = Field(default_factory=dict)
    by: str | None = None


def new_split(labels: pd.Series[str], units: pd.Series[str], share: float, key: str) -> SplitSettings:
    """Return thresholds that give every label its share of holdout records, at least one on each side.

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


def fresh_split(table: RecordTable, contract: Contract, path: Path) -> SplitSettings:
    """Return the split of a new pilot: by entity where the contract has one, else record by record."""
    labels, entity = table.frame[contract.label], contract.column_with(Role.ENTITY)
    if entity is None:
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


def entities_of(table: RecordTable, column: str, path: Path) -> pd.Series[str]:
    """Return the hashed text of each record's entity; a record without one is an entity of its own."""
    if column not in table.frame.columns:
        raise InputError(
            "the records are split by a column that is gone",
            where=str(path),
            got=f"by: {column}",
            remedy="declare the column in contract.yaml; without it nobody can tell what the holdout is",
        )
    cells = table.frame[column]
    named = cells.map(lambda value: f"{column}: {value}")
    return named.where(cells.notna(), table.units)


def positions_of(key: str, units: pd.Series[str]) -> pd.Series[float]:
    """Return each unit's keyed hash as a number in [0, 1)."""
    secret = bytes.fromhex(key)
    hashed = [hmac.digest(secret, unit.encode(), hashlib.sha256)[:7] for unit in units]
    return pd.Series([int.from_bytes(value, "big") / 2**56 for value in hashed], index=units.index, dtype=float)
