"""What every engine promises: requests in, replies out in any order, matched by id."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol, Self


class FailureCause(StrEnum):
    """Why a call brought no reply text."""

    AUTH = "auth"  # 401/403: every further call would fail too, so the run stops
    REJECTED = "rejected"  # another 4xx: the server refuses this request
    RATE_LIMITED = "rate_limited"  # 429 until the retries were used up
    SERVER_ERROR = "server_error"  # 5xx until the retries were used up
    TIMEOUT = "timeout"  # the deadline passed
    CONNECTION = "connection"  # refused, reset, DNS, TLS
    MALFORMED = "malformed"  # the server's body is not the JSON it should be
    EXCEPTION = "exception"  # a Python agent raised
    LIMIT = "limit"  # an agent went on calling tools long after its limit
    NO_REPLY = "no_reply"  # the engine ended without answering this request


@dataclass(frozen=True, slots=True)
class SamplingParams:
    """How tokens are drawn; part of what a cached decision is keyed by."""

    temperature: float = 0.0
    top_p: float = 1.0
    max_tokens: int = 256
    seed: int = 0


@dataclass(frozen=True, slots=True)
class CalledTool:
    """A tool call in a chat: its id, the tool's name, and its arguments as JSON."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Message:
    """One chat message; `role` is "system", "user", "assistant" or "tool".

    `calls` is the tool call that an assistant's message is, `answers` the call that a tool's message answers.
    """

    role: str
    content: str
    calls: CalledTool | None = None
    answers: CalledTool | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """One rendered prompt; `response_schema` is a JSON schema the reply must follow.

    `tools` are offered to a server that is sent them: name, description and JSON schema of each.
    """

    id: str
    messages: tuple[Message, ...]
    sampling: SamplingParams
    response_schema: Mapping[str, Any] | None = None
    tools: tuple[Mapping[str, Any], ...] | None = None


@dataclass(frozen=True, slots=True)
class TokenLogprob:
    """One generated token and the natural logarithm of its probability."""

    token: str
    logprob: float


@dataclass(frozen=True, slots=True)
class Failure:
    """Why there is no reply; `detail` is at most a few hundred characters for a reader."""

    cause: FailureCause
    detail: str


@dataclass(frozen=True, slots=True)
class Origin:
    """What a server says of itself in a reply: the model that answered, and the fingerprint of its state."""

    model: str | None
    fingerprint: str | None


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back for one request; exactly one of `text` and `failure` is set.

    Parameters
    ----------
    latency_s : float
        Seconds from the first attempt to the end, waits between attempts included, by a monotonic clock.
    attempts : int
        Calls made, at least 1.
    tokens : tuple of TokenLogprob, optional
        Generated tokens in order, None when the engine gives no probabilities.
    finish_reason : str, optional
        "stop", "length" or what the engine says; "refusal" where the text is why the model refuses, "tool_calls" where
        it called a tool instead of answering.
    origin : Origin, optional
        What the server says of itself, where it does.
    called : CalledTool, optional
        The tool that it calls, where tools were offered; the text is then what it says beside.
    """

    id: str
    text: str | None
    latency_s: float
    attempts: int
    tokens: tuple[TokenLogprob, ...] | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    finish_reason: str | None = None
    failure: Failure | None = None
    origin: Origin | None = None
    called: CalledTool | None = None


class Engine(Protocol):
    """Turns rendered prompts into replies.

    `identity` is what makes two engines the same for the cache: kind, model, where it is, never a key. `concurrency` is
    how many requests it keeps in flight. `stream` pulls a request whenever it has room; several of its workers may
    wait on `requests.__anext__` at the same time.
    """

    @property
    def identity(self) -> Mapping[str, Any]:
        """What makes two engines the same for the cache."""

    @property
    def concurrency(self) -> int:
        """How many requests are in flight at most."""

    @property
    def deadline_s(self) -> float:
        """Seconds within which every request is answered, with a reply or a failure."""

    def stream(self, requests: AsyncIterator[Request]) -> AsyncGenerator[Reply, None]:
        """Yield one reply for each request, in any order; closing it ends what is under way."""

    async def __aenter__(self) -> Self: ...

    async def __aexit__(self, *_: object) -> None: ...
