"""Records: labelled business rows read from files, checked against the contract, as JSON scalars."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from workbench.contract import ColumnType, Contract, Role
from workbench.errors import InputError, shown
from workbench.tables.reading import read_table

Scalar = str | int | float | bool | None
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
class RecordTable:
    """All records of a dataset, checked.

    Parameters
    ----------
    frame : pd.DataFrame
        Index: record id (text). Columns: the contract's, in its order; cells are JSON scalars, None when empty.
    units : pd.Series
        Per record id the text its split is drawn from: the id, or for ids made from content the content alone, so
        that exact repeats fall on the same side.
    digests : pd.Series
        Per record id the digest of id and shown columns.
    digest : str
        Digest of all records with their labels.
    """

    frame: pd.DataFrame
    units: pd.Series[str]
    digests: pd.Series[str]
    digest: str


@dataclass(frozen=True, slots=True)
class _Fault:
    """One way in which records do not fit, with the rows it concerns."""

    problem: str
    rows: tuple[int, ...]

    def __str__(self) -> str:
        return f"{self.problem}: row {shown(self.rows)}" if self.rows else self.problem


def read_records(contract: Contract, folder: Path) -> RecordTable:
    """Return the contract's records, or every way in which they do not fit, at once.

    Row numbers in messages are 0-based data rows over all files together: row 0 is the first record.

    Raises
    ------
    InputError
        A file is missing or cannot be read, columns are undeclared or absent, ids repeat, labels are missing, unknown
        or too few, or cells do not have their column's type.
    """
    raw = pd.concat([read_table(folder / name) for name in contract.records], ignore_index=True)
    faults = _column_faults(contract, raw)
    if not faults:
        frame, faults = _typed(contract, raw)
        frame[contract.label] = _labels(contract, frame[contract.label])
        faults += _id_faults(contract, frame) + _label_faults(contract, frame)
    if faults:
        raise InputError(
            f"the records do not fit the contract ({len(faults)} kind{'s' if len(faults) > 1 else ''} of fault)",
            where=", ".join(str(folder / name) for name in contract.records) + " (row 0 is the first record)",
            got="".join(f"\n    - {fault}" for fault in faults),
            remedy="correct the records, or the contract if it is wrong",
        )
    return _identified(contract, frame)


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
    faults = []
    for name, column in contract.columns.items():
        if name not in raw.columns:
            columns[name] = pd.Series([None] * len(raw), dtype=object)
            continue
        is_text_label = name == contract.label and column.type is ColumnType.STRING
        cells = raw[name].map(str).where(raw[name].notna(), None) if is_text_label else raw[name]
        values, wrong = _CONVERTERS[column.type](cells)
        columns[name] = values
        if wrong.any():
            examples = shown(dict.fromkeys(str(value)[:60] for value in raw[name][wrong]))
            rows = tuple(np.flatnonzero(wrong).tolist())
            faults.append(_Fault(f"column {name!r} holds values that are no {column.type.value} ({examples})", rows))
    return pd.DataFrame(columns), faults


def _labels(contract: Contract, cells: pd.Series[Any]) -> pd.Series[Any]:
    """Return the label that each cell means, None for one without."""
    meant = {cell: contract.label_of(cell) or None for cell in cells.dropna().unique()}
    return pd.Series([meant.get(cell) for cell in cells], index=cells.index, dtype=object)


def _scalars(values: pd.Series[Any], empty: pd.Series[bool]) -> pd.Series[Any]:
    """Return an object column with None where it is empty."""
    scalars = pd.Series(values.tolist(), dtype=object)
    scalars[empty.to_numpy()] = None
    return scalars


def _as_string(raw: pd.Series[Any]) -> tuple[pd.Series[Any], pd.Series[bool]]:
    empty = raw.isna()
    return _scalars(raw, empty), ~raw.map(lambda value: isinstance(value, str)).astype(bool) & ~empty


def _as_integer(raw: pd.Series[Any]) -> tuple[pd.Series[Any], pd.Series[bool]]:
    empty = raw.isna()
    fits = raw.astype(str).str.fullmatch(r"[+-]?\d{1,18}(\.0)?") & ~raw.map(lambda value: isinstance(value, bool))
    numbers = [
        int(float(str(v))) if "." in str(v) else int(str(v)) if ok else None for v, ok in zip(raw, fits, strict=True)
    ]
    return _scalars(pd.Series(numbers, dtype=object), ~fits), ~fits & ~empty


def _as_number(raw: pd.Series[Any]) -> tuple[pd.Series[Any], pd.Series[bool]]:
    numbers = pd.to_numeric(raw.mask(raw.map(lambda value: isinstance(value, bool))), errors="coerce").astype(float)
    fits = pd.Series(np.isfinite(numbers), index=raw.index)
    return _scalars(numbers, ~fits), ~fits & ~raw.isna()


def _as_boolean(raw: pd.Series[Any]) -> tuple[pd.Series[Any], pd.Series[bool]]:
    known = raw.astype(str).str.lower().map({"true": True, "false": False})
    fits = known.notna()
    return _scalars(known.astype(object), ~fits), ~fits & ~raw.isna()


def _as_time(pattern: str) -> Callable[[pd.Series[Any]], tuple[pd.Series[Any], pd.Series[bool]]]:
    """Return a converter that keeps ISO 8601 text and refuses everything else."""

    def convert(raw: pd.Series[Any]) -> tuple[pd.Series[Any], pd.Series[bool]]:
        empty = raw.isna()
        text = raw.map(lambda value: value.isoformat() if hasattr(value, "isoformat") else str(value)).where(~empty)
        times = pd.to_datetime(text, format=pattern, errors="coerce", utc=True)
        return _scalars(text, empty), times.isna() & ~empty

    return convert


_CONVERTERS: Mapping[ColumnType, Callable[[pd.Series[Any]], tuple[pd.Series[Any], pd.Series[bool]]]] = {
    ColumnType.STRING: _as_string,
    ColumnType.INTEGER: _as_integer,
    ColumnType.NUMBER: _as_number,
    ColumnType.BOOLEAN: _as_boolean,
    ColumnType.DATE: _as_time("%Y-%m-%d"),
    ColumnType.DATETIME: _as_time("ISO8601"),
}


def _rows(mask: pd.Series[bool]) -> tuple[int, ...]:
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
        faults.append(_Fault(f"ids given twice in column {name!r} ({shown(ids[repeated].unique())})", _rows(repeated)))
    return faults


def _label_faults(contract: Contract, frame: pd.DataFrame) -> list[_Fault]:
    """Return missing and unknown labels, and labels with too few records."""
    name, allowed = contract.label, contract.labels
    labels = frame[name]
    faults = []
    if labels.isna().any():
        faults.append(_Fault(f"records without a label in column {name!r}", _rows(labels.isna())))
    known = labels.isin(list(allowed)) if allowed is not None else labels.notna()
    unknown = labels.notna() & ~known
    if unknown.any():
        faults.append(
            _Fault(f"labels that the contract does not allow ({shown(labels[unknown].unique())})", _rows(unknown))
        )
    counts = Counter(labels[known])
    rare = sorted(label for label, n in counts.items() if n < MIN_RECORDS_PER_LABEL)
    if rare:
        rows = _rows(labels.isin(rare))
        faults.append(_Fault(f"labels with one record, which cannot be developed on and tested ({shown(rare)})", rows))
    if len(counts) < MIN_LABELS:
        faults.append(
            _Fault(f"{len(counts)} different label{'s' * (len(counts) != 1)}, at least {MIN_LABELS} are needed", ())
        )
    return faults


def _identified(contract: Contract, frame: pd.DataFrame) -> RecordTable:
    """Return the table indexed by record id, with its digests."""
    columns = list(contract.shown)
    content = [_digest(values) for values in zip(*(frame[column] for column in columns), strict=True)]
    name = contract.column_with(Role.ID)
    ids = [str(value) for value in frame[name]] if name is not None else _content_ids(content)
    index = pd.Index(ids, name="record_id")
    units = ids if name is not None else [digest[:ID_LENGTH] for digest in content]
    digests = [_digest(pair) for pair in zip(ids, content, strict=True)]
    whole = hashlib.sha256()
    for digest, label in sorted(zip(digests, frame[contract.label], strict=True)):
        whole.update(f"{digest} {label}\n".encode())
    return RecordTable(
        frame.set_axis(index),
        pd.Series(units, index=index, dtype=object),
        pd.Series(digests, index=index, dtype=object),
        whole.hexdigest(),
    )


def _digest(values: tuple[object, ...]) -> str:
    return hashlib.sha256(json.dumps(values, ensure_ascii=False, default=str).encode()).hexdigest()


def _content_ids(content: list[str]) -> list[str]:
    """Return ids made from content; the n-th repeat of the same content gets the suffix `.n`."""
    seen: Counter[str] = Counter()
    ids = []
    for digest in content:
        seen[digest] += 1
        repeat = seen[digest]
        ids.append(digest[:ID_LENGTH] if repeat == 1 else f"{digest[:ID_LENGTH]}.{repeat}")
    return ids
