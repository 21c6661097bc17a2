"""Pairs of rows that are the same but for a slip or two: the same case entered twice."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from workbench.audit.table.alike import normalised
from workbench.audit.table.encoded import Encoded, first_with
from workbench.audit.table.relations import days_of, numbers_of
from workbench.records.tables import MISSING, CodedColumn, Codes, ColumnProfile

MAX_DIFFERING = 2  # columns: by trial; rows that differ in three are different cases
MIN_COLUMNS = 3  # of fewer, rows agree by chance
MAX_BLOCK = 40  # rows that are equal in a part: larger groups are usual cases, and pairs grow with the square
MAX_PAIRS = 2_000_000  # bounds time and memory
LIKE_TEXT = 85.0  # of 100, rapidfuzz: by trial; a slip or two in a name leaves more, another name less
NEAR_DAYS = 0.25  # entered again within six hours
MAX_SHARE = 0.15  # of the rows: where more are alike, being alike is how the table is
MAX_EXPECTED = 0.2  # of the pairs found, explained by chance: the bar of four right flags in five
DELIBERATE = 4  # times fewer equal than by chance: a column that tells rows apart on purpose
DRAWN_PAIRS = 2_000  # at random: the rate is known to a point
SEED = 17
CHUNK = 200_000
NO_DIGIT = re.compile(r"\D+")

Pairs = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class NearRepeats:
    """Rows that repeat an earlier one nearly.

    Parameters
    ----------
    rows, of : array of int
        Each repeating row and the earlier row that it repeats, among the rows looked at.
    differs : tuple of tuple of str
        The columns in which the two are not the same, keys left out.
    is_exact : bool
        Whether every pair was compared that can be one; False where groups of too many equal rows were left out.
    """

    rows: npt.NDArray[np.intp]
    of: npt.NDArray[np.intp]
    differs: tuple[tuple[str, ...], ...]
    is_exact: bool


def near_repeats(
    encoded: Encoded,
    profiles: Sequence[ColumnProfile],
    keys: Sequence[int] = (),
    fixed: Sequence[int] = (),
    n_rows: int | None = None,
) -> NearRepeats:
    """Return the rows that repeat an earlier one but for at most two columns with a slip, a gap, or another writing.

    Candidates are pairs of rows that agree on one of three parts of the columns, so that every pair which differs in
    at most two columns is among them (pigeonhole). Differing cells must be alike: texts at most a few keystrokes apart,
    the same number or day written in another way, times within six hours, or one of them empty. Keys may differ. How
    many pairs would be alike by chance follows from the pairs that are equal but for one column with an arbitrary
    other value; where that explains more than a fifth of the pairs found, or where more than 15% of the rows have a
    near repeat, being alike is how this table is, and nothing is returned.

    Parameters
    ----------
    encoded : Encoded
    profiles : sequence of ColumnProfile
    keys : sequence of int
        Declared keys; those that were inferred need not be named.
    fixed : sequence of int
        Columns that must be equal, such as the source where several sources describe the same things.
    n_rows : int, optional
        Rows of the table that these are the candidates of; all rows without.
    """
    compared = compared_with(profiles, keys)
    if len(compared) < MIN_COLUMNS or encoded.n < 2:
        return _nothing()
    codes = np.column_stack([_meaning(encoded.columns[position], profiles[position]) for position in compared])
    pairs, is_exact = _candidates(codes, [compared.index(one) for one in fixed if one in compared])
    pairs = _hardly_differing(codes, pairs)
    differing = codes[pairs[:, 0]] != codes[pairs[:, 1]]
    unlike = np.zeros_like(differing)
    for place, position in enumerate(compared):
        where = np.flatnonzero(differing[:, place])
        unlike[where, place] = ~_alike(encoded.columns[position], profiles[position], pairs[where])
    n_unlike = unlike.sum(axis=1)
    by_one = unlike[n_unlike == 1].sum(axis=0)
    chance = np.zeros(len(compared))
    for one in np.flatnonzero(by_one):
        position = compared[one]
        chance[one] = _by_chance(encoded.columns[position], profiles[position], codes[:, one])
    is_near = _are_near(by_one * chance / np.maximum(1 - chance, 0.01), differing, n_unlike == 0)
    is_near &= ~_are_equal(encoded, pairs)
    found = _first_of_each(encoded, compared, pairs[is_near], differing[is_near], is_exact)
    return found if len(found.rows) <= MAX_SHARE * (n_rows or encoded.n) else _nothing(is_exact)


def _are_near(expected: npt.NDArray[np.float64], differing: Mask, is_alike: Mask) -> Mask:
    """Return which pairs are near repeats and no coincidence; none where chance explains many of them.

    A column in which rows would be equal by chance far more often than they are is one that tells rows apart on
    purpose, such as who reported a thing: there a near repeat must be equal.
    """
    is_deliberate = expected > DELIBERATE * is_alike.sum()
    is_near = is_alike & ~differing[:, is_deliberate].any(axis=1)
    explained = float(expected[~is_deliberate].sum())
    return is_near if explained <= MAX_EXPECTED * is_near.sum() else np.zeros_like(is_near)


def _are_equal(encoded: Encoded, pairs: Pairs) -> Mask:
    """Return which pairs of rows are the same in every column, and so no near repeats."""
    differs = np.zeros(len(pairs), dtype=bool)
    for column in encoded.columns:
        differs |= column.codes[pairs[:, 0]] != column.codes[pairs[:, 1]]
    return ~differs


def compared_with(profiles: Sequence[ColumnProfile], keys: Sequence[int]) -> list[int]:
    """Return the positions of the columns that say what a row is about: all but keys and those with one value."""
    return [one.position for one in profiles if not one.is_key and one.position not in keys and one.n_distinct > 1]


def _hardly_differing(codes: Codes, pairs: Pairs) -> Pairs:
    """Return the pairs that differ in few columns."""
    chunks = [pairs[start : start + CHUNK] for start in range(0, len(pairs), CHUNK)]
    kept = [part[(codes[part[:, 0]] != codes[part[:, 1]]).sum(axis=1) <= MAX_DIFFERING] for part in chunks]
    return np.concatenate([pairs[:0], *kept])


def _nothing(is_exact: bool = True) -> NearRepeats:
    empty = np.zeros(0, dtype=np.intp)
    return NearRepeats(empty, empty, (), is_exact)


def _first_of_each(
    encoded: Encoded, compared: Sequence[int], pairs: Pairs, differing: Mask, is_exact: bool
) -> NearRepeats:
    """Return each later row once, with the earliest row that it repeats."""
    order = np.lexsort((pairs[:, 0], differing.sum(axis=1), pairs[:, 1]))
    rows, places = np.unique(pairs[order, 1], return_index=True)
    chosen = order[places]
    names = [encoded.columns[position].name for position in compared]
    differs = tuple(tuple(names[place] for place in np.flatnonzero(differing[one])) for one in chosen)
    return NearRepeats(rows.astype(np.intp), pairs[chosen, 0].astype(np.intp), differs, is_exact)


def _meaning(column: CodedColumn, profile: ColumnProfile) -> Codes:
    """Return each row's value without regard to its writing, -1 where the cell is empty."""
    if profile.is_numeric or profile.is_moment:
        quantities = numbers_of(column) if profile.is_numeric else days_of(column.values)
        keys = [normalised(v) if q != q else q for v, q in zip(column.values, quantities, strict=True)]
    else:
        keys = [normalised(value) for value in column.values]
    return first_with(keys)[column.codes]


def _candidates(codes: Codes, fixed: Sequence[int]) -> tuple[Pairs, bool]:
    """Return pairs of rows that agree on a part of the columns, and whether no group of rows was too large."""
    found: list[Pairs] = []
    is_exact, n_left = True, MAX_PAIRS
    for chosen in _parts([_entropy(codes[:, place]) for place in range(codes.shape[1])], fixed):
        blocks = _blocks(codes[:, chosen])
        for size in np.unique(np.diff(blocks[1])):
            starts = blocks[1][:-1][np.diff(blocks[1]) == size]
            n_pairs = len(starts) * size * (size - 1) // 2
            if size > MAX_BLOCK or n_pairs > n_left:
                is_exact = False
                continue
            n_left -= n_pairs
            first, second = np.triu_indices(size, k=1)
            members = blocks[0][starts[:, None] + np.arange(size)]
            found.append(np.column_stack([members[:, first].ravel(), members[:, second].ravel()]))
    if not found:
        return np.zeros((0, 2), dtype=np.int64), is_exact
    n = len(codes)
    keys = np.unique(np.concatenate([np.sort(part, axis=1) @ np.array([n, 1]) for part in found]))
    return np.column_stack([keys // n, keys % n]), is_exact


def parts_of(sample: Encoded, compared: Sequence[int], fixed: Sequence[int]) -> list[list[int]]:
    """Return the positions of the columns in each part on which a pair of rows may agree."""
    if len(compared) < MIN_COLUMNS:
        return []
    entropies = [_entropy(sample.filled[position]) for position in compared]
    places = _parts(entropies, [compared.index(one) for one in fixed if one in compared])
    return [[compared[place] for place in part] for part in places]


def _parts(entropies: Sequence[float], fixed: Sequence[int]) -> list[list[int]]:
    """Return three parts of the columns that say about as much; those that must be equal are in each."""
    free = [int(place) for place in np.argsort(entropies)[::-1] if place not in fixed]
    return [[*free[part :: MAX_DIFFERING + 1], *fixed] for part in range(MAX_DIFFERING + 1)]


def _blocks(codes: Codes) -> tuple[Pairs, Pairs]:
    """Return rows ordered by what they hold, and where in that order each group of two rows or more begins."""
    keys = np.zeros(len(codes), dtype=np.int64)
    for place in range(codes.shape[1]):
        _, keys = np.unique(keys * (int(codes[:, place].max(initial=0)) + 2) + codes[:, place] + 1, return_inverse=True)
    several = np.flatnonzero((np.bincount(keys) >= 2)[keys])
    order = several[np.argsort(keys[several], kind="stable")]
    starts = np.flatnonzero(np.append(True, keys[order][1:] != keys[order][:-1])) if len(order) else np.zeros(0, int)
    return order.astype(np.int64), np.append(starts, len(order)).astype(np.int64)


def _entropy(codes: npt.NDArray[np.int32]) -> float:
    shares = np.unique(codes, return_counts=True)[1] / len(codes)
    return float(-(shares * np.log2(shares)).sum())


def _alike(column: CodedColumn, profile: ColumnProfile, pairs: Pairs) -> Mask:
    """Return which pairs of rows hold cells that may be the same one, entered differently."""
    first, second = column.codes[pairs[:, 0]], column.codes[pairs[:, 1]]
    is_gap = (first == MISSING) | (second == MISSING)
    distinct, place = np.unique(np.column_stack([first, second]), axis=0, return_inverse=True)
    told = np.array(
        [i != MISSING and j != MISSING and _are_alike(column, profile, int(i), int(j)) for i, j in distinct]
    )
    return np.asarray(is_gap | told[place.ravel()] if len(pairs) else is_gap)


def _are_alike(column: CodedColumn, profile: ColumnProfile, i: int, j: int) -> bool:
    from rapidfuzz.fuzz import ratio

    left, right = column.values[i], column.values[j]
    if profile.is_moment:
        return bool(abs(np.diff(days_of([left, right]))[0]) <= NEAR_DAYS)
    if profile.is_numeric or left.isdigit() or right.isdigit():
        return False
    one, other = str(normalised(left)), str(normalised(right))
    if NO_DIGIT.sub("", one) != NO_DIGIT.sub("", other):
        return False
    return one.startswith(other) or other.startswith(one) or ratio(one, other) >= LIKE_TEXT


def _by_chance(column: CodedColumn, profile: ColumnProfile, meaning: npt.NDArray[np.int32]) -> float:
    """Return the share of pairs of rows drawn at random that are the same or alike in a column."""
    rng = np.random.default_rng(SEED)
    pairs = rng.integers(0, len(meaning), (DRAWN_PAIRS, 2))
    pairs = pairs[pairs[:, 0] != pairs[:, 1]]
    same = meaning[pairs[:, 0]] == meaning[pairs[:, 1]]
    same[~same] = _alike(column, profile, pairs[~same])
    return float(same.mean())
