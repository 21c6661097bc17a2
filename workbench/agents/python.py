"""Agents that are a Python callable of the pilot, plain or trained on its development records."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from workbench.callables import CrossFitted, Decide, PilotFunction, raised, training_digest
from workbench.decisions import Decision, Status, confidences, read_answer
from workbench.engines.protocol import FailureCause
from workbench.pilot import AgentSettings, Pilot
from workbench.records import Record
from workbench.replies import InvalidAnswer
from workbench.splits import Dataset

PYTHON_WINDOW = 64
LEARNING_LIBRARIES = ("numpy", "pandas", "scikit-learn")


@dataclass(frozen=True, slots=True)
class PythonAgent:
    """A callable of the pilot, called in process, one record at a time.

    Parameters
    ----------
    function : PilotFunction
        What pilot.yaml names.
    decide_for : callable
        Takes a record, returns the function that decides it: always the same one for a plain callable; for a trained
        one the model that has not seen the record.
    """

    name: str
    identity: Mapping[str, Any]
    actions: Collection[str]
    function: PilotFunction
    decide_for: Callable[[Record], Decide]
    window: int = PYTHON_WINDOW
    deadline_s: float | None = None

    def prepare(self) -> None:
        """Import the callable."""
        self.function.load()

    async def decide(self, records: AsyncIterator[Record]) -> AsyncIterator[Decision]:
        """Yield a decision for each record; an exception of the callable is a failed decision."""
        async for record in records:
            function = self.decide_for(record)
            start = time.perf_counter()
            try:
                content = function(record.fields)
            except Exception as error:  # whatever a user's callable raises concerns this record only
                yield Decision(
                    record.id,
                    Status.FAILED,
                    cause=FailureCause.EXCEPTION.value,
                    detail=raised(error),
                    latency_s=time.perf_counter() - start,
                    attempts=1,
                )
            else:
                yield self._decision(record.id, content, time.perf_counter() - start)

    def _decision(self, record_id: str, content: object, latency_s: float) -> Decision:
        try:
            answer = read_answer(content, self.actions)
        except InvalidAnswer as invalid:
            return Decision(
                record_id,
                Status.INVALID,
                cause=invalid.cause.value,
                detail=invalid.detail,
                text=str(content)[:1000],
                latency_s=latency_s,
                attempts=1,
            )
        return Decision(
            record_id,
            Status.OK,
            action=answer.action,
            reason=answer.reason,
            latency_s=latency_s,
            attempts=1,
            **confidences(None, answer.confidence),
        )


def python_agent(pilot: Pilot, name: str, settings: AgentSettings, dataset: Dataset) -> PythonAgent:
    """Return the agent of a callable named in pilot.yaml; the callable itself is loaded when it is first needed.

    Raises
    ------
    InputError
        The file or a file it reads is missing, or is no Python.
    """
    function = PilotFunction(pilot.root, str(settings.python))
    identity: dict[str, Any] = {"python": function.name, "code": function.digests(settings.reads)}
    if not settings.trained:
        return PythonAgent(name, identity, dataset.labels, function, lambda record: function.load())
    identity["training"] = training_digest(dataset)
    identity["libraries"] = {library: version(library) for library in LEARNING_LIBRARIES}
    return PythonAgent(name, identity, dataset.labels, function, CrossFitted(function, dataset))
