"""Figures of classes: which are hardest, and what is taken for what."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from workbench.pages.figures.drawing import (
    DARK,
    MIDDLE,
    TEXT_SIZE,
    drawable,
    empty_figure,
    name_rows,
    one_axes,
    percent_axis,
    rows_height,
    shortened,
)
from workbench.words import percent

COLUMN_NAME_LENGTH = 30
UPRIGHT_LETTERS = 80
MOST_CLASSES, MOST_CONFUSIONS = 20, 15  # the worst of them are drawn


def per_class_accuracy(classes: pd.DataFrame) -> Figure:
    """Return the classes that are decided right least often, with their intervals.

    Parameters
    ----------
    classes : DataFrame
        As `workbench.metrics.per_class` gives it; classes without records are left out.
    """
    table = classes[classes["n"] > 0]
    if table.empty:
        return empty_figure("No class has a record")
    shown = table.sort_values(["recall", "n"], ascending=[True, False], kind="stable").head(MOST_CLASSES)
    first, overall = shown.iloc[0], table["right"].sum() / table["n"].sum()
    title = (
        f"Hardest class: {shortened(first['label'])}, {first['right']:,} of {first['n']:,} right "
        f"({percent(first['recall'])}); all {len(table):,} classes together {percent(overall)}"
    )
    figure, axes = one_axes(title, rows_height(len(shown)) + 0.3)
    rows = np.arange(len(shown))
    axes.hlines(rows, shown["recall_lower"], shown["recall_upper"], color=MIDDLE, linewidth=1.5)
    axes.plot(shown["recall"], rows, "o", color=DARK, markersize=5, clip_on=False, zorder=3)
    axes.axvline(overall, color=DARK, linestyle="dashed", linewidth=1.2, label=f"all classes {percent(overall)}")
    name_rows(axes, [str(label) for label in shown["label"]])
    for row, (right, n) in enumerate(zip(shown["right"], shown["n"], strict=True)):
        text = f"{right:,} of {n:,}"
        beside: dict[str, Any] = {"xycoords": ("axes fraction", "data"), "textcoords": "offset points"}
        axes.annotate(text, (1, row), (6, 0), va="center", fontsize=8, **beside)
    axes.set_xlim(max(0.0, float(shown["recall_lower"].min()) - 0.03), 1.0)
    percent_axis(axes, "x")
    axes.grid(axis="x", color="0.9")
    axes.set_axisbelow(True)
    axes.set_xlabel("decided right, of the records with this label (each interval on its own)")
    axes.legend(fontsize=TEXT_SIZE, frameon=False, loc="lower left", bbox_to_anchor=(0, 1.0), borderaxespad=0.1)
    return figure


def confusion_heatmap(pairs: pd.DataFrame) -> Figure:
    """Return the most frequent confusions as a table of label against action.

    Parameters
    ----------
    pairs : DataFrame
        As `workbench.metrics.confusion_pairs` gives it.
        The first 15 choose the rows and columns; the other confusions between these are filled in too.
    """
    if pairs.empty:
        return empty_figure("No decision is wrong")
    named = pairs.assign(decided=pairs["action"].where(pairs["action"].notna(), "(" + pairs["status"] + ")"))
    chosen = named.head(MOST_CONFUSIONS)
    rows, columns = list(pd.unique(chosen["label"])), list(pd.unique(chosen["decided"]))
    within = named[named["label"].isin(rows) & named["decided"].isin(columns)]
    cells = within.pivot_table(index="label", columns="decided", values="n", aggfunc="sum", fill_value=0)
    cells = cells.reindex(index=rows, columns=columns, fill_value=0)
    first, total = chosen.iloc[0], int(named["n"].sum())
    title = (
        f"The {len(chosen)} most frequent confusions are {percent(chosen['n'].sum() / total)} of {total:,} errors; "
        f"most often {shortened(first['label'])} ends as {shortened(first['decided'])} ({first['n']:,})"
    )
    figure, axes = one_axes(title, 2.8 + 0.28 * len(rows))
    counts = cells.to_numpy(dtype=float)
    axes.imshow(counts, cmap="Greys", vmin=0, vmax=counts.max() * 1.15, aspect="auto")
    for row, column in zip(*np.nonzero(counts), strict=True):
        value = counts[row, column]
        colour = "white" if value > 0.6 * counts.max() else "black"
        axes.text(column, row, f"{value:,.0f}", ha="center", va="center", fontsize=TEXT_SIZE, color=colour)
    for row, column in [(rows.index(name), columns.index(name)) for name in rows if name in columns]:
        axes.text(column, row, "right", ha="center", va="center", fontsize=8, color=MIDDLE, style="italic")
    name_rows(axes, [str(label) for label in rows])
    _name_columns(axes, columns)
    axes.set_yticks(np.arange(-0.5, len(rows)), minor=True)
    axes.grid(which="minor", color="0.85", linewidth=0.6)
    axes.tick_params(which="minor", length=0)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set(xlabel="decided, in parentheses where there was no valid action", ylabel="label")
    return figure


def _name_columns(axes: Axes, columns: Sequence[str]) -> None:
    """Put one name below each column, upright where they fit side by side."""
    shown = [drawable(name, COLUMN_NAME_LENGTH) for name in columns]
    if max(map(len, shown)) * len(shown) <= UPRIGHT_LETTERS:
        axes.set_xticks(range(len(shown)), shown, fontsize=TEXT_SIZE)
    else:
        axes.set_xticks(range(len(shown)), shown, rotation=40, ha="right", rotation_mode="anchor", fontsize=TEXT_SIZE)
    axes.set_xticks(np.arange(-0.5, len(shown)), minor=True)
