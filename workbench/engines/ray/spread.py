"""One call for each item, each on a worker of its own of a cluster."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from workbench.engines.ray.cluster import in_ray, join, leave, short_reason
from workbench.engines.ray.engine import end_kept
from workbench.engines.ray.settings import RaySettings
from workbench.words import RunError, WorkbenchError

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")


def on_workers(settings: RaySettings, call: Callable[[ItemT], ResultT], items: Sequence[ItemT]) -> list[ResultT]:
    """Return the results of a function, called for each item at the same time on the workers of a Ray cluster.

    Parameters
    ----------
    settings : RaySettings
        The cluster, and what each call reserves.
    call : callable
        A function of a module that every node has.

    Raises
    ------
    RunError
        The cluster does not answer, or a worker was lost.
    WorkbenchError
        What a call raised.
    """

    def called() -> list[ResultT]:
        import ray
        import ray.exceptions

        end_kept()  # workers that wait for another run of this process hold the place of these
        join(settings)
        try:
            place: dict[str, Any] = {"num_cpus": settings.cpus_per_worker, "num_gpus": settings.gpus_per_worker}
            task = ray.remote(call).options(**place, scheduling_strategy="SPREAD", max_retries=0)
            found: list[ResultT] = ray.get([task.remote(item) for item in items])
            return found
        except ray.exceptions.RayError as error:
            cause = getattr(error, "cause", None)
            if isinstance(cause, WorkbenchError):
                raise cause from None
            raise RunError("a call on a Ray worker failed", got=short_reason(error)) from None
        finally:
            leave()

    return in_ray(called).result()
