"""Many tests at once: p-values adjusted so that a chance of one false finding stays what it says."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from workbench.stats.inputs import Floats
from workbench.words import InputError


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
