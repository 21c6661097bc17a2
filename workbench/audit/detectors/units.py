"""Numbers given in another unit than the contract says."""

from __future__ import annotations

import numpy as np

from workbench.audit.detectors.detector import Detector
from workbench.audit.detectors.formats import FORMAT
from workbench.audit.detectors.outliers import OUT_OF_RANGE
from workbench.audit.detectors.votes import Votes
from workbench.audit.known.units import NUMBER_AND_UNIT, factor, named, relatives
from workbench.audit.table.inferred import Known
from workbench.audit.table.quantities import numbers_of, per_row
from workbench.records.tables import CodedColumn, is_placeholder, number_in

SURE, LIKELY = 0.9, 0.65  # a unit that is written, and one that is guessed from the size
MIN_VALUES = 30  # of fewer numbers nobody knows how large they are usually
MIDDLE = (0.1, 0.5, 0.9)  # quantiles: nine in ten lie within, and a tenth may be in the other unit
LEAST_SPREAD = 1.5  # numbers nearly all the same would make every other one far
FAR = 5.0  # beyond the spread: related units are ten or more times apart, or a third (feet) to a half (pounds)
MAX_SHARE = 0.1  # what more cells have is another kind of thing, not a slip of the unit


def vote_on_units(known: Known, votes: Votes) -> None:
    """Vote on cells that name a unit, and on bare numbers that fit their column only when read in a related unit."""
    for column, _ in known.each():
        agreed = known.agreed(column.name)
        if agreed is None or agreed.unit is None:
            continue
        written = {}
        for code, value in enumerate(column.values):
            found = NUMBER_AND_UNIT.match(value)
            if found is not None and not is_placeholder(value):
                written[code] = (SURE, _reason(found[1], found[2], agreed.unit))
        votes.values(column, written, FORMAT)
        votes.values(column, _misplaced(column, agreed.unit), OUT_OF_RANGE)


def _reason(number: str, given: str, unit: str) -> str:
    known, share = number_in(number.strip()), factor(given, unit)
    if named(given) == named(unit):
        return f"names its unit, {given.strip()[:15]!r}, where the contract has numbers of {unit} alone"
    if known is None or share is None:
        return f"in {given.strip()[:15]!r}, where the contract has {unit}"
    return f"in {given.strip()[:15]!r}, where the contract has {unit}: {known * share:,.6g} {unit}"


def _misplaced(column: CodedColumn, unit: str) -> dict[int, tuple[float, str]]:
    """Return the values far from all others that, read in a related unit, lie among them."""
    numbers = numbers_of(column)
    cells = per_row(column, numbers)
    known = np.abs(cells[~np.isnan(cells) & (cells != 0)])
    if len(known) < MIN_VALUES:
        return {}
    low, middle, high = np.quantile(known, MIDDLE)
    spread = max(high / middle, middle / low, LEAST_SPREAD)
    size = np.abs(numbers)
    far = (size > FAR * middle * spread) | (size < middle / spread / FAR)
    found: dict[int, tuple[float, str]] = {}
    for code in np.flatnonzero(far & (numbers != 0)):
        for other in relatives(unit):
            read = abs(float(numbers[code])) * float(factor(other, unit) or 0)
            if middle / spread <= read <= middle * spread and code not in found:
                found[int(code)] = (
                    LIKELY,
                    f"looks given in {other}, where the contract has {unit}: {read:,.6g} {unit}",
                )
    n_found = sum(int(column.counts[code]) for code in found)
    return found if n_found <= MAX_SHARE * len(known) else {}


OF_UNITS = Detector("formats", 50, vote_on_units, is_by_value=True)
