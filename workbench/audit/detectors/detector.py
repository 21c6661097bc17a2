"""Detectors: one shape for what votes on cells. A file of this folder that holds one is all that a detector needs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pkgutil import iter_modules

import pandas as pd

from workbench.audit.detectors.votes import Votes
from workbench.audit.kinds import CellKind, Concerns
from workbench.audit.table.inferred import Known
from workbench.audit.table.rules import Rule


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
        Detectors vote in this order, by file where it is the same. Of two votes as strong the first is told, and what
        takes votes back or asks what is flagged comes after those that it means.
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
