from __future__ import annotations

import json
import math
from typing import Any

import pytest

from workbench.agents.decisions import action_probability
from workbench.engines.completion import BodyEncoder, reply_from_completion, tokens_from_logprobs
from workbench.engines.protocol import FailureCause, Message, Origin, Reply, Request, SamplingParams, TokenLogprob
from workbench.engines.server.settings import ReplyFormat, SendSettings

SCHEMA = {"type": "object", "properties": {"action": {"type": "string", "enum": ["ja", "nein"]}}}


def completion(text: object, *, logprobs: object = None, **choice: Any) -> dict[str, Any]:
    return {
        "choices": [{"message": {"content": text}, "logprobs": logprobs, "finish_reason": "stop", **choice}],
        "usage": {"prompt_tokens": 7, "completion_tokens": 2},
    }


def entries(*pairs: tuple[str, float]) -> dict[str, Any]:
    return {"content": [{"token": token, "logprob": logprob} for token, logprob in pairs]}


def read(body: dict[str, Any]) -> Reply:
    return reply_from_completion("r1", body, latency_s=0.5, attempts=2)


def test_a_body_holds_messages_sampling_logprobs_and_the_schema() -> None:
    sampling = SamplingParams(temperature=0.7, top_p=0.9, max_tokens=32, seed=5)
    request = Request("r1", (Message("system", "Be brief."), Message("user", 'Say "ja".\n')), sampling, SCHEMA)
    assert json.loads(BodyEncoder("m").body(request)) == {
        "model": "m",
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": 'Say "ja".\n'}],
        "temperature": 0.7,
        "top_p": 0.9,
        "max_tokens": 32,
        "seed": 5,
        "logprobs": True,
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "answer", "strict": True, "schema": SCHEMA},
        },
    }


@pytest.mark.parametrize(
    ("send", "left_out", "added"),
    [
        (SendSettings(logprobs=False, seed=False), {"logprobs", "seed"}, {}),
        (SendSettings(temperature=False, top_p=False), {"temperature", "top_p"}, {}),
        (SendSettings(max_tokens="max_completion_tokens"), {"max_tokens"}, {"max_completion_tokens": 9}),
        (SendSettings(response_format=ReplyFormat.JSON_OBJECT), set(), {"response_format": {"type": "json_object"}}),
        (SendSettings(response_format=ReplyFormat.NONE), {"response_format"}, {}),
    ],
)
def test_a_body_holds_what_is_to_be_sent_and_under_which_name(
    send: SendSettings, left_out: set[str], added: dict[str, Any]
) -> None:
    request = Request("r1", (Message("user", "Hi"),), SamplingParams(max_tokens=9), SCHEMA)
    whole = json.loads(BodyEncoder("m").body(request))
    expected = {name: value for name, value in whole.items() if name not in left_out} | added
    assert json.loads(BodyEncoder("m", send).body(request)) == expected


def test_a_body_without_a_schema_has_no_response_format() -> None:
    request = Request("r1", (Message("user", "Hi"),), SamplingParams())
    assert "response_format" not in json.loads(BodyEncoder("m").body(request))


def test_what_is_remembered_never_leaks_into_another_request() -> None:
    encoder = BodyEncoder("m")
    for number in range(100):
        system, user = f"system {number % 40}", f'user {number} "ü" \ud83d 100%b'
        sampling = SamplingParams(seed=number // 4)
        schema = {"properties": {"n": number % 2}} if number % 5 else None
        body = json.loads(
            encoder.body(Request("r", (Message("system", system), Message("user", user)), sampling, schema))
        )
        assert [message["content"] for message in body["messages"]] == [system, user]
        assert body["seed"] == number // 4
        assert body.get("response_format", {}).get("json_schema", {}).get("schema") == schema


def test_a_completion_becomes_a_reply() -> None:
    reply = read(completion('{"action": "ja"}', logprobs=entries(('{"action": "ja"}', -0.25))))
    assert reply == Reply(
        "r1", '{"action": "ja"}', 0.5, 2, (TokenLogprob('{"action": "ja"}', -0.25),), 7, 2, "stop", None
    )


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"error": {"message": "upstream"}},
        {"choices": []},
        {"choices": None},
        {"choices": {"0": 1}},
        {"choices": ["text"]},
        {"choices": [{"message": None}]},
        {"choices": [{"message": {}}]},
        completion(["a list"]),
        completion("x", finish_reason=3),
        {"choices": [{"message": {"content": "x"}}], "usage": "free"},
    ],
)
def test_json_that_is_no_completion_is_a_malformed_reply(body: dict[str, Any]) -> None:
    reply = read(body)
    assert reply.text is None
    assert reply.failure is not None
    assert reply.failure.cause is FailureCause.MALFORMED
    assert reply.attempts == 2


def test_json_that_is_nested_deeply_is_a_malformed_reply() -> None:
    nested: dict[str, Any] = {}
    for _ in range(100_000):
        nested = {"x": nested}
    reply = read(nested)
    assert reply.failure is not None
    assert reply.failure.detail == "no chat completion: (nested too deeply to be shown)"


@pytest.mark.parametrize(
    ("message", "text", "finish_reason"),
    [
        (
            {"content": [{"type": "text", "text": '{"action":'}, {"type": "text", "text": ' "ja"}'}]},
            '{"action": "ja"}',
            "stop",
        ),
        ({"content": [{"type": "thinking", "thinking": "Hm."}, {"text": "ja"}]}, "ja", "stop"),
        ({"content": []}, "", "stop"),
        ({"content": None, "refusal": "I cannot help."}, "I cannot help.", "refusal"),
        ({"content": [{"type": "refusal", "refusal": "No."}]}, "No.", "refusal"),
        ({"content": None, "tool_calls": [{"id": "c1"}]}, "", "tool_calls"),
        ({"function_call": {"name": "decide"}}, "", "tool_calls"),
        ({"content": "ja", "tool_calls": [{"id": "c1"}]}, "ja", "stop"),
        ({"content": "ja", "tool_calls": [], "refusal": None}, "ja", "stop"),
    ],
)
def test_each_form_of_a_message_is_read(message: dict[str, Any], text: str, finish_reason: str) -> None:
    reply = read({"choices": [{"message": message, "finish_reason": "stop"}]})
    assert (reply.text, reply.finish_reason, reply.failure) == (text, finish_reason, None)


def test_a_reply_that_the_server_broke_off_is_a_failure_that_is_asked_again() -> None:
    reply = read(completion("", finish_reason="error", error={"code": 502, "message": "upstream"}))
    assert reply.failure is not None
    assert reply.failure.cause is FailureCause.SERVER_ERROR
    assert "upstream" in reply.failure.detail


@pytest.mark.parametrize(
    ("said", "origin"),
    [
        ({"model": "m-0613", "system_fingerprint": "fp_1"}, Origin("m-0613", "fp_1")),
        ({"model": "m", "system_fingerprint": None}, Origin("m", None)),
        ({"model": 7, "system_fingerprint": ""}, None),
        ({"model": "m" * 500}, Origin("m" * 200, None)),
    ],
)
def test_what_a_server_says_of_itself_is_kept_with_the_reply(said: dict[str, Any], origin: Origin | None) -> None:
    assert read(completion("x") | said).origin == origin


@pytest.mark.parametrize("content", [None, ""])
def test_no_content_is_an_empty_text_and_no_failure(content: str | None) -> None:
    reply = read(completion(content))
    assert (reply.text, reply.failure) == ("", None)


@pytest.mark.parametrize(
    "usage", [None, {}, {"prompt_tokens": "many"}, {"prompt_tokens": -1}, {"prompt_tokens": 2**70}]
)
def test_token_counts_that_cannot_be_read_are_none(usage: object) -> None:
    reply = read(completion("x") | {"usage": usage})
    assert (reply.text, reply.prompt_tokens, reply.completion_tokens) == ("x", None, None)


def test_half_a_surrogate_pair_in_the_text_is_replaced() -> None:
    assert read(completion(json.loads('"a \\ud83d b"'))).text == "a ? b"


@pytest.mark.parametrize(
    "logprobs",
    [
        None,
        [],
        {},
        {"content": None},
        {"content": []},
        {"tokens": ["x"], "token_logprobs": [0.0]},  # the shape of the old completions
        {"content": ["x"]},
        {"content": [{"token": "x"}]},
        {"content": [{"token": 1, "logprob": 0.0}]},
        entries(("x", math.nan)),
        entries(("x", math.inf)),
        entries(("x", 0.5)),
        {"content": [{"token": "x", "logprob": None}]},
        {"content": [{"token": "x", "logprob": -(10**400)}]},
    ],
)
def test_log_probabilities_that_cannot_be_read_are_none(logprobs: object) -> None:
    assert tokens_from_logprobs(logprobs, "x") is None


def test_an_end_of_turn_token_does_not_take_the_confidence_away() -> None:
    text = '{"action": "ja"}'
    tokens = tokens_from_logprobs(entries(('{"action": "', 0.0), ("ja", -0.5), ('"}', 0.0), ("<|im_end|>", -0.1)), text)
    assert action_probability(text, "ja", tokens) == pytest.approx(math.exp(-0.5))


def test_reasoning_before_the_text_does_not_take_the_confidence_away() -> None:
    text = '{"action": "ja"}'
    tokens = tokens_from_logprobs(
        entries(("Hm: ", -3.0), (text, -2.0), (' so\n\n{"', -0.25), ('action": "', 0.0), ("ja", -0.5), ('"}', 0.0)),
        text,
    )
    # The last place counts, and the token that joins reasoning and text is cut.
    assert tokens is not None
    assert [token.token for token in tokens] == ['{"', 'action": "', "ja", '"}']
    assert action_probability(text, "ja", tokens) == pytest.approx(math.exp(-0.5))


def test_a_character_spelled_by_several_tokens_becomes_one() -> None:
    text = "a€b"  # the euro sign is the bytes e2 82 ac
    content = [
        {"token": "a", "logprob": -0.1, "bytes": [0x61]},
        {"token": "\\xe2\\x82", "logprob": -0.2, "bytes": [0xE2, 0x82]},
        {"token": "\\xac", "logprob": -0.3, "bytes": [0xAC]},
        {"token": "b", "logprob": -0.4, "bytes": [0x62]},
    ]
    tokens = tokens_from_logprobs({"content": content}, text)
    assert tokens is not None
    assert [token.token for token in tokens] == ["a", "€", "b"]
    assert [token.logprob for token in tokens] == pytest.approx([-0.1, -0.5, -0.4])


def test_tokens_that_do_not_spell_the_text_give_no_confidence() -> None:
    text = '{"action": "ja"}'
    tokens = tokens_from_logprobs(entries(('{"action": "nein"}', -0.5)), text)
    assert tokens == (TokenLogprob('{"action": "nein"}', -0.5),)
    assert action_probability(text, "ja", tokens) is None
