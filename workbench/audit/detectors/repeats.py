"""Rows that are there twice, and rows that nearly repeat an earlier one."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from workbench.audit.cells import flagged, no_cells
from workbench.audit.detectors.detector import Detector, Sought, Votes
from workbench.audit.findings import CellKind, Concerns, Effort, Severity, until_gone
from workbench.audit.table.encoded import Encoded, encode_rows
from workbench.audit.table.inferred import Known
from workbench.audit.table.near_repeats import MAX_BLOCK, NearRepeats, compared_with, near_repeats, parts_of
from workbench.audit.table.rules import Rule, RuleKind
from workbench.records.tables import Codes

OF_KEY, OF_ROW, OF_NEAR = 0.8, 0.6, 0.7  # a key is there once; the same row twice may be two equal cases
MOST_REPEATED = 0.3  # of the rows: where more are copies, equal cases are usual
MAX_CANDIDATES = 200_000  # for near repeats in a large table: bounds time and memory

DUPLICATE = CellKind(
    "duplicate",
    "repeated records",
    Severity.MEDIUM,
    "one case is decided and counted more than once, and accuracy is measured on fewer cases than it seems",
    until_gone("keep one of each, and make its key unique at the source", Effort.HOURS, "repeated record"),
    Concerns.RECORD,
)
NEAR_DUPLICATE = CellKind(
    "near_duplicate",
    "records that differ from another in almost nothing",
    Severity.MEDIUM,
    "cases count twice, and may be on both sides of the split",
    until_gone(
        "merge those that are the same case; keep copies on one side of the split",
        Effort.DAYS,
        "pair that a person calls the same case",
    ),
    Concerns.RECORD,
)


def vote_on_repeats(known: Known, votes: Votes) -> None:
    """Vote on the later copies of a key, and of whole rows that have no key.

    A copied row is marked in its key, or without one in its first column.
    """
    encoded, keys = known.encoded, known.keys
    singles = keys if keys else tuple(p.position for p in known.profiles if p.is_key)
    singles = singles if len(singles) == 1 or not keys else ()
    for position in singles:
        column = encoded.columns[position]
        rows = _later_copies([column.codes])
        rows = rows[column.codes[rows] >= 0]
        votes.cells(position, rows, OF_KEY, DUPLICATE, f"an earlier row has the same {column.name}")
    if len(keys) > 1:
        rows = _later_copies([encoded.columns[position].codes for position in keys])
        names = ", ".join(encoded.columns[position].name for position in keys)
        votes.cells(keys[0], rows, OF_KEY, DUPLICATE, f"an earlier row has the same {names}")
    if not singles and not keys and len(encoded.columns) > 1:
        rows = _later_copies([column.codes for column in encoded.columns])
        if len(rows) < MOST_REPEATED * encoded.n:
            votes.cells(0, rows, OF_ROW, DUPLICATE, "an earlier row is the same in every column")


def _later_copies(columns: list[Codes]) -> np.ndarray:
    """Return the rows that agree with an earlier row in all columns."""
    combined = np.zeros(len(columns[0]), dtype=np.int64)
    for codes in columns:
        combined = combined * (int(codes.max(initial=0)) + 2) + (codes + 1)
        _, combined = np.unique(combined, return_inverse=True)
    _, first = np.unique(combined, return_index=True)
    is_later = np.ones(len(combined), dtype=bool)
    is_later[first] = False
    return np.flatnonzero(is_later)


def unique_rules(known: Known) -> Iterator[Rule]:
    """Yield which columns have each value once, and that a declared key of several has."""
    for profile in known.profiles:
        if profile.is_key:
            yield Rule.of(profile, RuleKind.UNIQUE, DUPLICATE, f"an earlier row has the same {profile.name}")
    if len(known.keys) > 1:
        names = tuple(known.profiles[position].name for position in known.keys)
        reason = f"an earlier row has the same {', '.join(names)}"
        yield Rule(RuleKind.UNIQUE, known.keys, names, DUPLICATE, reason, is_declared=True)


def vote_on_near_repeats(known: Known, votes: Votes) -> None:
    """Vote on one cell, that of a column such as the key, of each row that nearly repeats an earlier one."""
    found = near_repeats(known.encoded, known.profiles, known.keys, known.source)
    marked = _marked(known)
    for row, reason in zip(found.rows, _reasons(known.encoded, found, marked), strict=True):
        votes.cells(marked, np.array([row]), OF_NEAR, NEAR_DUPLICATE, reason)


def _reasons(encoded: Encoded, found: NearRepeats, marked: int) -> list[str]:
    return [
        f"nearly the same as data row {int(encoded.rows[of]):,}: "
        f"differs in {', '.join(differs) or encoded.columns[marked].name} only"
        for of, differs in zip(found.of, found.differs, strict=True)
    ]


def _marked(known: Known) -> int:
    """Return the position of the column whose cell is flagged for a repeated row: its key, or else the first."""
    keys = known.keys or tuple(one.position for one in known.profiles if one.is_key)
    return keys[0] if keys else 0


def near_repeats_in_large(known: Known) -> Sought:
    """Return the cells of rows that nearly repeat an earlier one, sought by hash.

    Rows are candidates when one part of their columns is hashed to the same number in 2 to 40 rows. Of more than
    200,000 candidates the first are compared.
    """
    table, profiles, keys = known.table, known.profiles, known.keys
    compared = compared_with(profiles, keys)
    queries = [
        f"SELECT row FROM (SELECT row, count(*) OVER (PARTITION BY h) AS n FROM "
        f"(SELECT row, hash({', '.join(table.text(position) for position in part)}) AS h FROM data)) "
        f"WHERE n BETWEEN 2 AND {MAX_BLOCK}"
        for part in parts_of(known.encoded, compared, known.source)
    ]
    if not queries:
        return Sought(no_cells())
    found = table.connection.sql(f"SELECT DISTINCT row FROM ({' UNION ALL '.join(queries)}) ORDER BY row")
    rows = found.limit(MAX_CANDIDATES + 1).fetchnumpy()["row"].astype(np.int64)
    if not len(rows):
        return Sought(no_cells())
    encoded = encode_rows(table, rows[:MAX_CANDIDATES])
    repeats = near_repeats(encoded, profiles, keys, known.source, table.n_rows)
    marked = _marked(known)
    reasons = _reasons(encoded, repeats, marked)
    cells = flagged(encoded.rows[repeats.rows], table.names[marked], NEAR_DUPLICATE.id, reasons)
    return Sought(cells, repeats.is_exact and len(rows) <= MAX_CANDIDATES)


OF_REPEATS = Detector("repeats", 180, vote_on_repeats, (DUPLICATE,), rules=unique_rules)
OF_NEAR_REPEATS = Detector("near duplicates", 190, vote_on_near_repeats, (NEAR_DUPLICATE,), seek=near_repeats_in_large)
