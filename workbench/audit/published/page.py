"""The audit's report: one page that holds no script and loads nothing, whatever the records in it say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
from markupsafe import Markup

from workbench.audit.findings import DataFinding, Severity
from workbench.audit.published.store import affected_rows, example_rows
from workbench.audit.questions.assessment import Audit
from workbench.pages import framed, table_html
from workbench.words import Brief, number, percent, templates_in, visible

MAX_FINDINGS_IN_FULL = 40  # a page that still opens at once; findings.json has all
MAX_ROWS = 30
TEMPLATES = Path(__file__).parent / "templates"
MAX_LETTERS = 160
MAX_OFFENDING, MAX_OTHERS = 4, 4  # columns that fit beside each other
SHARES_NOT = ("growth_per_month", "krippendorff_alpha", "cohen_kappa")


@dataclass(frozen=True, slots=True)
class Attachments:
    """What lies beside a report: links by their text, what the published suite's validation said, what changed."""

    links: Mapping[str, str] = field(default_factory=dict)
    validation: str = ""
    changes: pd.DataFrame | None = None
    changes_summary: str = ""


def audit_page(audit: Audit, attachments: Attachments) -> str:
    """Return an audit as one self-contained HTML page."""
    counts = {severity.value: sum(one.severity is severity for one in audit.findings) for severity in Severity}
    sections = [_section(audit, section.id) for section in audit.sections]
    changes = attachments.changes
    title = f"Data audit of {visible(audit.subject.name)}"
    first = audit.first
    others = [one for one in audit.findings if one not in first]
    body = _rendered(
        "audit",
        title=title,
        question="" if audit.subject.pilot is None else audit.subject.pilot.settings.question,
        answer=Markup(Brief.read(audit.answer).html()),
        run=audit.run,
        digest=audit.subject.digest[:12],
        created=f"{audit.created:%Y-%m-%d %H:%M} UTC",
        n_records=audit.subject.n_rows,
        counts=counts,
        first=[_finding(audit, one) for one in first],
        ranking=Markup(table_html(findings_table(audit.findings), "", rows_left(len(audit.findings), 200))),
        others=[_finding(audit, one) for one in others[:MAX_FINDINGS_IN_FULL]],
        n_more=max(0, len(others) - MAX_FINDINGS_IN_FULL),
        sections=sections,
        checks=_checks(audit),
        attachments=attachments,
        changes=None if changes is None else Markup(table_html(_readable(changes).head(MAX_ROWS))),
    )  # fmt: skip
    style = (TEMPLATES / "audit.css").read_text(encoding="utf-8")
    return framed(title, body, "Cells are shown as text, whatever they hold.", style=style)


def _rendered(template: str, **content: object) -> str:
    return templates_in(TEMPLATES).get_template(f"{template}.html.j2").render(**content)


def rows_left(n: int, shown: int) -> str:
    """Return what a table's caption says of the rows that it leaves out."""
    return f"{n - shown:,} more in findings.json" if n > shown else ""


def findings_table(findings: Sequence[DataFinding]) -> pd.DataFrame:
    """Return findings as a table for people: rank, severity, what it is, records, impact, effort, owner."""
    rows = []
    for rank, one in enumerate(findings[:200], start=1):
        impact, owner = f"{one.impact:.4f}", one.owner or None
        said = (one.severity.value, one.title, len(one.rows), impact, one.remedy.effort.value, owner)
        rows.append((rank, *said, one.id))
    names = ["rank", "severity", "finding", "records", "impact", "effort", "owner", "id"]
    return pd.DataFrame(rows, columns=names)


def estimates_table(estimates: Mapping[str, Any]) -> pd.DataFrame:
    """Return estimates as text: value, interval, denominator and method."""
    rows = []
    for name, one in estimates.items():
        is_share = not name.startswith(SHARES_NOT)
        texts = [
            None if x is None else percent(x) if is_share else number(x) for x in (one.value, one.lower, one.upper)
        ]
        interval = None if texts[1] is None else f"{texts[1]} to {texts[2]}"
        rows.append((name, texts[0] or "undefined", interval, one.n, one.method))
    return pd.DataFrame(rows, columns=["estimate", "value", "interval", "n", "method"])


def examples_html(audit: Audit, finding: DataFinding) -> str:
    """Return up to ten affected records as a table, the offending cells marked."""
    rows = example_rows(audit, finding)
    if not len(rows):
        return ""
    table = affected_rows(audit, finding, rows)
    frame = audit.subject.frame
    offending, others = _columns_to_show(audit, finding, rows)
    marked = set(zip(finding.cells["row"], finding.cells["column"].map(str), strict=True))
    lines = []
    for place, row in enumerate(rows):
        said = {name: audit.subject.masking.cell(str(name), frame.at[row, name]) for name in (*offending, *others)}
        cells = [_cell(value, (int(row), str(name)) in marked) for name, value in said.items()]
        _, record, _, reason = table.iloc[place, :4]
        why = "" if pd.isna(reason) else _short(reason)
        lines.append({"row": int(row), "record": _short(record), "cells": cells, "reason": why})
    names = {"offending": [_short(name) for name in offending], "others": [_short(name) for name in others]}
    n_hidden = len(frame.columns) - len(offending) - len(others)
    return _rendered("examples", lines=lines, n_hidden=n_hidden, **names)


def _columns_to_show(audit: Audit, finding: DataFinding, rows: Any) -> tuple[list[str], list[str]]:
    """Return the columns with offending cells, and a few others that tell what the records are."""
    names = list(audit.subject.frame.columns)
    known = set(names)
    of_cells = dict.fromkeys(finding.cells.loc[finding.cells["row"].isin(rows), "column"].map(str))
    offending = [name for name in (of_cells or finding.columns) if name in known][:MAX_OFFENDING]
    text = [name for name in audit.subject.roles.text if name in known]
    others = [
        name for name in dict.fromkeys([*text, *names]) if name not in offending and name != audit.subject.roles.id
    ]
    return offending, others[:MAX_OTHERS]


def _cell(value: object, is_marked: bool) -> dict[str, object]:
    is_empty = value is None or value is pd.NA or value != value or value == ""
    return {"text": "(empty)" if is_empty else _short(value), "is_marked": is_marked, "is_empty": is_empty}


def _short(value: object) -> str:
    text = visible(str(value)[: MAX_LETTERS + 1])
    return text if len(text) <= MAX_LETTERS else f"{text[:MAX_LETTERS]}…"


def _finding(audit: Audit, finding: DataFinding) -> dict[str, Any]:
    content = {name: visible(value) if isinstance(value, str) else value for name, value in finding.as_json().items()}
    return {**content, "share": percent(finding.share), "examples": Markup(examples_html(audit, finding))}


def _section(audit: Audit, name: str) -> dict[str, Any]:
    section = audit.section(name)
    tables = [
        Markup(table_html(table.head(MAX_ROWS), caption, rows_left(len(table), MAX_ROWS)))
        for caption, table in section.tables.items()
    ]
    known = dict(list(section.estimates.items())[:MAX_ROWS])
    estimates = Markup(table_html(estimates_table(known), "Estimates")) if known else ""
    return {
        "id": section.id,
        "title": section.title,
        "question": section.question,
        "answer": visible(section.answer),
        "notes": section.notes,
        "tables": tables,
        "estimates": estimates,
    }


def _checks(audit: Audit) -> str:
    exact = [one.name for one in audit.checks if one.is_exact]
    sampled = [f"{one.name} ({one.n_rows:,} rows)" for one in audit.checks if not one.is_exact]
    said = f"On every row: {', '.join(exact)}." if exact else ""
    return f"{said} On a sample: {', '.join(sampled)}." if sampled else said


def _readable(changes: pd.DataFrame) -> pd.DataFrame:
    shares = {
        name: changes[name].map(lambda x: None if pd.isna(x) else percent(x))
        for name in ("share before", "share after")
    }
    return changes.assign(**shares)
