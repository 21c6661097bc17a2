"""Descriptions of engines: small, frozen, without secrets, fit to travel to another machine; and building from them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from workbench.credentials import secret
from workbench.engines.http import CallPolicy
from workbench.engines.protocol import Engine
from workbench.engines.server import ServerConnection, ServerEngine
from workbench.pilot import SendSettings

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
    """A model behind an OpenAI-compatible server; where the engine is built, the key is that of `api_key_env`.

    `send`, `version` and `memory` are as `workbench.engines.server.ServerConnection` says.
    """

    base_url: str
    model: str
    api_key_env: str
    concurrency: int
    deadline_s: float
    max_attempts: int
    send: SendSettings = SendSettings()
    version: str | None = None
    memory: Path | None = None


@dataclass(frozen=True, slots=True)
class RaySpec:
    """One of the other engines on every worker of a Ray cluster."""

    inner: InnerEngine
    settings: RaySettings


InnerEngine: TypeAlias = "PocketSpec | ServerSpec | VllmSettings"
EngineSpec: TypeAlias = "InnerEngine | RaySpec"


def travelling(spec: InnerEngine) -> InnerEngine:
    """Return a description as another machine gets it: without the file that this one remembers servers by."""
    return replace(spec, memory=None) if isinstance(spec, ServerSpec) else spec


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
        connection = ServerConnection(
            spec.base_url,
            spec.model,
            key,
            spec.concurrency,
            policy,
            send=spec.send,
            version=spec.version,
            memory=spec.memory,
        )
        return ServerEngine(connection)
    if isinstance(spec, PocketSpec):
        from workbench.engines.pocket import PocketEngine

        return PocketEngine(spec.model, threads=spec.threads)
    if isinstance(spec, RaySpec):
        from workbench.engines.ray import RayEngine

        return RayEngine(spec.inner, spec.settings)
    from workbench.engines.vllm import VllmEngine

    return VllmEngine(spec)
