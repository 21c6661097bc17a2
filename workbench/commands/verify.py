"""The command `workbench verify`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from workbench.commands.options import AsJson, print_json
from workbench.commands.screen import say

MARKS = {True: "ok  ", False: "FAIL", None: "    "}


def verify(
    bundle: Annotated[Path, typer.Argument(metavar="BUNDLE", help="Folder of a gate's evidence.")],
    key: Annotated[
        Path, typer.Option("--key", metavar="FILE", help="Public key that the evidence must be signed with.")
    ],
    commit: Annotated[
        str | None, typer.Option("--commit", metavar="ID", help="Commit that the evidence must be made from.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Verify a bundle offline: signature, files, ledger, signed targets, and every number from its decisions.

    Exit code 0 when everything holds, whatever the verdict inside; 1 when anything does not, or when it holds and was
    made from something else than --commit says.
    """
    from workbench.gates.verified import verify_bundle

    found = verify_bundle(bundle, key, commit=commit)
    if as_json:
        print_json(found.as_json())
    else:
        for check in found.checks:
            say(f"{MARKS[check.passed]}  {check.name}: {check.detail}", "      ")
        if found.not_recomputed:
            say(f"      not recomputed, believed as signed: {'; '.join(found.not_recomputed)}")
        said = found.signed
        if found.ok:
            say(f"The evidence holds: {said['pilot']}, gate {said['gate']}, {said['verdict']}.")
        elif found.holds:
            why = next(check.detail for check in found.checks if check.passed is False)
            say(f"The evidence holds ({said['pilot']}, gate {said['gate']}, {said['verdict']}), but {why}.")
        else:
            say("The evidence does not hold: believe nothing in this folder.")
    raise typer.Exit(0 if found.ok else 1)
