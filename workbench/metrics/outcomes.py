"""Outcomes: decisions beside their labels, and what became of each one.

An outcomes table has one row per planned record. Columns that the metrics read:

    record_id str | status ok / invalid / failed / skipped | action str or None | confidence float, NaN for none
    reason str or None | latency_s float | attempts int | prompt_tokens, completion_tokens Int64 | label str
    label_reason str or None, only where the contract has a reason column
    needs, documents str or None, only where records name the documents that they need: those, and the ones that tools
    returned, in the order in which the agent saw them first, with semicolons between

Asked is every decision that is not skipped: an invalid or failed one stays in every denominator and is never right.
Every function here returns one value per row, so that `outcomes[is_wrong(outcomes)]` lists the records behind a number.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.metrics.statuses import Route, Status
from workbench.words import InputError, shown

NEEDS, DOCUMENTS = "needs", "documents"
BETWEEN_DOCUMENTS = ";"
STATUSES = tuple(status.value for status in Status)
_STATUSES = pd.Index(STATUSES)


ROUTES = tuple(route.value for route in Route)


def column(outcomes: pd.DataFrame, name: str) -> NDArray[np.object_]:
    """Return a column of text, None where there is none.

    Raises
    ------
    InputError
        The table has no such column.
    """
    _require(outcomes, name)
    values = outcomes[name].to_numpy(dtype=object)
    missing = pd.isna(values)
    if missing.any():
        values = values.copy()
        values[missing] = None
    return values


def number_column(outcomes: pd.DataFrame, name: str) -> NDArray[np.float64]:
    """Return a column of numbers as floats, NaN where there is none.

    Raises
    ------
    InputError
        The table has no such column.
    """
    _require(outcomes, name)
    return outcomes[name].to_numpy(dtype=np.float64, na_value=np.nan)


def statuses(outcomes: pd.DataFrame) -> pd.Categorical[str]:
    """Return how each planned decision ended: ok, invalid, failed or skipped.

    Raises
    ------
    InputError
        The table has no status column, or another status in it.
    """
    _require(outcomes, "status")
    values = outcomes["status"].array
    if not isinstance(values, pd.Categorical) or tuple(values.categories) != STATUSES:
        values = pd.Categorical.from_codes(_STATUSES.get_indexer(pd.Index(values, dtype=object)), _STATUSES)
    unknown = values.codes < 0
    if unknown.any():
        named = sorted({str(value) for value in outcomes.loc[unknown, "status"]})
        raise InputError("outcomes hold an unknown status", got=shown(named), expected=", ".join(STATUSES))
    return values


def has_ended(outcomes: pd.DataFrame, status: Status) -> NDArray[np.bool_]:
    """Return whether each planned decision ended this way."""
    ended: NDArray[np.bool_] = statuses(outcomes).codes == STATUSES.index(status)
    return ended


def labels(outcomes: pd.DataFrame) -> NDArray[np.object_]:
    """Return the labels.

    Raises
    ------
    InputError
        The table has no label column, or a record without a label.
    """
    values = column(outcomes, "label")
    missing = pd.isna(values)
    if missing.any():
        raise InputError("a record without a label cannot be judged", got=f"{int(missing.sum()):,} without a label")
    return values


def is_asked(outcomes: pd.DataFrame) -> pd.Series[bool]:
    """Return whether each planned decision was asked for: ok, invalid or failed."""
    return pd.Series(~has_ended(outcomes, Status.SKIPPED), index=outcomes.index)


def is_right(outcomes: pd.DataFrame) -> pd.Series[bool]:
    """Return whether each decision is ok and its action is the label."""
    same = column(outcomes, "action") == labels(outcomes)
    return pd.Series(has_ended(outcomes, Status.OK) & np.asarray(same, dtype=bool), index=outcomes.index)


def is_wrong(outcomes: pd.DataFrame) -> pd.Series[bool]:
    """Return whether each decision was asked for and is not right; an invalid or failed one is wrong."""
    return is_asked(outcomes) & ~is_right(outcomes)


def routes(outcomes: pd.DataFrame, threshold: float, escalate_label: str | None = None) -> pd.Series[Any]:
    """Return the route of each planned record at a threshold; every record has exactly one.

    Parameters
    ----------
    outcomes : DataFrame
    threshold : float
        In [0, 1]; a decision is automated when its confidence is at least this.
    escalate_label : str, optional
        The action by which an agent escalates; None when the process has none.

    Returns
    -------
    Series of str
        A categorical of the values of `Route`, indexed like the outcomes.

    Raises
    ------
    InputError
        The threshold is not in [0, 1], or a column is missing.
    """
    if not 0.0 <= threshold <= 1.0:
        raise InputError("a threshold must lie between 0 and 1", got=repr(threshold))
    confidence = number_column(outcomes, "confidence")
    route = np.full(len(outcomes), ROUTES.index(Route.AUTOMATED), dtype=np.int8)
    route[confidence < threshold] = ROUTES.index(Route.BELOW_THRESHOLD)
    route[np.isnan(confidence)] = ROUTES.index(Route.NO_CONFIDENCE)
    if escalate_label is not None:
        route[column(outcomes, "action") == escalate_label] = ROUTES.index(Route.ESCALATED_BY_AGENT)
    for status in (Status.INVALID, Status.FAILED, Status.SKIPPED):
        route[has_ended(outcomes, status)] = ROUTES.index(status.value)
    return pd.Series(pd.Categorical.from_codes(route, pd.Index(ROUTES)), index=outcomes.index, name="route")


def is_automated(outcomes: pd.DataFrame, threshold: float, escalate_label: str | None = None) -> pd.Series[bool]:
    """Return whether each decision is carried out without a human at a threshold."""
    return routes(outcomes, threshold, escalate_label) == Route.AUTOMATED.value


def is_needless_escalation(
    outcomes: pd.DataFrame, threshold: float, escalate_label: str | None = None
) -> pd.Series[bool]:
    """Return whether each record went to a human although it need not.

    Needless: escalated, the label is not the escalation label, and the agent had the right action or chose itself to
    escalate. An invalid or failed decision is never needless, as the agent had nothing to act on.
    """
    route, right = routes(outcomes, threshold, escalate_label), is_right(outcomes)
    withheld = route.isin([Route.BELOW_THRESHOLD.value, Route.NO_CONFIDENCE.value]) & right
    by_agent = (route == Route.ESCALATED_BY_AGENT.value) & ~right
    return withheld | by_agent


def listed_names(outcomes: pd.DataFrame, name: str) -> list[tuple[str, ...]]:
    """Return the names in each cell of a column of documents, each once; none of an empty cell."""
    cells = ("" if cell is None else str(cell) for cell in column(outcomes, name))
    return [tuple(dict.fromkeys(filter(None, map(str.strip, cell.split(BETWEEN_DOCUMENTS))))) for cell in cells]


def recall_at(outcomes: pd.DataFrame, k: int | None = None) -> NDArray[np.float64]:
    """Return which share of the documents that each record needs is among the first k that its agent saw, or among all.

    1 where a record needs none. Source: Manning, Raghavan and Schütze (2008), section 8.4.
    """
    pairs = zip(listed_names(outcomes, NEEDS), listed_names(outcomes, DOCUMENTS), strict=True)
    return np.array([_share_seen(needs, seen[:k]) for needs, seen in pairs], dtype=float)


def _share_seen(needs: tuple[str, ...], seen: tuple[str, ...]) -> float:
    return sum(one in seen for one in needs) / len(needs) if needs else 1.0


def skipped(outcomes: pd.DataFrame) -> dict[str, int]:
    """Return how many planned decisions were never asked for, as what is excluded from every denominator."""
    return {Route.SKIPPED.value: int((~is_asked(outcomes)).sum())}


def _require(outcomes: pd.DataFrame, name: str) -> None:
    """Refuse a table without a column."""
    if name not in outcomes.columns:
        raise InputError(f"outcomes have no column {name!r}", got=shown(map(str, outcomes.columns)))
