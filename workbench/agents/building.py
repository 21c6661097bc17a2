"""An agent of a pilot, ready to decide: its prompt with an engine, its callable or its endpoint."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import replace

from workbench.agents.acting import acting_of, version_of
from workbench.agents.agent import Agent, KnownAs
from workbench.agents.endpoint import HttpAgent
from workbench.agents.engines import engine_for, settled_choice
from workbench.agents.guards import with_guards
from workbench.agents.identity import RECALIBRATED
from workbench.agents.prompted import PromptAgent, prompt_agent
from workbench.agents.python import python_agent
from workbench.engines import CallPolicy, Engine, EngineChoice
from workbench.pilot import Pilot
from workbench.records.splits import Dataset


def build_agent(pilot: Pilot, name: str, dataset: Dataset, choice: EngineChoice) -> Agent:
    """Return an agent of the pilot, ready to decide; nothing is asked and no code of the pilot is run."""
    return agent_with(pilot, name, dataset, shared_engine(pilot, choice))


def agent_with(pilot: Pilot, name: str, dataset: Dataset, engine: Callable[[], Engine]) -> Agent:
    """Return an agent of the pilot; `engine` gives the engine where the agent is a prompt.

    The guards of the pilot are around it. Where its confidence is recalibrated it is another version, of which the same
    is asked.

    Raises
    ------
    InputError
        A file of the agent does not fit, or a guard has nothing to go by.
    """
    agent = _asked(pilot, name, dataset, engine)
    preparation = agent.preparation if isinstance(agent, PromptAgent) else None
    asked, way = with_guards(agent, pilot, dataset.labels, preparation), pilot.agent(name).recalibrate
    return asked if way is None else KnownAs(asked, name, {**asked.identity, RECALIBRATED: way.value})


def _asked(pilot: Pilot, name: str, dataset: Dataset, engine: Callable[[], Engine]) -> Agent:
    settings, server = pilot.agent(name), pilot.settings.server
    if settings.python is not None:
        return python_agent(pilot, name, settings, dataset)
    if settings.http is not None:
        policy = CallPolicy(deadline_s=server.deadline_s, max_attempts=server.max_attempts)
        asked = HttpAgent(name, settings.http, dataset.labels, policy, server.concurrency, settings.version)
        if not settings.tools:
            return asked
        acting = acting_of(pilot, settings.role)
        acting = replace(acting, version=version_of({**asked.identity, "acts": acting.identity}))
        return replace(asked, acting=acting)
    return prompt_agent(pilot, name, settings, dataset, engine())


def shared_engine(pilot: Pilot, choice: EngineChoice) -> Callable[[], Engine]:
    """Return a function that gives the one engine of a choice, built when a prompt first needs it."""
    choice = settled_choice(pilot, choice)
    return functools.cache(lambda: engine_for(pilot, choice))
