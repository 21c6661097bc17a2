"""Figures of what confidence is worth: how often it is right, and what a threshold costs."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from workbench.metrics import cheapest_certified, threshold_text
from workbench.pages.figures.drawing import (
    AUTOMATION_LABEL,
    DARK,
    LIGHT,
    TEXT_SIZE,
    one_axes,
    percent_axis,
    seen_points,
)
from workbench.words import number, percent


def cost_curve(by_threshold: pd.DataFrame, currency: str, manual: float | None = None) -> Figure:
    """Return the expected cost of a record at every automation rate, and the cheapest threshold that is certified.

    Parameters
    ----------
    by_threshold : DataFrame
        As `workbench.metrics.costs_by_threshold` gives it.
    currency : str
    manual : float, optional
        What a decision without any agent costs, drawn as a line.
    """
    rate, cost = by_threshold["automation_rate"].to_numpy(), by_threshold["cost_per_record"].to_numpy()
    proved = by_threshold[by_threshold["is_certified"]]
    best = cheapest_certified(by_threshold).iloc[0]
    figure, axes = one_axes(_cost_finding(best, currency), 4.2)
    seen = seen_points(len(rate))
    axes.plot(rate[seen], cost[seen], color=DARK, linewidth=1.4, label="every threshold, as these records have it")
    reach = float(proved["automation_rate"].max())
    if reach > 0:
        axes.axvspan(
            0,
            reach,
            color=LIGHT,
            alpha=0.5,
            linewidth=0,
            label=f"where thresholds are certified, up to {percent(reach)}",
        )
    axes.plot([best["automation_rate"]], [best["cost_per_record"]], "D", color="white", markeredgecolor="black",
              markersize=9, markeredgewidth=1.6, label="cheapest certified", zorder=5)  # fmt: skip
    if manual is not None:
        axes.axhline(manual, color=DARK, linestyle=(0, (6, 3)), linewidth=1.1, label="decided without an agent")
    highest = max(float(np.quantile(cost, 0.98)), manual or 0.0, float(cost[0])) * 1.15
    axes.set(xlim=(-0.01, 1.01), ylim=(0, highest), xlabel=AUTOMATION_LABEL)
    percent_axis(axes, "x")
    axes.grid(color="0.93")
    axes.set_ylabel(f"expected cost of a record in {currency}")
    axes.legend(fontsize=TEXT_SIZE, frameon=False, loc="best")
    return figure


def _cost_finding(best: pd.Series[float], currency: str) -> str:
    cost = f"{number(float(best['cost_per_record']))} {currency} a record"
    if not best["automated"]:
        return f"Only handing everything to people is proved, at {cost}"
    automated = f"{percent(float(best['automation_rate']))} automated"
    return f"Cheapest certified threshold {threshold_text(best['threshold'])}: {cost}, {automated}"
