"""Columns of a new pilot that alone tell the label, looked for on development records only."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from workbench.audit import MANY_NUMBERS, columns_that_tell, declared_roles
from workbench.pilot import Contract
from workbench.records import RecordTable
from workbench.records.splits import Split, SplitSettings, drawn_split

MOST_COLUMNS, MOST_RECORDS = 50, 8_000


def telling_columns(contract: Contract, table: RecordTable, split: SplitSettings, path: Path) -> tuple[str, ...]:
    """Return columns of few values that give the label on nearly all development records among the first 8,000 ones.

    At most 50 columns are looked at; the audit looks at all of them, and at numbers of many values. `path` names the
    split in messages.
    """
    head = replace(table, frame=table.frame[:MOST_RECORDS], units=table.units[:MOST_RECORDS])
    is_dev = drawn_split(split, head, contract, path)[2] == Split.DEV.value
    dev = head.frame[is_dev.to_numpy()]
    few = [name for name in contract.shown[:MOST_COLUMNS] if dev[name].nunique() < MANY_NUMBERS]
    found = columns_that_tell(dev[few], declared_roles(contract, few, few), dev[contract.label])
    return tuple(found.table.loc[found.table["tells"], "column"])
