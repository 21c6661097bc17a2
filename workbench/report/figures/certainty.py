"""Figures of what confidence is worth: how often it is right, and what a threshold costs."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from workbench.metrics import cheapest_certified
from workbench.report.figures.drawing import (
    DARK,
    LIGHT,
    MIDDLE,
    ON_WHITE,
    TEXT_SIZE,
    curve_style,
    drawable,
    empty_figure,
    one_axes,
    percent_axis,
    seen_points,
    shortened,
)
from workbench.report.tables import number, percent


def reliability_diagram(tables: Mapping[str, pd.DataFrame]) -> Figure:
    """Return how often decisions of a confidence are right: on the diagonal, confidence is the chance of being right.

    Parameters
    ----------
    tables : mapping
        Name of a confidence, or of a recalibration of it, to its `workbench.metrics.reliability_table`; the first one
        has intervals and counts and decides the title.
    """
    drawn = {name: table for name, table in tables.items() if len(table)}
    if not drawn:
        return empty_figure("No decision has a confidence")
    first = next(iter(drawn))
    figure, axes = one_axes(_reliability_finding(first, drawn[first]), 4.6)
    lowest = min(float(min(table["confidence"].min(), table["accuracy"].min())) for table in drawn.values())
    start = max(0.0, lowest - 0.08)
    axes.plot([start, 1], [start, 1], color=MIDDLE, linestyle="dotted", linewidth=1.2, label="confidence is the chance")
    for order, (name, table) in enumerate(drawn.items()):
        style = curve_style(order)
        if name == first:
            axes.vlines(table["confidence"], table["lower"], table["upper"], color=DARK, linewidth=1.2)
        axes.plot(
            table["confidence"], table["accuracy"], color=style.color, linestyle=style.linestyle, linewidth=1.2,
            marker=style.marker, markersize=5, label=drawable(name),
        )  # fmt: skip
    for row in drawn[first].to_dict("records"):
        axes.annotate(f"{row['n']:,}", (row["confidence"], row["accuracy"]), (5, -11), textcoords="offset points",
                      fontsize=TEXT_SIZE - 1, bbox=ON_WHITE)  # fmt: skip
    axes.set_xlim(start, 1.01)
    axes.set_ylim(start, 1.01)
    percent_axis(axes, "x")
    percent_axis(axes, "y")
    axes.grid(color="0.93")
    axes.set_xlabel("confidence, mean of the decisions in a bin (numbers: how many they are)")
    axes.set_ylabel("share of them that is right")
    axes.legend(fontsize=TEXT_SIZE, frameon=False, loc="upper left")
    return figure


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
    axes.set_xlim(-0.01, 1.01)
    axes.set_ylim(0, max(float(np.quantile(cost, 0.98)), manual or 0.0, float(cost[0])) * 1.15)
    percent_axis(axes, "x")
    axes.grid(color="0.93")
    axes.set_xlabel("automation rate (automated, of all asked)")
    axes.set_ylabel(f"expected cost of a record in {currency}")
    axes.legend(fontsize=TEXT_SIZE, frameon=False, loc="best")
    return figure


def _reliability_finding(name: str, table: pd.DataFrame) -> str:
    """Return in which direction confidence misses, over all decisions."""
    n = int(table["n"].sum())
    sure, right = float((table["confidence"] * table["n"]).sum()) / n, float(table["right"].sum()) / n
    gap = f"{100 * abs(sure - right):.1f} points"
    says = f"{shortened(name)}: {percent(sure)} on average, {percent(right)} right of {n:,}"
    if abs(sure - right) < 0.005:
        return f"{says}, so on average it says what it is"
    return f"{says}, so it is {gap} too {'sure' if sure > right else 'modest'}"


def _cost_finding(best: pd.Series[float], currency: str) -> str:
    cost = f"{number(float(best['cost_per_record']))} {currency} a record"
    if not best["automated"]:
        return f"Only handing everything to people is proved, at {cost}"
    automated = f"{percent(float(best['automation_rate']))} automated"
    return f"Cheapest certified threshold {best['threshold']:.3g}: {cost}, {automated}"
