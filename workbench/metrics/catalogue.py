"""The catalogue: every metric of decisions, what it is, how it is computed and which records are behind it.

A metric is one entry here and its test. What a KPI may name, what an opening of the holdout charges, how a value is
written, docs/metrics.md and the records behind a number are derived from it. Importing this module loads no library;
what computes is `workbench.metrics.rows.Rows`.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

    from workbench.metrics.estimate import Estimate
    from workbench.metrics.rows import Rows

ACCURACY = "accuracy"
AUTOMATION_RATE = "automation_rate"
SELECTIVE_ACCURACY = "selective_accuracy"
SECONDS_PER_HOUR = 3600
PER_MILLION = 1_000_000
SEEN = {"automated", "skipped"}  # routes that are counted, or left out of every metric


class Operator(StrEnum):
    """How an estimate is held against a target."""

    AT_LEAST = ">="
    AT_MOST = "<="

    @property
    def holds(self) -> Callable[[float, float], bool]:
        """Function of (estimate, target)."""
        return operator.ge if self is Operator.AT_LEAST else operator.le

    @property
    def words(self) -> str:
        """The operator as it is read out."""
        return "at least" if self is Operator.AT_LEAST else "at most"


class Unit(StrEnum):
    """What a metric's value is counted in."""

    SHARE = "share"  # lies in [0, 1]
    SECONDS = "s"
    PER_HOUR = "per hour"
    CURRENCY = "currency"
    TOKENS = "tokens"
    NUMBER = "number"  # of a measure that is no metric of the catalogue, such as the area under a curve


class Interval(StrEnum):
    """How a gate computes a metric's one-sided bounds; with none it can never certify the metric."""

    EXACT = "Clopper-Pearson"
    ORDER = "order statistics"
    STUDENT = "Student t"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Metric:
    """One entry of the catalogue.

    Parameters
    ----------
    title : str
        What a reader without statistics calls it.
    definition : str
        What is counted of what, with the denominator.
    usual : Operator
        The side a target is normally stated on.
    value : callable
        Rows to their estimate; only called with a threshold where `at_threshold`.
    behind : callable
        Rows to the records that count and those that the value is a share of; for a mean or a quantile `of` are the
        records it was computed from.
    at_threshold : bool
        Whether it depends on which decisions are automated.
    of_labels : bool
        Whether labels enter it, so that measuring it on the holdout costs significance.
    is_kpi : bool
        Whether a charter may name it.
    quantile : float, optional
        Which quantile it is, where it is one.
    column : str, optional
        Column of the outcomes without which it is undefined, and not listed among the estimates.
    """

    id: str
    title: str
    definition: str
    unit: Unit
    usual: Operator
    interval: Interval
    value: Callable[[Rows], Estimate]
    behind: Callable[[Rows], tuple[pd.Series[bool], pd.Series[bool]]]
    at_threshold: bool = False
    of_labels: bool = True
    is_kpi: bool = True
    quantile: float | None = None
    column: str | None = None


Flags = Callable[["Rows"], "pd.Series[bool]"]
Causes = Callable[["Rows"], Mapping[str, "pd.Series[bool]"]]
_UP, _DOWN = Operator.AT_LEAST, Operator.AT_MOST


def _share(
    name: str,
    title: str,
    definition: str,
    usual: Operator,
    counted: Flags,
    of: Flags,
    left_out: Causes = lambda rows: {},
    *,
    at_threshold: bool = False,
    of_labels: bool = True,
    column: str | None = None,
) -> Metric:
    """Return a metric that counts decisions among others."""

    def value(rows: Rows) -> Estimate:
        return rows.share(counted(rows), of(rows), rows.left_out(left_out(rows)))

    def behind(rows: Rows) -> tuple[pd.Series[bool], pd.Series[bool]]:
        return counted(rows), of(rows)

    facts = (name, title, definition, Unit.SHARE, usual, Interval.EXACT, value, behind)
    return Metric(*facts, at_threshold=at_threshold, of_labels=of_labels, column=column)


def _latency(name: str, title: str, definition: str, q: float) -> Metric:
    def value(rows: Rows) -> Estimate:
        excluded = _not_called(rows)
        if not rows.called.any():
            return rows.undefined("no call was made", excluded)
        return rows.quantile("latency_s", q, rows.called, excluded)

    def behind(rows: Rows) -> tuple[pd.Series[bool], pd.Series[bool]]:
        return rows.numbers("latency_s") <= (value(rows).value or 0.0), rows.called

    facts = (name, title, definition, Unit.SECONDS, _DOWN, Interval.ORDER, value, behind)
    return Metric(*facts, of_labels=False, quantile=q)


def _mean(
    name: str, title: str, definition: str, unit: Unit, values: Callable[[Rows], pd.Series[float]], *, is_kpi: bool
) -> Metric:
    """Return the mean of what is known of each decision that was asked for."""

    def known(rows: Rows) -> pd.Series[bool]:
        return rows.asked & values(rows).notna()

    def value(rows: Rows) -> Estimate:
        if unit is Unit.CURRENCY and rows.settings.price is None:
            return rows.undefined("no price", rows.left_out({"no_price": rows.asked}))
        excluded = rows.left_out({"no_token_count": rows.asked & ~known(rows)})
        if not known(rows).any():
            return rows.undefined("no token counts", excluded)
        return rows.mean(values(rows), known(rows), excluded)

    def behind(rows: Rows) -> tuple[pd.Series[bool], pd.Series[bool]]:
        return known(rows), known(rows)

    facts = (name, title, definition, unit, _DOWN, Interval.STUDENT, value, behind)
    return Metric(*facts, of_labels=False, is_kpi=is_kpi)


def _not_called(rows: Rows) -> dict[str, int]:
    return rows.left_out({"not_called": rows.asked & ~rows.called})


def _macro_f1(rows: Rows) -> Estimate:
    """F1 of a class is 2 right / (n + predicted), so a class that is never decided counts as 0."""
    counts = rows.class_counts[rows.class_counts["n"] > 0]
    if counts.empty:
        return rows.undefined("no decision was asked for")
    f1 = 2 * counts["right"] / (counts["n"] + counts["predicted"])
    return rows.plain(float(f1.to_numpy().mean()), int(counts["n"].sum()), rows.left_out({}))


def _right_reasons(rows: Rows) -> tuple[pd.Series[bool], pd.Series[bool]]:
    """Return where the reason is the label's, and the right decisions whose record has one."""
    same = rows.text("reason") == rows.text("label_reason")
    return rows.asked & same, rows.right & rows.outcomes["label_reason"].notna()


def _reason_accuracy(rows: Rows) -> Estimate:
    if "label_reason" not in rows.outcomes.columns:
        return rows.undefined("the contract has no reason column", rows.left_out({"no_reason_column": rows.asked}))
    agreed, judged = _right_reasons(rows)
    causes = {"wrong": rows.wrong, "no_label_reason": rows.right & ~judged}
    if judged.any() and rows.outcomes["reason"].isna().all():
        return rows.undefined("the agent gives no reasons", rows.left_out({**causes, "no_reason": judged}))
    return rows.share(agreed, judged, rows.left_out(causes))


def _throughput(rows: Rows) -> Estimate:
    """One run gives one number, so there is no interval."""
    wall_s, excluded, n = rows.settings.wall_s, _not_called(rows), int(rows.called.sum())
    if wall_s is None:
        return rows.undefined("the run's duration is not known", {**excluded, "no_duration": n})
    return rows.plain(n * SECONDS_PER_HOUR / wall_s, n, excluded) if n else rows.undefined("no call was made", excluded)


def _cost(rows: Rows) -> pd.Series[float]:
    """Tokens of attempts that brought no reply are not known and not in it."""
    prompt, completion, price = rows.numbers("prompt_tokens"), rows.numbers("completion_tokens"), rows.settings.price
    if price is None:
        return prompt * float("nan")
    return (prompt * price.input_per_million + completion * price.output_per_million) / PER_MILLION


CATALOGUE: Mapping[str, Metric] = {
    metric.id: metric
    for metric in (
        _share(
            ACCURACY,
            "Right",
            "Right decisions among all that were asked for; invalid and failed ones are wrong.",
            _UP,
            counted=lambda rows: rows.right,
            of=lambda rows: rows.asked,
        ),
        Metric(
            "accuracy_exact",
            "Right, with an exact interval",
            "The accuracy, with an exact interval.",
            Unit.SHARE,
            _UP,
            Interval.EXACT,
            lambda rows: rows.share(rows.right, rows.asked, rows.left_out({}), exact=True),
            lambda rows: (rows.right, rows.asked),
            is_kpi=False,
        ),
        Metric(
            "macro_f1",
            "Mean F1 of the labels",
            "Mean F1 of the classes that have records, each class counting the same.",
            Unit.SHARE,
            _UP,
            Interval.NONE,
            _macro_f1,
            lambda rows: (rows.right, rows.asked),
        ),
        Metric(
            "reason_accuracy",
            "Right reason",
            "Right reasons among right decisions whose record has a reason label.",
            Unit.SHARE,
            _UP,
            Interval.EXACT,
            _reason_accuracy,
            _right_reasons,
        ),
        _share(
            AUTOMATION_RATE,
            "Decides alone",
            "Decisions carried out without a person among all that were asked for.",
            _UP,
            counted=lambda rows: rows.automated,
            of=lambda rows: rows.asked,
            at_threshold=True,
            of_labels=False,
        ),
        _share(
            SELECTIVE_ACCURACY,
            "Right when it decides alone",
            "Right decisions among those carried out without a person.",
            _UP,
            counted=lambda rows: rows.right,
            of=lambda rows: rows.automated,
            left_out=lambda rows: {name: rows.route == name for name in rows.route.cat.categories if name not in SEEN},
            at_threshold=True,
        ),
        _share(
            "missed_escalation",
            "Errors that no person sees",
            "Decisions carried out without a person among all wrong ones.",
            _DOWN,
            counted=lambda rows: rows.automated,
            of=lambda rows: rows.wrong,
            left_out=lambda rows: {"right": rows.right},
            at_threshold=True,
        ),
        _share(
            "missed_escalation_of_all",
            "Wrong and decided alone",
            "Wrong decisions carried out without a person among all that were asked for.",
            _DOWN,
            counted=lambda rows: rows.wrong & rows.automated,
            of=lambda rows: rows.asked,
            at_threshold=True,
        ),
        _share(
            "over_escalation",
            "Needless escalations",
            "Escalated decisions that need not have been among all that were escalated.",
            _DOWN,
            counted=lambda rows: rows.needless,
            of=lambda rows: rows.escalated,
            left_out=lambda rows: {"automated": rows.automated},
            at_threshold=True,
        ),
        _share(
            "recall_at_k",
            "Found what it needs",
            "Records for which an agent's tools returned every document that they need among those that need one.",
            _UP,
            counted=lambda rows: rows.found,
            of=lambda rows: rows.needing,
            left_out=lambda rows: {"needs_nothing": rows.asked & ~rows.needing},
            column="needs",
        ),
        _share(
            "wrong_without_document",
            "Wrong alone, without what it needs",
            "Wrong decisions carried out without a person and without a document that the record needs among the "
            "records that need one.",
            _DOWN,
            counted=lambda rows: rows.wrong & rows.automated & ~rows.found,
            of=lambda rows: rows.needing,
            left_out=lambda rows: {"needs_nothing": rows.asked & ~rows.needing},
            at_threshold=True,
            column="needs",
        ),
        _latency(
            "latency_p50_s",
            "Time, 50 of 100 decisions",
            "Median seconds of the calls that were made, waits and retries included.",
            0.5,
        ),
        _latency(
            "latency_p95_s",
            "Time, 95 of 100 decisions",
            "Seconds that 95 of 100 calls did not exceed, waits and retries included.",
            0.95,
        ),
        _latency(
            "latency_p99_s",
            "Time, 99 of 100 decisions",
            "Seconds that 99 of 100 calls did not exceed, waits and retries included.",
            0.99,
        ),
        Metric(
            "throughput_per_hour",
            "Decisions an hour",
            "Decisions an hour of one run.",
            Unit.PER_HOUR,
            _UP,
            Interval.NONE,
            _throughput,
            lambda rows: (rows.called, rows.called),
            of_labels=False,
        ),
        _mean(
            "prompt_tokens",
            "Prompt tokens of a decision",
            "Mean prompt tokens of a decision.",
            Unit.TOKENS,
            lambda rows: rows.numbers("prompt_tokens"),
            is_kpi=False,
        ),
        _mean(
            "completion_tokens",
            "Reply tokens of a decision",
            "Mean completion tokens of a decision.",
            Unit.TOKENS,
            lambda rows: rows.numbers("completion_tokens"),
            is_kpi=False,
        ),
        _mean(
            "cost_per_decision",
            "Cost of a decision",
            "Mean cost of the tokens of a decision, in the currency of the model's price.",
            Unit.CURRENCY,
            _cost,
            is_kpi=True,
        ),
    )
}
KPI_METRICS = tuple(metric.id for metric in CATALOGUE.values() if metric.is_kpi)
