"""A PostgreSQL server for a sandbox alone: this machine's programs, a free port, nothing in it before or after."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from workbench.words import InputError, RunError

ADMIN, DATABASE, PATIENCE_S, LOOK_S = "sandbox", "postgres", 60.0, 0.05
PROGRAMS = ("initdb", "postgres", "pg_isready")
SETTINGS = ("listen_addresses=127.0.0.1", "unix_socket_directories=", "fsync=off", "shared_buffers=16MB")


def postgresql_programs() -> Path | None:
    """Return the folder with PostgreSQL's programs, None where they are not installed."""
    found = [Path(folder) for folder in os.environ.get("PATH", "").split(os.pathsep)]
    found += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((one for one in found if all((one / name).exists() for name in PROGRAMS)), None)


@contextmanager
def running_postgresql() -> Iterator[str]:
    """Run a server until the block ends, and give its address with the administrator's user and password.

    It does not start as root, so then it is `nobody`'s, in a folder that others than root can enter.

    Raises
    ------
    InputError
        PostgreSQL is not installed.
    RunError
        It did not start.
    """
    home = postgresql_programs()
    if home is None:
        raise InputError(
            "PostgreSQL is not installed on this machine", expected=f"the programs {', '.join(PROGRAMS)}",
            remedy="install the package `postgresql` of the distribution, or leave --postgresql out: then it is SQLite",
        )  # fmt: skip
    folder = Path(tempfile.mkdtemp(prefix="workbench-postgresql-"))
    account: dict[str, Any] = {"user": "nobody", "group": "nogroup"} if os.geteuid() == 0 else {}
    try:
        if account:
            shutil.chown(folder, **account)
        password = secrets.token_hex(12)
        (folder / "password").write_text(password)
        (folder / "password").chmod(0o644)
        _make_cluster(home, folder, account)
        port = _free_port()
        command = [
            str(home / "postgres"),
            "-D",
            str(folder / "data"),
            "-p",
            str(port),
            *(f"--{one}" for one in SETTINGS),
        ]
        with subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder, **account
        ) as server:
            try:
                _wait_for(home, port, server)
                yield f"postgresql+pg8000://{ADMIN}:{password}@127.0.0.1:{port}/{DATABASE}"
            finally:
                server.send_signal(signal.SIGINT)  # at once, whatever statements still run
    finally:
        shutil.rmtree(folder)


def _make_cluster(home: Path, folder: Path, account: Mapping[str, Any]) -> None:
    who = ["-U", ADMIN, "--pwfile", str(folder / "password"), "--auth=scram-sha-256"]
    command = [str(home / "initdb"), "-D", str(folder / "data"), *who, "--locale=C", "-E", "UTF8", "-N"]
    made = subprocess.run(command, capture_output=True, text=True, cwd=folder, **account)
    if made.returncode != 0:
        raise RunError("PostgreSQL could not be set up", where=str(home), got=made.stderr.strip()[-200:])


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _wait_for(home: Path, port: int, server: subprocess.Popen[bytes]) -> None:
    ends = time.monotonic() + PATIENCE_S
    while subprocess.run([home / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(port)]).returncode != 0:
        if server.poll() is not None or time.monotonic() > ends:
            raise RunError("PostgreSQL did not start", where=str(home), got=f"exit code {server.poll()}")
        time.sleep(LOOK_S)
