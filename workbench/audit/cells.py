"""Flagged cells: the table that names every cell the audit holds to be wrong, and its file."""

from __future__ import annotations

from collections.abc import Sequence
from io import StringIO
from pathlib import Path
from typing import Any

import pandas as pd

from workbench.files import write_atomically

CELL_COLUMNS = ("row", "column", "kind", "reason")
LONGEST_QUOTED = 40  # a longer value would hide the sentence around it


def no_cells() -> pd.DataFrame:
    """Return a table of flagged cells without a row."""
    return pd.DataFrame({name: pd.Series(dtype=int if name == "row" else object) for name in CELL_COLUMNS})


def flagged(rows: Any, column: Any, kind: str, reason: Any) -> pd.DataFrame:
    """Return cells flagged as one kind: of one column, or one for each row; for one reason, or one for each row."""
    return pd.DataFrame({"row": rows, "column": column, "kind": kind, "reason": reason}, columns=list(CELL_COLUMNS))


def joined(parts: Sequence[pd.DataFrame], names: Sequence[str]) -> pd.DataFrame:
    """Return tables of flagged cells as one by row and column; a cell in several is kept as the first has it."""
    place = {name: position for position, name in enumerate(names)}
    table = pd.concat([part for part in parts if len(part)] or [no_cells()], ignore_index=True)
    table = table.drop_duplicates(["row", "column"], ignore_index=True).assign(position=table["column"].map(place))
    return table.sort_values(["row", "position"], kind="stable", ignore_index=True)[list(CELL_COLUMNS)]


def quoted(value: str) -> str:
    """Return a value between quotes, a long one cut.

    Examples
    --------
    >>> quoted("Bremen"), quoted(50 * "x")
    ("'Bremen'", "'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx...'")
    """
    return repr(value if len(value) <= LONGEST_QUOTED else value[: LONGEST_QUOTED - 3] + "...")


def write_cells(cells: pd.DataFrame, path: Path) -> Path:
    """Write flagged cells as CSV: `row` (0-based data row), `column` (the header's name), `kind`, `reason`.

    Names of columns are written as they are, so that a program finds them again; the file holds no values of cells in
    columns of their own, and what a reason quotes of a cell stands behind words, where no spreadsheet runs it.
    """
    buffer = StringIO()
    cells.loc[:, list(CELL_COLUMNS)].to_csv(buffer, index=False, lineterminator="\n")
    write_atomically(path, buffer.getvalue())
    return path
