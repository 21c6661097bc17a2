"""The Ray engine: another engine on every worker of a cluster, for runs that outgrow one machine."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import suppress
from importlib.util import find_spec
from typing import Any, Self

from workbench.engines.protocol import Engine, Reply, Request
from workbench.engines.ray.cluster import in_ray, join, leave, unanswered
from workbench.engines.ray.dispatch import Dispatch
from workbench.engines.ray.settings import RaySettings
from workbench.engines.ray.workers import MOST_CALLS, RayWorker
from workbench.engines.settings import EngineSettings
from workbench.words import InputError

LATE, MARGIN_S, REPLACED_S = 1.25, 5.0, 60.0
JOINED_S, STARTED_S, CLOSED_S, KEEP_S = 45.0, 240.0, 20.0, 30.0


class RayEngine:
    """Replies of engines on a Ray cluster, each of them the same engine; use it in `async with`, as often as needed.

    What is asked, and that each answer is stored once, stays with the process that holds the journal; workers only
    answer. When a worker is lost, what it had is asked again elsewhere: `attempts` of such a reply counts that, and a
    request whose workers are lost again and again, the last time alone, is a failed reply. The workers stay for half a
    minute after `async with`, for the next run with this engine; a cluster that was started here ends with them.

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
        self._settings = RaySettings() if settings is None else settings
        _check(self._settings)
        self._make: Callable[[], Engine] = inner if callable(inner) else inner.build
        self._inner = self._make()  # never opened here; it says who it is
        self._patience_s = self._inner.deadline_s * LATE + MARGIN_S
        self.concurrency = min(self._settings.workers * self._inner.concurrency, MOST_CALLS)
        self.deadline_s = 2 * self._patience_s + REPLACED_S  # with room for one repeat on a new worker
        self._workers: list[RayWorker] = []
        self._is_open = False

    @property
    def identity(self) -> Mapping[str, Any]:
        """That of the engine on the workers: its replies are the same wherever it runs."""
        return self._inner.identity

    async def __aenter__(self) -> Self:
        if self._is_open:
            raise RuntimeError("the engine is open already")
        self._is_open, limit_s = True, STARTED_S if self._settings.address is None else JOINED_S
        try:
            await asyncio.wait_for(asyncio.wrap_future(in_ray(self._hire)), limit_s)
            for outcome in await asyncio.gather(*(one.start() for one in self._workers), return_exceptions=True):
                if isinstance(outcome, BaseException):
                    raise outcome
        except BaseException as error:
            await self._leave(is_kept=False)
            if isinstance(error, TimeoutError):
                raise unanswered(self._settings.address, f"no answer within {limit_s:.0f} s") from None
            raise
        return self

    async def __aexit__(self, kind: object = None, *_: object) -> None:
        await self._leave(is_kept=kind is None)

    def stream(self, requests: AsyncIterator[Request]) -> AsyncGenerator[Reply, None]:
        """Yield one reply for each request, in order of completion.

        Raises
        ------
        RunError
            No worker is left and none can be found, or one after the other is lost without any answer.
        """
        if not self._is_open:
            raise RuntimeError("the engine is not open; use it in `async with`")
        return Dispatch(self._workers, self._inner.concurrency, self._patience_s).stream(requests)

    async def _leave(self, *, is_kept: bool) -> None:
        self._is_open = False
        with suppress(TimeoutError):
            await asyncio.wait_for(asyncio.wrap_future(in_ray(self._keep if is_kept else self._end)), CLOSED_S)

    def _hire(self) -> None:
        """Have the workers that were kept, or new ones in the place of another engine's; in Ray's thread."""
        kept = _kept.pop() if _kept else None
        if kept is not None:
            kept[1].cancel()
        if kept is not None and kept[0] is self:
            return
        if kept is not None and kept[0]._settings != self._settings:
            kept[0]._end(is_gentle=True)
        join(self._settings)
        if kept is not None:
            kept[0]._end(is_gentle=True)
        self._workers = [RayWorker(self._settings, self._make, self.identity) for _ in range(self._settings.workers)]

    def _keep(self) -> None:
        """Keep the workers for a while; in Ray's thread."""
        end_kept()
        _kept.append((self, asyncio.get_running_loop().call_later(KEEP_S, end_kept)))

    def _end(self, *, is_gentle: bool = False) -> None:
        """End the workers, gently so that their processes tidy up, and leave the cluster; in Ray's thread."""
        import ray

        workers, self._workers = self._workers, []
        for one in workers:
            one.actor.__ray_terminate__.remote() if is_gentle else ray.kill(one.actor)
        if workers:
            leave()


_kept: list[tuple[RayEngine, asyncio.TimerHandle]] = []  # whose workers wait for another run; of Ray's thread


def end_kept() -> None:
    """End the workers that wait for another run, and give their place back; in Ray's thread."""
    while _kept:
        engine, timer = _kept.pop()
        timer.cancel()
        engine._end(is_gentle=True)


def _check(settings: RaySettings) -> None:
    """Raise InputError where Ray is not installed, or a cluster on this machine would be too small."""
    if find_spec("ray") is None:
        raise InputError(
            "the Ray engine needs the package ray, which is not installed",
            where="--engine ray",
            remedy="make ray, or: pip install 'agent-workbench[ray]'",
        )
    n_cpus = os.cpu_count() or 1
    if settings.address is None and settings.workers * settings.cpus_per_worker > n_cpus:
        raise InputError(
            "this machine has too few CPUs for the Ray workers",
            where="ray: workers, cpus_per_worker",
            got=settings.asked,
            expected=f"{n_cpus} CPU together",
            remedy="ask for fewer workers or a smaller cpus_per_worker, or give the address of a cluster",
        )
