"""How many records a question needs, before they are labelled."""

from __future__ import annotations

import math
from bisect import bisect_left
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike

from workbench.stats.inputs import Floats, Integers, checked_count, checked_share
from workbench.words import InputError

MAX_ERRORS = 500
MAX_RECORDS = 10**10


def records_needed(target: float, errors: int = 0, confidence: float = 0.95) -> int:
    """Return the smallest number of automated records that proves an accuracy despite so many errors.

    Parameters
    ----------
    target : float
        Accuracy to be proved, in (0, 1).
    errors : int
        Wrong ones among them.
    confidence : float
        In (0, 1), one-sided.

    Returns
    -------
    int
        The smallest n for which the exact binomial test of "accuracy is at most the target" is rejected.

    Raises
    ------
    InputError
        A share outside (0, 1), or a count that is negative or no integer.

    Examples
    --------
    >>> [records_needed(0.992, errors, 0.95) for errors in (0, 1, 2, 3)]
    [373, 592, 785, 967]
    """
    risk = 1.0 - checked_share("a target", target)
    alpha = 1.0 - checked_share("a confidence level", confidence)
    k = checked_count("errors", errors)
    from scipy import special

    def is_enough(n: int) -> bool:
        return n > k and float(special.bdtr(float(k), n, risk)) <= alpha

    high = k + 1
    while not is_enough(high):
        high *= 2
        if high > MAX_RECORDS:
            raise InputError("no number of records within reach proves this target", got=f"target {target!r}")
    return bisect_left(range(high + 1), True, key=is_enough)


def allowed_errors(n: ArrayLike, target: float, alpha: float) -> Integers:
    """Return how many errors among n automated records still prove a target at level alpha; -1 where even 0 do not."""
    counts = np.atleast_1d(np.asarray(n, dtype=np.float64))
    most = float(counts.max(initial=0.0))
    least = _least_records(int(most * (1.0 - target)) + 2, target, alpha, most)
    return np.asarray(np.searchsorted(least, counts, side="right") - 1, dtype=np.int64)


@lru_cache(maxsize=16)
def _proving(target: float, alpha: float) -> Floats:
    """Return the fewest records that prove a target despite 0, 1, 2, ... errors."""
    most = float(records_needed(target, MAX_ERRORS, 1.0 - alpha))
    return _least_records(MAX_ERRORS, target, alpha, most)


@lru_cache(maxsize=64)
def _least_records(n_errors: int, target: float, alpha: float, most: float) -> Floats:
    """Return the fewest records that prove a target despite 0, 1, ... errors, of `most` that are looked at."""
    errors = np.arange(n_errors)
    low, high = errors.astype(np.float64), np.full(len(errors), np.floor(most) + 1.0)
    while np.any(high - low > 1):
        middle = np.floor((low + high) / 2)
        is_enough = binomial_p_values(errors, middle, 1.0 - target) <= alpha
        low, high = np.where(is_enough, low, middle), np.where(is_enough, middle, high)
    return high


def binomial_p_values(errors: ArrayLike, n: ArrayLike, risk: float) -> Floats:
    """Return the exact one-sided p-values of "the error rate is at least the risk": P(X <= errors), X binomial."""
    from scipy import special

    wrong, counts = np.broadcast_arrays(np.asarray(errors, dtype=np.float64), np.asarray(n, dtype=np.float64))
    right = np.maximum(counts - wrong, 0.0)
    tail = special.betainc(np.where(right > 0, right, 1.0), wrong + 1.0, 1.0 - risk)
    return np.asarray(np.where(right > 0, tail, 1.0))


def certification_power(n: ArrayLike, target: float, error_rate: float, confidence: float = 0.95) -> Floats:
    """Return the chance that n automated records prove a target, for a true error rate: the power curve.

    Parameters
    ----------
    n : array of int
        Automated records.
    target : float
        Accuracy to be proved, in (0, 1).
    error_rate : float
        True share of wrong decisions among the automated ones, in [0, 1).
    confidence : float
        In (0, 1), one-sided.

    Returns
    -------
    array of float

    Raises
    ------
    InputError
        A share lies outside its range.

    Examples
    --------
    >>> certification_power([372, 373, 592], 0.992, 0.001).round(3).tolist()
    [0.0, 0.689, 0.881]
    """
    counts = np.atleast_1d(np.asarray(n, dtype=np.float64))
    alpha = 1.0 - checked_share("a confidence level", confidence)
    k = allowed_errors(counts, checked_share("a target", target), alpha)
    chance = binomial_p_values(np.maximum(k, 0), counts, _checked_rate(error_rate))
    return np.where(k >= 0, chance, 0.0)


def records_for_power(target: float, error_rate: float, power: float = 0.8, confidence: float = 0.95) -> int | None:
    """Return the smallest number of automated records with which a target is proved with a given chance.

    Parameters
    ----------
    target : float
        Accuracy to be proved, in (0, 1).
    error_rate : float
        True share of wrong decisions among the automated ones.
    power : float
        The chance, in (0, 1).
    confidence : float
        In (0, 1), one-sided.

    Returns
    -------
    int or None
        None when the error rate is not below 1 - target, or so close to it that only records with some hundred errors
        among them would do.

    Raises
    ------
    InputError
        A share lies outside its range.

    Examples
    --------
    >>> [records_for_power(0.992, rate) for rate in (0.001, 0.002, 0.003)]
    [592, 967, 1478]
    """
    rate, wanted = _checked_rate(error_rate), checked_share("power", power)
    alpha = 1.0 - checked_share("a confidence level", confidence)
    if rate >= 1.0 - checked_share("a target", target):
        return None
    least = _proving(target, alpha)
    is_likely = binomial_p_values(np.arange(len(least)), least, rate) >= wanted
    return int(least[np.argmax(is_likely)]) if is_likely.any() else None


def paired_records(difference: float, discordance: float, power: float = 0.8, alpha: float = 0.05) -> int:
    """Return how many records a paired comparison needs to see a difference with a given chance.

    Parameters
    ----------
    difference : float
        True difference of the two accuracies, not 0.
    discordance : float
        Share of records on which exactly one of them is right, at least the difference and at most 1.
    power, alpha : float
        The chance; the two-sided level of the test.

    Returns
    -------
    int

    Raises
    ------
    InputError
        A share lies outside its range, or the difference is 0 or above the discordance.

    Notes
    -----
    Source: Connor (1987), Biometrics 43, normal approximation for McNemar's test.

    Examples
    --------
    >>> paired_records(0.01, 0.02), paired_records(0.005, 0.02)
    (1568, 6277)
    """
    from scipy import special

    size, shared = abs(float(difference)), float(discordance)
    if not 0.0 < size <= shared <= 1.0:
        raise InputError(
            "a difference must not be 0 and not exceed the share of records that differ",
            got=f"difference {difference!r}, discordance {discordance!r}",
        )
    z_alpha = -float(special.ndtri(checked_share("alpha", alpha) / 2))
    z_power = float(special.ndtri(checked_share("power", power)))
    return math.ceil(((z_alpha * math.sqrt(shared) + z_power * math.sqrt(shared - size**2)) / size) ** 2)


def minimum_detectable_difference(n: int, discordance: float, power: float = 0.8, alpha: float = 0.05) -> float | None:
    """Return the smallest true difference that a paired comparison of n records sees with a given chance.

    Parameters
    ----------
    n : int
        Records, at least 1.
    discordance : float
        Share of records on which exactly one version is right, in (0, 1].
    power, alpha : float
        The chance; the two-sided level of the test.

    Returns
    -------
    float or None
        None when even a difference as large as the discordance, every differing record on one side, is not enough.

    Raises
    ------
    InputError
        A share outside its range, or n below 1.

    Examples
    --------
    >>> round(minimum_detectable_difference(1568, 0.02), 4)
    0.01
    """
    checked_count("n", n, least=1)
    if paired_records(discordance, discordance, power, alpha) > n:
        return None
    low, high = discordance * 1e-9, float(discordance)
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if paired_records(middle, discordance, power, alpha) <= n else (middle, high)
    return high


def _checked_rate(rate: float) -> float:
    """Return an error rate in [0, 1)."""
    if not 0.0 <= rate < 1.0:
        raise InputError("an error rate must lie in 0 to 1", got=repr(rate))
    return float(rate)
