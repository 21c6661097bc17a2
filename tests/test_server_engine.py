from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

import pytest
from stub_server import (
    DEFAULT_FAULTS,
    FAULTS,
    Stub,
    StubSettings,
    action_for,
    fault_for,
    logged_calls,
    probability_of,
    stub_process,
)

from workbench.agents.decisions import decision_from_reply
from workbench.agents.replies import InvalidCause
from workbench.engines.http import CallPolicy
from workbench.engines.protocol import Failure, FailureCause, Message, Reply, Request, SamplingParams
from workbench.engines.server.engine import ServerEngine, with_remedy
from workbench.engines.server.settings import SendSettings, ServerSettings, base_address, completions_url
from workbench.metrics import Status
from workbench.words import InputError

ACTIONS = ["approve", "reject", "escalate"]
SCHEMA = {"type": "object", "properties": {"action": {"type": "string", "enum": ACTIONS}}}
SYSTEM = Message("system", "Decide on the invoice.")
QUICK = CallPolicy(deadline_s=3.0, max_attempts=4, attempt_s=0.3, first_wait_s=0.01)


def text_of(number: int) -> str:
    return f"id: r{number}\namount: {number * 7}"


async def source(n: int) -> AsyncIterator[Request]:
    for number in range(n):
        yield Request(f"r{number}", (SYSTEM, Message("user", text_of(number))), SamplingParams(), SCHEMA)


def ask(
    stub: Stub, n: int, *, concurrency: int = 8, api_key: str | None = None, policy: CallPolicy = QUICK
) -> list[Reply]:
    async def run() -> list[Reply]:
        async with stub.serving():
            settings = ServerSettings(base_url=stub.url, model="m", concurrency=concurrency)
            async with ServerEngine(settings, api_key, policy=policy) as engine:
                return [reply async for reply in engine.stream(source(n))]

    return asyncio.run(run())


def test_each_request_gets_the_reply_to_its_own_text() -> None:
    replies = ask(Stub(StubSettings()), 50)
    assert sorted(reply.id for reply in replies) == sorted(f"r{number}" for number in range(50))
    for reply in replies:
        message = text_of(int(reply.id[1:]))
        decision = decision_from_reply(reply, ACTIONS)
        assert decision.status is Status.OK
        assert decision.action == action_for(message, ACTIONS)
        assert decision.confidence == pytest.approx(probability_of(message))
        assert decision.confidence_source == "logprob"
        assert (reply.attempts, reply.finish_reason) == (1, "stop")
        # { " action " : space " approve " } are ten tokens; the stub counts four characters as a prompt token.
        assert reply.completion_tokens == 10
        assert reply.prompt_tokens == (len(SYSTEM.content) + len(message)) // 4


def test_the_server_receives_settings_schema_and_key() -> None:
    stub = Stub(StubSettings(api_key="sk-right"))
    (reply,) = ask(stub, 1, api_key="sk-right")
    assert reply.failure is None
    assert stub.latest["model"] == "m"
    assert stub.latest["logprobs"] is True
    assert stub.latest["messages"][0] == {"role": "system", "content": SYSTEM.content}
    assert stub.latest["response_format"]["json_schema"] == {"name": "answer", "strict": True, "schema": SCHEMA}
    assert stub.latest_headers["Authorization"] == "Bearer sk-right"


def test_without_a_key_no_authorization_is_sent() -> None:
    stub = Stub(StubSettings())
    ask(stub, 1)
    assert "Authorization" not in stub.latest_headers


def test_a_wrong_key_ends_each_call_at_once_and_is_in_no_message() -> None:
    stub = Stub(StubSettings(api_key="sk-right"))
    replies = ask(stub, 3, api_key="sk-wrong-4711")
    for reply in replies:
        assert reply.failure is not None
        assert reply.failure.cause is FailureCause.AUTH
        assert reply.attempts == 1
        assert "4711" not in repr(reply)
    assert stub.calls.total() == 3


@pytest.mark.parametrize(
    ("fault", "cause", "attempts"),
    [
        ("rate_limited", FailureCause.RATE_LIMITED, 4),
        ("rate_limited_seconds", FailureCause.RATE_LIMITED, 4),
        ("server_error", FailureCause.SERVER_ERROR, 4),
        ("malformed", FailureCause.MALFORMED, 4),
        ("cut_body", FailureCause.MALFORMED, 4),
        ("no_choices", FailureCause.REJECTED, 1),
        ("endless", FailureCause.MALFORMED, 1),
        ("hang", FailureCause.TIMEOUT, 4),
        ("reset", FailureCause.CONNECTION, 4),
        ("unauthorized", FailureCause.AUTH, 1),
        ("forbidden", FailureCause.AUTH, 1),
        ("bad_request", FailureCause.REJECTED, 1),
        ("redirect", FailureCause.REJECTED, 1),
    ],
)
def test_a_server_that_always_fails_gives_failed_replies_by_cause(
    fault: str, cause: FailureCause, attempts: int
) -> None:
    stub = Stub(StubSettings(faults={fault: 1.0}, retry_after_s=0.1))
    for reply in ask(stub, 2):
        assert reply.text is None
        assert reply.failure is not None
        assert reply.failure.cause is cause
        assert reply.attempts == attempts
    assert stub.calls.total() == 2 * attempts


def test_a_server_that_refuses_logprobs_is_reported_with_its_message() -> None:
    (reply,) = ask(Stub(StubSettings(faults={"bad_request": 1.0})), 1)
    assert reply.failure is not None
    setting = "set server: {send: {logprobs: false}} in pilot.yaml"
    assert reply.failure.detail == f"{setting}: HTTP 400: Unknown parameter: 'logprobs'"


@pytest.mark.parametrize(
    ("fault", "cause"), [("cut_content", InvalidCause.TRUNCATED), ("empty_content", InvalidCause.EMPTY)]
)
def test_content_that_is_cut_or_empty_is_an_invalid_decision_and_no_failure(fault: str, cause: InvalidCause) -> None:
    (reply,) = ask(Stub(StubSettings(faults={fault: 1.0})), 1)
    decision = decision_from_reply(reply, ACTIONS)
    assert (decision.status, decision.cause) == (Status.INVALID, cause.value)


def test_with_many_faults_every_request_has_one_reply_and_the_calls_are_those_planned() -> None:
    settings = StubSettings(latency_s=0.002, faults=DEFAULT_FAULTS, retry_after_s=0.05, seed=3)
    stub = Stub(settings)
    patient = CallPolicy(deadline_s=12.0, max_attempts=4, attempt_s=2.0, first_wait_s=0.01)
    replies = ask(stub, 300, concurrency=32, policy=patient)
    assert Counter(reply.id for reply in replies) == Counter({f"r{number}": 1 for number in range(300)})
    assert [reply.id for reply in replies] != [f"r{number}" for number in range(300)]
    for reply in replies:
        # Second method: the stub's plan says which attempt is the first without a fault.
        planned = next((n for n in range(1, 5) if fault_for(settings, reply.id, n) is None), None)
        assert reply.attempts == (planned or 4)
        assert (reply.failure is None) == (planned is not None)
        assert stub.calls[reply.id] == reply.attempts


def test_no_more_than_the_concurrency_is_in_flight() -> None:
    stub = Stub(StubSettings(latency_s=0.01))
    ask(stub, 40, concurrency=5)
    assert stub.most_in_flight == 5


def test_closing_the_stream_early_leaves_no_task_behind() -> None:
    async def run() -> set[object]:
        async with Stub(StubSettings(latency_s=0.01)).serving() as stub:
            async with ServerEngine(ServerSettings(base_url=stub.url, model="m", concurrency=8)) as engine:
                before = asyncio.all_tasks()
                async with aclosing(engine.stream(source(1000))) as stream:
                    await anext(stream)
                workers = {task for task in asyncio.all_tasks() - before if "work" in str(task.get_coro())}
            return set(workers)

    assert asyncio.run(run()) == set()


def test_a_request_that_cannot_be_encoded_raises_and_does_not_hang() -> None:
    async def broken() -> AsyncIterator[Request]:
        yield Request("r1", (SYSTEM,), SamplingParams(), {"type": object()})

    async def run() -> None:
        async with ServerEngine(ServerSettings(base_url="http://127.0.0.1:1", model="m")) as engine:
            with pytest.raises(TypeError, match="not JSON serializable"):
                async for _ in engine.stream(broken()):
                    pass

    asyncio.run(run())


def test_an_engine_that_is_not_open_says_so() -> None:
    async def run() -> None:
        async for _ in ServerEngine(ServerSettings(base_url="http://127.0.0.1:1", model="m")).stream(source(1)):
            pass

    with pytest.raises(RuntimeError, match="not open"):
        asyncio.run(run())


def test_the_key_is_in_no_representation() -> None:
    engine = ServerEngine(ServerSettings(base_url="http://one:1", model="m"), "sk-secret")
    assert "sk-secret" not in repr(engine) + str(engine)


@pytest.mark.parametrize(
    ("base", "url"),
    [
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000/v1/chat/completions"),
        ("http://127.0.0.1:8000/", "http://127.0.0.1:8000/v1/chat/completions"),
        ("http://127.0.0.1:8000/v1", "http://127.0.0.1:8000/v1/chat/completions"),
        ("http://127.0.0.1:8000/v1/", "http://127.0.0.1:8000/v1/chat/completions"),
        ("https://models.example/openai/v1", "https://models.example/openai/v1/chat/completions"),
        ("http://[::1]:8000", "http://[::1]:8000/v1/chat/completions"),
    ],
)
def test_the_address_may_or_may_not_end_in_v1(base: str, url: str) -> None:
    assert completions_url(base) == url


@pytest.mark.parametrize(
    ("one", "same"),
    [
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000/v1/"),
        ("http://Models.Example", "http://models.example:80/v1"),
        ("https://models.example/api", "https://models.example:443/api/v1"),
        ("http://[::1]:8000/", "http://[::1]:8000/v1"),
    ],
)
def test_two_writings_of_one_address_are_one_address(one: str, same: str) -> None:
    assert base_address(one) == base_address(same)


def test_two_ports_and_two_paths_of_a_host_are_two_addresses() -> None:
    addresses = [base_address(f"http://h{rest}") for rest in ("", ":8000", ":8001", "/a", "/b/v1")]
    assert len(set(addresses)) == 5


# What servers say in such a case, in the writings of four of them; the last three name a value, no field.
@pytest.mark.parametrize(
    ("said", "change"),
    [
        ("HTTP 400: `logprobs` is not supported", "logprobs: false"),
        (
            "HTTP 400: Unsupported parameter: 'max_tokens' is not supported. Use 'max_completion_tokens' instead.",
            "max_tokens: max_completion_tokens",
        ),
        ("HTTP 400: Unsupported value: 'temperature' does not support 0.0 with this model.", "temperature: false"),
        ('HTTP 422: [{"type": "extra_forbidden", "loc": ["body", "seed"]}]', "seed: false"),
        ("HTTP 400: top_p and seed are unknown", "top_p: false, seed: false"),
        ("HTTP 400: response_format: json_schema is not available", "response_format: json_object"),
        ("HTTP 200 with error 400 in it: unknown field logprobs", "logprobs: false"),
        ("HTTP 400: max_tokens is too large: 5000", None),
        ("HTTP 404: The model `seed` does not exist", None),
        ("HTTP 400: the prompt is too long", None),
    ],
)
def test_a_refusal_that_names_a_field_says_which_setting_to_change(said: str, change: str | None) -> None:
    failure = Failure(FailureCause.REJECTED, said)
    detail = with_remedy(failure, SendSettings()).detail
    assert detail == (said if change is None else f"set server: {{send: {{{change}}}}} in pilot.yaml: {said}")


def test_what_is_not_sent_is_not_blamed() -> None:
    failure = Failure(FailureCause.REJECTED, "HTTP 400: logprobs and seed are unknown")
    assert with_remedy(failure, SendSettings(logprobs=False, seed=False)) == failure


@pytest.mark.parametrize(
    ("base", "said"),
    [
        ("", "incomplete"),
        ("localhost:8000", "incomplete"),
        ("ftp://host", "incomplete"),
        ("http://", "incomplete"),
        ("http://host:port", "cannot be read"),
        ("http://[::1", "cannot be read"),
        ("http://user:pa55word@host", "holds credentials"),
        ("user:pa55word@host", "holds credentials"),
        ("http://host/?key=pa55word", "holds credentials"),
    ],
)
def test_an_address_that_cannot_be_used_is_refused_without_showing_a_password(base: str, said: str) -> None:
    with pytest.raises(InputError, match=said) as refused:
        completions_url(base)
    assert "pa55word" not in str(refused.value)


@pytest.mark.parametrize("key", ["", "sk-secret\n", "sk secret", "sk-sécret", "sk\x00secret"])
def test_a_key_that_no_header_can_carry_is_refused_without_showing_it(key: str) -> None:
    with pytest.raises(InputError, match="API key") as refused:
        ServerEngine(ServerSettings(base_url="http://host", model="m"), key)
    assert "cret" not in str(refused.value)


def test_the_stub_as_a_process_serves_and_logs_each_call(tmp_path: Path) -> None:
    log = tmp_path / "calls.jsonl"

    async def run(url: str) -> list[Reply]:
        async with ServerEngine(ServerSettings(base_url=url, model="m"), policy=QUICK) as engine:
            return [reply async for reply in engine.stream(source(3))]

    with stub_process("--latency-ms", "1", "--faults", "server_error=0.5", "--seed", "1", "--log", str(log)) as url:
        replies = asyncio.run(run(url))
    calls = logged_calls(log)
    assert Counter(call["id"] for call in calls) == {reply.id: reply.attempts for reply in replies}
    settings = StubSettings(faults={"server_error": 0.5}, seed=1)
    assert all(call["fault"] == fault_for(settings, call["id"], call["attempt"]) for call in calls)
    assert json.dumps(calls)


def test_every_default_fault_is_one_the_stub_can_make() -> None:
    assert set(DEFAULT_FAULTS) <= set(FAULTS)
    # 10% 429 in three forms, 5% 500, 2% malformed JSON, 1% hang
    assert sum(DEFAULT_FAULTS.values()) == pytest.approx(0.18)
