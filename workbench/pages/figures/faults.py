"""The fault matrix: what came of every fault at every operation."""

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
from workbench.words import counted

# The gravest outcome of a cell stands in it, by its letter; what must not be is dark.
OUTCOMES = (
    ("double", "D", DARK, "white", ""),
    ("lost", "L", DARK, "white", ""),
    ("wrong", "W", DARK, "white", ""),
    ("not run", "?", "white", "black", "///"),
    ("escalated", "e", LIGHT, "black", ""),
    ("recovered", "r", "white", "black", ""),
)
LONGEST = 24  # characters of an operation's name below its column


def fault_matrix(matrix: pd.DataFrame) -> Figure:
    """Return what came of every fault at every operation: the gravest outcome of each cell as a letter.

    Parameters
    ----------
    matrix : DataFrame
        `fault`, `system`, `operation` and a count for each outcome, a row for each cell.
    """
    if matrix.empty:
        return empty_figure("No fault was tried on any operation")
    bad = int((matrix[["double", "lost", "wrong"]].sum(axis=1) > 0).sum())
    missing = int((matrix["not run"] > 0).sum())
    title = f"In {counted(bad, len(matrix))} cells a decision is lost, doubled or changed; {missing:,} were not run"
    faults = list(dict.fromkeys(matrix["fault"]))
    operations = list(dict.fromkeys(zip(matrix["system"], matrix["operation"], strict=True)))
    figure, axes = one_axes(title, rows_height(len(faults)) + 1.6)
    drawn = set()
    for cell in matrix.to_dict("records"):
        row, column = faults.index(cell["fault"]), operations.index((cell["system"], cell["operation"]))
        name, letter, color, ink, hatch = next((one for one in OUTCOMES if cell[one[0]] > 0), OUTCOMES[-1])
        axes.barh(
            row, 0.94, left=column - 0.47, color=color, edgecolor=MIDDLE, linewidth=0.5, hatch=hatch, height=0.9
        )  # fmt: skip
        axes.text(
            column, row, letter, ha="center", va="center", fontsize=TEXT_SIZE, color=ink,
            bbox={"facecolor": color, "edgecolor": "none", "pad": 1},
        )  # fmt: skip
        drawn.add(f"{letter} {name}")
    name_rows(axes, [str(fault) for fault in faults])
    names = [f"{drawable(system, LONGEST)}\n{drawable(operation, LONGEST)}" for system, operation in operations]
    axes.set_xticks(range(len(names)), names, rotation=90, fontsize=TEXT_SIZE - 1)
    axes.set_xlim(-0.6, len(names) - 0.4)
    key = ", ".join(f"{letter} {name}" for name, letter, *_ in OUTCOMES if f"{letter} {name}" in drawn)
    axes.set_xlabel(f"operation\n{key}")
    return figure
