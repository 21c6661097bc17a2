"""Cells of records, in the columns that escalation rules, slices and suites name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import pandas as pd

from workbench.pilot import Contract, Role
from workbench.words import InputError, shown

STRATA = frozenset({"class", "source", "entity"})


class RuleRecords(Protocol):
    """Records with their contract: a `Dataset`, or the cells that a bundle holds."""

    @property
    def contract(self) -> Contract:
        """The contract of the records."""

    def shown(self) -> pd.DataFrame:
        """Return cells of columns that an agent may see, record ids as the index."""


@dataclass(frozen=True, slots=True, eq=False)
class NamedCells:
    """Cells of the judged records, as text, in the columns that rules, slices and suites name.

    Parameters
    ----------
    frame : DataFrame
        One row per judged record, record ids as the index; an empty cell is None.
    """

    contract: Contract
    frame: pd.DataFrame

    def shown(self) -> pd.DataFrame:
        """Return the cells."""
        return self.frame


def outcome_column(column: str, contract: Contract) -> str | None:
    """Return the column of outcomes that holds a contract's column; None where it is none of label, reason, class."""
    named = {Role.LABEL: "label", Role.REASON: "label_reason", Role.CLASS: "class"}
    return named.get(contract.columns[column].role) if column in contract.columns else None


def cells_in(column: str, records: RuleRecords, outcomes: pd.DataFrame) -> pd.Series[Any]:
    """Return the cells of a contract's column, or of a stratum, for the records of outcomes.

    Raises
    ------
    InputError
        There is no such column, or the contract ignores it.
    """
    contract = records.contract
    held = outcome_column(column, contract) or (column if column in STRATA and column not in contract.columns else None)
    if held is not None and held in outcomes.columns:
        return outcomes[held]
    visible = records.shown()
    if column not in visible.columns:
        known = [*contract.shown, *(name for name in contract.columns if outcome_column(name, contract))]
        raise InputError(
            "a rule, slice or suite names a column that is unknown or ignored", got=repr(column), expected=shown(known)
        )
    cells: pd.Series[Any] = visible[column].loc[outcomes.index]
    return cells


def named_cells(records: RuleRecords, ids: pd.Index[str], columns: tuple[str, ...]) -> NamedCells:
    """Return the cells of some records in some columns, as far as an agent may see them."""
    visible = records.shown()
    there = list(dict.fromkeys(name for name in columns if name in visible.columns))
    chosen = visible.loc[ids, there]
    texts = {name: [None if gone else str(value) for value, gone in _marked(chosen[name])] for name in there}
    return NamedCells(records.contract, pd.DataFrame(texts, index=ids, columns=there, dtype=object))


def _marked(values: pd.Series[Any]) -> zip[tuple[Any, bool]]:
    return zip(values.tolist(), values.isna().tolist(), strict=True)
