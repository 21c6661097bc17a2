"""Escalation rules of the charter: on which decided records each must fire, and on which it did not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from workbench.metrics import is_asked, is_automated
from workbench.pilot import cell_text
from workbench.pilot.charter import Authority, Charter, Match
from workbench.records import RuleRecords, cells_in


@dataclass(frozen=True, slots=True)
class CharterRuleResult:
    """One rule on the decided records.

    Parameters
    ----------
    rule : str
        Id of a high-risk category or an authority limit.
    covered : int, optional
        Decided records that it covers; None where the charter does not say which those are.
    missed : tuple of str
        Ids of covered records that were decided without a person.
    """

    rule: str
    covered: int | None
    missed: tuple[str, ...]


def rule_results(
    charter: Charter, records: RuleRecords, outcomes: pd.DataFrame, threshold: float, escalate_label: str | None
) -> tuple[CharterRuleResult, ...]:
    """Return for each high-risk category and authority limit of the charter whether it fired where it had to.

    A rule fired when the decision was not carried out without a person, for whatever reason.

    Parameters
    ----------
    charter : Charter
    records : Records
        The pilot's records, or their cells.
    outcomes : DataFrame
        Decisions beside labels and strata, record ids as the index.
    threshold : float
        Confidence from which a decision is automated.
    escalate_label : str, optional
    """
    decided = outcomes[is_asked(outcomes).to_numpy()]
    automated = is_automated(decided, threshold, escalate_label).to_numpy()
    return tuple(_result(name, covered, automated) for name, covered in rule_members(charter, records, decided).items())


def rule_members(charter: Charter, records: RuleRecords, outcomes: pd.DataFrame) -> dict[str, pd.Series[bool] | None]:
    """Return for each high-risk category and authority limit which records it covers; None where nothing says so."""
    found = {one.id: _matched(one.when, records, outcomes) for one in charter.high_risk}
    for limit in charter.authority:
        covered = _matched(limit.when, records, outcomes)
        if limit.column is not None:
            above = (_numbers(limit.column, records, outcomes) > limit.at_most).fillna(False).astype(bool)
            covered = above if covered is None else above | covered
        found[limit.id] = covered
    return found


def amounts(
    charter: Charter, records: RuleRecords, outcomes: pd.DataFrame
) -> tuple[pd.Series[float], Authority] | None:
    """Return the amount of each record and the limit up to which it may be decided alone; None where no column has it.

    The first limit of authority above 0 that names a column counts.
    """
    for limit in charter.authority:
        if limit.column is not None and limit.at_most > 0:
            return _numbers(limit.column, records, outcomes), limit
    return None


def _result(rule: str, covered: pd.Series[bool] | None, automated: Any) -> CharterRuleResult:
    if covered is None:
        return CharterRuleResult(rule, None, ())
    missed = covered.index[covered.to_numpy() & automated]
    return CharterRuleResult(rule, int(covered.sum()), tuple(map(str, missed)))


def _numbers(column: str, records: RuleRecords, decided: pd.DataFrame) -> pd.Series[float]:
    return pd.to_numeric(cells_in(column, records, decided), errors="coerce").astype(float)


def _matched(when: Match | None, records: RuleRecords, decided: pd.DataFrame) -> pd.Series[bool] | None:
    if when is None:
        return None
    return cells_in(when.column, records, decided).map(cell_text).isin(list(when.values))
