from __future__ import annotations

import asyncio
import os
import pickle
from collections.abc import AsyncIterator

import pytest
from stub_server import Stub, StubSettings

from workbench.engines.protocol import FailureCause, Message, Reply, Request, SamplingParams
from workbench.engines.server.settings import ServerSettings

NOWHERE = "http://127.0.0.1:9"
SETTINGS = ServerSettings(
    base_url=NOWHERE, model="m", api_key_env="MODEL_KEY", concurrency=2, deadline_s=5.0, max_attempts=1
)


def asked(settings: ServerSettings, api_key: str, runs: int = 1) -> list[Reply]:
    """Return the replies of one engine that is used again for each run, from a server that wants a key."""

    async def requests() -> AsyncIterator[Request]:
        for number in range(3):
            yield Request(f"r{number}", (Message("user", f"id: r{number}"),), SamplingParams())

    async def run() -> list[Reply]:
        async with Stub(StubSettings(api_key=api_key)).serving() as stub:
            engine = settings.model_copy(update={"base_url": stub.url}).build()
            replies = []
            for _ in range(runs):
                async with engine:
                    replies += [reply async for reply in engine.stream(requests())]
            return replies

    return asyncio.run(run())


def test_settings_travel_without_the_key_which_is_read_where_the_engine_is_built(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MODEL_KEY", "a-secret-key")
    travelled = pickle.dumps(SETTINGS)
    assert b"a-secret-key" not in travelled
    settings = pickle.loads(travelled)
    assert settings == SETTINGS
    assert hash(settings) == hash(SETTINGS)
    assert {reply.failure for reply in asked(settings, "a-secret-key")} == {None}
    assert "MODEL_KEY" not in os.environ
    monkeypatch.setenv("MODEL_KEY", "")
    causes = {None if reply.failure is None else reply.failure.cause for reply in asked(settings, "a-secret-key")}
    assert causes == {FailureCause.AUTH}


def test_an_engine_is_as_its_settings_say_and_answers_run_after_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODEL_KEY", "k")
    engine = SETTINGS.build()
    assert (engine.identity["model"], engine.concurrency, engine.deadline_s) == ("m", 2, 5.0)
    replies = asked(SETTINGS, "k", runs=3)
    assert [reply.failure for reply in replies] == [None] * 9
