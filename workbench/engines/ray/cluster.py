"""The connection of this process to a Ray cluster; what of Ray may block runs in a thread that lives as long as we do.

Calls of Ray can wait for a minute, and the processes of a cluster that is started here end with the thread that did.
"""

from __future__ import annotations

import asyncio
import math
import os
import secrets
import socket
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future
from functools import cache
from typing import Any, TypeVar

from workbench.engines.ray.settings import RaySettings, host_and_port
from workbench.files import SIGNING_KEY, environment_with, take, without_secrets
from workbench.words import RunError

ResultT = TypeVar("ResultT")

ANSWERS_S, START_TRIES, OBJECT_STORE_BYTES = 5.0, 3, 128 * 1024 * 1024
# Ray reads these while it is imported: it reports nothing to its makers, stays out of our output, and does not end this
# process with an exit code of its own a minute after the head was lost; a cluster that is started here listens on
# 127.0.0.1 only and asks for a token.
QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_DEDUP_LOGS_SKIP_REGEX": ".*",
    "RAY_gcs_rpc_server_reconnect_timeout_s": "86400",
}
LOOPBACK = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}

_users: list[tuple[str | None, bool]] = []  # of the connection: the cluster's address, whether we connected


@cache
def _loop() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="workbench-ray", daemon=True).start()
    return loop


def in_ray(call: Callable[[], ResultT]) -> Future[ResultT]:
    """Make a call in Ray's thread, after those before it, and return its future result."""

    async def called() -> ResultT:
        return call()

    return asyncio.run_coroutine_threadsafe(called(), _loop())


def join(settings: RaySettings) -> None:
    """Connect to the cluster, or start one here; in Ray's thread. Raises RunError when there is no way in."""
    if "ray" not in sys.modules:
        own = LOOPBACK | {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
        for name, value in (QUIET | ({} if settings.address else own)).items():
            os.environ.setdefault(name, value)
    import ray

    address, is_ours = settings.address, not ray.is_initialized()
    if is_ours and address is None:
        _start(ray, settings)
    elif is_ours:
        _connect(ray, str(address))
    elif _users and _users[0][0] != address:
        problem, other = "this process uses another Ray cluster already", _users[0][0]
        raise RunError(problem, got=address or "none of its own", expected=other or "the one started here")
    _users.append((address, is_ours or (bool(_users) and _users[0][1])))


def leave() -> None:
    """Leave the cluster once nobody uses it: one that was started here ends; in Ray's thread."""
    import ray

    _, is_ours = _users.pop()
    if is_ours and not _users:
        ray.shutdown()


def unanswered(address: str | None, reason: str) -> RunError:
    """Return the error for a cluster that does not answer."""
    return RunError(
        "the Ray cluster does not answer",
        where="a cluster on this machine" if address is None else f"--ray-address {address}",
        got=reason,
        remedy="see `ray status` on its head; run on one of its nodes, with its Ray and Python, and with RAY_AUTH_MODE="
        "token and its token where it asks for one; or leave out the address to start a cluster on this machine",
    )


def short_reason(error: BaseException) -> str:
    """Return the class of an error and what its text says first, short, on one line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:300].removesuffix(": ")


def _connect(ray: Any, address: str) -> None:
    try:
        if (place := host_and_port(address)) is not None:  # Ray itself would try for a long time
            socket.create_connection(place, timeout=ANSWERS_S).close()
        ray.init(address=address, log_to_driver=False, logging_level="error")
    except Exception as error:  # Ray raises whatever its parts raise; each means that there is no way in
        raise unanswered(address, short_reason(error)) from error


def _start(ray: Any, settings: RaySettings) -> None:
    """Start a cluster of one node; its processes get the keys that the workers' engine needs, and no other one."""
    take(SIGNING_KEY)
    needed = without_secrets({}, keep=settings.secrets)
    n_cpus = max(1, math.ceil(settings.workers * settings.cpus_per_worker))
    n_gpus = math.ceil(settings.workers * settings.gpus_per_worker)
    with environment_with(needed):
        for n_left in reversed(range(START_TRIES)):  # on a busy machine Ray gives up before its own agents are there
            try:
                ray.init("local", num_cpus=n_cpus, num_gpus=n_gpus, object_store_memory=OBJECT_STORE_BYTES,
                         include_dashboard=False, log_to_driver=False, logging_level="error")  # fmt: skip
                return
            except Exception as error:  # as above
                ray.shutdown()
                if not n_left:
                    raise RunError("Ray could not be started on this machine", got=short_reason(error),
                                   remedy="look into /tmp/ray/session_latest/logs") from error  # fmt: skip
