"""Findings of any maker by how much they touch."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from workbench.pages.figures.drawing import (
    DARK,
    LIGHT,
    MIDDLE,
    TEXT_SIZE,
    empty_figure,
    name_rows,
    one_axes,
    percent_axis,
    rows_height,
)
from workbench.words import percent, several

MOST_ROWS = 12
FILLS = {"critical": (DARK, ""), "high": (MIDDLE, ""), "medium": (LIGHT, "///"), "low": ("white", "")}


def findings_by_share(findings: pd.DataFrame) -> Figure:
    """Return how many records each finding affects, the worst at the top.

    Parameters
    ----------
    findings : DataFrame
        `title`, `severity` (critical, high, medium or low) and `share` of the records, the worst first; of more than
        twelve the rest is only counted.
    """
    if findings.empty:
        return empty_figure("Nothing was found")
    rows = findings.head(MOST_ROWS)
    counts = findings["severity"].value_counts()
    severe = ", ".join(f"{counts[name]:,} {name}" for name in FILLS if name in counts)
    figure, axes = one_axes(f"{several(len(findings), 'finding')}: {severe}", rows_height(len(rows)))
    seen = set()
    for row, (severity, share) in enumerate(zip(rows["severity"], rows["share"], strict=True)):
        color, hatch = FILLS[severity]
        label = None if severity in seen else severity
        seen.add(severity)
        axes.barh(row, share, color=color, edgecolor=DARK, hatch=hatch, linewidth=0.5, label=label)
        axes.annotate(percent(share), (share, row), (4, 0), textcoords="offset points", va="center", fontsize=8)
    name_rows(axes, list(rows["title"]))
    percent_axis(axes, "x")
    axes.set_xlim(0, min(1.0, 1.15 * float(rows["share"].max()) or 1.0))
    axes.set_xlabel("share of records affected", fontsize=TEXT_SIZE)
    axes.legend(fontsize=TEXT_SIZE, frameon=False, loc="lower right")
    return figure
