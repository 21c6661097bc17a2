"""An audit in a notebook: its sections and findings as rich tables, offending cells marked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pandas as pd

from workbench.audit.findings import DataFinding
from workbench.audit.published.page import estimates_table, examples_html, findings_table
from workbench.audit.questions.assessment import STEPS, Audit
from workbench.pages import Page, table_html
from workbench.words import visible

MAX_SHOWN = 5
MAX_ROWS = 20


@contextmanager
def progress() -> Iterator[Callable[[str], None]]:
    """Show a bar with the audit's steps, and give what moves it."""
    from tqdm.auto import tqdm

    with tqdm(total=len(STEPS), unit="step") as bar:

        def on_step(name: str) -> None:
            bar.set_description(name)
            bar.update()

        yield on_step


def show_section(audit: Audit, name: str, page: Page, findings: int = MAX_SHOWN) -> None:
    """Show the answer to one question: a sentence, tables, estimates, and its worst findings with examples."""
    section = audit.section(name)
    page.note(section.answer)
    for place, (caption, table) in enumerate(section.tables.items(), start=1):
        page.table(f"{name}_{place}", table, caption, rows=MAX_ROWS)
    if section.estimates:
        page.table(f"{name}_estimates", estimates_table(section.estimates), "Estimates", rows=MAX_ROWS)
    ids = {finding.id for finding in section.findings}
    own = [finding for finding in audit.findings if finding.id in ids]
    for finding in own[:findings]:
        show_finding(audit, finding, page)
    if len(own) > findings:
        page.note(f"{len(own) - findings:,} more findings of this question are in the report.")
    for note in section.notes:
        page.note(note)


def show_finding(audit: Audit, finding: DataFinding, page: Page) -> None:
    """Show a finding and ten example records, the offending cells marked."""
    owner = finding.owner or "nobody yet"
    facts = pd.DataFrame(
        [
            ("severity", finding.severity.value),
            ("evidence", finding.evidence),
            ("effect on the agent", finding.consequence),
            ("remedy", f"{finding.remedy.text} ({finding.remedy.effort.value})"),
            ("owner", owner),
            ("mended when", finding.remedy.recheck),
        ],
        columns=["finding", visible(finding.title)],
    )
    page.markup(f"finding_{finding.id}", table_html(facts) + examples_html(audit, finding))


def findings_drawn(audit: Audit) -> pd.DataFrame:
    """Return `title`, `severity` and `share` of the findings that touch records, the worst first, for a figure."""
    rows = [
        (": ".join(filter(None, (one.kind.replace("_", " "), ", ".join(one.columns)))), one.severity.value, one.share)
        for one in audit.findings
        if one.share is not None
    ]
    return pd.DataFrame(rows, columns=["title", "severity", "share"])


def show_ranking(audit: Audit, page: Page) -> None:
    """Show all findings by impact on the agent."""
    page.table("findings", findings_table(audit.findings), "Findings, by impact on the agent", rows=30)
