"""One value repeated where it contradicts its row's neighbours, such as a zip code that a form filled in by itself."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from workbench.audit.cells import CellKind
from workbench.audit.detectors.votes import Votes
from workbench.audit.table.dependencies import MAX_COLUMNS, MAX_ERROR_LEFT, NO_DETERMINANT, grouped
from workbench.audit.table.encoded import Encoded
from workbench.records.tables import Codes, ColumnProfile

MIN_DEFAULT, TIMES_NEXT, MAX_SHARE = 10, 5, 0.2
MIN_OTHERS, MIN_STRENGTH = 20, 0.95
MIXED = 0.5


def vote_on_defaults(encoded: Encoded, profiles: Sequence[ColumnProfile], votes: Votes) -> None:
    """Vote on a value that stands for many different things in a column whose other values stand for one each.

    It is in ten rows to a fifth of them, five times as many as the next, and of its rows no half agree in another
    column that every other value settles. The rows that have what most of its rows have may be right. The first 50
    columns are looked at.
    """
    for profile in profiles[:MAX_COLUMNS]:
        column = encoded.columns[profile.position]
        if (
            profile.semantic in NO_DETERMINANT
            or profile.is_numeric
            or profile.is_key
            or len(column.values) < MIN_OTHERS
        ):
            continue
        codes = encoded.filled[profile.position]
        counts = np.bincount(codes[codes >= 0], minlength=2)
        top = int(counts.argmax())
        fewest = max(MIN_DEFAULT, TIMES_NEXT * int(np.partition(counts, -2)[-2]))
        if not fewest <= counts[top] <= MAX_SHARE * counts.sum():
            continue
        held = {}
        for other in profiles[:MAX_COLUMNS]:
            if other.position != profile.position and other.n_distinct > 1 and not other.is_key:
                contradicting = _contradicting(codes, encoded.filled[other.position], top)
                if contradicting is not None:
                    held[other.name] = contradicting
        if held:
            name, rows = max(held.items(), key=lambda one: len(one[1]))
            value = column.values[top]
            reason = f"{value[:40]!r} in {counts[top]:,} rows of different {name}; every other value has one {name}"
            votes.cells(profile.position, rows, 0.7, CellKind.DEPENDENCY, reason)


def _contradicting(codes: Codes, other: Codes, top: int) -> npt.NDArray[np.intp] | None:
    """Return the rows whose value contradicts another column's, None where the other values do not settle it."""
    groups = grouped(codes, other)
    is_default = groups.left == top
    several = ~is_default & (groups.size >= 2)
    n = int(groups.n[several].sum())
    if n < MIN_OTHERS or not is_default.any():
        return None
    error = 1 - int(groups.n[several & (groups.right == groups.top)].sum()) / n
    counts = np.bincount(groups.right[several], weights=groups.n[several])
    guessing = float(1 - counts.max() / counts.sum())
    [usual] = np.unique(groups.top[is_default])
    n_usual, size = int(groups.n_top[is_default][0]), int(groups.size[is_default][0])
    if error > min(1 - MIN_STRENGTH, MAX_ERROR_LEFT * guessing) or n_usual >= MIXED * size:
        return None
    return np.flatnonzero((codes == top) & (other >= 0) & (other != usual))
