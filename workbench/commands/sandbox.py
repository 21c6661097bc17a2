"""The command `workbench sandbox`: a pilot's stand-in for its systems, until Ctrl-C."""

from __future__ import annotations

import os
import signal
import threading
from contextlib import nullcontext
from typing import Annotated

import typer

from workbench.commands.options import HERE, PilotName, Root, pilot_named
from workbench.commands.screen import say
from workbench.words import InputError, RunError

LOOK_S = 0.5


def sandbox(
    pilot: PilotName,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port on 127.0.0.1; 0 takes a free one.")] = 0,
    database: Annotated[
        str | None,
        typer.Option(
            metavar="URL", help="PostgreSQL under an account that may make roles; without it SQLite in a file."
        ),
    ] = None,
    postgresql: Annotated[
        bool, typer.Option("--postgresql", help="A PostgreSQL of its own, from this machine's programs.")
    ] = False,
    root: Root = HERE,
) -> None:
    """Run a pilot's stand-in for its systems on this machine, loaded from the records, until Ctrl-C."""
    from workbench.environment.sandbox import kept_sandbox, running_postgresql, running_sandbox
    from workbench.records.splits import read_dataset

    if postgresql and database is not None:
        raise InputError("--database and --postgresql say both where the rows are", remedy="give one of them")
    opened = pilot_named(pilot, root)
    documents = read_dataset(opened).documents()
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    with (
        running_postgresql() if postgresql else nullcontext(database) as database,
        running_sandbox(opened, documents, port=port, database=database) as running,
        kept_sandbox(opened, running) as path,
    ):
        say(f"The sandbox of {pilot} runs at {running.places['sandbox']}, loaded from {len(documents):,} records.")
        for place, address in running.places.items():
            print(f"  {{{place}}}  {address}")
        say(
            f"Other commands find it, and its credentials, in {path}, which only this user can read.\n"
            f"Next, in another terminal: workbench integrations probe {pilot}\nCtrl-C ends it.",
        )
        while not ended.wait(LOOK_S):
            if os.waitid(os.P_PID, running.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None:
                raise RunError("the sandbox has ended by itself", got=f"process {running.pid}")
