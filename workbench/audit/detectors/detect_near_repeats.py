"""Votes on rows that nearly repeat an earlier one; in large tables they are sought by hash, without voting."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from workbench.audit.cells import CELL_COLUMNS, CellKind, no_cells
from workbench.audit.detectors.votes import Votes
from workbench.audit.table.encoded import Encoded, encode_rows
from workbench.audit.table.near_repeats import MAX_BLOCK, NearRepeats, compared_with, near_repeats, parts_of
from workbench.records.tables import ColumnProfile, Table

MAX_CANDIDATES = 200_000
STRENGTH = 0.7


def vote_on_near_repeats(encoded: Encoded, found: NearRepeats, marked: int, votes: Votes) -> None:
    """Vote on one cell, that of a column such as the key, of each row that nearly repeats an earlier one."""
    for row, reason in zip(found.rows, _reasons(encoded, found, marked), strict=True):
        votes.cells(marked, np.array([row]), STRENGTH, CellKind.NEAR_DUPLICATE, reason)


def _reasons(encoded: Encoded, found: NearRepeats, marked: int) -> list[str]:
    return [
        f"nearly the same as data row {int(encoded.rows[of]):,}: "
        f"differs in {', '.join(differs) or encoded.columns[marked].name} only"
        for of, differs in zip(found.of, found.differs, strict=True)
    ]


def marked_column(profiles: Sequence[ColumnProfile], keys: Sequence[int]) -> int:
    """Return the position of the column whose cell is flagged for a repeated row: its key, or else the first."""
    return keys[0] if keys else next((one.position for one in profiles if one.is_key), 0)


def near_repeats_in_large(
    table: Table, sample: Encoded, profiles: Sequence[ColumnProfile], keys: Sequence[int], fixed: Sequence[int]
) -> tuple[pd.DataFrame, bool]:
    """Return the cells of rows that nearly repeat an earlier one, and whether every row was compared.

    Rows are candidates when one part of their columns is hashed to the same number in 2 to 40 rows. Of more than
    200,000 candidates the first are compared.
    """
    compared = compared_with(profiles, keys)
    queries = [
        f"SELECT row FROM (SELECT row, count(*) OVER (PARTITION BY h) AS n FROM "
        f"(SELECT row, hash({', '.join(table.text(position) for position in part)}) AS h FROM data)) "
        f"WHERE n BETWEEN 2 AND {MAX_BLOCK}"
        for part in parts_of(sample, compared, fixed)
    ]
    if not queries:
        return no_cells(), True
    found = table.connection.sql(f"SELECT DISTINCT row FROM ({' UNION ALL '.join(queries)}) ORDER BY row")
    rows = found.limit(MAX_CANDIDATES + 1).fetchnumpy()["row"].astype(np.int64)
    if not len(rows):
        return no_cells(), True
    encoded = encode_rows(table, rows[:MAX_CANDIDATES])
    repeats = near_repeats(encoded, profiles, keys, fixed, table.n_rows)
    marked = marked_column(profiles, keys)
    cells = pd.DataFrame(
        {
            "row": encoded.rows[repeats.rows],
            "column": table.names[marked],
            "kind": CellKind.NEAR_DUPLICATE.value,
            "reason": _reasons(encoded, repeats, marked),
        },
        columns=list(CELL_COLUMNS),
    )
    return cells, repeats.is_exact and len(rows) <= MAX_CANDIDATES
