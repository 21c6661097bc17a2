"""A pilot's sandbox while it runs: started, found again by other commands, ended with whoever started it."""

from __future__ import annotations

import json
import os
import secrets
import select
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from workbench.files import is_alive, without_secrets, write_atomically
from workbench.pilot import Pilot, Role
from workbench.pilot.integrations import AuthKind, Inventory, read_integrations
from workbench.words import InputError, RunError, error_from, readable

SANDBOX_FILE = "sandbox.json"  # in the folder of the pilot's runs, while `workbench sandbox` runs
LOG_FILE = "sandbox.log"
PACKAGE = Path(__file__).resolve().parents[3]
STARTING_S, ENDING_S, ANSWERING_S = 120.0, 10.0, 5.0


@dataclass(frozen=True, slots=True)
class RunningSandbox:
    """A pilot's sandbox while it runs.

    Parameters
    ----------
    places : mapping of str to str
        What `{sandbox}`, `{folder}` and `{database}` in integrations.yaml stand for.
    secrets : mapping of str to str
        Value of every variable that integrations.yaml names for credentials, by name.
    pid : int
        Of its process.
    """

    places: Mapping[str, str]
    secrets: Mapping[str, str]
    pid: int


@contextmanager
def running_sandbox(
    pilot: Pilot, documents: Iterable[Mapping[str, Any]], *, port: int = 0, database: str | None = None
) -> Iterator[RunningSandbox]:
    """Run a pilot's sandbox in a process of its own until the block ends, or this process does.

    Parameters
    ----------
    documents : iterable of mapping
        What an agent may see of every record, in order of time, as `Dataset.documents` gives it.
    port : int
        On this machine; 0 takes a free one.
    database : str, optional
        Address of a PostgreSQL database under an account that may make roles; a SQLite file without it.

    Raises
    ------
    InputError
        The pilot has no sandbox, or its code cannot be used.
    RunError
        It did not start.
    """
    inventory = read_integrations(pilot.suite)
    credentials = _fresh_secrets(inventory)
    folder = Path(tempfile.mkdtemp(prefix="workbench-sandbox-"))
    try:
        (folder / "files").mkdir()
        job = {
            "file": str(_file_of(inventory)),
            "name": str(inventory.settings.sandbox.serve).partition(":")[2],
            "documents": list(documents),
            "id_column": pilot.contract.column_with(Role.ID),
            "secrets": list(credentials),
            "folder": str(folder / "files"),
            "database": database,
            "port": port,
            "parent": os.getpid(),
        }
        with (folder / LOG_FILE).open("wb") as log:
            process = _started(credentials, log)
        try:
            places = _places(process, job, folder / LOG_FILE)
            yield RunningSandbox(places, credentials, process.pid)
        finally:
            _end(process)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def kept_sandbox(pilot: Pilot, sandbox: RunningSandbox) -> Iterator[Path]:
    """Let other commands of this user find a running sandbox until the block ends.

    Raises
    ------
    InputError
        Another one of the pilot is running.
    """
    path = pilot.runs / SANDBOX_FILE
    other = found_sandbox(pilot)
    if other is not None:
        raise InputError(
            f"a sandbox of {pilot.name} is running already",
            where=str(path),
            got=f"process {other.pid}, {other.places['sandbox']}",
            remedy="use that one, or end it with Ctrl-C where it was started",
        )
    before = os.umask(0o077)
    try:
        write_atomically(path, json.dumps(asdict(sandbox), indent=2))
    finally:
        os.umask(before)
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


def found_sandbox(pilot: Pilot) -> RunningSandbox | None:
    """Return the sandbox of a pilot that `workbench sandbox` is running, None where none answers."""
    try:
        said = json.loads((pilot.runs / SANDBOX_FILE).read_text(encoding="utf-8"))
        found = RunningSandbox(dict(said["places"]), dict(said["secrets"]), int(said["pid"]))
        if not is_alive(str(found.pid)):
            return None
        with urllib.request.urlopen(f"{found.places['sandbox']}/test/written", timeout=ANSWERING_S) as answered:
            return found if answered.status == 200 else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _file_of(inventory: Inventory) -> Path:
    """Return the file that makes the sandbox."""
    serve = inventory.settings.sandbox.serve
    if serve is None:
        raise InputError(
            "the pilot has no sandbox of its own",
            where=f"{inventory.path}, sandbox.serve",
            expected="FILE.py:NAME of what makes it",
            remedy="write one (docs/how_to/integrations.md has an example), or give the systems' own sandboxes",
        )
    path = inventory.path.parent / serve.partition(":")[0]
    if not path.is_file():
        raise InputError("the file of the sandbox is not there", where=f"{inventory.path}, sandbox.serve", got=serve)
    return path


def _fresh_secrets(inventory: Inventory) -> dict[str, str]:
    """Return a new value for every variable that integrations.yaml names for credentials."""
    named = [
        name
        for system in inventory.settings.systems
        if system.auth is not None and system.auth.kind is not AuthKind.NONE
        for setting, name in system.auth.model_dump().items()
        if setting.endswith("_env") and name is not None
    ]
    return {name: f"{name.lower()[:30]}_{secrets.token_hex(12)}" for name in named}


def _started(credentials: Mapping[str, str], log: Any) -> subprocess.Popen[bytes]:
    """Return the process of a sandbox that waits for what it is to do."""
    environment = {**without_secrets(os.environ), **credentials}
    environment["PYTHONPATH"] = os.pathsep.join([str(PACKAGE), *filter(None, [environment.get("PYTHONPATH")])])
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "workbench.environment.sandbox"],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=log,
        start_new_session=True,  # Ctrl-C reaches whoever started it, who ends it
    )


def _places(process: subprocess.Popen[bytes], job: Mapping[str, Any], log: Path) -> dict[str, str]:
    """Hand a process what it is to do and return its places once it answers."""
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        with process.stdin as pipe:
            pipe.write(json.dumps(job).encode())
    except BrokenPipeError:
        pass  # it has ended, and its log says why
    ends, line = time.monotonic() + STARTING_S, b""
    while not line.endswith(b"\n"):
        ready, _, _ = select.select([process.stdout], [], [], max(0.0, ends - time.monotonic()))
        part = os.read(process.stdout.fileno(), 65536) if ready else b""
        if not part:
            said = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
            raise RunError("the sandbox did not start", got=readable(said[-1], 200) if said else "it did not answer")
        line += part
    answered = json.loads(line)
    if "error" in answered:
        raise error_from(answered["error"])
    return dict(answered["places"])


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process: gently, and surely."""
    process.terminate()
    try:
        process.wait(ENDING_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout is not None:
        process.stdout.close()
