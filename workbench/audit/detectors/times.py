"""Dates that fall out of the order in which the rows of a table came in."""

from __future__ import annotations

from bisect import bisect_right

import numpy as np
import numpy.typing as npt

from workbench.audit.detectors.broken_relations import DATE_ORDER
from workbench.audit.detectors.detector import Detector, Votes
from workbench.audit.table.inferred import Known
from workbench.audit.table.relations import Numbers
from workbench.records.tables import CodedColumn, Semantic

MIN_ROWS, MIN_DAYS = 50, 20  # of fewer rows, or days, an order is chance
MIN_NEIGHBOURS = 0.9  # of neighbours in order: a quick look, before the slow one
MIN_IN_ORDER = 0.98  # of the rows: a table that came in by another order has more out of this one
USUAL_GAPS = 5.0  # times nearly the widest usual step: entered late is no error
WIDEST = 0.99  # quantile of the steps
LEAST_DAYS = 1.0  # a day out of order is a late entry
DECLARED, INFERRED = 0.8, 0.65  # whether the contract says that this is the time of a row


def vote_on_order_in_time(known: Known, votes: Votes) -> None:
    """Vote on dates out of order in a column that is in order in nearly all rows, ascending or descending.

    As many rows as possible are taken to be in order (longest sorted subsequence); of the others those are voted on
    that are more than a day, and more than five times the usual step, away from the rows around them.
    """
    for column, profile in known.each():
        if profile.semantic in {Semantic.DATE, Semantic.DATETIME}:
            _vote(column, known.numbers[column.position], column.position == known.time, votes)


def _vote(column: CodedColumn, days: Numbers, is_time: bool, votes: Votes) -> None:
    """Vote on some of the days since 1970 of each row, NaN where there is none."""
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
    reach = max(LEAST_DAYS, USUAL_GAPS * float(np.quantile(steps, WIDEST)))
    odd = np.flatnonzero(~is_sorted)
    after = np.searchsorted(kept, odd)
    low = known[kept[np.maximum(after - 1, 0)]]
    high = known[kept[np.minimum(after, len(kept) - 1)]]
    away = np.maximum(low - known[odd], known[odd] - high)
    reason = f"out of order: {share:.1%} of the rows are in the order of {column.name}"
    strength = DECLARED if is_time else INFERRED
    votes.cells(column.position, rows[odd[away > reach]], strength, DATE_ORDER, reason)


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


OF_TIMES = Detector("relations", 170, vote_on_order_in_time)
