"""Agents whose tools reach systems: they decide as in their environment, and are told what a system refuses."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from acting_pilots import CLEAN, acting_pilot, by_http, by_mcp, endpoint, scripted
from aiohttp import web
from system_servers import serving

from workbench.agents import Agent, Decision, agent_with, repeated, standing_for, through
from workbench.engines import ScriptedEngine
from workbench.environment import (
    CallOutcome,
    DecisionAt,
    FunctionDone,
    Tool,
    ToolCall,
    ToolDesk,
    ToolFault,
    read_environment,
)
from workbench.environment.connections import ReachedSystems
from workbench.environment.sandbox import SandboxClock, TokenBucket, running_sandbox
from workbench.pilot import Pilot, open_pilot
from workbench.pilot.integrations import read_integrations
from workbench.records import Record
from workbench.records.splits import Split, read_dataset
from workbench.words import InputError

INTEGRATIONS = """
title: Systems
systems:
  - id: ERP
    type: rest
    sandbox: "{sandbox}/erp"
    correlation: X-Record
    auth: {kind: api_key, secret_env: ERP_KEY}
    operations:
      read_order:
        effect: read
        call: GET /orders/{po_number}
        tool: read_order
        arguments: {po_number: po_number}
        errors:
          "404": {meaning: there is no such order, retry: false}
          "429": {meaning: too many calls, retry: true}
          "503": {meaning: the ERP is being maintained, retry: true}
        answer: {number_of_units: {type: integer, becomes: ordered}, contact: {becomes: contact}}
      read_receipt:
        effect: read
        call: GET /receipts
        tool: read_receipt
        rows: receipts
        answer: {received: {type: integer, becomes: received}}
      share_received:
        effect: read
        call: GET /share
        tool: share_received
        answer: {share: {type: decimal}}
      post:
        effect: write
        call: POST /postings
        tool: post
        idempotency_key: Idempotency-Key
        arguments: {contact: contact}
        errors: {"409": {meaning: the key was used with another content, retry: false}}
        answer: {posting: {type: integer}}
"""
SHIPPED = Path(__file__).parent.parent
SECRETS = {"ERP_KEY": "the key of the ERP"}


class StandIn:
    """The ERP of a pilot's records, with what was asked and posted; `refuse` holds the next answers."""

    def __init__(self, pilot: Pilot) -> None:
        dataset = read_dataset(pilot)
        self.records = {record.id: record for record in dataset.records(dataset.ids(Split.DEV))}
        self.asked: list[tuple[str, str]] = []
        self.posted: dict[str, dict[str, Any]] = {}
        self.refuse: list[web.Response | str] = []
        self.rate: TokenBucket | None = None

    def served(self) -> Any:
        routes = {
            "GET /erp/orders/{po_number}": self._order,
            "GET /erp/receipts": self._receipts,
            "GET /erp/share": self._share,
            "POST /erp/postings": self._post,
        }
        return serving({route: self._refusing(handler) for route, handler in routes.items()})

    def _refusing(self, handler: Any) -> Any:
        async def handle(request: web.Request) -> web.StreamResponse:
            self.asked.append((request.method, request.path))
            assert request.headers["X-API-Key"] == SECRETS["ERP_KEY"]
            if self.rate is not None and self.rate.take("agent") > 0:
                return web.Response(status=429)
            refusal = self.refuse.pop(0) if self.refuse else None
            if isinstance(refusal, web.Response):
                return refusal
            answer: web.StreamResponse = await handler(request, self.records[request.headers["X-Record"]].fields)
            if refusal is not None and request.transport is not None:
                request.transport.close()
            return answer

        return handle

    async def _order(self, request: web.Request, fields: Any) -> web.Response:
        if request.match_info["po_number"] != fields["po_number"]:
            return web.json_response({"detail": "none"}, status=404)
        units = str(fields["ordered"])
        return web.json_response({"number_of_units": units, "contact": fields["contact"], "changed": "2026-01-02"})

    async def _receipts(self, request: web.Request, fields: Any) -> web.Response:
        is_it = request.query["po_number"] == fields["po_number"]
        return web.json_response({"receipts": [{"received": fields["received"]}] if is_it else []})

    async def _share(self, request: web.Request, fields: Any) -> web.Response:
        return web.json_response({"share": fields["received"] / fields["ordered"]})

    async def _post(self, request: web.Request, fields: Any) -> web.Response:
        key, body = request.headers["Idempotency-Key"], await request.json()
        if self.posted.setdefault(key, body) != body:
            return web.json_response({"detail": "another content"}, status=409)
        return web.json_response({"posting": len(self.posted)}, status=201)


def with_systems(root: Path, agents: dict[str, str], integrations: str = INTEGRATIONS) -> Pilot:
    pilot = acting_pilot(root, agents)
    (pilot.suite / "integrations.yaml").write_text(integrations, encoding="utf-8")
    return pilot


def reached(pilot: Pilot, url: str, known_as: str = "sandbox") -> ReachedSystems:
    return ReachedSystems(read_integrations(pilot.suite), {"sandbox": url}, SECRETS, known_as)


def made_agent(pilot: Pilot, name: str) -> Agent:
    return agent_with(pilot, name, read_dataset(pilot), lambda: ScriptedEngine(scripted))


async def decisions(agent: Agent, records: list[Record]) -> dict[str, Decision]:
    async def each() -> AsyncIterator[Record]:
        for record in records:
            yield record

    return {one.record_id: one async for one in agent.decide(each())}


async def decided_twice(pilot: Pilot, name: str) -> tuple[dict[str, Decision], dict[str, Decision], StandIn]:
    """Return an agent's decisions in its environment and through a stand-in, and the stand-in."""
    stand_in, agent = StandIn(pilot), made_agent(pilot, name)
    records = list(stand_in.records.values())
    alone = await decisions(agent, records)
    async with stand_in.served() as url:
        return alone, await decisions(through(agent, reached(pilot, url)), records), stand_in


def calls(decision: Decision) -> list[tuple[str, dict[str, Any], CallOutcome]]:
    assert decision.trace is not None
    return [(one.name, dict(one.arguments), one.outcome) for one in decision.trace.of(ToolCall)]


@pytest.mark.parametrize("way", ["python", "http", "mcp", "prompt"])
def test_an_agent_decides_through_systems_as_in_its_environment(tmp_path: Path, way: str) -> None:
    with endpoint(by_mcp if way == "mcp" else by_http) as url:
        pilot = with_systems(tmp_path, {"python": CLEAN, "http": url, "mcp": url})
        alone, same, stand_in = asyncio.run(decided_twice(pilot, way))
    assert len(same) == 30
    assert {one: made.action for one, made in same.items()} == {one: made.action for one, made in alone.items()}
    assert {one: calls(made) for one, made in same.items()} == {one: calls(made) for one, made in alone.items()}
    # the clean agent posts what it approves, once each, and nothing else
    approved = [one for one, made in same.items() if made.action == "approve"]
    expected = [stand_in.records[one].fields for one in approved]
    posted = [one["po_number"] for one in stand_in.posted.values()]
    assert sorted(posted) == sorted(str(one["po_number"]) for one in expected)
    # an argument that the tool does not have comes from the record
    assert {one["contact"] for one in stand_in.posted.values()} == {one["contact"] for one in expected}


def test_results_have_the_names_of_the_tool_and_what_else_the_system_says(tmp_path: Path) -> None:
    pilot = with_systems(tmp_path, {"python": CLEAN})
    _, same, _ = asyncio.run(decided_twice(pilot, "python"))
    trace = same["R000"].trace
    assert trace is not None
    results = {one.name: one.result for one in trace.of(ToolCall)}
    contact = "[contact]"  # personal data of the record is not kept in a trace
    assert results["read_order"] == [{"ordered": 10, "contact": contact, "changed": "2026-01-02"}]
    assert results["read_receipt"] == [{"received": 10}]
    assert results["share_received"] == 1.0
    assert results["post"] == {"rows": 1}


def test_what_is_decided_through_systems_is_another_version_and_without_them_the_same(tmp_path: Path) -> None:
    pilot = with_systems(tmp_path, {"python": CLEAN})
    for name in ("python", "prompt"):
        agent = made_agent(pilot, name)
        before = json.dumps(agent.identity, sort_keys=True)
        first = through(agent, reached(pilot, "http://127.0.0.1:1"))
        elsewhere = through(agent, reached(pilot, "http://127.0.0.1:2"))
        assert "through" not in agent.identity
        assert json.dumps(agent.identity, sort_keys=True) == before
        assert {**first.identity, "through": None} == {**agent.identity, "through": None}
        assert first.identity == elsewhere.identity, "a port says nothing of what is reached"
        other = through(agent, reached(pilot, "http://127.0.0.1:1", "with a fault"))
        assert other.identity["through"] != first.identity["through"]
    kept = repeated(through(made_agent(pilot, "prompt"), reached(pilot, "http://127.0.0.1:1")), 1, 0.7)
    assert kept.identity["through"] == first.identity["through"]


def test_an_agent_that_does_not_act_cannot_go_through_systems(tmp_path: Path) -> None:
    pilot = with_systems(tmp_path, {"python": CLEAN})
    agent = replace(made_agent(pilot, "python"), acting=None)  # type: ignore[type-var]
    with pytest.raises(InputError, match="agent 'python' does not act"):
        through(agent, reached(pilot, "http://127.0.0.1:1"))


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("tool: post", "tool: pots", "no operation stands behind a tool"),
        ("tool: read_receipt", "tool: post", "differ in whether they change anything"),
    ],
)
def test_an_operation_that_does_not_fit_its_tool_is_refused(tmp_path: Path, before: str, after: str, said: str) -> None:
    text = INTEGRATIONS.replace("tool: post", "") if "pots" not in after else INTEGRATIONS
    pilot = with_systems(tmp_path, {"python": CLEAN}, text.replace(before, after))
    with pytest.raises(InputError, match=said):
        through(made_agent(pilot, "python"), reached(pilot, "http://127.0.0.1:1"))


async def at_the_desk(
    pilot: Pilot, stand_in: StandIn, *asked: tuple[str, dict[str, Any]], is_paced: bool = True
) -> list[dict[str, Any]]:
    """Return what a desk answers calls for record R000 through a stand-in."""
    environment = read_environment(pilot)
    record = stand_in.records["R000"]
    at = DecisionAt(record.fields, "k", "clerk", record_id=record.id)
    async with stand_in.served() as url, replace(reached(pilot, url), is_paced=is_paced).opened(environment) as reach:
        desk = ToolDesk(environment, at, no_function, reach)
        return [await desk.call(name, arguments) for name, arguments in asked]


async def no_function(tool: Tool, arguments: object, state: bytes | None, key: str) -> FunctionDone:
    raise AssertionError("a system stands behind this tool")


ORDER = ("read_order", {"po_number": "4500000"})
POST = ("post", {"po_number": "4500000", "amount": 500})


@pytest.mark.parametrize(
    ("refusal", "asked", "outcome", "message"),
    [
        (
            web.Response(status=429, headers={"Retry-After": "2"}),
            ORDER,
            "error",
            "429: too many calls; try again in 2 s",
        ),
        (web.Response(status=503), ORDER, "error", "503: the ERP is being maintained; try again"),
        (web.Response(status=409), POST, "error", "409: the key was used with another content; do not try it again"),
        (web.Response(status=418, text="tea"), ORDER, "error", "418: tea"),
        (web.Response(text='{"contact": "x"}'), ORDER, "error", "the system's answer lacks 'number_of_units'"),
        (
            web.Response(text='{"contact": "x", "number_of_units": "ten"}'),
            ORDER,
            "error",
            "the system's answer has 'ten' as number_of_units, which is no number",
        ),
        (web.Response(text="<html>"), POST, "timeout", "may have been done all the same"),
        (web.Response(text="<html>"), ORDER, "error", "answer: the answer is no JSON"),
    ],
)
def test_an_agent_is_told_the_code_and_whether_to_try_again(
    tmp_path: Path, refusal: web.Response, asked: tuple[str, dict[str, Any]], outcome: str, message: str
) -> None:
    pilot = with_systems(tmp_path, {"python": CLEAN})
    stand_in = StandIn(pilot)
    stand_in.refuse.append(refusal)
    (answer,) = asyncio.run(at_the_desk(pilot, stand_in, asked))
    assert answer["error"]["outcome"] == outcome
    assert message in answer["error"]["message"]
    assert len(stand_in.asked) == 1, "nothing is tried again here"


def test_a_look_up_that_finds_nothing_is_an_empty_list(tmp_path: Path) -> None:
    pilot = with_systems(tmp_path, {"python": CLEAN})
    asked = [("read_order", {"po_number": "46"}), ("read_receipt", {"po_number": "46"})]
    answers = asyncio.run(at_the_desk(pilot, StandIn(pilot), *asked))
    assert answers == [{"result": []}, {"result": []}]


def test_a_posting_whose_answer_is_lost_may_have_been_done_and_the_key_keeps_it_single(tmp_path: Path) -> None:
    pilot = with_systems(tmp_path, {"python": CLEAN})
    stand_in = StandIn(pilot)
    stand_in.refuse.append("lost after it was done")
    lost, again = asyncio.run(at_the_desk(pilot, stand_in, POST, POST))
    assert lost["error"]["outcome"] == "timeout"
    assert "may have been done all the same" in lost["error"]["message"]
    assert again == {"result": {"rows": 1}}
    assert len(stand_in.posted) == 1


@pytest.mark.parametrize(("is_paced", "n_refused"), [(True, 0), (False, 4)])
def test_calls_keep_to_the_rate_that_a_system_agreed_to(tmp_path: Path, is_paced: bool, n_refused: int) -> None:
    # the system takes two at once and then refuses what comes sooner than agreed; unpaced, it never takes more
    text = INTEGRATIONS.replace("    operations:", "    rate: {per_s: 20, burst: 2}\n    operations:", 1)
    pilot = with_systems(tmp_path, {"python": CLEAN}, text)
    stand_in = StandIn(pilot)
    stand_in.rate = TokenBucket(20 if is_paced else 0.001, 2, SandboxClock(time.monotonic))
    answers = asyncio.run(at_the_desk(pilot, stand_in, *[ORDER] * 6, is_paced=is_paced))
    assert sum("error" in one for one in answers) == n_refused


@pytest.mark.slow
def test_the_acting_agent_of_the_shipped_pilot_decides_through_its_sandbox_as_without() -> None:
    pilot = open_pilot("invoice_matching", SHIPPED)
    dataset = read_dataset(pilot)
    records = list(dataset.records(dataset.ids(Split.DEV)[::17][:100]))
    agent = agent_with(pilot, "acting", dataset, lambda: ScriptedEngine(scripted))
    alone = asyncio.run(decisions(agent, records))
    with running_sandbox(pilot, dataset.documents()) as sandbox:
        systems = ReachedSystems(read_integrations(pilot.suite), sandbox.places, sandbox.secrets)
        same = asyncio.run(decisions(through(agent, systems), records))
    assert len(same) == 100
    said = [{one: (made.action, made.reason, calls(made)) for one, made in of.items()} for of in (same, alone)]
    assert said[0] == said[1]


def test_permissions_and_limits_hold_before_a_system_is_asked(tmp_path: Path) -> None:
    pilot = with_systems(tmp_path, {"python": CLEAN})
    stand_in = StandIn(pilot)
    answers = asyncio.run(
        at_the_desk(pilot, stand_in, ("post", {"po_number": "4500000", "amount": 30_000}), ("post", {"amount": 1}))
    )
    assert [one["error"]["outcome"] for one in answers] == ["denied", "error"]
    assert stand_in.asked == []


def test_faults_of_tools_that_a_test_wants_stay_with_systems_behind_them(tmp_path: Path) -> None:
    pilot = with_systems(tmp_path, {"python": CLEAN})

    async def made() -> tuple[Decision, StandIn]:
        stand_in = StandIn(pilot)
        async with stand_in.served() as url:
            agent = through(made_agent(pilot, "python"), reached(pilot, url))
            faulty = standing_for(agent, {}, {"R000": (ToolFault(tool="read_order", outcome="error"),)})
            made = await decisions(faulty, [stand_in.records["R000"]])
        return made["R000"], stand_in

    decision, stand_in = asyncio.run(made())
    assert calls(decision)[0][2] is CallOutcome.ERROR
    assert stand_in.asked == []
