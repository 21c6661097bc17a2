"""Cells that break a relation between columns, and which of its cells is the wrong one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from workbench.audit.cells import CellKind
from workbench.audit.detectors.votes import Votes
from workbench.audit.table.encoded import Encoded
from workbench.audit.table.quantities import Numbers
from workbench.audit.table.relations import Relation, RelationKind, residual

RESULT_FIRST = 0.75
NEARLY_ALL = 0.998


def vote_on_relations(
    encoded: Encoded, relations: tuple[Relation, ...], cells: Mapping[int, Numbers], votes: Votes
) -> None:
    """Vote on the cell that, corrected alone, would make all broken relations of its row hold.

    A row in which one of the cells is flagged for what it is needs no other explanation.
    """
    wrong = {position: votes.wrong(position) for relation in relations for position in relation.positions}
    for relation in relations:
        explained = np.any([wrong[position] for position in relation.positions], axis=0)
        if relation.kind is RelationKind.ORDER:
            _vote_on_order(encoded, relation, cells, explained, votes)
            continue
        a, b, c = (cells[position] for position in relation.positions)
        broken = np.flatnonzero((np.nan_to_num(residual(relation.kind, a, b, c)) > 1) & ~explained)
        blamed: dict[int, list[int]] = {}
        for row in broken:
            for position in _blamed(relation, relations, cells, int(row)):
                blamed.setdefault(position, []).append(int(row))
        text = _text(encoded, relation)
        for position, rows in blamed.items():
            votes.cells(
                position, np.array(rows), 0.7, CellKind.CROSS_FIELD, f"{text} holds in {relation.holds:.1%} of rows"
            )


def _text(encoded: Encoded, relation: Relation) -> str:
    names = dict(zip("abc", (encoded.columns[position].name for position in relation.positions), strict=False))
    return "".join(names.get(sign, sign) for sign in relation.kind.value)


def _blamed(
    relation: Relation, relations: tuple[Relation, ...], cells: Mapping[int, Numbers], row: int
) -> tuple[int, ...]:
    """Return the columns whose cell is most likely wrong in a row that breaks a relation."""
    broken, kept = Counter[int](), Counter[int]()
    for other in relations:
        if other.kind is RelationKind.ORDER:
            continue
        values = [cells[position][row : row + 1] for position in other.positions]
        gap = float(residual(other.kind, values[0], values[1], values[2])[0])
        if not np.isnan(gap):
            (broken if gap > 1 else kept).update(other.positions)
    suspects = {position: broken[position] - 2 * kept[position] for position in relation.positions}
    most = max(suspects.values())
    left = [position for position, score in suspects.items() if score == most]
    if len(left) == 1:
        return (left[0],)
    scores = {position: _plausibility(relation, cells, position, row) for position in left}
    best = max(scores.values())
    chosen = [position for position in left if scores[position] == best]
    return (chosen[-1],)


def _plausibility(relation: Relation, cells: Mapping[int, Numbers], position: int, row: int) -> float:
    """Return how well the value that would make the relation hold fits its column: decimals, range, near the old."""
    a, b, c = (float(cells[p][row]) for p in relation.positions)
    place = relation.positions.index(position)
    if relation.kind is RelationKind.PRODUCT:
        needed = a * b if place == 2 else c / (b if place == 0 else a) if (b if place == 0 else a) else float("nan")
    else:
        needed = a + b if place == 2 else c - (b if place == 0 else a)
    column = cells[position]
    known = column[~np.isnan(column)]
    if np.isnan(needed):
        return -1.0
    decimals = _decimals(known)
    tolerance = 0.51 * 10.0**-decimals * (0.02 if place != 2 else 1.0)
    fits_grid = (place == 2 or not _is_round(c, a * b)) and abs(needed - round(needed, decimals)) <= max(
        tolerance, 1e-9 * abs(needed)
    )
    low, high = np.quantile(known, [0.005, 0.995])
    old = float(column[row])
    rank_old, rank_new = _depth(known, old), _depth(known, needed)
    score = 2.0 * fits_grid + 1.0 * (low <= needed <= high) + 0.5 * (rank_new > rank_old) + _slip(old, needed)
    return float(score) + RESULT_FIRST * (place == 2)


def _decimals(known: Numbers) -> int:
    for decimals in range(3):
        if float((np.abs(known - np.round(known, decimals)) < 1e-9).mean()) > 0.95:
            return decimals
    return 3


def _depth(known: Numbers, value: float) -> float:
    below = float((known <= value).mean())
    return min(below, 1 - below)


def _is_round(told: float, made: float) -> bool:
    """Whether a result is wrong by a factor with one decimal, which fits whatever factor one would correct."""
    tenths = 10 * told / made if made else float("nan")
    return abs(tenths - round(tenths)) < 0.01 if np.isfinite(tenths) else False


def _slip(old: float, needed: float) -> float:
    """Return 1 where the old value is a usual slip of the needed one: sign, factor of ten, digits swapped."""
    if needed == 0 or old == 0:
        return 0.0
    ratio = abs(old / needed)
    power = np.log10(ratio)
    return 1.0 if abs(power - round(power)) < 1e-6 else 0.0


def _vote_on_order(
    encoded: Encoded,
    relation: Relation,
    cells: Mapping[int, Numbers],
    explained: npt.NDArray[np.bool_],
    votes: Votes,
) -> None:
    first, second = relation.positions
    gap = cells[second] - cells[first]
    broken: npt.NDArray[np.intp] = np.flatnonzero((np.nan_to_num(gap) < 0) & ~explained)
    a, b = encoded.columns[first].name, encoded.columns[second].name
    is_first = _is_extreme(cells[first])[broken] & ~_is_extreme(cells[second])[broken]
    holds = f"{b} is not before {a} in {relation.holds:.1%} of rows"
    votes.cells(second, broken[~is_first], 0.7, CellKind.DATE_ORDER, f"before {a}; {holds}")
    votes.cells(
        first, broken[is_first], 0.7, CellKind.DATE_ORDER, f"after {b}, and later than nearly all others; {holds}"
    )


def _is_extreme(cells: Numbers) -> npt.NDArray[np.bool_]:
    """Return which cells are higher than nearly all others of their column."""
    return np.nan_to_num(cells, nan=-np.inf) > np.nanquantile(cells, NEARLY_ALL)
