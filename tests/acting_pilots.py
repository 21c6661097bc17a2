"""A pilot whose agents act: small orders that are looked up, checked and posted through tools."""

from __future__ import annotations

import asyncio
import json
import textwrap
import threading
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from small_pilots import ALL_DEV, written_pilot

from workbench.agents import build_agent
from workbench.engines import EngineChoice, Request
from workbench.pilot import Pilot, open_pilot
from workbench.records.splits import Split, read_dataset
from workbench.runs.journal import JOURNAL_FILE, Journal
from workbench.runs.runner import RecordSelection, run_agent

LABELS = ("approve", "reject", "escalate")
COLUMNS = {
    "id": {"role": "id", "required": True},
    "po_number": {"required": True},
    "ordered": {"type": "integer"},
    "received": {"type": "integer"},
    "amount": {"type": "number"},
    "contact": {"pii": "contact"},
    "decision": {"role": "label", "required": True, "allowed": list(LABELS)},
}
ENVIRONMENT = """
tables:
  orders: {from_record: {po_number: po_number, ordered: ordered, contact: contact}}
  receipts: {from_record: [po_number, received]}
  postings: {columns: [po_number, amount, key]}
tools:
  read_order:
    description: Return the order of a number.
    sql: SELECT ordered, contact FROM orders WHERE po_number = :po_number
    arguments: {po_number: string}
  read_receipt:
    description: Return what was received for an order.
    sql: SELECT received FROM receipts WHERE po_number = :po_number
    arguments: {po_number: {type: string, description: number of the order}}
  share_received: {python: "tools.py:share_received"}
  post:
    description: Post an invoice for payment.
    sql: INSERT INTO postings VALUES (:po_number, :amount, :idempotency_key)
    arguments: {po_number: string, amount: number}
    effect: write
    amount: amount
    allowed_for: [clerk]
limits: {calls: 8, writes: 2, euro: 20000}
"""
TOOLS = """
import sqlite3


def share_received(state: sqlite3.Connection, po_number: str) -> float:
    \"\"\"Return which share of an order was received.\"\"\"
    ordered, = state.execute("SELECT ordered FROM orders WHERE po_number = ?", (po_number,)).fetchone()
    received, = state.execute("SELECT received FROM receipts WHERE po_number = ?", (po_number,)).fetchone()
    return received / ordered
"""
# Reads the order, what was received and its share, and posts what it approves.
CLEAN = """
def decide(record, tools):
    order = tools.read_order(po_number=record["po_number"])[0]
    received = tools.read_receipt(po_number=record["po_number"])[0]["received"]
    tools.share_received(po_number=record["po_number"])
    if record["amount"] > 10000:
        return {"action": "escalate", "confidence": 0.9, "reason": "over_authority"}
    if received < order["ordered"]:
        return {"action": "reject", "confidence": 0.9, "reason": "not_received"}
    tools.post(po_number=record["po_number"], amount=record["amount"])
    return {"action": "approve", "confidence": 0.9, "reason": "matched"}
"""


PROMPT = """---
name: v1
change_note: first
---

## Role

You decide on orders. The action is one of: {{ labels | join(", ") }}.

## Record

{"po_number": "{{ record.po_number }}", "amount": {{ record.amount }}}
"""


def decided(ordered: int, received: int, amount: float) -> str:
    """Return the right decision on an order."""
    if amount > 10000:
        return "escalate"
    return "reject" if received < ordered else "approve"


def acting_pilot(
    root: Path, agents: Mapping[str, str], n: int = 30, environment: str = ENVIRONMENT, side: float = ALL_DEV
) -> Pilot:
    """Write and open a pilot of n records, of one split, whose agents, by name, are Python code or an address."""
    rows = []
    for number in range(n):
        ordered, received, amount = 10, 10 - number % 3 % 2, 500.0 + 700 * (number % 16)
        mail = f"buyer{number}@example.org"
        rows.append(
            (f"R{number:03d}", f"45{number:05d}", ordered, received, amount, mail, decided(ordered, received, amount))
        )
    pilot = written_pilot(root, COLUMNS, rows, dict.fromkeys(LABELS, side))
    (pilot.suite / "environment.yaml").write_text(environment, encoding="utf-8")
    (pilot.suite / "tools.py").write_text(TOOLS, encoding="utf-8")
    entries = []
    for name, code in agents.items():
        if code.startswith("http"):
            entries.append(f"  {name}: {{http: '{code}', tools: true, role: clerk}}")
            continue
        (pilot.suite / f"{name}.py").write_text(textwrap.dedent(code), encoding="utf-8")
        entries.append(f"  {name}: {{python: 'eval_suites/small/{name}.py:decide', tools: true, role: clerk}}")
    (pilot.suite / "prompts").mkdir()
    (pilot.suite / "prompts" / "v1.md").write_text(PROMPT, encoding="utf-8")
    entries.append("  prompt: {prompt: v1, tools: true, role: clerk}")
    settings = ["title: Small", "question: Which?", "escalate_label: escalate", "agents:", *entries]
    (pilot.suite / "pilot.yaml").write_text(
        "\n".join([*settings, f"compare: [{next(iter(agents))}]", ""]), encoding="utf-8"
    )
    return open_pilot(pilot.name, root)


def played(record: Mapping[str, object], call: Callable[[str, Mapping[str, object]], object]) -> dict[str, object]:
    """Return what the clean agent decides, its tools called by a function of name and arguments."""
    number = {"po_number": record["po_number"]}
    order, received = call("read_order", number), call("read_receipt", number)
    call("share_received", number)
    if float(str(record["amount"])) > 10000:
        return {"action": "escalate", "confidence": 0.9, "reason": "over_authority"}
    if received[0]["received"] < order[0]["ordered"]:  # type: ignore[index]
        return {"action": "reject", "confidence": 0.9, "reason": "not_received"}
    call("post", {**number, "amount": record["amount"]})
    return {"action": "approve", "confidence": 0.9, "reason": "matched"}


def scripted(request: Request) -> str:
    """Return what a model that plays the clean agent says next in a conversation."""
    record = json.loads(request.messages[1].content[request.messages[1].content.index("{") :])
    answers = [
        json.loads(one.content.partition(": ")[2]) for one in request.messages if one.content.startswith("Result")
    ]

    class NextCallError(Exception):
        """The call that has no answer yet."""

    def call(name: str, arguments: Mapping[str, object]) -> object:
        if not answers:
            raise NextCallError(json.dumps({"tool": name, "arguments": arguments}))
        return answers.pop(0)["result"]

    try:
        return json.dumps(played(record, call))
    except NextCallError as call_made:
        return str(call_made)


def by_http(body: Mapping[str, Any]) -> dict[str, object]:
    """Decide as an endpoint that calls its tools by plain HTTP."""

    def call(name: str, arguments: Mapping[str, object]) -> object:
        headers = {"Authorization": f"Bearer {body['token']}"}
        asked = urllib.request.Request(f"{body['tools_url']}/{name}", json.dumps(arguments).encode(), headers)
        with urllib.request.urlopen(asked) as answer:
            return json.load(answer)["result"]

    return played(body["record"], call)


def by_mcp(body: Mapping[str, Any]) -> dict[str, object]:
    """Decide as an endpoint that calls its tools as an MCP client."""
    import httpx2
    from mcp import Client
    from mcp.client.streamable_http import streamable_http_client

    async def decided() -> dict[str, object]:
        http = httpx2.AsyncClient(headers={"Authorization": f"Bearer {body['token']}"})
        async with http, Client(streamable_http_client(body["mcp_url"], http_client=http)) as client:
            found: dict[str, object] = {}

            async def called(name: str, arguments: Mapping[str, object]) -> object:
                return json.loads((await client.call_tool(name, dict(arguments))).content[0].text)  # type: ignore[union-attr]

            number = {"po_number": body["record"]["po_number"]}
            for name in ("read_order", "read_receipt", "share_received"):
                found[name] = await called(name, number)
            decision = played(body["record"], lambda name, _: found.get(name))
            if decision["action"] == "approve":
                await called("post", {**number, "amount": body["record"]["amount"]})
            return decision

    return asyncio.run(decided())


@contextmanager
def endpoint(decide: Callable[[Mapping[str, Any]], Mapping[str, object]]) -> Iterator[str]:
    """Serve a deciding function on this machine, and give its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            answer = json.dumps(decide(body)).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/decide"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def evaluated(root: str, agent: str) -> None:
    """Run an agent of the pilot under a root on its development records, into its journal."""
    pilot = open_pilot("small", root)
    dataset = read_dataset(pilot)
    with Journal(pilot.runs / JOURNAL_FILE) as journal:
        asked = build_agent(pilot, agent, dataset, EngineChoice())
        run_agent(journal, asked, RecordSelection(dataset, Split.DEV, dataset.ids(Split.DEV)), show_progress=False)
