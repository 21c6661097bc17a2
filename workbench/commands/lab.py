"""The command `workbench lab`: JupyterLab at a user's own copies of the notebooks."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer

from workbench.commands.options import HERE, Root
from workbench.words import RunError, readable

LOOK_S = 0.2
LOG_FILE, SETTINGS = ".jupyter.log", ".jupyter"
NEWS = "@jupyterlab/apputils-extension:announcements"


def lab(
    root: Root = HERE,
    port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="Port on 127.0.0.1; without it a free one from 8888 on.")
    ] = None,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open a browser, or only say where.")] = True,
) -> None:
    """Open JupyterLab at your own copies of the notebooks; an edited copy is kept when the notebook changes."""
    from workbench.files import current_user, without_secrets
    from workbench.notebooks import working_copies

    here = root.resolve()
    copies = working_copies(here, current_user())
    print(f"Notebooks: {copies.folder} (your copies; runs and gates take those of notebooks/ or the package)")
    for path in copies.kept:
        print(f"Kept as you edited it, though the notebook has changed since: {path} (delete it for the new one)")
    sys.stdout.flush()
    place = f"lab/tree/{copies.folder.relative_to(here).as_posix()}"
    command = [sys.executable, "-m", "jupyterlab", f"--ServerApp.root_dir={here}", f"--LabApp.default_url=/{place}"]
    if port is not None:
        command += [f"--ServerApp.port={port}", "--ServerApp.port_retries=0"]
    if not browser:
        command.append("--no-browser")
    if os.geteuid() == 0:  # in a container there is no other user; the server stays on 127.0.0.1 behind its token
        command.append("--allow-root")
    environment = {"MLFLOW_DISABLE_TELEMETRY": "true", **without_secrets(os.environ)}
    quiet = (_without_news(copies.folder / SETTINGS), environment.get("JUPYTER_CONFIG_PATH"))
    environment["JUPYTER_CONFIG_PATH"] = os.pathsep.join(filter(None, quiet))
    with (copies.folder / LOG_FILE).open("ab") as log:
        process = subprocess.Popen(command, env=environment, start_new_session=True, stdout=log, stderr=log)
    raise typer.Exit(_served(process, place, copies.folder / LOG_FILE))


def _without_news(folder: Path) -> str:
    """Write settings by which JupyterLab neither asks for news nor whether it may; return their folder."""
    from workbench.files import write_atomically

    write_atomically(folder / "labconfig" / "page_config.json", json.dumps({"disabledExtensions": {NEWS: True}}))
    return str(folder)


def _served(process: subprocess.Popen[bytes], place: str, log: Path) -> int:
    """Say a server's address once it answers, and return its exit code when it ends; Ctrl-C ends it."""

    def ended(number: int, frame: FrameType | None) -> None:
        process.terminate()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, ended)
    address = None
    while process.poll() is None and address is None:
        time.sleep(LOOK_S)
        address = _answering(process.pid, place)
    if address is None:
        said = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        raise RunError("JupyterLab did not start", where=str(log), got=readable(said[-1], 200) if said else None)
    print(f"JupyterLab: {address}\nCtrl-C ends it. Its log: {log}", flush=True)
    return process.wait()


def _answering(process: int, place: str) -> str | None:
    """Return the address of a Jupyter server by what it left about itself; None where it does not answer yet."""
    import urllib.request

    from jupyter_core.paths import jupyter_runtime_dir

    try:
        said = json.loads((Path(jupyter_runtime_dir()) / f"jpserver-{process}.json").read_text(encoding="utf-8"))
        with urllib.request.urlopen(f"{said['url']}api", timeout=LOOK_S * 10):
            return f"{said['url']}{place}?token={said['token']}"
    except (OSError, ValueError):
        return None
