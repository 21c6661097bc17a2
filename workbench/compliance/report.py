"""The compliance report as files: a page for people, and OSCAL assessment results for other tools."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

from workbench.compliance.oscal import assessment_results
from workbench.evidence import Exhibit
from workbench.files import write_atomically
from workbench.pilot import Pilot


def report_paths(pilot: Pilot, as_of: date | None) -> tuple[Path, Path]:
    """Return where the report lies as a page and as OSCAL assessment results; as of another day beside them."""
    stem = "compliance" if as_of is None else f"compliance-{as_of}"
    return pilot.runs / f"{stem}.html", pilot.runs / f"{stem}.oscal.json"


def write_report(
    pilot: Pilot, exhibit: Exhibit, drawn: Callable[[Pilot, Exhibit, str], str], as_of: date | None = None
) -> tuple[Path, Path]:
    """Write a report as a page and as OSCAL assessment results, and return both paths.

    Parameters
    ----------
    drawn : callable
        What draws the page, given the name of the OSCAL file beside it: `workbench.pages.compliance_page`.
    as_of : date, optional
        The day where it is not today's report.
    """
    page, oscal = report_paths(pilot, as_of)
    write_atomically(oscal, assessment_results(exhibit, pilot.settings.title))
    write_atomically(page, drawn(pilot, exhibit, oscal.name))
    return page, oscal
