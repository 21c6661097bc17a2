"""Estimates of any maker, each with its interval."""

from __future__ import annotations

from collections.abc import Mapping

from matplotlib.figure import Figure

from workbench.metrics import Estimate, Unit, unit_of
from workbench.pages.figures.drawing import (
    DARK,
    MIDDLE,
    TEXT_SIZE,
    empty_figure,
    name_rows,
    one_axes,
    percent_axis,
    rows_height,
)

MOST_ROWS = 24


def shares_with_intervals(title: str, estimates: Mapping[str, Estimate]) -> Figure:
    """Return the shares among estimates as points with their intervals, one row each, the first at the top.

    Parameters
    ----------
    title : str
        The finding; such as an exhibit's answer.
    estimates : mapping
        By metric; what is undefined or no share is left out, and of more than 24 the rest.
    """
    shares = {name: one for name, one in estimates.items() if one.value is not None and unit_of(name) is Unit.SHARE}
    rows = list(shares.items())[:MOST_ROWS]
    if not rows:
        return empty_figure(title)
    figure, axes = one_axes(title, rows_height(len(rows)))
    for place, (_, one) in enumerate(rows):
        assert one.value is not None
        if one.lower is not None and one.upper is not None:
            axes.hlines(place, one.lower, one.upper, color=MIDDLE, linewidth=4)
        axes.plot([one.value], [place], "o", color=DARK, markersize=6)
    name_rows(axes, [f"{name} (n {one.n:,})" for name, one in rows])
    axes.set_xlim(0.0, 1.0)
    percent_axis(axes, "x")
    axes.set_xlabel(f"interval: {rows[0][1].method}", fontsize=TEXT_SIZE)
    return figure
