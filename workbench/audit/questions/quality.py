"""Quality issues: flagged cells gathered into findings, one for each kind and column."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.audit.detectors.contradictions import DEPENDENCY
from workbench.audit.detectors.detector import all_kinds, kinds_about
from workbench.audit.detectors.repeats import DUPLICATE
from workbench.audit.findings import CellKind, Concerns, DataFinding, Severity, by_effect
from workbench.audit.questions.section import Section
from workbench.audit.table.subject import Subject
from workbench.metrics import Estimate
from workbench.stats import other_hits
from workbench.words import counted, percent, several, shown

MAX_FINDINGS_OF_A_KIND = 12  # columns: what no one column stands out of is told together
REASONS_SHOWN = 3
OWN_FINDING_AT_LEAST = 0.01  # of the records: rarer ones are told together
OTHERS = "all other columns"
MANY_REPEATS = 0.2  # of the records: accuracy is then measured on a fifth fewer cases than it seems
ALPHA_ODD = 0.001  # many kinds and columns are asked, and a finding is made harmless by it
MIN_ODD, ODD_DECIDED = 10, 0.6  # records, and share with another label: see `decided_on`


def quality(subject: Subject, cells: pd.DataFrame, unlisted: Sequence[str] = ()) -> Section:
    """Return what is wrong with single cells, as a section of the audit.

    Parameters
    ----------
    subject : Subject
    cells : DataFrame
        Every flagged cell: row, column, kind, reason.
    unlisted : sequence of str
        What is said of rules that more cells break than `cells` lists.
    """
    n = subject.n_rows
    is_required = cells["column"].isin(subject.roles.required)
    is_counted = is_required & cells["kind"].isin(kinds_about(Concerns.GAP))  # as incomplete records
    parts = cells[~is_counted].groupby("kind", sort=False)
    findings = [finding for kind, part in parts for finding in _of_kind(subject, all_kinds()[str(kind)], part)]
    n_flagged = int(cells["row"].nunique())
    estimates = {"records_with_an_issue": Estimate.proportion(n_flagged, n)}
    rows = []
    for kind, part in cells.groupby("kind"):
        records = int(part["row"].nunique())
        estimates[f"records_with: {kind}"] = Estimate.proportion(records, n)
        rows.append(
            (kind, all_kinds()[str(kind)].name, len(part), records, percent(records / n), part["column"].nunique())
        )
    names = ["kind", "what it is", "cells", "records", "share of records", "columns"]
    table = pd.DataFrame(rows, columns=names).sort_values("records", ascending=False, kind="stable")
    kinds = several(len(rows), "kind")
    answer = f"{counted(n_flagged, n)} records have {several(len(cells), 'flagged cell')} of {kinds}."
    if not len(cells):
        answer = f"No cell of {n:,} records was flagged."
    return Section(
        "quality",
        "Quality issues",
        "Which cells are missing, inconsistent, wrong or repeated?",
        answer,
        estimates,
        {"Flagged cells by kind": table} if rows else {},
        tuple(findings),
        {"cells": {str(kind): len(part) for kind, part in cells.groupby("kind")}},
        tuple(unlisted),
    )


def _of_kind(subject: Subject, kind: CellKind, cells: pd.DataFrame) -> list[DataFinding]:
    """Return a finding for each column with 1% of the records or more, and one for all other columns together."""
    if kind.concerns is Concerns.RECORD:
        return [_finding(subject, kind, cells)]
    counts = cells.groupby("column", sort=False)["row"].nunique().sort_values(ascending=False, kind="stable")
    large = [str(name) for name in counts.index[counts >= OWN_FINDING_AT_LEAST * subject.n_rows]]
    own = large[: MAX_FINDINGS_OF_A_KIND - (len(counts) > MAX_FINDINGS_OF_A_KIND)]
    rest = cells[~cells["column"].isin(own)]
    findings = [_finding(subject, kind, cells[cells["column"] == name]) for name in own]
    return [*findings, _finding(subject, kind, rest, OTHERS)] if len(rest) else findings


def _finding(subject: Subject, kind: CellKind, cells: pd.DataFrame, scope: str = "") -> DataFinding:
    columns = tuple(dict.fromkeys(str(name) for name in cells["column"]))
    rows = np.unique(cells["row"].to_numpy(dtype=np.int64))
    where = f"in {shown(columns)}" if columns and kind.concerns is not Concerns.RECORD else ""
    title = f"{kind.name[0].upper()}{kind.name[1:]} {where}".strip()
    known = decided_on(subject, rows) if kind.concerns is Concerns.FIELDS else None
    share = len(rows) / max(1, subject.n_rows)
    severity = by_effect(_severity(subject, kind, columns, share), share, subject.is_read(columns))
    return DataFinding(
        kind.id,
        f"{title}: {counted(len(rows), subject.n_rows)} records",
        columns,
        rows,
        subject.n_rows,
        Severity.LOW if known is not None else severity,
        f"{_evidence(cells)}{'' if known is None else f'. {known}'}",
        kind.consequence if known is None else "none, where the agent decides on it as the labels do",
        kind.remedy,
        cells,
        scope=scope,
    )


def decided_on(subject: Subject, rows: NDArray[np.int64]) -> str | None:
    """Return in a sentence that the labels already decide on what is odd about some records, None where they do not.

    Records that are odd because the case is (an invoice in another currency than its order) get another label than
    most; errors in the data, made after the decision, do not. Held to be so when most records have one label, when
    at least ten development records are odd and 60% of them have another, twice as many as among the rest, and
    Fisher's exact test has p < 0.001.
    """
    if subject.labels is None:
        return None
    dev = subject.labels.dev
    is_odd = dev.index.isin(rows)
    usual = dev.value_counts().index[0]
    here, rest = dev[is_odd] != usual, dev[~is_odd] != usual
    if len(here) < MIN_ODD or not len(rest) or rest.mean() > 0.5 or here.mean() < max(ODD_DECIDED, 2 * rest.mean()):
        return None
    if other_hits((int(here.sum()), len(here)), (int(rest.sum()), len(rest))) >= ALPHA_ODD:
        return None
    return (
        f"{percent(float(here.mean()))} of these development records are labelled other than {usual!r}, "
        f"{percent(float(rest.mean()))} of the others: the labels know of it, so it is the case that is unusual"
    )


def _severity(subject: Subject, kind: CellKind, columns: Sequence[str], share: float) -> Severity:
    """Return how bad a kind of cell is in these columns.

    Dependencies that nobody declared are no proof. Where a fifth of the records are repeats, accuracy is measured on
    far fewer cases than it seems.
    """
    if kind == DUPLICATE and share >= MANY_REPEATS:
        return Severity.HIGH
    if kind == DEPENDENCY:
        rules = subject.contract.rules if subject.contract is not None else ()
        is_declared = any(rule.endswith(f" -> {name}") for rule in rules for name in columns)
        return Severity.HIGH if is_declared else Severity.MEDIUM
    is_optional = not set(columns) & set(subject.roles.required)
    return kind.when_optional if is_optional and kind.when_optional is not None else kind.severity


def _evidence(cells: pd.DataFrame) -> str:
    """Return the most frequent reasons."""
    reasons = cells["reason"].map(str).value_counts()
    listed = "; ".join(f"{reason} ({n:,})" for reason, n in reasons.head(REASONS_SHOWN).items())
    more = len(reasons) - REASONS_SHOWN
    return listed + (f"; {more:,} more reasons" if more > 0 else "")
