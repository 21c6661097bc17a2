"""The engine of a pilot's prompts: what a run names of it, completed from pilot.yaml."""

from __future__ import annotations

from dataclasses import replace

from workbench.engines import ChoiceMade, Engine, EngineChoice, EngineSettings
from workbench.pilot import Pilot
from workbench.words import InputError


def settled_choice(pilot: Pilot, choice: EngineChoice) -> EngineChoice:
    """Return a choice that says which engine it means, and means the same in another folder and under another root.

    Raises
    ------
    InputError
        Options belong to different engines.
    """
    engine = _named(pilot, choice)
    section, answering = pilot.settings.section(engine), _answering(pilot, choice)
    workers = "" if section is answering else f" ({answering.kind} on its workers)"
    if choice.base_url is not None and "base_url" not in answering.options:
        raise InputError(
            "a server's address is given to an engine that asks no server",
            where=f"pilot {pilot.name}, engine {engine}",
            got=f"--base-url with engine {engine}{workers}",
            remedy="leave out --base-url, or give --engine server",
        )
    if choice.ray_address is not None and "ray_address" not in section.options:
        raise InputError(
            "the address of a Ray cluster is given to an engine that does not run on Ray",
            where=f"pilot {pilot.name}, engine {engine}",
            got=f"--ray-address with engine {engine}{workers}",
            remedy="leave out --ray-address, or give --engine ray",
        )
    return replace(choice, engine=engine, model=answering.from_anywhere(choice.model, pilot.root))


def needed_secrets(pilot: Pilot, choice: EngineChoice) -> tuple[str, ...]:
    """Return the variables that an engine's keys come from: that of the server, where one is asked."""
    return _answering(pilot, choice).secrets


def engine_settings(pilot: Pilot, choice: EngineChoice) -> EngineSettings:
    """Return the completed settings of the engine that answers a pilot's prompts.

    Raises
    ------
    InputError
        Options belong to different engines, something the engine needs is not given, or a model's folder is not there.
    """
    choice = settled_choice(pilot, choice)
    return pilot.settings.section(_named(pilot, choice)).completed(
        ChoiceMade(choice, pilot.name, pilot.root, pilot.settings)
    )


def engine_for(pilot: Pilot, choice: EngineChoice) -> Engine:
    """Return the engine that answers a pilot's prompts. Raises InputError as `engine_settings` and the engine do."""
    return engine_settings(pilot, choice).build(pilot.runs)


def _named(pilot: Pilot, choice: EngineChoice) -> str:
    """Return the engine that is meant: the one named, else the server whose address is given, else the pilot's."""
    return choice.engine or (pilot.settings.server.kind if choice.base_url is not None else pilot.settings.engine)


def _answering(pilot: Pilot, choice: EngineChoice) -> EngineSettings:
    """Return the section of the engine that holds or asks the model: on Ray the one of its workers."""
    return pilot.settings.section(_named(pilot, choice)).answering(pilot.settings)
