"""The published catalogue of metrics that a KPI may name; docs/metrics.md is written from it."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum


class KpiMetric(StrEnum):
    """The estimates a KPI may name."""

    ACCURACY = "accuracy"
    MACRO_F1 = "macro_f1"
    REASON_ACCURACY = "reason_accuracy"
    AUTOMATION_RATE = "automation_rate"
    SELECTIVE_ACCURACY = "selective_accuracy"
    MISSED_ESCALATION = "missed_escalation"
    MISSED_ESCALATION_OF_ALL = "missed_escalation_of_all"
    OVER_ESCALATION = "over_escalation"
    LATENCY_P50_S = "latency_p50_s"
    LATENCY_P95_S = "latency_p95_s"
    LATENCY_P99_S = "latency_p99_s"
    THROUGHPUT_PER_HOUR = "throughput_per_hour"
    COST_PER_DECISION = "cost_per_decision"


class Operator(StrEnum):
    """How an estimate is held against a target."""

    AT_LEAST = ">="
    AT_MOST = "<="

    @property
    def holds(self) -> Callable[[float, float], bool]:
        """Function of (estimate, target)."""
        return operator.ge if self is Operator.AT_LEAST else operator.le


@dataclass(frozen=True, slots=True)
class MetricEntry:
    """One entry of the catalogue.

    Parameters
    ----------
    definition : str
        What is counted of what, with the denominator.
    unit : str
        "share" lies in [0, 1].
    usual : Operator
        The side a target is normally stated on.
    interval : str
        How a gate computes its one-sided bounds; "none" where it can never certify it.
    of_labels : bool
        Whether labels enter it, so that measuring it on the holdout costs significance.
    """

    definition: str
    unit: str
    usual: Operator
    interval: str
    of_labels: bool = True


_UP, _DOWN = Operator.AT_LEAST, Operator.AT_MOST
_EXACT, _ORDER = "Clopper-Pearson", "order statistics"
CATALOGUE: Mapping[KpiMetric, MetricEntry] = {
    KpiMetric.ACCURACY: MetricEntry(
        "Right decisions among all that were asked for; invalid and failed ones are wrong.", "share", _UP, _EXACT
    ),
    KpiMetric.MACRO_F1: MetricEntry(
        "Mean F1 of the classes that have records, each class counting the same.", "share", _UP, "none"
    ),
    KpiMetric.REASON_ACCURACY: MetricEntry(
        "Right reasons among right decisions whose record has a reason label.", "share", _UP, _EXACT
    ),
    KpiMetric.AUTOMATION_RATE: MetricEntry(
        "Decisions carried out without a person among all that were asked for.", "share", _UP, _EXACT, of_labels=False
    ),
    KpiMetric.SELECTIVE_ACCURACY: MetricEntry(
        "Right decisions among those carried out without a person.", "share", _UP, _EXACT
    ),
    KpiMetric.MISSED_ESCALATION: MetricEntry(
        "Decisions carried out without a person among all wrong ones.", "share", _DOWN, _EXACT
    ),
    KpiMetric.MISSED_ESCALATION_OF_ALL: MetricEntry(
        "Wrong decisions carried out without a person among all that were asked for.", "share", _DOWN, _EXACT
    ),
    KpiMetric.OVER_ESCALATION: MetricEntry(
        "Escalated decisions that need not have been among all that were escalated.", "share", _DOWN, _EXACT
    ),
    KpiMetric.LATENCY_P50_S: MetricEntry(
        "Median seconds of the calls that were made, waits and retries included.", "s", _DOWN, _ORDER, of_labels=False
    ),
    KpiMetric.LATENCY_P95_S: MetricEntry(
        "Seconds that 95 of 100 calls did not exceed, waits and retries included.", "s", _DOWN, _ORDER, of_labels=False
    ),
    KpiMetric.LATENCY_P99_S: MetricEntry(
        "Seconds that 99 of 100 calls did not exceed, waits and retries included.", "s", _DOWN, _ORDER, of_labels=False
    ),
    KpiMetric.THROUGHPUT_PER_HOUR: MetricEntry(
        "Decisions an hour of one run.", "per hour", _UP, "none", of_labels=False
    ),
    KpiMetric.COST_PER_DECISION: MetricEntry(
        "Mean cost of the tokens of a decision, in the currency of the model's price.",
        "currency",
        _DOWN,
        "Student t",
        of_labels=False,
    ),
}


def catalogue_markdown() -> str:
    """Return the catalogue as the text of docs/metrics.md."""
    lines = [
        "# Metrics that a KPI may name",
        "",
        "Written from `workbench.charter.metrics.CATALOGUE`; a test compares the two. Shares lie in [0, 1]. Records",
        "that were not asked (skipped) are in no denominator, and every estimate says how many. A metric without an",
        "interval can be reported but never certified: a KPI on it stays unproven. The interval is the one that a",
        "gate holds against the target, one-sided at the KPI's confidence level; reports show two-sided ones too.",
        "Where the evaluation on the holdout certified, or tried to, `selective_accuracy` has the bound of that proof",
        "instead, entities in their worst case (decisions/0007-clusters.md): one answer for a KPI.",
        "",
        "| metric | what it is | unit | usual target | interval |",
        "|---|---|---|---|---|",
    ]
    for metric, entry in CATALOGUE.items():
        side = "at least" if entry.usual is Operator.AT_LEAST else "at most"
        lines.append(f"| `{metric.value}` | {entry.definition} | {entry.unit} | {side} | {entry.interval} |")
    return "\n".join(lines) + "\n"
