"""Cells that hold nothing: empty ones, and texts and numbers that stand for a missing value."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from workbench.audit.detectors.detector import Detector, Votes
from workbench.audit.findings import CellKind, Concerns, Effort, Remedy, Severity, until_gone
from workbench.audit.table.inferred import Known
from workbench.audit.table.rules import Rule, RuleKind
from workbench.records.tables import (
    MISSING,
    SENTINEL_DATES,
    SENTINELS,
    CodedColumn,
    ColumnProfile,
    Semantic,
    is_placeholder,
    is_weak_placeholder,
    number_in,
)

FEW_MISSING = 0.10  # a column with more gaps is one that may be left empty; below, gaps of real forms are not told
REQUIRED, EXPECTED = 0.95, 0.6  # whether the contract says that a cell must be filled, or the other cells do
LISTED, WEAK, SENTINEL, PERHAPS_CODE = 0.9, 0.85, 0.8, 0.4  # the last is flagged with a second reason only
NEARLY_ALL = 0.95  # a text that stands in more of a column is what the column says
MANY_CODES = 20  # a category of more two-letter values is one of codes, where NA is Namibia
FEW_NUMBERS = 5  # of fewer values none is far from the others
HARDLY_ANY = 0.99  # a negative sentinel is one where all but a slip or two are not negative
FAR_TIMES, FARTHEST_TIMES = 2.0, 1.5  # beyond the others' 99th percentile and maximum: 9999 beside 4800 may be a value

MISSING_VALUE = CellKind(
    "missing",
    "missing values",
    Severity.HIGH,
    "the agent decides without the field, or has to pass the record to a person",
    Remedy(
        "fill the field at its source, or let the agent escalate when it is empty",
        Effort.DAYS,
        "share of missing cells in these columns at most a tenth of today's",
    ),
    Concerns.GAP,
    when_optional=Severity.LOW,
)
PLACEHOLDER = CellKind(
    "placeholder",
    "placeholders instead of values",
    Severity.HIGH,
    "the agent takes the placeholder for a value and decides on it",
    until_gone(
        "turn placeholders into empty cells on import, and fill them at the source", Effort.HOURS, "placeholder"
    ),
    Concerns.GAP,
    "stands for a missing value",
    Severity.MEDIUM,
)


def _why_filled(known: Known, column: CodedColumn, profile: ColumnProfile) -> str | None:
    """Return why a column must be filled: the contract says so, or says nothing and few cells are empty."""
    share, is_required = profile.n_missing / max(1, profile.n), known.is_required(profile.name)
    if is_required:
        return "the field is required"
    is_full = is_required is None and share <= FEW_MISSING and not column.n_marked
    return f"{1 - share:.1%} of the column is filled" if is_full else None


def vote_on_missing(known: Known, votes: Votes) -> None:
    """Vote on empty cells: sure where the contract requires the field, likely where few are empty in a full column."""
    for column, profile in known.each():
        why = _why_filled(known, column, profile)
        if why is not None:
            blank = [code for code, value in enumerate(column.values) if not value.strip()]
            rows = np.flatnonzero((column.codes == MISSING) | np.isin(column.codes, blank))
            strength = REQUIRED if known.is_required(column.name) else EXPECTED
            votes.cells(column.position, rows, strength, MISSING_VALUE, f"empty, but {why}")


def filled_rules(known: Known) -> Iterator[Rule]:
    """Yield that columns are filled."""
    for column, profile in known.each():
        why = _why_filled(known, column, profile)
        if why is not None:
            is_declared = bool(known.is_required(column.name))
            yield Rule.of(profile, RuleKind.NOT_NULL, MISSING_VALUE, f"empty, but {why}", is_declared=is_declared)


def vote_on_placeholders(known: Known, votes: Votes) -> None:
    """Vote on texts and numbers that stand for a missing value."""
    for column, profile in known.each():
        numbers = [number for value in column.values if (number := number_in(value)) is not None]
        for code, value in enumerate(column.values):
            strength = _strength(column, code, profile, numbers) if value.strip() else None
            if strength is not None:
                votes.value(column, code, strength, PLACEHOLDER, f"{value.strip()!r} stands for a missing value")


def _strength(column: CodedColumn, code: int, profile: ColumnProfile, numbers: list[float]) -> float | None:
    """Return how sure it is that a value stands for a missing one, None where it does not seem to."""
    value, count = column.values[code], int(column.counts[code])
    share = count / max(1, column.n_filled)
    if share > NEARLY_ALL:
        return None
    if is_placeholder(value) and value.strip() in profile.missing:
        return PERHAPS_CODE if _may_be_code(value, profile) else LISTED
    if is_weak_placeholder(value, share, profile.semantic):
        return WEAK
    return SENTINEL if _is_sentinel(value, count, profile, numbers) else None


def _may_be_code(value: str, profile: ColumnProfile) -> bool:
    """Whether a two-letter text is as likely a code (NA: Namibia) as a placeholder."""
    return value in {"NA", "na"} and profile.semantic is Semantic.CATEGORY and profile.n_distinct > MANY_CODES


def _is_sentinel(value: str, count: int, profile: ColumnProfile, numbers: list[float]) -> bool:
    """Whether a number or date stands for a missing value: repeated, and far from all others."""
    if profile.semantic is Semantic.DATE or profile.semantic is Semantic.DATETIME:
        return value.startswith(SENTINEL_DATES)
    if value.strip().removesuffix(".0") not in SENTINELS or not profile.is_numeric:
        return False
    number = number_in(value)
    if number is None or len(numbers) < FEW_NUMBERS or count < 2:
        return False
    others = np.array([one for one in numbers if one != number])
    if number < 0:
        return bool((others >= 0).mean() > HARDLY_ANY)
    is_far = number > FAR_TIMES * float(np.quantile(others, 0.99))
    return is_far and number > FARTHEST_TIMES * float(others.max())


def no_placeholder_rules(known: Known) -> Iterator[Rule]:
    """Yield that no cell of a column holds one of the texts that stand for a missing value there."""
    for column, profile in known.each():
        shares = column.counts / max(1, column.n_filled)
        standing = tuple(
            value
            for value, share in zip(column.values, shares, strict=True)
            if share <= NEARLY_ALL
            and (
                not value.strip()
                or value.strip() in profile.missing
                or is_weak_placeholder(value, float(share), profile.semantic)
            )
        )
        if standing:
            yield Rule.of(profile, RuleKind.NOT_IN_SET, PLACEHOLDER, "stands for a missing value", values=standing)


OF_MISSING = Detector("missing", 10, vote_on_missing, (MISSING_VALUE,), True, filled_rules)
OF_PLACEHOLDERS = Detector("placeholders", 20, vote_on_placeholders, (PLACEHOLDER,), True, no_placeholder_rules)
