"""Decisions: what an agent says about a record, and how an answer becomes one."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum
from numbers import Integral, Real
from typing import Any

from workbench.agents.replies import InvalidAnswer, InvalidCause, action_span, json_in
from workbench.engines import Origin, Reply, TokenLogprob
from workbench.environment import Event, Trace, redacted, reported_events
from workbench.metrics import Status
from workbench.pilot import label_text

MAX_SHOWN = 200
NUMBER = re.compile(r"[+-]?\d{1,100}(\.\d{1,100})?", re.ASCII)


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
    origin : Origin, optional
        What the server said of itself in the reply.
    trace : Trace, optional
        What happened on the way, where the agent has tools or guards or reports anything.
    remembered : mapping of str to str, optional
        What is remembered after it, by the name of the memory, where the agent has memory.
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
    origin: Origin | None = None
    trace: Trace | None = None
    remembered: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class ParsedAnswer:
    """The valid content of an answer; `trace` is what the agent reports of its way there, and the evidence it cites."""

    action: str
    confidence: float | None
    reason: str | None
    trace: Trace | None = None


def read_answer(content: object, actions: Collection[str]) -> ParsedAnswer:
    """Return the answer in an agent's object `{"action": ..., "confidence": ..., "reason": ...}`.

    The three kinds of agent (prompt, Python callable, HTTP endpoint) all answer in this form; `confidence` and
    `reason` may be left out. `trace` may list events (what the agent did), `evidence` the fields and tool calls that it
    rests on; further keys are ignored.

    Raises
    ------
    InvalidAnswer
        The content is no mapping, or a value does not fit.

    Examples
    --------
    >>> read_answer({"action": "approve", "confidence": 0.9}, {"approve", "reject"})
    ParsedAnswer(action='approve', confidence=0.9, reason=None, trace=None)
    """
    if not isinstance(content, Mapping):
        raise InvalidAnswer(InvalidCause.NOT_AN_OBJECT, f"got {type(content).__name__}")
    if "action" not in content:
        raise InvalidAnswer(InvalidCause.NO_ACTION, f"keys: {', '.join(map(str, content))[:200]}")
    action = _meant(content["action"], actions)
    if action is None:
        raise InvalidAnswer(InvalidCause.UNKNOWN_ACTION, _shown(content["action"]))
    reason = _reason(content.get("reason"))
    return ParsedAnswer(action, _confidence(content.get("confidence")), reason, _reported(content))


def _meant(action: object, actions: Collection[str]) -> str | None:
    """Return the one action that a value means, None where it means none or several.

    Text is compared as labels are; a number means the label with its value, true and false the label so called.
    """
    if isinstance(action, str):
        text = action if action in actions else label_text(action)
        return text if text in actions else None
    if isinstance(action, bool):
        meant = [label for label in actions if label.casefold() == str(action).casefold()]
    elif isinstance(action, Real):
        value = Decimal(int(action)) if isinstance(action, Integral) else Decimal(repr(float(action)))
        meant = [label for label in actions if NUMBER.fullmatch(label) and Decimal(label) == value]
    else:
        return None
    return meant[0] if len(meant) == 1 else None


def _shown(value: object) -> str:
    """Return a value of an agent's for a reader, its type where it cannot be written."""
    try:
        return repr(value)[:MAX_SHOWN]
    except Exception:  # whatever a user's object raises concerns this record only
        return type(value).__name__


def _confidence(value: object) -> float | None:
    """Return a stated confidence, None when there is none."""
    if value is None:
        return None
    if isinstance(value, bool) or not hasattr(value, "__float__"):
        raise InvalidAnswer(InvalidCause.BAD_CONFIDENCE, _shown(value))
    try:
        number = float(value)
    except OverflowError:  # an integer of hundreds of digits
        raise InvalidAnswer(InvalidCause.BAD_CONFIDENCE, "a number too large") from None
    if not 0.0 <= number <= 1.0:
        raise InvalidAnswer(InvalidCause.BAD_CONFIDENCE, _shown(number))
    return number


def with_trace(decision: Decision, events: Sequence[Event], private: Mapping[str, str]) -> Decision:
    """Return a decision whose trace begins with events that were observed; what the agent reports follows.

    Values of the record that are personal data, by column, do not stand in it.
    """
    reported = decision.trace or Trace()
    return replace(decision, trace=redacted(Trace((*events, *reported.events), reported.dropped), private))


def _reported(content: Mapping[str, Any]) -> Trace | None:
    """Return what an answer reports of its way, None where it reports nothing; what cannot be read is counted."""
    events, unread = reported_events(content.get("trace"))
    cited = content.get("evidence")
    evidence, unread_evidence = reported_events(
        [{**one, "kind": "evidence"} if isinstance(one, Mapping) else one for one in cited]
        if isinstance(cited, list | tuple)
        else cited
    )
    found = Trace((*events, *evidence), unread + unread_evidence)
    return found if found or found.dropped else None


def _reason(value: object) -> str | None:
    """Return a stated reason, None when there is none."""
    if value is None or isinstance(value, str):
        return value
    raise InvalidAnswer(InvalidCause.BAD_REASON, _shown(value))


def decision_from_reply(reply: Reply, actions: Collection[str]) -> Decision:
    """Return the decision in an engine's reply: ok, invalid with its cause, or failed with its cause.

    Confidence is the probability of the action's tokens where the engine gives log probabilities, else the number the
    reply states, else None.
    """
    if reply.failure is not None:
        return _from_reply(reply, Status.FAILED, cause=reply.failure.cause.value, detail=reply.failure.detail)
    text = reply.text or ""
    try:
        answer = read_answer(json_in(text, reply.finish_reason), actions)
    except InvalidAnswer as invalid:
        return _from_reply(reply, Status.INVALID, cause=invalid.cause.value, detail=invalid.detail)
    probability = action_probability(text, answer.action, reply.tokens, actions)
    return _from_reply(
        reply,
        Status.OK,
        action=answer.action,
        reason=answer.reason,
        trace=answer.trace,
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
        return confidence, _confidence(json_in(text).get("confidence"))
    except (ValueError, AttributeError):  # no reply that gave this decision
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
        origin=reply.origin,
        **facts,
    )


def action_probability(
    text: str, action: str, tokens: tuple[TokenLogprob, ...] | None, actions: Collection[str] = ()
) -> float | None:
    """Return the probability of the tokens that spell the action's value in a JSON reply.

    The product over every token that overlaps the value's characters, tokens being matched to the text in order; where
    another of the actions begins with this one, also of the token that closes the value, because there the reply could
    have gone on to the other. None when there are no tokens or they do not spell the text (a server that omits or
    rewrites some).

    Examples
    --------
    >>> spelled = {'{"action": "': 1.0, "ok": 0.8, '"}': 0.5}
    >>> tokens = tuple(TokenLogprob(token, math.log(chance)) for token, chance in spelled.items())
    >>> round(action_probability('{"action": "ok"}', "ok", tokens, ("ok", "no")), 3)
    0.8
    >>> round(action_probability('{"action": "ok"}', "ok", tokens, ("ok", "ok_later")), 3)
    0.4
    """
    if not tokens or "".join(token.token for token in tokens) != text:
        return None
    span = action_span(text)
    if span is None:
        return None
    end = span.end + (span.start == span.end or begins_another(action, actions))
    position, total = 0, 0.0
    for token in tokens:
        after = position + len(token.token)
        if after > span.start:
            total += token.logprob
        if after >= end:
            break
        position = after
    return None if math.isnan(total) else min(1.0, math.exp(total))


def begins_another(action: str, actions: Collection[str]) -> bool:
    """Return whether another action begins with this one, as `reject_duplicate` does with `reject`."""
    return any(other != action and other.startswith(action) for other in actions)
