"""The commands `workbench process check | render PILOT`: what the process specification leaves open, and its page."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from workbench.commands.documents import asked_signatures
from workbench.commands.options import HERE, AsJson, Details, PilotName, Root, pilot_named, print_json
from workbench.commands.screen import say
from workbench.words import InputError, several

if TYPE_CHECKING:
    from workbench.pages import ProcessDocument

MOST_GAPS = 8

app = typer.Typer(help="Check and draw a pilot's process specification.", no_args_is_help=True)


@app.command("check", epilog="Example: workbench process check invoice_matching")
def check_process(pilot: PilotName, root: Root = HERE, details: Details = False, as_json: AsJson = False) -> None:
    """Say what of process.yaml is open, vague or contradicts charter, review.yaml and suites; exit code 1 where any is.

    Every rule, exception, approval and workaround has a test case or says why not; every escalation goes to a group of
    review.yaml; every step was watched since the rules hold. Nothing is asked or run.
    """
    document = _document(pilot, root)
    gaps, process = document.gaps, document.process
    if as_json:
        counts = {name: len(getattr(process, name)) for name in ("steps", "rules", "workarounds", "observations")}
        listed = {"complete": not gaps, "gaps": [gap.as_json() for gap in gaps]}
        print_json({"pilot": pilot, **counts, **listed, "signatures": document.signatures.as_json()})
        raise typer.Exit(1 if gaps else 0)
    shown = gaps if details else gaps[:MOST_GAPS]
    for gap in shown:
        say(f"{gap.part}: {gap.problem}\n    do: {gap.remedy}", "  ")
    more = f"; {len(gaps) - len(shown):,} more: --details" if len(shown) < len(gaps) else ""
    parts = f"{several(len(process.steps), 'step')} and {several(len(process.rules), 'rule')}"
    say(f"{several(len(gaps), 'open point')} in {parts}{more}." if gaps else f"The process is complete: {parts}.")
    say(document.watched_note())
    say(document.signatures.sentence)
    raise typer.Exit(1 if gaps else 0)


@app.command("render", epilog="Example: workbench process render invoice_matching")
def render_process(pilot: PilotName, root: Root = HERE, as_json: AsJson = False) -> None:
    """Write the process as a page: the flow drawn, rules, escalations, workarounds, who watched, open points."""
    from workbench.files import write_atomically

    document = _document(pilot, root)
    page = root.resolve() / "mlruns" / pilot / "process" / "process.html"
    write_atomically(page, document.html())
    if as_json:
        print_json({"pilot": pilot, "html": str(page)})
    else:
        say(f"Process of {pilot}: {several(len(document.gaps), 'open point')}.")
        print(f"  {page}")


def _document(pilot: str, root: Path) -> ProcessDocument:
    """Return a pilot's process specification with its gaps, its test cases and its signatures."""
    from workbench.cases import path_cases, path_gaps, read_cases
    from workbench.pages import ProcessDocument
    from workbench.pilot import PROCESS_FILE, read_process, read_review
    from workbench.pilot.process import process_gaps
    from workbench.pilot.signing import document_signatures

    opened = pilot_named(pilot, root)
    process = read_process(opened)
    if process is None:
        raise InputError(
            "the pilot has no process specification",
            where=str(opened.suite / PROCESS_FILE),
            remedy="write it: docs/how_to/process.md",
        )
    review, suites = read_review(opened.suite), read_cases(opened)
    cases = [case for _, case in suites.by_id.values()]
    signatures = asked_signatures(opened, PROCESS_FILE)
    if signatures is None:
        roles = opened.charter.signing_roles
        signatures = document_signatures(opened.suite, PROCESS_FILE, roles, opened.name)
    return ProcessDocument(
        opened.settings.title,
        process,
        review,
        (*process_gaps(process, opened.charter, review), *path_gaps(process, cases, suites.excluded)),
        signatures,
        path_cases(process, cases),
        {one.role: one.name for one in opened.charter.stakeholders},
        datetime.now(UTC).date(),
    )
