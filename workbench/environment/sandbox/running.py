"""A pilot's sandbox while it runs: started, found again by other commands, ended with whoever started it."""

from __future__ import annotations

import fcntl
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
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import IO, Any

from workbench.files import digest_of_file, is_alive, without_secrets, write_atomically
from workbench.pilot import Pilot, Role
from workbench.pilot.integrations import AuthKind, Inventory, agreed_files, read_integrations
from workbench.words import InputError, RunError, error_from, readable, shown

SANDBOX_LOG = "sandbox.log"  # beside the folder of a running sandbox
SANDBOX_FILE = "sandbox.json"  # in the folder of the pilot's runs, while `workbench sandbox` runs
FILES = "files"
PACKAGE = Path(__file__).resolve().parents[3]
STARTING_S, ENDING_S, ANSWERING_S = 120.0, 10.0, 5.0
USED_S, LOOK_S = 300.0, 0.2  # for which another command may use a running one; between looks


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
    made_of : mapping of str to str
        Digests of the files that it was started from: integrations.yaml, its code, the records.
    was_running : bool
        Whether it was running before the command that uses it.
    """

    places: Mapping[str, str]
    secrets: Mapping[str, str]
    pid: int
    made_of: Mapping[str, str]
    was_running: bool = False

    @property
    def said(self) -> str:
        """Which sandbox it is, where, and on which database where it has one."""
        kind = str(self.places.get("database", "")).partition(":")[0].partition("+")[0]
        on = {"postgresql": ", on PostgreSQL", "sqlite": ", on SQLite"}.get(kind, "")
        which = "the sandbox that was running" if self.was_running else "the pilot's own sandbox, started for this"
        return f"{which}, at {self.places['sandbox']}{on}"

    def answers(self) -> bool:
        """Return whether it runs and answers."""
        if not is_alive(str(self.pid)):
            return False
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # it is on this machine
        try:
            with direct.open(f"{self.places['sandbox']}/test/written", timeout=ANSWERING_S) as answered:
                return bool(answered.status == 200)
        except (OSError, ValueError):
            return False


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
        (folder / FILES).mkdir()
        job = {
            **_job(pilot, inventory, folder / FILES),
            "documents": list(documents),
            "secrets": list(credentials),
            "database": database,
            "port": port,
        }
        with (folder / SANDBOX_LOG).open("wb") as log:
            process = _started(credentials, log)
        try:
            places = _places(process, job, folder / SANDBOX_LOG)
            yield RunningSandbox(places, credentials, process.pid, _made_of(pilot))
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
    """Return the sandbox of a pilot that `workbench sandbox` is running, None where none answers.

    Raises
    ------
    InputError
        It was started from other files than those that are there now.
    """
    path = pilot.runs / SANDBOX_FILE
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        found = RunningSandbox(dict(said["places"]), dict(said["secrets"]), int(said["pid"]), dict(said["made_of"]))
        if not found.answers():
            return None
    except (OSError, ValueError, KeyError, TypeError):
        return None
    now = _made_of(pilot)
    changed = sorted(name for name in {*now, *found.made_of} if now.get(name) != found.made_of.get(name))
    if changed:
        raise InputError(
            f"the sandbox of {pilot.name} that is running was started from other files",
            where=str(path),
            got=f"process {found.pid}; changed since: {shown(changed)}",
            remedy="end it with Ctrl-C where it was started, and start it again",
        )
    return found


@contextmanager
def used_sandbox(
    pilot: Pilot, documents: Iterable[Mapping[str, Any]], *, patience_s: float = USED_S
) -> Iterator[RunningSandbox]:
    """Give the sandbox of a pilot that is running, to one command after the other, else start one until the block ends.

    Parameters
    ----------
    patience_s : float
        For which another command is waited for: each moves the clock and takes back what is written.

    Raises
    ------
    InputError
        Another command is using the running one for longer, or it was started from other files; or as
        `running_sandbox`.
    RunError
        It did not start, or ended meanwhile.
    """
    found = found_sandbox(pilot)
    if found is None:
        with running_sandbox(pilot, documents) as started, _ended_meanwhile(started):
            yield started
        return
    with (pilot.runs / SANDBOX_FILE).open("rb") as file:
        _wait_for_others(file, found, patience_s)
        with _ended_meanwhile(found):
            yield replace(found, was_running=True)


def _wait_for_others(file: IO[bytes], sandbox: RunningSandbox, patience_s: float) -> None:
    """Wait until no other command uses a sandbox, and keep further ones from it until the file is closed."""
    ends = time.monotonic() + patience_s
    while True:
        try:
            return fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > ends:
                raise InputError(
                    "another command is using the sandbox that is running",
                    where=file.name,
                    got=sandbox.places["sandbox"],
                    remedy="wait until it is done, or end the sandbox: one is started for each command then",
                ) from None
        time.sleep(LOOK_S)


@contextmanager
def _ended_meanwhile(sandbox: RunningSandbox) -> Iterator[None]:
    """Say at the end of the block, in place of what came of that, that a sandbox has ended in it."""
    try:
        yield
    except RunError:
        if sandbox.answers():
            raise
    if not sandbox.answers():
        raise RunError(
            "the sandbox ended while it was used",
            got=f"process {sandbox.pid}, {sandbox.places['sandbox']}",
            remedy="start again; nothing was left of this",
        )


def _made_of(pilot: Pilot) -> dict[str, str]:
    """Return the digests of what a sandbox is started from, by the file's name."""
    records = [pilot.data / name for name in pilot.contract.records]
    return {**agreed_files(pilot.suite), **{one.name: digest_of_file(one) for one in records if one.is_file()}}


def _job(pilot: Pilot, inventory: Inventory, folder: Path) -> dict[str, Any]:
    """Return what a sandbox's process is told of its pilot."""
    return {
        "file": str(_file_of(inventory)),
        "name": str(inventory.settings.sandbox.serve).partition(":")[2],
        "id_column": pilot.contract.column_with(Role.ID),
        "folder": str(folder),
        "parent": os.getpid(),
    }


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
