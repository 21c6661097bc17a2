"""Prompts that act: an engine is asked again with each tool's answer until it decides."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from workbench.agents.acting.acting import Acting, described
from workbench.agents.decisions import Decision, decision_from_reply
from workbench.agents.replies import InvalidAnswer, InvalidCause, json_in
from workbench.engines import CalledTool, Engine, FailureCause, Message, Reply, Request
from workbench.environment import CallsExhaustedError, ModelCall, Tool, ToolDesk, cut
from workbench.metrics import Status
from workbench.records import Record

TOOL, ARGUMENTS = "tool", "arguments"
WAITING_S = 0.02
INSTRUCTION = """Before you decide you may call tools, one at a time and at most {most} in all. To call one, answer
only with {{"tool": NAME, "arguments": {{...}}}}; its result comes in the next message. Then answer with your decision.
{tools}"""


@dataclass(frozen=True, slots=True)
class RoundsOf:
    """What the rounds of a prompt agent need besides records: engine, labels, what it acts on, whether calls are sent.

    `is_sent` says that the engine's server takes OpenAI tool calls; else tools are described in the prompt.
    """

    engine: Engine
    labels: tuple[str, ...]
    acting: Acting
    is_sent: bool


class _Conversation:
    """One record on its way to a decision."""

    def __init__(self, request: Request, desk: ToolDesk, ended: Callable[[Decision], Decision]) -> None:
        self.request, self.desk, self.ended = request, desk, ended
        self.replies: list[Reply] = []

    def total(self, decision: Decision) -> Decision:
        """Return a decision with time and tokens of all its rounds, and the trace."""
        return replace(
            self.ended(decision),
            latency_s=sum(one.latency_s for one in self.replies),
            attempts=sum(one.attempts for one in self.replies),
            prompt_tokens=_sum(one.prompt_tokens for one in self.replies),
            completion_tokens=_sum(one.completion_tokens for one in self.replies),
        )


class _Arrivals:
    """Records with their first requests as they come; one that was not waited for to its end comes later."""

    def __init__(self, requests: AsyncIterator[tuple[Record, Request]]) -> None:
        self._requests = requests
        self._coming: asyncio.Task[tuple[Record, Request] | None] | None = None
        self._is_over = False

    async def next(self, patience_s: float | None) -> tuple[Record, Request] | None:
        """Return the next one, None where none comes within so many seconds, or none any more."""
        if self._is_over:
            return None
        coming = self._coming = self._coming or asyncio.create_task(self._next())
        await asyncio.wait({coming}, timeout=patience_s)
        if not coming.done():
            return None
        self._coming, arrived = None, coming.result()
        self._is_over = arrived is None
        return arrived

    async def aclose(self) -> None:
        """Wait for none any more."""
        if self._coming is not None:
            self._coming.cancel()
            await asyncio.gather(self._coming, return_exceptions=True)

    async def _next(self) -> tuple[Record, Request] | None:
        return await anext(self._requests, None)


async def decided_in_rounds(
    rounds: RoundsOf, requests: AsyncIterator[tuple[Record, Request]]
) -> AsyncGenerator[Decision, None]:
    """Yield a decision for each record, after as many rounds as it takes; the engine is open meanwhile.

    In each round every record under way is asked once; records that were decided make room for new ones.

    Parameters
    ----------
    rounds : RoundsOf
    requests : async iterator
        Records with their first request.
    """
    under_way: dict[str, _Conversation] = {}
    async with rounds.acting.opened() as desk_of, aclosing(_Arrivals(requests)) as arrivals:
        while True:
            while len(under_way) < rounds.engine.concurrency:
                # a record may have to wait for one under way to be decided, and that must not wait for it
                arrived = await arrivals.next(WAITING_S if under_way else None)
                if arrived is None:
                    break
                record, request = arrived
                desk = desk_of(record)
                ended = partial(rounds.acting.ended, record, desk)
                under_way[record.id] = _Conversation(_offering(request, rounds), desk, ended)
            if not under_way:
                return
            asked = [one.request for one in under_way.values()]
            async with aclosing(rounds.engine.stream(_each(asked))) as replies:
                async for reply in replies:
                    decision = await _after(rounds, under_way[reply.id], reply) if reply.id in under_way else None
                    if decision is not None:
                        del under_way[reply.id]
                        yield decision
            for missing in [one for one in asked if one.id in under_way and under_way[one.id].request is one]:
                del under_way[missing.id]  # the engine ended without an answer; the runner counts what never came


async def _after(rounds: RoundsOf, conversation: _Conversation, reply: Reply) -> Decision | None:
    """Return the decision in a reply, or None where it calls a tool: the conversation then goes on with its answer."""
    conversation.replies.append(reply)
    conversation.desk.note(_model_call(conversation.request, reply))
    called = _called(reply)
    if called is None:
        return conversation.total(decision_from_reply(reply, rounds.labels))
    most = rounds.acting.environment.limits.calls
    if len(conversation.replies) > most:
        detail = f"it called tools {len(conversation.replies)} times and did not decide"
        undecided = Decision(
            reply.id, Status.INVALID, cause=InvalidCause.TOOL_CALL.value, detail=detail, text=reply.text
        )
        return conversation.total(undecided)
    try:
        answer = await conversation.desk.call(called.name, _arguments(called))
    except CallsExhaustedError as error:
        return conversation.total(Decision(reply.id, Status.FAILED, cause=FailureCause.LIMIT.value, detail=str(error)))
    conversation.request = _followed(conversation.request, reply, called, answer)
    return None


def _called(reply: Reply) -> CalledTool | None:
    """Return the tool that a reply calls, by OpenAI's tool calls or in its text; None where it is no call."""
    if reply.failure is not None:
        return None
    if reply.called is not None:
        return reply.called
    try:
        said = json_in(reply.text or "", reply.finish_reason)
    except InvalidAnswer:
        return None
    if not isinstance(said, Mapping) or TOOL not in said or "action" in said:
        return None
    return CalledTool("", str(said[TOOL]), json.dumps(said.get(ARGUMENTS) or {}))


def _arguments(called: CalledTool) -> object:
    """Return a call's arguments, its text where that is no JSON."""
    try:
        return json.loads(called.arguments or "{}")
    except ValueError:
        return called.arguments


def _offering(request: Request, rounds: RoundsOf) -> Request:
    """Return a first request that offers the tools."""
    tools = rounds.acting.offered
    if rounds.is_sent:
        return replace(request, response_schema=None, tools=tuple(map(described, tools)))
    text = INSTRUCTION.format(most=rounds.acting.environment.limits.calls, tools="\n".join(map(_in_words, tools)))
    first, *others = request.messages
    shown = replace(first, content=f"{first.content}\n\n{text}")
    schema = request.response_schema and {"anyOf": [request.response_schema, _calling_schema(tools)]}
    return replace(request, messages=(shown, *others), response_schema=schema)


def _in_words(tool: Tool) -> str:
    takes = ", ".join(
        f"{name}: {one.type.value}{'' if one.required else ' (may be left out)'}"
        + (f" ({one.description})" if one.description else "")
        for name, one in tool.arguments.items()
    )
    return f"- {tool.name}({takes}): {tool.description}"


def _calling_schema(tools: Iterable[Tool]) -> dict[str, Any]:
    """Return the JSON schema of a tool call in a text."""
    calls = [
        {
            "type": "object",
            "properties": {TOOL: {"const": tool.name}, ARGUMENTS: tool.schema()},
            "required": [TOOL, ARGUMENTS],
            "additionalProperties": False,
        }
        for tool in tools
    ]
    return {"anyOf": calls}


def _followed(request: Request, reply: Reply, called: CalledTool, answer: Mapping[str, Any]) -> Request:
    """Return the request that goes on with a tool's answer."""
    said = json.dumps(answer, ensure_ascii=False, default=str)
    if reply.called is not None:
        asked = Message("assistant", reply.text or "", calls=called)
        return replace(request, messages=(*request.messages, asked, Message("tool", said, answers=called)))
    asked = Message("assistant", reply.text or "")
    return replace(request, messages=(*request.messages, asked, Message("user", f"Result of {called.name}: {said}")))


def _model_call(request: Request, reply: Reply) -> ModelCall:
    content = json.dumps([(one.role, one.content) for one in request.messages])
    digest = hashlib.sha256(content.encode()).hexdigest()
    event = ModelCall(
        prompt_sha256=digest,
        prompt_tokens=reply.prompt_tokens,
        completion_tokens=reply.completion_tokens,
        text=reply.text,
    )
    kept = cut(event)
    assert isinstance(kept, ModelCall)
    return kept


def _sum(values: Iterable[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None


async def _each(requests: Iterable[Request]) -> AsyncIterator[Request]:
    for request in requests:
        yield request
