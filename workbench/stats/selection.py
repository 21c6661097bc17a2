"""How well a confidence ranks right before wrong, and how well it is calibrated, on plain arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from workbench.stats.inputs import (
    Flags,
    Floats,
    Integers,
    checked_count,
    checked_flags,
    checked_numbers,
    checked_probabilities,
)


@dataclass(frozen=True, slots=True)
class Reliability:
    """A reliability diagram's numbers, one entry per bin that has records.

    Parameters
    ----------
    lower, upper : array of shape (n_bins,)
        Ends of each bin; a confidence on an inner end belongs to the bin below it.
    n, right : array of int
        Records in the bin, and the right ones among them.
    confidence : array
        Mean confidence in the bin.
    bin_of : array of shape (n_records,)
        Number of each record's bin.
    """

    lower: Floats
    upper: Floats
    n: Integers
    right: Integers
    confidence: Floats
    bin_of: Integers


def aurc(confidence: ArrayLike, correct: ArrayLike) -> float:
    """Return the area under the risk-coverage curve: the mean error rate over all coverages; lower is better.

    Convention: the mean over k = 1 to n of the share of wrong decisions among the k most confident. Records that tie in
    confidence are taken in random order and the expectation is returned, so the order of the input does not matter.

    Parameters
    ----------
    confidence : array of shape (n_records,)
        Finite numbers.
    correct : array of shape (n_records,)
        Booleans, or 0 and 1.

    Returns
    -------
    float
        In [0, 1].

    Raises
    ------
    InputError
        No records, lengths that differ, or a value that cannot be used.

    Notes
    -----
    Source: Geifman, Uziel and El-Yaniv (2019), ICLR, equation 3. Trapezoids over the coverages 1/n to 1 give another
    number on the same data.

    Examples
    --------
    >>> round(aurc([0.9, 0.8, 0.7], [True, True, False]), 4)
    0.1111
    """
    errors = _expected_errors(*_ranked(confidence, correct))
    return float(np.mean(errors / np.arange(1, len(errors) + 1)))


def augrc(confidence: ArrayLike, correct: ArrayLike) -> float:
    """Return the area under the generalised risk-coverage curve; lower is better.

    The mean over k = 1 to n of the share, of all records, that are wrong and among the k most confident: the chance of
    a missed failure averaged over coverages. It does not weigh the most confident records as heavily as AURC. Ties as
    in `aurc`.

    Parameters
    ----------
    confidence, correct : array of shape (n_records,)
        As for `aurc`.

    Returns
    -------
    float
        In [0, 1].

    Raises
    ------
    InputError
        As `aurc`.

    Notes
    -----
    Source: Traub et al. (2024), NeurIPS, as a mean over the n coverages.

    Examples
    --------
    >>> round(augrc([0.9, 0.8, 0.7], [True, True, False]), 4)
    0.1111
    >>> round(augrc([0.9, 0.8, 0.7], [False, True, True]), 4)
    0.3333
    """
    errors = _expected_errors(*_ranked(confidence, correct))
    return float(np.mean(errors) / len(errors))


def expected_calibration_error(confidence: ArrayLike, correct: ArrayLike, n_bins: int = 15) -> float:
    """Return the expected calibration error: the mean distance of confidence and accuracy over bins.

    Each bin weighs as many records as it has. It is biased upwards for few records and depends on the bins; compare
    values only with the same bins.

    Parameters
    ----------
    confidence : array of shape (n_records,)
        In [0, 1].
    correct : array of shape (n_records,)
        Booleans, or 0 and 1.
    n_bins : int
        Bins of equal width in [0, 1], at least 1.

    Returns
    -------
    float
        In [0, 1].

    Raises
    ------
    InputError
        No records, lengths that differ, or a value that cannot be used.

    Notes
    -----
    Source: Guo et al. (2017), ICML, equation 3; bins are (lower, upper], the first one closed.

    Examples
    --------
    >>> round(expected_calibration_error([0.9, 0.9, 0.6, 0.6], [1, 1, 1, 0], n_bins=10), 4)
    0.1
    """
    table = reliability(confidence, correct, n_bins)
    return float(np.sum(np.abs(table.right - table.confidence * table.n)) / np.sum(table.n))


def ranking_auc(confidence: ArrayLike, correct: ArrayLike) -> float | None:
    """Return the chance that a right decision is more confident than a wrong one, ties counted half.

    None where all decisions are right, or none is.
    """
    numbers, flags = _ranked(confidence, correct)
    n_right, n_wrong = int(flags.sum()), int((~flags).sum())
    if not n_right or not n_wrong:
        return None
    ranks = average_ranks(numbers)
    return float((ranks[flags].sum() - n_right * (n_right + 1) / 2) / (n_right * n_wrong))


def average_ranks(numbers: Floats) -> Floats:
    """Return the ranks of numbers from 1 on; equal ones share the mean of theirs."""
    _, place, n = np.unique(numbers, return_inverse=True, return_counts=True)
    return np.asarray(np.cumsum(n) - (n - 1) / 2, dtype=np.float64)[place]


def reliability(confidence: ArrayLike, correct: ArrayLike, n_bins: int = 15) -> Reliability:
    """Return the counts of a reliability diagram; parameters and errors as `expected_calibration_error`."""
    numbers, flags = _probabilities(confidence, correct)
    checked_count("n_bins", n_bins, least=1)
    ends = np.linspace(0.0, 1.0, n_bins + 1)
    bin_of = np.clip(np.searchsorted(ends, numbers, side="left") - 1, 0, len(ends) - 2)
    n = np.bincount(bin_of, minlength=len(ends) - 1)
    filled = np.flatnonzero(n)
    right = np.bincount(bin_of[flags], minlength=len(ends) - 1)
    total = np.bincount(bin_of, weights=numbers, minlength=len(ends) - 1)
    place = np.cumsum(n > 0) - 1
    return Reliability(
        ends[:-1][filled], ends[1:][filled], n[filled], right[filled], total[filled] / n[filled], place[bin_of]
    )


def _expected_errors(confidence: Floats, correct: Flags) -> Floats:
    """Return the expected number of wrong decisions among the k most confident, k = 1 to n, ties in random order."""
    order = np.argsort(-confidence, kind="stable")
    ranked, wrong = confidence[order], ~correct[order]
    last = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True)) + 1
    cumulative = np.cumsum(wrong)[last - 1]
    between = np.interp(np.arange(1, len(ranked) + 1), np.append(0, last), np.append(0, cumulative))
    return np.asarray(between, dtype=np.float64)


def _ranked(confidence: ArrayLike, correct: ArrayLike) -> tuple[Floats, Flags]:
    """Return confidences as finite numbers and correctness as booleans."""
    numbers = checked_numbers("confidences", confidence)
    return numbers, checked_flags("correctness", correct, len(numbers))


def _probabilities(confidence: ArrayLike, correct: ArrayLike) -> tuple[Floats, Flags]:
    """Return confidences in [0, 1] and correctness as booleans."""
    numbers = checked_probabilities("confidences", confidence)
    return numbers, checked_flags("correctness", correct, len(numbers))
