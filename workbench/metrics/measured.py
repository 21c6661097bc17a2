"""One estimate, on all outcomes or on a slice of them, at a confidence level of one's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pandas as pd

from workbench.errors import InputError
from workbench.metrics.estimate import Estimate, method_text
from workbench.metrics.summary import EvaluationSettings, estimate_of
from workbench.stats import IntervalMethod, proportion_interval


def sliced(outcomes: pd.DataFrame, where: Mapping[str, str]) -> pd.DataFrame:
    """Return the outcomes whose columns have the named values, compared as text.

    Raises
    ------
    InputError
        The outcomes have no such column.
    """
    for name, value in where.items():
        if name not in outcomes.columns:
            raise InputError(
                f"the outcomes have no column {name!r}",
                expected=", ".join(map(str, outcomes.columns)),
                got=f"slice {name}",
            )
        outcomes = outcomes[outcomes[name].astype(str) == value]
    return outcomes


def measured(outcomes: pd.DataFrame, metric: str, settings: EvaluationSettings, where: Mapping[str, str]) -> Estimate:
    """Return one estimate of a slice with one-sided bounds; undefined where the slice has no record.

    A target has one side, so each bound holds by itself at the settings' confidence level. Shares have exact
    (Clopper-Pearson) bounds: 373 automated decisions without an error prove 99.2% at 95%. A gate holds this number
    against its target, and whoever verifies the gate's evidence computes it again from the same decisions.

    Raises
    ------
    InputError
        There is no such metric or column.
    """
    chosen = sliced(outcomes, where)
    if chosen.empty:
        return Estimate.undefined("no record is in this slice")
    level = settings.confidence_level
    return one_sided(estimate_of(metric, chosen, replace(settings, confidence_level=2.0 * level - 1.0)), level)


def audited(sections: Mapping[str, Mapping[str, Any]], metric: str, level: float) -> Estimate:
    """Return a share that an audit found, as findings.json has it, with one-sided exact bounds at a level."""
    found = [section["estimates"][metric] for section in sections.values() if metric in section.get("estimates", {})]
    if not found:
        return Estimate.undefined(f"the audit has no estimate {metric}")
    n, value = int(found[0]["n"]), found[0]["value"]
    if value is None:
        return Estimate.undefined(str(found[0]["method"]).removeprefix("none: "))
    return one_sided(Estimate.proportion(round(value * n), n, excluded=found[0]["excluded"]), level)


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
