"""Rules held against every row of a table: one DuckDB scan, and one query for each rule that compares rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from workbench.audit.cells import CELL_COLUMNS, no_cells
from workbench.audit.table.rules import BY_ROW, Rule
from workbench.records.tables import Table

MAX_LISTED = 200_000
BATCH_ROWS = 100_000
MAX_TOGETHER = 150


@dataclass(frozen=True, slots=True)
class RuleResult:
    """How a rule held over the whole table.

    Parameters
    ----------
    rule : Rule
    n_rows : int
        Rows of the table.
    n_broken : int
        Rows that break the rule, counted exactly.
    rows : array
        The first 200,000 of them.
    """

    rule: Rule
    n_rows: int
    n_broken: int
    rows: npt.NDArray[np.int64]


def hold(table: Table, rules: Sequence[Rule]) -> tuple[RuleResult, ...]:
    """Return how each rule held over all rows of a table, in the rules' order.

    Rules over single rows take one scan; a very wide table, with more than 150 of them, takes one for each 150.
    """
    by_row = [number for number, rule in enumerate(rules) if rule.kind in BY_ROW]
    found: dict[int, tuple[int, npt.NDArray[np.int64]]] = {}
    for start in range(0, len(by_row), MAX_TOGETHER):
        part = by_row[start : start + MAX_TOGETHER]
        found |= zip(part, _scan(table, [rules[number] for number in part]), strict=True)
    for number, rule in enumerate(rules):
        if number not in found:
            rows = table.connection.sql(rule.rows_sql(table)).fetchnumpy()["row"].astype(np.int64)
            found[number] = (len(rows), np.sort(rows)[:MAX_LISTED])
    return tuple(RuleResult(rule, table.n_rows, *found[number]) for number, rule in enumerate(rules))


def _scan(table: Table, rules: Sequence[Rule]) -> list[tuple[int, npt.NDArray[np.int64]]]:
    """Return for rules over single rows how many rows break them and which, in one pass over the table."""
    if not rules:
        return []
    picked = ", ".join(f"{rule.to_sql(table)} AS r{number}" for number, rule in enumerate(rules))
    broken = " OR ".join(f"r{number}" for number in range(len(rules)))
    counts, listed = [0] * len(rules), [0] * len(rules)
    rows: list[list[npt.NDArray[np.int64]]] = [[] for _ in rules]
    query = f"SELECT * FROM (SELECT row, {picked} FROM data) WHERE {broken}"
    for batch in table.connection.sql(query).to_arrow_reader(BATCH_ROWS):
        numbers = batch.column(0).to_numpy().astype(np.int64)
        for place in range(len(rules)):
            hits = numbers[batch.column(place + 1).to_numpy(zero_copy_only=False).astype(bool)]
            counts[place] += len(hits)
            if len(hits) and listed[place] < MAX_LISTED:
                rows[place].append(hits[: MAX_LISTED - listed[place]])
                listed[place] += len(rows[place][-1])
    empty = np.zeros(0, dtype=np.int64)
    return [(count, np.concatenate(parts) if parts else empty) for count, parts in zip(counts, rows, strict=True)]


def unlisted(results: Sequence[RuleResult]) -> tuple[str, ...]:
    """Return in a sentence each which rules more rows break than are listed."""
    return tuple(
        f"Rule on {result.rule.names[-1]!r}, {result.rule.reason}: {result.n_broken:,} rows break it; the first "
        f"{len(result.rows):,} are listed, and the findings count these only."
        for result in results
        if result.n_broken > len(result.rows)
    )


def cells_of(results: Sequence[RuleResult]) -> pd.DataFrame:
    """Return the cells that break rules; a cell that breaks several has the kind and reason of the first."""
    parts = [
        pd.DataFrame(
            {
                "row": result.rows,
                "column": result.rule.names[-1],
                "kind": result.rule.cell_kind.id,
                "reason": result.rule.reason,
                "position": result.rule.flagged,
            }
        )
        for result in results
        if result.n_broken
    ]
    if not parts:
        return no_cells()
    table = pd.concat(parts, ignore_index=True).drop_duplicates(["row", "position"], ignore_index=True)
    return table.sort_values(["row", "position"], kind="stable", ignore_index=True)[list(CELL_COLUMNS)]
