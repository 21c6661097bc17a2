"""pass^k and agreement from a table of answers: `record_id`, `label`, `answer_1` to `answer_k`, as text or missing."""

from __future__ import annotations

from collections.abc import Sequence
from math import comb

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.metrics import Estimate, method_text

RECORD, LABEL, ANSWER = "record_id", "label", "answer_"
LEVEL = 0.95
METHOD = "Clopper-Pearson on records, conservative for shares"
AGREEMENT, ALWAYS_THE_SAME, PASS = "agreement", "always_the_same", "pass^"


def pass_metric(k: int) -> str:
    """Return the id of the metric of being right k times of k."""
    return f"{PASS}{k}"


def answers_of(answers: pd.DataFrame) -> pd.DataFrame:
    """Return what was answered, one row per record, one column per repeat; None where there was no valid answer."""
    return answers[[name for name in answers.columns if name.startswith(ANSWER)]]


def shares_of(answers: pd.DataFrame) -> dict[str, NDArray[np.float64]]:
    """Return for each metric one share in [0, 1] per record.

    pass^j is the chance that j repeats of a record are all right; pass^1 is the accuracy at this temperature. It is
    estimated without bias from k repeats: of a record that is right c times, the share C(c, j) / C(k, j) of the choices
    of j repeats. A decision that is invalid or failed is not right. `agreement` is the chance that two repeats answer
    the same, `always_the_same` the share of records that are answered the same all k times. Repeats of a record belong
    together, so that the denominator of every interval is records, not calls.
    """
    said = answers_of(answers)
    times = said.shape[1]
    hits = said.eq(answers[LABEL], axis=0).to_numpy().sum(axis=1)
    shares = {
        pass_metric(j): np.array([comb(int(c), j) / comb(times, j) for c in hits], dtype=float)
        for j in range(1, times + 1)
    }
    pairs = _pairwise_agreement(said)
    return {**shares, AGREEMENT: pairs, ALWAYS_THE_SAME: (pairs == 1.0).astype(float)}


def estimates_of(answers: pd.DataFrame) -> dict[str, Estimate]:
    """Return every metric with its two-sided 95% interval over records."""
    return {name: mean_of_shares(values) for name, values in shares_of(answers).items()}


def unsteady(answers: pd.DataFrame) -> list[str]:
    """Return the records whose repeats do not all answer the same, the least agreed on first."""
    agreement = pd.Series(_pairwise_agreement(answers_of(answers)), index=answers[RECORD])
    return [str(name) for name in agreement[agreement < 1.0].sort_values(kind="stable").index]


def mean_of_shares(
    shares: Sequence[float] | NDArray[np.float64], level: float = LEVEL, *, one_sided: bool = False
) -> Estimate:
    """Return the mean of one share in [0, 1] per record, with an interval that also holds where all are 0 or 1.

    The interval is that of Clopper and Pearson with the sum of the shares in the place of the number of successes: a
    share in [0, 1] never varies more than a yes or no of the same mean, so it is conservative.

    Parameters
    ----------
    level : float
        Of the interval, or where it is one-sided of each bound.
    """
    values = np.asarray(shares, dtype=float)
    n = len(values)
    if not n:
        return Estimate.undefined("no record was asked")
    from scipy import special

    total, tail = float(values.sum()), (1.0 - level) / (1 if one_sided else 2)
    lower = float(special.betaincinv(total, n - total + 1, tail)) if total > 0 else 0.0
    upper = float(special.betaincinv(total + 1, n - total, 1 - tail)) if total < n else 1.0
    side = ", one-sided" if one_sided else ""
    return Estimate(total / n, lower, upper, n, method_text(f"{METHOD}{side}", level))


def _pairwise_agreement(said: pd.DataFrame) -> NDArray[np.float64]:
    """Return for each record the share of pairs of repeats that answer the same; no answer agrees with nothing."""
    pairs = comb(said.shape[1], 2)
    values = said.to_numpy(dtype=object)
    alike = np.zeros(len(values))
    for one in range(values.shape[1]):
        for two in range(one + 1, values.shape[1]):
            alike += (values[:, one] == values[:, two]) & (values[:, one] != None)  # noqa: E711 - elementwise
    return alike / pairs
