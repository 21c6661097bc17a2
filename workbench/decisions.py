"""Decisions: what an agent says about a record, and how an answer becomes one."""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from workbench.engines.protocol import Reply, TokenLogprob


class Status(StrEnum):
    """How a planned decision ended."""

    OK = "ok"  # a valid action
    INVALID = "invalid"  # an answer that is no valid action
    FAILED = "failed"  # no answer
    SKIPPED = "skipped"  # never asked, because the run had to stop


class InvalidCause(StrEnum):
    """Why an answer is not a decision."""

    EMPTY = "empty"
    TRUNCATED = "truncated"  # the token cap cut it off
    NOT_JSON = "not_json"
    NOT_AN_OBJECT = "not_an_object"
    NO_ACTION = "no_action"
    UNKNOWN_ACTION = "unknown_action"
    BAD_CONFIDENCE = "bad_confidence"  # not a number in [0, 1]
    BAD_REASON = "bad_reason"  # not text


@dataclass(frozen=True, slots=True)
class Decision:
    """One terminal row: what one agent decided on one record, or why it did not.

    Parameters
    ----------
    cause, detail : str, optional
        Machine-readable cause and a reader's detail of an invalid, failed or skipped decision.
    confidence : float, optional
        In [0, 1]; None when the agent gives none. Such a decision is never automated.
    confidence_source : str, optional
        "logprob" (probability of the action's tokens) or "stated" (the agent's own number).
    text : str, optional
        The raw reply.
    latency_s : float
        Seconds for this decision, retries included; 0 for a skipped one.
    tokens : tuple of TokenLogprob, optional
        The raw reply token by token, where the engine gives log probabilities.
    """

    record_id: str
    status: Status
    action: str | None = None
    confidence: float | None = None
    confidence_source: str | None = None
    reason: str | None = None
    cause: str | None = None
    detail: str | None = None
    text: str | None = None
    latency_s: float = 0.0
    attempts: int = 0
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    tokens: tuple[TokenLogprob, ...] | None = None


class InvalidAnswer(ValueError):  # noqa: N818 - a counted outcome, not a fault of the program
    """An answer that is no decision; raised and caught inside this room's callers."""

    def __init__(self, cause: InvalidCause, detail: str) -> None:
        super().__init__(cause.value)
        self.cause = cause
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Answer:
    """The valid content of an answer."""

    action: str
    confidence: float | None
    reason: str | None


def read_answer(content: object, actions: Collection[str]) -> Answer:
    """Return the answer in an agent's object `{"action": ..., "confidence": ..., "reason": ...}`.

    The three kinds of agent (prompt, Python callable, HTTP endpoint) all answer in this form; `confidence` and
    `reason` may be left out, further keys are ignored.

    Raises
    ------
    InvalidAnswer
        The content is no mapping, or a value does not fit.

    Examples
    --------
    >>> read_answer({"action": "approve", "confidence": 0.9}, {"approve", "reject"})
    Answer(action='approve', confidence=0.9, reason=None)
    """
    if not isinstance(content, Mapping):
        raise InvalidAnswer(InvalidCause.NOT_AN_OBJECT, f"got {type(content).__name__}")
    if "action" not in content:
        raise InvalidAnswer(InvalidCause.NO_ACTION, f"keys: {', '.join(map(str, content))[:200]}")
    action = content["action"]
    if not isinstance(action, str) or action not in actions:
        raise InvalidAnswer(InvalidCause.UNKNOWN_ACTION, repr(action)[:200])
    return Answer(action, _confidence(content.get("confidence")), _reason(content.get("reason")))


def _confidence(value: object) -> float | None:
    """Return a stated confidence, None when there is none."""
    if value is None:
        return None
    if isinstance(value, bool) or not hasattr(value, "__float__"):
        raise InvalidAnswer(InvalidCause.BAD_CONFIDENCE, repr(value)[:200])
    try:
        number = float(value)
    except OverflowError:  # an integer of hundreds of digits
        raise InvalidAnswer(InvalidCause.BAD_CONFIDENCE, "a number too large") from None
    if not 0.0 <= number <= 1.0:
        raise InvalidAnswer(InvalidCause.BAD_CONFIDENCE, repr(number))
    return number


def _reason(value: object) -> str | None:
    """Return a stated reason, None when there is none."""
    if value is None or isinstance(value, str):
        return value
    raise InvalidAnswer(InvalidCause.BAD_REASON, repr(value)[:200])


def decision_from_reply(reply: Reply, actions: Collection[str]) -> Decision:
    """Return the decision in an engine's reply: ok, invalid with its cause, or failed with its cause.

    Confidence is the probability of the action's tokens where the engine gives log probabilities, else the number the
    reply states, else None.
    """
    if reply.failure is not None:
        return _from_reply(reply, Status.FAILED, cause=reply.failure.cause.value, detail=reply.failure.detail)
    text = reply.text or ""
    try:
        answer = read_answer(_json(text, reply.finish_reason), actions)
    except InvalidAnswer as invalid:
        return _from_reply(reply, Status.INVALID, cause=invalid.cause.value, detail=invalid.detail)
    probability = action_probability(text, answer.action, reply.tokens)
    source = "logprob" if probability is not None else "stated" if answer.confidence is not None else None
    return _from_reply(
        reply,
        Status.OK,
        action=answer.action,
        confidence=answer.confidence if probability is None else probability,
        confidence_source=source,
        reason=answer.reason,
    )


def _from_reply(reply: Reply, status: Status, **facts: Any) -> Decision:
    """Return a decision with what the reply says of itself."""
    return Decision(
        reply.id,
        status,
        text=reply.text,
        latency_s=reply.latency_s,
        attempts=reply.attempts,
        prompt_tokens=reply.prompt_tokens,
        completion_tokens=reply.completion_tokens,
        tokens=reply.tokens,
        **facts,
    )


def _json(text: str, finish_reason: str | None) -> object:
    """Return the JSON value of a reply's text."""
    if not text.strip():
        raise InvalidAnswer(InvalidCause.EMPTY, "the reply has no text")
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:  # ValueError: no JSON, or a number of thousands of digits
        cause = InvalidCause.TRUNCATED if finish_reason == "length" else InvalidCause.NOT_JSON
        raise InvalidAnswer(cause, f"{error}: {text[:200]}") from None


def action_probability(text: str, action: str, tokens: tuple[TokenLogprob, ...] | None) -> float | None:
    """Return the probability of the tokens that spell the action's value in a JSON reply.

    The product over every token that overlaps the value's characters, tokens being matched to the text in order; None
    when there are no tokens or they do not spell the text (a server that omits or rewrites some).

    Examples
    --------
    >>> tokens = (TokenLogprob('{"action": "', 0.0), TokenLogprob("ok", math.log(0.8)), TokenLogprob('"}', 0.0))
    >>> round(action_probability('{"action": "ok"}', "ok", tokens), 3)
    0.8
    """
    if not tokens or "".join(token.token for token in tokens) != text:
        return None
    key = text.find('"action"')
    start = text.find(json.dumps(action, ensure_ascii=False), key + len('"action"')) + 1
    if key < 0 or start < 1:
        return None
    end, position, total = start + len(action), 0, 0.0
    for token in tokens:
        after = position + len(token.token)
        if after > start:
            total += token.logprob
        if after >= end:
            break
        position = after
    return None if math.isnan(total) else min(1.0, math.exp(total))
