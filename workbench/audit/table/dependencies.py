"""Functional dependencies that hold in nearly all rows: what one column says settles another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from workbench.audit.table.encoded import Encoded
from workbench.records.tables import Codes, ColumnProfile, Semantic

# By trial: tables with a tenth of wrong cells still have their dependencies; lower, likelihoods count as such.
MIN_STRENGTH = 0.88
MAX_ERROR_LEFT = 0.25  # of the error of guessing: a column that nearly always says the same follows from any
MAX_OF_CHANCE = 1 / 3  # of the error of groups drawn at random: groups of two or three agree by chance
MIN_ROWS = 20  # of fewer, agreement is chance
MAX_COLUMNS = 50  # pairs grow with the square
MAX_COMBINED = 100  # different values: two columns of more have groups of one row
MAX_COMBINED_COLUMNS = 14  # their pairs are 91, each held against every column
SCREENED_ROWS = 10_000  # show that most pairs settle nothing
SCREENED_BY = 0.03  # less is asked of them
SPARSE = 0.3  # different determinants for a row: too few repeat among the first rows to judge by
MIN_REPEATED = 0.3  # of the rows: where fewer share a value, it settles nothing that could be held against others
CHANCE_SEED = 11
THIN_GROUP, MIN_THIN_STRENGTH = 6, 0.98  # rows: amounts in smaller groups are alike for other reasons; by trial
NO_DETERMINANT = frozenset({Semantic.NUMBER, Semantic.AMOUNT, Semantic.PERCENT, Semantic.BOOLEAN, Semantic.EMPTY})
Longs: TypeAlias = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Dependency:
    """One column settles another in nearly all rows.

    Parameters
    ----------
    determinant, dependent : str
        Of a composite determinant both names, with ", " between.
    strength : float
        Share of the rows compared that agree with their group's most frequent value; groups are the rows with the same
        determinant, of at least two rows, both cells filled.
    n_violations : int
        Rows compared that do not agree.
    n : int
        Rows compared.
    positions : tuple of int
        Of the determinant's one or two columns and, last, of the dependent.
    """

    determinant: str
    dependent: str
    strength: float
    n_violations: int
    n: int
    positions: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Groups:
    """Pairs of values (a, b) of two columns, each pair once.

    Parameters
    ----------
    left, right : array of shape (n_pairs,)
        Codes of the pair.
    n : array
        Rows that hold the pair.
    size : array
        Rows that hold the pair's left value and any right value.
    top : array
        The right value most frequent with the left value.
    n_top : array
        Rows that hold left and top.
    pair_of : array of shape (n_rows,)
        Each row's pair, -1 where a cell is missing.
    """

    left: Codes
    right: Codes
    n: npt.NDArray[np.int64]
    size: npt.NDArray[np.int64]
    top: Codes
    n_top: npt.NDArray[np.int64]
    pair_of: npt.NDArray[np.int64]

    def settled(self, least: int = 2) -> tuple[int, float, float]:
        """Return what groups of at least so many rows say.

        Returns
        -------
        (int, float, float)
            Their rows; the share of these that do not agree with their group's most frequent value; and the share that
            guessing the most frequent value of all would get wrong.
        """
        several = self.size >= least
        n = int(self.n[several].sum())
        if not n:
            return 0, 0.0, 0.0
        counts = np.bincount(self.right[several], weights=self.n[several])
        error = 1 - int(self.n[several & (self.right == self.top)].sum()) / n
        return n, error, float(1 - counts.max() / counts.sum())


def grouped(left: Codes, right: Codes) -> Groups:
    """Return the pairs of two columns' values with the most frequent partner of each left value."""
    filled = np.flatnonzero((left >= 0) & (right >= 0))
    width = int(right.max(initial=0)) + 1
    keys = left[filled].astype(np.int64) * width + right[filled]
    pairs, inverse, n = _counted(keys, (int(left.max(initial=0)) + 1) * width)
    lefts, rights = (pairs // width).astype(np.int32), (pairs % width).astype(np.int32)
    pair_of = np.full(len(left), -1, dtype=np.int64)
    pair_of[filled] = inverse
    if not len(pairs):
        empty = np.zeros(0, dtype=np.int64)
        return Groups(lefts, rights, n, empty, rights, empty, pair_of)
    starts = np.flatnonzero(np.append(True, lefts[1:] != lefts[:-1]))
    group = np.repeat(np.arange(len(starts)), np.diff(np.append(starts, len(pairs))))
    size = np.add.reduceat(n, starts)[group]
    n_top = np.maximum.reduceat(n, starts)[group]
    order = np.lexsort((-n, group))
    top = rights[order[starts]][group]
    return Groups(lefts, rights, n, size, top, n_top, pair_of)


def _counted(keys: Longs, n_possible: int) -> tuple[Longs, Longs, Longs]:
    """Return the distinct keys in order, each row's place among them, and their counts; counting beats sorting."""
    if n_possible > max(1_000_000, 4 * len(keys)):
        return np.unique(keys, return_inverse=True, return_counts=True)
    counts = np.bincount(keys, minlength=n_possible)
    pairs = np.flatnonzero(counts)
    places = np.zeros(n_possible, dtype=np.int64)
    places[pairs] = np.arange(len(pairs))
    return pairs, places[keys], counts[pairs]


def combined(codes: Sequence[Codes]) -> Codes:
    """Return one code for each combination of values, -1 where one of them is missing."""
    if len(codes) == 1:
        return codes[0]
    first, second = codes
    keys = np.where(
        (first >= 0) & (second >= 0), first.astype(np.int64) * (int(second.max(initial=0)) + 1) + second, -1
    )
    distinct, inverse = np.unique(keys, return_inverse=True)
    return (inverse - int(len(distinct) > 0 and distinct[0] == -1)).astype(np.int32)


def discover(encoded: Encoded, profiles: tuple[ColumnProfile, ...]) -> tuple[Dependency, ...]:
    """Return the dependencies of one column on one other, the strongest first.

    Held to be one: at least 88% agreement, an error at most a quarter of that of guessing the dependent's most frequent
    value and at most a third of that which the same groups have by chance, and at least 20 rows to compare. For
    quantities in groups of under six rows on average, 98% agreement. The first 50 columns are searched.
    """
    codes = dict(enumerate(encoded.filled))
    screen = slice(0, SCREENED_ROWS) if encoded.n > 2 * SCREENED_ROWS else slice(None)
    left = [p.position for p in profiles if _may_determine(p, codes[p.position])][:MAX_COLUMNS]
    right = [p.position for p in profiles if p.n_distinct > 1 and not p.is_key][:MAX_COLUMNS]
    singles = [(a, b) for a in left for b in right if a != b]
    found = [one for pair in singles if (one := _search(encoded, codes, pair, screen)) is not None]
    settled = {one.positions[-1] for one in found}
    few = sorted((a for a in left if profiles[a].n_distinct <= MAX_COMBINED), key=lambda a: profiles[a].n_distinct)
    few = few[:MAX_COMBINED_COLUMNS]
    triples = [(*pair, b) for b in right if b not in settled for pair in combinations(few, 2) if b not in pair]
    found += [one for triple in triples if (one := _search(encoded, codes, triple, screen)) is not None]
    found = [one for one in found if not _is_thin(one, profiles)]
    return tuple(sorted(found, key=lambda one: (-one.strength, one.positions)))


def _is_thin(one: Dependency, profiles: tuple[ColumnProfile, ...]) -> bool:
    """Whether a quantity seems settled by groups of a few rows only, in which amounts are alike for other reasons."""
    n_groups = max(profiles[position].n_distinct for position in one.positions[:-1])
    return profiles[one.positions[-1]].is_numeric and one.n < THIN_GROUP * n_groups and one.strength < MIN_THIN_STRENGTH


def _search(encoded: Encoded, codes: dict[int, Codes], positions: tuple[int, ...], screen: slice) -> Dependency | None:
    """Return a dependency between columns if there is one; most that are none are seen in the first rows."""
    is_screened = screen != slice(None) and not _is_sparse(codes, positions, screen)
    if is_screened and _measure(encoded, codes, positions, screen, MIN_STRENGTH - SCREENED_BY) is None:
        return None
    return _measure(encoded, codes, positions, slice(None), MIN_STRENGTH)


def _is_sparse(codes: dict[int, Codes], positions: tuple[int, ...], screen: slice) -> bool:
    """Whether the first rows hold too few repeated determinants to judge by."""
    if len(positions) > 2:
        return False
    found = codes[positions[0]][screen]
    return len(np.unique(found)) > SPARSE * len(found)


def _may_determine(profile: ColumnProfile, codes: Codes) -> bool:
    if profile.n_distinct < 2 or profile.is_key or profile.semantic in NO_DETERMINANT:
        return False
    counts = np.bincount(codes[codes >= 0])
    return bool(counts[counts >= 2].sum() >= MIN_REPEATED * len(codes))


def measure(encoded: Encoded, positions: tuple[int, ...]) -> Dependency | None:
    """Return how far the last column follows from those before it, None when there is nothing to compare."""
    codes = {position: encoded.filled[position] for position in positions}
    return _measure(encoded, codes, positions, slice(None), None)


def _measure(
    encoded: Encoded, codes: dict[int, Codes], positions: tuple[int, ...], rows: slice, at_least: float | None
) -> Dependency | None:
    """Return a dependency of at least some strength that says more than guessing does, or of any with no least."""
    a, b = combined([codes[position][rows] for position in positions[:-1]]), codes[positions[-1]][rows]
    groups = grouped(a, b)
    several = groups.size >= 2
    n = int(groups.n[several].sum())
    if n < (1 if at_least is None else MIN_ROWS):
        return None
    agreeing = int(groups.n[several & (groups.right == groups.top)].sum())
    strength = agreeing / n
    if at_least is not None and strength < at_least:
        return None
    if at_least is not None:
        counts = np.bincount(b[b >= 0])
        guessing = float(1 - counts.max() / counts.sum())
        if len(positions) > 2:
            guessing = min(guessing, *(2 * _error(codes[one][rows], b) for one in positions[:-1]))
        if 1 - strength > MAX_ERROR_LEFT * guessing or 1 - strength > MAX_OF_CHANCE * _by_chance(a, b):
            return None
    determinant = ", ".join(encoded.columns[position].name for position in positions[:-1])
    return Dependency(determinant, encoded.columns[positions[-1]].name, strength, n - agreeing, n, positions)


def _by_chance(a: Codes, b: Codes) -> float:
    """Return the error of groups as large as these whose rows were drawn at random; small groups agree by chance."""
    filled = np.flatnonzero((a >= 0) & (b >= 0))
    drawn = np.random.default_rng(CHANCE_SEED).permutation(b[filled])
    n, error, _ = grouped(a[filled], drawn).settled()
    return error if n else 1.0


def _error(a: Codes, b: Codes) -> float:
    """Return the share of rows that one column's most frequent partner does not tell."""
    groups = grouped(a, b)
    return 1 - float(groups.n[groups.right == groups.top].sum() / max(1, groups.n.sum()))
