"""An agent that acts, reaching the pilot's sandbox in place of its tools' own statements, while it is under load."""

from __future__ import annotations

import json
import threading
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from workbench.agents import Agent, through
from workbench.environment.connections import ReachedSystems
from workbench.environment.sandbox import RunningSandbox, running_sandbox
from workbench.pilot import Pilot
from workbench.pilot.integrations import INTEGRATIONS_FILE, placed_address, read_integrations
from workbench.records.splits import Dataset

STEP_S, ANSWERS_S = 0.05, 10.0


@dataclass(frozen=True, slots=True)
class SandboxedAgent:
    """What is put under load: an agent, and the sandbox that it reaches; None for one that reaches none.

    `clock` and `written` are the addresses of the sandbox's clock and of what was written to it.
    """

    agent: Agent
    sandbox: RunningSandbox | None = None
    clock: str | None = None
    written: str | None = None


@contextmanager
def sandboxed(pilot: Pilot, dataset: Dataset, agent: Agent) -> Iterator[SandboxedAgent]:
    """Give an agent that acts through the pilot's sandbox, which runs meanwhile; any other agent as it is.

    Raises
    ------
    InputError
        The sandbox's code cannot be used, or its operations do not fit the agent's tools.
    RunError
        It did not start.
    """
    path = pilot.suite / INTEGRATIONS_FILE
    serve = read_integrations(pilot.suite).settings.sandbox.serve if path.is_file() else None
    if serve is None or not pilot.agent(agent.name).tools:
        yield SandboxedAgent(agent)
        return
    inventory = read_integrations(pilot.suite)
    with running_sandbox(pilot, dataset.documents()) as sandbox:
        reached = through(agent, ReachedSystems(inventory, sandbox.places, sandbox.secrets))
        places = inventory.settings.sandbox.clock, inventory.settings.sandbox.written
        clock, written = (None if one is None else placed_address(one, sandbox.places) for one in places)
        yield SandboxedAgent(reached, sandbox, clock, written)


@contextmanager
def clock_ahead(under: SandboxedAgent, times: float) -> Iterator[None]:
    """Let the sandbox's clock run so many times as fast as clocks do, and have it forget what was written.

    Its rates count by that clock, so that they bind as they would in the time that passes in it; and what it keeps of
    writes for a test to look at is no leak of the system that it stands for.
    """
    if under.sandbox is None:
        yield
        return
    ended = threading.Event()

    def again_and_again() -> None:
        while not ended.wait(STEP_S):
            if under.clock is not None:
                _asked("POST", under.clock, {"advance_s": STEP_S * (times - 1.0)})
            if under.written is not None:
                _asked("DELETE", under.written)

    thread = threading.Thread(target=again_and_again, name="workbench-load-clock", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _asked(method: str, address: str, content: Mapping[str, float] | None = None) -> None:
    body = None if content is None else json.dumps(content).encode()
    asked = urllib.request.Request(address, body, {"Content-Type": "application/json"}, method=method)
    with urllib.request.urlopen(asked, timeout=ANSWERS_S):
        pass
