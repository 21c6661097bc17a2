"""The command `workbench documents check PILOT`: what the architecture document lacks, or says otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from workbench.commands.options import HERE, AsJson, Details, PilotName, Root, pilot_named, print_json
from workbench.commands.screen import say
from workbench.words import several

if TYPE_CHECKING:
    from workbench.pilot import Pilot
    from workbench.pilot.signing import SignatureStatus

MOST_GAPS = 8

app = typer.Typer(no_args_is_help=True)


@app.callback()
def of_documents() -> None:
    """Say what the documents of a pilot lack."""


@app.command("check", epilog="Example: workbench documents check invoice_matching")
def check_documents(pilot: PilotName, root: Root = HERE, details: Details = False, as_json: AsJson = False) -> None:
    """Say what of architecture.md is missing, vague or contradicts the pilot; exit code 1 where anything is.

    Eight parts, each with its topics and its evidence. Names of models, engines, stores and systems, and limits, are
    held against the pilot's own files. Nothing is asked or run.
    """
    from workbench.compliance.documents import ARCHITECTURE_FILE, PARTS, architecture_gaps

    opened = pilot_named(pilot, root)
    gaps = architecture_gaps(opened)
    status = asked_signatures(opened, ARCHITECTURE_FILE)
    if as_json:
        signed = None if status is None else status.as_json()
        listed = {"complete": not gaps, "gaps": [gap.as_json() for gap in gaps], "signatures": signed}
        print_json({"pilot": pilot, "document": ARCHITECTURE_FILE, "parts": len(PARTS), **listed})
        raise typer.Exit(1 if gaps else 0)
    say(f"{len(PARTS)} parts of {ARCHITECTURE_FILE}: {several(len(gaps), 'gap')}.")
    shown = gaps if details else gaps[:MOST_GAPS]
    for gap in shown:
        say(f"  {gap.where}: {gap.got}; expected: {gap.expected}", "    ")
        if details:
            say(f"    {gap.remedy}", "    ")
    if len(shown) < len(gaps):
        say(f"  and {len(gaps) - len(shown)} more, and what to do: --details")
    if status is not None:
        say(status.sentence)
    raise typer.Exit(1 if gaps else 0)


def asked_signatures(opened: Pilot, file: str) -> SignatureStatus | None:
    """Return who of those whom a gate asks for has signed a document as it is, None where no gate asks for it."""
    from workbench.gates import read_gates
    from workbench.pilot.charter import GATES_FILE
    from workbench.pilot.signing import document_signatures

    if not (opened.suite / GATES_FILE).is_file():
        return None
    asked = [one for gate in read_gates(opened).gates.values() for one in gate.documents if one.file == file]
    roles = [role for one in asked for role in one.signed_by or opened.charter.signing_roles]
    return document_signatures(opened.suite, file, roles, opened.name) if asked else None
