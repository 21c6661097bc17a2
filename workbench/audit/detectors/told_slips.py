"""Rare values near another one that the other rows with the same partner, place or number have."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from workbench.audit.detectors.detector import Detector, Votes
from workbench.audit.detectors.typos import (
    FEW_ROWS,
    FREQUENT,
    TIMES,
    TYPO,
    UNSUITED,
    is_made_up,
    may_be_slip,
    rows_of_parts,
)
from workbench.audit.known.slips import nearest
from workbench.audit.table.dependencies import MAX_COLUMNS, MAX_ERROR_LEFT, grouped
from workbench.audit.table.encoded import Encoded
from workbench.audit.table.inferred import Known
from workbench.records.tables import MISSING, Codes, ColumnProfile, is_placeholder

MIN_ROWS = 20  # of fewer that share a value, agreement is chance
MIN_OTHERS = 2  # rows with the same partner: one alone may be the wrong one
MIN_AGREE = 0.8  # of them: lower, and partners with two values of their own tell one for the other
RARE_SHARE = 0.2  # of the most frequent value's rows: by trial; what more rows hold is no slip
OWN_SHARE = 0.2  # of a value's rows that other rows confirm: it is a value of its own then in all of them
STRENGTH, EXCUSED = 0.7, 0.3  # of a vote, and what is left of others' votes on a value that is confirmed


def vote_on_told_slips(known: Known, votes: Votes) -> None:
    """Vote on rare values that are a slip away from what their row's other columns tell, and excuse those that are not.

    A column tells another where rows with the same value in it nearly always agree, far beyond guessing. A value that
    other such rows have as well is a value of its own, however near it is to a frequent one. This decides on what is
    too short, or too like a name, to be told from a slip by itself. The first 50 columns are looked at.
    """
    profiles = [found for found in known.profiles if not known.is_prose(found.name)][:MAX_COLUMNS]
    for profile in profiles:
        if profile.semantic in UNSUITED or profile.n_distinct < 2:
            continue
        rare = _rare(known.encoded, profile.position)
        if len(rare):
            others = [one.position for one in profiles if _may_tell(one, profile.position)]
            _vote(known.encoded, profile.position, rare, others, votes)


def _may_tell(profile: ColumnProfile, position: int) -> bool:
    return profile.position != position and profile.n_distinct > 1 and not profile.is_key


def _rare(encoded: Encoded, position: int) -> npt.NDArray[np.intp]:
    """Return the values that are one slip away from one at least five times as frequent."""
    column = encoded.columns[position]
    usual = [code for code in np.argsort(-column.counts, kind="stable") if column.counts[code] >= FREQUENT]
    if not usual:
        return np.zeros(0, dtype=np.intp)
    limit, n_rows = (
        max(FEW_ROWS, RARE_SHARE * int(column.counts[usual[0]])),
        rows_of_parts(column, range(len(column.values))),
    )
    rare = [code for code, n in enumerate(column.counts) if n <= limit and not is_placeholder(column.values[code])]
    rare = [code for code in rare if not is_made_up(column, code, n_rows)]
    near = nearest([column.values[code] for code in rare], [column.values[code] for code in usual])
    return np.array(
        [rare[i] for i, (j, _) in near.items() if column.counts[usual[j]] >= TIMES * column.counts[rare[i]]],
        dtype=np.intp,
    )


def _vote(encoded: Encoded, position: int, rare: npt.NDArray[np.intp], others: Sequence[int], votes: Votes) -> None:
    """Vote on the rows with rare values by what each other column tells of them."""
    column, filled = encoded.columns[position], encoded.filled[position]
    is_rare = np.isin(filled, rare)
    rest = np.where(is_rare, MISSING, filled).astype(np.int32)
    rows = np.flatnonzero(is_rare)
    told: dict[tuple[int, int, int], list[int]] = defaultdict(list)
    own = np.zeros(len(rows), dtype=bool)
    for other in others:
        codes = encoded.filled[other]
        own |= _has_company(codes, filled, rows)
        tops = _tops(codes, rest)
        if tops is None:
            continue
        top = np.append(tops, MISSING)[codes[rows]]
        for row, code in zip(rows[top >= 0], top[top >= 0], strict=True):
            told[int(filled[row]), int(code), other].append(int(row))
    votes.excuse(position, rows[own], EXCUSED, frozenset({TYPO}))
    known = filled[rows]
    is_own_value = np.bincount(known[own], minlength=len(column.values)) >= OWN_SHARE * column.counts
    owned = set(rows[own | is_own_value[known]].tolist())
    seen: set[int] = set()
    for (code, usual, other), found in told.items():
        fresh = [row for row in found if row not in seen and row not in owned]
        value, target = column.values[code], column.values[usual]
        if fresh and nearest([value], [target]) and may_be_slip(value.casefold(), target.casefold()):
            seen.update(fresh)
            name = encoded.columns[other].name
            reason = f"{value[:40]!r} is a slip away from {target[:40]!r}, which other rows with the same {name} have"
            votes.cells(position, np.array(fresh), STRENGTH, TYPO, reason)


def _tops(codes: Codes, rest: Codes) -> Codes | None:
    """Return for each value of a column what its rows say in another, MISSING where they do not agree.

    None where the column does not tell the other: rows with the same value agree hardly more than by guessing.
    """
    groups = grouped(codes, rest)
    n, error, guessing = groups.settled(MIN_OTHERS)
    if n < MIN_ROWS or error > MAX_ERROR_LEFT * guessing:
        return None
    tops = np.full(int(codes.max(initial=0)) + 1, MISSING, dtype=np.int32)
    is_clear = (groups.size >= MIN_OTHERS) & (groups.n_top >= MIN_AGREE * groups.size)
    tops[groups.left[is_clear]] = groups.top[is_clear]
    return tops


def _has_company(codes: Codes, filled: Codes, rows: npt.NDArray[np.intp]) -> npt.NDArray[np.bool_]:
    """Return which rows share both values, the rare one and another column's, with most of that column's other rows."""
    groups = grouped(codes, filled)
    is_own = (groups.n >= MIN_OTHERS) & (groups.right == groups.top) & (groups.n_top > 0.5 * groups.size)
    return np.append(is_own, False)[groups.pair_of[rows]]


OF_TOLD_SLIPS = Detector("typos", 110, vote_on_told_slips)
