"""Recalibration: confidences mapped to chances of being right, fitted on development records.

No finite number of records shows a chance of 0 or 1, so that every chance c found on n decisions is given as
(n c + 1) / (n + 2), Laplace's rule of succession: at most (n + 1) / (n + 2), at least 1 / (n + 2). Isotonic regression
applies it to each of its blocks, Platt's curve as a whole.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_never

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.metrics.confidence import HELD_OFF, judged_by
from workbench.metrics.settings import Recalibration
from workbench.words import InputError

MOST_STEPS = 200
NO_STEP = 1e-10


@dataclass(frozen=True, slots=True)
class Recalibrator:
    """A mapping of confidences to chances of being right, fitted on development records; its answers lie inside (0, 1).

    Parameters
    ----------
    at, chance : tuple of float
        Isotonic: confidences and the chance at each, straight between them. Platt: (), and (intercept, slope).
    n : int
        Decisions it was fitted on.
    """

    method: Recalibration
    at: tuple[float, ...]
    chance: tuple[float, ...]
    n: int

    def __call__(self, confidence: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the chances of being right; NaN stays NaN."""
        from scipy import special

        if self.method is Recalibration.ISOTONIC:
            found = np.interp(confidence, self.at, self.chance)
        else:
            intercept, slope = self.chance
            found = _held_off(special.expit(intercept + slope * _log_odds(confidence)), self.n)
        return np.where(np.isnan(confidence), np.nan, found)


def as_given(decisions: pd.DataFrame) -> pd.DataFrame:
    """Return decisions with the confidence that the agent gave, whatever was made of it: `logprob`, else `stated`."""
    return decisions.assign(confidence=decisions["logprob"].fillna(decisions["stated"]))


def fitted_recalibration(development: pd.DataFrame, method: Recalibration, source: str = "confidence") -> Recalibrator:
    """Return a recalibration fitted on development outcomes; to be judged on other records.

    Raises
    ------
    InputError
        Fewer than two decisions with a confidence, or all of them right, or none.

    Source
    ------
    Zadrozny and Elkan (2002) for isotonic regression, Platt (1999) for the logistic curve and its targets; Laplace's
    rule for the chance of a pool of records as in Zadrozny and Elkan (2001), section 4.
    """
    judged = judged_by(development, source)
    if not judged.right.any() or judged.right.all():
        raise InputError(
            "a recalibration needs right and wrong decisions with a confidence",
            got=f"{int(judged.right.sum()):,} right of {len(judged.right):,}",
        )
    n = len(judged.right)
    match method:
        case Recalibration.PLATT:
            return Recalibrator(method, (), _platt(judged.confidence, judged.right), n)
        case Recalibration.ISOTONIC:
            at, chance = _isotonic(judged.confidence, judged.right)
            return Recalibrator(method, tuple(at.tolist()), tuple(chance.tolist()), n)
        case _:
            assert_never(method)


def cross_fitted(
    development: pd.DataFrame, folds: pd.Series[int], method: Recalibration, source: str = "confidence"
) -> NDArray[np.float64]:
    """Return a recalibrated confidence of each development record, fitted on the other folds; NaN without a confidence.

    Parameters
    ----------
    folds : Series of int
        The fold of each record, by record id (`Dataset.folds`).

    Raises
    ------
    InputError
        As `fitted_recalibration`, for any of the folds.
    """
    fold = folds.loc[development.index].to_numpy()
    found = development[source].to_numpy(dtype=np.float64, na_value=np.nan, copy=True)
    for one in np.unique(fold):
        found[fold == one] = fitted_recalibration(development[fold != one], method, source)(found[fold == one])
    return found


def recalibrated(
    outcomes: pd.DataFrame, method: Recalibration, development: pd.DataFrame | None = None
) -> NDArray[np.float64]:
    """Return the confidences that an agent gave as chances of being right.

    Parameters
    ----------
    outcomes : DataFrame
        Decisions; where they are development decisions also their labels and `fold`.
    development : DataFrame, optional
        The version's outcomes on development records, to fit on. Without them `outcomes` are those: each fold is then
        fitted on the others, and no decision has a confidence where one of them has nothing to be fitted on.

    Raises
    ------
    InputError
        As `fitted_recalibration`, with `development`.
    """
    given = as_given(outcomes)
    if development is not None:
        return fitted_recalibration(as_given(development), method)(given["confidence"].to_numpy())
    try:
        return cross_fitted(given, outcomes["fold"], method)
    except InputError:
        return np.full(len(outcomes), np.nan)


def _isotonic(confidence: NDArray[np.float64], right: NDArray[np.bool_]) -> tuple[NDArray[np.float64], ...]:
    """Return the confidences that occur and the chance at each, never falling.

    Isotonic regression joins confidences to blocks; each block's share is held off 0 and 1. A small block is held off
    more than its larger neighbour and may end on the wrong side of it: the regression of the blocks, each weighted by
    its decisions and the two of the rule, joins such neighbours.
    """
    from scipy.optimize import isotonic_regression

    at, place, counts = np.unique(confidence, return_inverse=True, return_counts=True)
    share = np.bincount(place, weights=right) / counts
    joined = isotonic_regression(share, weights=counts)
    first = joined.blocks[:-1]
    shares = _held_off(joined.x[first], joined.weights)
    chance = isotonic_regression(shares, weights=joined.weights + 2).x
    return at, np.repeat(chance, np.diff(joined.blocks))


def _held_off(chance: NDArray[np.float64], n: NDArray[np.float64] | int) -> NDArray[np.float64]:
    """Return chances found on n decisions by Laplace's rule of succession: never 0, never 1, every order kept."""
    return (n * chance + 1) / (n + 2)


def _platt(confidence: NDArray[np.float64], right: NDArray[np.bool_]) -> tuple[float, float]:
    """Return intercept and slope, with Platt's targets (n + 1) / (n + 2) and 1 / (n + 2) in the place of 1 and 0.

    Newton's steps, each halved until the loss falls: full steps can leave a curve this flat, and come back for ever.
    """
    from scipy import special

    n_right, n_wrong = int(right.sum()), int((~right).sum())
    wanted = np.where(right, (n_right + 1) / (n_right + 2), 1 / (n_wrong + 2))
    design = np.column_stack((np.ones(len(confidence)), _log_odds(confidence)))

    def loss(curve: NDArray[np.float64]) -> float:
        odds = design @ curve
        return float((np.logaddexp(0.0, odds) - wanted * odds).sum())

    found = np.array([0.0, 1.0])
    for _ in range(MOST_STEPS):
        chance = special.expit(design @ found)
        slope = design.T @ (wanted - chance)
        information = (design.T * (chance * (1 - chance))) @ design + 1e-9 * np.eye(2)
        step = np.linalg.solve(information, slope)
        while loss(found + step) > loss(found) and np.abs(step).max() > NO_STEP:
            step = step / 2
        found = found + step
        if np.abs(step).max() <= NO_STEP:
            break
    return float(found[0]), float(found[1])


def _log_odds(confidence: NDArray[np.float64]) -> NDArray[np.float64]:
    held = np.clip(confidence, HELD_OFF, 1 - HELD_OFF)
    return np.asarray(np.log(held / (1 - held)))
