"""Decisions: what an agent says about a record, and how an answer becomes one."""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from workbench.engines.protocol import Reply, TokenLogprob
from workbench.labels import label_text


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


class ConfidenceSource(StrEnum):
    """Where a confidence comes from."""

    LOGPROB = "logprob"  # the probability of the action's tokens
    STATED = "stated"  # the agent's own number
    AGREEMENT = "agreement"  # how many of its repeats decided the same; known only where a version was asked again


@dataclass(frozen=True, slots=True)
class Decision:
    """One terminal row: what one agent decided on one record, or why it did not.

    Parameters
    ----------
    cause, detail : str, optional
        Machine-readable cause and a reader's detail of an invalid, failed or skipped decision.
    confidence : float, optional
        The one that is held against the threshold, in [0, 1]: the token probability where there is one, else the stated
        number. None when the agent gives neither; such a decision is never automated.
    confidence_source : ConfidenceSource, optional
        Which one that is.
    text : str, optional
        The raw reply.
    latency_s : float
        Seconds for this decision, retries included; 0 for a skipped one.
    tokens : tuple of TokenLogprob, optional
        The raw reply token by token, where the engine gives log probabilities.
    logprob, stated : float, optional
        Probability of the action's tokens, and the agent's own number: each where it was given, in [0, 1].
    """

    record_id: str
    status: Status
    action: str | None = None
    confidence: float | None = None
    confidence_source: ConfidenceSource | None = None
    reason: str | None = None
    cause: str | None = None
    detail: str | None = None
    text: str | None = None
    latency_s: float = 0.0
    attempts: int = 0
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    tokens: tuple[TokenLogprob, ...] | None = None
    logprob: float | None = None
    stated: float | None = None


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
    if isinstance(action, str) and action not in actions:
        action = label_text(action)
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
    return _from_reply(
        reply,
        Status.OK,
        action=answer.action,
        reason=answer.reason,
        **confidences(probability, answer.confidence),
    )


def confidences(logprob: float | None, stated: float | None) -> dict[str, Any]:
    """Return the fields of a decision on how sure the agent is, from what it gave."""
    given = {ConfidenceSource.LOGPROB: logprob, ConfidenceSource.STATED: stated}
    source = next((source for source, value in given.items() if value is not None), None)
    used = None if source is None else given[source]
    return {"confidence": used, "confidence_source": source, "logprob": logprob, "stated": stated}


def given_confidences(
    confidence: float | None, source: str | None, text: str | None
) -> tuple[float | None, float | None]:
    """Return token probability and stated number of a decision from the one that is used and the raw reply.

    Examples
    --------
    >>> given_confidences(0.8, "logprob", '{"action": "approve", "confidence": 0.95}')
    (0.8, 0.95)
    >>> given_confidences(0.95, "stated", None)
    (None, 0.95)
    """
    if source != ConfidenceSource.LOGPROB:
        return None, confidence
    if text is None or '"confidence"' not in text:
        return confidence, None
    try:
        return confidence, _confidence(json.loads(text).get("confidence"))
    except (ValueError, RecursionError, AttributeError):  # no reply that gave this decision
        return confidence, None


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
