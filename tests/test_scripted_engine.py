from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest

from workbench.agents.decisions import decision_from_reply
from workbench.agents.replies import InvalidCause
from workbench.engines.protocol import Engine, Failure, FailureCause, Message, Reply, Request, SamplingParams
from workbench.engines.scripted import Script, ScriptedEngine
from workbench.metrics import Status
from workbench.words import InputError

IDS = [f"r{number}" for number in range(10)]
TABLE = {record: f'{{"action": "a{record}"}}' for record in IDS}


async def source(ids: list[str]) -> AsyncIterator[Request]:
    for record in ids:
        yield Request(record, (Message("user", "three short words"),), SamplingParams())


def replies(engine: Engine, ids: list[str] = IDS) -> list[Reply]:
    async def run() -> list[Reply]:
        async with engine:
            return [reply async for reply in engine.stream(source(ids))]

    return asyncio.run(run())


@pytest.mark.parametrize("concurrency", [1, 3, 10, 64])
def test_each_request_is_answered_from_the_table_in_order(concurrency: int) -> None:
    given = replies(ScriptedEngine(TABLE, concurrency=concurrency))
    assert [(reply.id, reply.text) for reply in given] == list(TABLE.items())
    assert {reply.finish_reason for reply in given} == {"stop"}


def test_a_function_answers_from_the_request() -> None:
    given = replies(ScriptedEngine(lambda request: request.id.upper()), ["x"])
    assert given[0].text == "X"
    assert (given[0].prompt_tokens, given[0].completion_tokens) == (3, 1)


def test_a_failure_in_the_table_is_a_failed_reply() -> None:
    failure = Failure(FailureCause.SERVER_ERROR, "told to")
    given = replies(ScriptedEngine({**TABLE, "r3": failure}))
    assert [reply.id for reply in given if reply.failure is not None] == ["r3"]
    assert given[3].failure == failure
    assert given[3].text is None


def test_a_seed_shuffles_the_replies_the_same_way_each_time() -> None:
    first, second, other = (
        [reply.id for reply in replies(ScriptedEngine(TABLE, script=Script(order_seed=seed)))] for seed in (1, 1, 2)
    )
    assert sorted(first) == IDS
    assert first == second
    assert first != IDS
    assert first != other


def test_the_probability_becomes_the_confidence_of_the_decision() -> None:
    engine = ScriptedEngine(TABLE, script=Script(probability=lambda request, text: 0.25))
    reply = replies(engine, ["r1"])[0]
    decision = decision_from_reply(reply, {"ar1"})
    assert decision.confidence_source == "logprob"
    assert decision.confidence == pytest.approx(0.25)
    assert reply.tokens is not None
    assert reply.tokens[0].logprob == pytest.approx(math.log(0.25))


def test_without_a_probability_there_are_no_tokens() -> None:
    assert replies(ScriptedEngine(TABLE), ["r1"])[0].tokens is None


def test_a_dropped_request_has_no_reply_and_the_stream_ends() -> None:
    given = replies(ScriptedEngine(TABLE, script=Script(drop=frozenset({"r0", "r9"}))))
    assert [reply.id for reply in given] == IDS[1:9]


def test_a_request_can_be_answered_twice_and_a_stray_reply_can_follow() -> None:
    script = Script(twice=frozenset({"r1"}), stray=frozenset({"r2"}))
    given = [reply.id for reply in replies(ScriptedEngine(TABLE, script=script), ["r1", "r2"])]
    assert given == ["r1", "r1", "r2", "stray-r2"]


def test_a_cut_reply_becomes_a_truncated_decision() -> None:
    reply = replies(ScriptedEngine(TABLE, script=Script(cut=frozenset({"r1"}))), ["r1"])[0]
    decision = decision_from_reply(reply, {"ar1"})
    assert decision.status is Status.INVALID
    assert decision.cause == InvalidCause.TRUNCATED.value


def test_a_hanging_request_keeps_the_stream_open_after_all_other_replies() -> None:
    given: list[str] = []

    async def run() -> None:
        engine = ScriptedEngine(TABLE, concurrency=2, script=Script(hang=frozenset({"r0"})))
        async with aclosing(engine.stream(source(IDS))) as stream:
            async for reply in stream:
                given.append(reply.id)  # noqa: PERF401 - what comes before the cancellation counts

    async def run_a_while() -> bool:
        task = asyncio.create_task(run())
        _, unfinished = await asyncio.wait([task], timeout=0.1)
        task.cancel()
        return task in unfinished

    assert asyncio.run(run_a_while())
    assert given == IDS[1:]


def test_requests_in_flight_share_one_latency() -> None:
    async def run() -> float:
        loop = asyncio.get_running_loop()
        start = loop.time()
        async for reply in ScriptedEngine(TABLE, concurrency=5, latency_s=0.05).stream(source(IDS)):
            assert reply.latency_s == 0.05
        return loop.time() - start

    assert 0.1 <= asyncio.run(run()) < 0.4  # two lots of five; one by one it would be 0.5


def test_a_request_the_table_does_not_know_is_an_error_that_names_it() -> None:
    with pytest.raises(InputError, match="no answer for request 'r99'"):
        replies(ScriptedEngine(TABLE), ["r99"])


def test_identity_tells_scripts_apart_by_name_only() -> None:
    assert ScriptedEngine(TABLE, name="a").identity == ScriptedEngine({}, name="a", concurrency=2).identity
    assert ScriptedEngine(TABLE, name="a").identity != ScriptedEngine(TABLE, name="b").identity
