"""Cells that break what the contract says about their column: which values are allowed, how they are written."""

from __future__ import annotations

from collections.abc import Iterator

from workbench.audit.detectors.detector import Detector
from workbench.audit.detectors.formats import FORMAT
from workbench.audit.detectors.votes import Votes
from workbench.audit.findings import Effort, Severity
from workbench.audit.kinds import CellKind, until_gone
from workbench.audit.table.inferred import Known
from workbench.audit.table.rules import Rule, RuleKind, regex_text
from workbench.records.tables import CodedColumn, is_placeholder

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


def vote_on_agreed(known: Known, votes: Votes) -> None:
    """Vote on cells that are none of the allowed values, or not written as declared."""
    for column, _ in known.each():
        agreed, pattern = known.agreed(column.name), known.pattern(column.name)
        if agreed is not None and agreed.allowed is not None:
            _vote(column, NOT_ALLOWED.of_value, set(agreed.allowed), NOT_ALLOWED, votes)
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


OF_AGREED = Detector("formats", 40, vote_on_agreed, (NOT_ALLOWED,), True, agreed_rules)
