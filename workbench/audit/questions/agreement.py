"""Agreement between annotators: Cohen's kappa, Krippendorff's alpha, and the noise that disagreement implies."""

from __future__ import annotations

import math

import pandas as pd

from workbench.metrics import Coefficient, Estimate, agreement_estimate
from workbench.stats import IntervalMethod, proportion_interval


def cohen_kappa(first: pd.Series[str], second: pd.Series[str]) -> float | None:
    """Return Cohen's kappa of two annotators on the records that both labelled; None where chance alone agrees fully.

    Notes
    -----
    Source: Cohen (1960), Educational and Psychological Measurement 20.

    Examples
    --------
    >>> round(cohen_kappa(pd.Series(list("aabb")), pd.Series(list("aaba"))), 3)
    0.5
    """
    both = pd.DataFrame({"first": first, "second": second}).dropna()
    if both.empty:
        return None
    observed = float((both["first"] == both["second"]).mean())
    shares = [both[name].value_counts(normalize=True) for name in ("first", "second")]
    expected = float(shares[0].mul(shares[1], fill_value=0).sum())
    return None if expected == 1 else (observed - expected) / (1 - expected)


def alpha_estimate(labels: pd.DataFrame) -> Estimate:
    """Return Krippendorff's alpha for nominal labels, one column per annotator; n counts records that two labelled."""
    given = [[one for one in row if pd.notna(one)] for row in labels.itertuples(index=False, name=None)]
    return agreement_estimate(Coefficient.ALPHA, given)


def label_noise(disagreements: int, pairs: int) -> Estimate:
    """Return the share of wrong labels that disagreement between two independent labels of a case implies.

    Two labels of one case, each wrong with probability e and hardly ever wrong in the same way, differ with
    probability 2e(1 - e). The interval is the exact one (Clopper-Pearson) of the share of pairs that differ, turned
    the same way; a share of pairs above one half counts as one half. n counts pairs.

    Examples
    --------
    >>> noise = label_noise(18, 100)
    >>> round(noise.value, 3), noise.n
    (0.1, 100)
    """
    if not pairs:
        return Estimate.undefined("no two labels of the same case")
    low, high = proportion_interval(disagreements, pairs, 0.95, IntervalMethod.CLOPPER_PEARSON)
    shares = [_one_wrong(share) for share in (disagreements / pairs, low, high)]
    return Estimate(shares[0], shares[1], shares[2], pairs, "Clopper-Pearson 95% of differing pairs")


def _one_wrong(differ: float) -> float:
    return (1 - math.sqrt(max(0.0, 1 - 2 * differ))) / 2
