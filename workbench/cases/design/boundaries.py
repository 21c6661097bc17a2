"""Boundaries: the neighbouring values of a lever between which a decision changes, found by bisection."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from workbench.cases.design.levers import Levers, Move
from workbench.cases.policy import Fields, Ruling

Key = tuple[str, str | None]


@dataclass(frozen=True, slots=True)
class Boundary:
    """Where a decision changes on a lever of a base record.

    Parameters
    ----------
    base : int
        Place of the record among the bases.
    before, after : int
        Neighbouring ticks of the lever: no value that can be written lies between them.
    was, becomes : Ruling
        What is decided at `before` and at `after`.
    """

    base: int
    lever: str
    before: int
    after: int
    was: Ruling
    becomes: Ruling

    def moves(self) -> tuple[Move, Move]:
        """Return the moves to the last value before the change and to the first one after it."""
        return Move(self.base, self.lever, self.before), Move(self.base, self.lever, self.after)


@dataclass(frozen=True, slots=True)
class _Interval:
    """A part of a lever's range whose ends are decided differently."""

    base: int
    lever: str
    low: int
    high: int
    was: Ruling
    becomes: Ruling


def find_boundaries(
    levers: Levers, bases: Sequence[Fields], most: int, names: Sequence[Sequence[str]] | None = None
) -> list[Boundary]:
    """Return the boundaries that trying out levers shows, each narrowed to neighbouring values.

    Between two tried values that are decided alike none is looked for.

    Parameters
    ----------
    most : int
        How many boundaries of one lever with the same change of the decision are narrowed, those of earlier bases
        first; of a column where the policy offers levers of its own a third of that.
    names : sequence of sequences, optional
        For each base the levers to move; without it all that it has, second choices for every other base.
    """
    tried = _usual_names(levers, bases) if names is None else names
    todo = _first_of_each(levers, _intervals(levers, bases, tried), most)
    found = []
    while todo:
        narrow = [one for one in todo if one.high - one.low <= 1]
        found += [Boundary(o.base, o.lever, o.low, o.high, o.was, o.becomes) for o in narrow]
        todo = [one for one in todo if one.high - one.low > 1]
        middles = [Move(one.base, one.lever, (one.low + one.high) // 2) for one in todo]
        rulings = levers.rulings(bases, middles)
        todo = [
            part
            for one, middle, ruling in zip(todo, middles, rulings, strict=True)
            if ruling is not None
            for part in _halves(one, middle.ticks, ruling)
        ]
    return sorted(found, key=lambda one: (one.base, one.lever, one.before))


def decided_by(ruling: Ruling) -> Key:
    """Return what makes two rulings differ: the action and the rule that decided."""
    return (ruling.action, ruling.rule)


def _usual_names(levers: Levers, bases: Sequence[Fields]) -> list[list[str]]:
    return [
        [name for name in levers.names(base) if place % 2 == 0 or not levers.is_second_choice(name)]
        for place, base in enumerate(bases)
    ]


def _first_of_each(levers: Levers, intervals: Sequence[_Interval], most: int) -> list[_Interval]:
    """Return the first intervals of each lever and change."""
    n_of: Counter[tuple[str, Key, Key]] = Counter()
    kept = []
    for one in intervals:
        kind = (one.lever, decided_by(one.was), decided_by(one.becomes))
        n_of[kind] += 1
        if n_of[kind] <= (-(-most // 3) if levers.is_second_choice(one.lever) else most):
            kept.append(one)
    return kept


def _intervals(levers: Levers, bases: Sequence[Fields], names: Sequence[Sequence[str]]) -> list[_Interval]:
    moves = [
        Move(place, lever, ticks)
        for place, base in enumerate(bases)
        for lever in names[place]
        for ticks in levers.grid(base, lever)
    ]
    decided = [(move, ruling) for move, ruling in zip(moves, levers.rulings(bases, moves), strict=True) if ruling]
    return [
        _Interval(one.base, one.lever, one.ticks, other.ticks, was, becomes)
        for (one, was), (other, becomes) in pairwise(decided)
        if (one.base, one.lever) == (other.base, other.lever) and decided_by(was) != decided_by(becomes)
    ]


def _halves(one: _Interval, middle: int, ruling: Ruling) -> list[_Interval]:
    """Return the halves of an interval whose ends are decided differently."""
    lower = replace(one, high=middle, becomes=ruling)
    upper = replace(one, low=middle, was=ruling)
    return [half for half in (lower, upper) if decided_by(half.was) != decided_by(half.becomes)]
