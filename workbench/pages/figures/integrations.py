"""Integrations: what was measured of each system, beside what was declared."""

from __future__ import annotations

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
from workbench.words import several

# By verdict: fill, hatch, colour of the text, and the text.
DRAWN = {
    "deviates": (DARK, "", "white", "deviates"),
    "unclear": ("white", "///", "black", "unclear"),
    "kept": (LIGHT, "", "black", "kept"),
    "not measured": ("white", "", "black", "not\nmeasured"),
    "let in": (DARK, "", "white", "let in"),
    "refused": (LIGHT, "", "black", "refused"),
}


def verdicts_by_system(matrix: pd.DataFrame) -> Figure:
    """Return the worst verdict of each system on each kind of line: black deviates, grey is kept.

    Parameters
    ----------
    matrix : DataFrame
        A row for each system, a column for each kind of line; missing where nothing is declared.
    """
    if matrix.empty:
        return empty_figure("No system declares a line")
    wrong = int((matrix == "deviates").any(axis=1).sum())
    title = f"{wrong} of {several(len(matrix), 'probed system')} {'deviates' if wrong == 1 else 'deviate'}"
    return _drawn(matrix, title, "kind of line; empty: nothing is declared")


def access_by_system(matrix: pd.DataFrame) -> Figure:
    """Return the worst of what was tried on each system, by kind: black was let in, grey was refused.

    Parameters
    ----------
    matrix : DataFrame
        A row for each system, a column for each kind of try; missing where none was made.
    """
    if matrix.empty:
        return empty_figure("Nothing was tried")
    wrong = int((matrix == "let in").any(axis=1).sum())
    title = f"{wrong} of {several(len(matrix), 'system')} let in what must be refused"
    return _drawn(matrix, title, "kind of try; empty: none was made")


def _drawn(matrix: pd.DataFrame, title: str, axis: str) -> Figure:
    figure, axes = one_axes(title, rows_height(2 * len(matrix)))
    for row, (_, verdicts) in enumerate(matrix.iterrows()):
        for column, verdict in enumerate(verdicts):
            if verdict in DRAWN:
                color, hatch, ink, said = DRAWN[str(verdict)]
                axes.barh(
                    row, 0.94, left=column - 0.47, color=color, hatch=hatch, edgecolor=MIDDLE, linewidth=0.5, height=0.9
                )
                axes.text(column, row, said, ha="center", va="center", fontsize=TEXT_SIZE - 1, color=ink)
    name_rows(axes, [str(name) for name in matrix.index])
    axes.set_xticks(range(len(matrix.columns)), [drawable(name) for name in matrix.columns], rotation=30, ha="right")
    axes.set_xlim(-0.6, len(matrix.columns) - 0.4)
    axes.set_xlabel(axis)
    return figure
