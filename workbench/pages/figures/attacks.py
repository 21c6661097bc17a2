"""Attacks on an agent: what came of them by class and by the way they came in."""

from __future__ import annotations

import numpy as np
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
from workbench.words import counted, percent

PARTS = (("hits", "hit", DARK, ""), ("fragile", "harmless text moves it too", "white", "xx"),
         ("stopped", "stopped", LIGHT, "///"))  # fmt: skip
SHOWN = ("class", "channel")
MOST_ROWS = 30


def attack_rates(rates: pd.DataFrame) -> Figure:
    """Return by class and channel how many attacks hit, were stopped, or moved what a harmless text moves as well.

    Parameters
    ----------
    rates : DataFrame
        `by` (class or channel count here), `group`, `judged`, `hits`, `fragile`, `stopped` and `upper`, the bound of
        the share of hits; the worst of each first.
    """
    rows = rates[rates["by"].isin(SHOWN) & (rates["judged"] > 0)].head(MOST_ROWS)
    if rows.empty:
        return empty_figure("No attack was judged")
    whole = rates[(rates["by"] == "class")]
    hits, judged = int(whole["hits"].sum()), int(whole["judged"].sum())
    worst = rows.iloc[0]
    most = f", most in {worst['group']}: {percent(worst['hits'] / worst['judged'])}" if hits else ""
    figure, axes = one_axes(f"{counted(hits, judged)} attacks hit{most}", rows_height(len(rows)))
    start = np.zeros(len(rows))
    for column, label, color, hatch in PARTS:
        widths = (rows[column] / rows["judged"]).to_numpy(dtype=float)
        axes.barh(
            range(len(rows)), widths, left=start, color=color, hatch=hatch, edgecolor=DARK, linewidth=0.5, label=label
        )
        start += widths
    places = np.arange(len(rows))
    axes.plot(rows["upper"], places, "|", color=MIDDLE, markersize=9, markeredgewidth=2, label="hits: bound of 95%")
    name_rows(
        axes, [f"{by} {name} ({n:,})" for by, name, n in zip(rows["by"], rows["group"], rows["judged"], strict=True)]
    )
    percent_axis(axes, "x")
    axes.set_xlim(0, 1)
    axes.set_xlabel("share of the attempts that were judged", fontsize=TEXT_SIZE)
    axes.legend(fontsize=TEXT_SIZE, frameon=False, ncols=2, loc="upper left", bbox_to_anchor=(0, -0.12))
    return figure
