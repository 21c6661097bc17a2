"""What an audit found."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workbench.commands.screen import heading, say
from workbench.words import several

MOST_FIRST = 4


def print_audit(findings: Mapping[str, Any], folder: Path, *, details: bool = False) -> None:
    """Print an audit's answer, what must be fixed first, and where the report is; its sections with `details`."""
    say(findings["answer"])
    sections = findings["sections"].values()
    if details:
        print()
        for section in sections:
            say(f"{section['title']}: {section['answer']}", "  ")
    first = [one for one in findings["findings"] if one["id"] in findings["must_fix"]]
    shown = first if details else first[:MOST_FIRST]
    if first:
        print()
        heading("To be fixed first")
    for one in shown:
        say(f"{one['severity']}: {one['title']}", "  ")
        say(f"  do: {one['remediation']} ({one['effort']}, {one['owner'] or 'nobody yet'})", "  ")
    if not details:
        more = [f"{len(first) - len(shown)} more to be fixed first"] if len(shown) < len(first) else []
        say(f"\n{', '.join((*more, several(len(sections), 'section') + ' of the audit'))}: --details")
    print(f"Report: {folder / 'report.html'}")
