"""Levers: what moves a number in a record, so that a limit is approached to the smallest step that can be written."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from workbench.cases.design.writing import CellStyle, MovedKind, style_of
from workbench.cases.policy import Decider, Fields, LeverRange, PolicyProcess, Ruling
from workbench.pilot import ColumnType, Contract, Role

QUANTILES = (0.0, 0.2, 0.5, 0.8, 1.0)
FACTORS = (0.0, 0.5, 0.8, 0.95, 0.99, 1.01, 1.05, 1.2, 1.5, 2.0, 5.0)
DAYS = (1, 10, 40, 365)
POINTS = 24
NUMERIC = {ColumnType.INTEGER, ColumnType.NUMBER}
UNMOVED = {Role.ID, Role.ENTITY, Role.SOURCE, Role.TEXT}
SAMPLE = 400


@dataclass(frozen=True, slots=True)
class Move:
    """A record - its place among the bases - with a lever at so many ticks."""

    base: int
    lever: str
    ticks: int


class Levers:
    """The levers of a pilot: one for each column that holds numbers or dates, and those that its policy offers.

    Parameters
    ----------
    contract : Contract
    records : sequence of mapping
        Development records, from which is found how the cells of each source are written.
    decider : Decider
        Decides moved records; where it is a `PolicyProcess`, the levers in the policy's file are used too.
    held : collection of str
        Columns that are never moved alone, as what they say is not the record's own: the rate of its currency.
    """

    def __init__(
        self, contract: Contract, records: Sequence[Fields], decider: Decider, held: Collection[str] = ()
    ) -> None:
        self._decider = decider
        self._source = contract.column_with(Role.SOURCE)
        self._styles: dict[tuple[Any, str], CellStyle] = {}
        self._seen: dict[tuple[Any, str], list[int]] = {}
        self._find_styles([name for name in _movable(contract) if name not in held], records)
        self._offered: Mapping[str, LeverRange] = decider.levers if isinstance(decider, PolicyProcess) else {}

    def names(self, record: Fields) -> list[str]:
        """Return the levers of a record: the policy's first, then its columns."""
        source = self._source_of(record)
        columns = [name for (of, name), style in self._styles.items() if of == source]
        return [*self._offered, *(f"column {name}" for name in columns if self._ticks(record, name) is not None)]

    def is_second_choice(self, lever: str) -> bool:
        """Return whether a lever moves one column alone while the policy offers levers that move what follows too."""
        return bool(self._offered) and lever not in self._offered

    def rounded(self, record: Fields) -> list[Fields]:
        """Return a record with one number of it rounded to its first digit, once for each column of numbers."""
        made: list[Fields] = []
        for source, name in self._styles:
            style, own = self._style(record, name), self._ticks(record, name)
            if source == self._source_of(record) and style is not None and own and style.kind is MovedKind.NUMBER:
                ticks = round(own, 1 - len(str(abs(own))))
                if ticks not in {0, own}:
                    made.append({**record, name: style.cell(ticks, record[name])})
        return made

    def grid(self, record: Fields, lever: str) -> list[int]:
        """Return the ticks at which a lever is tried first, rising."""
        if lever in self._offered:
            return _offered_grid(self._offered[lever])
        name = lever.removeprefix("column ")
        style, own = self._style(record, name), self._ticks(record, name)
        assert style is not None
        assert own is not None
        if style.date:
            return sorted({own, *(own + sign * days for days in DAYS for sign in (-1, 1))})
        key = (self._source_of(record), name)
        finer = 10 ** (self._styles[key].decimals - style.decimals)
        seen = [ticks // finer for ticks in self._seen[key]]
        spread = {seen[round(share * (len(seen) - 1))] for share in QUANTILES}
        near = {round(own * factor) for factor in FACTORS} | {own - 1, own, own + 1}
        low = min(0, seen[0])
        return sorted(ticks for ticks in spread | near | {2 * seen[-1]} if ticks >= low)

    def rulings(self, bases: Sequence[Fields], moves: Sequence[Move]) -> list[Ruling | None]:
        """Return what is decided of each moved record, None where a lever cannot move it."""
        found: list[Ruling | None] = [None] * len(moves)
        offered = [n for n, move in enumerate(moves) if move.lever in self._offered]
        columns = [n for n, move in enumerate(moves) if move.lever not in self._offered]
        if offered and isinstance(self._decider, PolicyProcess):
            for n, ruling in zip(offered, self._decider.moved_rulings(bases, self._asks(moves, offered)), strict=True):
                found[n] = ruling
        made = [self._with_column(bases[moves[n].base], moves[n]) for n in columns]
        for n, one in zip(columns, self._decider.tried(made), strict=True):
            found[n] = one
        return found

    def records(self, bases: Sequence[Fields], moves: Sequence[Move]) -> list[Fields | None]:
        """Return each moved record."""
        found: list[Fields | None] = [
            None if move.lever in self._offered else self._with_column(bases[move.base], move) for move in moves
        ]
        offered = [n for n, move in enumerate(moves) if move.lever in self._offered]
        if offered and isinstance(self._decider, PolicyProcess):
            for n, record in zip(offered, self._decider.moved(bases, self._asks(moves, offered)), strict=True):
                found[n] = record
        return found

    def _asks(self, moves: Sequence[Move], places: Sequence[int]) -> list[tuple[int, str, float]]:
        return [(moves[n].base, moves[n].lever, self._number(moves[n])) for n in places]

    def _number(self, move: Move) -> float:
        lever = self._offered[move.lever]
        return float(f"{lever.low + move.ticks * lever.step:.12g}")

    def _with_column(self, record: Fields, move: Move) -> Fields:
        name = move.lever.removeprefix("column ")
        style = self._style(record, name)
        assert style is not None
        return {**record, name: style.cell(move.ticks, record[name])}

    def _style(self, record: Fields, name: str) -> CellStyle | None:
        """Return how a record's cell is written: with as many decimals as it has."""
        style = self._styles.get((self._source_of(record), name))
        return None if style is None else style.with_decimals_of(record.get(name))

    def _ticks(self, record: Fields, name: str) -> int | None:
        style = self._style(record, name)
        return None if style is None else style.ticks(record.get(name))

    def _source_of(self, record: Fields) -> Any:
        return None if self._source is None else record[self._source]

    def _find_styles(self, movable: Sequence[str], records: Sequence[Fields]) -> None:
        by_source: dict[Any, list[Fields]] = {}
        for record in records:
            by_source.setdefault(self._source_of(record), []).append(record)
        for source, part in by_source.items():
            beside = [record[name] for record in part[:SAMPLE] for name in movable]
            for name in movable:
                style = style_of([record[name] for record in part[:SAMPLE]], beside)
                seen = [] if style is None else [ticks for one in part if (ticks := style.ticks(one[name])) is not None]
                if style is not None and seen:
                    self._styles[source, name] = style
                    self._seen[source, name] = sorted(seen)


def _movable(contract: Contract) -> list[str]:
    """Return the columns that may hold numbers or dates: shown, no code and not what a record is known by."""
    return [
        name
        for name in contract.shown
        if contract.columns[name].role not in UNMOVED
        and (contract.columns[name].allowed is None or contract.columns[name].type in NUMERIC)
    ]


def _offered_grid(lever: LeverRange) -> list[int]:
    """Return points between a lever's ends: evenly by ratio where it starts above zero, else evenly."""
    high = round((lever.high - lever.low) / lever.step)
    if lever.low > 0:
        numbers = np.geomspace(lever.low, lever.high, POINTS)
        return sorted({min(max(round((one - lever.low) / lever.step), 0), high) for one in numbers.tolist()})
    return sorted({round(one) for one in np.linspace(0, high, POINTS).tolist()})
