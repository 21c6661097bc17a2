"""A label set: the records that people looked at, what each label was and what it is."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from workbench.files import write_atomically
from workbench.pilot import Contract, Role
from workbench.records.records import RecordTable, labelled_digest
from workbench.words import InputError, shown

LABELS_FOLDER = "labels"
FIRST = 2  # v1 are the labels in the records
COLUMNS = ("record_id", "label", "reason", "was", "changed", "people", "how", "why")


@dataclass(frozen=True, slots=True, eq=False)
class LabelSet:
    """Labels that people decided.

    Parameters
    ----------
    name : str
        Such as v2.
    table : DataFrame
        Index: id of a record that was looked at. Columns of text: `label`; `reason`, the record's reason under it,
        empty where nobody said; `was`, the label in the records; `changed`, 1 or 0; `people`, pseudonyms with blanks
        between; `how`, "two agreed" or "adjudicated"; `why`.
    digest : str
        SHA-256 of the file.
    """

    name: str
    table: pd.DataFrame
    digest: str

    @property
    def changed(self) -> pd.DataFrame:
        """The rows whose label is another one now."""
        return self.table[self.table["label"] != self.table["was"]]


def label_set_path(data: Path, name: str) -> Path:
    """Return where a label set of a dataset is."""
    return data / LABELS_FOLDER / f"{name}.csv"


def next_label_set(name: str | None) -> str:
    """Return the name of the label set that is built on one, or on the labels in the records."""
    return f"v{FIRST if name is None else int(name[1:]) + 1}"


def label_set_text(table: pd.DataFrame) -> str:
    """Return a label set as its file has it, by record id."""
    return table.rename_axis("record_id").sort_index().reset_index()[list(COLUMNS)].to_csv(index=False)


def add_label_set(data: Path, name: str, table: pd.DataFrame) -> str:
    """Write a label set and return the SHA-256 of its file. Raises InputError where another one has the name."""
    text, path = label_set_text(table), label_set_path(data, name)
    if path.is_file() and path.read_text(encoding="utf-8") != text:
        remedy = "look where it comes from, and move it away"
        raise InputError("a label set of this name is there already, with other labels", where=str(path), remedy=remedy)
    write_atomically(path, text)
    return hashlib.sha256(path.read_bytes()).hexdigest()


def read_label_set(data: Path, name: str | None) -> LabelSet | None:
    """Return a label set of a dataset; None for the labels in the records.

    Raises
    ------
    InputError
        The file is missing, or is no label set.
    """
    if name is None:
        return None
    path = label_set_path(data, name)
    try:
        content = path.read_bytes()
        table = pd.read_csv(io.BytesIO(content), dtype=str, keep_default_na=False, encoding="utf-8")
    except (OSError, ValueError) as error:
        remedy = "restore the file, or take `label_set` out of contract.yaml"
        raise InputError(
            f"label set {name} cannot be read", where=str(path), got=str(error)[:200], remedy=remedy
        ) from None
    if tuple(table.columns) != COLUMNS:
        raise InputError(
            f"label set {name} has other columns",
            where=str(path),
            got=shown(map(str, table.columns)),
            expected=", ".join(COLUMNS),
        )
    twice = table["record_id"][table["record_id"].duplicated()]
    if len(twice):
        raise InputError(f"label set {name} has a record twice", where=str(path), got=shown(twice.unique()))
    return LabelSet(name, table.set_index("record_id"), hashlib.sha256(content).hexdigest())


def under_label_set(table: RecordTable, contract: Contract, found: LabelSet, data: Path) -> RecordTable:
    """Return records with the labels of a label set, and the digest of that; reasons of changed labels are its own.

    Raises
    ------
    InputError
        It names records that are not there, labels that the contract does not allow, or was made of other labels than
        those in the records.
    """
    where, rows = str(label_set_path(data, found.name)), found.table
    unknown = rows.index.difference(table.frame.index)
    if len(unknown):
        raise InputError("a label set names records that are not there", where=where, got=shown(unknown))
    present = table.frame.loc[rows.index, contract.label]
    other = rows.index[(rows["was"] != present).to_numpy()]
    if len(other):
        raise InputError(
            "a label set was made of other labels than those in the records",
            where=where,
            got=f"records {shown(other)}",
            remedy="correct labels by a further label set, not in the records' files",
        )
    known = set(present) | set(table.frame[contract.label]) if contract.labels is None else set(contract.labels)
    wrong = sorted(set(rows["label"]) - known)
    if wrong:
        raise InputError("a label set has labels that the contract does not allow", where=where, got=shown(wrong))
    frame, changed = table.frame.copy(), found.changed
    frame.loc[changed.index, contract.label] = changed["label"]
    reason = contract.column_with(Role.REASON)
    if reason is not None:
        frame.loc[changed.index, reason] = changed["reason"].map(lambda text: text or None)
    return replace(table, frame=frame, digest=labelled_digest(table.digests, frame[contract.label]))


def labels_before(labels: pd.Series[str], found: LabelSet | None) -> pd.Series[str]:
    """Return the labels in the records; `labels` are those under a label set, by record id."""
    before = labels.copy()
    if found is not None:
        there = before.index.intersection(found.table.index)
        before.loc[there] = found.table.loc[there, "was"]
    return before
