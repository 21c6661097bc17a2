"""Agents that are a Python callable of the pilot, plain or trained on its development records."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass, replace
from importlib.metadata import version
from typing import Any

from workbench.agents.acting import Acting, acting_of, described, version_of
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
from workbench.environment import trace_from
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
    acting : Acting, optional
        What it acts on, where it calls tools; it then has one record at a time under way.
    """

    name: str
    identity: Mapping[str, Any]
    task: Task
    window: int = PYTHON_WINDOW
    patience: int = PYTHON_PATIENCE
    deadline_s: float | None = None
    acting: Acting | None = None

    def prepare(self) -> None:
        """See that the callable can be imported."""
        check_loads(self.task)

    async def decide(self, records: AsyncIterator[Record]) -> AsyncIterator[Decision]:
        """Yield a decision for each record; where the callable raises, hangs or ends its process, one has failed."""
        training = self.task.training
        fold_of = {} if training is None else {str(one): int(fold) for one, fold in training.folds.items()}
        async with CallableWorker(self.task) as worker, AsyncExitStack() as stack:
            acting = self.acting
            desk_of = None if acting is None else await stack.enter_async_context(acting.opened())

            async def ask(record: Record) -> Decision:
                if acting is None or desk_of is None:
                    return _decision(record.id, await worker.ask(record, fold_of.get(record.id)))
                desk = desk_of(record)
                decision = _decision(record.id, await worker.ask(record, fold_of.get(record.id), desk))
                return acting.ended(record, desk, decision)

            async with aclosing(results_of(records, ask, self.window)) as decisions:
                async for decision in decisions:
                    yield decision


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
    action, confidence, reason, reported = said["ok"]
    given = confidences(None, confidence)
    trace = None if reported is None else trace_from(reported)
    return Decision(record_id, Status.OK, action, reason=reason, latency_s=said["s"], attempts=1, trace=trace, **given)


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
    task = Task(function, tuple(dataset.labels), training, deadline_s=deadline_s)
    if not settings.tools:
        return PythonAgent(name, identity, task)
    acting = acting_of(pilot, settings.role)
    identity["acts"] = acting.identity
    acting = replace(acting, version=version_of(identity))
    return PythonAgent(
        name, identity, replace(task, tools=tuple(map(described, acting.offered))), window=1, acting=acting
    )
