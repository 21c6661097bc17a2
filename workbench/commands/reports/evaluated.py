"""One version's estimates, and versions side by side."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from workbench.commands.screen import heading, say
from workbench.commands.tables import TextColumn, TextTable, of_names, of_numbers, show_table
from workbench.words import UNDEFINED

if TYPE_CHECKING:
    from workbench.evaluation import Evaluation
    from workbench.pages import Conclusion
    from workbench.runs.journal import RunInfo

DECIMALS = 2
NONE_ALONE = "none alone"
SPLITS = {"dev": "development records", "holdout": "holdout records"}
NOT_KNOWN = "not known"
MAIN = (
    "accuracy", "automation_rate", "selective_accuracy", "missed_escalation", "over_escalation", "latency_p95_s",
    "cost_per_decision",
)  # fmt: skip
VERSIONS = (
    of_names("version"), of_numbers("records", 4), of_numbers("accuracy (95% interval)"),
    of_numbers("decides alone"), of_numbers("right when it decides alone", 1), of_numbers("latency p95", 2),
    of_numbers("no decision", 3),
)  # fmt: skip


def print_evaluation(evaluation: Evaluation, conclusions: Iterable[Conclusion] = (), *, details: bool = False) -> None:
    """Print one evaluation's estimates with what they are a share of, and what follows from it."""
    info = evaluation.info
    heading(f"{evaluation.agent} on {evaluation.split.value}")
    say(_counts_line(info))
    if evaluation.is_partial:
        part = f"{info.planned:,} of {evaluation.n_split:,} {evaluation.split.value} records"
        say(f"A trial on {part}: it chooses no version, and no gate passes on it")
    print_engines([evaluation.identity])
    for remark in evaluation.remarks:
        say(remark)
    if evaluation.session.n_unmatched:
        say(f"{evaluation.session.n_unmatched:,} answers belonged to no open record and were dropped")
    _print_estimates(evaluation, details=details)
    say(evaluation.threshold_note)
    for conclusion in conclusions:
        say(conclusion.sentence)


def _print_estimates(evaluation: Evaluation, *, details: bool) -> None:
    from workbench.metrics import value_text

    rows = []
    for metric, estimate in evaluation.estimates.items():
        left_out = ", ".join(f"{cause} {n:,}" for cause, n in estimate.excluded.items())
        value = value_text(metric, estimate.value, DECIMALS).replace(UNDEFINED, _without_value(metric))
        if details or metric in MAIN:
            row = (metric, value, interval_text(metric, estimate.as_json()), f"{estimate.n:,}")
            rows.append((*row, left_out, estimate.method) if details else row)
    columns = (of_names("estimate"), of_numbers("value"), of_numbers("interval"), of_numbers("n"))
    more = (TextColumn("left out"), TextColumn("method")) if details else ()
    show_table("Estimates", TextTable((*columns, *more), tuple(rows)), details=details)
    if not details:
        say(f"{len(evaluation.estimates) - len(rows)} more estimates, methods, what is left out: --details")


def print_versions(title: str, evaluations: Sequence[Mapping[str, Any]], *, details: bool = False) -> None:
    """Print the versions on each split side by side, each as `Evaluation.as_json` has it."""
    for split, what in SPLITS.items():
        rows = tuple(_version_row(one) for one in evaluations if one["split"] == split)
        if rows:
            show_table(f"{title}: {what}", TextTable(VERSIONS, rows), details=details)
    alone = [one for one in evaluations if one["estimates"]["automation_rate"]["value"] is None]
    notes = list(dict.fromkeys(str(one["threshold_note"]) for one in alone))
    if notes:
        say(f"{NONE_ALONE}: {'; '.join(note[0].lower() + note[1:] for note in notes)}")


def print_engines(identities: Sequence[Mapping[str, Any]]) -> None:
    """Say what answered the prompts, where there are any."""
    from workbench.engines import answered_by

    if any("engine" in identity for identity in identities):
        say(answered_by(identities))


def interval_text(metric: str, estimate: Mapping[str, Any]) -> str:
    """Return an estimate's interval, empty when the method gives none."""
    from workbench.metrics import value_text

    if estimate["lower"] is None and estimate["upper"] is None:
        return ""
    lower, upper = (value_text(metric, estimate[bound], DECIMALS) for bound in ("lower", "upper"))
    return f"[{lower}, {upper}]".replace(UNDEFINED, "?")


def escalations_said(estimates: Mapping[str, Any]) -> str:
    """Return what was decided alone though wrong, and given to a person though right; empty without a threshold."""
    if estimates["automation_rate"]["value"] is None:
        return ""
    named = {"missed escalation": "missed_escalation", "over-escalation": "over_escalation"}
    listed = [
        f"{title} {_with_n(metric, estimates[metric])}" for title, metric in named.items() if estimates[metric]["n"]
    ]
    return f". {', '.join(listed).capitalize()}" if listed else ". Nothing wrong is decided alone, nothing escalated"


def _version_row(evaluation: Mapping[str, Any]) -> tuple[str, ...]:
    from workbench.metrics import value_text

    estimates, counts = evaluation["estimates"], evaluation["counts"]
    accuracy, automation = estimates["accuracy"], estimates["automation_rate"]["value"]
    return (
        evaluation["agent"],
        f"{counts['planned']:,}",
        f"{value_text('accuracy', accuracy['value'], DECIMALS)} {interval_text('accuracy', accuracy)}",
        NONE_ALONE if automation is None else value_text("automation_rate", automation, DECIMALS),
        _with_n("selective_accuracy", estimates["selective_accuracy"]),
        value_text("latency_p95_s", estimates["latency_p95_s"]["value"], DECIMALS).replace(UNDEFINED, NOT_KNOWN),
        f"{counts['invalid'] + counts['failed'] + counts['skipped']:,}",
    )


def _with_n(metric: str, estimate: Mapping[str, Any]) -> str:
    from workbench.metrics import value_text

    if estimate["value"] is None:
        return NOT_KNOWN
    return f"{value_text(metric, estimate['value'], DECIMALS)} of {estimate['n']:,}"


def _without_value(metric: str) -> str:
    return NONE_ALONE if metric == "automation_rate" else NOT_KNOWN


def _counts_line(info: RunInfo) -> str:
    counts = f"{info.planned:,} planned = {info.ok:,} ok + {info.invalid:,} invalid + {info.failed:,} failed"
    causes = "".join(f"\n  {cause}: {n:,}" for cause, n in info.causes.items())
    return f"{counts} + {info.skipped:,} skipped{causes}"
