"""Calibration: whether a confidence is the chance of being right, and how well it ranks right before wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, assert_never

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.errors import InputError
from workbench.metrics.estimate import DEFAULT_CONFIDENCE_LEVEL, Estimate, listed, method_text
from workbench.metrics.outcomes import Route, is_asked, is_right, numbers, routes, skipped
from workbench.stats import (
    Bins,
    IntervalMethod,
    augrc,
    aurc,
    expected_calibration_error,
    mean_interval,
    proportion_bounds,
    ranking_auc,
    reliability,
)

RELIABILITY_COLUMNS = ("from", "to", "n", "confidence", "right", "accuracy", "lower", "upper", "record_ids")
CALIBRATION_NAMES = ("ece", "brier", "log_loss", "aurc", "augrc", "auc")
NOT_A_PROBABILITY = "not_a_probability"
HELD_OFF = 1e-6


@dataclass(frozen=True, slots=True)
class _Judged:
    """The decisions whose confidence can be judged: valid actions with a confidence in [0, 1]."""

    confidence: NDArray[np.float64]
    right: NDArray[np.bool_]
    record_ids: NDArray[np.object_]
    excluded: Mapping[str, int]


def calibration(
    outcomes: pd.DataFrame,
    source: str = "confidence",
    n_bins: int = 15,
    confidence_level: float = DEFAULT_CONFIDENCE_LEVEL,
) -> dict[str, Estimate]:
    """Return how good a confidence is, by name; the names are `CALIBRATION_NAMES`.

    `ece` (bins of equal width), `brier` and `log_loss` say whether it is the chance of being right; `aurc` (mean error
    rate over coverages), `augrc` and `auc` how well it ranks right before wrong. A monotone recalibration changes the
    former only, so it cannot change what may be automated.

    Denominator: valid decisions with a confidence in [0, 1], those the agent escalated among them. Excluded: skipped,
    invalid, failed, no_confidence, not_a_probability.

    Parameters
    ----------
    outcomes : DataFrame
    source : str
        Column with the confidence: token probabilities, a stated number, or the agreement of repeats.
    n_bins : int
        Bins of `ece`.

    Raises
    ------
    InputError
        There is no such column.
    """
    judged = _judged(outcomes, source)
    if not len(judged.confidence):
        return dict.fromkeys(CALIBRATION_NAMES, Estimate.undefined("no decision has a confidence", judged.excluded))
    confidence, right = judged.confidence, judged.right
    held = np.clip(confidence, HELD_OFF, 1 - HELD_OFF)
    plain = {
        "ece": (expected_calibration_error(confidence, right, n_bins), f"none: {n_bins} bins of equal width"),
        "aurc": (aurc(confidence, right), "none: mean error rate over coverages 1/n to 1, ties in random order"),
        "augrc": (augrc(confidence, right), "none: mean share of missed errors over coverages, ties in random order"),
        "auc": (ranking_auc(confidence, right), "none: ties count half"),
    }
    n, excluded = len(confidence), listed(judged.excluded)
    estimates = {name: Estimate(value, None, None, n, method, excluded) for name, (value, method) in plain.items()}
    for name, losses in (
        ("brier", (confidence - right) ** 2),
        ("log_loss", -np.where(right, np.log(held), np.log1p(-held))),
    ):
        lower, upper = mean_interval(losses, confidence_level)
        method = method_text("Student t", confidence_level)
        estimates[name] = Estimate(float(losses.mean()), lower, upper, n, method, excluded)
    return {name: estimates[name] for name in CALIBRATION_NAMES}


def compared_sources(
    outcomes: pd.DataFrame, sources: Sequence[str], confidence_level: float = DEFAULT_CONFIDENCE_LEVEL
) -> dict[str, dict[str, Estimate]]:
    """Return `calibration` of several confidence columns side by side, each on the decisions that all of them have."""
    complete = outcomes[np.all([~np.isnan(numbers(outcomes, source)) for source in sources], axis=0)]
    return {source: calibration(complete, source, confidence_level=confidence_level) for source in sources}


def reliability_table(
    outcomes: pd.DataFrame,
    source: str = "confidence",
    n_bins: int = 10,
    bins: Bins = Bins.EQUAL_WIDTH,
    confidence_level: float = DEFAULT_CONFIDENCE_LEVEL,
) -> pd.DataFrame:
    """Return a reliability diagram as a table, one row per bin that has decisions, the lowest confidence first.

    Returns
    -------
    DataFrame
        `from` and `to`, the bin's ends; `n` decisions; `confidence`, their mean; `right`; `accuracy` with its
        Clopper-Pearson bounds `lower` and `upper`, each for its bin alone; `record_ids`, a tuple of all of them.
    """
    judged = _judged(outcomes, source)
    if not len(judged.confidence):
        return pd.DataFrame(columns=list(RELIABILITY_COLUMNS))
    table = reliability(judged.confidence, judged.right, n_bins, bins)
    lower, upper = proportion_bounds(table.right, table.n, confidence_level, IntervalMethod.CLOPPER_PEARSON)
    order = np.argsort(table.bin_of, kind="stable")
    ids = np.split(judged.record_ids[order], np.cumsum(table.n)[:-1])
    columns: tuple[Any, ...] = (
        table.lower,
        table.upper,
        table.n,
        table.confidence,
        table.right,
        table.right / table.n,
        lower,
        upper,
        [tuple(some) for some in ids],
    )
    return pd.DataFrame(dict(zip(RELIABILITY_COLUMNS, columns, strict=True)))


class Recalibration(StrEnum):
    """How confidences are mapped to chances of being right."""

    PLATT = "platt"  # a logistic curve of the log-odds: two numbers, keeps every order and every tie
    ISOTONIC = "isotonic"  # a rising step function: follows any shape, ties what it cannot tell apart


@dataclass(frozen=True, slots=True)
class Recalibrator:
    """A mapping of confidences to chances of being right, fitted on development records.

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
        if self.method is Recalibration.ISOTONIC:
            found = np.interp(confidence, self.at, self.chance)
        else:
            intercept, slope = self.chance
            found = 1 / (1 + np.exp(-(intercept + slope * _log_odds(confidence))))
        return np.where(np.isnan(confidence), np.nan, found)


def fitted_recalibration(development: pd.DataFrame, method: Recalibration, source: str = "confidence") -> Recalibrator:
    """Return a recalibration fitted on development outcomes; to be judged on other records.

    Raises
    ------
    InputError
        Fewer than two decisions with a confidence, or all of them right, or none.
    """
    judged = _judged(development, source)
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
            from scipy.optimize import isotonic_regression

            at, place, counts = np.unique(judged.confidence, return_inverse=True, return_counts=True)
            share = np.bincount(place, weights=judged.right) / counts
            chance = isotonic_regression(share, weights=counts).x
            return Recalibrator(method, tuple(at.tolist()), tuple(np.clip(chance, 0, 1).tolist()), n)
        case _:
            assert_never(method)


def _platt(confidence: NDArray[np.float64], right: NDArray[np.bool_]) -> tuple[float, float]:
    """Return intercept and slope, with Platt's targets (n + 1) / (n + 2) and 1 / (n + 2) in the place of 1 and 0."""
    n_right, n_wrong = int(right.sum()), int((~right).sum())
    wanted = np.where(right, (n_right + 1) / (n_right + 2), 1 / (n_wrong + 2))
    design = np.column_stack((np.ones(len(confidence)), _log_odds(confidence)))
    found = np.array([0.0, 1.0])
    for _ in range(100):
        chance = 1 / (1 + np.exp(-np.clip(design @ found, -30, 30)))
        information = (design.T * (chance * (1 - chance))) @ design + 1e-9 * np.eye(2)
        step = np.linalg.solve(information, design.T @ (wanted - chance))
        found = found + np.clip(step, -2, 2)
        if np.abs(step).max() < 1e-9:
            break
    return float(found[0]), float(found[1])


def _log_odds(confidence: NDArray[np.float64]) -> NDArray[np.float64]:
    held = np.clip(confidence, HELD_OFF, 1 - HELD_OFF)
    return np.asarray(np.log(held / (1 - held)))


def _judged(outcomes: pd.DataFrame, source: str) -> _Judged:
    """Return the decisions whose confidence can be judged, and how many others there are by cause."""
    found = numbers(outcomes, source)
    route = routes(outcomes.assign(confidence=found), 0.0)
    counts = route.value_counts()
    usable = (route == Route.AUTOMATED.value).to_numpy() & (found <= 1.0)
    causes = (Route.NO_CONFIDENCE, Route.INVALID, Route.FAILED)
    excluded = {cause.value: int(counts.get(cause.value, 0)) for cause in causes}
    judgeable = int(is_asked(outcomes).sum()) - sum(excluded.values())
    excluded = {**skipped(outcomes), **excluded, NOT_A_PROBABILITY: judgeable - int(usable.sum())}
    ids = outcomes["record_id"].to_numpy(dtype=object)[usable]
    return _Judged(found[usable], is_right(outcomes).to_numpy()[usable], ids, excluded)
