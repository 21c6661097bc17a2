"""Cells that break a dependency, and which of its two cells is the wrong one."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from workbench.audit.cells import CellKind
from workbench.audit.detectors.exceptions import compared_columns, exceptions
from workbench.audit.detectors.votes import Votes
from workbench.audit.table.dependencies import Dependency, Groups, combined, grouped
from workbench.audit.table.encoded import Encoded
from workbench.audit.table.rules import MIN_GROUP, MIN_MAJORITY, STRAY_SHARE
from workbench.records.tables import MISSING

SURE_STRENGTH = 0.95
LARGE_GROUP = 6
MAX_BREAKING = 0.15
EXCUSED = frozenset({CellKind.TYPO, CellKind.OUTLIER})


@dataclass(frozen=True, slots=True)
class _Held:
    """One dependency held against every row: `breaks` and `agrees` are rows."""

    dependency: Dependency
    groups: Groups
    breaks: npt.NDArray[np.bool_]
    agrees: npt.NDArray[np.bool_]

    @property
    def determinant(self) -> tuple[int, ...]:
        """Positions of the determinant's columns."""
        return self.dependency.positions[:-1]

    @property
    def dependent(self) -> int:
        """Position of the dependent column."""
        return self.dependency.positions[-1]


def vote_on_dependencies(encoded: Encoded, dependencies: tuple[Dependency, ...], votes: Votes) -> None:
    """Vote on the cells that break dependencies.

    A determinant that breaks most of its dependencies in a row is itself wrong; otherwise the dependent is, unless
    other determinants confirm its value. What several determinants confirm is hardly a slip. An empty dependent whose
    group agrees on a value is missing. Values that stand for exceptions break nothing.
    """
    compared = compared_columns(encoded, dependencies)
    held = [_hold(encoded, one, one.positions[-1] in compared) for one in dependencies]
    n_breaks, n_agrees = _tallies(encoded.n), _tallies(encoded.n)
    for one in held:
        for a in one.determinant[:1] if len(one.determinant) == 1 else ():
            n_breaks[a] += one.breaks
            n_agrees[a] += one.agrees
    guilty = {a: (n >= 2) & (n > n_agrees[a]) for a, n in n_breaks.items()}
    against, support = _tallies(encoded.n), _tallies(encoded.n)
    for one in held:
        doubted = _any_guilty(one, guilty)
        against[one.dependent] += one.breaks & ~doubted
        support[one.dependent] += one.agrees & ~doubted
    for one in held:
        b = one.dependent
        _vote(encoded, one, one.breaks & ~_any_guilty(one, guilty) & (against[b] > support[b]), votes)
        _vote_on_gaps(encoded, one, votes)
    for b in support:
        votes.excuse(b, np.flatnonzero((support[b] >= 1) & (against[b] == 0)), 0.6, EXCUSED)
    for a, rows in guilty.items():
        doubted_rows = np.flatnonzero(rows & (support[a] <= against[a]))
        name = encoded.columns[a].name
        votes.cells(
            a, doubted_rows, 0.75, CellKind.DEPENDENCY, f"most columns that follow from {name} disagree with it"
        )


def _tallies(n: int) -> dict[int, npt.NDArray[np.int32]]:
    return defaultdict(lambda: np.zeros(n, dtype=np.int32))


def _any_guilty(one: _Held, guilty: dict[int, npt.NDArray[np.bool_]]) -> npt.NDArray[np.bool_]:
    """Return in which rows one of the determinant's cells is held to be wrong."""
    rows = np.zeros(len(one.breaks), dtype=bool)
    for a in one.determinant:
        if a in guilty:
            rows |= guilty[a]
    return rows


def _hold(encoded: Encoded, dependency: Dependency, is_compared: bool) -> _Held:
    *left, right = (encoded.filled[position] for position in dependency.positions)
    groups = grouped(combined(left), right)
    is_settled = (groups.size - groups.n_top <= 2) | (groups.size - groups.n_top <= MAX_BREAKING * groups.size)
    is_clear = (groups.size >= MIN_GROUP) & (groups.n_top >= MIN_MAJORITY * groups.size) & is_settled
    is_stray = (groups.n <= 2) | (groups.n <= STRAY_SHARE * groups.size)
    breaking = is_clear & (groups.right != groups.top) & is_stray
    breaking &= ~exceptions(encoded.columns[dependency.positions[-1]], groups, is_clear, is_compared)
    agreeing = is_clear & (groups.right == groups.top)
    return _Held(dependency, groups, _per_row(groups, breaking), _per_row(groups, agreeing))


def _per_row(groups: Groups, of_pair: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    return np.append(of_pair, False)[groups.pair_of]


def _vote(encoded: Encoded, one: _Held, rows: npt.NDArray[np.bool_], votes: Votes) -> None:
    """Vote on the dependent cells of some rows, pair of values by pair."""
    b = encoded.columns[one.dependent]
    chosen = np.flatnonzero(rows)
    pairs = one.groups.pair_of[chosen]
    order = np.argsort(pairs, kind="stable")
    is_sure = one.dependency.strength >= SURE_STRENGTH
    for part in np.split(order, np.flatnonzero(np.diff(pairs[order])) + 1):
        if not len(part):
            continue
        pair, row = int(pairs[part[0]]), int(chosen[part[0]])
        usual = b.values[int(one.groups.top[pair])]
        n_top, size = int(one.groups.n_top[pair]), int(one.groups.size[pair])
        reason = f"{n_top:,} of {size:,} rows with {_given(encoded, one, row)} have {_short(usual)}"
        strength = 0.7 if is_sure else 0.55 if size >= LARGE_GROUP else 0.45
        votes.cells(b.position, chosen[part], strength, CellKind.DEPENDENCY, reason)


def _given(encoded: Encoded, one: _Held, row: int) -> str:
    """Return what the determinant says in a row, in words."""
    columns = [encoded.columns[position] for position in one.determinant]
    return " and ".join(f"{column.name} = {_short(column.values[int(column.codes[row])])}" for column in columns)


def _vote_on_gaps(encoded: Encoded, one: _Held, votes: Votes) -> None:
    """Vote on empty dependents whose group agrees on one value, whatever is flagged in it left out."""
    b = encoded.columns[one.dependent]
    left = combined([encoded.filled[position] for position in one.determinant])
    is_empty = (b.codes == MISSING) & (left >= 0)
    if not is_empty.any() or is_empty.sum() > 0.5 * encoded.n:
        return
    groups = grouped(left, np.where(votes.wrong(b.position), MISSING, encoded.filled[b.position]).astype(np.int32))
    known = np.zeros(int(left.max(initial=0)) + 1, dtype=bool)
    known[groups.left[(groups.size >= MIN_GROUP) & (groups.n_top >= 0.9 * groups.size)]] = True
    rows = np.flatnonzero(is_empty)
    rows = rows[known[left[rows]]]
    name = one.dependency.determinant
    votes.cells(b.position, rows, 0.6, CellKind.MISSING, f"empty, but other rows with the same {name} agree on a value")


def _short(value: str) -> str:
    return repr(value if len(value) <= 40 else value[:37] + "...")
