"""Records: labelled business rows read from files, checked against the contract, as JSON scalars."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from json.encoder import encode_basestring as _quoted
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.pilot import Contract, RareLabels, Role, Unlabelled
from workbench.records.tables.reading import read_table
from workbench.records.tables.values import composed, expected_of, missing_texts, typed
from workbench.words import InputError, shown

Scalar = str | int | float | bool | None
_WITHOUT_LABEL = (
    "give them a label, or keep them apart: `unlabelled: apart` in contract.yaml, --unlabelled apart at "
    "`workbench init`"
)
_RARE_LABELS = (
    "label more records; or read them as another label (`aliases` in contract.yaml, --alias ONE=OTHER at `workbench "
    "init`); or keep them for development (`rare_labels: development`, --rare-labels development)"
)
MIN_RECORDS_PER_LABEL = 2
MIN_LABELS = 2
ID_LENGTH = 12


@dataclass(frozen=True, slots=True)
class Record:
    """One record as an agent sees it: `fields` holds only the columns an agent may see."""

    id: str
    fields: Mapping[str, Scalar]
    digest: str


@dataclass(frozen=True, slots=True)
class Turns:
    """Which records are decided one after another, because they share memory.

    Parameters
    ----------
    follows : mapping of str to str
        Id of a record to that of the one before it, in the order in which they are decided; the first has none.
    remembered : mapping of str to mapping of str to str
        What is remembered before a record that follows none, by the name of the memory; nothing where it is not here.
    """

    follows: Mapping[str, str] = field(default_factory=dict)
    remembered: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RecordTable:
    """All records of a dataset, checked.

    Parameters
    ----------
    frame : pd.DataFrame
        Index: record id (text). Columns: the contract's, in its order; cells are JSON scalars, None when empty.
    units : pd.Series
        Per record id the text its split is drawn from, as it is written in the file: the id, or for ids made from
        content the content alone, so that exact repeats fall on the same side, and how cells are read moves no record.
    digests : pd.Series
        Per record id the digest of id and shown columns.
    digest : str
        Digest of all records with their labels.
    n_apart : int
        Rows without a label that the contract keeps apart; they are not among the records.
    """

    frame: pd.DataFrame
    units: pd.Series[str]
    digests: pd.Series[str]
    digest: str
    n_apart: int = 0


@dataclass(frozen=True, slots=True)
class _Fault:
    """One way in which records do not fit, with the rows it concerns."""

    problem: str
    rows: tuple[int, ...]
    remedy: str = "correct the records, or the contract if it is wrong"

    def __str__(self) -> str:
        return f"{self.problem}: row {shown(self.rows)}" if self.rows else self.problem


def read_raw(contract: Contract, folder: Path) -> tuple[pd.DataFrame, int]:
    """Return the contract's records as text, and how many rows without a label it keeps apart from them.

    Raises
    ------
    InputError
        A file is missing or cannot be read.
    """
    raw = pd.concat([read_table(folder / name, contract.reading) for name in contract.records], ignore_index=True)
    return labelled_rows(contract, raw)


def labelled_rows(contract: Contract, raw: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """Return the rows that are records, and how many without a label are kept apart from them."""
    if contract.unlabelled is Unlabelled.REFUSED or contract.label not in raw.columns:
        return raw, 0
    is_labelled = _labels(contract, raw[contract.label]).notna()
    return raw[is_labelled].reset_index(drop=True), int((~is_labelled).sum())


def read_record_table(contract: Contract, folder: Path) -> RecordTable:
    """Return the contract's records, or every way in which they do not fit, at once.

    Row numbers in messages are 0-based data rows over all files together: row 0 is the first record.

    Raises
    ------
    InputError
        A file is missing or cannot be read, columns are undeclared or absent, ids repeat, labels are missing, unknown
        or too few, or cells do not have their column's type.
    """
    return records_of(contract, read_raw(contract, folder), folder)


def records_of(contract: Contract, found: tuple[pd.DataFrame, int], folder: Path) -> RecordTable:
    """Return records that `read_raw` read; `folder` names them in messages. Raises as `read_record_table`."""
    raw, n_apart = found
    faults = _column_faults(contract, raw)
    if not faults:
        frame, faults = _typed(contract, raw)
        faults += _id_faults(contract, frame) + _label_faults(contract, frame)
    if faults:
        raise InputError(
            f"the records do not fit the contract ({len(faults)} kind{'s' if len(faults) > 1 else ''} of fault)",
            where=", ".join(str(folder / name) for name in contract.records) + " (row 0 is the first record)",
            got="".join(f"\n    - {fault}" for fault in faults),
            remedy="".join(f"\n    - {one}" for one in dict.fromkeys(fault.remedy for fault in faults)),
        )
    return replace(_identified(contract, raw, frame), n_apart=n_apart)


def iterate(table: RecordTable, contract: Contract, ids: pd.Index[str]) -> Iterator[Record]:
    """Yield the records with these ids, in their order, one at a time."""
    columns = list(contract.shown)
    part = table.frame.loc[ids, columns]
    digests = table.digests.loc[ids]
    for values in zip(part.index, digests, *(part[column] for column in columns), strict=True):
        yield Record(values[0], dict(zip(columns, values[2:], strict=True)), values[1])


def _column_faults(contract: Contract, raw: pd.DataFrame) -> list[_Fault]:
    """Return undeclared and absent columns."""
    faults = []
    undeclared = [name for name in raw.columns if name not in contract.columns]
    if undeclared:
        faults.append(_Fault(f"columns that the contract does not declare: {shown(undeclared)}", ()))
    needed = [n for n, c in contract.columns.items() if c.required or c.role in (Role.ID, Role.LABEL)]
    absent = [name for name in needed if name not in raw.columns]
    if absent:
        faults.append(_Fault(f"required columns that are not there: {shown(absent)}", ()))
    return faults


def _typed(contract: Contract, raw: pd.DataFrame) -> tuple[pd.DataFrame, list[_Fault]]:
    """Return the columns as JSON scalars, and the cells that do not have their type."""
    columns: dict[str, pd.Series[Any]] = {}
    faults, label, there = [], contract.label, set(raw.columns)
    for name, column in contract.columns.items():
        if name not in there:
            columns[name] = pd.Series([None] * len(raw), dtype=object)
        elif name == label:
            columns[name] = _labels(contract, raw[name])
        else:
            columns[name], is_wrong = typed(raw[name], column)
            if is_wrong.any():
                examples = shown(dict.fromkeys(value[:60] for value in raw[name][is_wrong]))
                problem = f"column {name!r} holds values that are no {column.type.value} ({examples})"
                remedy = (
                    f"write {name!r} {expected_of(column)}; list under `missing` what stands for nothing; or declare "
                )
                faults.append(_Fault(problem, _rows(is_wrong), f"{remedy}`type: string` in contract.yaml"))
    return pd.DataFrame(columns), faults


def _labels(contract: Contract, cells: pd.Series[Any]) -> pd.Series[Any]:
    """Return the label that each cell means, None for one without."""
    found = cells.dropna().unique().tolist()
    is_missing = missing_texts(found, contract.columns[contract.label].missing or ())
    labelled = [cell for cell, missing in zip(found, is_missing, strict=True) if not missing]
    meant = {cell: contract.label_of(cell) or None for cell in labelled}
    return pd.Series([meant.get(cell) for cell in cells], index=cells.index, dtype=object)


def _rows(mask: pd.Series[bool] | NDArray[np.bool_]) -> tuple[int, ...]:
    return tuple(np.flatnonzero(mask).tolist())


def _id_faults(contract: Contract, frame: pd.DataFrame) -> list[_Fault]:
    """Return missing and repeated ids."""
    name = contract.column_with(Role.ID)
    if name is None:
        return []
    ids = frame[name]
    faults = []
    if ids.isna().any():
        faults.append(_Fault(f"records without an id in column {name!r}", _rows(ids.isna())))
    repeated = ids.duplicated(keep=False) & ids.notna()
    if repeated.any():
        faults.append(
            _Fault(
                f"ids given twice in column {name!r} ({shown(ids[repeated].unique())})",
                _rows(repeated),
                f"where {name!r} names what records share (a customer, an order), it is an entity and no id: "
                f"`workbench init` without --id, with --entity {name}; otherwise give each record an id of its own",
            )
        )
    return faults


def _label_faults(contract: Contract, frame: pd.DataFrame) -> list[_Fault]:
    """Return missing and unknown labels, and labels with too few records."""
    name, allowed = contract.label, contract.labels
    labels = frame[name]
    faults = []
    if labels.isna().any():
        faults.append(_Fault(f"records without a label in column {name!r}", _rows(labels.isna()), _WITHOUT_LABEL))
    known = labels.isin(list(allowed)) if allowed is not None else labels.notna()
    unknown = labels.notna() & ~known
    if unknown.any():
        faults.append(
            _Fault(f"labels that the contract does not allow ({shown(labels[unknown].unique())})", _rows(unknown))
        )
    counts = Counter(labels[known])
    rare = sorted(label for label, n in counts.items() if n < MIN_RECORDS_PER_LABEL)
    if rare and contract.rare_labels is RareLabels.REFUSED:
        rows = _rows(labels.isin(rare))
        problem = f"labels with one record, which cannot be developed on and tested ({shown(rare)})"
        faults.append(_Fault(problem, rows, _RARE_LABELS))
    if len(counts) < MIN_LABELS:
        faults.append(
            _Fault(
                f"{len(counts)} different label{'s' * (len(counts) != 1)}, at least {MIN_LABELS} are needed",
                (),
                "name the column with the right decision as the label",
            )
        )
    return faults


def _identified(contract: Contract, raw: pd.DataFrame, frame: pd.DataFrame) -> RecordTable:
    """Return the table indexed by record id, with its digests."""
    columns = list(contract.shown)
    content = _row_digests([frame[column].tolist() for column in columns], len(frame))
    name = contract.column_with(Role.ID)
    if name is not None:
        ids = units = [composed(cell) for cell in raw[name]]
    else:
        nothing: list[str | None] = [None] * len(raw)
        cells = [_composed(raw[name].tolist()) if name in raw.columns else nothing for name in columns]
        as_written = _row_digests(cells, len(raw))
        ids, units = _content_ids(as_written), [digest[:ID_LENGTH] for digest in as_written]
    index = pd.Index(ids, name="record_id")
    digests = _row_digests([ids, content], len(ids))
    return RecordTable(
        frame.set_axis(index),
        pd.Series(units, index=index, dtype=object),
        pd.Series(digests, index=index, dtype=object),
        labelled_digest(digests, frame[contract.label]),
    )


def labelled_digest(digests: Iterable[str], labels: Iterable[str]) -> str:
    """Return the digest of all records with their labels; `digests` are those of the records, in the labels' order."""
    whole = hashlib.sha256()
    for digest, label in sorted(zip(digests, labels, strict=True)):
        whole.update(f"{digest} {label}\n".encode())
    return whole.hexdigest()


def cells_digest(record_id: str, cells: Sequence[Scalar]) -> str:
    """Return the digest of one record: its id and the columns an agent may see, in the contract's order."""
    (content,) = _row_digests([[cell] for cell in cells], 1)
    return _row_digests([[record_id], [content]], 1)[0]


def _composed(cells: list[str | None]) -> list[str | None]:
    """Return cells in Unicode's composed form."""
    if "".join(filter(None, cells)).isascii():
        return cells
    return [None if cell is None else composed(cell) for cell in cells]


def _row_digests(columns: Sequence[Sequence[Scalar]], n: int) -> list[str]:
    """Return the SHA-256 of each row's values as a JSON list; all columns have n cells."""
    rows = zip(*map(_json_texts, columns), strict=True) if columns else [()] * n
    return [hashlib.sha256(f"[{', '.join(row)}]".encode()).hexdigest() for row in rows]


def _json_texts(cells: Sequence[Scalar]) -> list[str]:
    """Return values as `json.dumps` without escapes of letters writes each of them, in a tenth of the time."""
    kinds = set(map(type, cells)) - {type(None)}
    if kinds <= {str}:
        return ["null" if cell is None else _quoted(str(cell)) for cell in cells]
    if kinds <= {int, float}:
        return ["null" if cell is None else repr(cell) for cell in cells]
    return [json.dumps(cell, ensure_ascii=False) for cell in cells]


def _content_ids(content: list[str]) -> list[str]:
    """Return ids made from content; the n-th repeat of the same content gets the suffix `.n`."""
    seen: Counter[str] = Counter()
    ids = []
    for digest in content:
        seen[digest] += 1
        repeat = seen[digest]
        ids.append(digest[:ID_LENGTH] if repeat == 1 else f"{digest[:ID_LENGTH]}.{repeat}")
    return ids
