"""What operations are asked with: arguments from the pilot's records, or such as belong to nothing."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Protocol

import pandas as pd

from workbench.environment.connections import Asked
from workbench.pilot import Contract, Role
from workbench.pilot.integrations import Operation

DEVELOPMENT = "dev"  # records of the split that may be looked at
NO_SUCH = "0000-no-such"  # a value that no system holds
NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?")
ANSWERED = 24  # records that an operation is asked about for its answers


class HeldRecords(Protocol):
    """What a probe needs of a pilot's records: a `Dataset` is it."""

    @property
    def contract(self) -> Contract:
        """The contract."""

    @property
    def splits(self) -> pd.Series[str]:
        """Per record id "dev" or "holdout"."""

    @property
    def digest(self) -> str:
        """Digest of all records."""

    def shown(self) -> pd.DataFrame:
        """Return what an agent may see of every record, by its id."""

    def documents(self) -> list[Mapping[str, Any]]:
        """Return the same, in the order in which they came."""


class RecordsAtHand:
    """Development records whose columns operations take as arguments."""

    def __init__(self, dataset: HeldRecords) -> None:
        self.contract: Contract = dataset.contract
        frame = dataset.shown()[dataset.splits == DEVELOPMENT]
        self._frame = frame.astype(object).where(frame.notna(), "").map(str)
        self._places = {str(one): place for place, one in enumerate(self._frame.index)}
        self.id_column = self.contract.column_with(Role.ID)

    def __len__(self) -> int:
        return len(self._frame)

    def column(self, name: str) -> set[str]:
        """Return the values of a column."""
        return set(self._frame[name]) - {""} if name in self._frame else set()

    def by_id(self, record: str) -> Mapping[str, str] | None:
        """Return a record by its id, None where it is none of these."""
        place = self._places.get(record)
        return None if place is None else self._record(self._frame.iloc[place])

    def some(self, n: int) -> list[Mapping[str, str]]:
        """Return so many records, evenly spread."""
        step = max(1, len(self._frame) // max(n, 1))
        return [self._record(row) for _, row in self._frame.iloc[::step].head(n).iterrows()]

    def for_answers(self, operation: Operation, n: int = ANSWERED) -> list[Mapping[str, str]]:
        """Return records to ask about: spread, filled, with letters beyond ASCII, and what was otherwise later."""
        frame = self._frame
        columns = [one.becomes for one in operation.answer.values() if one.becomes in frame.columns]
        arguments = [one for one in operation.arguments.values() if one in frame.columns]
        picked = [frame.iloc[:: max(1, len(frame) // n)].head(n // 3 if columns else n)]
        if columns:
            filled = frame[(frame[columns] != "").all(axis=1)]
            beyond = frame[~frame[columns].apply(lambda one: one.map(str.isascii)).all(axis=1)]
            picked += [part.iloc[:: max(1, len(part) // n)].head(n // 6) for part in (filled, beyond)]
        if columns and arguments:
            last = frame.groupby(arguments, sort=False)[columns].transform("last")
            changed = frame[(frame[columns] != last).any(axis=1)]
            picked.append(changed.iloc[:: max(1, len(changed) // n)].head(n // 3))
        picked += [
            frame[frame[one.becomes] == value].head(1)
            for one in operation.answer.values()
            for value in one.values
            if one.becomes in frame.columns
        ]
        chosen = pd.concat(picked)
        return [self._record(row) for _, row in chosen[~chosen.index.duplicated()].iterrows()]

    def beside(self, record: Mapping[str, str], columns: Sequence[str], n: int) -> list[Mapping[str, str]]:
        """Return so many records with other values of some columns, first those that share most of them."""
        named = [one for one in columns if one in self._frame]
        shared = sum((self._frame[one] == record[one]).astype(int) for one in named)
        others = self._frame.assign(_shared=shared)[(shared < len(named)) & (self._frame[named] != "").all(axis=1)]
        chosen = others.sort_values("_shared", ascending=False, kind="stable").head(n).drop(columns="_shared")
        return [self._record(row) for _, row in chosen.iterrows()]

    def _record(self, row: pd.Series[Any]) -> Mapping[str, str]:
        record = {str(name): str(value) for name, value in row.items()}
        return {**record, "": str(row.name)}  # the id under no name, where the contract has no column for it


def correlation_of(record: Mapping[str, str]) -> str:
    """Return the id of a record at hand."""
    return record[""]


def asked_about(name: str, operation: Operation, record: Mapping[str, str], key: str | None = None) -> Asked:
    """Return a call of an operation for a record."""
    arguments: dict[str, Any] = {argument: record.get(column, "") for argument, column in operation.arguments.items()}
    arguments |= {argument: example_value(text) for argument, text in operation.said.items()}
    return Asked(name, arguments, correlation_of(record), key)


def asked_of_nothing(name: str, operation: Operation, record: Mapping[str, str], key: str | None = None) -> Asked:
    """Return a call of an operation whose arguments belong to nothing that is there."""
    arguments: dict[str, Any] = dict.fromkeys(operation.arguments, NO_SUCH)
    arguments |= {argument: example_value(text) for argument, text in operation.said.items()}
    return Asked(name, arguments, correlation_of(record), key)


def example_value(text: str) -> str | Decimal:
    """Return the example of an argument, a number where it is written as one.

    Examples
    --------
    >>> example_value("1234.56"), example_value("0815")
    (Decimal('1234.56'), '0815')
    """
    return Decimal(text) if NUMBER.fullmatch(text) else text


def with_other_content(asked: Asked, operation: Operation, others: Sequence[Mapping[str, str]]) -> dict[str, Asked]:
    """Return calls with the same key and another content, by the one argument that is other in each.

    A number is one higher, a text longer, and what comes from records is that of another one.
    """
    changed: dict[str, Any] = {
        name: value + 1 if isinstance(value, Decimal) else f"{value}-other"
        for name, value in asked.arguments.items()
        if name in operation.said
    }
    for name, column in operation.arguments.items():
        values = [one[column] for one in others if one.get(column) not in (None, "", asked.arguments[name])]
        changed |= {name: values[0]} if values else {}
    return {
        name: Asked(asked.operation, {**asked.arguments, name: value}, asked.correlation, asked.key)
        for name, value in changed.items()
    }
