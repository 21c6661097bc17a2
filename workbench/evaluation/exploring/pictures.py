"""Figures of any rows of decisions: right by the values of a column, or right against how much is decided alone."""

from __future__ import annotations

from typing import Any

import pandas as pd

from workbench.metrics import Estimate, Unit, declare_units, is_asked, is_right, risk_coverage
from workbench.pages.figures import Picture
from workbench.pilot import cell_text
from workbench.words import InputError, counted, did_you_mean, percent, shown

MOST_VALUES = 20
QUARTERS = 4
EMPTY = "(empty)"


def picture(decisions: pd.DataFrame, by: str | None, threshold: tuple[float | None, str | None]) -> Picture:
    """Return a figure of rows of decisions.

    Parameters
    ----------
    decisions : DataFrame
        Any rows of what `LoadedPilot.decisions` gives.
    by : str, optional
        Column by whose values the share of right decisions is shown; without it, how many are right of those that are
        decided alone at every threshold.
    threshold : (float or None, str or None)
        The threshold in use, and the action that escalates.
    """
    if decisions.empty:
        raise InputError("there are no decisions to draw", got="a table without rows")
    return _alone(decisions, *threshold) if by is None else _by_values(decisions, by)


def _by_values(decisions: pd.DataFrame, by: str) -> Picture:
    from workbench.pages.figures import shares_with_intervals

    if by not in decisions:
        names = list(map(str, decisions.columns))
        raise InputError(f"decisions have no column {by!r}", expected=shown(names), remedy=did_you_mean(by, names))
    asked = decisions[is_asked(decisions)]
    groups = dict(list(is_right(asked).groupby(_values(asked[by]), observed=True)))
    rows = {str(value): Estimate.proportion(int(part.sum()), len(part)) for value, part in groups.items()}
    ordered = dict(sorted(rows.items(), key=lambda row: (row[1].value or 0.0, row[0])))
    declare_units(dict.fromkeys(ordered, Unit.SHARE))
    title = f"Right by {by}: {_ends(ordered)}"
    return Picture(title, shares_with_intervals(title, ordered))


def _alone(decisions: pd.DataFrame, threshold: float | None, escalate: str | None) -> Picture:
    from workbench.pages.figures import risk_coverage_curves

    curve, name = risk_coverage(decisions, escalate), f"{len(decisions):,} decisions"
    figure = risk_coverage_curves({name: curve}, thresholds={} if threshold is None else {name: threshold})
    right, asked = int(is_right(decisions).sum()), int(is_asked(decisions).sum())
    return Picture(f"{counted(right, asked)} decisions are right", figure)


def _values(cells: pd.Series[Any]) -> pd.Series[Any]:
    """Return the group of each cell: its value, quarters where a number has many values, the most frequent of text."""
    if pd.api.types.is_numeric_dtype(cells) and not pd.api.types.is_bool_dtype(cells) and cells.nunique() > MOST_VALUES:
        return pd.qcut(cells, QUARTERS, duplicates="drop").astype(object).map(str).where(cells.notna(), EMPTY)
    texts = cells.map(cell_text).where(cells.notna(), EMPTY)
    frequent = texts.value_counts().index[:MOST_VALUES]
    return texts.where(texts.isin(frequent), "(other)")


def _ends(ordered: dict[str, Estimate]) -> str:
    """Return the lowest and the highest of the shares."""
    names = list(ordered)
    ends = [f"{name} {percent(ordered[name].value)}" for name in dict.fromkeys((names[0], names[-1]))]
    return " to ".join(ends)
