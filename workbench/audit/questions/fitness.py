"""Sample fitness: whether there are enough records of every kind, and what they could prove at all."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from workbench.audit.findings import DataFinding, Effort, Remedy, Severity
from workbench.audit.questions.section import Section
from workbench.audit.table.subject import Labels, Subject
from workbench.metrics import ACCURACY, AUTOMATION_RATE, SELECTIVE_ACCURACY, Estimate, Operator
from workbench.pilot.charter import Charter
from workbench.records.ledger import SPENT_AT_ONCE
from workbench.stats import (
    IntervalMethod,
    allowed_errors,
    minimum_detectable_difference,
    records_for_power,
    records_needed,
)
from workbench.words import counted, percent, several, shown

TITLE = "Sample fitness"
QUESTION = "Are there enough records of every kind, and what could they prove?"
ENOUGH_LABELLED = 1_000  # records: an accuracy of 90% is then known to two points
ENOUGH_OF_A_CLASS = 30  # with fewer, the interval of an accuracy is wider than a fifth of the scale
ENOUGH_OF_A_LABEL = 20  # with fewer, nothing can be said of one label
CLASSES = ("common", "edge", "error")
DISCORDANCES = (0.02, 0.05, 0.1)  # shares of records on which two versions differ, from alike to unlike
PROVED_SHARES = (ACCURACY, SELECTIVE_ACCURACY)


def fitness(subject: Subject) -> Section:
    """Return whether the sample is fit for developing and judging an agent, as a section of the audit."""
    labels = subject.labels
    if labels is None:
        answer = f"{subject.n_rows:,} records, none of them labelled as far as the audit knows."
        return Section("fitness", TITLE, QUESTION, answer, {"labelled": Estimate.proportion(0, subject.n_rows)})
    n_labelled = int(labels.counts.to_numpy().sum())
    n_holdout = int(labels.counts["holdout"].sum())
    classes = _classes(subject)
    rare = _rare(labels)
    provable = provable_kpis(subject.charter, n_holdout)
    best = 0.05 ** (1 / n_holdout) if n_holdout else None
    findings = [_too_few(subject, n_labelled)] if n_labelled < ENOUGH_LABELLED else []
    findings += _missing_classes(subject, classes)
    findings += [_rare_labels(subject, labels, rare)] if rare else []
    findings += [_unprovable(subject, row) for _, row in provable.iterrows() if row["still needed"]]
    tables = {
        "What the holdout could prove, by KPI": provable,
        "Smallest difference two versions can show": _paired(len(labels.dev)),
    }
    if classes is not None:
        tables["Records by class"] = classes
    tables["Records by label, the rarest first"] = _by_label(labels)
    answer = (
        f"{n_labelled:,} of {subject.n_rows:,} records are labelled ({ENOUGH_LABELLED:,} are wanted), {n_holdout:,} of "
        f"them holdout; without a single error they prove an accuracy of {percent(best)} at best; "
        f"{len(rare)} of {len(labels.allowed)} labels have fewer than {ENOUGH_OF_A_LABEL} records"
    )
    short = provable[provable["still needed"] > 0]
    answer += (
        f"; for an 80% chance to prove every KPI {int(short['still needed'].max()):,} more holdout records are needed."
        if len(short)
        else "."
    )
    facts = {
        "n_labelled": n_labelled,
        "n_holdout": n_holdout,
        "provable_without_errors": best,
        "rare_labels": list(rare),
    }
    facts["records_still_needed"] = {str(row["KPI"]): int(row["still needed"]) for _, row in provable.iterrows()}
    return Section(
        "fitness", TITLE, QUESTION, answer, _estimates(subject, labels, classes), tables, tuple(findings), facts
    )


def provable_kpis(charter: Charter | None, n_holdout: int) -> pd.DataFrame:
    """Return for each accuracy KPI what the holdout can prove of it at its first opening.

    Accuracy among automated decisions is judged on as many holdout records as the automation KPI asks for (all of them
    where there is none). "still needed" counts further holdout records until the target is proved with 80% chance by an
    agent whose error rate is half of what the target allows; 0 when there are enough.
    """
    rows = []
    automation = charter.target(AUTOMATION_RATE) if charter is not None else None
    for kpi in charter.kpis if charter is not None else ():
        if kpi.metric not in PROVED_SHARES or kpi.operator is not Operator.AT_LEAST or not 0 < kpi.target < 1:
            continue
        share = automation if kpi.metric == SELECTIVE_ACCURACY and automation else 1.0
        n, level = int(n_holdout * share), 1 - SPENT_AT_ONCE * (1 - kpi.confidence_level)
        errors = int(allowed_errors(n, kpi.target, 1 - level).max()) if n else -1
        least = records_needed(kpi.target, 0, level)
        wanted = records_for_power(kpi.target, (1 - kpi.target) / 2, 0.8, level) or least
        still = max(0, int(np.ceil(wanted / share)) - n_holdout)
        allowed = f"{errors:,}" if errors >= 0 else "not even without an error"
        rows.append(
            (
                kpi.id,
                f">= {percent(kpi.target)}{', a placeholder' * kpi.placeholder}",
                n,
                allowed,
                least,
                wanted,
                still,
            )
        )
    names = ["KPI", "target", "holdout records it counts", "errors that still prove it", "needed without an error",
             "needed for 80% chance", "still needed"]  # fmt: skip
    return pd.DataFrame(rows, columns=names)


def _paired(n_dev: int) -> pd.DataFrame:
    """Return the smallest difference in accuracy that two versions on the development records can show."""
    rows = []
    for discordance in DISCORDANCES:
        least = minimum_detectable_difference(n_dev, discordance) if n_dev else None
        shown = "none" if least is None else f"{100 * least:.2f} points"
        rows.append((percent(discordance), n_dev, shown))
    return pd.DataFrame(rows, columns=["records on which one is right", "records", "difference seen with 80% chance"])


def _classes(subject: Subject) -> pd.DataFrame | None:
    values = subject.stratum("class")
    if values is None:
        return None
    counts = values.value_counts()
    names = [*CLASSES, *(str(name) for name in counts.index if str(name) not in CLASSES)]
    total = len(values)
    rows = [(name, int(counts.get(name, 0)), total, percent(counts.get(name, 0) / total)) for name in names]
    return pd.DataFrame(rows, columns=["class", "records", "of", "share"])


def _rare(labels: Labels) -> dict[str, int]:
    totals = labels.counts.sum(axis="columns").reindex(list(labels.allowed), fill_value=0)
    return {str(label): int(n) for label, n in totals.items() if n < ENOUGH_OF_A_LABEL}


def _by_label(labels: Labels) -> pd.DataFrame:
    counts = labels.counts.reindex(list(labels.allowed), fill_value=0)
    table = counts.assign(records=counts.sum(axis="columns")).sort_values("records", kind="stable")
    return table.rename_axis("label").reset_index()


def _estimates(subject: Subject, labels: Labels, classes: pd.DataFrame | None) -> dict[str, Estimate]:
    n_labelled = int(labels.counts.to_numpy().sum())
    found = {"labelled": Estimate.proportion(n_labelled, subject.n_rows)}
    n_holdout = int(labels.counts["holdout"].sum())
    exact = IntervalMethod.CLOPPER_PEARSON
    found["accuracy_provable_without_errors"] = Estimate.proportion(n_holdout, n_holdout, method=exact)
    if classes is not None:
        for name, k, n, _ in classes.itertuples(index=False):
            found[f"class: {name}"] = Estimate.proportion(int(k), int(n))
    return found


def _too_few(subject: Subject, n_labelled: int) -> DataFinding:
    return DataFinding(
        "too_few_labelled",
        f"{n_labelled:,} labelled records, at least {ENOUGH_LABELLED:,} are wanted",
        (),
        subject.rows,
        len(subject.frame),
        Severity.CRITICAL,
        "counted in the records",
        "accuracy cannot be measured closely enough to decide on it",
        Remedy(f"label {ENOUGH_LABELLED - n_labelled:,} more records, drawn at random from production", Effort.WEEKS,
               f"at least {ENOUGH_LABELLED:,} labelled records"),
    )  # fmt: skip


def _missing_classes(subject: Subject, classes: pd.DataFrame | None) -> list[DataFinding]:
    if classes is None:
        return []
    findings = []
    for name, n, total, _ in classes.itertuples(index=False):
        if n < ENOUGH_OF_A_CLASS:
            findings.append(
                DataFinding(
                    "thin_class",
                    f"{n:,} {name} cases, at least {ENOUGH_OF_A_CLASS} are wanted",
                    (str(subject.roles.case), str(name)),
                    subject.rows,
                    int(total),
                    Severity.HIGH if n == 0 else Severity.MEDIUM,
                    "counted in the class column",
                    f"nothing can be said about how the agent does on {name} cases",
                    Remedy(
                        f"collect and label {ENOUGH_OF_A_CLASS - n} more {name} cases",
                        Effort.DAYS,
                        f"at least {ENOUGH_OF_A_CLASS} {name} cases",
                    ),
                )
            )
    return findings


def _rare_labels(subject: Subject, labels: Labels, rare: dict[str, int]) -> DataFinding:
    rows = labels.rows_with(rare)
    return DataFinding(
        "rare_label",
        f"{several(len(rare), 'label has', 'labels have')} fewer than {ENOUGH_OF_A_LABEL} records: "
        f"{shown(list(rare))}",
        (labels.column,),
        rows,
        len(labels.dev),
        Severity.MEDIUM,
        f"{counted(len(rows), len(labels.dev))} development records have one of these labels",
        "the agent's accuracy on these labels is not known",
        Remedy("label more of these cases, or merge the label with a neighbour", Effort.DAYS,
               f"every label has at least {ENOUGH_OF_A_LABEL} records"),
    )  # fmt: skip


def _unprovable(subject: Subject, row: pd.Series[Any]) -> DataFinding:
    needed, has = int(str(row["still needed"])), str(row["errors that still prove it"])
    never = has.startswith("not")
    return DataFinding(
        "unprovable_kpi",
        f"The holdout cannot prove {row['KPI']} ({row['target']}), even without an error"
        if never else
        f"The holdout can prove {row['KPI']} ({row['target']}), but a good agent has less than an 80% chance",
        (str(row["KPI"]),),
        subject.rows,
        len(subject.frame),
        Severity.HIGH if never else Severity.MEDIUM,
        f"{row['holdout records it counts']:,} holdout records count; errors that still prove the target: {has}; for "
        f"an 80% chance {row['needed for 80% chance']:,} are needed",
        "the gate stays unproven however good the agent is" if never else "a good agent may fail the gate by bad luck",
        Remedy(f"label {needed:,} more holdout records, or agree on another target", Effort.WEEKS,
               "no holdout records are still needed for this KPI"),
    )  # fmt: skip
