"""A pilot whose agents remember across decisions: deliveries of a few vendors, answered by what came of each before."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from small_pilots import ALL_DEV, written_pilot

from workbench.agents import agent_with
from workbench.engines import Request, ScriptedEngine
from workbench.pilot import Pilot, open_pilot
from workbench.records.splits import Split, read_dataset
from workbench.runs.journal import JOURNAL_FILE, Journal
from workbench.runs.runner import RecordSelection, Session, run_agent

LABELS = ("approve", "reject")
COLUMNS: dict[str, dict[str, object]] = {
    "id": {"role": "id", "required": True},
    "vendor": {"role": "entity"},
    "day": {"type": "date", "role": "timestamp"},
    "contact": {"pii": "contact"},
    "decision": {"role": "label", "required": True, "allowed": list(LABELS)},
}
Row = tuple[str, str | None, str, str, str]
ENVIRONMENT = """
tables:
  deliveries: {from_record: [id, vendor]}
tools:
  look: {description: Return the delivery., sql: SELECT vendor FROM deliveries}
limits: {calls: 4}
memory: {vendor: {by: vendor}}
"""
# Remembers of each vendor which deliveries came before, and rejects every third.
PYTHON = """
def decide(record, tools):
    trail = f"{tools.recall_vendor() or ''} {record['id']}".strip()
    try:
        tools.remember_vendor(value=trail)
    except tools.Error:
        assert record["vendor"] is None, record
    return {"action": "approve" if len(trail.split()) % 3 else "reject", "confidence": 0.9, "reason": trail}
"""
UNDECLARED = """
SEEN = {}


def decide(record, tools):
    trail = f"{SEEN.get(record['vendor'], '')} {record['id']}".strip()
    SEEN[record["vendor"]] = trail
    return {"action": "approve" if len(trail.split()) % 3 else "reject", "confidence": 0.9, "reason": trail}
"""
PROMPT = """---
name: v1
change_note: first
---

## Role

You decide on deliveries. The action is one of: {{ labels | join(", ") }}.

## Record

{"id": "{{ record.id }}", "vendor": "{{ record.vendor }}"}
"""
Call = Callable[[str, Mapping[str, object]], object]


def rows_of(n: int) -> list[Row]:
    """Return n deliveries whose days come in another order than they stand; the last has no vendor."""
    rows: list[Row] = []
    for number in range(n):
        vendor = None if number == n - 1 else f"V{number * number % 7}"
        day = f"2026-0{1 + number % 3}-{1 + number // 3:02d}"
        rows.append((f"R{number:03d}", vendor, day, f"seller{number}@example.org", LABELS[number % 5 == 0]))
    return rows


def trails(rows: Sequence[Row]) -> dict[str, str]:
    """Return by record which deliveries of its vendor came up to it, by day."""
    found: dict[str, str] = {}
    for name, vendor, day, *_ in rows:
        before = [(one[2], one[0]) for one in rows if vendor is not None and one[1] == vendor and one[2] < day]
        found[name] = " ".join([*(one for _, one in sorted(before)), name])
    return found


def memory_pilot(
    root: Path,
    agents: Mapping[str, str],
    rows: Sequence[Row],
    sides: Mapping[str, float] | None = None,
    concurrency: int = 4,
) -> Pilot:
    """Write and open a pilot of deliveries whose agents, by name, are Python code or an address."""
    pilot = written_pilot(root, COLUMNS, rows, sides or dict.fromkeys(LABELS, ALL_DEV))
    (pilot.suite / "environment.yaml").write_text(ENVIRONMENT, encoding="utf-8")
    entries = []
    for name, code in agents.items():
        if code.startswith("http"):
            entries.append(f"  {name}: {{http: '{code}', tools: true}}")
            continue
        (pilot.suite / f"{name}.py").write_text(code, encoding="utf-8")
        entries.append(f"  {name}: {{python: 'eval_suites/small/{name}.py:decide', tools: true}}")
    (pilot.suite / "prompts").mkdir()
    (pilot.suite / "prompts" / "v1.md").write_text(PROMPT, encoding="utf-8")
    entries.append("  prompt: {prompt: v1, tools: true}")
    server = f"server: {{concurrency: {concurrency}}}"
    settings = ["title: Small", "question: Which?", server, "agents:", *entries, "compare: [prompt]", ""]
    (pilot.suite / "pilot.yaml").write_text("\n".join(settings), encoding="utf-8")
    return open_pilot(pilot.name, root)


def ran(pilot: Pilot, name: str, limit: int | None = None, concurrency: int = 4) -> Session:
    """Run an agent on development records into the journal; prompts are played by a script."""
    dataset = read_dataset(pilot)
    agent = agent_with(pilot, name, dataset, lambda: ScriptedEngine(scripted, concurrency=concurrency))
    selection = RecordSelection(dataset, Split.DEV, dataset.ids(Split.DEV, limit))
    with Journal(pilot.runs / JOURNAL_FILE) as journal:
        return run_agent(journal, agent, selection, show_progress=False)


def ran_at(root: str, name: str) -> None:
    """Run an agent of the pilot under a root, as a process of its own does it."""
    ran(open_pilot("small", root), name)


def answers(pilot: Pilot, run: str) -> dict[str, tuple[object, ...]]:
    """Return the decisions of a run by record, and what is remembered after each, as the file has it."""
    with sqlite3.connect(pilot.runs / JOURNAL_FILE) as file:
        found = file.execute(
            "SELECT planned.record_id, key, status, action, confidence, reason, cause, content"
            " FROM planned LEFT JOIN decisions USING (key) LEFT JOIN memories USING (key) WHERE run = ?",
            (run,),
        ).fetchall()
    return {row[0]: row[1:] for row in found}


def reasons(pilot: Pilot, run: str) -> dict[str, str]:
    """Return the reason of each decision of a run: the trail that the agent saw."""
    with Journal(pilot.runs / JOURNAL_FILE) as journal:
        return {str(name): str(reason) for name, reason in journal.decisions(run)["reason"].items()}


def played(record: Mapping[str, object], call: Call) -> dict[str, object]:
    """Return what the Python agent decides, its tools called by a function of name and arguments."""
    trail = f"{call('recall_vendor', {}) or ''} {record['id']}".strip()
    call("remember_vendor", {"value": trail})
    return {"action": "approve" if len(trail.split()) % 3 else "reject", "confidence": 0.9, "reason": trail}


def scripted(request: Request) -> str:
    """Return what a model that plays the agent says next in a conversation."""
    record = json.loads(request.messages[1].content[request.messages[1].content.index("{") :])
    said = [json.loads(one.content.partition(": ")[2]) for one in request.messages if one.content.startswith("Result")]
    if not said:
        return json.dumps({"tool": "recall_vendor", "arguments": {}})
    calls: list[Mapping[str, object]] = []

    def call(name: str, arguments: Mapping[str, object]) -> object:
        calls.append({"tool": name, "arguments": arguments})
        return said[0].get("result")

    decision = played(record, call)
    return json.dumps(decision if len(said) > 1 else calls[1])


def by_http(body: Mapping[str, Any]) -> dict[str, object]:
    """Decide as an endpoint that calls its tools by plain HTTP."""

    def call(name: str, arguments: Mapping[str, object]) -> object:
        headers = {"Authorization": f"Bearer {body['token']}"}
        asked = urllib.request.Request(f"{body['tools_url']}/{name}", json.dumps(arguments).encode(), headers)
        with urllib.request.urlopen(asked) as answer:
            return json.load(answer).get("result")

    return played(body["record"], call)


def by_mcp(body: Mapping[str, Any]) -> dict[str, object]:
    """Decide as an endpoint that calls its tools as an MCP client."""
    import httpx2
    from mcp import Client
    from mcp.client.streamable_http import streamable_http_client

    async def decided() -> dict[str, object]:
        http = httpx2.AsyncClient(headers={"Authorization": f"Bearer {body['token']}"})
        async with http, Client(streamable_http_client(body["mcp_url"], http_client=http)) as client:
            recalled = await client.call_tool("recall_vendor", {})
            seen = json.loads(recalled.content[0].text)  # type: ignore[union-attr]
            asked: list[Mapping[str, object]] = []

            def call(name: str, arguments: Mapping[str, object]) -> object:
                asked.append(arguments)
                return seen

            decision = played(body["record"], call)
            await client.call_tool("remember_vendor", dict(asked[1]))
            return decision

    return asyncio.run(decided())
