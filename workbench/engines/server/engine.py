"""The server engine: any OpenAI-compatible chat-completions endpoint, by its address."""

from __future__ import annotations

import random
import re
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from workbench.engines.completion import BodyEncoder, reply_from_completion
from workbench.engines.http import CallPolicy, JsonCaller
from workbench.engines.http_answers import MAX_DETAIL, detail_of
from workbench.engines.pool import results_of
from workbench.engines.protocol import Failure, FailureCause, Reply, Request
from workbench.engines.served import served_model
from workbench.engines.server.settings import ReplyFormat, SendSettings, ServerSettings, base_address, completions_url
from workbench.words import InputError

LEFT_OUT = ("logprobs", "temperature", "top_p", "seed")
MAX_TOKENS_NAMES = {"max_tokens": "max_completion_tokens", "max_completion_tokens": "max_tokens"}
REFUSES_FIELD = re.compile(r"HTTP (400|422)\b|HTTP 200 with (error (400|422)|an error) in it")
UNKNOWN_FIELD = re.compile(r"(un|not )supported|unknown|unrecogni[sz]ed|unexpected|extra|not (permitted|allowed)", re.I)


class ServerEngine:
    """Replies of a model behind `/v1/chat/completions`; use it in `async with`.

    Asks for the log probability of each token and, where a request has a response schema, for JSON that follows it, as
    far as `send` says. A server that refuses one of these fields answers with a 4xx, which is a `rejected` reply with
    the setting to change and the server's message: nothing is left out silently.

    Parameters
    ----------
    settings : ServerSettings
        Where the model is served and how it is called; completed.
    api_key : str, optional
        Sent as a bearer token; never shown.
    policy : CallPolicy, optional
        Deadline, attempts and waits of one call, where not as the settings say.
    memory : Path, optional
        File that keeps what servers said of their models, for when they cannot be asked.

    Raises
    ------
    InputError
        The address is missing, no http or https address, or holds credentials; the key cannot be sent in a header.
    """

    def __init__(
        self,
        settings: ServerSettings,
        api_key: str | None = None,
        *,
        policy: CallPolicy | None = None,
        memory: Path | None = None,
    ) -> None:
        if settings.base_url is None or settings.model is None:
            raise InputError("a server is asked by its address and a model's name", got="settings without one of them")
        self._settings, self._model = settings, settings.model
        policy = policy or CallPolicy(deadline_s=settings.deadline_s, max_attempts=settings.max_attempts)
        self.concurrency, self.deadline_s = settings.concurrency, policy.deadline_s
        self._memory = memory
        self._url = completions_url(settings.base_url)
        self._headers = _authorization(api_key)
        self._caller = JsonCaller(policy, concurrency=settings.concurrency, rng=random.Random(0))
        self._encoder = BodyEncoder(self._model, settings.send)

    @cached_property
    def identity(self) -> Mapping[str, Any]:
        """What makes two engines the same for the cache: where, which model, what the server says of it, what is sent.

        The server is asked at the first use. Which state of it answered is seen in the replies only.
        """
        version, base = self._settings.version, base_address(self._url.removesuffix("/chat/completions"))
        place = {"address": base} if version is None else {"version": version}
        served = served_model(base, self._model, self._headers, self.deadline_s, self._memory)
        sent = self._settings.send.model_dump(mode="json")
        if not sent["tools"]:  # as it was before tools could be sent, so that answers of then are found
            del sent["tools"]
        return {"kind": "server", "model": self._model, **place, "served": served, "sent": sent}

    async def __aenter__(self) -> Self:
        await self._caller.__aenter__()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._caller.__aexit__(*error)

    def stream(self, requests: AsyncIterator[Request]) -> AsyncGenerator[Reply, None]:
        """Yield one reply for each request, in order of completion."""
        return results_of(requests, self._reply, self.concurrency)

    async def _reply(self, request: Request) -> Reply:
        """Return the server's reply to one request."""
        result = await self._caller.post(self._url, self._encoder.body(request), self._headers)
        if result.failure is not None or result.body is None:
            failure = result.failure and with_remedy(result.failure, self._settings.send)
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
