"""What processes take while a load test runs: CPU, memory, descriptors, threads, connections, disk; and the GPUs."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import suppress
from enum import StrEnum
from typing import Any, Self
from urllib.parse import urlsplit

import pandas as pd
import psutil

SAMPLES, SHORTEST_S = 240, 0.1
MEASURES = ("processes", "cpu_s", "rss_bytes", "descriptors", "threads", "connections", "written_bytes")
COLUMNS = ("t_s", "decided", "role", *MEASURES)
GPU_COLUMNS = ("t_s", "device", "busy", "memory_bytes")
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


class ProcessRole(StrEnum):
    """Whose a process is."""

    AGENT = "agent"
    SANDBOX = "sandbox"
    GENERATOR = "generator"  # this process; where no other one answers, the agent is in it too


class ResourceSampler:
    """Reads what processes take, again and again in a thread, while it is open in `with`.

    Parameters
    ----------
    decided : callable
        How many decisions there are by now.
    every_s : float
        Seconds between two readings.
    others : mapping of ProcessRole to set of int
        Processes that were started elsewhere, by their ids: an endpoint on this machine, a sandbox. What this process
        has started counts as the agent's unless it is here.
    """

    def __init__(
        self, decided: Callable[[], int], every_s: float, others: Mapping[ProcessRole, Collection[int]]
    ) -> None:
        self._decided, self._every_s, self._others = decided, max(SHORTEST_S, every_s), others
        self._rows: list[tuple[Any, ...]] = []
        self._gpu_rows: list[tuple[Any, ...]] = []
        self._known: dict[int, psutil.Process] = {}
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, name="workbench-load-sampler", daemon=True)
        self._began = time.monotonic()

    def __enter__(self) -> Self:
        self._began = time.monotonic()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    def table(self, began: float) -> pd.DataFrame:
        """Return the readings, a row for each role; `t_s` counts from `began`, by `time.monotonic`."""
        rows = [(self._began + t_s - began, *rest) for t_s, *rest in self._rows]
        return _samples(rows)

    def gpus(self, began: float) -> pd.DataFrame:
        """Return the readings of the GPUs, a row for each: share of the time busy, bytes of memory in use."""
        rows = [(self._began + t_s - began, *rest) for t_s, *rest in self._gpu_rows]
        table = pd.DataFrame(rows, columns=list(GPU_COLUMNS), dtype=object)
        return table.astype({"t_s": float, "device": object, "busy": float, "memory_bytes": int})

    def _run(self) -> None:
        gpus = _Gpus()
        while True:
            now, decided = time.monotonic() - self._began, self._decided()
            for role, processes in self._processes().items():
                if processes:
                    self._rows.append((now, decided, role.value, *_sum(processes)))
            self._gpu_rows.extend((now, *one) for one in gpus.read())
            if self._end.wait(self._every_s):
                return

    def _processes(self) -> dict[ProcessRole, list[psutil.Process]]:
        """Return the processes there are now, by role; a child of one has its role."""
        found: dict[ProcessRole, list[psutil.Process]] = {ProcessRole.GENERATOR: [self._process(os.getpid())]}
        taken = {os.getpid()}
        mine = [child.pid for child in _with_children(os.getpid())[1:]]
        theirs = ((role, pid) for role, pids in self._others.items() for pid in pids)
        for role, pid in (*theirs, *((ProcessRole.AGENT, pid) for pid in mine)):
            for one in _with_children(pid):
                if one.pid not in taken:
                    taken.add(one.pid)
                    found.setdefault(role, []).append(self._process(one.pid))
        return found

    def _process(self, pid: int) -> psutil.Process:
        if pid not in self._known:
            self._known[pid] = psutil.Process(pid)
        return self._known[pid]


def no_samples() -> pd.DataFrame:
    """Return a table of readings without one."""
    return _samples([]).assign(part=0)


def listening_on(url: str | None) -> frozenset[int]:
    """Return the processes of this machine that listen at an address; none where it is elsewhere or cannot be seen."""
    if url is None:
        return frozenset()
    place = urlsplit(url)
    if place.hostname not in LOOPBACK:
        return frozenset()
    port = place.port or (443 if place.scheme == "https" else 80)
    try:
        listening = psutil.net_connections(kind="tcp")
    except psutil.AccessDenied:
        return frozenset()
    here = {one.pid for one in listening if one.status == psutil.CONN_LISTEN and one.laddr and one.laddr.port == port}
    return frozenset(pid for pid in here if pid is not None and pid != os.getpid())


def _samples(rows: list[tuple[float | str, ...]]) -> pd.DataFrame:
    kinds = {"t_s": float, "cpu_s": float, "role": object}
    table = pd.DataFrame(rows, columns=list(COLUMNS), dtype=object)
    return table.astype({name: kinds.get(name, int) for name in COLUMNS})


def _with_children(pid: int) -> list[psutil.Process]:
    """Return a process and all that it has started, nothing where it has ended."""
    with suppress(psutil.Error):
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    return []


def _sum(processes: list[psutil.Process]) -> tuple[float, ...]:
    """Return the measures of processes together; one that ends meanwhile counts for nothing."""
    read = [one for process in processes if (one := _read(process)) is not None]
    return (len(read), *map(sum, zip(*read, strict=True))) if read else (0,) * len(MEASURES)


def _read(process: psutil.Process) -> tuple[float, ...] | None:
    try:
        with process.oneshot():
            cpu, memory = process.cpu_times(), process.memory_info()
            descriptors, threads = process.num_fds(), process.num_threads()
            written = process.io_counters().write_bytes
        return cpu.user + cpu.system, memory.rss, descriptors, threads, len(process.net_connections("inet")), written
    except psutil.Error:
        return None


class _Gpus:
    """The GPUs of this machine as NVML tells of them; none where there is no such library or driver."""

    def __init__(self) -> None:
        self._handles: list[Any] = []
        with suppress(ImportError):
            import pynvml

            with suppress(pynvml.NVMLError):
                pynvml.nvmlInit()
                self._handles = [pynvml.nvmlDeviceGetHandleByIndex(i) for i in range(pynvml.nvmlDeviceGetCount())]

    def read(self) -> Iterator[tuple[str, float, int]]:
        """Yield name, share of the time busy and bytes of memory in use of each."""
        if not self._handles:
            return
        import pynvml

        for place, handle in enumerate(self._handles):
            with suppress(pynvml.NVMLError):
                memory = pynvml.nvmlDeviceGetMemoryInfo(handle).used
                yield f"GPU {place}", pynvml.nvmlDeviceGetUtilizationRates(handle).gpu / 100, int(memory)
