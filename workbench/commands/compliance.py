"""The command `workbench compliance PILOT`: what the law asks, and what is known of each requirement as of a day."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from workbench.commands.completion import agents_like
from workbench.commands.options import HERE, AsJson, Details, PilotName, Root, pilot_named, print_json
from workbench.commands.screen import say
from workbench.commands.streams import stdout_to_stderr
from workbench.commands.tables import TextColumn, TextTable, of_names, show_table

if TYPE_CHECKING:
    from workbench.evidence import Exhibit

MOST_OPEN = 8


def compliance_report(
    pilot: PilotName,
    as_of: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The day as of which it is asked; today without it.")
    ] = None,
    agent: Annotated[
        str | None,
        typer.Option(help="An agent of pilot.yaml; the one evaluated last without it.", autocompletion=agents_like),
    ] = None,
    root: Root = HERE,
    details: Details = False,
    as_json: AsJson = False,
) -> None:
    """Print how many requirements of the law are met or attested, and write the report as a page and as OSCAL.

    What the catalogue says is data, not legal advice. Only today's report counts at a gate.
    """
    from workbench.compliance import MAKER, ComplianceRequest, write_report
    from workbench.pages import compliance_page
    from workbench.records.splits import read_dataset

    opened, day = pilot_named(pilot, root), None if as_of is None else as_of.date()
    with stdout_to_stderr():
        exhibit = MAKER.make(opened, read_dataset(opened), ComplianceRequest(agent, day))
        page, oscal = write_report(opened, exhibit, compliance_page, day)
    if as_json:
        table = exhibit.tables["requirements"]
        said = {"pilot": pilot, "answer": exhibit.answer, "as_of": exhibit.facts["as_of"]}
        files = {"page": str(page), "oscal": str(oscal), "notes": list(exhibit.notes)}
        print_json({**said, "requirements": table.to_dict("records"), **files})
        return
    _print(exhibit, details=details)
    say(f"Page: {page}\nOSCAL: {oscal}", "  ")


def _print(exhibit: Exhibit, *, details: bool) -> None:
    say(exhibit.answer)
    table = exhibit.tables["requirements"]
    is_open = table["standing"].isin(["not met", "not evidenced"])
    rows = table if details else table[is_open].sort_values("standing", ascending=False, kind="stable").head(MOST_OPEN)
    names = ("requirement", "clause", "standing", "said")
    cells = tuple(tuple(str(row[name]) for name in names) for row in rows.to_dict("records"))
    columns = (*map(of_names, names[:3]), TextColumn("why", rank=1))
    show_table("Requirements" if details else "Open", TextTable(columns, cells), details=details)
    more = int(is_open.sum()) - len(rows)
    if more > 0:
        say(f"{more:,} more are open: --details", "  ")
    for note in exhibit.notes:
        say(note, "  ")
