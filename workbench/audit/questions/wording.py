"""Counts and shares as the audit's sentences have them."""

from __future__ import annotations

from workbench.metrics import Estimate
from workbench.words import percent


def with_interval(estimate: Estimate) -> str:
    """Return a share with its interval.

    Examples
    --------
    >>> with_interval(Estimate.proportion(13, 16))
    '81.2% (57.0% to 93.4%)'
    """
    if estimate.value is None or estimate.lower is None or estimate.upper is None:
        return percent(estimate.value)
    return f"{percent(estimate.value)} ({percent(estimate.lower)} to {percent(estimate.upper)})"
