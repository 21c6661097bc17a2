"""Columns whose way of writing depends on where the row comes from: each source is held against its own."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from workbench.audit.cells import CellKind
from workbench.audit.detectors.detect_formats import Styles
from workbench.audit.detectors.votes import Votes
from workbench.audit.table.dependencies import grouped
from workbench.audit.table.encoded import Encoded
from workbench.records.tables import MISSING, CodedColumn, Codes, ColumnProfile

MAX_SOURCES = 20
MIN_SETTLED = 0.97
MIN_VARIED = 0.05
AMBIGUOUS = re.compile(r"[+-]?\d+|[+-]?\d{1,3}[.,]\d{3}")
WRITINGS = {
    "plain number": "with a decimal point", "thousands comma": "with a decimal point",
    "decimal comma": "with a decimal comma", "thousands point": "with a decimal comma",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class SourceFormat:
    """Which column tells how another is written, and the writing of each of its values.

    Parameters
    ----------
    source : int
        Position of the column that tells.
    writings : tuple of str
    of_row : array
        Each row's writing, -1 where it is missing or could be any.
    usual : array
        The writing usual for the row's source, -1 where there is none.
    """

    source: int
    writings: tuple[str, ...]
    of_row: Codes
    usual: Codes


def source_format(
    encoded: Encoded, profiles: tuple[ColumnProfile, ...], column: CodedColumn, styles: Styles
) -> SourceFormat | None:
    """Return the column that settles how this one is written, None when one writing prevails or none settles it."""
    profile = profiles[column.position]
    if not (profile.is_numeric or profile.is_moment) or len(styles.shares) < 2:
        return None
    writings, of_row = _writings(column, styles, profile.is_numeric)
    counts = np.bincount(of_row[of_row >= 0], minlength=1)
    if counts.sum() == 0 or 1 - counts.max() / counts.sum() < MIN_VARIED:
        return None
    for p in profiles:
        if p.position == column.position or not 2 <= p.n_distinct <= MAX_SOURCES:
            continue
        groups = grouped(encoded.filled[p.position], of_row)
        n = int(groups.n.sum())
        settled = int(groups.n[groups.right == groups.top].sum())
        if n and settled >= MIN_SETTLED * n and n - settled <= 0.2 * (counts.sum() - counts.max()):
            usual = np.full(p.n_distinct + len(encoded.columns[p.position].values) + 1, MISSING, dtype=np.int32)
            usual[groups.left] = groups.top
            return SourceFormat(p.position, writings, of_row, usual[encoded.filled[p.position]])
    return None


def _writings(column: CodedColumn, styles: Styles, is_numeric: bool) -> tuple[tuple[str, ...], Codes]:
    """Return the ways a column's values are written, and each row's."""
    numbers: dict[str, int] = {}
    of_value = np.full(len(column.values) + 1, MISSING, dtype=np.int32)
    for code, (value, style) in enumerate(zip(column.values, styles.names, strict=True)):
        if not style or (is_numeric and (style == "not a number" or AMBIGUOUS.fullmatch(value.strip()))):
            continue
        name = WRITINGS.get(style, style) if is_numeric else style
        of_value[code] = numbers.setdefault(name, len(numbers))
    return tuple(numbers), of_value[column.codes]


def vote_on_group_formats(
    encoded: Encoded, column: CodedColumn, found: SourceFormat, styles: Styles, votes: Votes
) -> None:
    """Vote on the cells that are not written as others of their source are, and on those that are no numbers."""
    source = encoded.columns[found.source].name
    deviating: npt.NDArray[np.bool_] = (found.of_row >= 0) & (found.usual >= 0) & (found.of_row != found.usual)
    for writing in np.unique(found.of_row[deviating]):
        rows = np.flatnonzero(deviating & (found.of_row == writing))
        reason = f"written {found.writings[writing]}, unlike the rest with the same {source}"
        votes.cells(column.position, rows, 0.75, CellKind.FORMAT, reason)
    strengths = {
        code: (0.8, "no number in a column of numbers")
        for code, style in enumerate(styles.names)
        if style == "not a number"
    }
    votes.values(column, strengths, CellKind.TYPE)
