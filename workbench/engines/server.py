"""The server engine: any OpenAI-compatible chat-completions endpoint, by its address."""

from __future__ import annotations

import random
import re
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from workbench.engines.completion import BodyEncoder, reply_from_completion
from workbench.engines.http import CallPolicy, JsonCaller
from workbench.engines.http_answers import MAX_DETAIL, detail_of
from workbench.engines.pool import results_of
from workbench.engines.protocol import Failure, FailureCause, Reply, Request
from workbench.engines.served import served_model
from workbench.errors import InputError
from workbench.pilot import ReplyFormat, SendSettings

IMPLIED_PORTS = {"http": 80, "https": 443}
LEFT_OUT = ("logprobs", "temperature", "top_p", "seed")
MAX_TOKENS_NAMES = {"max_tokens": "max_completion_tokens", "max_completion_tokens": "max_tokens"}
REFUSES_FIELD = re.compile(r"HTTP (400|422)\b|HTTP 200 with (error (400|422)|an error) in it")
UNKNOWN_FIELD = re.compile(r"(un|not )supported|unknown|unrecogni[sz]ed|unexpected|extra|not (permitted|allowed)", re.I)


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
    send : SendSettings
        Which fields are sent, and under which names.
    version : str, optional
        What its user calls what is served there; it stands for the address in the engine's identity.
    memory : Path, optional
        File that keeps what servers said of their models, for when they cannot be asked.
    """

    base_url: str
    model: str
    api_key: str | None = field(default=None, repr=False)
    concurrency: int = 16
    policy: CallPolicy = field(default_factory=CallPolicy)
    seed: int = 0
    send: SendSettings = SendSettings()
    version: str | None = None
    memory: Path | None = None


class ServerEngine:
    """Replies of a model behind `/v1/chat/completions`; use it in `async with`.

    Asks for the log probability of each token and, where a request has a response schema, for JSON that follows it, as
    far as `send` says. A server that refuses one of these fields answers with a 4xx, which is a `rejected` reply with
    the setting to change and the server's message: nothing is left out silently.

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
        self._encoder = BodyEncoder(connection.model, connection.send)

    @cached_property
    def identity(self) -> Mapping[str, Any]:
        """What makes two engines the same for the cache: where, which model, what the server says of it, what is sent.

        The server is asked at the first use. Which state of it answered is seen in the replies only.
        """
        connection = self._connection
        base, deadline_s = base_address(connection.base_url), connection.policy.deadline_s
        place = {"address": base} if connection.version is None else {"version": connection.version}
        served = served_model(base, connection.model, self._headers, deadline_s, connection.memory)
        sent = connection.send.model_dump(mode="json")
        return {"kind": "server", "model": connection.model, **place, "served": served, "sent": sent}

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
        if result.failure is not None or result.body is None:
            failure = result.failure and with_remedy(result.failure, self._connection.send)
            return Reply(request.id, None, result.latency_s, result.attempts, failure=failure)
        reply = reply_from_completion(request.id, result.body, latency_s=result.latency_s, attempts=result.attempts)
        if reply.failure is None:
            return reply
        detail = detail_of(reply.failure.detail, self._headers)
        return replace(reply, failure=replace(reply.failure, detail=detail))


def with_remedy(failure: Failure, send: SendSettings) -> Failure:
    """Return a refusal with the setting that leaves out what it names, as it is where it names nothing that was sent.

    Examples
    --------
    >>> refused = Failure(FailureCause.REJECTED, "HTTP 400: Unknown parameter: 'logprobs'")
    >>> with_remedy(refused, SendSettings()).detail
    "set server: {send: {logprobs: false}} in pilot.yaml: HTTP 400: Unknown parameter: 'logprobs'"
    """
    if failure.cause is not FailureCause.REJECTED or not REFUSES_FIELD.match(failure.detail):
        return failure
    named = [name for name in LEFT_OUT if getattr(send, name) and re.search(rf"\b{name}\b", failure.detail)]
    changes = [f"{name}: false" for name in named]
    if send.response_format is not ReplyFormat.NONE and re.search(r"\b(response_format|json_schema)\b", failure.detail):
        simpler = "json_object" if send.response_format is ReplyFormat.JSON_SCHEMA else "none"
        changes.append(f"response_format: {simpler}")
    if _wants_other_name(send.max_tokens, failure.detail):
        changes.append(f"max_tokens: {MAX_TOKENS_NAMES[send.max_tokens]}")
    if not changes:
        return failure
    detail = f"set server: {{send: {{{', '.join(changes)}}}}} in pilot.yaml: {failure.detail}"
    return replace(failure, detail=detail[:MAX_DETAIL])


def _wants_other_name(name: str, detail: str) -> bool:
    """Return whether a refusal is about the name of the token cap, and not about its value."""
    if not re.search(rf"\b{name}\b", detail):
        return False
    return MAX_TOKENS_NAMES[name] in detail or UNKNOWN_FIELD.search(detail) is not None


def base_address(base_url: str) -> str:
    """Return a server's base address as it is compared: with `/v1`, the host in small letters, no port that is implied.

    Raises InputError as `completions_url`.

    Examples
    --------
    >>> base_address("https://Models.Example:443/api/")
    'https://models.example/api/v1'
    """
    parts = urlsplit(completions_url(base_url).removesuffix("/chat/completions"))
    host = f"[{parts.hostname}]" if ":" in str(parts.hostname) else parts.hostname
    port = "" if parts.port in (None, IMPLIED_PORTS[parts.scheme]) else f":{parts.port}"
    return f"{parts.scheme}://{host}{port}{parts.path}"


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
