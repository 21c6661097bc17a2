"""What a change gets and gives, and its harmless twin."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from workbench.cases.relations.currencies import Currencies, currencies_of
from workbench.cases.relations.formats import PLAIN, FormsBySource, WrittenForm, forms_of, written_kinds
from workbench.pilot import ColumnType, Contract, Role
from workbench.records import Scalar

Fields: TypeAlias = Mapping[str, Scalar]


class UnchangeableError(Exception):
    """A change cannot be made on a record; the text says why."""


@dataclass(frozen=True)
class Ground:
    """What a change may draw on.

    Parameters
    ----------
    contract : Contract
    process : mapping
        The content of process.yaml; empty where there is none.
    records : DataFrame
        The development records as an agent sees them.
    labels : Series
        Their labels.
    """

    contract: Contract
    process: Mapping[str, Any]
    records: pd.DataFrame
    labels: pd.Series[Any]

    @cached_property
    def formats(self) -> FormsBySource:
        """How each source writes things, as the process specification says under `source_formats`."""
        return forms_of(self.process)

    @cached_property
    def kinds(self) -> Mapping[str, str]:
        """Columns that every source writes in its own format, with what they hold."""
        source = self.contract.column_with(Role.SOURCE)
        texts = [name for name in self.contract.shown if self.contract.columns[name].type is ColumnType.STRING]
        return {} if source is None else written_kinds(self.records, source, texts, self.formats)

    @cached_property
    def currencies(self) -> Currencies | None:
        """Which columns are in a document's currency, as the process specification says under `currencies`."""
        return currencies_of(self.process, self.contract, self.records, self.formats)

    def form_of(self, fields: Fields) -> WrittenForm:
        """Return how the source of a record writes; with a point and nothing else where that is not said."""
        source = self.contract.column_with(Role.SOURCE)
        return self.formats.get("" if source is None else str(fields.get(source)), PLAIN)

    def text_column(self, fields: Fields) -> str:
        """Return the first column of free text that is filled. Raises UnchangeableError without one."""
        names = self.contract.columns_with(Role.TEXT)
        filled = [name for name in names if str(fields.get(name) or "").strip()]
        if not filled:
            raise UnchangeableError(
                "this record has no free text" if names else "the contract has no column of free text"
            )
        return filled[0]


Change: TypeAlias = Callable[[Fields, Ground, np.random.Generator], Fields]


def changed_fields(change: Change, fields: Fields, ground: Ground, seed: str) -> Fields:
    """Return a record's fields after a change, the same each time for one seed.

    Raises
    ------
    UnchangeableError
        It cannot be made on this record, or leaves it as it is.
    """
    number = int.from_bytes(hashlib.sha256(seed.encode()).digest()[:8], "big")
    changed = change(fields, ground, np.random.default_rng(number))
    if list(changed.items()) == list(fields.items()):
        raise UnchangeableError("the change leaves this record as it is")
    return changed


def twin_fields(fields: Fields, changed: Fields, ground: Ground) -> Fields | None:
    """Return the harmless twin of a change: as small, in the same columns, and without any meaning.

    A change of free text has a full stop more or less at its end, any other a blank behind the cells that it changes.
    What moves a decision there too is no matter of the change. None where there is no such place.
    """
    columns = ground.contract.columns
    touched = [name for name in fields if fields[name] != changed.get(name)] or list(fields)
    texts = [name for name in touched if columns[name].role is Role.TEXT and isinstance(changed[name], str)]
    if texts:
        return {**fields, texts[0]: _stopped(str(fields[texts[0]] or ""))}
    plain = [name for name in touched if isinstance(fields[name], str) and columns[name].allowed is None]
    plain = [name for name in plain if columns[name].type is ColumnType.STRING and columns[name].role is Role.FIELD]
    return {**fields, **{name: f"{fields[name]} " for name in plain[:3]}} if plain else None


def _stopped(text: str) -> str:
    return text[:-1] if text.endswith(".") else f"{text}."
