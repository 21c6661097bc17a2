"""Calibration: whether a confidence is the chance of being right, and how well it ranks right before wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.metrics.estimate import Estimate, listed, method_text
from workbench.metrics.outcomes import is_asked, is_right, number_column, routes, skipped
from workbench.metrics.settings import DEFAULT_CONFIDENCE_LEVEL
from workbench.metrics.statuses import Route
from workbench.stats import (
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
ECE_BINS, SHOWN_BINS = 15, 10


@dataclass(frozen=True, slots=True)
class JudgedConfidences:
    """The decisions whose confidence can be judged: valid actions with a confidence in [0, 1]."""

    confidence: NDArray[np.float64]
    right: NDArray[np.bool_]
    record_ids: NDArray[np.object_]
    excluded: Mapping[str, int]


def calibration(outcomes: pd.DataFrame, source: str = "confidence") -> dict[str, Estimate]:
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

    Raises
    ------
    InputError
        There is no such column.
    """
    judged = judged_by(outcomes, source)
    if not len(judged.confidence):
        return dict.fromkeys(CALIBRATION_NAMES, Estimate.undefined("no decision has a confidence", judged.excluded))
    confidence, right = judged.confidence, judged.right
    held = np.clip(confidence, HELD_OFF, 1 - HELD_OFF)
    plain = {
        "ece": (expected_calibration_error(confidence, right, ECE_BINS), f"none: {ECE_BINS} bins of equal width"),
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
        lower, upper = mean_interval(losses, DEFAULT_CONFIDENCE_LEVEL)
        method = method_text("Student t", DEFAULT_CONFIDENCE_LEVEL)
        estimates[name] = Estimate(float(losses.mean()), lower, upper, n, method, excluded)
    return {name: estimates[name] for name in CALIBRATION_NAMES}


def reliability_table(outcomes: pd.DataFrame, source: str = "confidence") -> pd.DataFrame:
    """Return a reliability diagram as a table, one row per bin that has decisions, the lowest confidence first.

    Returns
    -------
    DataFrame
        `from` and `to`, the bin's ends; `n` decisions; `confidence`, their mean; `right`; `accuracy` with its
        Clopper-Pearson bounds `lower` and `upper`, each for its bin alone; `record_ids`, a tuple of all of them.
    """
    judged = judged_by(outcomes, source)
    if not len(judged.confidence):
        return pd.DataFrame(columns=list(RELIABILITY_COLUMNS))
    table = reliability(judged.confidence, judged.right, SHOWN_BINS)
    lower, upper = proportion_bounds(table.right, table.n, DEFAULT_CONFIDENCE_LEVEL, IntervalMethod.CLOPPER_PEARSON)
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


def judged_by(outcomes: pd.DataFrame, source: str) -> JudgedConfidences:
    """Return the decisions whose confidence can be judged, and how many others there are by cause."""
    found = number_column(outcomes, source)
    route = routes(outcomes.assign(confidence=found), 0.0)
    counts = route.value_counts()
    usable = (route == Route.AUTOMATED.value).to_numpy() & (found <= 1.0)
    causes = (Route.NO_CONFIDENCE, Route.INVALID, Route.FAILED)
    excluded = {cause.value: int(counts.get(cause.value, 0)) for cause in causes}
    judgeable = int(is_asked(outcomes).sum()) - sum(excluded.values())
    excluded = {**skipped(outcomes), **excluded, NOT_A_PROBABILITY: judgeable - int(usable.sum())}
    ids = outcomes["record_id"].to_numpy(dtype=object)[usable]
    return JudgedConfidences(found[usable], is_right(outcomes).to_numpy()[usable], ids, excluded)
