"""The tables of the fault matrix: `cells` has a row for each fault, operation and record; `matrix` counts them.

`cells` is what was seen; its outcomes, the matrix and every number follow from it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field

import pandas as pd

from workbench.environment.proxy import FaultKind, FiredFault
from workbench.integrations.faults.outcomes import (
    EndedDecision,
    FaultOutcome,
    WaysOut,
    held_as_json,
    held_from,
    outcome_of,
)
from workbench.words import RunError

CELLS, MATRIX = "cells", "matrix"
CELL = ["fault", "system", "operation"]
TEXTS = [
    *CELL, "record_id", "at", "request", "done", "action_without", "held_without", "first", "action", "held", "outcome",
]  # fmt: skip
FLAGS = ["fired", "accepted", "asked_again"]
COLUMNS = [*TEXTS[:4], "fired", "accepted", *TEXTS[4:10], "asked_again", *TEXTS[10:]]


@dataclass(frozen=True, slots=True)
class FaultedRecord:
    """What was seen of one record under one fault.

    Parameters
    ----------
    record_id : str, optional
        None where there was no record to try the fault on.
    fired : FiredFault, optional
        The ledger's first line on it.
    without, after : EndedDecision
    first : str
        What the agent said before it was asked once more: its action, or why there was none.
    """

    kind: FaultKind
    system: str
    operation: str
    record_id: str | None = None
    fired: FiredFault | None = None
    without: EndedDecision = field(default_factory=EndedDecision)
    after: EndedDecision = field(default_factory=EndedDecision)
    first: str = ""
    asked_again: bool = False


def cells_table(seen: Sequence[FaultedRecord], ways: WaysOut) -> pd.DataFrame:
    """Return what was seen as a table, each row with its outcome."""
    rows = [
        (
            one.kind.value,
            one.system,
            one.operation,
            one.record_id,
            one.fired is not None,
            one.fired is not None and one.fired.accepted,
            one.fired.at if one.fired else None,
            one.fired.request if one.fired else None,
            one.fired.done if one.fired else None,
            one.without.action,
            held_as_json(one.without.held),
            one.first,
            one.asked_again,
            one.after.action,
            held_as_json(one.after.held),
            "",
        )
        for one in seen
    ]
    table = pd.DataFrame(rows, columns=COLUMNS, dtype=object)
    return cells_judged(table.astype(dict.fromkeys(FLAGS, bool)), ways)


def cells_judged(cells: pd.DataFrame, ways: WaysOut) -> pd.DataFrame:
    """Return a table of what was seen with its outcomes judged again.

    Raises
    ------
    RunError
        What it says that a system holds cannot be read.
    """
    rows = cells[["fired", "action_without", "held_without", "action", "held"]].astype(object)
    plain = rows.where(rows.notna(), None)
    outcomes = []
    try:
        for fired, said_without, held_without, said, held in plain.itertuples(index=False, name=None):
            without, after = EndedDecision(said_without, held_from(held_without)), EndedDecision(said, held_from(held))
            outcomes.append(outcome_of(without, after, ways).value if fired else FaultOutcome.NOT_RUN.value)
    except (ValueError, TypeError) as error:
        raise RunError("what a system held under a fault cannot be read", got=str(error)[:200]) from None
    return cells.assign(outcome=pd.Series(outcomes, index=cells.index, dtype=object))


def matrix_of_cells(cells: pd.DataFrame) -> pd.DataFrame:
    """Return for each fault and operation, as they were tried, how many records it was met on and what came of it.

    Returns
    -------
    DataFrame
        `fault`, `system`, `operation`, `records`, `fired`, and a column of counts for each outcome.
    """
    is_outcome = {one.value: cells["outcome"] == one.value for one in FaultOutcome}
    counted = cells[CELL].assign(records=cells["record_id"].notna(), fired=cells["fired"], **is_outcome)
    return counted.groupby(CELL, sort=False).sum().astype(int).reset_index()


def worst_first(matrix: pd.DataFrame) -> pd.DataFrame:
    """Return a matrix with the cells first in which something went wrong or was not run, then those handed over."""
    order = [one.value for one in (FaultOutcome.DOUBLE, FaultOutcome.LOST, FaultOutcome.WRONG, FaultOutcome.NOT_RUN)]
    order.append(FaultOutcome.ESCALATED.value)
    return matrix.sort_values(order, ascending=False, kind="stable", ignore_index=True)


def ended_otherwise(cells: pd.DataFrame) -> pd.DataFrame:
    """Return the records that did not end as without the fault, for a reader: what was done, said and held."""
    left = cells[cells["outcome"] != FaultOutcome.RECOVERED.value]
    return pd.DataFrame(
        {
            "fault": left["fault"],
            "at": left["system"] + "." + left["operation"],
            "record": left["record_id"],
            "what was done": left["done"],
            "said first": left["first"],
            "said in the end": left["action"],
            "outcome": left["outcome"],
            "held without it": left["held_without"].map(_held_said),
            "held": left["held"].map(_held_said),
        }
    ).reset_index(drop=True)


def _held_said(held: object) -> str:
    """Return effects for a reader, each with what it holds."""
    effects = held_from(held) if isinstance(held, str) else ()
    return "; ".join(f"{one.operation} {_fields_said(one.content)}" for one in effects) or "nothing"


def _fields_said(content: str) -> str:
    fields = json.loads(content)
    if not isinstance(fields, dict):
        return content
    return ", ".join(f"{name} {value}" for name, value in fields.items())
