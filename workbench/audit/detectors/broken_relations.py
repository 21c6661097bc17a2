"""Cells that break a relation between columns, and which of its cells is the wrong one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

import numpy as np
import numpy.typing as npt

from workbench.audit.detectors.detector import Detector, Votes
from workbench.audit.findings import CellKind, Concerns, Effort, Remedy, Severity, until_gone
from workbench.audit.table.encoded import Encoded
from workbench.audit.table.inferred import Known
from workbench.audit.table.relations import Numbers, Relation, RelationKind, residual
from workbench.audit.table.rules import Rule, RuleKind

STRENGTH = 0.7
KEPT = 2  # a relation that the cell keeps says as much for it as two broken ones say against it
FITS_GRID, IN_RANGE, IS_DEEPER, IS_SLIP = 2.0, 1.0, 0.5, 1.0  # by trial: what speaks for the value that is needed
RESULT_FIRST = 0.75  # by trial: a total is typed, or computed wrongly, more often than what it is made of
ROUNDING = 0.51  # of the last decimal: a needed value that lies nearer to a number with such decimals is one
OF_FACTORS = 0.02  # of that, for a or b: nearly any total divides into something near a price
USUAL = (0.005, 0.995)  # quantiles that the needed value lies between
TENTH = 0.01  # a result that is a factor with one decimal away from the right one
NEARLY_ALL_ROUND = 0.95  # of a column: written with so many decimals, but for a few slips
NEARLY_ALL = 0.998  # of a column are lower than a date that is itself too late
_LAYOUTS = {
    "YYYY-MM-DD": "%Y-%m-%d",
    "DD.MM.YYYY": "%d.%m.%Y",
    "YYYY/MM/DD": "%Y/%m/%d",
    "YYYY-MM-DD HH:MM": "%Y-%m-%d %H:%M:%S",
}
_KINDS = {RelationKind.PRODUCT: RuleKind.PRODUCT, RelationKind.SUM: RuleKind.SUM, RelationKind.ORDER: RuleKind.ORDER}

CROSS_FIELD = CellKind(
    "cross_field",
    "fields that contradict each other",
    Severity.HIGH,
    "the agent checks the rule and escalates, or decides on the wrong one of the fields",
    Remedy(
        "find which field is wrong at the source; check the rule on import",
        Effort.DAYS,
        "the rule holds on every record",
    ),
    Concerns.FIELDS,
)
DATE_ORDER = CellKind(
    "date_order",
    "dates in an order that cannot be",
    Severity.MEDIUM,
    "deadlines and terms are computed from a wrong date",
    until_gone("correct the date at the source; check the order on entry", Effort.DAYS, "impossible order"),
)


def vote_on_relations(known: Known, votes: Votes) -> None:
    """Vote on the cell that, corrected alone, would make all broken relations of its row hold.

    A row in which one of the cells is flagged for what it is needs no other explanation.
    """
    encoded, relations, cells = known.encoded, known.relations, known.numbers
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
        reason = f"{_text(relation, _names(known, relation))} holds in {relation.holds:.1%} of rows"
        for position, rows in blamed.items():
            votes.cells(position, np.array(rows), STRENGTH, CROSS_FIELD, reason)


def _names(known: Known, relation: Relation) -> tuple[str, ...]:
    return tuple(known.profiles[position].name for position in relation.positions)


def _text(relation: Relation, names: tuple[str, ...]) -> str:
    filled = dict(zip("abc", names, strict=False))
    return "".join(filled.get(sign, sign) for sign in relation.kind.value)


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
    suspects = {position: broken[position] - KEPT * kept[position] for position in relation.positions}
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
    tolerance = ROUNDING * 10.0**-decimals * (OF_FACTORS if place != 2 else 1.0)
    fits_grid = (place == 2 or not _is_round(c, a * b)) and abs(needed - round(needed, decimals)) <= max(
        tolerance, 1e-9 * abs(needed)
    )
    low, high = np.quantile(known, USUAL)
    old = float(column[row])
    rank_old, rank_new = _depth(known, old), _depth(known, needed)
    score = FITS_GRID * fits_grid + IN_RANGE * (low <= needed <= high) + IS_DEEPER * (rank_new > rank_old)
    return float(score + IS_SLIP * _is_slip(old, needed)) + RESULT_FIRST * (place == 2)


def _decimals(known: Numbers) -> int:
    for decimals in range(3):
        if float((np.abs(known - np.round(known, decimals)) < 1e-9).mean()) > NEARLY_ALL_ROUND:
            return decimals
    return 3


def _depth(known: Numbers, value: float) -> float:
    below = float((known <= value).mean())
    return min(below, 1 - below)


def _is_round(told: float, made: float) -> bool:
    """Whether a result is wrong by a factor with one decimal, which fits whatever factor one would correct."""
    tenths = 10 * told / made if made else float("nan")
    return abs(tenths - round(tenths)) < TENTH if np.isfinite(tenths) else False


def _is_slip(old: float, needed: float) -> bool:
    """Whether the old value is a usual slip of the needed one: another sign, or a factor of ten."""
    if needed == 0 or old == 0:
        return False
    power = np.log10(abs(old / needed))
    return bool(abs(power - round(power)) < 1e-6)


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
    votes.cells(second, broken[~is_first], STRENGTH, DATE_ORDER, f"before {a}; {holds}")
    later = f"after {b}, and later than nearly all others; {holds}"
    votes.cells(first, broken[is_first], STRENGTH, DATE_ORDER, later)


def _is_extreme(cells: Numbers) -> npt.NDArray[np.bool_]:
    """Return which cells are higher than nearly all others of their column."""
    return np.nan_to_num(cells, nan=-np.inf) > np.nanquantile(cells, NEARLY_ALL)


def relation_rules(known: Known) -> Iterator[Rule]:
    """Yield sums, products, and dates in order where both are written in one way that DuckDB reads."""
    agreed = known.declared.relations if known.declared is not None else ()
    for relation in known.relations:
        layout, names = None, _names(known, relation)
        if relation.kind is RelationKind.ORDER and known.profiles[relation.positions[0]].is_moment:
            formats = {known.profiles[position].dominant_format for position in relation.positions}
            layout = _LAYOUTS.get(formats.pop() or "") if len(formats) == 1 else None
            if layout is None:
                continue
        reason = f"{_text(relation, names)} does not hold; it does in {relation.holds:.1%} of rows"
        yield Rule(
            _KINDS[relation.kind],
            relation.positions,
            names,
            DATE_ORDER if layout else CROSS_FIELD,
            reason,
            layout=layout,
            is_declared=relation in agreed,
        )


OF_RELATIONS = Detector("relations", 150, vote_on_relations, (CROSS_FIELD, DATE_ORDER), rules=relation_rules)
