"""Acceptance by users: what people chose in each session, and where the issues that they raised stand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from workbench.pages.figures.drawing import (
    DARK,
    LIGHT,
    MIDDLE,
    TEXT_SIZE,
    bare,
    empty_figure,
    name_rows,
    new_figure,
    rows_height,
)

SEVERITIES = ("critical", "high", "medium", "low")
# fill, hatch, colour of the number
Look = tuple[str, str, str]
CHOICES: Mapping[str, Look] = {
    "as recommended": (LIGHT, "", "black"),
    "another action": (DARK, "", "white"),
    "planted, noticed": ("white", "", "black"),
    "planted, missed": ("white", "xx", "black"),
}
STATES: Mapping[str, Look] = {
    "open": (DARK, "", "white"),
    "later": (MIDDLE, "", "white"),
    "accepted": ("white", "///", "black"),
    "rejected": ("white", "", "black"),
    "fixed": (LIGHT, "", "black"),
}


def acceptance_overview(title: str, sessions: pd.DataFrame, triage: pd.DataFrame) -> Figure:
    """Return answers by session above, issues by severity below them: black is another action, and open.

    Parameters
    ----------
    title : str
        What the picture shows, one sentence.
    sessions : DataFrame
        `session`, `answers`, `overrides`, `planted_shown`, `planted_caught`.
    triage : DataFrame
        `severity` and `state` of each issue.
    """
    if sessions.empty:
        return empty_figure("No acceptance session is planned")
    heights = rows_height(2 * len(sessions)), rows_height(2 * len(SEVERITIES))
    figure = new_figure(title, sum(heights))
    above, below = figure.subplots(2, 1, height_ratios=heights)
    own = sessions["answers"] - sessions["planted_shown"]
    counts = {
        "as recommended": (own - sessions["overrides"]).tolist(),
        "another action": sessions["overrides"].tolist(),
        "planted, noticed": sessions["planted_caught"].tolist(),
        "planted, missed": (sessions["planted_shown"] - sessions["planted_caught"]).tolist(),
    }
    _stacked(above, sessions["session"].tolist(), counts, CHOICES, "answers")
    by_state = {
        state: [int(((triage["severity"] == one) & (triage["state"] == state)).sum()) for one in SEVERITIES]
        for state in STATES
    }
    _stacked(below, SEVERITIES, by_state, STATES, "issues")
    return figure


def _stacked(
    axes: Axes, names: Sequence[str], counts: Mapping[str, Sequence[int]], looks: Mapping[str, Look], what: str
) -> None:
    """Draw a bar a name, of as many parts as there are counts."""
    bare(axes)
    ends = [0] * len(names)
    for part, (color, hatch, ink) in looks.items():
        is_labelled = False
        for row, n in enumerate(counts[part]):
            if not n:
                continue
            label = None if is_labelled else part
            axes.barh(row, n, left=ends[row], color=color, hatch=hatch, edgecolor=DARK, linewidth=0.6, label=label)
            box = {"facecolor": "white", "edgecolor": "none", "pad": 1} if hatch else None
            place = ends[row] + n / 2
            axes.text(place, row, str(n), ha="center", va="center", fontsize=TEXT_SIZE, color=ink, bbox=box)
            ends[row] += n
            is_labelled = True
    name_rows(axes, names)
    axes.set_xlim(0, 1.02 * max(1, *ends))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel(what)
    if any(ends):
        axes.legend(fontsize=TEXT_SIZE, frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
