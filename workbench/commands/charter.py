"""The commands `workbench charter PILOT check | render | sign` and `workbench sign PILOT DOCUMENT`."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from workbench.commands.options import HERE, AsJson, KeyFile, PilotName, Root, pilot_named, print_json
from workbench.words import InputError

if TYPE_CHECKING:
    from workbench.pages import CharterDocument

Name = Annotated[str, typer.Option("--name", help="Who signs, as the charter spells it.")]
Role = Annotated[str, typer.Option("--role", help="In which role.")]

app = typer.Typer(help="Check, print and sign a pilot's charter.", no_args_is_help=True, add_completion=False)


@app.callback()
def of_pilot(context: typer.Context, pilot: PilotName) -> None:
    """Check, print and sign a pilot's charter."""
    context.obj = pilot


@app.command("check")
def check_charter(context: typer.Context, root: Root = HERE, as_json: AsJson = False) -> None:
    """Say what the charter lacks and what is too vague; exit code 1 where there is anything."""
    document = _document(context.obj, root)
    if as_json:
        gaps = [gap.as_json() for gap in document.gaps]
        content = {
            "pilot": context.obj,
            "complete": not gaps,
            "gaps": gaps,
            "signatures": document.signatures.as_json(),
        }
        print_json(content)
    else:
        for gap in document.gaps:
            print(f"{gap.part}: {gap.problem}\n    do: {gap.remedy}")
        print(f"{len(document.gaps)} open points." if document.gaps else "The charter is complete.")
        for line in _signature_lines(document):
            print(line)
    raise typer.Exit(1 if document.gaps else 0)


@app.command()
def render(context: typer.Context, root: Root = HERE, as_json: AsJson = False) -> None:
    """Write the charter as a document, in HTML and in Markdown."""
    from workbench.files import write_atomically

    document = _document(context.obj, root)
    folder = root.resolve() / "mlruns" / context.obj / "charter"
    written = {"html": folder / "charter.html", "markdown": folder / "charter.md"}
    write_atomically(written["html"], document.html())
    write_atomically(written["markdown"], document.markdown())
    if as_json:
        print_json({"pilot": context.obj, **{name: str(path) for name, path in written.items()}})
    else:
        print(f"Charter of {context.obj}: {len(document.gaps)} open points.")
        for path in written.values():
            print(f"  {path}")


@app.command()
def sign(
    context: typer.Context, name: Name, role: Role, key: KeyFile = None, root: Root = HERE, as_json: AsJson = False
) -> None:
    """Sign charter, gates.yaml, splits.yaml and judged settings; any later edit takes the signature back."""
    from workbench.pilot.charter import covered_names, sign_charter
    from workbench.pilot.signing import Signer, chosen_key

    pilot = pilot_named(context.obj, root)
    chosen = chosen_key(key)
    place = sign_charter(pilot.suite, pilot.charter, Signer(name, role), chosen.key)
    document = _document(context.obj, root)
    if as_json:
        content = {"pilot": pilot.name, "signature": str(place), "signatures": document.signatures.as_json()}
        print_json(content)
        return
    print(f"Signed by {name} as {role}: {place}\n  covers {covered_names(document.signatures.covers)}")
    for line in _signature_lines(document):
        print(line)
    if document.gaps:
        print(f"{len(document.gaps)} points of the charter are open: workbench charter {pilot.name} check")


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
    from workbench.pilot import PilotSettings, pilot_names, read_contract
    from workbench.pilot.charter import CHARTER_FILE, PILOT_FILE, charter_gaps, charter_signatures, read_draft

    root = root.resolve()
    if pilot not in pilot_names(root):
        known = ", ".join(pilot_names(root)) or "no pilot is there yet"
        raise InputError(f"there is no pilot {pilot!r}", where=str(root / "eval_suites"), expected=known)
    suite = root / "eval_suites" / pilot
    title = read_settings(suite / PILOT_FILE, PilotSettings).title
    charter, vague = read_draft(suite / CHARTER_FILE)
    gaps = (*vague, *charter_gaps(charter, read_contract(root / "datasets" / pilot)))
    return CharterDocument(title, charter, charter_signatures(suite, charter), gaps, datetime.now(UTC).date())


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
