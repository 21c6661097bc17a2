"""Estimates as text, in their metric's unit, and the catalogue as a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from workbench.metrics.catalogue import CATALOGUE, KPI_METRICS, Unit
from workbench.words import UNDEFINED, number, percent, seconds

if TYPE_CHECKING:
    import pandas as pd

    from workbench.metrics.estimate import Estimate

_declared: dict[str, Unit] = {}


def declare_units(units: Mapping[str, Unit]) -> None:
    """Let metrics that are not in the catalogue be shown in their units: those that a maker of evidence brings."""
    _declared.update(units)


def unit_of(metric: str) -> Unit:
    """Return a metric's unit; a measure that no charter can name is a plain number."""
    return CATALOGUE[metric].unit if metric in CATALOGUE else _declared.get(metric, Unit.NUMBER)


def value_text(metric: str, value: float | None, decimals: int = 1) -> str:
    """Return a metric's value in its unit: shares in percent, latencies in seconds, the rest as numbers."""
    if value is None:
        return UNDEFINED
    unit = unit_of(metric)
    if unit is Unit.SHARE:
        return percent(value, decimals)
    return seconds(value) if unit is Unit.SECONDS else number(value)


def estimate_text(metric: str, estimate: Estimate) -> str:
    """Return an estimate of a metric as one line: value, interval and denominator.

    Examples
    --------
    >>> from workbench.metrics import Estimate
    >>> estimate_text("accuracy", Estimate.proportion(13, 16))
    '81.2% of 16 (57.0% to 93.4%)'
    >>> estimate_text("latency_p99_s", Estimate(2.5, 2.0, None, 40, "order statistics 95%"))
    '2.5 s (2 s to ?), n 40'
    >>> estimate_text("cost_per_decision", Estimate.undefined("no price"))
    'not known'
    """
    if estimate.value is None:
        return UNDEFINED
    bounds = [value_text(metric, bound) if bound is not None else "?" for bound in (estimate.lower, estimate.upper)]
    interval = "" if bounds == ["?", "?"] else f" ({bounds[0]} to {bounds[1]})"
    value = value_text(metric, estimate.value)
    if unit_of(metric) is Unit.SHARE:
        return f"{value} of {estimate.n:,}{interval}"
    return f"{value}{interval}, n {estimate.n:,}"


def title_of(metric: str) -> str:
    """Return what a reader without statistics calls a metric."""
    return CATALOGUE[metric].title if metric in CATALOGUE else metric.replace("_", " ").capitalize()


def target_text(metric: str, target: float) -> str:
    """Return a target in its metric's unit, with the digits that it was written with.

    Examples
    --------
    >>> target_text("accuracy", 0.992), target_text("latency_p95_s", 45.0)
    ('99.2%', '45 s')
    """
    return f"{100 * target:.10g}%" if unit_of(metric) is Unit.SHARE else value_text(metric, target)


def versions_table(estimates: Mapping[str, Mapping[str, Estimate]], metrics: Sequence[str]) -> pd.DataFrame:
    """Return one row of text per agent version and one column per metric.

    Parameters
    ----------
    estimates : mapping
        Version name to metric name to estimate, as `evaluate_outcomes` gives them.
    metrics : sequence of str
        Which metrics, in the order of the columns.
    """
    import pandas as pd

    rows = {
        version: {name: estimate_text(name, named[name]) for name in metrics} for version, named in estimates.items()
    }
    return pd.DataFrame.from_dict(rows, orient="index", columns=list(metrics)).rename_axis("version")


def catalogue_markdown() -> str:
    """Return the catalogue as the text of docs/metrics.md."""
    lines = [
        "# Metrics that a KPI may name",
        "",
        "Written from `workbench.metrics.CATALOGUE` (`make format`). Shares lie in [0, 1]. Records that were not asked",
        "(skipped) are in no denominator, and every estimate says how many. A metric without an interval can be",
        "reported but never certified: a KPI on it stays unproven. The interval is the one that a gate holds against",
        "the target, one-sided at the KPI's confidence level; reports show two-sided ones too. Where the evaluation on",
        "the holdout certified, or tried to, `selective_accuracy` has the bound of that proof instead, entities in",
        "their worst case (decisions/0007-clusters.md): one answer for a KPI.",
        "",
        "| metric | in reports | what it is | unit | usual target | interval |",
        "|---|---|---|---|---|---|",
    ]
    for metric in (CATALOGUE[name] for name in KPI_METRICS):
        said = (metric.title, metric.definition, metric.unit, metric.usual.words, metric.interval)
        lines.append(f"| `{metric.id}` | {' | '.join(said)} |")
    return "\n".join(lines) + "\n"
