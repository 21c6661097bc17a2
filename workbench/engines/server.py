"""The server engine: any OpenAI-compatible chat-completions endpoint, by its address."""

from __future__ import annotations

import random
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from workbench.engines.completion import BodyEncoder, reply_from_completion
from workbench.engines.http import CallPolicy, JsonCaller, detail_of
from workbench.engines.pool import results_of
from workbench.engines.protocol import Reply, Request
from workbench.errors import InputError


@dataclass(frozen=True, slots=True)
class ServerConnection:
    """Where a model is served and how it is called.

    Parameters
    ----------
    base_url : str
        Address of the server, with or without a final `/v1`.
    model : str
        Name of the model, as the server knows it.
    api_key : str, optional
        Sent as a bearer token; never shown.
    concurrency : int
        Calls in flight at most.
    policy : CallPolicy
        Deadline, attempts and waits of one call.
    seed : int
        Seed of the jitter between attempts.
    """

    base_url: str
    model: str
    api_key: str | None = field(default=None, repr=False)
    concurrency: int = 16
    policy: CallPolicy = field(default_factory=CallPolicy)
    seed: int = 0


class ServerEngine:
    """Replies of a model behind `/v1/chat/completions`; use it in `async with`.

    Asks for the log probability of each token and, where a request has a response schema, for JSON that follows it. A
    server that refuses one of these fields answers with a 4xx, which is a `rejected` reply with the server's message:
    nothing is left out silently.

    Parameters
    ----------
    connection : ServerConnection
        Where the model is served and how it is called.

    Raises
    ------
    InputError
        The address is no http or https address, or holds credentials; the key cannot be sent in a header.
    """

    def __init__(self, connection: ServerConnection) -> None:
        self._connection = connection
        self._url = completions_url(connection.base_url)
        self._headers = _authorization(connection.api_key)
        self._caller = JsonCaller(
            connection.policy, concurrency=connection.concurrency, rng=random.Random(connection.seed)
        )
        self._encoder = BodyEncoder(connection.model)

    @property
    def identity(self) -> Mapping[str, Any]:
        """What makes two engines the same for the cache: the kind and the model."""
        return {"kind": "server", "model": self._connection.model}

    @property
    def concurrency(self) -> int:
        """How many requests are in flight at most."""
        return self._connection.concurrency

    @property
    def deadline_s(self) -> float:
        """Seconds within which every request is answered, with a reply or a failure."""
        return self._connection.policy.deadline_s

    async def __aenter__(self) -> Self:
        await self._caller.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._caller.__aexit__(kind, error, trace)

    def stream(self, requests: AsyncIterator[Request]) -> AsyncGenerator[Reply, None]:
        """Yield one reply for each request, in order of completion."""
        return results_of(requests, self._reply, self.concurrency)

    async def _reply(self, request: Request) -> Reply:
        """Return the server's reply to one request."""
        result = await self._caller.post(self._url, self._encoder.body(request), self._headers)
        if result.body is None:
            return Reply(request.id, None, result.latency_s, result.attempts, failure=result.failure)
        reply = reply_from_completion(request.id, result.body, latency_s=result.latency_s, attempts=result.attempts)
        if reply.failure is None:
            return reply
        detail = detail_of(reply.failure.detail, self._headers)
        return replace(reply, failure=replace(reply.failure, detail=detail))


def completions_url(base_url: str) -> str:
    """Return the address of chat completions under a server's base address.

    Raises
    ------
    InputError
        The address has another scheme than http and https, no host, or credentials, a query or a fragment.

    Examples
    --------
    >>> completions_url("http://localhost:8000")
    'http://localhost:8000/v1/chat/completions'
    >>> completions_url("https://models.example/api/v1/")
    'https://models.example/api/v1/chat/completions'
    """
    expected = "http://HOST:PORT or https://HOST/v1"
    try:
        parts = urlsplit(base_url)
        has_host = bool(parts.hostname) and parts.port != 0
    except ValueError:
        raise InputError("the server's address cannot be read", where="base_url", expected=expected) from None
    if "@" in base_url or parts.query or parts.fragment:
        raise InputError(
            "the server's address holds credentials, a query or a fragment",
            where="base_url",
            expected=expected,
            remedy="give the key by its environment variable",
        )
    if parts.scheme not in ("http", "https") or not has_host:
        raise InputError("the server's address is incomplete", where="base_url", got=base_url, expected=expected)
    path = parts.path.rstrip("/")
    path = path if path.endswith("/v1") else f"{path}/v1"
    return f"{parts.scheme}://{parts.netloc}{path}/chat/completions"


def _authorization(api_key: str | None) -> dict[str, str]:
    """Return the header that carries a key; none without a key."""
    if api_key is None:
        return {}
    if not api_key or not api_key.isascii() or not api_key.isprintable() or " " in api_key:
        raise InputError(
            "the API key is empty or holds spaces, line ends or characters outside ASCII",
            remedy="set the environment variable it is read from to the bare key",
        )
    return {"Authorization": f"Bearer {api_key}"}
