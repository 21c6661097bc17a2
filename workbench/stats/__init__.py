"""The maths of estimates, on plain numbers and arrays."""

from __future__ import annotations

from workbench.stats.intervals import (
    IntervalMethod,
    clopper_pearson,
    mean_interval,
    proportion_bounds,
    proportion_interval,
    quantile_interval,
    wilson,
)

__all__ = [
    "IntervalMethod",
    "clopper_pearson",
    "mean_interval",
    "proportion_bounds",
    "proportion_interval",
    "quantile_interval",
    "wilson",
]
