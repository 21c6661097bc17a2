"""Agents that call tools: what they do is seen by us, on a state of their own for each decision."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path

from acting_pilots import CLEAN, acting_pilot, by_http, by_mcp, endpoint, scripted

from workbench.agents import Decision, agent_with
from workbench.engines import ScriptedEngine
from workbench.environment import GuardEvent, LimitMet, SaidBy, StateSeen, ToolCall
from workbench.pilot import Pilot
from workbench.records import Record
from workbench.records.splits import Split, read_dataset


def decisions_of(pilot: Pilot, name: str) -> dict[str, Decision]:
    """Return an agent's decisions on all development records, by record; prompts are played by a script."""
    dataset = read_dataset(pilot)
    agent = agent_with(pilot, name, dataset, lambda: ScriptedEngine(scripted))

    async def all_of() -> dict[str, Decision]:
        async def records() -> AsyncIterator[Record]:
            for record in dataset.records(dataset.ids(Split.DEV)):
                yield record

        return {decision.record_id: decision async for decision in agent.decide(records())}

    return asyncio.run(all_of())


def test_every_call_is_seen_with_what_it_returned_and_the_state_with_what_changed(tmp_path: Path) -> None:
    pilot = acting_pilot(tmp_path, {"clean": CLEAN})
    labels = read_dataset(pilot).dev_labels()["label"]
    made = decisions_of(pilot, "clean")
    assert {record: one.action for record, one in made.items()} == labels.to_dict()
    approved = next(one for one in made.values() if one.action == "approve")
    assert approved.trace is not None
    calls = approved.trace.of(ToolCall)
    assert [one.name for one in calls] == ["read_order", "read_receipt", "share_received", "post"]
    assert calls[2].result == 1.0
    (state,) = approved.trace.of(StateSeen)
    (posting,) = state.changes["postings"]["added"]
    assert posting["amount"] == calls[3].arguments["amount"]
    assert len(posting["key"]) == 32
    assert state.before_sha256 != state.after_sha256
    rejected = next(one for one in made.values() if one.action == "reject")
    assert rejected.trace is not None
    (untouched,) = rejected.trace.of(StateSeen)
    assert untouched.before_sha256 == untouched.after_sha256
    assert untouched.changes == {}


def happened(decision: Decision) -> list[dict[str, object]]:
    """Return what was observed on the way to a decision but models and times; keys are the decision's own."""
    assert decision.trace is not None
    kinds = (ToolCall, GuardEvent, LimitMet, StateSeen)
    observed = [one for one in decision.trace.events if isinstance(one, kinds) and one.source is SaidBy.OBSERVED]
    told = [one.model_dump(mode="json", exclude={"t_s", "after_sha256"}) for one in observed]
    return json.loads(re.sub(r'"key": "[0-9a-f]{32}"', '"key": ""', json.dumps(told)))


def test_the_four_ways_to_act_come_to_the_same_state_by_the_same_calls(tmp_path: Path) -> None:
    with endpoint(by_http) as plain, endpoint(by_mcp) as mcp:
        pilot = acting_pilot(tmp_path, {"clean": CLEAN, "plain": plain, "mcp": mcp}, n=12)
        made = {name: decisions_of(pilot, name) for name in ("clean", "plain", "mcp", "prompt")}
    first = {record: (one.action, happened(one)) for record, one in made["clean"].items()}
    assert len(first) == 12
    for name in ("plain", "mcp", "prompt"):
        assert {record: (one.action, happened(one)) for record, one in made[name].items()} == first, name
