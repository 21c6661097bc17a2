"""The choice of an engine: what a run names, completed from pilot.yaml, as a description to build."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Self

from workbench.engines.build import EngineSpec, InnerEngine, PocketSpec, RaySpec, ServerSpec
from workbench.engines.served import MEMORY_FILE
from workbench.engines.server import base_address
from workbench.errors import InputError
from workbench.pilot import EngineKind, Pilot

if TYPE_CHECKING:
    from workbench.engines.vllm import VllmSettings


@dataclass(frozen=True, slots=True)
class EngineChoice:
    """Which engine answers prompts; what is None is taken from pilot.yaml.

    Parameters
    ----------
    kind : EngineKind, optional
        Where it is None and `base_url` is given, the server engine.
    base_url : str, optional
        Address of an OpenAI-compatible server.
    model : str, optional
        The model's name on the server; a folder, the id on a hub or `pocket` (the model that ships with the workbench)
        for vLLM; a folder for the pocket engine.
    ray_address : str, optional
        Address of a Ray cluster.
    """

    kind: EngineKind | None = None
    base_url: str | None = None
    model: str | None = None
    ray_address: str | None = None

    @classmethod
    def named(
        cls,
        engine: str | None = None,
        *,
        base_url: str | None = None,
        model: str | None = None,
        ray_address: str | None = None,
    ) -> Self:
        """Return the choice of an engine by its name. Raises InputError where there is no such engine."""
        kinds = [kind.value for kind in EngineKind]
        if engine is not None and engine not in kinds:
            raise InputError(f"there is no engine {engine!r}", expected=", ".join(kinds))
        return cls(None if engine is None else EngineKind(engine), base_url, model, ray_address)


def settled(pilot: Pilot, choice: EngineChoice) -> EngineChoice:
    """Return a choice that says which engine it means, a model's folder by its whole path.

    Raises
    ------
    InputError
        Options belong to different engines.
    """
    kind = _kind(pilot, choice)
    answering = _answering(pilot, kind)
    where = f"pilot {pilot.name}, engine {kind.value}"
    if choice.base_url is not None and answering is not EngineKind.SERVER:
        raise InputError(
            "a server's address is given to an engine that asks no server",
            where=where,
            got=f"--base-url with {_with_workers(kind, answering)}",
            remedy="leave out --base-url, or give --engine server",
        )
    if choice.ray_address is not None and kind is not EngineKind.RAY:
        raise InputError(
            "the address of a Ray cluster is given to an engine that does not run on Ray",
            where=where,
            got=f"--ray-address with {_with_workers(kind, answering)}",
            remedy="leave out --ray-address, or give --engine ray",
        )
    model = choice.model
    if model is not None and answering is not EngineKind.SERVER and Path(model).is_dir():
        model = str(Path(model).resolve())
    return replace(choice, kind=kind, model=model)


def movable(pilot: Pilot, choice: EngineChoice) -> EngineChoice:
    """Return a choice that means the same where the root is another: a model's folder by its whole path.

    Raises InputError as `settled`.
    """
    whole = settled(pilot, choice)
    model = whole.model or pilot.settings.vllm.model
    if model is None or _answering(pilot, _kind(pilot, whole)) is not EngineKind.VLLM:
        return whole
    return replace(whole, model=_model_place(pilot, model))


def needed_secrets(pilot: Pilot, choice: EngineChoice) -> tuple[str, ...]:
    """Return the variables that an engine's keys come from: that of the server, where one is asked."""
    asks_server = _answering(pilot, _kind(pilot, choice)) is EngineKind.SERVER
    return (pilot.settings.server.api_key_env,) if asks_server else ()


def engine_spec(pilot: Pilot, choice: EngineChoice) -> EngineSpec:
    """Return the description of the engine that answers a pilot's prompts.

    Raises
    ------
    InputError
        Options belong to different engines, something the engine needs is not given, or a model's folder is not there.
    """
    choice = settled(pilot, choice)
    kind = _kind(pilot, choice)
    inner = _inner_spec(pilot, _answering(pilot, kind), choice)
    if kind is not EngineKind.RAY:
        return inner
    from workbench.engines.ray import RaySettings

    options = pilot.settings.ray
    given = options.model_dump(exclude={"engine", "address"}, exclude_none=True)
    address = choice.ray_address or options.address
    secrets = needed_secrets(pilot, choice) if address is None else ()
    settings = RaySettings(address=address, secrets=secrets, **given)
    if isinstance(inner, PocketSpec):
        inner = replace(inner, threads=max(1, int(settings.cpus_per_worker)))
    return RaySpec(inner, settings)


def _kind(pilot: Pilot, choice: EngineChoice) -> EngineKind:
    """Return the engine that is meant: the one named, else the server whose address is given, else the pilot's."""
    return choice.kind or (EngineKind.SERVER if choice.base_url is not None else pilot.settings.engine)


def _answering(pilot: Pilot, kind: EngineKind) -> EngineKind:
    """Return the engine that holds or asks the model: on Ray the one of its workers, else the engine itself."""
    if kind is not EngineKind.RAY:
        return kind
    return pilot.settings.ray.engine or pilot.settings.engine


def _with_workers(kind: EngineKind, answering: EngineKind) -> str:
    return f"engine {kind.value}" + (f" ({answering.value} on its workers)" if kind is EngineKind.RAY else "")


def _inner_spec(pilot: Pilot, kind: EngineKind, choice: EngineChoice) -> InnerEngine:
    if kind is EngineKind.SERVER:
        return _server_spec(pilot, choice)
    if kind is EngineKind.VLLM:
        return _vllm_settings(pilot, choice)
    return _pocket_spec(choice)


def _pocket_spec(choice: EngineChoice) -> PocketSpec:
    if choice.model is None:
        return PocketSpec()
    if not Path(choice.model).is_dir():
        raise InputError(
            "the pocket engine's model is not there",
            where="--model",
            got=choice.model,
            expected="a folder with config.json, model.safetensors and tokenizer.json",
            remedy="leave out --model for the model that ships with the workbench",
        )
    return PocketSpec(Path(choice.model))


def _server_spec(pilot: Pilot, choice: EngineChoice) -> ServerSpec:
    server = pilot.settings.server
    base_url, model = choice.base_url or server.base_url, choice.model or server.model
    missing = [option for option, value in (("--base-url", base_url), ("--model", model)) if value is None]
    if base_url is None or model is None:
        raise InputError(
            "a prompt needs an engine, and the server's settings are not complete",
            where=f"pilot {pilot.name}",
            got=f"no {' and no '.join(missing)}",
            remedy="give --engine server --base-url URL --model NAME, or set server: in pilot.yaml",
        )
    # What is declared of the server in pilot.yaml says nothing of another one that is named instead.
    is_declared = server.base_url is None or base_address(base_url) == base_address(server.base_url)
    return ServerSpec(
        base_url,
        model,
        server.api_key_env,
        server.concurrency,
        server.deadline_s,
        server.max_attempts,
        server.send,
        server.version if is_declared else None,
        pilot.runs / MEMORY_FILE,
    )


def _vllm_settings(pilot: Pilot, choice: EngineChoice) -> VllmSettings:
    options = pilot.settings.vllm
    model = choice.model or options.model
    if model is None:
        raise InputError(
            "the vLLM engine has no model",
            where=f"pilot {pilot.name}",
            got="no --model",
            expected="a folder with a model, its id on a hub, or pocket for the model that ships with the workbench",
            remedy="give --engine vllm --model FOLDER, or set vllm: {model: FOLDER} in pilot.yaml",
        )
    from workbench.engines.vllm import VllmSettings

    given = options.model_dump(exclude={"model"}, exclude_none=True)
    return VllmSettings(model=_model_place(pilot, model), **given)


def _model_place(pilot: Pilot, model: str) -> str:
    """Return a model's folder, as it is named or under the root, that of the packaged model, or else the name."""
    for folder in (Path(model), pilot.root / model):
        if folder.is_dir():
            return str(folder.resolve())
    if model == EngineKind.POCKET:
        from workbench.engines.pocket import PACKAGED

        return str(PACKAGED)
    return model
