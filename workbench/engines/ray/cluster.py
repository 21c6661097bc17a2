"""The connection of this process to a Ray cluster; everything of Ray that blocks runs in one thread."""

from __future__ import annotations

import asyncio
import queue
import socket
import threading
from collections.abc import Callable
from concurrent.futures import Future
from importlib.util import find_spec
from typing import Any, TypeVar

from workbench.engines.ray.local import LocalCluster, is_prepared, prepare_import
from workbench.engines.ray.settings import RaySettings, host_and_port
from workbench.errors import InputError, RunError

ResultT = TypeVar("ResultT")

ANSWERS_S = 5.0
CONTROL_S = 15.0
MAX_REASON = 300


class Control:
    """A thread that makes calls one after the other and lives as long as the process.

    Calls of Ray can wait for a minute, and processes that Ray starts die with the thread that started them.
    """

    def __init__(self) -> None:
        self._calls: queue.SimpleQueue[tuple[Future[Any], Callable[[], Any]]] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def submit(self, call: Callable[[], ResultT]) -> Future[ResultT]:
        """Make a call in the thread and return its future result."""
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="workbench-ray", daemon=True)
                self._thread.start()
        future: Future[ResultT] = Future()
        self._calls.put((future, call))
        return future

    async def result(self, call: Callable[[], ResultT], limit_s: float = CONTROL_S) -> ResultT:
        """Return what a call returns; raises TimeoutError when that takes longer than the limit."""
        return await asyncio.wait_for(asyncio.wrap_future(self.submit(call)), limit_s)

    def _run(self) -> None:
        while True:
            future, call = self._calls.get()
            if not future.set_running_or_notify_cancel():
                continue
            try:
                future.set_result(call())
            except BaseException as error:  # it belongs to whoever waits for the result
                future.set_exception(error)


control = Control()


class Connection:
    """The connection of this process, shared by the crews that use it; for the control thread only."""

    def __init__(self) -> None:
        self._n_users = 0
        self._address: str | None = None
        self._is_ours = False
        self._local: LocalCluster | None = None

    def open(self, settings: RaySettings) -> None:
        """Connect, or start a cluster here; a connection that is there already is used as it is.

        Raises
        ------
        RunError
            The cluster does not answer or does not take us, or this process uses another one.
        """
        prepare_import(is_local=settings.address is None)
        import ray

        if not ray.is_initialized():
            self._is_ours, self._n_users, self._address = True, 0, settings.address
            if settings.address is None:
                self._start(ray, settings)
            else:
                _join(ray, settings.address)
        elif self._n_users and self._address != settings.address:
            raise RunError(
                "this process uses another Ray cluster already",
                got=f"--ray-address {settings.address or '(none)'}",
                expected=f"--ray-address {self._address or '(none)'}",
                remedy="use one cluster in one process",
            )
        self._n_users += 1

    def close(self) -> None:
        """Leave the cluster once nobody uses it; one that was started here ends."""
        self._n_users -= 1
        if self._n_users == 0 and self._is_ours:
            import ray

            ray.shutdown()
            self._end_local()

    def _start(self, ray: Any, settings: RaySettings) -> None:
        """Start a cluster on this machine and connect."""
        if (
            not is_prepared()
        ):  # Ray was imported before us, so it starts the cluster its own way; it asks for a token too
            _initialize(ray, "a cluster on this machine", address="local", include_dashboard=False)
            return
        self._local = LocalCluster(settings)
        try:
            _initialize(ray, "a cluster on this machine", address=self._local.address)
        except RunError:
            self._end_local()
            raise

    def _end_local(self) -> None:
        """End the cluster that was started here, if there is one."""
        local, self._local = self._local, None
        if local is not None:
            local.end()


connection = Connection()


def check_installed() -> None:
    """Raise InputError where the package ray is not installed."""
    if find_spec("ray") is None:
        raise InputError(
            "the Ray engine needs the package ray, which is not installed",
            where="--engine ray",
            remedy="make ray, or: pip install 'agent-workbench[ray]'",
        )


def _join(ray: Any, address: str) -> None:
    """Connect to a cluster by its address. Raises RunError when nothing answers there, or it is not for us."""
    place = host_and_port(address)
    if place is not None:
        try:
            socket.create_connection(place, timeout=ANSWERS_S).close()
        except OSError as error:  # Ray itself would try for a long time
            raise unanswered(address, reason_of(error)) from None
    _initialize(ray, f"--ray-address {address}", address=address)


def _initialize(ray: Any, where: str, **arguments: Any) -> None:
    """Connect this process. Raises RunError when Ray does not take it."""
    try:
        ray.init(log_to_driver=False, logging_level="error", **arguments)
    except Exception as error:  # Ray raises whatever its parts raise; each means that there is no way in
        raise RunError(
            "Ray could not be joined",
            where=where,
            got=reason_of(error),
            remedy="run the workbench on a node of the cluster, with the cluster's versions of Ray and Python, and "
            "with RAY_AUTH_MODE=token and its token where the cluster asks for one",
        ) from error


def unanswered(address: str | None, reason: str) -> RunError:
    """Return the error for a cluster that does not answer."""
    return RunError(
        "the Ray cluster does not answer",
        where="a cluster on this machine" if address is None else f"--ray-address {address}",
        got=reason,
        remedy="see `ray status` on the cluster's head, or leave out the address to start a cluster on this machine",
    )


def reason_of(error: BaseException) -> str:
    """Return the class of an error and what its text says first, short, on one line."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}"[:MAX_REASON] if text else type(error).__name__
