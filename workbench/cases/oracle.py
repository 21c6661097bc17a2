"""The policy as a function says what is expected; an agent that is that function would be held against itself."""

from __future__ import annotations

from workbench.agents import Agent
from workbench.agents.callables import PilotFunction
from workbench.pilot import Pilot, Process
from workbench.words import InputError


def check_is_another(pilot: Pilot, agent: Agent, process: Process | None) -> None:
    """Refuse an agent that is made of the file in which the process specification has its policy.

    Files are compared by digest, whatever their names. What both of them read, such as how a number is written, may be
    shared.

    Raises
    ------
    InputError
        The agent is the policy, or asks it.
    """
    if process is None or process.python is None:
        return
    place = pilot.suite.relative_to(pilot.root).as_posix()
    policy = PilotFunction(pilot.root, f"{place}/{process.python}")
    file = f"{place}/{process.python.partition(':')[0]}"
    digest = policy.digests(())[file]
    code = agent.identity.get("code", {})
    shared = sorted(name for name, one in code.items() if one == digest)
    if shared:
        raise InputError(
            f"agent {agent.name!r} and what its cases expect are the same function",
            where=f"{pilot.suite / 'process.yaml'}, python: {process.python}",
            got=f"{', '.join(shared)} is in the agent too",
            expected="a policy written apart from every agent",
        )
