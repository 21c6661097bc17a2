"""Agents that call tools: what they do is seen by us, on a state of their own for each decision."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

from acting_pilots import CLEAN, acting_pilot

from workbench.agents import Decision, build_agent
from workbench.engines import EngineChoice
from workbench.environment import StateSeen, ToolCall
from workbench.pilot import Pilot
from workbench.records import Record
from workbench.records.splits import Split, read_dataset


def decisions_of(pilot: Pilot, name: str) -> dict[str, Decision]:
    """Return an agent's decisions on all development records, by record."""
    dataset = read_dataset(pilot)
    agent = build_agent(pilot, name, dataset, EngineChoice())

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
