"""People at work: how far they agree, and of each how often the recommendation was overridden, planted errors too."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from workbench.pages.figures.drawing import (
    DARK,
    LIGHT,
    MIDDLE,
    TEXT_SIZE,
    bare,
    empty_figure,
    name_rows,
    new_figure,
    percent_axis,
    rows_height,
)

COEFFICIENTS = (("raw", "raw agreement", "o"), ("ac1", "Gwet's AC1", "s"), ("alpha", "Krippendorff's alpha", "D"))
MOST_PEOPLE = 24
HALF_BAR = 0.19


def people_and_agreement(title: str, agreement: pd.DataFrame, people: pd.DataFrame) -> Figure:
    """Return agreement by queue with its intervals, and below it overrides and caught planted errors by person.

    Parameters
    ----------
    title : str
        The finding; such as an exhibit's answer.
    agreement : DataFrame
        `queue`, `n`, and `raw`, `ac1` and `alpha` each with `_lower` and `_upper`; NaN where undefined.
    people : DataFrame
        `reviewer`, `answers` to a recommendation in sight, `overrides` of those that were not planted, and `planted`
        and `caught` errors; of more than 24 people those with the most answers.
    """
    agreement = agreement[agreement["n"] > 0]
    people = people.sort_values("answers", ascending=False, kind="stable").head(MOST_PEOPLE)
    if agreement.empty and people.empty:
        return empty_figure(title)
    n_rows = [max(1, len(COEFFICIENTS) * len(agreement)), max(1, len(people))]
    figure = new_figure(title, sum(map(rows_height, n_rows)))
    top, below = figure.subplots(2, 1, height_ratios=[rows_height(one) for one in n_rows])
    _agreement(top, agreement)
    _people(below, people)
    return figure


def _agreement(axes: Axes, agreement: pd.DataFrame) -> None:
    bare(axes)
    names: list[str] = []
    for row in agreement.to_dict("records"):
        for column, name, marker in COEFFICIENTS:
            place, value = len(names), row[column]
            names.append(
                f"{row['queue']}: {name} (n {row['n']:,})"
                if not pd.isna(value)
                else f"{row['queue']}: {name}, undefined"
            )
            if not pd.isna(value):
                axes.hlines(place, row[f"{column}_lower"], row[f"{column}_upper"], color=MIDDLE, linewidth=4)
                axes.plot([value], [place], marker, color=DARK, markersize=6)
    name_rows(axes, names or ["nothing was decided by two people"])
    lows = [agreement[f"{column}_lower"].min() for column, _, _ in COEFFICIENTS]
    axes.set_xlim(min(0.0, float(np.nanmin([0.0, *lows]))), 1.02)
    axes.set_xlabel("agreement, 1 where all answers are the same; interval of 95%", fontsize=TEXT_SIZE)


def _people(axes: Axes, people: pd.DataFrame) -> None:
    bare(axes)
    places = np.arange(len(people))
    own = (people["answers"] - people["planted"]).to_numpy(dtype=float)
    overridden = people["overrides"].to_numpy(dtype=float) / np.where(own > 0, own, np.nan)
    planted = people["planted"].to_numpy(dtype=float)
    caught = people["caught"].to_numpy(dtype=float) / np.where(planted > 0, planted, np.nan)
    bars = ((overridden, -HALF_BAR, LIGHT, "", "recommendations overridden"),
            (caught, HALF_BAR, "white", "///", "planted errors caught"))  # fmt: skip
    for shares, shift, color, hatch, label in bars:
        axes.barh(places + shift, np.nan_to_num(shares), height=2 * HALF_BAR, color=color, hatch=hatch,
                  edgecolor=DARK, linewidth=0.5, label=label)  # fmt: skip
    rows = zip(people["reviewer"], people["answers"], people["caught"], people["planted"], strict=True)
    names = [f"{who}: {n:,} answers, {k:,} of {of:,} planted caught" for who, n, k, of in rows]
    name_rows(axes, names or ["nobody answered a recommendation"])
    axes.set_xlim(0.0, 1.02)
    percent_axis(axes, "x")
    axes.set_xlabel("share of the person's answers", fontsize=TEXT_SIZE)
    axes.legend(fontsize=TEXT_SIZE, frameon=False, ncols=2, loc="upper left", bbox_to_anchor=(0, -0.18))
