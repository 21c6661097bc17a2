"""Test cases: passed and failed by class, what of the process they cover, which mutants they notice."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from workbench.pages.figures.drawing import (
    DARK,
    LIGHT,
    MIDDLE,
    TEXT_SIZE,
    drawable,
    empty_figure,
    name_rows,
    one_axes,
    rows_height,
)
from workbench.words import counted

PARTS = (("passed", LIGHT, ""), ("failed", DARK, ""), ("only proposed", "white", "///"), ("not judged", "white", "xx"))
MOST_ROWS = 60


def cases_by_class(cases: pd.DataFrame) -> Figure:
    """Return how many cases of each class are passed, failed, only proposed or not judged.

    Parameters
    ----------
    cases : DataFrame
        `class`, `confirmed`, `judged` and `passed`, a row for each case.
    """
    if cases.empty:
        return empty_figure("There are no test cases")
    is_counted = cases["confirmed"] & cases["judged"]
    said = np.select(
        [is_counted & cases["passed"], is_counted, ~cases["confirmed"]], [name for name, *_ in PARTS[:3]], PARTS[3][0]
    )
    counts = pd.crosstab(cases["class"], said).reindex(columns=[name for name, *_ in PARTS], fill_value=0)
    title = f"{counted(int(counts['passed'].sum()), int(is_counted.sum()))} of the confirmed test cases are passed"
    figure, axes = one_axes(title, rows_height(2 * len(counts)))
    start = np.zeros(len(counts))
    for name, color, hatch in PARTS:
        widths = counts[name].to_numpy(dtype=float)
        if widths.any():
            axes.barh(
                range(len(counts)), widths, left=start, color=color, hatch=hatch, edgecolor=DARK, linewidth=0.5,
                label=name,
            )  # fmt: skip
        start += widths
    name_rows(axes, [str(name) for name in counts.index])
    axes.set_xlabel("test cases")
    axes.legend(fontsize=TEXT_SIZE, frameon=False, ncols=len(PARTS), loc="upper left", bbox_to_anchor=(0, -0.15))
    return figure


def coverage_matrix(matrix: pd.DataFrame) -> Figure:
    """Return what of a process cases cover: how many there are for each part and aspect, in black where there is none.

    Parameters
    ----------
    matrix : DataFrame
        A row for each rule, exception, target and fact, a column for each aspect; missing where nothing is needed. No
        pair of rules (precedence) is needed, so none counts. Of more than 60 rows those are drawn that lack most.
    """
    if matrix.empty:
        return empty_figure("The process names nothing to cover")
    numbers = matrix.to_numpy(dtype=float)
    asked = numbers[[not str(name).startswith("precedence ") for name in matrix.index]]
    gone, needed = int((asked == 0).sum()), int(np.isfinite(asked).sum())
    title = f"{counted(needed - gone, needed)} parts of the process have a confirmed test case"
    if len(matrix) > MOST_ROWS:
        order = np.argsort(-(numbers == 0).sum(axis=1), kind="stable")[:MOST_ROWS]
        matrix = matrix.iloc[np.sort(order)]
        numbers = matrix.to_numpy(dtype=float)
    figure, axes = one_axes(title, rows_height(len(matrix)))
    for row, values in enumerate(numbers):
        for column, value in enumerate(values):
            if np.isfinite(value):
                color = DARK if value == 0 else LIGHT
                axes.barh(row, 0.94, left=column - 0.47, color=color, edgecolor=MIDDLE, linewidth=0.5)
                ink = "white" if value == 0 else "black"
                axes.text(column, row, f"{value:.0f}", ha="center", va="center", fontsize=TEXT_SIZE - 1, color=ink)
    name_rows(axes, [str(name) for name in matrix.index])
    axes.set_xticks(range(len(matrix.columns)), [drawable(name) for name in matrix.columns])
    axes.set_xlim(-0.6, len(matrix.columns) - 0.4)
    axes.set_xlabel("number of confirmed test cases; black: none")
    return figure


def mutants_by_kind(mutants: pd.DataFrame) -> Figure:
    """Return how many mutants of each kind a case notices.

    Parameters
    ----------
    mutants : DataFrame
        `kind`, `noticed_by` (missing where no case notices it) and `state`; equivalent ones are left out.
    """
    counting = mutants[mutants["state"] != "equivalent"]
    if counting.empty:
        return empty_figure("The specification was not mutated")
    noticed = counting["noticed_by"].fillna("").astype(bool)
    by_kind = noticed.groupby(counting["kind"], sort=True).agg(["sum", "count"])
    title = f"The cases notice {counted(int(noticed.sum()), len(noticed))} mutants of the policy"
    figure, axes = one_axes(title, rows_height(2 * len(by_kind)))
    rows = range(len(by_kind))
    axes.barh(rows, by_kind["count"], color="white", edgecolor=DARK, hatch="///", linewidth=0.5, label="not noticed")
    axes.barh(rows, by_kind["sum"], color=LIGHT, edgecolor=DARK, linewidth=0.5, label="noticed")
    name_rows(axes, [f"{kind}: {k} of {n}" for kind, k, n in by_kind.itertuples(name=None)])
    axes.set_xlabel("mutants")
    axes.legend(fontsize=TEXT_SIZE, frameon=False, loc="lower right")
    return figure
