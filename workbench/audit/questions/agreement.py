"""Agreement between annotators: Cohen's kappa, Krippendorff's alpha, and the noise that disagreement implies."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from workbench.metrics import Estimate
from workbench.stats import IntervalMethod, proportion_interval

N_RESAMPLES = 1_000  # percentiles of 95% need no more


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


def krippendorff_alpha(labels: pd.DataFrame) -> float | None:
    """Return Krippendorff's alpha for nominal labels, one column per annotator; None where nothing can disagree.

    Records that fewer than two annotators labelled do not count.

    Notes
    -----
    Source: Krippendorff (2011), "Computing Krippendorff's alpha-reliability", by the coincidence matrix.
    """
    codes, values = pd.factorize(labels.to_numpy(dtype=object).ravel())
    table = codes.reshape(labels.shape)
    counts = np.stack([(table == code).sum(axis=1) for code in range(len(values))], axis=1).astype(float)
    counts = counts[counts.sum(axis=1) >= 2]
    if not len(counts):
        return None
    pairs = counts.sum(axis=1)
    within = (counts * (counts - 1)).sum(axis=1) / (pairs - 1)
    n = counts.sum()
    totals = counts.sum(axis=0)
    expected = 1 - float((totals * (totals - 1)).sum() / (n * (n - 1)))
    return None if expected == 0 else 1 - (1 - float(within.sum() / n)) / expected


def alpha_estimate(labels: pd.DataFrame, seed: int = 0) -> Estimate:
    """Return Krippendorff's alpha with a bootstrap interval over records (percentiles); n counts shared records."""
    shared = labels[labels.notna().sum(axis="columns") >= 2]
    value = krippendorff_alpha(shared) if len(shared) else None
    if value is None:
        return Estimate.undefined("no two annotators labelled the same records differently enough to tell")
    rng = np.random.default_rng(seed)
    draws = [krippendorff_alpha(shared.iloc[rng.integers(0, len(shared), len(shared))]) for _ in range(N_RESAMPLES)]
    known = np.array([draw for draw in draws if draw is not None])
    low, high = np.quantile(known, [0.025, 0.975])
    return Estimate(value, float(low), float(high), len(shared), f"bootstrap of records 95%, seed {seed}")


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
