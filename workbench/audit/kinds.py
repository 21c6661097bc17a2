"""Kinds of wrong cells: what each is called, what it does to an agent, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from workbench.audit.findings import Effort, Remedy, Severity


class Concerns(Enum):
    """What a flagged cell says something about."""

    CELL = auto()  # this cell by itself
    GAP = auto()  # nothing is in it: counted as incomplete where the field is required
    FIELDS = auto()  # it does not go with others, which an unusual case may explain: the labels are asked
    RECORD = auto()  # the whole record; the cell only stands for it


@dataclass(frozen=True, slots=True)
class CellKind:
    """What is wrong with a cell.

    Parameters
    ----------
    id : str
        As cells.csv and findings.json have it.
    name : str
        What people call it, in the plural.
    severity : Severity
    consequence : str
        What it does to the agent.
    remedy : Remedy
    concerns : Concerns
    of_value : str
        The reason where only the value is known and not its row: in tables too large to vote on.
    when_optional : Severity, optional
        In a column that the contract does not require.
    """

    id: str
    name: str
    severity: Severity
    consequence: str
    remedy: Remedy
    concerns: Concerns = Concerns.CELL
    of_value: str = "unlike the rest"
    when_optional: Severity | None = None


def until_gone(text: str, effort: Effort, what: str) -> Remedy:
    """Return a remedy that was done when the next audit finds none left."""
    return Remedy(text, effort, f"the next audit finds no {what} in these columns")
