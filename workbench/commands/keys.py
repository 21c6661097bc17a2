"""The commands `workbench keys new | show`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from workbench.commands.options import AsJson, KeyFile, print_json

app = typer.Typer(help="Make and show signing keys.", no_args_is_help=True)


@app.command(epilog="Example: workbench keys new gate.pem")
def new(
    path: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="Where; without it this user's configuration folder.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make an Ed25519 key pair: the private half with mode 0600, the public half beside it."""
    from workbench.pilot.signing import local_key_path, new_key

    where = local_key_path() if path is None else path.resolve()
    made = new_key(where, in_repository=path is None)
    if as_json:
        print_json({"private_key": str(where), "public_key": str(made.public_key), "key_id": made.key.key_id})
        return
    print(f"Private key, mode 0600, for nobody else: {where}")
    print(f"Public key, to hand to whoever verifies: {made.public_key}")
    print(f"Id: {made.key.key_id}")


@app.command("show", epilog="Example: workbench keys show")
def show_key(
    key: KeyFile = None,
    as_json: AsJson = False,
) -> None:
    """Print the path of the public half of the key that gates sign with."""
    from workbench.pilot.signing import known_key

    known = known_key(key)
    if as_json:
        print_json({"public_key": str(known.public_key), "key_id": known.key.key_id})
    else:
        print(f"{known.public_key}\nId: {known.key.key_id}")
