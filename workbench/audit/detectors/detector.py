"""Detectors: one shape for what votes on cells. A file of this folder that holds one is all that a detector needs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from pkgutil import iter_modules

import numpy as np
import numpy.typing as npt
import pandas as pd

from workbench.audit.cells import CELL_COLUMNS, no_cells
from workbench.audit.findings import CellKind, Concerns
from workbench.audit.table.encoded import Encoded
from workbench.audit.table.inferred import Known
from workbench.audit.table.rules import Rule
from workbench.records.tables import CodedColumn

FLAGGED_AT = 0.5


@dataclass(slots=True)
class _Ballot:
    """What was said about one column: the chance left that each cell is right, and the strongest vote."""

    right: npt.NDArray[np.float32]
    strongest: npt.NDArray[np.float32]
    said: npt.NDArray[np.int32]


@dataclass(slots=True)
class Votes:
    """The detectors' votes over the rows looked at.

    A vote of strength s leaves a cell the chance 1 - s of being right; the chances of different detectors multiply,
    and a cell is flagged when less than one half is left. Its kind and reason are those of the strongest vote.
    """

    n: int
    _ballots: dict[int, _Ballot] = field(default_factory=dict)
    _said: list[tuple[CellKind, str]] = field(default_factory=list)

    def cells(self, position: int, rows: npt.NDArray[np.intp], strength: float, kind: CellKind, reason: str) -> None:
        """Vote on the cells of a column in some of the rows looked at, for one reason."""
        if not len(rows):
            return
        ballot = self._ballot(position)
        self._said.append((kind, reason))
        ballot.right[rows] *= 1 - strength
        stronger = rows[ballot.strongest[rows] < strength]
        ballot.strongest[stronger] = strength
        ballot.said[stronger] = len(self._said) - 1

    def value(self, column: CodedColumn, code: int, strength: float, kind: CellKind, reason: str) -> None:
        """Vote on every cell of a column that holds one value."""
        self.cells(column.position, np.flatnonzero(column.codes == code), strength, kind, reason)

    def values(self, column: CodedColumn, strengths: dict[int, tuple[float, str]], kind: CellKind) -> None:
        """Vote on every cell that holds one of the values; each value has its strength and reason."""
        if not strengths:
            return
        order = np.argsort(column.codes, kind="stable")
        bounds = np.searchsorted(column.codes[order], [list(strengths), [code + 1 for code in strengths]])
        for first, last, (strength, reason) in zip(bounds[0], bounds[1], strengths.values(), strict=True):
            self.cells(column.position, order[first:last], strength, kind, reason)

    def excuse(self, position: int, rows: npt.NDArray[np.intp], factor: float, kinds: frozenset[CellKind]) -> None:
        """Take back part of what was said about cells for certain kinds of reasons: they become less likely wrong."""
        if position not in self._ballots or not len(rows):
            return
        ballot = self._ballots[position]
        meant = np.array([kind in kinds for kind, _ in self._said] + [False], dtype=bool)
        chosen = rows[meant[ballot.said[rows]]]
        ballot.right[chosen] = 1 - (1 - ballot.right[chosen]) * factor

    def wrong(self, position: int) -> npt.NDArray[np.bool_]:
        """Return which of the rows looked at hold a flagged cell in a column."""
        if position not in self._ballots:
            return np.zeros(self.n, dtype=bool)
        return self._ballots[position].right < FLAGGED_AT + 1e-6

    def values_by_kind(self, column: CodedColumn) -> dict[CellKind, tuple[str, ...]]:
        """Return the flagged values of a column that holds each value in one row, by what is wrong with them."""
        if column.position not in self._ballots:
            return {}
        kinds: dict[CellKind, list[str]] = {}
        ballot = self._ballots[column.position]
        for row in np.flatnonzero(self.wrong(column.position)):
            kinds.setdefault(self._said[ballot.said[row]][0], []).append(column.values[row])
        return {kind: tuple(values) for kind, values in kinds.items()}

    def flagged(self, encoded: Encoded) -> pd.DataFrame:
        """Return the flagged cells, by row and column."""
        parts = []
        for position, ballot in sorted(self._ballots.items()):
            rows = np.flatnonzero(self.wrong(position))
            said = [self._said[number] for number in ballot.said[rows]]
            parts.append(
                pd.DataFrame(
                    {
                        "row": encoded.rows[rows],
                        "column": encoded.columns[position].name,
                        "kind": [kind.id for kind, _ in said],
                        "reason": [reason for _, reason in said],
                        "position": position,
                    }
                )
            )
        if not parts:
            return no_cells()
        table = pd.concat(parts, ignore_index=True).sort_values(["row", "position"], kind="stable", ignore_index=True)
        return table[list(CELL_COLUMNS)]

    def _ballot(self, position: int) -> _Ballot:
        if position not in self._ballots:
            self._ballots[position] = _Ballot(
                np.ones(self.n, dtype=np.float32),
                np.zeros(self.n, dtype=np.float32),
                np.full(self.n, -1, dtype=np.int32),
            )
        return self._ballots[position]


@dataclass(frozen=True, slots=True)
class Sought:
    """What was found in a table too large to vote on: flagged cells, and whether every row was compared."""

    cells: pd.DataFrame
    is_exact: bool = True


@dataclass(frozen=True, slots=True)
class Detector:
    """One way to tell that a cell is wrong.

    Parameters
    ----------
    check : str
        The check that it is part of, as the report lists what was checked.
    turn : int
        Detectors vote in this order, by file where it is the same; those that look at values alone have less than 100.
        Of two votes as strong the first is told, and what takes votes back or asks what is flagged comes after those
        that it means.
    vote : callable
        Votes on cells, from what is known of the table.
    kinds : tuple of CellKind
        The kinds that it brings; those of another file may be voted for as well.
    is_by_value : bool
        Whether a column's distinct values and their counts are all it looks at (`Known.each`). It then judges columns
        of few values in tables of any size; every other detector needs rows, and votes up to 250,000 of them.
    rules : callable, optional
        Says the same as rules, which are published, and held against every row of a larger table.
    seek : callable, optional
        Finds cells with SQL in a table too large to vote on.
    """

    check: str
    turn: int
    vote: Callable[[Known, Votes], None]
    kinds: tuple[CellKind, ...] = ()
    is_by_value: bool = False
    rules: Callable[[Known], Iterable[Rule]] | None = None
    seek: Callable[[Known], Sought] | None = None


@cache
def all_detectors() -> tuple[Detector, ...]:
    """Return every detector of this folder, in the order in which they vote."""
    return tuple(sorted(_found(), key=lambda one: one.turn))


@cache
def all_kinds() -> Mapping[str, CellKind]:
    """Return what may be wrong with a cell, by the kind's id."""
    return {kind.id: kind for one in all_detectors() for kind in one.kinds}


def kinds_about(concerns: Concerns) -> frozenset[str]:
    """Return the ids of the kinds that say something about a cell, its record or other."""
    return frozenset(kind.id for kind in all_kinds().values() if kind.concerns is concerns)


def _found() -> Iterator[Detector]:
    """Yield the detectors of each file, by the files' names."""
    package = __name__.rpartition(".")[0]
    for found in sorted(iter_modules(import_module(package).__path__), key=lambda one: one.name):
        module = import_module(f"{package}.{found.name}")
        yield from (one for one in vars(module).values() if isinstance(one, Detector))
