"""Quality issues: flagged cells gathered into findings, one for each kind and column."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from workbench.audit.findings import Finding, Severity, quoted_columns
from workbench.audit.remedies import ISSUES
from workbench.audit.section import Section
from workbench.audit.subject import Subject
from workbench.audit.wording import counted, share_text
from workbench.metrics import Estimate

MAX_FINDINGS_OF_A_KIND = 12
REASONS_SHOWN = 3
ABOUT_RECORDS = frozenset({"duplicate", "near_duplicate"})


def quality(subject: Subject, cells: pd.DataFrame) -> Section:
    """Return what is wrong with single cells, as a section of the audit.

    Parameters
    ----------
    subject : Subject
    cells : DataFrame
        Every flagged cell: row, column, kind, reason.
    """
    n = subject.n_rows
    is_counted = cells["column"].isin(subject.roles.required) & (cells["kind"] == "missing")  # as incomplete records
    parts = cells[~is_counted].groupby("kind", sort=False)
    findings = [finding for kind, part in parts for finding in _of_kind(subject, str(kind), part)]
    n_flagged = int(cells["row"].nunique())
    estimates = {"records_with_an_issue": Estimate.proportion(n_flagged, n)}
    rows = []
    for kind, part in cells.groupby("kind"):
        records = int(part["row"].nunique())
        estimates[f"records_with: {kind}"] = Estimate.proportion(records, n)
        rows.append(
            (kind, ISSUES[str(kind)].name, len(part), records, share_text(records / n), part["column"].nunique())
        )
    names = ["kind", "what it is", "cells", "records", "share of records", "columns"]
    table = pd.DataFrame(rows, columns=names).sort_values("records", ascending=False, kind="stable")
    answer = f"{counted(n_flagged, n)} records have {len(cells):,} flagged cells of {len(rows)} kinds."
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
    )


def _of_kind(subject: Subject, kind: str, cells: pd.DataFrame) -> list[Finding]:
    """Return a finding for each column, one for all of them where there are many."""
    if kind in ABOUT_RECORDS:
        return [_finding(subject, kind, cells)]
    columns = list(dict.fromkeys(cells["column"]))
    if len(columns) > MAX_FINDINGS_OF_A_KIND:
        counts = cells.groupby("column", sort=False)["row"].nunique().sort_values(ascending=False, kind="stable")
        own = set(counts.index[: MAX_FINDINGS_OF_A_KIND - 1])
        parts = [cells[cells["column"] == name] for name in columns if name in own]
        return [_finding(subject, kind, part) for part in [*parts, cells[~cells["column"].isin(own)]]]
    return [_finding(subject, kind, cells[cells["column"] == name]) for name in columns]


def _finding(subject: Subject, kind: str, cells: pd.DataFrame) -> Finding:
    issue = ISSUES[kind]
    columns = tuple(dict.fromkeys(str(name) for name in cells["column"]))
    rows = np.unique(cells["row"].to_numpy(dtype=np.int64))
    where = f"in {quoted_columns(columns)}" if columns else ""
    title = f"{issue.name[0].upper()}{issue.name[1:]} {where}".strip()
    return Finding(
        kind,
        f"{title}: {counted(len(rows), subject.n_rows)} records",
        columns,
        rows,
        subject.n_rows,
        _severity(subject, kind, columns),
        _evidence(cells),
        issue.consequence,
        issue.remedy,
        cells,
    )


def _severity(subject: Subject, kind: str, columns: Sequence[str]) -> Severity:
    """Return how bad a kind of cell is in these columns."""
    issue = ISSUES[kind]
    is_optional = not set(columns) & set(subject.roles.required)
    return issue.when_optional if is_optional and issue.when_optional is not None else issue.severity


def _evidence(cells: pd.DataFrame) -> str:
    """Return the most frequent reasons."""
    reasons = cells["reason"].map(str).value_counts()
    listed = "; ".join(f"{reason} ({n:,})" for reason, n in reasons.head(REASONS_SHOWN).items())
    more = len(reasons) - REASONS_SHOWN
    return listed + (f"; {more:,} more reasons" if more > 0 else "")
