"""Counts and shares as the audit's sentences have them."""

from __future__ import annotations

from workbench.metrics import Estimate


def share_text(share: float | None) -> str:
    """Return a share as a percentage that never rounds to certainty.

    Examples
    --------
    >>> share_text(0.0714), share_text(0.0), share_text(0.0002), share_text(0.9999), share_text(None)
    ('7.1%', '0%', '<0.1%', '>99.9%', 'undefined')
    """
    if share is None:
        return "undefined"
    if share in (0.0, 1.0):
        return f"{share:.0%}"
    if abs(share) < 0.0005:
        return "<0.1%"
    return ">99.9%" if 0.9995 <= share < 1 else f"{share:.1%}"


def counted(k: int, n: int) -> str:
    """Return how many of how many.

    Examples
    --------
    >>> counted(412, 6400)
    '412 of 6,400 (6.4%)'
    >>> counted(0, 0)
    '0 of 0'
    """
    return f"{k:,} of {n:,} ({share_text(k / n)})" if n else f"{k:,} of 0"


def with_interval(estimate: Estimate) -> str:
    """Return a share with its interval.

    Examples
    --------
    >>> with_interval(Estimate.proportion(13, 16))
    '81.2% (57.0% to 93.4%)'
    """
    if estimate.value is None or estimate.lower is None or estimate.upper is None:
        return share_text(estimate.value)
    return f"{share_text(estimate.value)} ({share_text(estimate.lower)} to {share_text(estimate.upper)})"
