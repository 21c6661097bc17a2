"""Replies read: the one JSON object in a model's text, and where its action stands there."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from workbench.words import readable

MAX_DETAIL = 300
BLANKS = " \t\r\n\ufeff"  # a byte order mark in front is no part of a text either
THOUGHT_ENDS = "</think>"
FENCE = "```"
FENCE_OPENS = re.compile(r"```[\w+-]*\s*")


class InvalidCause(StrEnum):
    """Why an answer is not a decision."""

    EMPTY = "empty"
    TRUNCATED = "truncated"  # the token cap cut it off
    REFUSED = "refused"  # the model says that it will not answer
    CONTENT_FILTER = "content_filter"  # the server kept the answer back, or a part of it
    TOOL_CALL = "tool_call"  # it called a tool instead of answering
    NOT_JSON = "not_json"
    NOT_AN_OBJECT = "not_an_object"
    DUPLICATE_KEY = "duplicate_key"  # which of the values is meant cannot be known
    NO_ACTION = "no_action"
    UNKNOWN_ACTION = "unknown_action"
    BAD_CONFIDENCE = "bad_confidence"  # not a number in [0, 1]
    BAD_REASON = "bad_reason"  # not text


class InvalidAnswer(ValueError):  # noqa: N818 - a counted outcome, not a fault of the program
    """An answer that is no decision; raised and caught inside this room's callers."""

    def __init__(self, cause: InvalidCause, detail: str) -> None:
        super().__init__(cause.value)
        self.cause = cause
        self.detail = readable(detail, MAX_DETAIL)


# How a reply ended, where that says why it is no answer: whatever its text, and only where the text is none.
ENDED_WITHOUT = {"refusal": InvalidCause.REFUSED, "content_filter": InvalidCause.CONTENT_FILTER}
ENDED_SHORT = {
    "length": InvalidCause.TRUNCATED,
    "tool_calls": InvalidCause.TOOL_CALL,
    "function_call": InvalidCause.TOOL_CALL,
}


@dataclass(frozen=True, slots=True)
class Span:
    """Where a value's own characters stand in a text, without quotes; `end` is where what closes it stands."""

    start: int
    end: int


def json_in(text: str, finish_reason: str | None = None) -> Any:
    r"""Return the JSON value of a reply's text: all of it, what follows its reasoning, or the one thing it fences.

    Raises
    ------
    InvalidAnswer
        There is none, it gives a key twice, or the reply ended otherwise than by an answer.

    Examples
    --------
    >>> json_in('<think>Hm.</think>\n```json\n{"action": "pay"}\n```')
    {'action': 'pay'}
    """
    if finish_reason in ENDED_WITHOUT:
        raise InvalidAnswer(ENDED_WITHOUT[finish_reason], text or "the reply has no text")
    short = None if finish_reason is None else ENDED_SHORT.get(finish_reason)
    if not text.strip(BLANKS):
        raise InvalidAnswer(short or InvalidCause.EMPTY, f"the reply has no text and ended by {finish_reason}")
    try:
        return _found(text)[0]
    except InvalidAnswer:
        raise
    except (ValueError, RecursionError) as error:  # ValueError: no JSON, or a number of thousands of digits
        raise InvalidAnswer(short or InvalidCause.NOT_JSON, f"{error}: {text}") from None


def action_span(text: str) -> Span | None:
    """Return where the action of a reply's object stands, None where there is none; for text that `json_in` reads.

    Examples
    --------
    >>> text = '{"reason": "action", "action": "pay"}'
    >>> span = action_span(text)
    >>> text[span.start : span.end], text[span.end]
    ('pay', '"')
    """
    try:
        begin = _after_blanks(text, 0)
        start = begin if text.startswith("{", begin) else _found(text)[1]
        for name, begin, end in _members(text, start):
            if name == "action":
                return Span(begin + 1, end - 1) if text[begin] == '"' else Span(begin, end)
    except (ValueError, RecursionError, IndexError):
        pass
    return None


def _found(text: str) -> tuple[Any, int]:
    """Return the JSON value in a text, and where it begins. Raises ValueError where it is not the one thing there."""
    begin = _after_blanks(text, 0)
    if not text.startswith("{", begin) and THOUGHT_ENDS in text:
        begin = _after_blanks(text, text.rindex(THOUGHT_ENDS) + len(THOUGHT_ENDS))
    fence = None if text.startswith("{", begin) else FENCE_OPENS.search(text, begin)
    if fence is None:
        value, end = _DECODER.raw_decode(text, begin)
        if _after_blanks(text, end) != len(text):
            raise ValueError("text after the JSON")
        return value, begin
    value, end = _DECODER.raw_decode(text, fence.end())
    rest = text[_after_blanks(text, end) :]
    if rest and (not rest.startswith(FENCE) or FENCE in rest.removeprefix(FENCE)):
        raise ValueError("more than one JSON value in a fence")
    return value, fence.end()


def _after_blanks(text: str, place: int) -> int:
    while place < len(text) and text[place] in BLANKS:
        place += 1
    return place


def _members(text: str, start: int) -> Iterator[tuple[str, int, int]]:
    """Yield the members of the object at a place: name, and where the value begins and ends."""
    place = start
    while text[place] in "{,":
        name, place = _DECODER.raw_decode(text, _after_blanks(text, place + 1))
        begin = _after_blanks(text, _after_blanks(text, place) + 1)
        _, place = _DECODER.raw_decode(text, begin)
        yield name, begin, place
        place = _after_blanks(text, place)


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object's members. Raises InvalidAnswer where one is given twice."""
    content = dict(pairs)
    if len(content) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        values = ", ".join(repr(value)[:50] for name, value in pairs if name == twice)
        raise InvalidAnswer(InvalidCause.DUPLICATE_KEY, f"{twice!r} is given more than once: {values}")
    return content


_DECODER = json.JSONDecoder(object_pairs_hook=_once_each)
