"""Findings: what is wrong with the records, whom it hits, and what to do about it, ranked by impact on the agent."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum, StrEnum, auto
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.audit.cells import no_cells
from workbench.pilot import Severity

MUST_FIX_AT_LEAST, MUST_FIX_AT_MOST = 3, 5  # what a team can begin with at once
FEW = 0.01  # of the records: less hardly moves accuracy


# Harm of one affected record to the agent's decision on it, as a share of the worst.
WEIGHTS = {
    Severity.CRITICAL: 1.0,  # results on it cannot be believed, or the law is broken
    Severity.HIGH: 0.5,  # the decision is probably wrong
    Severity.MEDIUM: 0.15,  # the decision may be wrong, or goes to a person
    Severity.LOW: 0.02,  # the decision is right, at a higher cost
}


class Effort(StrEnum):
    """What a remedy costs, in a team's working time."""

    HOURS = "hours"
    DAYS = "days"
    WEEKS = "weeks"


@dataclass(frozen=True, slots=True)
class Remedy:
    """What to do about a finding, what it costs, and how the next audit sees that it was done."""

    text: str
    effort: Effort
    recheck: str


@dataclass(frozen=True, slots=True, eq=False)
class DataFinding:
    """One data-quality issue.

    Parameters
    ----------
    kind : str
        What is wrong, one word or two with an underscore.
    title, evidence, consequence : str
        One sentence each: what it is, how it is known, what it does to the agent.
    columns : tuple of str
    rows : array of int
        The affected records by 0-based data row, in order.
    n_records : int
        The denominator of the affected records.
    severity : Severity
    remedy : Remedy
    cells : DataFrame
        The offending cells: row, column, kind, reason; may be empty.
    owner : str
        Who mends it; empty when nobody was named.
    scope : str
        What it is about where its columns may change from audit to audit; the id is made of it instead of them.
    """

    kind: str
    title: str
    columns: tuple[str, ...]
    rows: NDArray[np.int64]
    n_records: int
    severity: Severity
    evidence: str
    consequence: str
    remedy: Remedy
    cells: pd.DataFrame = field(default_factory=no_cells)
    owner: str = ""
    scope: str = ""

    @property
    def id(self) -> str:
        """Name that stays the same from audit to audit: the kind and a digest of the scope, or else the columns."""
        content = self.scope or "\0".join(self.columns)
        return f"{self.kind}-{hashlib.sha256(content.encode('utf-8', 'replace')).hexdigest()[:8]}"

    @property
    def share(self) -> float | None:
        """Share of the records that are affected; None on no records."""
        return len(self.rows) / self.n_records if self.n_records else None

    @property
    def impact(self) -> float:
        """Share of affected records times the severity's weight: expected harm to a record's decision, in [0, 1]."""
        return (self.share or 0.0) * WEIGHTS[self.severity]

    def as_json(self) -> dict[str, Any]:
        """Return the finding as JSON values, its rows by the name of their file."""
        return {
            "id": self.id,
            "kind": self.kind,
            "title": self.title,
            "severity": self.severity.value,
            "impact": round(self.impact, 6),
            "n_records": len(self.rows),
            "of_records": self.n_records,
            "n_cells": len(self.cells),
            "columns": list(self.columns),
            "rows_file": f"rows/{self.id}.csv",
            "evidence": self.evidence,
            "consequence": self.consequence,
            "remediation": self.remedy.text,
            "effort": self.remedy.effort.value,
            "owner": self.owner or None,
            "recheck": self.remedy.recheck,
        }


def by_effect(severity: Severity, share: float, is_read: bool = True) -> Severity:
    """Return how bad something is for the agent, given how bad on one record and on which share of them it is.

    One step less where it hits under 1% of the records; low where the agent does not read the column. What is critical
    stays so.

    Examples
    --------
    >>> by_effect(Severity.HIGH, 0.2), by_effect(Severity.HIGH, 0.0003), by_effect(Severity.HIGH, 0.2, is_read=False)
    (<Severity.HIGH: 'high'>, <Severity.MEDIUM: 'medium'>, <Severity.LOW: 'low'>)
    """
    if severity is Severity.CRITICAL:
        return severity
    if not is_read:
        return Severity.LOW
    return severity if share >= FEW else {Severity.HIGH: Severity.MEDIUM}.get(severity, Severity.LOW)


def ranked(findings: Sequence[DataFinding]) -> tuple[DataFinding, ...]:
    """Return findings by impact on the agent, the worst first; each id once."""
    ordered = sorted(findings, key=lambda one: (-one.impact, -WEIGHTS[one.severity], one.id))
    return tuple({finding.id: finding for finding in reversed(ordered)}[key] for key in _ids(ordered))


def must_fix(findings: Sequence[DataFinding]) -> tuple[DataFinding, ...]:
    """Return what must be fixed first: the worst findings of high or critical severity, at most five.

    Of each kind only the worst one is taken, as one remedy mends the others too. Where fewer than three are that
    severe, the next ones in rank fill up to three, but none of low severity.
    """
    in_order = ranked(findings)
    severe: dict[str, DataFinding] = {}
    for finding in (one for one in in_order if one.severity in (Severity.CRITICAL, Severity.HIGH)):
        severe.setdefault(finding.kind, finding)
    medium: dict[str, DataFinding] = {}
    for finding in (one for one in in_order if one.severity is Severity.MEDIUM and one.kind not in severe):
        medium.setdefault(finding.kind, finding)
    first = list(severe.values())[:MUST_FIX_AT_MOST]
    return (*first, *list(medium.values())[: max(0, MUST_FIX_AT_LEAST - len(first))])


def with_owners(findings: Sequence[DataFinding], owners: Mapping[str, str]) -> tuple[DataFinding, ...]:
    """Return findings with their owners: an owner is named for a finding's id or for its kind."""
    return tuple(replace(one, owner=owners.get(one.id) or owners.get(one.kind) or one.owner) for one in findings)


def _ids(findings: Sequence[DataFinding]) -> list[str]:
    return list(dict.fromkeys(finding.id for finding in findings))


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
