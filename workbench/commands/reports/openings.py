"""The ledger of the sealed holdout."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from workbench.commands.screen import say
from workbench.commands.tables import Content, TextColumn, TextTable, show_table

if TYPE_CHECKING:
    import pandas as pd

    from workbench.pages import LedgerView
    from workbench.pilot import Pilot

NAMES = frozenset({"opening", "who", "agent", "version", "prompt", "gate"})
# what is left out first of the openings where a terminal is narrow
RANKS = {
    "prompt": 9, "version": 8, "commit": 7, "who": 6, "purpose": 5, "records": 4, "gate": 3, "time": 2,
}  # fmt: skip
BUDGET_RANKS = {"spent": 2, "left as a chance of error": 1}


def print_ledger(pilot: Pilot, view: LedgerView, *, details: bool = False) -> None:
    """Print every opening of the holdout, what each gate has left, and how new records refresh it."""
    from workbench.pages import budgets_table, openings_table, refresh_note, remarks

    openings = openings_table(view.openings)
    if openings.empty:
        say(f"{pilot.name}: no opening of the holdout yet")
    else:
        show_table(f"{pilot.name}: openings of the sealed holdout", _table(openings, RANKS), details=details)
        print()
    title = f"Left of the significance level, on the {view.n_records:,} holdout records of today"
    show_table(title, _table(budgets_table(view), BUDGET_RANKS), details=details)
    for remark in (*remarks(view), refresh_note(view)):
        say(remark)
    print(f"Ledger: {view.path}")


def _table(frame: pd.DataFrame, ranks: Mapping[str, int]) -> TextTable:
    """Return a frame as a table; numbers stand right."""
    from pandas.api.types import is_numeric_dtype

    columns = []
    for heading, kind in zip(map(str, frame.columns), frame.dtypes, strict=True):
        content = Content.NUMBER if is_numeric_dtype(kind) else Content.NAME if heading in NAMES else Content.TEXT
        columns.append(TextColumn(heading, content, ranks.get(heading, 0)))
    rows = frame.itertuples(index=False)
    return TextTable(
        tuple(columns),
        tuple(tuple(f"{cell:,}" if isinstance(cell, int) else str(cell) for cell in row) for row in rows),
    )
