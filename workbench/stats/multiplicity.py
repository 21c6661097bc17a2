"""Many tests at once: p-values adjusted so that a chance of one false finding stays what it says."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from workbench.errors import InputError
from workbench.stats.inputs import Floats, checked_count

CHUNK = 256


def holm(p_values: ArrayLike) -> Floats:
    """Return Holm's adjusted p-values, in the order given.

    A finding whose adjusted p-value is at most alpha is significant; the chance of any false one among all is at most
    alpha, whatever the dependence.

    Parameters
    ----------
    p_values : array of shape (n_tests,)
        In [0, 1]; may be empty.

    Returns
    -------
    array of shape (n_tests,)

    Raises
    ------
    InputError
        A p-value is not a number in [0, 1].

    Notes
    -----
    Source: Holm (1979), Scandinavian Journal of Statistics 6.

    Examples
    --------
    >>> holm([0.01, 0.04, 0.03]).tolist()
    [0.03, 0.06, 0.06]
    """
    try:
        values = np.asarray(p_values, dtype=np.float64)
    except (TypeError, ValueError):
        raise InputError("p-values must be numbers", got=repr(p_values)[:80]) from None
    if values.ndim != 1 or not np.all((values >= 0.0) & (values <= 1.0)):
        raise InputError("p-values must be a list of numbers in 0 to 1", got=repr(p_values)[:80])
    order = np.argsort(values, kind="stable")
    factors = np.arange(len(values), 0, -1)
    stepped = np.minimum(np.maximum.accumulate(values[order] * factors), 1.0) if len(values) else values
    adjusted = np.empty_like(values)
    adjusted[order] = stepped
    return adjusted


def max_t(differences: ArrayLike, *, n_flips: int = 2_000, seed: int = 0) -> Floats:
    """Return adjusted two-sided p-values for several versions against one, from sign flips of whole records.

    More powerful than Holm where versions resemble each other, since a record's differences are flipped together. Valid
    when, without a real difference, a record is as likely to favour either side.

    Parameters
    ----------
    differences : array of shape (n_records, n_versions)
        Right (1) or wrong (0) of each version less that of the one they are compared with: -1, 0 or 1.
    n_flips : int
        Random sign flips, at least 100; a p-value is at least 1 / (n_flips + 1).
    seed : int
        Of the generator of the flips.

    Returns
    -------
    array of shape (n_versions,)
        1.0 for a version that never differs.

    Raises
    ------
    InputError
        The differences are not a table of finite numbers.

    Notes
    -----
    Source: Westfall and Young (1993), single-step max-T; here with sign flips.
    """
    table = np.asarray(differences, dtype=np.float64)
    if table.ndim != 2 or not table.size or not np.isfinite(table).all():
        raise InputError("differences must be a table of finite numbers", got=f"shape {table.shape}")
    checked_count("n_flips", n_flips, least=100)
    table = table[np.any(table != 0, axis=1)]
    scale = np.sqrt((table**2).sum(axis=0))
    scale = np.where(scale > 0, scale, np.inf)
    observed = np.abs(table.sum(axis=0)) / scale
    generator, reached = np.random.default_rng(seed), np.zeros(table.shape[1], dtype=np.int64)
    for first in range(0, n_flips, CHUNK):
        size = min(CHUNK, n_flips - first)
        signs = generator.integers(0, 2, (size, len(table)), dtype=np.int8).astype(np.float64) * 2 - 1
        largest = (np.abs(signs @ table) / scale).max(axis=1)
        reached += (largest[:, None] >= observed - 1e-12).sum(axis=0)
    return np.asarray((reached + 1) / (n_flips + 1))
