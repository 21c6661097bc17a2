"""Agents: what turns a record into a decision - a prompt with an engine, a Python callable or an HTTP endpoint."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Collection, Mapping
from dataclasses import dataclass, replace
from importlib.metadata import version
from typing import Any, Protocol

from workbench.callables import (
    CrossFitted,
    Decide,
    PilotFunction,
    Preparation,
    UnpreparedError,
    raised,
    training_digest,
)
from workbench.decisions import Decision, InvalidAnswer, Status, decision_from_reply, read_answer
from workbench.engines.http import CallPolicy, JsonCaller
from workbench.engines.pool import results_of
from workbench.engines.protocol import Engine, FailureCause, Reply, Request
from workbench.errors import InputError
from workbench.journal import REPEAT
from workbench.pilot import AgentSettings, Pilot
from workbench.prompts import Prompt, messages, read_prompt, response_schema
from workbench.records import Record
from workbench.splits import Dataset

PYTHON_WINDOW = 64
LEARNING_LIBRARIES = ("numpy", "pandas", "scikit-learn")


class Agent(Protocol):
    """Turns records into decisions.

    `identity` is everything that makes this version of the agent; `window` is how many records may be under way.
    """

    @property
    def name(self) -> str:
        """The agent's name in pilot.yaml."""
        ...

    @property
    def identity(self) -> Mapping[str, Any]:
        """What the journal's keys are made from."""
        ...

    @property
    def window(self) -> int:
        """How many records may be under way at once."""
        ...

    @property
    def deadline_s(self) -> float | None:
        """Seconds within which each record is decided; a later decision does not count. None: no bound."""
        ...

    def prepare(self) -> None:
        """Find faults that can be found before the first record is asked."""
        ...

    def decide(self, records: AsyncIterator[Record]) -> AsyncIterator[Decision]:
        """Yield one decision for each record, in any order."""
        ...


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
            confidence=answer.confidence,
            confidence_source=None if answer.confidence is None else "stated",
            reason=answer.reason,
            latency_s=latency_s,
            attempts=1,
        )


@dataclass(frozen=True, slots=True)
class PromptAgent:
    """A prompt document and an engine that answers it; `preparation` where the document shows prepared fields."""

    name: str
    prompt: Prompt
    engine: Engine
    labels: tuple[str, ...]
    preparation: Preparation | None = None

    @property
    def identity(self) -> Mapping[str, Any]:
        """Prompt, engine and preparation; the prompt's hash covers its text, sampling and response schema."""
        prepared = {} if self.preparation is None else {"prepare": dict(self.preparation.identity)}
        return {
            "prompt": self.prompt.hash,
            "engine": dict(self.engine.identity),
            "labels": list(self.labels),
            **prepared,
        }

    @property
    def window(self) -> int:
        """The engine's concurrency."""
        return self.engine.concurrency

    @property
    def deadline_s(self) -> float | None:
        """The engine's deadline."""
        return self.engine.deadline_s

    def prepare(self) -> None:
        """Import the preparation; prompt and engine were checked when they were made."""
        if self.preparation is not None:
            self.preparation.function.load()

    async def decide(self, records: AsyncIterator[Record]) -> AsyncGenerator[Decision, None]:
        """Yield a decision for each reply, as the replies come, and one for each record that could not be prepared."""
        decided: asyncio.Queue[Decision | None] = asyncio.Queue()

        async def ask() -> None:
            try:
                async with self.engine:
                    async for reply in self.engine.stream(_Rendered(records, self, decided.put_nowait)):
                        decided.put_nowait(decision_from_reply(reply, self.labels))
            finally:
                decided.put_nowait(None)

        asking = asyncio.create_task(ask())
        try:
            while (decision := await decided.get()) is not None:
                yield decision
            await asking
        finally:
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)


class _Rendered:
    """Requests rendered when an engine asks for them; safe for several workers waiting at once."""

    def __init__(self, records: AsyncIterator[Record], agent: PromptAgent, fail: Callable[[Decision], None]) -> None:
        self._records = records
        self._agent = agent
        self._fail = fail
        self._schema = response_schema(agent.prompt, agent.labels)

    def __aiter__(self) -> AsyncIterator[Request]:
        return self

    async def __anext__(self) -> Request:
        """Return the request for the next record that can be prepared; the others before it have failed."""
        agent = self._agent
        while True:
            record = await anext(self._records)
            try:
                shown = record if agent.preparation is None else agent.preparation(record)
            except UnpreparedError as error:
                cause = FailureCause.EXCEPTION.value
                self._fail(Decision(record.id, Status.FAILED, cause=cause, detail=str(error)))
            else:
                rendered = messages(agent.prompt, shown, agent.labels)
                return Request(record.id, rendered, agent.prompt.sampling, self._schema)


@dataclass(frozen=True, slots=True)
class HttpAgent:
    """An endpoint that takes `{"id", "record"}` and returns an answer object."""

    name: str
    url: str
    actions: Collection[str]
    policy: CallPolicy
    window: int

    @property
    def identity(self) -> Mapping[str, Any]:
        """The endpoint's address: what runs behind it cannot be seen from here."""
        return {"http": self.url}

    @property
    def deadline_s(self) -> float | None:
        """The deadline of a call."""
        return self.policy.deadline_s

    def prepare(self) -> None:
        """Nothing: whether the endpoint answers is seen when it is called."""

    async def decide(self, records: AsyncIterator[Record]) -> AsyncIterator[Decision]:
        """Yield a decision for each answer, as the answers come."""
        rng = random.Random(self.url)
        async with JsonCaller(self.policy, concurrency=self.window, rng=rng) as caller:

            async def ask(record: Record) -> Reply:
                body = json.dumps({"id": record.id, "record": dict(record.fields)}).encode()
                result = await caller.post(self.url, body, {})
                text = None if result.body is None else json.dumps(result.body)
                return Reply(record.id, text, result.latency_s, result.attempts, failure=result.failure)

            async for reply in results_of(records, ask, self.window):
                yield decision_from_reply(reply, self.actions)


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


def prompt_agent(pilot: Pilot, name: str, settings: AgentSettings, dataset: Dataset, engine: Engine) -> PromptAgent:
    """Return the agent of a prompt document and an engine.

    Raises
    ------
    InputError
        The document does not fit, or it shows prepared fields and a file of their function is missing or no Python.
    """
    prompt = read_prompt(pilot.suite / "prompts" / f"{settings.prompt}.md", pilot.prompt_fields)
    return PromptAgent(name, prompt, engine, dataset.labels, preparation_for(pilot, prompt))


def preparation_for(pilot: Pilot, prompt: Prompt) -> Preparation | None:
    """Return what prepares records for a document, None when it shows no prepared field.

    Such a document's identity is without the function, so that changing the function keeps its decisions.
    """
    settings = pilot.settings.prepare
    if settings is None or prompt.named_fields.isdisjoint(settings.fields):
        return None
    function = PilotFunction(pilot.root, settings.python)
    identity = {
        "python": function.name,
        "fields": list(settings.fields),
        "code": function.digests(settings.reads),
    }
    return Preparation(function, settings.fields, identity)
