from __future__ import annotations

import asyncio
import json
import socket
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from loopback import AGENT, NAME, make_pilot
from raw_server import http, raw_server, refused
from stub_server import Stub, StubSettings, stub_process

from workbench.agents.endpoint import HttpAgent
from workbench.engines.choice import EngineChoice
from workbench.engines.http import CallPolicy
from workbench.engines.served import UNKNOWN, facts_of
from workbench.engines.server.engine import ServerEngine
from workbench.engines.server.settings import SendSettings, ServerSettings
from workbench.evaluation import evaluate
from workbench.pilot.charter.coverage import PILOT_FILE
from workbench.pilot.pilot import Pilot, open_pilot
from workbench.runs import RunRequest

MODEL = {"id": "m", "object": "model", "created": 1, "owned_by": "vllm", "root": "/models/a", "max_model_len": 4096}
TOLD = {"id": "m", "root": "/models/a", "owned_by": "vllm", "max_model_len": 4096}
NOWHERE = "http://127.0.0.1:1"


def identity(stub: Stub, key: str | None = None, **settings: Any) -> dict[str, Any]:
    """Return the identity of an engine at a stub, asked twice from inside an event loop, as a notebook does it."""

    async def run() -> dict[str, Any]:
        async with stub.serving():
            loop, made = asyncio.get_running_loop(), ServerSettings(base_url=stub.url, model="m", **settings)
            engine = ServerEngine(made, key)
            first = await loop.run_in_executor(None, lambda: dict(engine.identity))
            assert first == dict(engine.identity)
            return first

    return asyncio.run(run())


def test_an_identity_is_where_which_model_what_the_server_says_of_it_and_what_is_sent() -> None:
    stub = Stub(StubSettings(served=MODEL))
    assert identity(stub) == {
        "kind": "server",
        "model": "m",
        "address": f"{stub.url}/v1",
        "served": TOLD,
        "sent": {
            "logprobs": True, "max_tokens": "max_tokens", "temperature": True, "top_p": True, "seed": True,
            "response_format": "json_schema",
        },
    }  # fmt: skip
    assert stub.n_lists == 1, "asked once"


def test_a_declared_version_stands_for_the_address_and_no_key_is_in_it() -> None:
    one, two = (identity(Stub(StubSettings(served=MODEL)), "sk-secret", version="weights of May") for _ in range(2))
    assert one == two
    assert (one["version"], "address" in one, "secret" in json.dumps(one)) == ("weights of May", False, False)


@pytest.mark.parametrize("changed", [{"root": "/models/b"}, {"max_model_len": 8192}, {"owned_by": "other"}])
def test_another_model_under_the_same_name_is_another_identity(changed: dict[str, Any]) -> None:
    said = [identity(Stub(StubSettings(served=served)), version="v") for served in (MODEL, {**MODEL, **changed})]
    assert said[0] != said[1]


def test_the_time_of_the_question_is_no_part_of_an_identity() -> None:
    # vLLM fills `created` with the time of the call and `permission` with a random id.
    assert facts_of("m", {"data": [{**MODEL, "created": 2, "permission": [{"id": "modelperm-1"}]}]}) == TOLD


@pytest.mark.parametrize("listed", [None, {}, {"data": None}, {"data": ["m"]}, {"data": [{"id": "n"}]}, {"data": {}}])
def test_a_list_without_the_model_says_nothing(listed: dict[str, Any] | None) -> None:
    assert facts_of("m", listed) == {}


def test_a_server_without_a_list_of_models_has_an_identity_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert identity(Stub(StubSettings()))["served"] == {}
    assert capsys.readouterr().err == "", "nothing is unknown: it has none to show"


def test_a_server_that_cannot_be_asked_is_unknown_and_that_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    begin = time.monotonic()
    assert ServerEngine(ServerSettings(base_url=NOWHERE, model="m")).identity["served"] == UNKNOWN
    assert time.monotonic() - begin < 30
    said = capsys.readouterr().err
    assert said.startswith("The server http://127.0.0.1:1/v1 could not be asked what it serves (connection: ")
    assert said.endswith(": m is known by name and address alone.\n")


def test_a_server_that_refuses_the_key_once_counts_as_what_it_was(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    memory, settings = tmp_path / "runs" / "servers.json", StubSettings(served=MODEL, api_key="k")
    known = ServerSettings(base_url=NOWHERE, model="m", version="v")

    async def run() -> list[Any]:
        async with Stub(settings).serving() as stub:
            loop, said = asyncio.get_running_loop(), []
            for key in ("k", None):
                there = known.model_copy(update={"base_url": stub.url})
                engine = ServerEngine(there, key, memory=memory)
                said.append(await loop.run_in_executor(None, lambda engine=engine: engine.identity))
            return said

    with_key, without = asyncio.run(run())
    assert with_key == without
    assert with_key["served"] == TOLD
    assert "m counts as what it was at 20" in capsys.readouterr().err
    memory.write_text("[damaged", encoding="utf-8")
    assert ServerEngine(known, memory=memory).identity["served"] == UNKNOWN


def test_an_endpoint_is_its_address_and_the_version_that_is_declared() -> None:
    agent = HttpAgent("a", "http://h/decide", ("yes",), CallPolicy(), 2)
    assert agent.identity == {"http": "http://h/decide"}
    assert replace(agent, version="7").identity == {"http": "http://h/decide", "version": "7"}


@pytest.fixture
def pilot(tmp_path: Path) -> Pilot:
    return make_pilot(tmp_path / "root", n_dev=30, prompt_tokens=50, concurrency=4)


def evaluated(pilot: Pilot, url: str, **server: Any) -> tuple[int, str]:
    """Return how many records an evaluation asked about, and which engine it says answered."""
    path = pilot.suite / PILOT_FILE
    settings = yaml.safe_load(path.read_text(encoding="utf-8"))
    settings["server"] = {"concurrency": 4, "deadline_s": 30, **server}
    path.write_text(yaml.safe_dump(settings), encoding="utf-8")
    request = RunRequest(limit=10, engine=EngineChoice(base_url=url, model="m"), show_progress=False)
    evaluation = evaluate(open_pilot(NAME, pilot.root), AGENT, request)
    assert (evaluation.info.planned, evaluation.info.ok) == (10, 10)
    return evaluation.session.n_asked, json.dumps(evaluation.identity["engine"], sort_keys=True)


def test_two_servers_with_one_model_name_share_no_answer_unless_a_version_is_declared(pilot: Pilot) -> None:
    with stub_process("--latency-ms", "1") as one, stub_process("--latency-ms", "1", "--seed", "2") as two:
        assert [evaluated(pilot, url)[0] for url in (one, two, one, f"{two}/v1/")] == [10, 10, 0, 0]
        moved = [evaluated(pilot, url, version="weights of May") for url in (one, two)]
        assert [n for n, _ in moved] == [10, 0]
        assert moved[0][1] == moved[1][1]


def test_what_is_sent_is_part_of_the_version(pilot: Pilot) -> None:
    with stub_process("--latency-ms", "1") as url:
        assert evaluated(pilot, url)[0] == 10
        assert evaluated(pilot, url, send={"seed": False})[0] == 10
        assert evaluated(pilot, url, send=SendSettings().model_dump(mode="json"))[0] == 0


def test_decisions_are_known_again_when_the_server_is_off(pilot: Pilot, capsys: pytest.CaptureFixture[str]) -> None:
    with stub_process("--latency-ms", "1", "--served", json.dumps(MODEL)) as url:
        assert evaluated(pilot, url)[0] == 10
    assert capsys.readouterr().err == ""
    assert evaluated(pilot, url)[0] == 0
    assert "m counts as what it was at" in capsys.readouterr().err


def test_a_server_that_serves_another_model_is_asked_again(pilot: Pilot) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = str(listener.getsockname()[1])
    for root, n in (("/models/a", 10), ("/models/b", 10), ("/models/a", 0)):
        served = json.dumps({**MODEL, "root": root})
        with stub_process("--latency-ms", "1", "--port", port, "--served", served) as url:
            assert evaluated(pilot, url)[0] == n


def test_a_page_for_people_in_the_place_of_the_list_says_nothing_and_makes_nothing_forgotten(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    memory = tmp_path / "servers.json"

    def served(answer: bytes, kept: Path | None = None) -> Any:
        with raw_server(b"", listed=answer) as url:
            if kept is not None:
                kept.write_text(json.dumps({f"{url}/v1 m": {"served": TOLD, "at": "noon"}}), encoding="utf-8")
            return ServerEngine(ServerSettings(base_url=url, model="m"), memory=kept).identity["served"]

    assert served(http("<html>Sign in</html>")) == {}
    assert served(http({"data": [MODEL]})) == TOLD
    assert capsys.readouterr().err == ""
    assert served(http("<html>Sign in</html>"), memory) == TOLD
    assert "m counts as what it was at noon" in capsys.readouterr().err
    assert served(refused(404), memory) == {}, "a server that has no list any more is another one"
    assert served(refused(503), memory) == TOLD
