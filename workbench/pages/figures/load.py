"""Figures of a load test: latency over a schedule, from the schedule beside from the send, and of reviewers' taps."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from workbench.pages.figures.drawing import (
    DARK,
    LIGHT,
    MIDDLE,
    TEXT_SIZE,
    bare,
    curve_style,
    drawable,
    empty_figure,
    new_figure,
    one_axes,
    percent_axis,
    seen_points,
    shortened,
)
from workbench.words import percent, seconds

SHORTEST_S = 1e-6
BINS = 60
HEADROOM = 1.35  # above the highest bar, for the legend
WAITS = {"from the schedule": "due_s", "from the send": "sent_s"}


def load_over_time(arrivals: pd.DataFrame, queue: pd.DataFrame) -> Figure:
    """Return latencies over the schedule of one profile, above what arrives and what waits.

    Parameters
    ----------
    arrivals : DataFrame
        Of one profile, as `workbench.load_testing` has them: `due_s`, `done_s`, `phase`, `profile`.
    queue : DataFrame
        How many records are due and undecided, as `workbench.load_testing.in_system` gives it: `t_s`, `n`.
    """
    decided = arrivals.dropna(subset=["done_s"])
    if decided.empty:
        return empty_figure("Nothing was decided under load")
    waits = (decided["done_s"] - decided["due_s"]).to_numpy(dtype=float)
    p95, most = seconds(float(np.quantile(waits, 0.95, method="inverted_cdf"))), int(queue["n"].max())
    name = shortened(str(arrivals["profile"].iloc[0]))
    figure = new_figure(f"{name}: 95% of {len(decided):,} decided within {p95}, at most {most:,} in hand at once", 5.2)
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    bare(above)
    bare(below)
    seen = seen_points(len(decided))
    due = decided["due_s"].to_numpy(dtype=float)[seen]
    above.plot(due, np.maximum(waits[seen], SHORTEST_S), ".", color=DARK, markersize=2.5)
    above.set_yscale("log")
    above.yaxis.set_major_formatter(FuncFormatter(lambda value, _: seconds(value)))
    above.yaxis.set_minor_formatter(FuncFormatter(lambda *_: ""))
    above.set_ylabel("latency")
    counts, edges = np.histogram(arrivals["due_s"], bins=BINS)
    each = seconds(float(edges[1] - edges[0]))
    below.bar(edges[:-1], counts, np.diff(edges), align="edge", color=LIGHT, label=f"arrivals, a bar of {each} each")
    at = seen_points(len(queue))
    below.step(queue["t_s"].to_numpy()[at], queue["n"].to_numpy()[at], where="post", color=DARK, linewidth=1.0,
               label="due and undecided")  # fmt: skip
    of_peak = arrivals.loc[arrivals["phase"] == "peak", "due_s"]
    if len(of_peak):
        for axes in (above, below):
            ends = float(of_peak.min()), float(of_peak.max())
            axes.axvspan(*ends, facecolor="none", edgecolor=MIDDLE, linestyle="dashed")
    peak = " (dashed: the peak)" if len(of_peak) else ""
    below.set(xlabel=f"seconds after the start, gaps compressed{peak}", ylabel="records")
    below.set_ylim(0, HEADROOM * max(int(counts.max()), most))
    below.legend(fontsize=TEXT_SIZE, frameon=False, loc="upper right", ncols=2)
    return figure


def load_waits(arrivals: pd.DataFrame) -> Figure:
    """Return the share of records decided within a time, from the schedule beside from the send, for each profile.

    Parameters
    ----------
    arrivals : DataFrame
        As `workbench.load_testing` has them: `profile`, `due_s`, `sent_s`, `done_s`.
    """
    decided = arrivals.dropna(subset=["done_s", "sent_s"])
    if decided.empty:
        return empty_figure("Nothing was decided under load")
    apart = {str(name): _apart(part) for name, part in decided.groupby("profile", sort=False)}
    worst = max(apart, key=lambda name: apart[name])
    figure, axes = one_axes(f"Counted from the send, {percent(apart[worst])} of the waiting is missed ({worst})", 4.2)
    order = 0
    for name, part in decided.groupby("profile", sort=False):
        for said, since in WAITS.items():
            ordered = np.sort((part["done_s"] - part[since]).to_numpy(dtype=float))
            style, seen = curve_style(order), seen_points(len(ordered))
            axes.plot(np.maximum(ordered[seen], SHORTEST_S), (seen + 1) / len(ordered), color=style.color,
                      linestyle=style.linestyle, linewidth=1.5, marker=style.marker, markevery=max(1, len(seen) // 8),
                      markersize=4.5, label=f"{drawable(str(name))}, {said}, n {len(ordered):,}")  # fmt: skip
            order += 1
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: seconds(value)))
    axes.xaxis.set_minor_formatter(FuncFormatter(lambda *_: ""))
    percent_axis(axes, "y")
    axes.grid(color="0.92")
    axes.set(xlabel="time until the decision (logarithmic)", ylabel="share of records decided")
    axes.legend(fontsize=TEXT_SIZE, frameon=False, loc="lower right")
    return figure


def load_reviewers_taps(table: pd.DataFrame, limit_s: float) -> Figure:
    """Return how long a tap at the review desk takes with so many reviewers at once, beside what was agreed.

    Parameters
    ----------
    table : DataFrame
        As `workbench.load_testing` has it: `at_once`, `p50_s`, `p95_s`, `p95_lower_s`, `p95_upper_s` (None for none).
    limit_s : float
        How long 95% of taps may take.
    """
    if table.empty:
        return empty_figure("Nobody was at the review desk")
    most = table.iloc[-1]
    title = f"{int(most['at_once']):,} reviewers at once: 95% of taps within {seconds(float(most['p95_s']))}"
    figure, axes = one_axes(title, 3.4)
    places, p95 = np.arange(len(table)), table["p95_s"].to_numpy(dtype=float)
    bounds = [table[name].astype(float).fillna(table["p95_s"]).to_numpy() for name in ("p95_lower_s", "p95_upper_s")]
    axes.errorbar(places, p95, [p95 - bounds[0], bounds[1] - p95], fmt="o", color=DARK, capsize=4, label="p95 (95%)")
    axes.plot(places, table["p50_s"], "s", color=MIDDLE, markersize=5, label="median")
    axes.axhline(limit_s, color=DARK, linestyle="dashed", linewidth=1, label=f"agreed: {seconds(limit_s)}")
    axes.set_xticks(places, [f"{int(one):,}" for one in table["at_once"]])
    axes.set_ylim(0, HEADROOM * max(limit_s, float(bounds[1].max())))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: seconds(value)))
    axes.set(xlabel="reviewers at once", ylabel="time of one tap")
    axes.legend(fontsize=TEXT_SIZE, frameon=False, loc="upper right", ncols=3)
    return figure


def _apart(part: pd.DataFrame) -> float:
    """Return which share of all waiting from the schedule lies before the send."""
    waited = float((part["done_s"] - part["due_s"]).sum())
    return float((part["sent_s"] - part["due_s"]).sum()) / waited if waited else 0.0
