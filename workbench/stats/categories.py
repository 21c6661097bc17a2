"""A certified threshold for each category of records, all of which hold together."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from workbench.stats.certification import Certification, certify_threshold
from workbench.stats.clustering import cluster_codes
from workbench.stats.dependence import CorrelationBound
from workbench.stats.inputs import checked_flags, checked_numbers, checked_share
from workbench.words import InputError


def certify_categories(
    confidence: ArrayLike,
    correct: ArrayLike,
    categories: ArrayLike,
    *,
    target: float,
    confidence_level: float = 0.95,
    automation_target: float | None = None,
    clusters: ArrayLike | None = None,
    correlation_at_most: float | CorrelationBound | None = None,
) -> dict[str, Certification]:
    """Return a certified threshold for each category on its own, all of which hold together.

    Each of m categories is tested at (1 - confidence_level) / m (Bonferroni), so the chance that any of the thresholds
    is wrong is at most 1 - confidence_level. A category of few records certifies nothing, and says how many it needs.

    Parameters
    ----------
    confidence, correct : array of shape (n_records,)
        As for `certify_threshold`.
    categories : array of str, shape (n_records,)
        Category of each record, such as the high-risk ones and "other"; a record without one (None, NaN) is left out.
    target, confidence_level, automation_target, clusters, correlation_at_most
        As for `certify_threshold`; a bound holds within each category.

    Raises
    ------
    InputError
        As `certify_threshold`, or no record has a category.
    """
    scores = checked_numbers("confidences", confidence, never_allowed=True)
    flags = checked_flags("correctness", correct, len(scores))
    names = np.asarray(categories, dtype=object)
    if names.shape != scores.shape:
        raise InputError("categories must have one value per record", got=f"shape {names.shape}")
    named = sorted({str(name) for name in names if name is not None and name == name})
    if not named:
        raise InputError("no record has a category")
    level = 1.0 - (1.0 - checked_share("a confidence level", confidence_level)) / len(named)
    inside = {name: np.array([str(one) == name for one in names]) for name in named}
    codes = None if clusters is None else cluster_codes(clusters, len(scores))
    return {
        name: certify_threshold(
            scores[of],
            flags[of],
            target=target,
            confidence_level=level,
            automation_target=automation_target,
            clusters=None if codes is None else codes[of],
            correlation_at_most=correlation_at_most,
        )
        for name, of in inside.items()
    }
