"""Flags that contradict an amount, such as no child where there is an exemption for children."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from workbench.audit.detectors.broken_relations import CROSS_FIELD
from workbench.audit.detectors.detector import Detector, Votes
from workbench.audit.table.dependencies import MAX_COLUMNS
from workbench.audit.table.encoded import Encoded
from workbench.audit.table.inferred import Known
from workbench.records.tables import ColumnProfile

MAX_KINDS = 5  # a column of more values is no flag
MIN_ROWS = 50  # of fewer, one value in all of them is chance
MIN_HOLDS = 0.95  # where less agree, a flag and an amount are two facts
MAX_ERROR_LEFT = 0.1  # of that of guessing: a flag that nearly all rows have is told by nothing
STRENGTH = 0.6


def vote_on_flags(known: Known, votes: Votes) -> None:
    """Vote on flags other than the one that rows with an amount above 0 have.

    An amount is a column that is 0 in fifty rows or more and above 0 in as many. It tells a flag, a column of two to
    five values, where 95% of the rows above 0 have one value and the error is at most a tenth of that of guessing the
    most frequent one. The first 50 columns are looked at.
    """
    first = known.profiles[:MAX_COLUMNS]
    flags = [one for one in first if 2 <= one.n_distinct <= MAX_KINDS and not one.is_moment]
    for amount in first:
        cells = known.numbers.get(amount.position)
        if cells is None or not amount.is_numeric:
            continue
        is_above, is_none = cells > 0, cells == 0
        if min(int(is_above.sum()), int(is_none.sum())) < MIN_ROWS:
            continue
        for flag in flags:
            if flag.position != amount.position:
                _vote(known.encoded, flag, amount, is_above, votes)


def _vote(
    encoded: Encoded, flag: ColumnProfile, amount: ColumnProfile, is_above: npt.NDArray[np.bool_], votes: Votes
) -> None:
    codes = encoded.filled[flag.position]
    known = is_above & (codes >= 0)
    if int(known.sum()) < MIN_ROWS:
        return
    counts, every = np.bincount(codes[known]), np.bincount(codes[codes >= 0])
    usual = int(counts.argmax())
    holds = float(counts[usual] / counts.sum())
    guessing = float(1 - every.max() / every.sum())
    if holds < MIN_HOLDS or 1 - holds > MAX_ERROR_LEFT * guessing:
        return
    values = encoded.columns[flag.position].values
    said = f"{values[usual]!r} in {holds:.1%} of the rows whose {amount.name} is above 0"
    votes.cells(flag.position, np.flatnonzero(known & (codes != usual)), STRENGTH, CROSS_FIELD, said)


OF_FLAGS = Detector("relations", 160, vote_on_flags)
