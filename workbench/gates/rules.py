"""Escalation rules of the charter: on which decided records each must fire, and on which it did not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from workbench.charter import Authority, Charter, Match
from workbench.contract import Contract, Role
from workbench.errors import InputError
from workbench.metrics import is_asked, is_automated
from workbench.splits import Dataset


@dataclass(frozen=True, slots=True)
class RuleResult:
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
    charter: Charter, dataset: Dataset, outcomes: pd.DataFrame, threshold: float, escalate_label: str | None
) -> tuple[RuleResult, ...]:
    """Return for each high-risk category and authority limit of the charter whether it fired where it had to.

    A rule fired when the decision was not carried out without a person, for whatever reason.

    Parameters
    ----------
    charter : Charter
    dataset : Dataset
        The pilot's records.
    outcomes : DataFrame
        Decisions beside labels and strata, record ids as the index.
    threshold : float
        Confidence from which a decision is automated.
    escalate_label : str, optional
    """
    decided = outcomes[is_asked(outcomes).to_numpy()]
    automated = is_automated(decided, threshold, escalate_label).to_numpy()
    return tuple(_result(name, covered, automated) for name, covered in rule_members(charter, dataset, decided).items())


def rule_members(charter: Charter, dataset: Dataset, outcomes: pd.DataFrame) -> dict[str, pd.Series[bool] | None]:
    """Return for each high-risk category and authority limit which records it covers; None where nothing says so."""
    found = {one.id: _matched(one.when, dataset, outcomes) for one in charter.high_risk}
    for limit in charter.authority:
        covered = _matched(limit.when, dataset, outcomes)
        if limit.column is not None:
            above = (_numbers(limit.column, dataset, outcomes) > limit.at_most).fillna(False).astype(bool)
            covered = above if covered is None else above | covered
        found[limit.id] = covered
    return found


def amounts(charter: Charter, dataset: Dataset, outcomes: pd.DataFrame) -> tuple[pd.Series[float], Authority] | None:
    """Return the amount of each record and the limit up to which it may be decided alone; None where no column has it.

    The first limit of authority above 0 that names a column counts.
    """
    for limit in charter.authority:
        if limit.column is not None and limit.at_most > 0:
            return _numbers(limit.column, dataset, outcomes), limit
    return None


def _result(rule: str, covered: pd.Series[bool] | None, automated: Any) -> RuleResult:
    if covered is None:
        return RuleResult(rule, None, ())
    missed = covered.index[covered.to_numpy() & automated]
    return RuleResult(rule, int(covered.sum()), tuple(map(str, missed)))


def _numbers(column: str, dataset: Dataset, decided: pd.DataFrame) -> pd.Series[float]:
    return pd.to_numeric(_cells(column, dataset, decided), errors="coerce").astype(float)


def _matched(when: Match | None, dataset: Dataset, decided: pd.DataFrame) -> pd.Series[bool] | None:
    if when is None:
        return None
    return _cells(when.column, dataset, decided).astype(str).isin(list(when.values))


def _cells(column: str, dataset: Dataset, decided: pd.DataFrame) -> pd.Series[Any]:
    """Return a contract column's cells of the decided records; label and reason come from the outcomes."""
    of_outcomes = _outcome_column(column, dataset.contract)
    if of_outcomes is not None:
        return decided[of_outcomes]
    cells: pd.Series[Any] = dataset.shown()[column].loc[decided.index]
    return cells


def _outcome_column(column: str, contract: Contract) -> str | None:
    if column not in contract.columns:
        raise InputError(
            "an escalation rule of the charter names an unknown column",
            got=repr(column),
            expected=", ".join(contract.columns),
        )
    named = {Role.LABEL: "label", Role.REASON: "label_reason", Role.CLASS: "class"}
    return named.get(contract.columns[column].role)
