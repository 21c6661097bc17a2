import math
from collections.abc import Callable

import pytest

from workbench.agents import PromptAgent
from workbench.agents.decisions import (
    Status,
    action_probability,
    decision_from_reply,
    given_confidences,
    read_answer,
)
from workbench.agents.prompts import read_prompt
from workbench.agents.replies import InvalidAnswer, InvalidCause
from workbench.engines.protocol import Failure, FailureCause, Reply, TokenLogprob
from workbench.engines.scripted import ScriptedEngine
from workbench.pilot.pilot import Pilot

ACTIONS = ("approve", "reject", "sehr geehrt")


def tokens(*parts: tuple[str, float]) -> tuple[TokenLogprob, ...]:
    return tuple(TokenLogprob(text, math.log(probability)) for text, probability in parts)


@pytest.mark.parametrize(
    ("content", "cause"),
    [
        (None, InvalidCause.NOT_AN_OBJECT),
        ("approve", InvalidCause.NOT_AN_OBJECT),
        ({}, InvalidCause.NO_ACTION),
        ({"action": None}, InvalidCause.UNKNOWN_ACTION),
        ({"action": "Approve"}, InvalidCause.UNKNOWN_ACTION),
        ({"action": ["approve"]}, InvalidCause.UNKNOWN_ACTION),
        ({"action": "approve", "confidence": "high"}, InvalidCause.BAD_CONFIDENCE),
        ({"action": "approve", "confidence": True}, InvalidCause.BAD_CONFIDENCE),
        ({"action": "approve", "confidence": float("nan")}, InvalidCause.BAD_CONFIDENCE),
        ({"action": "approve", "confidence": 1.01}, InvalidCause.BAD_CONFIDENCE),
        ({"action": "approve", "confidence": -0.01}, InvalidCause.BAD_CONFIDENCE),
        ({"action": "approve", "confidence": 10**400}, InvalidCause.BAD_CONFIDENCE),
        ({"action": "approve", "reason": 7}, InvalidCause.BAD_REASON),
    ],
)
def test_an_answer_that_is_no_decision_says_why(content: object, cause: InvalidCause) -> None:
    with pytest.raises(InvalidAnswer, match=cause.value) as caught:
        read_answer(content, ACTIONS)
    assert caught.value.cause is cause


def test_further_keys_are_ignored_and_both_ends_of_confidence_count() -> None:
    assert read_answer({"action": "reject", "confidence": 1, "extra": 5}, ACTIONS).confidence == 1.0
    assert read_answer({"action": "reject", "confidence": 0}, ACTIONS).confidence == 0.0


@pytest.mark.parametrize(
    ("text", "action", "parts", "expected"),
    [
        # the action's two tokens: 0.9 * 0.5; the others are certain or not part of it
        (
            '{"action": "approve"}',
            "approve",
            [('{"', 1), ('action": "', 0.2), ("app", 0.9), ("rove", 0.5), ('"}', 0.3)],
            0.45,
        ),
        # a token that also holds the closing quote belongs to the action
        ('{"action":"reject"}', "reject", [('{"action":"', 1), ("rej", 0.8), ('ect"', 0.5), ("}", 1)], 0.4),
        # the reason before the action repeats its word and must not be taken for it
        (
            '{"reason": "approve", "action": "approve"}',
            "approve",
            [('{"reason": "approve", "action": "', 0.1), ("approve", 0.7), ('"}', 1)],
            0.7,
        ),
    ],
)
def test_confidence_is_the_product_over_the_actions_own_tokens(
    text: str, action: str, parts: list[tuple[str, float]], expected: float
) -> None:
    assert action_probability(text, action, tokens(*parts)) == pytest.approx(expected)


NESTED = ("reject", "reject_duplicate", "approve", "1", "10")


# Half of the chance went to `_duplicate`, or to another digit: the token that ends the value holds the other half.
@pytest.mark.parametrize(
    ("parts", "action", "expected"),
    [
        ([('{"action": "', 0.9), ("reject", 0.9999), ('"', 0.5), ("}", 0.1)], "reject", 0.49995),
        ([('{"action": "', 0.9), ("reject", 0.9999), ('"}', 0.5)], "reject", 0.49995),  # quote and bracket in one
        ([('{"action": "', 0.9), ("rej", 0.8), ('ect"', 0.5), ("}", 0.1)], "reject", 0.4),  # end and quote in one
        ([('{"action": "', 0.9), ("rej", 0.8), ('ect"}', 0.5)], "reject", 0.4),
        (
            [('{"action": "', 0.9), ("reject", 0.9), ("_dup", 0.5), ("licate", 1), ('"', 0.3), ("}", 1)],
            "reject_duplicate",
            0.45,
        ),
        ([('{"action": "', 0.9), ("approve", 0.9), ('"', 0.5), ("}", 0.1)], "approve", 0.9),
        ([('{"action": ', 0.9), ("1", 0.8), ("}", 0.5)], "1", 0.4),
        ([('{"action": ', 0.9), ("1", 0.8), (", ", 0.5), ('"reason": ""}', 0.1)], "1", 0.4),
        ([('{"action": ', 0.9), ("10", 0.8), ("}", 0.5)], "10", 0.8),
        ([('```json\n{"action": "', 0.9), ("reject", 0.8), ('"', 0.5), ("}\n```", 0.1)], "reject", 0.4),
        ([("<think>", 0.1), ('hm</think>{"action": "', 0.9), ("reject", 0.8), ('"}', 0.5)], "reject", 0.4),
        ([('{"action": "re', 0.9), ("ject", 0.8), ('", "reason": "action"}', 0.5)], "reject", 0.36),
    ],
)
def test_the_token_that_ends_a_label_counts_where_another_label_goes_on(
    parts: list[tuple[str, float]], action: str, expected: float
) -> None:
    text = "".join(token for token, _ in parts)
    assert action_probability(text, action, tokens(*parts), NESTED) == pytest.approx(expected)
    decision = decision_from_reply(Reply("r", text, 0.1, 1, tokens=tokens(*parts)), NESTED)
    assert (decision.action, decision.confidence) == (action, pytest.approx(expected))


def test_decisions_of_labels_that_begin_one_another_are_those_of_a_new_version(tickets: Callable[[int], Pilot]) -> None:
    pilot = tickets(40)
    prompt = read_prompt(pilot.suite / "prompts" / "v1.md", pilot.prompt_fields)
    plain, nested = (PromptAgent("a", prompt, ScriptedEngine({}), labels) for labels in (("a", "b"), ("a", "ab")))
    assert plain.identity == {"prompt": prompt.hash, "engine": ScriptedEngine({}).identity, "labels": ["a", "b"]}
    assert nested.identity["confidence"] == "with the closing token"


@pytest.mark.parametrize(
    ("action", "labels", "meant"),
    [
        (1, ("0", "1"), "1"),
        (1.0, ("0", "1"), "1"),
        (1, ("1.0", "2.0"), "1.0"),
        (-1, ("-1", "1"), "-1"),
        (3, ("01", "1"), None),
        (1, ("01", "1"), None),  # two labels have this value
        (2**70 + 1, (str(2**70), str(2**70 + 1)), str(2**70 + 1)),
        (10**400, ("1", "2"), None),
        (float("inf"), ("inf", "1"), None),
        (float("nan"), ("nan", "1"), None),
        (True, ("true", "false"), "true"),
        (False, ("True", "False"), "False"),
        (True, ("1", "0"), None),
        (1, ("true", "false"), None),
        (True, ("true", "True"), None),
        ("1", ("1", "1.0"), "1"),
        (" 1 ", ("1", "2"), "1"),
        (None, ("none", "null"), None),
    ],
)
def test_a_number_or_a_truth_value_means_the_one_label_that_has_it(
    action: object, labels: tuple[str, ...], meant: str | None
) -> None:
    if meant is not None:
        assert read_answer({"action": action}, labels).action == meant
        return
    with pytest.raises(InvalidAnswer, match="unknown_action"):
        read_answer({"action": action}, labels)


def test_an_answer_that_cannot_be_written_down_is_named_by_its_type() -> None:
    class Odd:
        def __repr__(self) -> str:
            raise ValueError("never")

    for action, name in ((Odd(), "Odd"), (10**5000, "int")):
        with pytest.raises(InvalidAnswer, match="unknown_action") as caught:
            read_answer({"action": action}, ACTIONS)
        assert caught.value.detail == name


def test_a_stated_confidence_is_read_from_a_fenced_reply_too() -> None:
    text = '```json\n{"action": "approve", "confidence": 0.7}\n```'
    assert given_confidences(0.9, "logprob", text) == (0.9, 0.7)


def test_tokens_that_do_not_spell_the_text_give_no_probability() -> None:
    assert action_probability('{"action": "approve"}', "approve", tokens(('{"action": "', 1), ("appr", 0.5))) is None
    assert action_probability('{"action": "approve"}', "approve", None) is None
    whole = (TokenLogprob('{"action": "approve"}', math.nan),)
    assert action_probability('{"action": "approve"}', "approve", whole) is None


def test_a_reply_becomes_one_decision_with_its_measurements() -> None:
    text = '{"action": "approve", "confidence": 0.2, "reason": "ok"}'
    parts = tokens(('{"action": "', 1), ("approve", 0.75), ('", "confidence": 0.2, "reason": "ok"}', 1))
    with_tokens = decision_from_reply(Reply("r", text, 1.5, 2, tokens=parts, prompt_tokens=9), ACTIONS)
    assert (with_tokens.confidence, with_tokens.confidence_source) == (pytest.approx(0.75), "logprob")
    assert (with_tokens.latency_s, with_tokens.attempts, with_tokens.prompt_tokens) == (1.5, 2, 9)
    stated = decision_from_reply(Reply("r", text, 1.5, 2), ACTIONS)
    assert (stated.confidence, stated.confidence_source) == (0.2, "stated")
    neither = decision_from_reply(Reply("r", '{"action": "approve"}', 1.5, 2), ACTIONS)
    assert (neither.confidence, neither.confidence_source) == (None, None)
    assert (with_tokens.logprob, with_tokens.stated) == (pytest.approx(0.75), 0.2), "every one that was given is kept"
    assert (stated.logprob, stated.stated) == (None, 0.2)
    assert (neither.logprob, neither.stated) == (None, None)


@pytest.mark.parametrize(
    ("text", "finish_reason", "cause"),
    [
        ("", "stop", "empty"),
        ("  \n", "stop", "empty"),
        ("I would approve this.", "stop", "not_json"),
        ('{"action": "appr', "length", "truncated"),
        ('{"action": "appr', "stop", "not_json"),
        ("[" * 100_000, "stop", "not_json"),
        ('{"action": "approve", "confidence": ' + "9" * 5_000 + "}", "stop", "not_json"),
    ],
)
def test_a_reply_that_is_no_json_object_is_invalid_with_its_cause(text: str, finish_reason: str, cause: str) -> None:
    decision = decision_from_reply(Reply("r", text, 0.1, 1, finish_reason=finish_reason), ACTIONS)
    assert (decision.status, decision.cause) == (Status.INVALID, cause)
    assert decision.action is None


def test_a_failed_call_is_a_failed_decision() -> None:
    failure = Failure(FailureCause.RATE_LIMITED, "429 five times")
    decision = decision_from_reply(Reply("r", None, 3.0, 5, failure=failure), ACTIONS)
    assert (decision.status, decision.cause, decision.detail) == (Status.FAILED, "rate_limited", "429 five times")


@pytest.mark.parametrize("action", ["régler", "re\u0301gler", " régler "])
def test_an_action_is_compared_as_labels_are(action: str) -> None:
    assert read_answer({"action": action}, {"régler", "payer"}).action == "régler"
