"""Figures with one curve per agent: risk against coverage, and latency."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator
from numpy.typing import ArrayLike, NDArray

from workbench.pages.figures.drawing import (
    AUTOMATION_LABEL,
    DARK,
    LIGHT,
    ON_WHITE,
    TEXT_SIZE,
    curve_style,
    drawable,
    empty_figure,
    one_axes,
    percent_axis,
    seen_points,
    shortened,
    target_line,
)
from workbench.words import percent, seconds

NO_THRESHOLDS: Mapping[str, float] = MappingProxyType({})
FEWEST_FOR_AXIS = 20
SHORTEST_S = 1e-6
MOST_SPREAD = 100  # from shortest to longest, below which 2 and 5 are marked besides powers of ten
MARKED_QUANTILES = (0.5, 0.95, 0.99)

MOST_LABELLED = 4  # with more curves, thresholds are named in the legend
# Offsets in points; neighbours differ, so that labels of thresholds close to each other do not overlap.
LABEL_PLACES = ((9, 9), (9, -20), (-95, -24), (-95, 9))


def risk_coverage_curves(
    curves: Mapping[str, pd.DataFrame],
    target: float | None = None,
    thresholds: Mapping[str, float] = NO_THRESHOLDS,
    band: pd.DataFrame | None = None,
) -> Figure:
    """Return selective accuracy against automation, one curve per agent.

    Parameters
    ----------
    curves : mapping
        Agent name to the table that `workbench.metrics.risk_coverage` gives.
    target : float, optional
        Selective accuracy that is asked for, drawn as a line.
    thresholds : mapping
        Agent name to the threshold in use, marked on its curve with its interval.
    band : DataFrame, optional
        Of a single curve: `workbench.metrics.risk_coverage_band`, whose bounds hold all at once. Without it a single
        curve gets the interval of each threshold on its own.
    """
    drawn = {name: curve for name, curve in curves.items() if not curve.empty}
    if not drawn:
        return empty_figure("No agent gives a confidence, so there is no threshold to choose")
    figure, axes = one_axes(_most_automation(drawn, target), 4.8)
    is_crowded = len(drawn) > MOST_LABELLED
    for order, (name, curve) in enumerate(drawn.items()):
        label = drawable(name)
        if name in thresholds:
            _mark_threshold(axes, order, curve, thresholds[name], is_labelled=not is_crowded)
            label += f", threshold {thresholds[name]:.3g}" if is_crowded else ""
        _risk_curve(axes, order, label, curve)
    if len(drawn) == 1:
        points = _seen(next(iter(drawn.values()))) if band is None else band
        rates, bounds = points["automation_rate"], (points["lower"], points["upper"])
        name = "interval of each threshold on its own" if band is None else "band that holds everywhere at once, 95%"
        axes.fill_between(rates, *bounds, color=LIGHT, alpha=0.5, label=name)
    for name in [name for name in curves if name not in drawn]:
        axes.plot([], [], " ", label=f"{drawable(name)}: no confidence")
    if target is not None:
        target_line(axes, target, "y")
    axes.set(xlim=(0, 1), ylim=(_lowest_worth_showing(drawn, target), 1.002))
    axes.set(xlabel=AUTOMATION_LABEL, ylabel="right, of those decided alone")
    percent_axis(axes, "xy")
    axes.grid(color="0.92")
    beside = {"loc": "upper left", "bbox_to_anchor": (1.0, 1.0)} if is_crowded else {"loc": "lower left"}
    axes.legend(fontsize=TEXT_SIZE, frameon=False, **beside)
    return figure


def latency_distribution(latencies: Mapping[str, ArrayLike]) -> Figure:
    """Return the share of decisions done within a time, one curve per agent, with p50, p95 and p99 marked.

    Parameters
    ----------
    latencies : mapping
        Agent name to seconds per decision, of the calls that were made.
    """
    sorted_by_name = {name: np.sort(np.asarray(values, dtype=float)) for name, values in latencies.items()}
    drawn = {name: values for name, values in sorted_by_name.items() if len(values)}
    if not drawn:
        return empty_figure("No call was made")
    slowest = max(drawn, key=lambda name: _quantile(drawn[name], 0.95))
    p50, p95 = (seconds(_quantile(drawn[slowest], q)) for q in (0.5, 0.95))
    finding = f"{shortened(slowest)}: half of the decisions within {p50}, 95% within {p95}"
    figure, axes = one_axes(finding if len(drawn) == 1 else f"Slowest is {finding}", 3.8)
    for order, (name, values) in enumerate(drawn.items()):
        _latency_curve(axes, order, name, np.maximum(values, SHORTEST_S))
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: seconds(value)))
    axes.xaxis.set_minor_formatter(FuncFormatter(lambda *_: ""))
    first, last = (select(values[place] for values in drawn.values()) for select, place in ((min, 0), (max, -1)))
    if last < MOST_SPREAD * max(first, SHORTEST_S):
        axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.set_yticks([0, 0.25, 0.5, 0.75, 0.95])
    percent_axis(axes, "y")
    axes.grid(color="0.92")
    axes.set(xlabel="time per decision, waits and retries included (logarithmic)", ylabel="share of decisions done")
    axes.legend(fontsize=TEXT_SIZE, frameon=False, loc="best", title="marked: 50%, 95%, 99%", title_fontsize=TEXT_SIZE)
    return figure


def _risk_curve(axes: Axes, order: int, label: str, curve: pd.DataFrame) -> None:
    """Draw one agent's curve, with markers at a few of its points."""
    points, style = _seen(curve), curve_style(order)
    axes.plot(
        points["automation_rate"],
        points["selective_accuracy"],
        label=label,
        color=style.color,
        linestyle=style.linestyle,
        linewidth=1.5,
        marker=style.marker,
        markevery=max(1, len(points) // 10),
        markersize=4.5,
    )


def _latency_curve(axes: Axes, order: int, name: str, ordered: NDArray[np.float64]) -> None:
    """Draw the share of decisions done within a time, with three quantiles marked."""
    style, seen = curve_style(order), seen_points(len(ordered))
    axes.plot(ordered[seen], (seen + 1) / len(ordered), color=style.color, linestyle=style.linestyle, linewidth=1.5)
    marked = [_quantile(ordered, q) for q in MARKED_QUANTILES]
    axes.plot(marked, MARKED_QUANTILES, style.marker, color=style.color, markersize=6)
    label = f"{drawable(name)}, n {len(ordered):,}"
    axes.plot([], [], label=label, color=style.color, linestyle=style.linestyle, marker=style.marker)


def _most_automation(curves: Mapping[str, pd.DataFrame], target: float | None) -> str:
    """Return which agent automates most at the target, on these records."""
    if target is None:
        ends = {name: float(curve["selective_accuracy"].iloc[-1]) for name, curve in curves.items()}
        best = max(ends, key=lambda name: ends[name])
        return f"With all decided alone that can be, {shortened(best)} is right most often: {percent(ends[best])}"
    reached = {
        name: curve.loc[curve["selective_accuracy"] >= target, "automation_rate"] for name, curve in curves.items()
    }
    rates = {name: float(rate.max()) for name, rate in reached.items() if len(rate)}
    wanted = f"{percent(target)} right"
    if not rates:
        return f"No threshold of any agent reaches {wanted} on these records"
    best = max(rates, key=lambda name: rates[name])
    return f"{shortened(best)} decides most alone at {wanted}: {percent(rates[best])} (seen, not certified)"


def _mark_threshold(axes: Axes, order: int, curve: pd.DataFrame, threshold: float, *, is_labelled: bool) -> None:
    """Mark the point of a curve at a threshold, with its interval."""
    reached = curve[curve["threshold"] >= threshold]
    if reached.empty:
        return
    point, marker = reached.iloc[-1], curve_style(order).marker
    x, y = point["automation_rate"], point["selective_accuracy"]
    axes.vlines(x, point["lower"], point["upper"], color=DARK, linewidth=1.2)
    axes.plot([x], [y], marker, color="white", markeredgecolor="black", markersize=9, markeredgewidth=1.6, zorder=5)
    if not is_labelled:
        return
    text = f"threshold {threshold:.3g}"
    beside = LABEL_PLACES[order % len(LABEL_PLACES)]
    axes.annotate(text, (x, y), beside, textcoords="offset points", fontsize=TEXT_SIZE, bbox=ON_WHITE)


def _seen(curve: pd.DataFrame) -> pd.DataFrame:
    """Return the points of a curve that can be told apart."""
    return curve.iloc[seen_points(len(curve))]


def _lowest_worth_showing(curves: Mapping[str, pd.DataFrame], target: float | None) -> float:
    """Return the lower end of the accuracy axis: what curves reach once they rest on some decisions."""
    lowest = 1.0 if target is None else target
    for curve in curves.values():
        settled = curve[curve["automated"] >= min(FEWEST_FOR_AXIS, int(curve["automated"].max()))]
        lowest = min(lowest, float(settled["selective_accuracy"].min()))
    return max(0.0, lowest - 0.15 * (1.0 - lowest) - 0.01)


def _quantile(ordered: NDArray[np.float64], q: float) -> float:
    """Return an observed quantile."""
    return float(np.quantile(ordered, q, method="inverted_cdf"))
