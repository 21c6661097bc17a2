"""A pilot whose agents act: small orders that are looked up, checked and posted through tools."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from pathlib import Path

from small_pilots import ALL_DEV, written_pilot

from workbench.pilot import Pilot, open_pilot

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


def decided(ordered: int, received: int, amount: float) -> str:
    """Return the right decision on an order."""
    if amount > 10000:
        return "escalate"
    return "reject" if received < ordered else "approve"


def acting_pilot(root: Path, agents: Mapping[str, str], n: int = 30, environment: str = ENVIRONMENT) -> Pilot:
    """Write and open a pilot of n development records whose agents, by name, are the given Python code."""
    rows = []
    for number in range(n):
        ordered, received, amount = 10, 10 - number % 3 % 2, 500.0 + 700 * (number % 16)
        mail = f"buyer{number}@example.org"
        rows.append(
            (f"R{number:03d}", f"45{number:05d}", ordered, received, amount, mail, decided(ordered, received, amount))
        )
    pilot = written_pilot(root, COLUMNS, rows, dict.fromkeys(LABELS, ALL_DEV))
    (pilot.suite / "environment.yaml").write_text(environment, encoding="utf-8")
    (pilot.suite / "tools.py").write_text(TOOLS, encoding="utf-8")
    entries = []
    for name, code in agents.items():
        (pilot.suite / f"{name}.py").write_text(textwrap.dedent(code), encoding="utf-8")
        entries.append(f"  {name}: {{python: 'eval_suites/small/{name}.py:decide', tools: true, role: clerk}}")
    settings = ["title: Small", "question: Which?", "escalate_label: escalate", "agents:", *entries]
    (pilot.suite / "pilot.yaml").write_text(
        "\n".join([*settings, f"compare: [{next(iter(agents))}]", ""]), encoding="utf-8"
    )
    return open_pilot(pilot.name, root)
