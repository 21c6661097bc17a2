"""What a dispatch needs of those who do the work, wherever they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from workbench.engines.protocol import FailureCause, Reply, Request

MAX_REASON = 200


class WorkerLost(Exception):  # noqa: N818 - an event that is handled, not an error a user sees
    """A worker died, cannot be reached, or did not answer in time; what it was asked may be asked again."""

    def __init__(self, reason: str, cause: FailureCause = FailureCause.NO_REPLY) -> None:
        super().__init__(reason)
        self.reason = reason[:MAX_REASON]
        self.cause = cause


class Worker(Protocol):
    """Something that answers a few requests at once."""

    async def answer(self, requests: Sequence[Request]) -> Sequence[Reply]:
        """Return replies to these requests; raise WorkerLost when there will be none."""
        ...


class Crew(Protocol):
    """The workers of a run."""

    @property
    def workers(self) -> Sequence[Worker]:
        """Those that are up."""
        ...

    async def replace(self, worker: Worker) -> Worker:
        """End a lost worker and return a new one; raise a WorkbenchError when there can be none."""
        ...


@dataclass(frozen=True, slots=True)
class Load:
    """How work is cut and how long it may take.

    Parameters
    ----------
    batch : int
        Requests in a micro-batch at most.
    batches_per_worker : int
        Micro-batches that a worker has at most.
    patience_s : float
        Seconds after which a worker that has not answered a micro-batch counts as lost.
    """

    batch: int
    batches_per_worker: int
    patience_s: float
