"""Agents with memory across decisions, whatever is around them."""

from __future__ import annotations

from workbench.agents.acting import Acting
from workbench.agents.agent import Agent, KnownAs
from workbench.agents.guards import GuardedAgent


def remembering(agent: Agent) -> Acting | None:
    """Return what an agent acts on that has memory across decisions, None for one without memory."""
    while isinstance(agent, KnownAs | GuardedAgent):
        agent = agent.asked
    acting: Acting | None = getattr(agent, "acting", None)
    return None if acting is None or acting.environment.by is None else acting
