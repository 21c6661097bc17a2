"""Compliance: how many requirements of each regime have which standing."""

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
    rows_height,
)

# By standing, the best first: fill, hatch, colour of the number.
STANDINGS = {
    "met": (MIDDLE, "", "white"),
    "attested": (LIGHT, "", "black"),
    "not met": (DARK, "", "white"),
    "not evidenced": ("white", "///", "black"),
    "not applicable": ("white", "", "black"),
}


def standings_by_regime(title: str, requirements: pd.DataFrame) -> Figure:
    """Return how many requirements of each regime have which standing: black is not met, hatched not evidenced.

    Parameters
    ----------
    title : str
        What the picture shows, one sentence.
    requirements : DataFrame
        `regime` and `standing` of each requirement that applies.
    """
    if requirements.empty:
        return empty_figure("No requirement applies")
    names = list(dict.fromkeys(requirements["regime"]))
    figure, axes = one_axes(title, rows_height(2 * len(names)))
    ends = dict.fromkeys(names, 0)
    for standing, (color, hatch, ink) in STANDINGS.items():
        counts = requirements.loc[requirements["standing"] == standing, "regime"].value_counts()
        for row, name in enumerate(names):
            n = int(counts.get(name, 0))
            if n:
                label = standing if name == next(one for one in names if counts.get(one, 0)) else None
                axes.barh(row, n, left=ends[name], color=color, hatch=hatch, edgecolor=DARK, linewidth=0.6, label=label)
                box = {"facecolor": "white", "edgecolor": "none", "pad": 1} if hatch else None
                place = ends[name] + n / 2
                axes.text(place, row, str(n), ha="center", va="center", fontsize=TEXT_SIZE, color=ink, bbox=box)
                ends[name] += n
    name_rows(axes, names)
    axes.set_xlabel("requirements that apply")
    axes.legend(fontsize=TEXT_SIZE, frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
    return figure
