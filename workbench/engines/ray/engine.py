"""The Ray engine: another engine on every worker of a cluster, for runs that outgrow one machine."""

from __future__ import annotations

import os
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from functools import partial
from types import TracebackType
from typing import Any, Self

from workbench.engines.protocol import Engine, Reply, Request
from workbench.engines.ray.cluster import check_installed, control
from workbench.engines.ray.crew import CLOSED_S, STOP_S, RayCrew
from workbench.engines.ray.dispatch import Dispatch
from workbench.engines.ray.protocol import Load
from workbench.engines.ray.settings import RaySettings
from workbench.engines.settings import EngineSettings
from workbench.errors import InputError

BATCHES_PER_WORKER = 4
IS_UP_S = 10.0
KEEP_S = 30.0
LATE = 1.25
MARGIN_S = 5.0
MAX_CONCURRENCY = 16_384
REPLACED_S = 60.0


class RayEngine:
    """Replies of engines on a Ray cluster, each of them the same engine; use it in `async with`, as often as needed.

    What is asked, and that each answer is stored once, stays with the process that holds the journal; workers only
    answer. When a worker is lost, what it had is asked again elsewhere: `attempts` of such a reply counts that, and a
    request whose workers are lost again and again, the last time alone, is a failed reply.

    The workers stay for half a minute after `async with`, for the next run with this engine, then end; a cluster
    that was started here ends with them.

    Parameters
    ----------
    inner : EngineSettings or callable
        Completed settings of the engine of each worker, or a function that can be pickled and makes it.
    settings : RaySettings
        The cluster and what each worker gets.

    Raises
    ------
    InputError
        Ray is not installed, the engine on the workers cannot be built, or this machine is too small for the workers.
    """

    def __init__(self, inner: EngineSettings | Callable[[], Engine], settings: RaySettings | None = None) -> None:
        check_installed()
        self._settings = RaySettings() if settings is None else settings
        _check_fits(self._settings)
        self._make: Callable[[], Engine] = inner if callable(inner) else inner.build
        self._inner = self._make()  # never opened here; it says who it is
        self._crew: RayCrew | None = None

    @property
    def identity(self) -> Mapping[str, Any]:
        """That of the engine on the workers: its replies are the same wherever it runs."""
        return self._inner.identity

    @property
    def concurrency(self) -> int:
        """How many requests are in flight at most: those of all workers together."""
        return min(self._settings.workers * self._inner.concurrency, MAX_CONCURRENCY)

    @property
    def deadline_s(self) -> float:
        """Seconds within which every request is answered, with room for one repeat on a new worker."""
        return 2 * self._patience_s + REPLACED_S

    async def __aenter__(self) -> Self:
        if self._crew is not None:
            raise RuntimeError("the engine is open already")
        kept = _kept.taken()
        if kept is not None and kept.maker is self and await kept.is_up(IS_UP_S):
            self._crew = kept
        else:
            self._crew = await self._opened(kept)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        crew, self._crew = self._crew, None
        if crew is None:
            return
        if error is None and crew.is_whole:
            _kept.keep(crew)
        else:
            await crew.close(is_gentle=False)

    def stream(self, requests: AsyncIterator[Request]) -> AsyncGenerator[Reply, None]:
        """Yield one reply for each request, in order of completion.

        Raises
        ------
        RunError
            No worker is left and none can be found, or one after the other is lost without any answer.
        """
        if self._crew is None:
            raise RuntimeError("the engine is not open; use it in `async with`")
        concurrency = self._inner.concurrency
        batch = max(1, min(self._settings.batch, concurrency // BATCHES_PER_WORKER))
        return Dispatch(self._crew, Load(batch, max(1, concurrency // batch), self._patience_s)).stream(requests)

    async def _opened(self, kept: RayCrew | None) -> RayCrew:
        """Return a crew with its workers; the one that another run left behind gives its place."""
        crew = RayCrew(self, self._make, self._settings)
        try:
            if kept is not None and kept.settings != self._settings:
                await kept.close(is_gentle=True)
            await crew.join()
            if kept is not None:
                await kept.close(is_gentle=True)
            await crew.hire()
        except BaseException:
            await crew.close(is_gentle=False)
            raise
        return crew

    @property
    def _patience_s(self) -> float:
        """Seconds after which a worker that has not answered is given up."""
        return self._inner.deadline_s * LATE + MARGIN_S


class _Kept:
    """The crew of this process that is between two runs: taken again within a while, or ended after it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._crew: RayCrew | None = None
        self._timer: threading.Timer | None = None

    def keep(self, crew: RayCrew) -> None:
        """Keep a crew for a while, and end the one that was kept before."""
        self.end()
        with self._lock:
            self._crew = crew
            self._timer = threading.Timer(KEEP_S, self.end)
            self._timer.daemon = True
            self._timer.start()

    def taken(self) -> RayCrew | None:
        """Return the crew that is kept, if there is one; it is kept no longer."""
        with self._lock:
            crew, self._crew = self._crew, None
            if self._timer is not None:
                self._timer.cancel()
            return crew

    def end(self) -> None:
        """End the crew that is kept, if there is one."""
        crew = self.taken()
        if crew is not None:
            control.submit(partial(crew.end, is_gentle=True))


_kept = _Kept()


def end_kept() -> None:
    """End the workers that wait for another run of their engine in this process, and give their place back."""
    _kept.end()
    control.submit(lambda: None).result(CLOSED_S + STOP_S)


def _check_fits(settings: RaySettings) -> None:
    """Raise InputError when a cluster on this machine would be too small."""
    n_cpus = os.cpu_count() or 1
    if settings.address is None and settings.workers * settings.cpus_per_worker > n_cpus:
        raise InputError(
            "this machine has too few CPUs for the Ray workers",
            where="ray: workers, cpus_per_worker",
            got=settings.asked,
            expected=f"{n_cpus} CPU together",
            remedy="ask for fewer workers or a smaller cpus_per_worker, or give the address of a cluster",
        )
