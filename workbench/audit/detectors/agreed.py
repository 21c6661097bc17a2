"""Cells that break what the contract says about their column: values allowed, how they are written, in which unit."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from workbench.audit.detectors.detector import Detector, Votes
from workbench.audit.detectors.formats import FORMAT
from workbench.audit.detectors.outliers import OUT_OF_RANGE
from workbench.audit.findings import CellKind, Effort, Severity, until_gone
from workbench.audit.known.units import NUMBER_AND_UNIT, factor, named, relatives
from workbench.audit.table.inferred import Known
from workbench.audit.table.relations import numbers_of, per_row
from workbench.audit.table.rules import Rule, RuleKind, regex_text
from workbench.records.tables import CodedColumn, is_placeholder, number_in

NOT_WRITTEN_SO = "not written as the contract says"
SURE = 0.95  # the contract says so; what is left is that the contract is wrong

NOT_ALLOWED = CellKind(
    "not_allowed",
    "values that the contract does not allow",
    Severity.MEDIUM,
    "rules that name the allowed values do not apply to the record",
    until_gone(
        "map the values to allowed ones, or allow them in contract.yaml", Effort.HOURS, "value outside the list"
    ),
    of_value="not one of the values that the contract allows",
)

TOO_LONG = CellKind(
    "too_long",
    "texts longer than the contract says",
    Severity.MEDIUM,
    "a long text can move an agent whatever it says; the guard `lengths` keeps the record from it",
    until_gone("shorten the texts, or allow more under max_length in contract.yaml", Effort.HOURS, "longer text"),
    of_value="longer than the contract says",
)

WRITTEN, GUESSED = 0.9, 0.65  # a unit that is written, and one that is guessed from the size
MIN_VALUES = 30  # of fewer numbers nobody knows how large they are usually
MIDDLE = (0.1, 0.5, 0.9)  # quantiles: nine in ten lie within, and a tenth may be in the other unit
LEAST_SPREAD = 1.5  # numbers nearly all the same would make every other one far
FAR = 5.0  # beyond the spread: related units are ten or more times apart, or a third (feet) to a half (pounds)
MAX_SHARE = 0.1  # what more cells have is another kind of thing, not a slip of the unit


def vote_on_agreed(known: Known, votes: Votes) -> None:
    """Vote on cells that are none of the allowed values, longer than agreed, or not written as declared."""
    for column, _ in known.each():
        agreed, pattern = known.agreed(column.name), known.pattern(column.name)
        if agreed is not None and agreed.allowed is not None:
            _vote(column, NOT_ALLOWED.of_value, set(agreed.allowed), NOT_ALLOWED, votes)
        if agreed is not None and agreed.max_length is not None:
            short = {value for value in column.values if len(value) <= agreed.max_length}
            _vote(column, TOO_LONG.of_value, short, TOO_LONG, votes)
        if pattern is not None:
            written = {value for value in column.values if pattern.fullmatch(value.strip())}
            _vote(column, NOT_WRITTEN_SO, written, FORMAT, votes)


def _vote(column: CodedColumn, reason: str, fine: set[str], kind: CellKind, votes: Votes) -> None:
    broken = {
        code: (SURE, reason)
        for code, value in enumerate(column.values)
        if value not in fine and not is_placeholder(value)
    }
    votes.values(column, broken, kind)


def agreed_rules(known: Known) -> Iterator[Rule]:
    """Yield what the contract says of each column's values."""
    for column, profile in known.each():
        agreed, pattern = known.agreed(column.name), known.pattern(column.name)
        if agreed is not None and agreed.allowed is not None:
            yield Rule.of(profile, RuleKind.IN_SET, NOT_ALLOWED, "not allowed", values=agreed.allowed, is_declared=True)
        if pattern is not None and profile.storage == "VARCHAR" and column.position not in known.by_source:
            yield Rule.of(profile, RuleKind.MATCHES, FORMAT, NOT_WRITTEN_SO, pattern=regex_text(pattern))


OF_AGREED = Detector("formats", 40, vote_on_agreed, (NOT_ALLOWED, TOO_LONG), True, agreed_rules)


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
                written[code] = (WRITTEN, _in_unit(found[1], found[2], agreed.unit))
        votes.values(column, written, FORMAT)
        votes.values(column, _misplaced(column, agreed.unit), OUT_OF_RANGE)


def _in_unit(number: str, given: str, unit: str) -> str:
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
                    GUESSED,
                    f"looks given in {other}, where the contract has {unit}: {read:,.6g} {unit}",
                )
    n_found = sum(int(column.counts[code]) for code in found)
    return found if n_found <= MAX_SHARE * len(known) else {}


OF_UNITS = Detector("formats", 50, vote_on_units, is_by_value=True)
