"""A PostgreSQL server of the distribution's package, on a free port of this machine and with nothing in it."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ADMIN, DATABASE, PATIENCE_S = "tester", "postgres", 60.0
PROGRAMS = ("initdb", "postgres", "pg_isready")


def programs() -> Path | None:
    """Return the folder with PostgreSQL's programs, None where they are not installed."""
    found = [Path(folder) for folder in os.environ["PATH"].split(os.pathsep)]
    found += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((one for one in found if all((one / name).exists() for name in PROGRAMS)), None)


@contextmanager
def running_postgresql() -> Iterator[str]:
    """Run a server and give its address with the administrator's user and password.

    It does not start as root, so then it is `nobody`'s, in a folder that others than root can enter.
    """
    folder = Path(tempfile.mkdtemp(prefix="postgresql-"))
    account = {"user": "nobody", "group": "nogroup"} if os.geteuid() == 0 else {}
    try:
        if account:
            shutil.chown(folder, **account)
        password = secrets.token_hex(12)
        (folder / "password").write_text(password)
        (folder / "password").chmod(0o644)
        home = programs()
        assert home is not None
        options = [
            "-U",
            ADMIN,
            "--pwfile",
            folder / "password",
            "--auth=scram-sha-256",
            "--locale=C",
            "-E",
            "UTF8",
            "-N",
        ]
        made = subprocess.run(
            [home / "initdb", "-D", folder / "data", *options], capture_output=True, text=True, cwd=folder, **account
        )
        assert made.returncode == 0, made.stderr
        port = free_port()
        settings = ["listen_addresses=127.0.0.1", "unix_socket_directories=", "fsync=off", "shared_buffers=16MB"]
        command = [home / "postgres", "-D", folder / "data", "-p", str(port), *(f"--{one}" for one in settings)]
        with subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder, **account
        ) as server:
            try:
                wait_for(home, port, server)
                yield f"postgresql+pg8000://{ADMIN}:{password}@127.0.0.1:{port}/{DATABASE}"
            finally:
                server.send_signal(signal.SIGINT)  # at once, whatever statements still run
    finally:
        shutil.rmtree(folder)


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def wait_for(home: Path, port: int, server: subprocess.Popen[bytes]) -> None:
    ends = time.monotonic() + PATIENCE_S
    while subprocess.run([home / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(port)]).returncode != 0:
        assert server.poll() is None, "PostgreSQL ended before it was ready"
        assert time.monotonic() < ends, "PostgreSQL is not ready"
        time.sleep(0.05)
