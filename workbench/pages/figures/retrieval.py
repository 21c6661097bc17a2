"""How often an agent had the documents that a record needs, by how many it saw."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from workbench.pages.figures.drawing import (
    DARK,
    MIDDLE,
    TEXT_SIZE,
    curve_style,
    empty_figure,
    one_axes,
    percent_axis,
)
from workbench.words import counted


def recall_curve(recall: pd.DataFrame) -> Figure:
    """Return the share of records with all that they need among the first k documents, with exact intervals.

    Parameters
    ----------
    recall : DataFrame
        As `workbench.metrics.recall_by_k` gives it.
    """
    found, of = recall.iloc[-1][["found", "of"]]
    if not of:
        return empty_figure("No record needs a document")
    figure, axes = one_axes(f"{counted(found, of)} records had every document that they need before the agent decided")
    places = range(len(recall))
    axes.vlines(places, recall["lower"], recall["upper"], color=MIDDLE, linewidth=4)
    axes.plot(places, recall["share"], "o-", color=DARK, markersize=6, label="all that a record needs")
    mean = curve_style(1)
    label = "mean share of what a record needs"
    axes.plot(places, recall["mean_recall"], mean.marker, linestyle=mean.linestyle, color=mean.color, label=label)
    axes.set_xticks(places, [*recall["k"]], fontsize=TEXT_SIZE)
    axes.set(ylim=(-0.02, 1.02), xlabel=f"documents seen first (interval: {recall['method'].iloc[0]})", ylabel="found")
    percent_axis(axes, "y")
    axes.legend(fontsize=TEXT_SIZE, frameon=False, loc="best")
    return figure
