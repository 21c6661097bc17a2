"""Small draws from a numpy Generator, with plain Python results."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TypeVar

import numpy as np
from numpy.random import Generator

T = TypeVar("T")


def happens(rng: Generator, probability: float) -> bool:
    """Return True with the given probability."""
    return bool(rng.random() < probability)


def pick(rng: Generator, choices: Sequence[T]) -> T:
    """Return one of the choices, each as likely."""
    return choices[int(rng.integers(len(choices)))]


def pick_weighted(rng: Generator, weights: Mapping[T, float]) -> T:
    """Return one of the keys with probability in proportion to its weight."""
    keys = list(weights)
    total = np.cumsum([weights[key] for key in keys])
    return keys[int(np.searchsorted(total, rng.random() * total[-1], side="right"))]


def lognormal(rng: Generator, median: float, sigma: float) -> float:
    """Return a lognormal draw; sigma is that of the natural logarithm."""
    return float(median * math.exp(sigma * rng.standard_normal()))


def digits(rng: Generator, n_digits: int) -> str:
    """Return a text of random digits."""
    return "".join(str(digit) for digit in rng.integers(0, 10, n_digits))
