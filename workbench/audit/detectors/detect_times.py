"""Dates that fall out of the order in which the rows of a table came in."""

from __future__ import annotations

from bisect import bisect_right

import numpy as np
import numpy.typing as npt

from workbench.audit.cells import CellKind
from workbench.audit.detectors.votes import Votes
from workbench.audit.table.quantities import Numbers
from workbench.records.tables import CodedColumn

MIN_ROWS, MIN_DAYS = 50, 20
MIN_NEIGHBOURS, MIN_IN_ORDER = 0.9, 0.98
USUAL_GAPS = 5.0
DECLARED, INFERRED = 0.8, 0.65


def vote_on_order_in_time(column: CodedColumn, days: Numbers, is_time: bool, votes: Votes) -> None:
    """Vote on dates out of order in a column that is in order in nearly all rows, ascending or descending.

    Parameters
    ----------
    column : CodedColumn
    days : array of shape (n,)
        Days since 1970 of each row, NaN where there is none.
    is_time : bool
        Whether the contract declares the column as the time of a row.
    votes : Votes

    Notes
    -----
    As many rows as possible are taken to be in order (longest sorted subsequence); of the others those are voted on
    that are more than a day, and more than five times the usual step, away from the rows around them.
    """
    rows = np.flatnonzero(~np.isnan(days))
    known = days[rows]
    if len(known) < MIN_ROWS or len(np.unique(known)) < MIN_DAYS:
        return
    rising, falling = float((np.diff(known) >= 0).mean()), float((np.diff(known) <= 0).mean())
    if max(rising, falling) < MIN_NEIGHBOURS:
        return
    known = known if rising >= falling else -known
    is_sorted = _longest_sorted(known)
    share = float(is_sorted.mean())
    if share < MIN_IN_ORDER or share == 1.0:
        return
    kept = np.flatnonzero(is_sorted)
    steps = np.diff(known[kept])
    reach = max(1.0, USUAL_GAPS * float(np.quantile(steps, 0.99)))
    odd = np.flatnonzero(~is_sorted)
    after = np.searchsorted(kept, odd)
    low = known[kept[np.maximum(after - 1, 0)]]
    high = known[kept[np.minimum(after, len(kept) - 1)]]
    away = np.maximum(low - known[odd], known[odd] - high)
    reason = f"out of order: {share:.1%} of the rows are in the order of {column.name}"
    strength = DECLARED if is_time else INFERRED
    votes.cells(column.position, rows[odd[away > reach]], strength, CellKind.DATE_ORDER, reason)


def _longest_sorted(values: Numbers) -> npt.NDArray[np.bool_]:
    """Return which values are in the longest subsequence that never falls."""
    tails: list[float] = []
    places: list[int] = []
    before = np.full(len(values), -1, dtype=np.int64)
    for place, value in enumerate(values.tolist()):
        at = bisect_right(tails, value)
        before[place] = places[at - 1] if at else -1
        tails[at : at + 1], places[at : at + 1] = [value], [place]
    kept = np.zeros(len(values), dtype=bool)
    place = places[-1]
    while place >= 0:
        kept[place] = True
        place = int(before[place])
    return kept
