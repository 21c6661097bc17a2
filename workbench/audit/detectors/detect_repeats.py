"""Rows that are there twice."""

from __future__ import annotations

import numpy as np

from workbench.audit.cells import CellKind
from workbench.audit.detectors.votes import Votes
from workbench.audit.table.encoded import Encoded
from workbench.records.tables import Codes, ColumnProfile


def vote_on_repeats(encoded: Encoded, profiles: tuple[ColumnProfile, ...], keys: tuple[int, ...], votes: Votes) -> None:
    """Vote on the later copies of a key, and of whole rows that have no key.

    A copied row is marked in its key, or without one in its first column.
    """
    singles = keys if keys else tuple(p.position for p in profiles if p.is_key)
    singles = singles if len(singles) == 1 or not keys else ()
    for position in singles:
        column = encoded.columns[position]
        rows = _later_copies([column.codes])
        rows = rows[column.codes[rows] >= 0]
        votes.cells(position, rows, 0.8, CellKind.DUPLICATE, f"an earlier row has the same {column.name}")
    if len(keys) > 1:
        rows = _later_copies([encoded.columns[position].codes for position in keys])
        names = ", ".join(encoded.columns[position].name for position in keys)
        votes.cells(keys[0], rows, 0.8, CellKind.DUPLICATE, f"an earlier row has the same {names}")
    if not singles and not keys and len(encoded.columns) > 1:
        rows = _later_copies([column.codes for column in encoded.columns])
        if len(rows) < 0.3 * encoded.n:
            votes.cells(0, rows, 0.6, CellKind.DUPLICATE, "an earlier row is the same in every column")


def _later_copies(columns: list[Codes]) -> np.ndarray:
    """Return the rows that agree with an earlier row in all columns."""
    combined = np.zeros(len(columns[0]), dtype=np.int64)
    for codes in columns:
        combined = combined * (int(codes.max(initial=0)) + 2) + (codes + 1)
        _, combined = np.unique(combined, return_inverse=True)
    _, first = np.unique(combined, return_index=True)
    is_later = np.ones(len(combined), dtype=bool)
    is_later[first] = False
    return np.flatnonzero(is_later)
