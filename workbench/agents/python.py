"""Agents that are a Python callable of the pilot, plain or trained on its development records."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, replace
from importlib.metadata import version
from typing import Any

import pandas as pd

from workbench.agents.agent import Agent, KnownAs
from workbench.agents.callables import (
    CallableWorker,
    Failed,
    PilotFunction,
    Task,
    Training,
    check_loads,
    training_digest,
)
from workbench.agents.callables.worker import DEADLINE_S, Said
from workbench.agents.decisions import Decision, confidences
from workbench.engines import results_of
from workbench.metrics import Status
from workbench.pilot import AgentSettings, Pilot
from workbench.records import Record
from workbench.records.splits import Dataset

PYTHON_WINDOW = 64
PYTHON_PATIENCE = 10
LEARNING_LIBRARIES = ("numpy", "pandas", "scikit-learn")


@dataclass(frozen=True, slots=True)
class PythonAgent:
    """A callable of the pilot, run in a process of its own, one record at a time.

    Parameters
    ----------
    task : Task
        The callable, what it learns from where it does, and how long one record may take.
    deadline_s : None
        That of the task bounds each record from when the callable begins it, whatever waits before it.
    """

    name: str
    identity: Mapping[str, Any]
    task: Task
    window: int = PYTHON_WINDOW
    patience: int = PYTHON_PATIENCE
    deadline_s: float | None = None

    def prepare(self) -> None:
        """See that the callable can be imported."""
        check_loads(self.task)

    async def decide(self, records: AsyncIterator[Record]) -> AsyncIterator[Decision]:
        """Yield a decision for each record; where the callable raises, hangs or ends its process, one has failed."""
        training = self.task.training
        fold_of = {} if training is None else {str(one): int(fold) for one, fold in training.folds.items()}
        async with CallableWorker(self.task) as worker:

            async def ask(record: Record) -> Decision:
                return _decision(record.id, await worker.ask(record, fold_of.get(record.id)))

            async with aclosing(results_of(records, ask, self.window)) as decisions:
                async for decision in decisions:
                    yield decision


def standing_for(agent: Agent, bases: Mapping[str, str]) -> Agent:
    """Return an agent that decides made records as it decides those that they were made from.

    One that learns decides a development record by a model that did not see it; so it must be with what is made of one.

    Parameters
    ----------
    bases : mapping
        Id of a made record to that of the record it was made from.
    """
    if isinstance(agent, KnownAs):
        return KnownAs(standing_for(agent.asked, bases), agent.name, agent.identity)
    training = agent.task.training if isinstance(agent, PythonAgent) else None
    if not isinstance(agent, PythonAgent) or training is None:
        return agent
    folds = training.folds
    made = {name: int(folds[base]) for name, base in bases.items() if base in folds.index and name not in folds.index}
    further = pd.Series(made, index=list(made), dtype=folds.dtype)
    return replace(agent, task=replace(agent.task, training=replace(training, folds=pd.concat([folds, further]))))


def _decision(record_id: str, said: Said) -> Decision:
    """Return the decision in what a callable's process says of a record."""
    if isinstance(said, Failed):
        cause, detail = said.cause.value, said.detail
        return Decision(
            record_id, Status.FAILED, cause=cause, detail=detail, latency_s=said.latency_s, attempts=1
        )  # fmt: skip
    if "invalid" in said:
        cause, detail, text = said["invalid"]
        return Decision(
            record_id, Status.INVALID, cause=cause, detail=detail, text=text, latency_s=said["s"], attempts=1
        )  # fmt: skip
    action, confidence, reason = said["ok"]
    given = confidences(None, confidence)
    return Decision(record_id, Status.OK, action, reason=reason, latency_s=said["s"], attempts=1, **given)


def python_agent(pilot: Pilot, name: str, settings: AgentSettings, dataset: Dataset) -> PythonAgent:
    """Return the agent of a callable named in pilot.yaml; the callable itself is loaded when it is first needed.

    Raises
    ------
    InputError
        The file or a file it reads is missing, or is no Python.
    """
    function = PilotFunction(pilot.root, str(settings.python))
    identity: dict[str, Any] = {"python": function.name, "code": function.digests(settings.reads)}
    training = None
    if settings.trained:
        identity["training"] = training_digest(dataset)
        identity["libraries"] = {library: version(library) for library in LEARNING_LIBRARIES}
        training = Training(dataset.training(), dataset.folds())
    deadline_s = DEADLINE_S if settings.deadline_s is None else settings.deadline_s
    return PythonAgent(name, identity, Task(function, tuple(dataset.labels), training, deadline_s=deadline_s))
