"""The registry of engines: each kind has a folder here, and a line below by which pilot.yaml gets its section."""

from __future__ import annotations

from typing import Self

from pydantic import field_validator, model_validator

from workbench.engines.pocket.settings import PocketSettings
from workbench.engines.ray.settings import RaySettings
from workbench.engines.server.settings import ServerSettings
from workbench.engines.settings import EngineSettings
from workbench.engines.vllm.settings import VllmSettings
from workbench.files import Settings


class EngineSections(Settings):
    """The part of pilot.yaml about engines: `engine` names what answers prompts, a section sets up each kind."""

    engine: str = ServerSettings.kind
    pocket: PocketSettings = PocketSettings()
    server: ServerSettings = ServerSettings()
    vllm: VllmSettings = VllmSettings()
    ray: RaySettings = RaySettings()

    @field_validator("engine")
    @classmethod
    def _is_one(cls, engine: str) -> str:
        if engine not in KINDS:
            raise ValueError(f"one of {', '.join(KINDS)}")
        return engine

    @model_validator(mode="after")
    def _workers_have_an_engine(self) -> Self:
        if self.engine == RaySettings.kind and self.ray.engine is None:
            raise ValueError("engine: ray needs ray: {engine: ...}, the engine on its workers: pocket, server or vllm")
        return self

    def section(self, kind: str) -> EngineSettings:
        """Return the settings of one of KINDS."""
        found: EngineSettings = getattr(self, kind)
        return found

    @property
    def secrets(self) -> tuple[str, ...]:
        """The variables that the keys of all engines come from."""
        return tuple(name for kind in KINDS for name in self.section(kind).secrets)


KINDS = tuple(name for name in EngineSections.model_fields if name != "engine")
