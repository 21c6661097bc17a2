"""Cells that break what the contract says about their column."""

from __future__ import annotations

from workbench.audit.cells import CellKind
from workbench.audit.detectors.votes import Votes
from workbench.audit.table.declared import Declared
from workbench.records.tables import CodedColumn, is_placeholder

SURE = 0.95


def vote_on_declared(column: CodedColumn, declared: Declared, votes: Votes) -> None:
    """Vote on cells that are none of the allowed values, or not written as declared."""
    agreed, pattern = declared.column(column.name), declared.pattern(column.name)
    if agreed is not None and agreed.allowed is not None:
        allowed = set(agreed.allowed)
        outside = {
            code: (SURE, "not one of the values that the contract allows")
            for code, value in enumerate(column.values)
            if value not in allowed and not is_placeholder(value)
        }
        votes.values(column, outside, CellKind.NOT_ALLOWED)
    if pattern is not None:
        deviating = {
            code: (SURE, "not written as the contract says")
            for code, value in enumerate(column.values)
            if not pattern.fullmatch(value.strip()) and not is_placeholder(value)
        }
        votes.values(column, deviating, CellKind.FORMAT)
