"""The commands `workbench charter check | render | sign PILOT` and `workbench sign PILOT DOCUMENT`."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from workbench.commands.options import HERE, AsJson, Details, KeyFile, PilotName, Root, pilot_named, print_json
from workbench.commands.screen import say
from workbench.words import InputError, several

if TYPE_CHECKING:
    from workbench.pages import CharterDocument

Name = Annotated[str, typer.Option("--name", help="Who signs, as the charter spells it.")]
Role = Annotated[str, typer.Option("--role", help="In which role.")]

MOST_GAPS = 8

app = typer.Typer(help="Check, print and sign a pilot's charter.", no_args_is_help=True)


@app.command("check", epilog="Example: workbench charter check claims")
def check_charter(pilot: PilotName, root: Root = HERE, details: Details = False, as_json: AsJson = False) -> None:
    """Say what the charter lacks and what is too vague; exit code 1 where there is anything."""
    document = _document(pilot, root)
    if as_json:
        gaps = [gap.as_json() for gap in document.gaps]
        content = {
            "pilot": pilot,
            "complete": not gaps,
            "gaps": gaps,
            "signatures": document.signatures.as_json(),
        }
        print_json(content)
    else:
        shown = document.gaps if details else document.gaps[:MOST_GAPS]
        for gap in shown:
            say(f"{gap.part}: {gap.problem}\n    do: {gap.remedy}", "  ")
        more = f"; {len(document.gaps) - len(shown)} more: --details" if len(shown) < len(document.gaps) else ""
        say(f"{several(len(document.gaps), 'open point')}{more}." if document.gaps else "The charter is complete.")
        for line in _signature_lines(document):
            say(line, "  ")
    raise typer.Exit(1 if document.gaps else 0)


@app.command(epilog="Example: workbench charter render claims")
def render(pilot: PilotName, root: Root = HERE, as_json: AsJson = False) -> None:
    """Write the charter as a document, in HTML and in Markdown."""
    from workbench.files import write_atomically

    document = _document(pilot, root)
    folder = root.resolve() / "mlruns" / pilot / "charter"
    written = {"html": folder / "charter.html", "markdown": folder / "charter.md"}
    write_atomically(written["html"], document.html())
    write_atomically(written["markdown"], document.markdown())
    if as_json:
        print_json({"pilot": pilot, **{name: str(path) for name, path in written.items()}})
    else:
        print(f"Charter of {pilot}: {len(document.gaps)} open points.")
        for path in written.values():
            print(f"  {path}")


@app.command(epilog='Example: workbench charter sign claims --name "Paul Behrend" --role sponsor')
def sign(
    pilot: PilotName, name: Name, role: Role, key: KeyFile = None, root: Root = HERE, as_json: AsJson = False
) -> None:
    """Sign charter, gates.yaml, splits.yaml and judged settings; any later edit takes the signature back."""
    from workbench.pilot.charter import covered_names, sign_charter
    from workbench.pilot.signing import Signer, chosen_key

    opened = pilot_named(pilot, root)
    chosen = chosen_key(key)
    place = sign_charter(opened.suite, opened.charter, Signer(name, role), chosen.key)
    document = _document(pilot, root)
    if as_json:
        content = {"pilot": pilot, "signature": str(place), "signatures": document.signatures.as_json()}
        print_json(content)
        return
    print(f"Signed by {name} as {role}: {place}\n  covers {covered_names(document.signatures.covers)}")
    for line in _signature_lines(document):
        say(line, "  ")
    if document.gaps:
        say(f"{len(document.gaps)} points of the charter are open: workbench charter check {pilot}")


def sign_pilot_document(
    pilot: PilotName,
    document: Annotated[str, typer.Argument(metavar="DOCUMENT", help="A file of the pilot, such as process.yaml.")],
    name: Name,
    role: Role,
    key: KeyFile = None,
    root: Root = HERE,
    as_json: AsJson = False,
) -> None:
    """Sign off a document of a pilot as it is now; any later edit of it takes the signature back."""
    from workbench.pilot.charter import CHARTER_FILE, sign_charter
    from workbench.pilot.signing import Signer, chosen_key, sign_document

    opened, signer = pilot_named(pilot, root), Signer(name, role)
    chosen = chosen_key(key)
    if document == CHARTER_FILE:
        place = sign_charter(opened.suite, opened.charter, signer, chosen.key)
    else:
        place = sign_document(opened.suite, document, signer, chosen.key)
    if as_json:
        print_json({"pilot": pilot, "document": document, "signature": str(place)})
    else:
        print(f"{document} signed by {name} as {role}: {place}")


def _document(pilot: str, root: Path) -> CharterDocument:
    """Return a charter that may be a draft, with its gaps and signatures."""
    from workbench.files import read_settings
    from workbench.pages import CharterDocument
    from workbench.pilot import PilotSettings, assessment_of, pilot_names, read_contract
    from workbench.pilot.charter import CHARTER_FILE, PILOT_FILE, charter_gaps, charter_signatures, read_draft

    root = root.resolve()
    if pilot not in pilot_names(root):
        known = ", ".join(pilot_names(root)) or "no pilot is there yet"
        raise InputError(f"there is no pilot {pilot!r}", where=str(root / "eval_suites"), expected=known)
    suite = root / "eval_suites" / pilot
    title = read_settings(suite / PILOT_FILE, PilotSettings).title
    charter, vague = read_draft(suite / CHARTER_FILE)
    gaps = (*vague, *charter_gaps(charter, read_contract(root / "datasets" / pilot), suite))
    signatures, today = charter_signatures(suite, charter), datetime.now(UTC).date()
    return CharterDocument(title, charter, signatures, gaps, today, assessment_of(charter, suite))


def _signature_lines(document: CharterDocument) -> list[str]:
    from workbench.pilot.charter import covered_names, one_key_for_several, shared_keys_note

    status = document.signatures
    lines = [f"  {one.role}: signed by {one.name} on {one.signed_at}" for one in status.valid]
    lines += [f"  {role}: no signature" for role in status.missing]
    lines += [f"  {role}: {why}" for role, why in status.invalid.items()]
    shared = one_key_for_several(document.charter, status)
    note = f"{shared}, so no gate can be GO" if shared else shared_keys_note(document.charter, status)
    lines += [f"  {note}"] if note else []
    lines.append(f"  A signature covers {covered_names(status.covers)}")
    return ["Signatures:" if status.is_complete else "No signature, no start:", *lines]
