"""Agents in a test: about records made of others, with faults of their tools, or through the systems' sandboxes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pandas as pd

from workbench.agents.agent import Agent, KnownAs
from workbench.agents.callables import Training
from workbench.agents.endpoint import HttpAgent
from workbench.agents.guards import GuardedAgent
from workbench.agents.identity import THROUGH
from workbench.agents.prompted import PromptAgent
from workbench.agents.python import PythonAgent
from workbench.environment import Environment, ToolFault
from workbench.environment.connections import ReachedSystems
from workbench.words import InputError

NO_FAULTS: Mapping[str, tuple[ToolFault, ...]] = {}
NO_TEXTS: Mapping[str, Mapping[str, str]] = {}


def standing_for(
    agent: Agent,
    bases: Mapping[str, str],
    faults: Mapping[str, tuple[ToolFault, ...]] = NO_FAULTS,
    injected: Mapping[str, Mapping[str, str]] = NO_TEXTS,
) -> Agent:
    """Return an agent that decides made records as it decides those that they were made from.

    One that learns decides a development record by a model that did not see it; so it must be with what is made of one.
    Its identity stays: that a record's tools have faults, or an attacker's text in what they return, makes it another
    record.

    Parameters
    ----------
    bases : mapping
        Id of a made record to that of the record it was made from.
    faults : mapping
        Id of a made record to the faults that tools have in its decision.
    injected : mapping
        Id of a made record to the texts that stand behind what its tables hold, by TABLE.COLUMN.
    """
    if isinstance(agent, KnownAs):
        asked = standing_for(agent.asked, bases, faults, injected)
        return KnownAs(asked, agent.name, agent.identity, agent.patience)
    if isinstance(agent, GuardedAgent):
        return replace(agent, asked=standing_for(agent.asked, bases, faults, injected))
    if isinstance(agent, PythonAgent | HttpAgent | PromptAgent) and agent.acting is not None and (faults or injected):
        agent = replace(agent, acting=replace(agent.acting, faults=faults, injected=injected))
    if isinstance(agent, PythonAgent) and agent.task.training is not None:
        return replace(agent, task=replace(agent.task, training=_knowing(agent.task.training, bases)))
    return agent


def through(agent: Agent, reached: ReachedSystems) -> Agent:
    """Return an agent whose tools go to the systems that stand behind them; its decisions are another version's.

    Raises
    ------
    InputError
        The agent does not act, or the operations do not fit its tools.
    """
    if isinstance(agent, KnownAs):
        asked = through(agent.asked, reached)
        return KnownAs(asked, agent.name, {**agent.identity, THROUGH: reached.identity}, agent.patience)
    if isinstance(agent, GuardedAgent):
        return replace(agent, asked=through(agent.asked, reached))
    acting = agent.acting if isinstance(agent, PythonAgent | HttpAgent | PromptAgent) else None
    if acting is None:
        raise InputError(
            f"agent {agent.name!r} does not act, so there is nothing that it does through a system",
            expected="an agent with `tools: true` in pilot.yaml",
        )
    reached.check(acting.environment)
    acting = replace(acting, reached=reached)
    if isinstance(agent, PythonAgent):
        return replace(agent, acting=acting, identity={**agent.identity, **acting.in_identity})
    assert isinstance(agent, HttpAgent | PromptAgent)
    return replace(agent, acting=acting)


def in_environment(agent: Agent, environment: Environment) -> Agent:
    """Return an agent that acts in another environment, its identity as it is; one without tools stays.

    Parameters
    ----------
    environment : Environment
        With the same tools.
    """
    if isinstance(agent, KnownAs):
        return KnownAs(in_environment(agent.asked, environment), agent.name, agent.identity, agent.patience)
    if isinstance(agent, GuardedAgent):
        return replace(agent, asked=in_environment(agent.asked, environment))
    if isinstance(agent, PythonAgent | HttpAgent | PromptAgent) and agent.acting is not None:
        return replace(agent, acting=replace(agent.acting, environment=environment))
    return agent


def _knowing(training: Training, bases: Mapping[str, str]) -> Training:
    """Return what an agent learns from, with the fold of each made record: that of its base."""
    folds = training.folds
    made = {name: int(folds[base]) for name, base in bases.items() if base in folds.index and name not in folds.index}
    return replace(training, folds=pd.concat([folds, pd.Series(made, index=list(made), dtype=folds.dtype)]))
