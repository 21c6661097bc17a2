"""One value repeated where it contradicts its row's neighbours, such as a zip code that a form filled in by itself."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from workbench.audit.detectors.contradictions import DEPENDENCY
from workbench.audit.detectors.detector import Detector, Votes
from workbench.audit.table.dependencies import MAX_COLUMNS, MAX_ERROR_LEFT, NO_DETERMINANT, grouped
from workbench.audit.table.inferred import Known
from workbench.records.tables import CodedColumn, Codes, ColumnProfile

MIN_DEFAULT = 10  # rows: a value in fewer is repeated by chance
TIMES_NEXT = 5  # as many as the next: a large customer or town has a few times as many, too
MAX_SHARE = 0.2  # of the rows: what more of them have is the usual case
MIN_OTHERS = 20  # values, and rows with them, that show what a value usually stands for
MIN_STRENGTH = 0.95  # with which the other values settle a column: lower, and the default is one more exception
MIXED = 0.5  # of its rows agree on less: where half do, it may be the right value of a large group
STRENGTH = 0.7


def vote_on_defaults(known: Known, votes: Votes) -> None:
    """Vote on a value that stands for many different things in a column whose other values stand for one each.

    It is in ten rows to a fifth of them, five times as many as the next, and of its rows no half agree in another
    column that every other value settles. The rows that have what most of its rows have may be right. The first 50
    columns are looked at.
    """
    filled, first = known.encoded.filled, known.profiles[:MAX_COLUMNS]
    for profile in first:
        column = known.encoded.columns[profile.position]
        top = _default(column, profile, filled[profile.position])
        if top is None:
            continue
        held = {}
        for other in first:
            if other.position != profile.position and other.n_distinct > 1 and not other.is_key:
                contradicting = _contradicting(filled[profile.position], filled[other.position], top)
                if contradicting is not None:
                    held[other.name] = contradicting
        if held:
            name, rows = max(held.items(), key=lambda one: len(one[1]))
            n = int((filled[profile.position] == top).sum())
            reason = f"{column.values[top][:40]!r} in {n:,} rows of different {name}; every other value has one {name}"
            votes.cells(profile.position, rows, STRENGTH, DEPENDENCY, reason)


def _default(column: CodedColumn, profile: ColumnProfile, codes: Codes) -> int | None:
    """Return the value of a column that stands out by how many rows hold it, None where none does."""
    is_unsuited = profile.semantic in NO_DETERMINANT or profile.is_numeric or profile.is_key
    if is_unsuited or len(column.values) < MIN_OTHERS:
        return None
    counts = np.bincount(codes[codes >= 0], minlength=2)
    top = int(counts.argmax())
    fewest = max(MIN_DEFAULT, TIMES_NEXT * int(np.partition(counts, -2)[-2]))
    return top if fewest <= counts[top] <= MAX_SHARE * counts.sum() else None


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


OF_DEFAULTS = Detector("dependencies", 140, vote_on_defaults)
