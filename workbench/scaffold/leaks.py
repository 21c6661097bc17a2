"""Columns of a new pilot that alone tell the label, looked for on development records only."""

from __future__ import annotations

import pandas as pd

from workbench.audit.roles import declared_roles
from workbench.audit.telling import MANY_NUMBERS, columns_that_tell
from workbench.contract import Contract
from workbench.records import RecordTable
from workbench.splits import Split

MOST_COLUMNS, MOST_RECORDS = 50, 5_000


def telling_columns(contract: Contract, table: RecordTable, splits: pd.Series[str]) -> tuple[str, ...]:
    """Return the columns of few values that give the label on nearly all of at most 5,000 development records.

    At most 50 columns are looked at; the audit looks at all of them, and at numbers of many values.
    """
    dev = splits.index[(splits == Split.DEV.value).to_numpy()][:MOST_RECORDS]
    first = table.frame.loc[dev, list(contract.shown)[:MOST_COLUMNS]]
    shown = [str(name) for name in first.columns if first[name].nunique() < MANY_NUMBERS]
    found = columns_that_tell(
        table.frame.loc[dev, shown], declared_roles(contract, shown, shown), table.frame.loc[dev, contract.label]
    )
    return tuple(found.table.loc[found.table["tells"], "column"])
