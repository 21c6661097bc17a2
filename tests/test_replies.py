from __future__ import annotations

import json

import pytest

from workbench.agents.replies import InvalidAnswer, InvalidCause, action_span, json_in

PAY = {"action": "pay"}


@pytest.mark.parametrize(
    "text",
    [
        '{"action": "pay"}',
        ' \ufeff\r\n{"action": "pay"}\n\n',
        '```json\n{"action": "pay"}\n```',
        '```\n{"action": "pay"}\n```\n',
        '```JSON\r\n{"action":\r\n "pay"}\r\n```',
        '```{"action": "pay"}```',
        'Here is my answer:\n```json\n{"action": "pay"}\n```\nIt follows the policy.',
        '```json\n{"action": "pay"}\n',  # a stop word took the end
        '<think>\nIs it {"action": "reject"}? No.\n</think>\n\n{"action": "pay"}',
        'The template opened the thought.</think>{"action": "pay"}',
        '<think>```json\n{"action": "reject"}\n```</think>\n```json\n{"action": "pay"}\n```',
    ],
)
def test_the_one_object_in_a_text_is_read_and_its_action_found(text: str) -> None:
    assert json_in(text) == PAY
    span = action_span(text)
    assert span is not None
    assert text[span.start : span.end + 1] == 'pay"'


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ('{"action": "pay"} {"action": "reject"}', InvalidCause.NOT_JSON),
        ('{"action": "pay"} and more', InvalidCause.NOT_JSON),
        ('```json\n{"action": "pay"}\n```\n```json\n{"action": "reject"}\n```', InvalidCause.NOT_JSON),
        ('```json\n{"action": "pay"}\n{"action": "reject"}\n```', InvalidCause.NOT_JSON),
        ('```python\nprint("pay")\n```', InvalidCause.NOT_JSON),
        ('The answer is {"action": "pay"}', InvalidCause.NOT_JSON),
        ('<think>I do not stop {"action": "pay"}', InvalidCause.NOT_JSON),
        ("<think>Hm.</think>", InvalidCause.NOT_JSON),
        ('{"action": "pay", "action": "reject"}', InvalidCause.DUPLICATE_KEY),
        ('{"action": "pay", "action": "pay"}', InvalidCause.DUPLICATE_KEY),
        ('{"action": "pay", "confidence": 0.9, "confidence": 0.1}', InvalidCause.DUPLICATE_KEY),
        ('{"action": "pay", "more": {"a": 1, "a": 2}}', InvalidCause.DUPLICATE_KEY),
        ('```json\n{"action": "pay", "\\u0061ction": "reject"}\n```', InvalidCause.DUPLICATE_KEY),
        (" \n\ufeff", InvalidCause.EMPTY),
        ('{"a": ' * 100_000, InvalidCause.NOT_JSON),
    ],
)
def test_what_is_not_the_one_object_is_invalid_by_its_cause(text: str, cause: InvalidCause) -> None:
    with pytest.raises(InvalidAnswer, match=cause.value) as caught:
        json_in(text, "stop")
    assert caught.value.cause is cause
    assert len(caught.value.detail) <= 300


def test_a_key_that_is_given_twice_is_named_with_its_values() -> None:
    with pytest.raises(InvalidAnswer, match="duplicate_key") as caught:
        json_in('{"action": "pay", "action": "reject"}')
    assert caught.value.detail == "'action' is given more than once: 'pay', 'reject'"


@pytest.mark.parametrize(
    ("text", "ended", "cause"),
    [
        ("", "length", InvalidCause.TRUNCATED),  # all tokens went into reasoning that is not shown
        ('{"action": "pa', "length", InvalidCause.TRUNCATED),
        ("<think>It is", "length", InvalidCause.TRUNCATED),
        ("I cannot help with that.", "refusal", InvalidCause.REFUSED),
        ('{"action": "pay"}', "refusal", InvalidCause.REFUSED),
        ("", "content_filter", InvalidCause.CONTENT_FILTER),
        ('{"action": "pay"}', "content_filter", InvalidCause.CONTENT_FILTER),
        ("", "tool_calls", InvalidCause.TOOL_CALL),
        ("", "function_call", InvalidCause.TOOL_CALL),
        ("", "stop", InvalidCause.EMPTY),
        ("", None, InvalidCause.EMPTY),
    ],
)
def test_how_a_reply_ended_is_the_cause_before_what_its_text_looks_like(
    text: str, ended: str | None, cause: InvalidCause
) -> None:
    with pytest.raises(InvalidAnswer, match=cause.value) as caught:
        json_in(text, ended)
    assert caught.value.cause is cause


def test_a_whole_answer_at_the_token_cap_is_one() -> None:
    assert json_in('{"action": "pay"}', "length") == PAY


def test_signs_that_control_a_terminal_are_in_no_detail() -> None:
    with pytest.raises(InvalidAnswer, match="not_json") as caught:
        json_in("\x1b[31mred\x1b]0;title\x07 \u202epay\n")
    assert caught.value.detail.isprintable()
    assert "[31mred]0;title pay" in caught.value.detail


@pytest.mark.parametrize(
    ("text", "own", "closes"),
    [
        ('{"action":"pay"}', "pay", '"'),
        ('{"reason": "\\"action\\": \\"reject\\"", "action": "pay"}', "pay", '"'),
        ('{"more": {"action": "reject"}, "action": "pay"}', "pay", '"'),
        ('{"action": 1}', "1", "}"),
        ('{"action": 1 , "reason": ""}', "1", " "),
        ('{"action": true, "reason": ""}', "true", ","),
        ('{"action": "r\\u00e9gler"}', "r\\u00e9gler", '"'),
        ('{"action": "", "reason": "x"}', "", '"'),
    ],
)
def test_an_actions_own_characters_and_what_closes_them_are_found(text: str, own: str, closes: str) -> None:
    assert isinstance(json.loads(text), dict)
    span = action_span(text)
    assert span is not None
    assert (text[span.start : span.end], text[span.end]) == (own, closes)


@pytest.mark.parametrize("text", ["", "pay", "[1]", '{"reason": "x"}', '{"reason": "x"', "{}", "7", '"action"'])
def test_where_there_is_no_action_there_is_no_place(text: str) -> None:
    assert action_span(text) is None
