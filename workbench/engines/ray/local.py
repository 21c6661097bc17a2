"""A Ray cluster on this machine: on 127.0.0.1 only, with a token of its own, and gone when this process is."""

from __future__ import annotations

import math
import os
import secrets
import select
import subprocess
import sys
import tempfile
import time
from typing import Any

from workbench.credentials import without_secrets
from workbench.engines.ray.settings import RaySettings
from workbench.errors import RunError

START_TRIES = 2
START_S = 90.0
END_S = 20.0
# Ray reads these while it is imported. It reports nothing to its makers, and its notices stay out of our output.
QUIET = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_DEDUP_LOGS_SKIP_REGEX": ".*"}
# On Linux too this is what keeps a cluster on 127.0.0.1; without it Ray listens on every interface.
LOOPBACK = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}
TOKEN_MODE = {"RAY_AUTH_MODE": "token"}


def prepare_import(*, is_local: bool) -> None:
    """Set what Ray reads from the environment while it is imported, as far as it is not set; later it has no effect."""
    if "ray" in sys.modules:
        return
    settings = dict(QUIET)
    if is_local:
        settings |= LOOPBACK | TOKEN_MODE
        if "RAY_AUTH_TOKEN_PATH" not in os.environ:
            settings["RAY_AUTH_TOKEN"] = secrets.token_hex(32)
    for name, value in settings.items():
        os.environ.setdefault(name, value)


def is_prepared() -> bool:
    """Return whether this process can use a cluster that stays on 127.0.0.1 and asks for a token."""
    return all(os.environ.get(name) == value for name, value in (LOOPBACK | TOKEN_MODE).items())


class LocalCluster:
    """A cluster held by a program of its own; see `workbench.engines.ray.head`.

    Parameters
    ----------
    settings : RaySettings
        The workers it must have place for.

    Raises
    ------
    RunError
        It did not start.
    """

    def __init__(self, settings: RaySettings) -> None:
        n_cpus = max(1, math.ceil(settings.workers * settings.cpus_per_worker))
        n_gpus = math.ceil(settings.workers * settings.gpus_per_worker)
        command = [sys.executable, "-m", "workbench.engines.ray.head", str(n_cpus), str(n_gpus)]
        for n_left in reversed(range(START_TRIES)):
            self._said = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the program
            self._head: subprocess.Popen[Any] = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._said,
                start_new_session=True,
                env=without_secrets(os.environ, keep=settings.secrets),
            )
            address = self._answer()
            if address:
                self.address = address
                return
            reason = self._last_words()
            self.end()
            if not n_left:
                raise RunError(
                    "Ray could not be started on this machine",
                    got=reason,
                    remedy="look into /tmp/ray/session_latest/logs; a very busy machine may be too slow to start it",
                )

    def end(self) -> None:
        """End the cluster."""
        if self._head.stdin is not None:
            self._head.stdin.close()
        try:
            self._head.wait(END_S)
        except subprocess.TimeoutExpired:
            self._head.kill()  # what it started ends with it
            self._head.wait()
        if self._head.stdout is not None:
            self._head.stdout.close()
        self._said.close()

    def _answer(self) -> str:
        """Return the address the program prints, empty when it ends or takes too long."""
        until = time.monotonic() + START_S
        line, output = b"", self._head.stdout
        while output is not None and not line.endswith(b"\n"):
            if not select.select([output], [], [], max(0.0, until - time.monotonic()))[0]:
                return ""
            part = os.read(output.fileno(), 4096)
            if not part:
                return ""
            line += part
        return line.decode().strip()

    def _last_words(self) -> str:
        """Return the last line of what the program said, which names the error it ended with."""
        self._said.seek(0)
        lines = self._said.read().decode("utf-8", "replace").strip().splitlines()
        return lines[-1] if lines else f"no answer within {START_S:.0f} s"
