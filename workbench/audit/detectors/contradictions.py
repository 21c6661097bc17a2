"""Cells that contradict what another column determines, and which of the two cells is the wrong one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from workbench.audit.cells import quoted
from workbench.audit.detectors.detector import Detector, Votes
from workbench.audit.detectors.gaps import MISSING_VALUE
from workbench.audit.detectors.outliers import OUTLIER
from workbench.audit.detectors.typos import TYPO
from workbench.audit.findings import CellKind, Concerns, Effort, Remedy, Severity
from workbench.audit.known.slips import edited_signs, nearest
from workbench.audit.table.dependencies import Dependency, Groups, combined, grouped
from workbench.audit.table.encoded import Encoded
from workbench.audit.table.inferred import Known
from workbench.audit.table.rules import MIN_GROUP, MIN_MAJORITY, STRAY_SHARE, Rule, RuleKind
from workbench.records.tables import MISSING, CodedColumn

SURE_STRENGTH = 0.95  # of a dependency: one that holds in fewer rows has exceptions that nobody flagged
LARGE_GROUP = 6  # rows that agree so many to one say more than three do
MAX_BREAKING = 0.15  # of a group: where more rows differ, the determinant settles nothing there
FEW_ROWS = 2  # that break it in a group of any size
OF_SURE, OF_LARGE, OF_SMALL = 0.7, 0.55, 0.45  # by trial; the last needs a second dependency or detector to be flagged
OF_DETERMINANT, OF_GAP = 0.75, 0.6
MOSTLY_EMPTY = 0.5  # a column with more gaps may be empty, whatever its group has
MOST_AGREE = 0.9  # of a group, for an empty cell to lack what the others have
EXCUSED = frozenset({TYPO, OUTLIER})
STILL_SAID = 0.6  # of such votes, where a dependency confirms the value
MAX_RULES = 12  # published: the strongest say most of it, and each is a query over all rows
MIN_PUBLISHED = 0.95  # of a dependency: a rule that people hold records against must not break on many right ones
KNOWN_ROWS = 10  # that hold a value: it is then one of its own
HARDLY_USUAL = 0.2  # of a value's rows: groups hardly ever agree on it, so it stands for exceptions
MIN_EQUAL = 0.85  # of the rows: two columns that say the same so often are there to be compared

Mask = npt.NDArray[np.bool_]

DEPENDENCY = CellKind(
    "dependency",
    "values that contradict what another column determines",
    Severity.HIGH,
    "one of the two fields is wrong, and the agent does not know which",
    Remedy(
        "take the value from the master data, and correct the records that differ",
        Effort.DAYS,
        "every value of the determining column has one value in the other",
    ),
    Concerns.FIELDS,
)


@dataclass(frozen=True, slots=True)
class _Held:
    """One dependency held against every row: `breaks` and `agrees` are rows."""

    dependency: Dependency
    groups: Groups
    breaks: Mask
    agrees: Mask

    @property
    def determinant(self) -> tuple[int, ...]:
        """Positions of the determinant's columns."""
        return self.dependency.positions[:-1]

    @property
    def dependent(self) -> int:
        """Position of the dependent column."""
        return self.dependency.positions[-1]


def vote_on_dependencies(known: Known, votes: Votes) -> None:
    """Vote on the cells that break dependencies.

    A determinant that breaks most of its dependencies in a row is itself wrong; otherwise the dependent is, unless
    other determinants confirm its value. What several determinants confirm is hardly a slip. An empty dependent whose
    group agrees on a value is missing. Values that stand for exceptions break nothing.
    """
    encoded, dependencies = known.encoded, known.dependencies
    compared = _compared_columns(encoded, dependencies)
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
        votes.excuse(b, np.flatnonzero((support[b] >= 1) & (against[b] == 0)), STILL_SAID, EXCUSED)
    for a, rows in guilty.items():
        doubted_rows = np.flatnonzero(rows & (support[a] <= against[a]))
        reason = f"most columns that follow from {encoded.columns[a].name} disagree with it"
        votes.cells(a, doubted_rows, OF_DETERMINANT, DEPENDENCY, reason)


def _tallies(n: int) -> dict[int, npt.NDArray[np.int32]]:
    return defaultdict(lambda: np.zeros(n, dtype=np.int32))


def _any_guilty(one: _Held, guilty: dict[int, Mask]) -> Mask:
    """Return in which rows one of the determinant's cells is held to be wrong."""
    rows = np.zeros(len(one.breaks), dtype=bool)
    for a in one.determinant:
        if a in guilty:
            rows |= guilty[a]
    return rows


def _hold(encoded: Encoded, dependency: Dependency, is_compared: bool) -> _Held:
    *left, right = (encoded.filled[position] for position in dependency.positions)
    groups = grouped(combined(left), right)
    is_settled = (groups.size - groups.n_top <= FEW_ROWS) | (groups.size - groups.n_top <= MAX_BREAKING * groups.size)
    is_clear = (groups.size >= MIN_GROUP) & (groups.n_top >= MIN_MAJORITY * groups.size) & is_settled
    is_stray = (groups.n <= FEW_ROWS) | (groups.n <= STRAY_SHARE * groups.size)
    breaking = is_clear & (groups.right != groups.top) & is_stray
    breaking &= ~_exceptions(encoded.columns[dependency.positions[-1]], groups, is_clear, is_compared)
    agreeing = is_clear & (groups.right == groups.top)
    return _Held(dependency, groups, _per_row(groups, breaking), _per_row(groups, agreeing))


def _per_row(groups: Groups, of_pair: Mask) -> Mask:
    return np.append(of_pair, False)[groups.pair_of]


def _vote(encoded: Encoded, one: _Held, rows: Mask, votes: Votes) -> None:
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
        reason = f"{n_top:,} of {size:,} rows with {_given(encoded, one, row)} have {quoted(usual)}"
        strength = OF_SURE if is_sure else OF_LARGE if size >= LARGE_GROUP else OF_SMALL
        votes.cells(b.position, chosen[part], strength, DEPENDENCY, reason)


def _given(encoded: Encoded, one: _Held, row: int) -> str:
    """Return what the determinant says in a row, in words."""
    columns = [encoded.columns[position] for position in one.determinant]
    return " and ".join(f"{column.name} = {quoted(column.values[int(column.codes[row])])}" for column in columns)


def _vote_on_gaps(encoded: Encoded, one: _Held, votes: Votes) -> None:
    """Vote on empty dependents whose group agrees on one value, whatever is flagged in it left out."""
    b = encoded.columns[one.dependent]
    left = combined([encoded.filled[position] for position in one.determinant])
    is_empty = (b.codes == MISSING) & (left >= 0)
    if not is_empty.any() or is_empty.sum() > MOSTLY_EMPTY * encoded.n:
        return
    groups = grouped(left, np.where(votes.wrong(b.position), MISSING, encoded.filled[b.position]).astype(np.int32))
    known = np.zeros(int(left.max(initial=0)) + 1, dtype=bool)
    known[groups.left[(groups.size >= MIN_GROUP) & (groups.n_top >= MOST_AGREE * groups.size)]] = True
    rows = np.flatnonzero(is_empty)
    rows = rows[known[left[rows]]]
    reason = f"empty, but other rows with the same {one.dependency.determinant} agree on a value"
    votes.cells(b.position, rows, OF_GAP, MISSING_VALUE, reason)


def _compared_columns(encoded: Encoded, dependencies: tuple[Dependency, ...]) -> frozenset[int]:
    """Return the columns that say the same as another one in most rows, such as a price agreed and a price charged.

    Two such columns come from different papers and are there to be compared: where they differ the case is unusual,
    and neither cell need be wrong.
    """
    pairs = {one.positions for one in dependencies if len(one.positions) == 2}
    return frozenset(b for a, b in pairs if _equal_share(encoded.columns[a], encoded.columns[b]) >= MIN_EQUAL)


def _equal_share(first: CodedColumn, second: CodedColumn) -> float:
    """Return the share of the rows with both cells filled in which they hold the same text."""
    place = {value: code for code, value in enumerate(second.values)}
    same = np.array([place.get(value, -2) for value in first.values] + [-2], dtype=np.int64)
    filled = (first.codes >= 0) & (second.codes >= 0)
    return float((same[first.codes[filled]] == second.codes[filled]).mean()) if filled.any() else 0.0


def _exceptions(column: CodedColumn, groups: Groups, is_clear: Mask, is_compared: bool) -> Mask:
    """Return which pairs of a dependency hold an exception rather than an error.

    A value that ten rows or more hold is a value of its own. Where groups hardly ever agree on it, it stands for
    exceptions (a credit note among invoices); where the column is meant to be compared with another, it is a deviation
    between the two. A slip away from what its group agrees on, it is an error all the same.

    Parameters
    ----------
    column : CodedColumn
        The dependent.
    groups : Groups
    is_clear : array of shape (n_pairs,)
        Pairs whose group agrees on a value.
    is_compared : bool
    """
    agreeing = is_clear & (groups.right == groups.top)
    n_values = len(column.values) + 1
    usual = np.bincount(groups.right[agreeing], weights=groups.n[agreeing], minlength=n_values)
    total = np.bincount(groups.right, weights=groups.n, minlength=n_values)
    is_known = (total >= KNOWN_ROWS) & (is_compared | (usual < HARDLY_USUAL * total))
    found: Mask = is_clear & (groups.right != groups.top) & is_known[groups.right]
    for pair in np.flatnonzero(found):
        found[pair] = not _is_slip(column.values[int(groups.right[pair])], column.values[int(groups.top[pair])])
    return found


def _is_slip(text: str, usual: str) -> bool:
    """Whether a text is a keystroke or two away from another, other than by a digit."""
    return bool(nearest([text], [usual])) and not all(sign.isdigit() for sign in "".join(edited_signs(text, usual)))


def dependency_rules(known: Known) -> Iterator[Rule]:
    """Yield the strongest dependency of each dependent, those declared first."""
    agreed = set(known.declared.dependencies) if known.declared else set()
    chosen: dict[int, Dependency] = {}
    for one in sorted(known.dependencies, key=lambda one: (one.positions not in agreed, -one.strength)):
        if one.positions in agreed or one.strength >= MIN_PUBLISHED:
            chosen.setdefault(one.positions[-1], one)
    for one in list(chosen.values())[:MAX_RULES]:
        names = tuple(known.profiles[position].name for position in one.positions)
        reason = f"other rows with the same {one.determinant} agree on another value"
        is_declared = one.positions in agreed
        yield Rule(RuleKind.DEPENDENCY, one.positions, names, DEPENDENCY, reason, is_declared=is_declared)


OF_DEPENDENCIES = Detector("dependencies", 120, vote_on_dependencies, (DEPENDENCY,), rules=dependency_rules)
