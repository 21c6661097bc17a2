"""The actors of a run: each holds one engine; placed, started, replaced when lost, and ended."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from importlib.metadata import version
from typing import Any

from workbench.engines.protocol import Engine
from workbench.engines.ray.actor import SAME_EVERYWHERE, RayWorker, outcome_of
from workbench.engines.ray.cluster import CONTROL_S, connection, control, unanswered
from workbench.engines.ray.settings import RaySettings
from workbench.engines.ray.worker import EngineWorker, WorkerFacts
from workbench.errors import RunError

JOINED_S = 45.0
STARTED_S = 240.0
CLOSED_S = 10.0
STOP_S = 10.0


class RayCrew:
    """Actors that hold the same engine, spread over the nodes of a cluster.

    Ray restarts none of them and repeats no call: which requests are asked again, and how often, is the dispatch's
    decision.

    Parameters
    ----------
    maker : Engine
        Whose crew this is; a worker whose engine has another identity is refused.
    inner : callable
        Makes the engine on a worker; it is pickled.
    settings : RaySettings
        The cluster and what a worker gets.
    """

    def __init__(self, maker: Engine, inner: Callable[[], Engine], settings: RaySettings) -> None:
        self.maker = maker
        self.settings = settings
        self._inner = inner
        self._is_connected = False
        self._is_given_up = False
        self.workers: list[RayWorker] = []

    @property
    def is_whole(self) -> bool:
        """Whether no worker was lost for good."""
        return len(self.workers) == self.settings.workers

    async def join(self) -> None:
        """Join the cluster, or start it. Raises RunError when there is none."""
        limit_s = STARTED_S if self.settings.address is None else JOINED_S
        try:
            await control.result(self._connect, limit_s)
        except TimeoutError:
            self._is_given_up = True
            raise unanswered(self.settings.address, f"no answer within {limit_s:.0f} s") from None

    async def hire(self) -> None:
        """Find a place for every worker and start their engines.

        Raises
        ------
        RunError
            There is no place on the cluster, or a worker cannot start.
        WorkbenchError
            What an engine raised when it was started.
        """
        self.workers = await self._hired(self.settings.workers)

    async def replace(self, worker: Any) -> RayWorker:
        """End a lost worker and return a new one. Raises as `hire` does."""
        control.submit(worker.kill)
        if worker in self.workers:
            self.workers.remove(worker)
        (new,) = await self._hired(1)
        self.workers.append(new)
        return new

    async def is_up(self, limit_s: float) -> bool:
        """Return whether every worker answers within a time."""
        return self.is_whole and all(await asyncio.gather(*(worker.is_up(limit_s) for worker in self.workers)))

    async def close(self, *, is_gentle: bool) -> None:
        """End the workers and leave the cluster; gently: their engines are closed first."""
        if not self._is_connected:
            return
        with suppress(TimeoutError):
            await control.result(partial(self.end, is_gentle=is_gentle), CLOSED_S + STOP_S * is_gentle)

    def end(self, *, is_gentle: bool) -> None:
        """Do what `close` does; for the control thread."""
        if not self._is_connected:
            return
        import ray

        workers, self.workers = self.workers, []
        if is_gentle and workers:
            with suppress(Exception):  # a worker that cannot close its engine is ended all the same
                ray.wait([one.handle.stop.remote() for one in workers], num_returns=len(workers), timeout=STOP_S)
        for worker in workers:
            worker.kill()
        self._is_connected = False
        connection.close()

    def _connect(self) -> None:
        connection.open(self.settings)
        if self._is_given_up:
            connection.close()
        else:
            self._is_connected = True

    async def _hired(self, count: int) -> list[RayWorker]:
        """Return new workers whose engines are started; none is left behind when one fails."""
        try:
            workers = await control.result(partial(self._created, count))
        except TimeoutError:  # Ray waits a minute for a head that is gone, and then ends this process
            raise unanswered(self.settings.address, f"no answer within {CONTROL_S:.0f} s") from None
        try:
            await self._placed(workers)
            await _all(self._started(worker) for worker in workers)
        except BaseException:
            for worker in workers:
                control.submit(worker.kill)
            raise
        return workers

    def _created(self, count: int) -> list[RayWorker]:
        """Return actors that Ray is to find places for; for the control thread."""
        import ray

        actor = ray.remote(EngineWorker).options(
            num_cpus=self.settings.cpus_per_worker,
            num_gpus=self.settings.gpus_per_worker,
            scheduling_strategy="SPREAD",
            max_restarts=0,
            max_task_retries=0,
        )
        return [RayWorker(actor.remote(self._inner)) for _ in range(count)]

    async def _placed(self, workers: Sequence[RayWorker]) -> None:
        """Wait until every worker has its place."""
        limit_s = self.settings.placement_s
        try:
            await _all(asyncio.wait_for(outcome_of(worker.handle.place.remote()), limit_s) for worker in workers)
        except TimeoutError:
            raise RunError(
                f"the Ray cluster had no place for the workers within {limit_s:g} s",
                where="a cluster on this machine" if self.settings.address is None else self.settings.address,
                got=await control.result(_resources),
                expected=self.settings.asked,
                remedy="ask for fewer or smaller workers (ray: workers, cpus_per_worker, gpus_per_worker in "
                "pilot.yaml), or wait until others are done",
            ) from None

    async def _started(self, worker: RayWorker) -> None:
        """Start the engine of a worker and see that it is the right one."""
        limit_s = self.settings.start_s
        try:
            facts: WorkerFacts = await asyncio.wait_for(outcome_of(worker.handle.start.remote()), limit_s)
        except TimeoutError:
            raise RunError(f"the engine on a Ray worker did not start within {limit_s:g} s") from None
        here = version("agent-workbench")
        if facts.version != here or facts.identity != dict(self.maker.identity):
            raise RunError(
                "a Ray worker has another engine than the one that was asked for",
                where=f"host {facts.host}",
                got=f"workbench {facts.version}: {facts.identity}",
                expected=f"workbench {here}: {dict(self.maker.identity)}",
                remedy=SAME_EVERYWHERE,
            )


async def _all(calls: Any) -> None:
    """Wait for all of several awaitables; raise the first error, once all are done."""
    for outcome in await asyncio.gather(*calls, return_exceptions=True):
        if isinstance(outcome, BaseException):
            raise outcome


def _resources() -> str:
    """Return what the cluster has and what of it is free; for the control thread."""
    import ray

    all_of_it, free = ray.cluster_resources(), ray.available_resources()
    named = [
        f"{free.get(name, 0):g} of {all_of_it[name]:g} {name}" for name in ("CPU", "GPU") if all_of_it.get(name, 0)
    ]
    return f"free beside those placed: {', '.join(named) or 'no CPU and no GPU'}"
