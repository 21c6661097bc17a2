"""What a run on Ray is asked for: which cluster, how many workers, what each of them gets."""

from __future__ import annotations

import math
from dataclasses import dataclass

from workbench.errors import InputError

AUTO = "auto"
MAX_WORKERS = 1024
MAX_BATCH = 1024


@dataclass(frozen=True, slots=True)
class RaySettings:
    """Which Ray cluster is used, and what each worker on it gets.

    Parameters
    ----------
    address : str, optional
        HOST:PORT of a cluster that this machine is a node of, or "auto" for the one that runs here; None starts one on
        127.0.0.1 for as long as it is needed.
    workers : int
        Workers, each with an engine of its own.
    cpus_per_worker, gpus_per_worker : float
        What a worker reserves; with vLLM as many GPUs as its tensor_parallel_size.
    batch : int
        Requests that are sent to a worker together at most; the unit that is asked again when a worker is lost.
    placement_s : float
        Seconds the cluster has to find a place for the workers.
    start_s : float
        Seconds an engine has to start once its worker has its place: loading a large model takes minutes.
    secrets : tuple of str
        Variables of `workbench.credentials` that a cluster started here gets, for the engines of its workers; a cluster
        that runs already has its own environment.

    Raises
    ------
    InputError
        A value is out of its range, or the address is none that can be used.
    """

    address: str | None = None
    workers: int = 2
    cpus_per_worker: float = 1.0
    gpus_per_worker: float = 0.0
    batch: int = 16
    placement_s: float = 60.0
    start_s: float = 1800.0
    secrets: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name, is_right, expected in (
            ("workers", 1 <= self.workers <= MAX_WORKERS, f"1 to {MAX_WORKERS:,}"),
            ("batch", 1 <= self.batch <= MAX_BATCH, f"1 to {MAX_BATCH:,}"),
            ("cpus_per_worker", 0 <= self.cpus_per_worker < math.inf, "0 or more"),
            ("gpus_per_worker", 0 <= self.gpus_per_worker < math.inf, "0 or more"),
            ("placement_s", 0 < self.placement_s < math.inf, "more than 0 seconds"),
            ("start_s", 0 < self.start_s < math.inf, "more than 0 seconds"),
        ):
            if not is_right:
                raise InputError(
                    "a setting of the Ray engine does not fit",
                    where=f"ray: {name}",
                    got=str(getattr(self, name)),
                    expected=expected,
                )
        if self.address is not None:
            host_and_port(self.address)

    @property
    def asked(self) -> str:
        """The workers and what each reserves, for a reader."""
        each = f"{self.cpus_per_worker:g} CPU and {self.gpus_per_worker:g} GPU"
        return f"{self.workers:,} workers of {each} each" if self.workers > 1 else f"1 worker of {each}"


def host_and_port(address: str) -> tuple[str, int] | None:
    """Return host and port of a cluster's address, None for "auto".

    Raises
    ------
    InputError
        The address is neither.

    Examples
    --------
    >>> host_and_port("10.0.0.5:6379")
    ('10.0.0.5', 6379)
    """
    if address == AUTO:
        return None
    host, _, port = address.rpartition(":")
    if "/" in address or not host or not (port.isascii() and port.isdigit() and 0 < int(port) < 2**16):
        raise InputError(
            "the address of the Ray cluster cannot be used",
            where="--ray-address",
            got=address,
            expected="HOST:PORT of the cluster's head, or auto",
            remedy="run the workbench on a node of the cluster; ray:// addresses are for Ray Client, which it does "
            "not use",
        )
    return host.strip("[]"), int(port)
