"""An exhibit on a notebook's page, whoever made it: answer, picture, numbers, findings."""

from __future__ import annotations

import pandas as pd

from workbench.evidence import Exhibit, maker
from workbench.metrics import value_text
from workbench.pages.figures import shares_with_intervals
from workbench.pages.views import Page


def show_exhibit(page: Page, exhibit: Exhibit) -> None:
    """Show an exhibit and keep what is shown: its answer as the picture's title, then what the picture shows."""
    table = exhibit_estimates(exhibit)
    page.figure(exhibit.maker, shares_with_intervals(exhibit.answer, exhibit.estimates))
    page.table(f"{exhibit.maker}_estimates", table, "Every estimate")
    for note in exhibit.notes:
        page.note(note)
    if exhibit.findings:
        page.table(f"{exhibit.maker}_findings", exhibit_findings(exhibit), "Findings, the worst first")


def exhibit_estimates(exhibit: Exhibit) -> pd.DataFrame:
    """Return `estimate`, `value`, `lower`, `upper` as text in their units, `n` and `method`."""
    maker(exhibit.maker)  # its units are known from then on
    rows = [
        (name, *(value_text(name, number) for number in (one.value, one.lower, one.upper)), one.n, one.method)
        for name, one in exhibit.estimates.items()
    ]
    return pd.DataFrame(rows, columns=["estimate", "value", "lower", "upper", "n", "method"])


def exhibit_findings(exhibit: Exhibit) -> pd.DataFrame:
    """Return `finding`, `severity`, `records`, `of`, `what to do` and `owner`."""
    rows = [
        (one.title, one.severity.value, one.n, one.of, one.remedy, one.owner or "nobody yet")
        for one in exhibit.findings
    ]
    return pd.DataFrame(rows, columns=["finding", "severity", "records", "of", "what to do", "owner"], dtype=object)
