from __future__ import annotations

import asyncio
import os
import pickle
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from stub_server import Stub, StubSettings

from workbench.engines.build import ServerSpec, built
from workbench.engines.protocol import FailureCause, Message, Reply, Request, SamplingParams

SPEC = ServerSpec("http://127.0.0.1:9", "m", "MODEL_KEY", concurrency=2, deadline_s=5.0, max_attempts=1)


def asked(spec: ServerSpec, api_key: str, runs: int = 1) -> list[Reply]:
    """Return the replies of one engine that is used again for each run, from a server that wants a key."""

    async def requests() -> AsyncIterator[Request]:
        for number in range(3):
            yield Request(f"r{number}", (Message("user", f"id: r{number}"),), SamplingParams())

    async def run() -> list[Reply]:
        async with Stub(StubSettings(api_key=api_key)).serving() as stub:
            engine = built(replace(spec, base_url=stub.url))
            replies = []
            for _ in range(runs):
                async with engine:
                    replies += [reply async for reply in engine.stream(requests())]
            return replies

    return asyncio.run(run())


def test_a_description_travels_without_the_key_which_is_read_where_the_engine_is_built(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MODEL_KEY", "a-secret-key")
    travelled = pickle.dumps(SPEC)
    assert b"a-secret-key" not in travelled
    spec = pickle.loads(travelled)
    assert spec == SPEC
    assert hash(spec) == hash(SPEC)
    assert {reply.failure for reply in asked(spec, "a-secret-key")} == {None}
    assert "MODEL_KEY" not in os.environ
    monkeypatch.setenv("MODEL_KEY", "")
    causes = {None if reply.failure is None else reply.failure.cause for reply in asked(spec, "a-secret-key")}
    assert causes == {FailureCause.AUTH}


def test_an_engine_is_as_its_description_says_and_answers_run_after_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODEL_KEY", "k")
    engine = built(SPEC)
    assert (engine.identity["model"], engine.concurrency, engine.deadline_s) == ("m", 2, 5.0)
    replies = asked(SPEC, "k", runs=3)
    assert [reply.failure for reply in replies] == [None] * 9
