"""Pictures of a gate's report as numbers to draw: intervals against targets, and accuracy against automation.

They are drawn as SVG inside the page, by its template, so every text in them is escaped like the rest of it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from workbench.metrics import Operator, Unit, unit_of, value_text

WIDTH, LEFT, RIGHT = 640.0, 10.0, 10.0
CURVE_HEIGHT, CURVE_LEFT, CURVE_BOTTOM = 260.0, 64.0, 40.0
MAX_POINTS = 400
MARGIN = 0.12
MAX_TICKS = 6


@dataclass(frozen=True, slots=True)
class Tick:
    """A number on an axis and where it stands."""

    at: float
    text: str


@dataclass(frozen=True, slots=True)
class IntervalPlot:
    """An estimate, its interval and its target on one axis, in the picture's units.

    Parameters
    ----------
    value, lower, upper : float
        Where they stand; a bound that there is not stands at the axis' end, and `is_open_below` or `is_open_above` says
        so.
    good_from, good_to : float
        The side of the target that passes.
    text : str
        What the picture shows, in words.
    """

    value: float
    lower: float
    upper: float
    is_open_below: bool
    is_open_above: bool
    target: float
    good_from: float
    good_to: float
    ticks: tuple[Tick, ...]
    state: str
    text: str


@dataclass(frozen=True, slots=True)
class CurvePlot:
    """Accuracy of automated decisions against the share that is automated, in the picture's units.

    Parameters
    ----------
    line, band : str
        Points of the curve, and of the area between its bounds, as SVG wants them.
    target, mark : optional
        Height of the target's line; where the judged threshold stands.
    """

    line: str
    band: str
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    target: float | None
    target_text: str
    mark: tuple[float, float] | None
    text: str


def interval_plot(result: Mapping[str, Any]) -> IntervalPlot | None:
    """Return the picture of a criterion's estimate, as `CriterionResult.as_json` gives it; None without a value."""
    estimate = result["estimate"]
    if estimate is None or estimate["value"] is None:
        return None
    metric, target, value = result["name"], float(result["target"]), float(estimate["value"])
    given = [number for number in (estimate["lower"], estimate["upper"]) if number is not None]
    low, high = _range([*given, value, target], is_share=unit_of(metric) is Unit.SHARE)
    place = _scale(low, high, LEFT, WIDTH - RIGHT)
    lower, upper = (place(bound) for bound in (_given(estimate["lower"], low), _given(estimate["upper"], high)))
    at_least = Operator(result["operator"]) is Operator.AT_LEAST
    ticks = tuple(Tick(place(number), value_text(metric, number, 1)) for number in np.linspace(low, high, 5).tolist())
    words = f"{value_text(metric, value, 2)}, interval {_text(metric, estimate['lower'])} to "
    words += f"{_text(metric, estimate['upper'])}, target {'at least' if at_least else 'at most'} "
    return IntervalPlot(
        value=place(value),
        lower=lower,
        upper=upper,
        is_open_below=estimate["lower"] is None,
        is_open_above=estimate["upper"] is None,
        target=place(target),
        good_from=place(target) if at_least else LEFT,
        good_to=WIDTH - RIGHT if at_least else place(target),
        ticks=ticks,
        state=result["state"],
        text=f"{result['title']}: {words}{value_text(metric, target, 2)}: {result['state']}",
    )


def curve_plot(curve: pd.DataFrame, target: float | None, threshold: float | None) -> CurvePlot | None:
    """Return the picture of `risk_coverage`; None where no decision has a confidence."""
    if curve.empty:
        return None
    kept = np.unique(np.linspace(0, len(curve) - 1, min(len(curve), MAX_POINTS)).astype(int))
    points = curve.iloc[kept]
    floor = min(float(points["selective_accuracy"].min()), 1.0 if target is None else target)
    low = max(0.0, math.floor((floor - 0.02) * 20) / 20)
    step = next(size for size in (0.01, 0.02, 0.05, 0.1, 0.2) if (1.0 - low) / size <= MAX_TICKS)
    x = _scale(0.0, 1.0, CURVE_LEFT, WIDTH - RIGHT)
    y = _scale(low, 1.0, CURVE_HEIGHT - CURVE_BOTTOM, 12.0)
    automated = [x(share) for share in points["automation_rate"]]
    heights = {
        name: [y(max(share, low)) for share in points[name]] for name in ("selective_accuracy", "lower", "upper")
    }
    band = [*zip(automated, heights["upper"], strict=True), *list(zip(automated, heights["lower"], strict=True))[::-1]]
    heights_of_ticks = np.arange(1.0, low - step / 2, -step).tolist()
    return CurvePlot(
        line=_points(list(zip(automated, heights["selective_accuracy"], strict=True))),
        band=_points(band),
        x_ticks=tuple(Tick(x(share), f"{share:.0%}") for share in np.linspace(0, 1, 6).tolist()),
        y_ticks=tuple(Tick(y(share), f"{100 * share:.4g}%") for share in heights_of_ticks),
        target=None if target is None else y(target),
        target_text="" if target is None else f"target {value_text('accuracy', target, 2)}",
        mark=_mark(curve, threshold, (x, y)),
        text="Share of automated decisions that are right, against the share of decisions that are automated",
    )


def _mark(curve: pd.DataFrame, threshold: float | None, scales: tuple[Any, Any]) -> tuple[float, float] | None:
    """Return where the judged threshold stands: at the last point that it automates."""
    if threshold is None:
        return None
    automated = curve[curve["threshold"] >= threshold]
    if automated.empty:
        return None
    last = automated.iloc[-1]
    return scales[0](float(last["automation_rate"])), scales[1](float(last["selective_accuracy"]))


def _range(numbers: list[float], *, is_share: bool) -> tuple[float, float]:
    low, high = min(numbers), max(numbers)
    margin = (high - low or abs(high) or 1.0) * MARGIN
    if is_share:
        return max(0.0, low - margin), min(1.0, high + margin)
    return max(0.0, low - margin) if low >= 0 else low - margin, high + margin


def _scale(low: float, high: float, start: float, end: float) -> Any:
    """Return a function from numbers to places; what lies outside stands at the edge."""
    span = high - low or 1.0

    def place(number: float) -> float:
        return round(start + min(max((number - low) / span, 0.0), 1.0) * (end - start), 1)

    return place


def _points(pairs: list[tuple[float, float]]) -> str:
    return " ".join(f"{x:g},{y:g}" for x, y in pairs)


def _text(metric: str, bound: float | None) -> str:
    return "?" if bound is None else value_text(metric, bound, 2)


def _given(bound: float | None, end: float) -> float:
    return end if bound is None else float(bound)
