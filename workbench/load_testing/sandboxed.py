"""An agent that acts, reaching the pilot's sandbox in place of its tools' own statements, while it is under load."""

from __future__ import annotations

import json
import threading
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace

from workbench.agents import Agent, through
from workbench.environment.connections import ReachedSystems
from workbench.environment.sandbox import RunningSandbox, running_sandbox
from workbench.pilot import Pilot
from workbench.pilot.integrations import INTEGRATIONS_FILE, placed_address, read_integrations
from workbench.records.splits import Dataset

STEP_S, FORGOTTEN_S, ANSWERS_S = 0.2, 1.0, 10.0


@dataclass(frozen=True, slots=True)
class SandboxedAgent:
    """What is put under load: an agent, and the sandbox that it reaches; None for one that reaches none.

    `unpaced` is the same agent without the pauses by which it keeps to the systems' rates: where the sandbox's clock
    runs faster, more calls a second are within them. `clock` and `written` are the addresses of the sandbox's clock and
    of what was written to it.
    """

    agent: Agent
    unpaced: Agent
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
        yield SandboxedAgent(agent, agent)
        return
    inventory = read_integrations(pilot.suite)
    with running_sandbox(pilot, dataset.documents()) as sandbox:
        reached = ReachedSystems(inventory, sandbox.places, sandbox.secrets)
        paced, unpaced = (through(agent, one) for one in (reached, replace(reached, is_paced=False)))
        places = inventory.settings.sandbox.clock, inventory.settings.sandbox.written
        clock, written = (None if one is None else placed_address(one, sandbox.places) for one in places)
        yield SandboxedAgent(paced, unpaced, sandbox, clock, written)


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

    step_s = STEP_S if times > 1.0 else FORGOTTEN_S  # no more of the sandbox's time is taken than this needs

    def again_and_again() -> None:
        moved_s = 0.0
        while not ended.wait(step_s):
            moved_s += step_s
            if under.clock is not None and times > 1.0:
                _asked("POST", under.clock, {"advance_s": step_s * (times - 1.0)})
            if under.written is not None and moved_s >= FORGOTTEN_S:
                _asked("DELETE", under.written)
                moved_s = 0.0

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
