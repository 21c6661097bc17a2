"""The workers of a run: Ray actors that hold one engine each; one that dies is started again by Ray."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import aclosing
from importlib.metadata import version
from typing import Any

from workbench.engines.protocol import Engine, Reply, Request
from workbench.engines.ray.cluster import in_ray, short_reason, unanswered
from workbench.engines.ray.dispatch import WorkerLost
from workbench.engines.ray.settings import RaySettings
from workbench.words import RunError, WorkbenchError

ASK_AGAIN_S, CONTROL_S, MOST_CALLS = 0.2, 15.0, 16_384


class EngineActor:
    """What one actor is: an engine that is opened once and answers requests, many at a time."""

    def __init__(self, make: Callable[[], Engine]) -> None:
        self._make = make
        self._engine: Engine | None = None

    async def place(self) -> None:
        """Answer, so that it is known that the worker has its place."""

    async def start(self) -> tuple[str, Mapping[str, Any]]:
        """Open the engine where it is not open; return the workbench's version and the engine's identity."""
        if self._engine is None:
            self._engine = await self._make().__aenter__()
        return version("agent-workbench"), dict(self._engine.identity)

    async def answer(self, request: Request) -> Reply | None:
        """Return the engine's first reply to a request, None where it ends without one."""

        async def source() -> AsyncIterator[Request]:
            yield request

        if self._engine is None:
            raise RuntimeError("its process was started again")
        async with aclosing(self._engine.stream(source())) as replies:
            return next((reply for reply in [reply async for reply in replies] if reply.id == request.id), None)


class RayWorker:
    """One actor as its driver sees it: a `Worker` of a dispatch; made in Ray's thread."""

    def __init__(self, settings: RaySettings, make: Callable[[], Engine], identity: Mapping[str, Any]) -> None:
        import ray

        self._settings, self._wanted = settings, (version("agent-workbench"), dict(identity))
        place = {"num_cpus": settings.cpus_per_worker, "num_gpus": settings.gpus_per_worker}
        ours: dict[str, Any] = {"scheduling_strategy": "SPREAD", "max_restarts": -1, "max_task_retries": 0}
        self.actor = ray.remote(EngineActor).options(**place, **ours, max_concurrency=MOST_CALLS).remote(make)

    async def answer(self, request: Request) -> Reply | None:
        """Return the engine's reply. Raises WorkerLost, or the WorkbenchError that the engine raised."""
        reply: Reply | None = await _result(self.actor.answer.remote(request))
        return reply

    async def revive(self, *, is_dead: bool) -> None:
        """Wait for the process that Ray starts instead of this one, which is ended if it is not. Raises as `start`."""
        import ray.exceptions

        def head_answers() -> None:
            if not is_dead:
                ray.kill(self.actor, no_restart=False)
            ray.cluster_resources()

        try:  # Ray itself would wait a minute for a head that is gone, and then end this process
            await asyncio.wait_for(asyncio.wrap_future(in_ray(head_answers)), CONTROL_S)
        except (TimeoutError, ray.exceptions.RayError) as error:
            raise unanswered(self._settings.address, short_reason(error)) from None
        await self.start()

    async def start(self) -> None:
        """Wait for a place and open the engine there.

        Raises
        ------
        RunError
            There is no place in time, the engine cannot be opened, or it is another one than was asked for.
        WorkbenchError
            What the engine raised.
        """
        settings = self._settings
        try:
            async with asyncio.timeout(settings.placement_s):
                await self._placed()
        except TimeoutError:
            raise await _no_place(settings) from None
        try:
            async with asyncio.timeout(settings.start_s):
                found = await _result(self.actor.start.remote())
        except (TimeoutError, WorkerLost) as error:
            got = str(error) or f"nothing within {settings.start_s:g} s"
            raise RunError("the engine on a Ray worker could not be started", got=got) from None
        if found != self._wanted:
            raise RunError(
                "a Ray worker has another engine than the one that was asked for",
                got=" ".join(map(str, found)),
                expected=" ".join(map(str, self._wanted)),
                remedy="install the same version of the workbench, with the same model files, on every node",
            )

    async def _placed(self) -> None:
        import ray.exceptions

        while True:
            try:
                await self.actor.place.remote()
                return
            except ray.exceptions.ActorUnavailableError:
                await asyncio.sleep(ASK_AGAIN_S)
            except ray.exceptions.RayError as error:
                raise RunError("a Ray worker could not be started", got=short_reason(error)) from None


async def _result(ref: Any) -> Any:
    """Return the result of a call; raise in the caller's terms where there is none."""
    import ray.exceptions

    try:
        return await ref
    except ray.exceptions.RayTaskError as error:
        if isinstance(error.cause, WorkbenchError):
            raise error.cause from None
        raise WorkerLost(f"its engine raised {short_reason(error.cause)}") from None
    except ray.exceptions.RayError as error:
        raise WorkerLost(short_reason(error), is_dead=True) from None


async def _no_place(settings: RaySettings) -> RunError:
    import ray.exceptions

    asked = in_ray(lambda: (ray.available_resources(), ray.cluster_resources()))
    try:
        free, every = await asyncio.wait_for(asyncio.wrap_future(asked), CONTROL_S)
    except (TimeoutError, ray.exceptions.RayError) as error:
        return unanswered(settings.address, short_reason(error))
    named = [f"{free.get(name, 0):g} of {every[name]:g} {name}" for name in ("CPU", "GPU") if every.get(name)]
    return RunError(
        f"the Ray cluster had no place for the workers within {settings.placement_s:g} s",
        where=settings.address or "a cluster on this machine",
        got=f"free beside those placed: {', '.join(named) or 'no CPU and no GPU'}",
        expected=settings.asked,
        remedy="ask for fewer or smaller workers (ray: in pilot.yaml), or wait until others are done",
    )
