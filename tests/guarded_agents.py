"""A pilot with guards, and an agent that says of each record what it is told to say."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from small_pilots import ALL_DEV, written_pilot

from workbench.agents import Agent, Decision
from workbench.agents.guards import with_guards
from workbench.metrics import Status
from workbench.pilot import GuardName, Pilot, open_pilot
from workbench.records.records import Record

COLUMNS: dict[str, dict[str, Any]] = {
    "id": {"role": "id", "required": True},
    "status": {"allowed": ["active", "new", "blocked"]},
    "amount": {"type": "number"},
    "price": {},
    "note": {"role": "text", "pii": "personal", "max_length": 60},
    "why": {"role": "reason"},
    "answer": {"role": "label", "allowed": ["approve", "reject", "escalate"]},
}
CHARTER: dict[str, Any] = {
    "process": "Invoices are approved, sent back, or go to a person.",
    "kpis": [{"id": "sure", "metric": "selective_accuracy", "operator": ">=", "target": 0.9}],
    "high_risk": [
        {"id": "blocked", "description": "blocked", "when": {"column": "status", "values": ["blocked"]}},
        {"id": "dispute", "description": "disputed", "when": {"column": "why", "values": ["dispute"]}},
        {"id": "insight", "description": "something only people know"},
    ],
    "authority": [{"id": "limit", "description": "amount", "at_most": 900, "column": "amount"}],
}
PROCESS: dict[str, Any] = {
    "decisions": {"approve": "pay", "reject": "send back", "escalate": "a person decides"},
    "rules": [
        {"id": "arithmetic", "decision": "reject", "reason": "arithmetic_error"},
        {"id": "dispute", "decision": "escalate", "reason": "dispute"},
        {"id": "price", "decision": "reject", "reason": "price_variance", "parameters": {"above_eur": 250, "pct": 2.5}},
    ],
    "approvals": [{"reason": "match"}],
    "python": "policy.py:decide",
}
POLICY = """
def decide(record, process):
    note = record["note"] or ""
    if "cannot be read" in note:
        raise ValueError(note)
    rule = next((rule for rule in process["rules"] if rule["id"] in note.casefold()), None)
    if rule is None:
        return {"action": "approve", "reason": process["approvals"][0]["reason"]}
    return {"action": rule["decision"], "reason": rule["reason"], "to": "purchasing", "rule": rule["id"]}
"""
ALL = tuple(GuardName)


def guarded_pilot(root: Path, guards: Iterable[str] = ALL, **changed: Any) -> Pilot:
    """Write a pilot of two records with these guards; what is given by keyword stands in pilot.yaml beside them."""
    rows = [("r1", "active", 10, "1.234,56", "all in order", "match", "approve")] * 2
    rows = [(f"r{number}", *row[1:]) for number, row in enumerate(rows, start=1)]
    rows += [(f"r{number}", *row[1:-2], "arithmetic_error", "reject") for number, row in enumerate(rows, start=3)]
    sides = dict.fromkeys(("approve", "reject", "escalate"), ALL_DEV)
    pilot = written_pilot(root, COLUMNS, rows, sides)
    settings = json.loads((pilot.suite / "pilot.yaml").read_text(encoding="utf-8"))
    settings |= {"escalate_label": "escalate", "guards": list(map(str, guards)), **changed}
    for name, content in (("pilot.yaml", settings), ("charter.yaml", CHARTER), ("process.yaml", PROCESS)):
        (pilot.suite / name).write_text(json.dumps(content), encoding="utf-8")
    (pilot.suite / "policy.py").write_text(POLICY, encoding="utf-8")
    return open_pilot("small", root)


def record(number: int = 1, **fields: Any) -> Record:
    """Return a record in order, but for the fields given."""
    cells = {"id": f"r{number}", "status": "active", "amount": 10.0, "price": "1.234,56", "note": "all in order"}
    return Record(f"r{number}", {**cells, **fields}, f"digest {number}")


def said(action: str = "approve", reason: str | None = "match", **facts: Any) -> Decision:
    """Return a sure decision, to be made of any record."""
    facts = {"confidence": 0.97, "logprob": 0.97, "attempts": 1, "latency_s": 0.5, **facts}
    return Decision("", Status.OK, action, reason=reason, **facts)


@dataclass
class Sayer:
    """An agent that says of every record what `says` makes of it; `asked` are the records that it was shown."""

    says: Callable[[Record], Decision]
    name: str = "sayer"
    identity: Mapping[str, Any] = field(default_factory=lambda: {"python": "sayer"})
    window: int = 4
    patience: int = 2
    deadline_s: float | None = None
    asked: list[str] = field(default_factory=list)

    def prepare(self) -> None:
        """Nothing."""

    async def decide(self, records: AsyncIterator[Record]) -> AsyncGenerator[Decision, None]:
        """Yield what is said of each record."""
        async for one in records:
            self.asked.append(one.id)
            yield replace(self.says(one), record_id=one.id)


def decisions(agent: Agent, *records: Record) -> dict[str, Decision]:
    """Return an agent's decision on each record."""

    async def source() -> AsyncGenerator[Record, None]:
        for one in records:
            yield one

    async def all_of() -> dict[str, Decision]:
        return {one.record_id: one async for one in agent.decide(source())}

    return asyncio.run(all_of())


def guarded(pilot: Pilot, decision: Decision, labels: tuple[str, ...] = ("approve", "reject", "escalate")) -> Agent:
    """Return an agent that says the same of every record, with the pilot's guards around it."""
    return with_guards(Sayer(lambda _: decision), pilot, labels, None)


def judged(pilot: Pilot, decision: Decision, **fields: Any) -> Decision:
    """Return what becomes of a decision on a record under the pilot's guards."""
    return decisions(guarded(pilot, decision), record(**fields))["r1"]
