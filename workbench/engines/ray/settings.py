"""What a run on Ray is asked for: which cluster, how many workers, what each of them gets."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Self

from pydantic import Field, PrivateAttr, field_validator

from workbench.engines.protocol import Engine
from workbench.engines.settings import ChoiceMade, EngineSettings
from workbench.words import InputError

if TYPE_CHECKING:
    from workbench.engines.kinds import EngineSections


class RaySettings(EngineSettings):
    """A Ray cluster and the engine on its workers.

    `address` is HOST:PORT of a cluster that this machine is a node of, or "auto" for the one that runs here; without it
    one is started on 127.0.0.1 for as long as it is needed. Each of the `workers` has an `engine` of its own (without
    it the pilot's) and reserves CPUs and GPUs: with vLLM as many GPUs as its tensor_parallel_size.
    """

    kind: ClassVar[str] = "ray"
    options: ClassVar[frozenset[str]] = frozenset({"ray_address"})
    placement_s: ClassVar[float] = 60.0  # the cluster's time to find a place for the workers
    start_s: ClassVar[float] = 1800.0  # an engine's time to start on its worker: a large model takes minutes to load

    address: str | None = None
    workers: int = Field(default=2, ge=1, le=1024)
    engine: str | None = None
    cpus_per_worker: float = Field(default=1.0, ge=0, allow_inf_nan=False)
    gpus_per_worker: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    _inner: EngineSettings | None = PrivateAttr(default=None)  # of the workers' engine, once these are completed

    @field_validator("engine")
    @classmethod
    def _is_inner(cls, engine: str | None) -> str | None:
        from workbench.engines.kinds import KINDS

        inner = [kind for kind in KINDS if kind != cls.kind]
        if engine is not None and engine not in inner:
            raise ValueError(f"the engine on Ray's workers is one of {', '.join(inner)}")
        return engine

    @property
    def inner(self) -> EngineSettings | None:
        """The completed settings of the engine on the workers; None where these are not completed."""
        return self._inner

    @property
    def secrets(self) -> tuple[str, ...]:
        """Variables that a cluster started here gets; one that runs already has its own environment."""
        return () if self._inner is None or self.address is not None else self._inner.secrets

    @property
    def asked(self) -> str:
        """The workers and what each reserves, for a reader."""
        return f"{self.workers:,} workers of {self.cpus_per_worker:g} CPU and {self.gpus_per_worker:g} GPU each"

    def answering(self, sections: EngineSections) -> EngineSettings:
        """Return the settings of the engine on the workers."""
        return sections.section(self.engine or sections.engine)

    def completed(self, asked: ChoiceMade) -> Self:
        """Return these settings with the cluster that a run names and those of the workers' engine.

        Raises InputError where the address is none that can be used, and as the workers' engine does.
        """
        address = asked.choice.ray_address or self.address
        whole = self.model_copy(update={"address": address})
        if address is not None:
            host_and_port(address)
        whole._inner = self.answering(asked.sections).completed(asked).sharing(self.cpus_per_worker)
        return whole

    def build(self, runs: Path | None = None) -> Engine:
        """Return the engine. Raises InputError where Ray is not installed, or as the workers' engine does."""
        from workbench.engines.ray.engine import RayEngine

        if self._inner is None:
            raise RuntimeError("these settings are not completed")
        return RayEngine(self._inner, self)


def host_and_port(address: str) -> tuple[str, int] | None:
    """Return host and port of a cluster's address, None for "auto". Raises InputError where it is neither."""
    if address == "auto":
        return None
    host, _, port = address.rpartition(":")
    if "/" in address or not host or not (port.isascii() and port.isdigit() and 0 < int(port) < 2**16):
        raise InputError(
            "the address of the Ray cluster cannot be used",
            where="--ray-address",
            got=address,
            expected="HOST:PORT of the cluster's head, or auto",
            remedy="run the workbench on a node of the cluster; ray:// is for Ray Client, which it does not use",
        )
    return host.strip("[]"), int(port)
