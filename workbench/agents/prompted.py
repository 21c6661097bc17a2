"""Agents that are a prompt document and an engine that answers it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import aclosing, nullcontext, suppress
from dataclasses import dataclass, replace
from typing import Any

from workbench.agents.acting import Acting, RoundsOf, acting_of, decided_in_rounds, version_of
from workbench.agents.agent import patience_of
from workbench.agents.callables import PilotFunction, Preparation, Prepare, Task, UnpreparedError, check_loads
from workbench.agents.decisions import Decision, begins_another, decision_from_reply
from workbench.agents.prompts import Prompt, messages, read_prompt, response_schema
from workbench.engines import Engine, FailureCause, Request
from workbench.metrics import Status
from workbench.pilot import AgentSettings, Pilot
from workbench.records import Record
from workbench.records.splits import Dataset


@dataclass(frozen=True, slots=True)
class PromptAgent:
    """A prompt document and an engine that answers it.

    `preparation` where the document shows prepared fields, `acting` where the prompt may call tools before it decides.
    """

    name: str
    prompt: Prompt
    engine: Engine
    labels: tuple[str, ...]
    preparation: Preparation | None = None
    acting: Acting | None = None

    @property
    def identity(self) -> Mapping[str, Any]:
        """Prompt, engine and preparation; the prompt's hash covers its text, sampling and response schema.

        Where a label begins another one, its closing token counts for the confidence: decisions of before that was so
        are another version's.
        """
        prepared = {} if self.preparation is None else {"prepare": dict(self.preparation.identity)}
        closing = any(begins_another(label, self.labels) for label in self.labels)
        return {
            "prompt": self.prompt.hash,
            "engine": dict(self.engine.identity),
            "labels": list(self.labels),
            **({"confidence": "with the closing token"} if closing else {}),
            **prepared,
            **({} if self.acting is None else self.acting.in_identity),
        }

    @property
    def window(self) -> int:
        """The engine's concurrency."""
        return self.engine.concurrency

    @property
    def patience(self) -> int:
        """One failure of every call under way, and two at least."""
        return patience_of(self.window)

    @property
    def deadline_s(self) -> float | None:
        """The engine's deadline, as often as the prompt may be asked about one record."""
        rounds = 1 if self.acting is None else self.acting.environment.limits.calls + 1
        return self.engine.deadline_s * rounds

    def prepare(self) -> None:
        """See that the preparation can be imported; prompt and engine were checked when they were made."""
        if self.preparation is not None:
            check_loads(Task(self.preparation.function, fields=self.preparation.fields))

    async def decide(self, records: AsyncIterator[Record]) -> AsyncGenerator[Decision, None]:
        """Yield a decision for each reply, as the replies come, and one for each record that could not be prepared."""
        decided: asyncio.Queue[Decision | None] = asyncio.Queue()
        schema = response_schema(self.prompt, self.labels)

        async def ask() -> None:
            try:
                async with nullcontext() if self.preparation is None else self.preparation.opened() as prepare:
                    rendered = _Rendered(records, self, prepare, decided.put_nowait, schema)
                    async with self.engine, aclosing(self._decisions(rendered)) as decisions:
                        async for decision in decisions:
                            decided.put_nowait(decision)
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

    async def _decisions(self, rendered: _Rendered) -> AsyncGenerator[Decision, None]:
        """Yield the decision in each reply, or where the prompt acts those after its rounds."""
        if self.acting is not None:
            is_sent = bool(self.engine.identity.get("sent", {}).get("tools", False))
            acting = replace(self.acting, version=version_of(self.identity))
            rounds = RoundsOf(self.engine, self.labels, acting, is_sent)
            async with aclosing(decided_in_rounds(rounds, rendered.with_records())) as decisions:
                async for decision in decisions:
                    yield decision
            return
        async with aclosing(self.engine.stream(rendered)) as replies:
            async for reply in replies:
                yield decision_from_reply(reply, self.labels)


@dataclass(frozen=True, slots=True)
class _Rendered:
    """Requests rendered when an engine asks for them; safe for several workers waiting at once."""

    records: AsyncIterator[Record]
    agent: PromptAgent
    prepare: Prepare | None
    fail: Callable[[Decision], None]
    schema: Mapping[str, Any]

    def __aiter__(self) -> AsyncIterator[Request]:
        return self

    async def __anext__(self) -> Request:
        """Return the request for the next record that can be prepared; the others before it have failed."""
        return (await self._next())[1]

    async def with_records(self) -> AsyncGenerator[tuple[Record, Request], None]:
        """Yield records with their requests."""
        with suppress(StopAsyncIteration):
            while True:
                yield await self._next()

    async def _next(self) -> tuple[Record, Request]:
        agent = self.agent
        while True:
            record = await anext(self.records)
            try:
                shown = record if self.prepare is None else await self.prepare(record)
            except UnpreparedError as error:
                cause = FailureCause.EXCEPTION.value
                self.fail(Decision(record.id, Status.FAILED, cause=cause, detail=str(error)))
            else:
                rendered = messages(agent.prompt, shown, agent.labels)
                return record, Request(record.id, rendered, agent.prompt.sampling, self.schema)


def prompt_agent(pilot: Pilot, name: str, settings: AgentSettings, dataset: Dataset, engine: Engine) -> PromptAgent:
    """Return the agent of a prompt document and an engine.

    Raises
    ------
    InputError
        The document does not fit, or it shows prepared fields and a file of their function is missing or no Python.
    """
    prompt = read_prompt(pilot.suite / "prompts" / f"{settings.prompt}.md", pilot.prompt_fields)
    acting = acting_of(pilot, settings.role) if settings.tools else None
    return PromptAgent(name, prompt, engine, dataset.labels, preparation_for(pilot, prompt), acting)


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
