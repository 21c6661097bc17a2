"""Records made of others for a test: a record of the files with other cells in it."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from datetime import date

import pandas as pd

from workbench.pilot import Column, ColumnType, Contract
from workbench.records.records import ID_LENGTH, Record, Scalar, cells_digest
from workbench.records.tables.values import expected_of, typed
from workbench.words import InputError

_MADE = re.compile(rf"~[0-9a-f]{{{ID_LENGTH}}}\Z")


def cell_from(column: Column, value: object, where: str) -> Scalar:
    """Return a value that was written in YAML as a cell of a column.

    Raises
    ------
    InputError
        It has another type than the column.
    """
    if value is None:
        return None
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if column.type is ColumnType.NUMBER and is_number:
        return float(value)  # type: ignore[arg-type]
    if column.type is ColumnType.INTEGER and is_number and value == int(value):  # type: ignore[call-overload]
        return int(value)  # type: ignore[call-overload, no-any-return]
    if isinstance(value, bool) and column.type is ColumnType.BOOLEAN:
        return value
    if isinstance(value, date) and column.type in (ColumnType.DATE, ColumnType.DATETIME):
        return value.isoformat()
    if not isinstance(value, str):
        expected = f"{expected_of(column)}, in quotes where it is text"
        raise InputError("a cell does not have its column's type", where=where, got=repr(value), expected=expected)
    cells, is_wrong = typed(pd.Series([value], dtype=object), column)
    if is_wrong.any():
        expected = expected_of(column)
        raise InputError("a cell does not have its column's type", where=where, got=repr(value), expected=expected)
    cell: Scalar = cells.iloc[0]
    return cell


def made_record(contract: Contract, base: Record, fields: Mapping[str, Scalar], mark: str = "") -> Record:
    """Return a record of the files with other cells, or with its fields in another order.

    Its digest is the one that a row with the base's id and these cells has: a record that is as it was stays the same
    record, so that a decision on it counts for both. One that differs has an id of its own, made from the digest.

    Parameters
    ----------
    contract : Contract
    base : Record
        As the data set has it.
    fields : mapping
        All columns that an agent sees.
    mark : str
        What else makes it another question, such as the faults that its tools have; empty where nothing does.
    """
    digest = cells_digest(base.id, [fields[name] for name in contract.shown])
    order = [] if list(fields) == list(contract.shown) else list(fields)
    if order or mark:
        digest = hashlib.sha256(json.dumps([digest, order, mark]).encode()).hexdigest()
    name = base.id if digest == base.digest else f"{base.id}~{digest[:ID_LENGTH]}"
    return Record(name, dict(fields), digest)


def base_id(record_id: str) -> str:
    """Return the id of the record that one was made of; its own where it was made of none.

    Examples
    --------
    >>> base_id("IM00001~0123456789ab"), base_id("IM00001")
    ('IM00001', 'IM00001')
    """
    return _MADE.sub("", record_id)


def repeated_record(base: Record, mark: str) -> Record:
    """Return a record that is asked once more as a question of its own: `mark` says which one it is."""
    digest = hashlib.sha256(json.dumps([base.digest, [], mark]).encode()).hexdigest()
    return Record(f"{base.id}~{digest[:ID_LENGTH]}", base.fields, digest)
