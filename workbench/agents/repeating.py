"""Agents asked once more, each repeat with a seed of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from workbench.agents.agent import Agent
from workbench.agents.endpoint import HttpAgent
from workbench.agents.prompted import PromptAgent
from workbench.decisions import Decision
from workbench.errors import InputError
from workbench.journal import REPEAT
from workbench.records import Record


@dataclass(frozen=True, slots=True)
class RepeatedAgent:
    """An agent asked once more: the same version, but with a seed of its own, and at another temperature.

    Parameters
    ----------
    version : Agent
        The version that is repeated; its identity, and which repeat this is, are what the journal's keys are made from.
    asked : Agent
        The same agent with the repeat's sampling.
    number : int
        Which repeat, from 1.
    temperature : float, optional
        None where it is not ours to set.
    """

    version: Agent
    asked: Agent
    number: int
    temperature: float | None

    @property
    def name(self) -> str:
        """The agent's name and which repeat it is."""
        return f"{self.version.name} repeat {self.number}"

    @property
    def identity(self) -> Mapping[str, Any]:
        """The version's identity and the repeat."""
        return {**self.version.identity, REPEAT: {"number": self.number, "temperature": self.temperature}}

    @property
    def window(self) -> int:
        """As the agent has it."""
        return self.asked.window

    @property
    def deadline_s(self) -> float | None:
        """As the agent has it."""
        return self.asked.deadline_s

    def prepare(self) -> None:
        """As the agent does it."""
        self.asked.prepare()

    def decide(self, records: AsyncIterator[Record]) -> AsyncIterator[Decision]:
        """Yield the agent's decisions."""
        return self.asked.decide(records)


def repeated(agent: Agent, number: int, temperature: float) -> RepeatedAgent:
    """Return a repeat of an agent: a prompt at a temperature with a seed of its own, an endpoint as it answers.

    Raises
    ------
    InputError
        The agent is a Python callable, which answers the same every time.
    """
    if isinstance(agent, PromptAgent):
        sampling = agent.prompt.sampling
        sampling = replace(sampling, temperature=temperature, seed=sampling.seed + number)
        return RepeatedAgent(
            agent, replace(agent, prompt=replace(agent.prompt, sampling=sampling)), number, temperature
        )
    if isinstance(agent, HttpAgent):
        return RepeatedAgent(agent, agent, number, None)
    raise InputError(
        f"agent {agent.name!r} is a Python callable, which answers the same every time",
        expected="an agent that is a prompt or an endpoint",
    )
