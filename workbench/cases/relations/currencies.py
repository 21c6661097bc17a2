"""Which columns hold a document's currency, its rate and its amounts, as process.yaml says under `currencies`.

`{codes: [COLUMNS of currency codes], rate: COLUMN, amounts: [COLUMNS]}`: the amounts are in the currency that the codes
name, and the rate is how much of that currency one unit of the organisation's own is worth.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd
from pydantic import Field

from workbench.cases.relations.formats import FormsBySource, WrittenForm
from workbench.files import Settings, settings_from
from workbench.pilot import PROCESS_FILE, Contract, Role
from workbench.words import InputError, shown

WHERE = f"{PROCESS_FILE}, currencies"


class CurrencyColumns(Settings):
    """The columns that change together where a document is in another currency."""

    codes: tuple[str, ...] = Field(min_length=1)
    rate: str
    amounts: tuple[str, ...] = Field(min_length=1)


@dataclass(frozen=True, slots=True)
class Currencies:
    """Columns, and what each currency is usually worth: the median of its rate over the development records."""

    columns: CurrencyColumns
    rates: Mapping[str, float]

    def times(self, own: str, other: str) -> int:
        """Return how many units of another currency one of a currency is, to the next whole number; 0: not known."""
        is_known = own in self.rates and other in self.rates
        return round(self.rates[other] / self.rates[own]) if is_known else 0

    def codes(self, own: WrittenForm, cell: str) -> Mapping[str, str]:
        """Return the codes of currencies that a source writes and their meanings, without tables themselves."""
        return next((one for one in own.codes.values() if cell in one), {name: name for name in self.rates})


def currencies_of(
    process: Mapping[str, Any], contract: Contract, records: pd.DataFrame, formats: FormsBySource
) -> Currencies | None:
    """Return what a process specification says of currencies, None where it says nothing.

    Raises
    ------
    InputError
        A key does not fit, or a column is not there.
    """
    declared = process.get("currencies")
    if declared is None:
        return None
    columns = settings_from(declared, CurrencyColumns, WHERE)
    unknown = [name for name in (*columns.codes, columns.rate, *columns.amounts) if name not in contract.shown]
    if unknown:
        raise InputError("columns are not there", where=WHERE, got=shown(unknown), expected=shown(contract.shown))
    source, code = contract.column_with(Role.SOURCE), records[columns.codes[0]].astype(str)
    forms = [formats.get(str(one)) for one in (records[source] if source is not None else code)]
    meant = [cell if own is None else _meaning(own, cell) for own, cell in zip(forms, code, strict=True)]
    rates = pd.to_numeric(records[columns.rate], errors="coerce")
    usual = rates.groupby(pd.Series(meant, index=records.index, dtype=object)).median()
    return Currencies(columns, {str(name): float(rate) for name, rate in usual.items() if rate > 0})


def _meaning(own: WrittenForm, cell: str) -> str | None:
    return next((one[cell] for one in own.codes.values() if cell in one), None)
