"""A pilot of another domain for the design of cases: loan requests, ten rules, plain numeric columns, no levers."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from small_pilots import ALL_DEV, written_pilot

from workbench.pilot import Pilot

PROCESS: dict[str, Any] = {
    "decisions": {"approve": "Pay the loan out.", "reject": "Decline.", "refer": "Hand it to a person."},
    "rules": [
        {"id": "minor", "decision": "reject", "parameters": {"age": 18}, "fault": True},
        {"id": "fraud_hint", "decision": "refer", "to": "fraud desk"},
        {"id": "score_too_low", "decision": "reject", "parameters": {"below": 420}, "fault": True},
        {
            "id": "debts", "decision": "reject", "parameters": {"above_pct": 45},
            "exceptions": [{"id": "guarantor", "parameters": {"up_to_pct": 60}}],
        },
        {"id": "instalment", "decision": "reject", "parameters": {"above_pct": 35}},
        {"id": "employment", "decision": "refer", "to": "underwriting", "parameters": {"months": 6}},
        {"id": "thin_score", "decision": "refer", "to": "underwriting", "parameters": {"below": 520, "amount": 10000}},
        {"id": "term", "decision": "refer", "to": "underwriting", "parameters": {"months": 84}},
        {"id": "age_at_end", "decision": "refer", "to": "underwriting", "parameters": {"years": 75}},
        {"id": "amount", "decision": "refer", "to": "credit committee"},
    ],
    "approvals": [{"reason": "guaranteed"}, {"reason": "plain"}],
    "python": "policy.py:decide",
    "limits": ["most"],
    "most": {"car": 40000, "home": 80000, "other": 15000},
    "facts": {
        "fraud_hint": {"column": "remark", "example": "Payslip looks forged", "counterexample": "Payslip checked"},
        "guarantor": {"column": "remark", "example": "Guarantor has signed", "counterexample": "Guarantor wanted"},
    },
}  # fmt: skip

POLICY = """
WORDS = {"fraud_hint": "looks forged", "guarantor": "has signed"}
CONDITIONS = {
    "minor": lambda r, p, _: r["age"] < p["age"],
    "fraud_hint": lambda r, p, process: states(r, process, "fraud_hint"),
    "score_too_low": lambda r, p, _: r["score"] < p["below"],
    "debts": lambda r, p, _: r["debts"] * 100 > p["above_pct"] * r["income"],
    "instalment": lambda r, p, _: r["amount"] / r["term_months"] * 100 > p["above_pct"] * r["income"],
    "employment": lambda r, p, _: r["employed_months"] < p["months"],
    "thin_score": lambda r, p, _: r["score"] < p["below"] and r["amount"] > p["amount"],
    "term": lambda r, p, _: r["term_months"] > p["months"],
    "age_at_end": lambda r, p, _: r["age"] + r["term_months"] / 12 > p["years"],
    "amount": lambda r, p, process: r["amount"] > process["most"][r["purpose"]],
}


def states(record, process, fact):
    return fact in process["facts"] and WORDS[fact] in (record["remark"] or "")


def decide(record, process):
    used = False
    for rule in process["rules"]:
        if CONDITIONS[rule["id"]](record, rule["parameters"], process):
            if any(exempt(record, process, one) for one in rule["exceptions"]):
                used = True
                continue
            return {"action": rule["decision"], "reason": rule["id"], "to": rule["to"], "rule": rule["id"]}
    return {"action": "approve", "reason": "guaranteed" if used else "plain"}


def exempt(record, process, one):
    share = record["debts"] * 100 <= one["parameters"]["up_to_pct"] * record["income"]
    return states(record, process, "guarantor") and share
"""

COLUMNS: dict[str, dict[str, Any]] = {
    "id": {"role": "id", "required": True},
    "purpose": {"allowed": ["car", "home", "other"]},
    "region": {"allowed": ["north", "south", "west"]},
    "amount": {"type": "integer"},
    "term_months": {"type": "integer"},
    "income": {"type": "integer"},
    "debts": {"type": "integer"},
    "age": {"type": "integer"},
    "score": {"type": "integer"},
    "employed_months": {"type": "integer"},
    "remark": {"role": "text"},
    "decision": {"role": "label", "required": True, "allowed": ["approve", "reject", "refer"]},
}


def loan_policy() -> Callable[[Any, Any], dict[str, Any]]:
    """Return the policy as a function, for labels; the workbench itself runs it in another process only."""
    names: dict[str, Any] = {}
    exec(POLICY, names)
    decide: Callable[[Any, Any], dict[str, Any]] = names["decide"]
    return decide


def loan_rows(n: int) -> list[list[Any]]:
    """Return generated loan requests with their labels."""
    rng = np.random.default_rng(7)
    process = {
        **PROCESS,
        "rules": [{"parameters": {}, "exceptions": [], "to": None, **one} for one in PROCESS["rules"]],
    }
    decide, rows = loan_policy(), []
    for place in range(n):
        row: dict[str, Any] = {"id": f"L{place:03d}", "purpose": str(rng.choice(COLUMNS["purpose"]["allowed"]))}
        row["region"] = str(rng.choice(COLUMNS["region"]["allowed"]))
        row["amount"] = 100 * int(rng.integers(10, 400))
        row["term_months"] = 6 * int(rng.integers(2, 16))
        row["income"] = 50 * int(rng.integers(30, 120))
        row["debts"] = 10 * int(rng.integers(0, 200))
        row |= {"age": int(rng.integers(17, 74)), "score": int(rng.integers(380, 800))}
        row |= {"employed_months": int(rng.integers(2, 200)), "remark": None}
        rows.append([*row.values(), decide(row, process)["action"]])
    return rows


def loan_pilot(root: Path, policy: str = POLICY, process: dict[str, Any] = PROCESS, n: int = 60) -> Pilot:
    """Write and open the pilot."""
    pilot = written_pilot(root, COLUMNS, loan_rows(n), dict.fromkeys(("approve", "reject", "refer"), ALL_DEV))
    (pilot.suite / "process.yaml").write_text(json.dumps(process), encoding="utf-8")
    (pilot.suite / "policy.py").write_text(policy, encoding="utf-8")
    return pilot
