"""What changes do beside their harmless twins: pairs are counted, so that what moves anyway is not laid at a change."""

from __future__ import annotations

import pandas as pd

from workbench.metrics.estimate import Estimate, method_text
from workbench.stats import mcnemar_midp, tango_bounds


def excess_over_twins(broken: pd.Series[bool], twins: pd.Series[bool], level: float, none: str) -> Estimate:
    """Return the share of pairs that a change breaks less the share that its twins break, 0 where twins break more.

    Where no twin alone breaks one that is a plain share, with exact bounds; else the paired difference has Tango's.

    Parameters
    ----------
    broken, twins : Series of bool, shape (n_pairs,)
        Whether the change, and whether its twin, breaks the pair.
    level : float
        Of the two-sided interval, in (0, 1).
    none : str
        Why it is undefined where there is no pair.
    """
    n, (only, other) = len(broken), discordant(broken, twins)
    if not n:
        return Estimate.undefined(none)
    if not other:
        return Estimate.exact_share(only, n, level)
    lower, upper = tango_bounds([only], [other], [n], level)
    value = max(0.0, (only - other) / n)
    bounds = max(0.0, float(lower[0])), max(value, float(upper[0]))
    return Estimate(value, *bounds, n, method_text("Tango, paired", level))


def chance_of_excess(broken: pd.Series[bool], twins: pd.Series[bool]) -> tuple[bool, float]:
    """Return whether a change alone breaks more pairs than its twin alone, and McNemar's two-sided mid-p of the two."""
    only, other = discordant(broken, twins)
    return only > other, mcnemar_midp(only, other)


def discordant(broken: pd.Series[bool], twins: pd.Series[bool]) -> tuple[int, int]:
    """Return how many pairs only the change breaks, and how many only its twin."""
    return int((broken & ~twins).sum()), int((twins & ~broken).sum())
