"""An estimate held against a target: with one-sided bounds, at the level that is left, and by one rule."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from enum import StrEnum
from typing import Any

import pandas as pd

from workbench.metrics.catalogue import CATALOGUE, Operator
from workbench.metrics.certified import certified_accuracy, takes_certificate
from workbench.metrics.estimate import Estimate, method_text
from workbench.metrics.settings import EvaluationSettings
from workbench.metrics.summary import estimate_of
from workbench.stats import IntervalMethod, proportion_interval


class State(StrEnum):
    """What the evidence says of a target."""

    PASS = "pass"
    FAIL = "fail"
    UNPROVEN = "unproven"


def state_of(operator: Operator, target: float, estimate: Estimate) -> State:
    """Return what an estimate says of a target: pass when the whole interval is good, fail when all of it is bad.

    Examples
    --------
    >>> print(state_of(Operator.AT_LEAST, 0.5, Estimate(0.7, 0.6, 0.8, 100, "by hand")))
    pass
    >>> print(state_of(Operator.AT_LEAST, 0.5, Estimate(0.9, 0.4, 0.99, 3, "by hand")))
    unproven
    >>> print(state_of(Operator.AT_LEAST, 0.5, Estimate(0.1, 0.0, 0.3, 30, "by hand")))
    fail
    """
    bounds = (estimate.lower, estimate.upper)
    worst, best = bounds if operator is Operator.AT_LEAST else bounds[::-1]
    if worst is not None and operator.holds(worst, target):
        return State.PASS
    if best is not None and not operator.holds(best, target):
        return State.FAIL
    return State.UNPROVEN


def charged_level(metric: str, level: float, share: float) -> float | None:
    """Return a level raised by what an opening of the holdout is charged; None where the metric looks at no label."""
    entry = CATALOGUE.get(metric)
    return 1.0 - share * (1.0 - level) if entry is not None and entry.of_labels else None


def bounded_estimate(
    metric: str, outcomes: pd.DataFrame, settings: EvaluationSettings, certificate: Mapping[str, Any] | None = None
) -> Estimate:
    """Return one estimate with one-sided bounds, each of which holds by itself at the settings' confidence level.

    A target has one side. Shares have exact (Clopper-Pearson) bounds: 373 automated decisions without an error prove
    99.2% at 95%. Notebook 03, `evaluate` and a gate hold this number against a target, and whoever verifies the gate's
    evidence computes it again from the same decisions.

    Parameters
    ----------
    outcomes : DataFrame
        Without a row the estimate is undefined.
    certificate : mapping, optional
        `Certification.as_json()` of all holdout records: its bound is that of the selective accuracy, where it holds at
        the level.

    Raises
    ------
    InputError
        There is no such metric.
    """
    if outcomes.empty:
        return Estimate.undefined("no record is in this slice")
    level = settings.confidence_level
    plain = one_sided(estimate_of(metric, outcomes, replace(settings, confidence_level=2.0 * level - 1.0)), level)
    if certificate is None or not takes_certificate(metric, certificate, level):
        return plain
    return certified_accuracy(outcomes, certificate, plain, settings)


def one_sided(estimate: Estimate, level: float) -> Estimate:
    """Return an estimate whose two-sided interval at 2 * level - 1 is read as two bounds at a level; shares exactly.

    Examples
    --------
    >>> share = one_sided(Estimate.proportion(373, 373, confidence_level=0.9), 0.95)
    >>> round(share.lower, 5), share.method
    (0.992, 'Clopper-Pearson, one-sided 95%')
    """
    wilson, exact = IntervalMethod.WILSON.shown_name, IntervalMethod.CLOPPER_PEARSON
    if estimate.value is None or (estimate.lower is None and estimate.upper is None):
        return estimate
    title = estimate.method.rpartition(" ")[0]
    lower, upper = estimate.lower, estimate.upper
    if title in (wilson, exact.shown_name):
        hits = round(estimate.value * estimate.n)
        lower, upper = proportion_interval(hits, estimate.n, 2.0 * level - 1.0, exact)
        title = exact.shown_name
    return replace(estimate, lower=lower, upper=upper, method=method_text(f"{title}, one-sided", level))
