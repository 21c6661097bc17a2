"""Descriptions of engines: small, frozen, without secrets, fit to travel to another machine; and building from them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from workbench.credentials import secret
from workbench.engines.http import CallPolicy
from workbench.engines.protocol import Engine
from workbench.engines.server import ServerConnection, ServerEngine

if TYPE_CHECKING:
    from workbench.engines.ray import RaySettings
    from workbench.engines.vllm import VllmSettings


@dataclass(frozen=True, slots=True)
class PocketSpec:
    """The pocket engine on a model in a folder; None is the packaged model, and as many threads as there are cores."""

    model: Path | None = None
    threads: int | None = None


@dataclass(frozen=True, slots=True)
class ServerSpec:
    """A model behind an OpenAI-compatible server; where the engine is built, the key is that of `api_key_env`."""

    base_url: str
    model: str
    api_key_env: str
    concurrency: int
    deadline_s: float
    max_attempts: int


@dataclass(frozen=True, slots=True)
class RaySpec:
    """One of the other engines on every worker of a Ray cluster."""

    inner: InnerEngine
    settings: RaySettings


InnerEngine: TypeAlias = "PocketSpec | ServerSpec | VllmSettings"
EngineSpec: TypeAlias = "InnerEngine | RaySpec"


def built(spec: EngineSpec) -> Engine:
    """Return the engine that a description stands for; it is started by `async with`, again for every run.

    Raises
    ------
    InputError
        A package the engine needs is not installed, or its settings do not fit.
    """
    if isinstance(spec, ServerSpec):
        policy = CallPolicy(deadline_s=spec.deadline_s, max_attempts=spec.max_attempts)
        key = secret(spec.api_key_env) or None
        return ServerEngine(ServerConnection(spec.base_url, spec.model, key, spec.concurrency, policy))
    if isinstance(spec, PocketSpec):
        from workbench.engines.pocket import PocketEngine

        return PocketEngine(spec.model, threads=spec.threads)
    if isinstance(spec, RaySpec):
        from workbench.engines.ray import RayEngine

        return RayEngine(spec.inner, spec.settings)
    from workbench.engines.vllm import VllmEngine

    return VllmEngine(spec)
