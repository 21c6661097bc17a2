"""The chat-completions format: requests as JSON bodies, completions as replies."""

from __future__ import annotations

import codecs
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from workbench.engines.http_answers import json_text
from workbench.engines.protocol import (
    CalledTool,
    Failure,
    FailureCause,
    Message,
    Origin,
    Reply,
    Request,
    TokenLogprob,
)
from workbench.engines.server.settings import ReplyFormat, SendSettings
from workbench.words import whole_text

MAX_REMEMBERED_MESSAGES = 16
MAX_COUNT = 2**31
MAX_ORIGIN = 200
BROKEN_OFF = ("error", "abort")  # what servers say of a reply that they could not finish
TEXT_PARTS = ("text", "output_text")
REFUSAL, TOOL_CALLS = "refusal", "tool_calls"
MAX_LOGPROB = 0.001  # a probability of 1 may come out a little above it in the server's arithmetic

_Tokens = tuple[list[str], list[float]]


class BodyEncoder:
    """Encodes request bodies; what requests share (settings, schema, system prompt) is encoded once."""

    def __init__(self, model: str, send: SendSettings = SendSettings()) -> None:
        self._model = model
        self._send = send
        self._systems: dict[Message, bytes] = {}
        self._settings: tuple[Request, bytes] | None = None

    def body(self, request: Request) -> bytes:
        """Return the JSON body of a request."""
        return b'{"messages":[%b],%b' % (b",".join(map(self._message, request.messages)), self._tail(request))

    def _message(self, message: Message) -> bytes:
        """Return one message as JSON."""
        if message.role != "system":
            return _json_message(message)
        encoded = self._systems.get(message)
        if encoded is None:
            if len(self._systems) >= MAX_REMEMBERED_MESSAGES:
                self._systems.clear()
            encoded = self._systems[message] = _json_message(message)
        return encoded

    def _tail(self, request: Request) -> bytes:
        """Return everything of a body but the messages."""
        known = self._settings
        if known is None or not _is_set_alike(known[0], request):
            known = self._settings = (request, self._encoded_tail(request))
        return known[1]

    def _encoded_tail(self, request: Request) -> bytes:
        """Return the settings of a request as the end of a JSON object."""
        send, sampling = self._send, request.sampling
        content: dict[str, Any] = {"model": self._model, send.max_tokens: sampling.max_tokens}
        fields = {"temperature": sampling.temperature, "top_p": sampling.top_p, "seed": sampling.seed, "logprobs": True}
        content |= {name: value for name, value in fields.items() if getattr(send, name)}
        if request.response_schema is not None and send.response_format is ReplyFormat.JSON_SCHEMA:
            schema = {"name": "answer", "strict": True, "schema": request.response_schema}
            content["response_format"] = {"type": "json_schema", "json_schema": schema}
        elif request.response_schema is not None and send.response_format is ReplyFormat.JSON_OBJECT:
            content["response_format"] = {"type": "json_object"}
        if request.tools is not None and send.tools:
            content["tools"] = [{"type": "function", "function": dict(tool)} for tool in request.tools]
        return json.dumps(content).removeprefix("{").encode()


def _is_set_alike(one: Request, other: Request) -> bool:
    """Return whether two requests differ in their messages only."""
    return one.response_schema is other.response_schema and one.tools is other.tools and one.sampling == other.sampling


def _json_message(message: Message) -> bytes:
    """Return one message as JSON, in ASCII so that a lone surrogate in a record cannot stop it."""
    content: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.calls is not None:
        function = {"name": message.calls.name, "arguments": message.calls.arguments}
        content["tool_calls"] = [{"id": message.calls.id, "type": "function", "function": function}]
    if message.answers is not None:
        content["tool_call_id"] = message.answers.id
    return json.dumps(content).encode()


def reply_from_completion(request_id: str, body: Mapping[str, Any], *, latency_s: float, attempts: int) -> Reply:
    """Return the reply in a chat completion's JSON object; a failed one when it is none.

    Empty or null content is an empty text, not a failure; parts of content are joined, and a refusal is a text with
    "refusal" as its end. Tokens are None when the server gives none it can be read by.
    """
    try:
        choice = body["choices"][0]
        text, instead = _said(choice["message"])
        finish_reason = choice.get("finish_reason")
        usage = body.get("usage") or {}
        prompt_tokens, completion_tokens = _count(usage.get("prompt_tokens")), _count(usage.get("completion_tokens"))
    except (KeyError, IndexError, TypeError, AttributeError):
        return _no_completion(request_id, body, latency_s, attempts)
    if not isinstance(finish_reason, str | None):
        return _no_completion(request_id, body, latency_s, attempts)
    if finish_reason in BROKEN_OFF:
        failure = Failure(FailureCause.SERVER_ERROR, f"the server ended the reply: {json_text(choice)}")
        return Reply(request_id, None, latency_s, attempts, failure=failure)
    text = whole_text(text)
    return Reply(
        request_id,
        text,
        latency_s,
        attempts,
        tokens_from_logprobs(choice.get("logprobs"), text),
        prompt_tokens,
        completion_tokens,
        instead or finish_reason,
        origin=_origin(body),
        called=_called(choice["message"]),
    )


def _said(message: Mapping[str, Any]) -> tuple[str, str | None]:
    """Return a message's text, and what it is instead of an answer. Raises where it is no message."""
    called = message.get("tool_calls") or message.get("function_call")
    content = message.get("content") if called else message["content"]
    refusals = [message.get("refusal")]
    if isinstance(content, list):
        refusals += [part.get("refusal") for part in content]
        content = "".join(part["text"] for part in content if part.get("type", "text") in TEXT_PARTS)
    if not isinstance(content, str | None):
        raise TypeError("content is no text")
    refusal = next((text for text in refusals if isinstance(text, str) and text), None)
    if refusal is not None:
        return refusal, REFUSAL
    return content or "", TOOL_CALLS if called and not content else None


def _called(message: Mapping[str, Any]) -> CalledTool | None:
    """Return the first tool that a message calls, None where it calls none that can be read."""
    try:
        call = message["tool_calls"][0]
        name, arguments = call["function"]["name"], call["function"]["arguments"]
        return CalledTool(str(call["id"]), str(name), whole_text(str(arguments)))
    except (KeyError, IndexError, TypeError):
        return None


def _origin(body: Mapping[str, Any]) -> Origin | None:
    """Return what a completion says of the server, None where it says nothing."""
    model, fingerprint = (
        whole_text(value[:MAX_ORIGIN]) if isinstance(value, str) and value else None
        for value in (body.get("model"), body.get("system_fingerprint"))
    )
    return None if model is None and fingerprint is None else Origin(model, fingerprint)


def _no_completion(request_id: str, body: Mapping[str, Any], latency_s: float, attempts: int) -> Reply:
    """Return the failed reply for a JSON object that is no chat completion."""
    failure = Failure(FailureCause.MALFORMED, f"no chat completion: {json_text(body)}")
    return Reply(request_id, None, latency_s, attempts, failure=failure)


def _count(value: object) -> int | None:
    """Return a token count, None when there is none."""
    return value if isinstance(value, int) and 0 <= value < MAX_COUNT else None


def tokens_from_logprobs(logprobs: object, text: str) -> tuple[TokenLogprob, ...] | None:
    """Return the tokens that spell a text, from a completion's `logprobs`; None when there are none.

    A character that several tokens spell byte by byte becomes one token with the product of their probabilities. What
    comes before or after the text (reasoning, an end-of-turn token) is left out. Tokens that do not spell the text are
    returned as they are.

    Examples
    --------
    >>> tokens_from_logprobs({"content": [{"token": "ok", "logprob": -0.5}, {"token": "<end>", "logprob": 0.0}]}, "ok")
    (TokenLogprob(token='ok', logprob=-0.5),)
    """
    entries = logprobs.get("content") if isinstance(logprobs, Mapping) else None
    if not isinstance(entries, list) or not entries:
        return None
    try:
        pieces = [entry["token"] for entry in entries]
        values = [float(entry["logprob"]) for entry in entries]
        if max(values) > MAX_LOGPROB or math.isnan(sum(values)):
            return None
        if "".join(pieces) != text:
            pieces, values = _cut_to(text, *_whole_characters(entries, values)) or (pieces, values)
        return tuple(map(TokenLogprob, pieces, values))
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError):
        return None


def _whole_characters(entries: Sequence[Mapping[str, Any]], logprobs: Sequence[float]) -> _Tokens:
    """Return tokens by their bytes, those that share a character joined into one."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    pieces, totals, total = [], [], 0.0
    for entry, logprob in zip(entries, logprobs, strict=True):
        total += logprob
        raw = entry.get("bytes")
        piece = decoder.decode(entry["token"].encode() if raw is None else bytes(raw))
        if piece:
            pieces.append(piece)
            totals.append(total)
            total = 0.0
    return pieces, totals


def _cut_to(text: str, pieces: Sequence[str], logprobs: Sequence[float]) -> _Tokens | None:
    """Return the tokens of the last place where they spell a text, cut to it; None where they do not."""
    start = "".join(pieces).rfind(text)
    if start < 0 or not text:
        return None
    within: _Tokens = ([], [])
    position = -start
    for piece, logprob in zip(pieces, logprobs, strict=True):
        inside = piece[max(0, -position) : max(0, len(text) - position)]
        if inside:
            within[0].append(inside)
            within[1].append(logprob)
        position += len(piece)
    return within
