"""One actor: how it is asked, and what became of it where it does not answer."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from workbench.engines.protocol import Reply, Request
from workbench.engines.ray.cluster import reason_of
from workbench.engines.ray.protocol import WorkerLost
from workbench.errors import RunError, WorkbenchError

SAME_EVERYWHERE = "install the same version of the workbench, with the same model files, on every node of the cluster"


class RayWorker:
    """One actor, as the `Worker` of a dispatch."""

    def __init__(self, handle: Any) -> None:
        self.handle = handle

    async def answer(self, requests: Sequence[Request]) -> Sequence[Reply]:
        """Return the replies of the engine on this worker.

        Raises
        ------
        WorkerLost
            The actor died or cannot be reached, or its engine raised something else than a WorkbenchError.
        """
        import ray.exceptions

        try:
            replies: list[Reply] = await self.handle.answer.remote(requests)
        except ray.exceptions.RayTaskError as error:
            if isinstance(error.cause, WorkbenchError):
                raise error.cause from None
            raise WorkerLost(f"its engine raised {reason_of(error.cause)}") from None
        except ray.exceptions.RayError as error:
            raise WorkerLost(_death(error)) from None
        return replies

    async def is_up(self, limit_s: float) -> bool:
        """Return whether the actor answers within a time."""
        try:
            await asyncio.wait_for(self.handle.place.remote(), limit_s)
        except Exception:  # whatever it is, this actor is of no use
            return False
        return True

    def kill(self) -> None:
        """End the actor at once; for the control thread, because it waits when the head is gone."""
        import ray

        with suppress(Exception):  # it is gone already, or so is the cluster
            ray.kill(self.handle, no_restart=True)


async def outcome_of(ref: Any) -> Any:
    """Return the result of a call that starts a worker; raise in the caller's terms where there is none."""
    import ray.exceptions

    try:
        return await ref
    except ray.exceptions.RayTaskError as error:
        if isinstance(error.cause, WorkbenchError):
            raise error.cause from None
        raise RunError("the engine on a Ray worker could not be started", got=reason_of(error.cause)) from None
    except ray.exceptions.RayError as error:
        raise RunError("a Ray worker could not be started", got=_death(error), remedy=SAME_EVERYWHERE) from None


def _death(error: BaseException) -> str:
    """Return why an actor is gone, from Ray's text of many lines: the cause, or the error that making it raised."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    telling = next((line for line in lines if line.startswith("The actor is dead")), None)
    if telling is None:
        telling = lines[-1] if "creation task" in lines[0] else lines[0]
    return telling.partition(" Some common causes")[0]
