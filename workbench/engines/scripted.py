"""The scripted engine: deterministic replies from a table or a function, with faults on request."""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Self

from workbench.engines.protocol import Failure, Reply, Request, TokenLogprob
from workbench.words import InputError, shown

Answers = Mapping[str, str | Failure] | Callable[[Request], str | Failure]


@dataclass(frozen=True, slots=True)
class Script:
    """What a scripted engine does beside answering; each set holds request ids.

    Parameters
    ----------
    probability : callable, optional
        Function of (request, text) that gives the probability of the reply in (0, 1]; the text is then one token.
    order_seed : int, optional
        Seed by which the replies of requests in flight are shuffled; None keeps the order of the requests.
    hang : frozenset of str
        Never answered: the stream does not end.
    drop : frozenset of str
        Never answered, and the stream ends.
    twice : frozenset of str
        Answered two times.
    stray : frozenset of str
        Answered, and followed by a reply to a request that was never made, `stray-ID`.
    cut : frozenset of str
        Answered with the first half of the text, as if the token cap had cut it off.
    deadline_s : float
        Seconds within which the engine claims to answer every request.
    """

    probability: Callable[[Request, str], float] | None = None
    order_seed: int | None = None
    hang: frozenset[str] = frozenset()
    drop: frozenset[str] = frozenset()
    twice: frozenset[str] = frozenset()
    stray: frozenset[str] = frozenset()
    cut: frozenset[str] = frozenset()
    deadline_s: float = 60.0


class ScriptedEngine:
    """Replies from a table or a function, the same ones every time; for tests, demonstrations and dry runs.

    `concurrency` requests are taken at once, take `latency_s` seconds together, and are answered before the next are
    taken. Tokens are counted as words.

    Parameters
    ----------
    answers : mapping or callable
        Reply text or failure by request id, or a function of the request that returns one.
    concurrency : int
        Requests in flight.
    latency_s : float
        Seconds that a reply takes.
    script : Script
        Order of the replies, token probabilities and faults.
    name : str
        What tells two scripts apart in the cache.

    Examples
    --------
    >>> from workbench.engines.protocol import SamplingParams
    >>> async def texts(engine, *requests):
    ...     async def source():
    ...         for request in requests:
    ...             yield request
    ...     return [reply.text async for reply in engine.stream(source())]
    >>> asyncio.run(texts(ScriptedEngine({"r1": "yes"}), Request("r1", (), SamplingParams())))
    ['yes']
    """

    def __init__(
        self,
        answers: Answers,
        *,
        concurrency: int = 8,
        latency_s: float = 0.0,
        script: Script = Script(),
        name: str = "scripted",
    ) -> None:
        self._answers = answers
        self.concurrency, self.deadline_s = concurrency, script.deadline_s
        self.identity: Mapping[str, Any] = {"kind": "scripted", "model": name}
        self._latency_s = latency_s
        self._script = script

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        return None

    async def stream(self, requests: AsyncIterator[Request]) -> AsyncGenerator[Reply, None]:
        """Yield the script's replies, several requests at a time.

        Raises
        ------
        InputError
            The table has no answer for a request.
        """
        order = None if self._script.order_seed is None else random.Random(self._script.order_seed)
        has_hung, is_open = False, True
        while is_open:
            taken = await _first(requests, self.concurrency)
            is_open = len(taken) == self.concurrency
            replies = [reply for request in taken for reply in self._replies(request)]
            if order is not None:
                order.shuffle(replies)
            if self._latency_s > 0:
                await asyncio.sleep(self._latency_s)
            has_hung = has_hung or any(request.id in self._script.hang for request in taken)
            for reply in replies:
                yield reply
        if has_hung:
            await asyncio.Event().wait()

    def _replies(self, request: Request) -> list[Reply]:
        """Return what the script answers to one request: nothing, one reply or two."""
        script = self._script
        if request.id in script.hang or request.id in script.drop:
            return []
        reply = self._reply(request)
        if request.id in script.twice:
            return [reply, reply]
        if request.id in script.stray:
            return [reply, Reply(f"stray-{request.id}", reply.text or "", self._latency_s, 1)]
        return [reply]

    def _reply(self, request: Request) -> Reply:
        """Return the one reply to a request."""
        answer = self._answer(request)
        if isinstance(answer, Failure):
            return Reply(request.id, None, self._latency_s, 1, failure=answer)
        is_cut = request.id in self._script.cut
        text = answer[: len(answer) // 2] if is_cut else answer
        return Reply(
            request.id,
            text,
            self._latency_s,
            1,
            tokens=self._tokens(request, text),
            prompt_tokens=sum(len(message.content.split()) for message in request.messages),
            completion_tokens=len(text.split()),
            finish_reason="length" if is_cut else "stop",
        )

    def _answer(self, request: Request) -> str | Failure:
        """Return the text or failure for a request."""
        if callable(self._answers):
            return self._answers(request)
        if request.id not in self._answers:
            raise InputError(
                f"the script has no answer for request {request.id!r}", expected=shown(self._answers) or "no request"
            )
        return self._answers[request.id]

    def _tokens(self, request: Request, text: str) -> tuple[TokenLogprob, ...] | None:
        """Return the text as one token with its probability, None when the script gives none."""
        if self._script.probability is None:
            return None
        return (TokenLogprob(text, math.log(self._script.probability(request, text))),)


async def _first(requests: AsyncIterator[Request], count: int) -> list[Request]:
    """Return the next requests, fewer when there are no more."""
    taken: list[Request] = []
    while len(taken) < count:
        try:
            taken.append(await anext(requests))
        except StopAsyncIteration:
            break
    return taken
