"""Reliability diagrams side by side: several confidences of the same decisions, with how many lie in each bin."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from workbench.pages.figures.drawing import (
    DARK,
    LIGHT,
    MIDDLE,
    TEXT_SIZE,
    WIDTH_IN,
    bare,
    drawable,
    empty_figure,
    new_figure,
    percent_axis,
)

MARKERS = ("s", "^")
SMALLEST, LARGEST = 9.0, 110.0  # areas in points
COUNTS_IN, PANEL_IN, TITLE_IN = 0.9, 2.7, 0.9
WIDTHS_IN = {1: 5.2, 2: 7.2}
CROWDED = 1_000
SAME = 0.005


@dataclass(frozen=True, slots=True)
class Panel:
    """One confidence: its name, its `workbench.metrics.reliability_table`, and those of its recalibrations by name."""

    name: str
    table: pd.DataFrame
    recalibrated: Mapping[str, pd.DataFrame]


def reliability_panels(panels: Sequence[Panel]) -> Figure:
    """Return a column for each confidence: share right against confidence, the same recalibrated, decisions per bin.

    A point's area grows with the decisions in its bin; intervals are those of the confidence as it is. The axes of all
    columns are the same.
    """
    drawn = [panel for panel in panels if len(panel.table)]
    if not drawn:
        return empty_figure("No decision has a confidence")
    is_recalibrated = any(panel.recalibrated for panel in drawn)
    heights = [PANEL_IN] * (1 + is_recalibrated) + [COUNTS_IN]
    figure = new_figure(_finding(drawn), sum(heights) + TITLE_IN, WIDTHS_IN.get(len(drawn), WIDTH_IN))
    grid = figure.subplots(len(heights), len(drawn), sharex=True, sharey="row", squeeze=False, height_ratios=heights)
    most = max(int(panel.table["n"].max()) for panel in drawn)
    for column, panel in zip(grid.T, drawn, strict=True):
        column[0].set_title(drawable(panel.name), fontsize=TEXT_SIZE + 1)
        _as_it_is(column[0], panel.table)
        if is_recalibrated:
            _recalibrated(column[1], panel.recalibrated)
        _counts(column[-1], panel.table, most)
    names = ["right, as it is", *["right, recalibrated"] * is_recalibrated, "decisions"]
    for axes, name in zip(grid[:, 0], names, strict=True):
        axes.set_ylabel(name)
    figure.supxlabel("confidence, mean of the decisions in a bin", fontsize=TEXT_SIZE + 1)
    return figure


def _as_it_is(axes: Axes, table: pd.DataFrame) -> None:
    """Draw a confidence as it is, with intervals."""
    _diagonal(axes)
    axes.plot(table["confidence"], table["accuracy"], color=MIDDLE, linewidth=0.8)
    axes.vlines(table["confidence"], table["lower"], table["upper"], color=DARK, linewidth=1.1)
    axes.scatter(table["confidence"], table["accuracy"], s=_areas(table), color=DARK, zorder=3)


def _recalibrated(axes: Axes, tables: Mapping[str, pd.DataFrame]) -> None:
    """Draw the recalibrations of a confidence."""
    _diagonal(axes)
    for (name, table), marker in zip(tables.items(), MARKERS, strict=False):
        axes.scatter(
            table["confidence"], table["accuracy"], s=_areas(table), marker=marker, facecolor="white",
            edgecolor=DARK, linewidth=1.1, alpha=0.85, zorder=3,
        )  # fmt: skip
        axes.scatter([], [], s=30, marker=marker, facecolor="white", edgecolor=DARK, label=drawable(name))
    if tables:
        axes.legend(fontsize=TEXT_SIZE - 1, frameon=False, loc="upper left", handletextpad=0.2)


def _diagonal(axes: Axes) -> None:
    """Draw where confidence is the chance of being right."""
    bare(axes)
    axes.plot([0, 1], [0, 1], color=MIDDLE, linestyle="dotted", linewidth=1.1)
    axes.set(xlim=(-0.03, 1.03), ylim=(-0.03, 1.03))
    percent_axis(axes, "y")
    axes.grid(color="0.93")


def _areas(table: pd.DataFrame) -> pd.Series[float]:
    share: pd.Series[float] = table["n"] / table["n"].max()
    return SMALLEST + (LARGEST - SMALLEST) * share


def _counts(axes: Axes, table: pd.DataFrame, most: int) -> None:
    """Draw how many decisions each bin has."""
    bare(axes)
    middle, width = (table["from"] + table["to"]) / 2, (table["to"] - table["from"]) * 0.86
    axes.bar(middle, table["n"], width=width, color=LIGHT, edgecolor=DARK, linewidth=0.8)
    for at, n in zip(middle, table["n"], strict=True):
        axes.annotate(
            f"{n:,}", (at, n), (0, 2), textcoords="offset points", ha="center", va="bottom",
            rotation=90 if most >= CROWDED else 0, fontsize=TEXT_SIZE - 2,
        )  # fmt: skip
    axes.set(ylim=(0, most * (1.75 if most >= CROWDED else 1.35)), yticks=[])
    percent_axis(axes, "x")


def _finding(panels: Sequence[Panel]) -> str:
    """Return by how much each confidence misses on average."""
    n = int(panels[0].table["n"].sum())
    right = float(panels[0].table["right"].sum()) / n
    parts = []
    for panel in panels:
        gap = float((panel.table["confidence"] * panel.table["n"]).sum()) / n - right
        missed = f"{100 * abs(gap):.1f} points too {'sure' if gap > 0 else 'modest'}"
        parts.append(f"{panel.name} is {'as sure as it should be' if abs(gap) < SAME else missed}")
    return f"On average over {n:,} decisions {', '.join(parts)}"
