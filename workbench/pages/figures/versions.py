"""Figures of agent versions: their estimates side by side, and what their confidence is worth."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike, NDArray

from workbench.metrics import ACCURACY, Estimate, estimate_text, title_of
from workbench.pages.figures.drawing import (
    DARK,
    LIGHT,
    MIDDLE,
    ON_WHITE,
    TEXT_SIZE,
    bare,
    empty_figure,
    name_rows,
    new_figure,
    percent_axis,
    shortened,
    target_line,
)
from workbench.words import UNDEFINED, percent

NO_TARGETS: Mapping[str, float] = MappingProxyType({})
DENOMINATORS = {
    "accuracy": "right, of all asked",
    "automation_rate": "decided alone, of all asked",
    "selective_accuracy": "right, of those decided alone",
}
NONE_ALONE = "decides none alone"
ENDS = (0.2, 0.8)  # parts of a panel's width beyond which a label would leave it, were it centred
N_BINS = 25


def versions_compared(
    estimates: Mapping[str, Mapping[str, Estimate]], targets: Mapping[str, float] = NO_TARGETS
) -> Figure:
    """Return agent versions side by side: one panel per metric, one row per version, a dot with its interval.

    Parameters
    ----------
    estimates : mapping
        Version name to metric name to estimate, as `evaluate_outcomes` gives them; drawn in this order.
    targets : mapping
        Metric name to the KPI's target, drawn as a line.
    """
    if not estimates:
        return empty_figure("No version was evaluated")
    figure = new_figure(_best_version(estimates, "accuracy"), 1.9 + 0.5 * len(estimates), width_in=10.5)
    panels = figure.subplots(1, len(DENOMINATORS), sharey=True, squeeze=False)[0]
    for panel, (metric, denominator) in zip(panels, DENOMINATORS.items(), strict=True):
        bare(panel)
        panel.set_title(title_of(metric), fontsize=TEXT_SIZE + 1, loc="left")
        for row, named in enumerate(estimates.values()):
            _dot_with_interval(panel, row, named[metric])
        if metric in targets:
            target_line(panel, targets[metric], "x")
            panel.legend(fontsize=TEXT_SIZE - 1, frameon=False, loc="lower right", bbox_to_anchor=(1.0, 0.98))
        panel.margins(x=0.08)
        for row, named in enumerate(estimates.values()):
            _label(panel, row, named[metric], UNDEFINED if metric == ACCURACY else NONE_ALONE)
        panel.xaxis.set_major_locator(MaxNLocator(4))
        percent_axis(panel, "x")
        panel.grid(axis="x", color="0.9")
        panel.set_axisbelow(True)
        panel.set_xlabel(denominator)
    name_rows(panels[0], list(estimates))
    return figure


def confidence_histogram(confidence: ArrayLike, right: ArrayLike, threshold: float | None = None) -> Figure:
    """Return how confidence is spread over right and over wrong decisions, each on its own scale.

    Parameters
    ----------
    confidence : array of shape (n_decisions,)
        In [0, 1]; NaN for none, which is left out and counted in the title.
    right : array of bool of shape (n_decisions,)
    threshold : float, optional
        Confidence from which a decision is automated.
    """
    values, flags = np.asarray(confidence, dtype=float), np.asarray(right, dtype=bool)
    known = ~np.isnan(values)
    if not known.any():
        return empty_figure("No decision has a confidence")
    halves = {"right": values[known & flags], "wrong": values[known & ~flags]}
    figure = new_figure(_confidence_finding(halves, threshold, int((~known).sum())), 4.6)
    panels = figure.subplots(2, 1, sharex=True)
    bins = np.linspace(min(0.9, np.floor(values[known].min() * 10) / 10), 1, N_BINS + 1)
    for panel, (name, part), hatch in zip(panels, halves.items(), ("", "////"), strict=True):
        bare(panel)
        panel.hist(part, bins=bins, color="white" if hatch else LIGHT, edgecolor=DARK, linewidth=0.6, hatch=hatch)
        panel.set_ylabel(f"{name} decisions")
        panel.yaxis.set_major_locator(MaxNLocator(4, integer=True))
        if threshold is not None:
            panel.axvline(threshold, color=DARK, linestyle="dashed", linewidth=1.4, label=f"threshold {threshold:.3g}")
    if threshold is not None:
        panels[0].legend(fontsize=TEXT_SIZE, frameon=False, loc="upper left")
    panels[1].set_xlabel("confidence")
    return figure


def _best_version(estimates: Mapping[str, Mapping[str, Estimate]], metric: str) -> str:
    """Return which version has the highest value of a metric."""
    values = {name: named[metric].value for name, named in estimates.items()}
    known = {name: value for name, value in values.items() if value is not None}
    if not known:
        return "No version decided anything"
    best = max(known, key=lambda name: known[name])
    found = estimates[best][metric]
    return f"Right most often on these records: {shortened(best)}, {estimate_text(metric, found)}; bars: {found.method}"


def _dot_with_interval(axes: Axes, row: int, estimate: Estimate) -> None:
    """Draw one estimate in its row."""
    if estimate.value is None:
        return
    if estimate.lower is not None and estimate.upper is not None:
        axes.plot([estimate.lower, estimate.upper], [row, row], color=MIDDLE, linewidth=1.8, marker="|", markersize=7)
    axes.plot([estimate.value], [row], "o", color=DARK, markersize=5.5)


def _label(axes: Axes, row: int, estimate: Estimate, otherwise: str) -> None:
    """Write an estimate over its dot, turned inwards near the ends of the panel; without one what there is instead."""
    if estimate.value is None:
        place = ("axes fraction", "data")
        axes.annotate(otherwise, (0.5, row), xycoords=place, ha="center", va="center", fontsize=TEXT_SIZE)
        return
    left, right = axes.get_xlim()
    at = (estimate.value - left) / (right - left)
    axes.annotate(
        f"{percent(estimate.value)} of {estimate.n:,}",
        (estimate.value, row),
        (0, 7),
        textcoords="offset points",
        ha="left" if at < ENDS[0] else "right" if at > ENDS[1] else "center",
        fontsize=TEXT_SIZE - 1,
        bbox=ON_WHITE,
    )


def _confidence_finding(halves: Mapping[str, NDArray[np.float64]], threshold: float | None, n_without: int) -> str:
    """Return what confidence tells about being right."""
    without = f"; {n_without:,} without a confidence are not drawn" if n_without else ""
    wrong, right = halves["wrong"], halves["right"]
    if not len(wrong):
        return f"All {len(right):,} decisions with a confidence are right{without}"
    if threshold is not None:
        above = int((wrong >= threshold).sum())
        share = percent(above / len(wrong))
        return f"{above:,} of {len(wrong):,} wrong decisions ({share}) are at or above the threshold{without}"
    medians = [f"{np.median(part):.3g} when {name}" for name, part in halves.items() if len(part)]
    return f"Median confidence is {' and '.join(medians)}{without}"
