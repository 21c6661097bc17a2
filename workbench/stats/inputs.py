"""Checks of numbers and arrays before any of the maths: each refuses what it cannot use with one message."""

from __future__ import annotations

from numbers import Integral

import numpy as np
from numpy.typing import ArrayLike, NDArray

from workbench.words import InputError

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Integers = NDArray[np.int64]


def checked_share(name: str, value: float) -> float:
    """Return a number strictly between 0 and 1."""
    if isinstance(value, bool) or not isinstance(value, (int, float, np.number)) or not 0.0 < value < 1.0:
        raise InputError(f"{name} must lie between 0 and 1", got=repr(value), expected="0.95, say")
    return float(value)


def checked_count(name: str, value: int, least: int = 0) -> int:
    """Return an integer that is at least `least`; a boolean is none."""
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise InputError(f"{name} must be an integer", got=repr(value))
    if value < least:
        raise InputError(f"{name} must be at least {least}", got=repr(value))
    return int(value)


def checked_numbers(name: str, values: ArrayLike, *, never_allowed: bool = False) -> Floats:
    """Return an array of shape (n,), n >= 1, of finite numbers; with `never_allowed` also of minus infinity."""
    try:
        numbers = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise InputError(f"{name} must be numbers", got=repr(values)[:80]) from None
    if numbers.ndim != 1 or not len(numbers):
        raise InputError(f"{name} must be a list of at least one number", got=f"shape {numbers.shape}")
    unusable = ~(np.isfinite(numbers) | np.isneginf(numbers) if never_allowed else np.isfinite(numbers))
    if unusable.any():
        raise InputError(f"{name} must be finite numbers", got=f"{int(unusable.sum()):,} of {len(numbers):,} are not")
    return numbers


def checked_probabilities(name: str, values: ArrayLike) -> Floats:
    """Return an array of shape (n,), n >= 1, of numbers in [0, 1]."""
    numbers = checked_numbers(name, values)
    outside = (numbers < 0.0) | (numbers > 1.0)
    if outside.any():
        raise InputError(f"{name} must lie in 0 to 1", got=repr(float(numbers[outside][0])))
    return numbers


def checked_flags(name: str, values: ArrayLike, n: int) -> Flags:
    """Return an array of shape (n,) of true and false; 0 and 1 stand for them."""
    flags = np.asarray(values)
    if flags.shape != (n,):
        raise InputError(f"{name} must have one value per record", got=f"shape {flags.shape}", expected=f"shape ({n},)")
    if flags.dtype == np.bool_:
        return flags
    try:
        numbers = flags.astype(np.float64)
    except (TypeError, ValueError):
        numbers = np.full(n, np.nan)
    unusable = ~np.isin(numbers, (0.0, 1.0))
    if unusable.any():
        raise InputError(
            f"{name} must be true or false", got=f"{flags[unusable][0]!r}", expected="booleans, or 0 and 1"
        )
    return np.asarray(numbers == 1.0)


def spread(places: Integers, most: int) -> Integers:
    """Return at most so many of some places, evenly spread, both ends among them.

    Examples
    --------
    >>> spread(np.arange(10, 20), 4).tolist()
    [10, 13, 16, 19]
    """
    if len(places) <= most:
        return places
    return places[np.unique(np.linspace(0, len(places) - 1, most).round().astype(np.int64))]
