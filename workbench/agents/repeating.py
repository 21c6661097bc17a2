"""Agents asked once more, each repeat with a seed of its own."""

from __future__ import annotations

from dataclasses import replace

from workbench.agents.agent import Agent, KnownAs
from workbench.agents.endpoint import HttpAgent
from workbench.agents.guards import GuardedAgent
from workbench.agents.identity import REPEAT
from workbench.agents.prompted import PromptAgent
from workbench.words import InputError


def repeated(agent: Agent, number: int, temperature: float) -> KnownAs:
    """Return a repeat of an agent: a prompt at a temperature with a seed of its own, an endpoint as it answers.

    The identity is that of what is asked with the repeat in it, its temperature None where it is not ours to set.

    Raises
    ------
    InputError
        The agent is a Python callable, which answers the same every time.
    """
    agent = agent.asked if isinstance(agent, KnownAs) else agent
    if isinstance(agent, GuardedAgent):
        again = repeated(agent.asked, number, temperature)
        identity = {**agent.identity, REPEAT: again.identity[REPEAT]}
        return KnownAs(replace(agent, asked=again), again.name, identity)
    if isinstance(agent, PromptAgent):
        sampling = replace(agent.prompt.sampling, temperature=temperature, seed=agent.prompt.sampling.seed + number)
        asked: Agent = replace(agent, prompt=replace(agent.prompt, sampling=sampling))
        is_sent = agent.engine.identity.get("sent", {}).get("temperature", True)
        ours: float | None = temperature if is_sent else None
    elif isinstance(agent, HttpAgent):
        asked, ours = agent, None
    else:
        raise InputError(
            f"agent {agent.name!r} is a Python callable, which answers the same every time",
            expected="an agent that is a prompt or an endpoint",
        )
    identity = {**agent.identity, REPEAT: {"number": number, "temperature": ours}}
    return KnownAs(asked, f"{agent.name} repeat {number}", identity)
