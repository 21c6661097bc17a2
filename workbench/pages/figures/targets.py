"""Estimates against their targets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from workbench.metrics import Operator, Unit, unit_of, value_text
from workbench.pages.figures.drawing import DARK, TEXT_SIZE, one_axes

HEIGHT_IN = 1.5
MARKERS = {"pass": "o", "fail": "X", "unproven": "o"}
MARGIN = 0.12


def target_figures(decision: Mapping[str, Any]) -> list[Figure]:
    """Return a figure for each criterion of a decision that has an estimate: its interval against its target."""
    measured = (one for one in decision["criteria"] if one["estimate"] is not None)
    return [target_figure(one) for one in measured if one["estimate"]["value"] is not None]


def target_figure(result: Mapping[str, Any]) -> Figure:
    """Return a criterion's estimate with its interval and target, as `CriterionResult.as_json` gives it.

    The hatched side of the dashed target is the good one; a filled dot passes, a cross fails, an open dot is unproven.
    """
    metric, estimate, target = result["name"], result["estimate"], float(result["target"])
    value = float(estimate["value"])
    at_least = Operator(result["operator"]) is Operator.AT_LEAST
    wanted = f"{'at least' if at_least else 'at most'} {value_text(metric, target, 2)}"
    found = f"{result['title']}: {value_text(metric, value, 2)}, wanted {wanted}: {result['state']}"
    figure, axes = one_axes(found, HEIGHT_IN)
    bounds = [value if bound is None else float(bound) for bound in (estimate["lower"], estimate["upper"])]
    left, right = _range([*bounds, value, target], is_share=unit_of(metric) is Unit.SHARE)
    good = (target, right) if at_least else (left, target)
    axes.axvspan(*good, facecolor="none", edgecolor="0.8", hatch="//", linewidth=0)
    axes.axvline(target, color=DARK, linestyle=(0, (6, 3)), linewidth=1.2)
    axes.hlines(0, bounds[0], bounds[1], color="0.35", linewidth=6)
    face = "white" if result["state"] == "unproven" else "black"
    axes.plot([value], [0], MARKERS[result["state"]], markersize=9, markerfacecolor=face, markeredgecolor="black")
    axes.set(xlim=(left, right), ylim=(-1, 1), yticks=[])
    axes.spines["left"].set_visible(False)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda number, _: value_text(metric, number, 1)))
    axes.set_xlabel(f"{metric}; interval: {estimate['method']}; n {estimate['n']:,}", fontsize=TEXT_SIZE)
    return figure


def _range(numbers: list[float], *, is_share: bool) -> tuple[float, float]:
    """Return what the axis shows: all the numbers and some room, a share never beyond 0 and 1."""
    low, high = min(numbers), max(numbers)
    room = (high - low or abs(high) or 1.0) * MARGIN
    return max(low - room, 0.0) if low >= 0 else low - room, min(high + room, 1.0) if is_share else high + room
