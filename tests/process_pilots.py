"""A small, complete process specification, with what it is held against."""

from __future__ import annotations

import copy
import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import yaml
from gate_pilots import CHARTER, gate, gate_pilot

from workbench.pilot import Pilot, Process, ReviewSettings
from workbench.pilot.charter import Charter
from workbench.pilot.process import process_gaps

SPECIFIED = [{"id": "process", "check": "process_specification"}]
PROCESS: dict[str, Any] = {
    "title": "Small orders",
    "valid_from": date(2026, 1, 1),
    "decisions": {"approve": "pay it", "escalate": "a person decides"},
    "handed_over": ["escalate"],
    "rules": [
        {"id": "dispute", "condition": "it is disputed", "decision": "escalate", "to": "buyers"},
        {
            "id": "large",
            "condition": "the amount is above the limit",
            "decision": "escalate",
            "to": "head",
            "parameters": {"above": 900},
            "exceptions": [{"id": "agreed", "condition": "the head agreed before"}],
        },
    ],
    "approvals": [{"reason": "match", "condition": "no rule holds"}],
    "steps": [
        {"id": "arrival", "title": "Order arrives", "who": "clerk", "system": "ERP", "minutes": 2, "next": ["look"]},
        {
            "id": "look",
            "title": "Is it in order?",
            "who": "clerk",
            "system": "ERP",
            "rules": ["dispute", "large"],
            "branches": [
                {"when": "it is", "to": "approve"},
                {"when": "a rule holds", "to": "escalate"},
                {"when": "it cannot be read", "to": "ask"},
            ],
        },
        {"id": "ask", "title": "The sender is asked", "who": "clerk", "system": "mail", "next": ["arrival"]},
    ],
    "exception_paths": [
        {"id": "angry", "step": "look", "rule": "dispute", "happens": "The buyer rings the vendor.", "share": 0.1},
        {"id": "image", "step": "arrival", "happens": "It goes back to be scanned.", "no_case": "outside of the scope"},
    ],
    "workarounds": [
        {
            "id": "by-hand",
            "step": "look",
            "what": "Clerks split what is too large in two.",
            "why": "The head is away on Fridays.",
            "agent": "It holds the whole amount against the limit.",
            "rule": "large",
        }
    ],
    "observations": [
        {
            "day": date(2026, 10, 1),
            "observer": "Ann, pilot team",
            "observed": "Bo, clerk",
            "where": "office",
            "documents": 40,
            "steps": ["arrival", "look", "ask"],
        }
    ],
}
REVIEW: dict[str, Any] = {
    "people": [
        {"id": "ann", "name": "Ann", "groups": ["buyers"]},
        {"id": "bo", "name": "Bo", "groups": ["head"]},
    ],
    "groups": [{"id": "buyers", "deadline_h": 4, "goes_up_to": "head"}, {"id": "head"}],
    "adjudicators": "head",
}
DISPUTED = {"column": "why", "values": ["dispute"]}
AGREED: dict[str, Any] = {
    **CHARTER,
    "high_risk": [{"id": "dispute", "description": "disputed", "to": "buyers", "when": DISPUTED}],
    "authority": [{"id": "limit", "description": "amount", "at_most": 900, "column": "amount", "to": "head"}],
}
UP, THROUGH = {"expect": {"action": "escalate"}, "class": "edge"}, {"expect": {"action": "approve"}, "class": "edge"}
CASES: list[dict[str, Any]] = [
    {"id": "disputed", "base": "R0000", **UP, "covers": ["rule:dispute@holds"]},
    {"id": "too-large", "base": "R0001", **UP, "covers": ["rule:large@above"]},
    {"id": "agreed", "base": "R0001", **THROUGH, "covers": ["exception:large/agreed@used"]},
    {"id": "in-order", "base": "R0002", "class": "common", "expect": {"action": "approve", "reason": "match"}},
]


def specification(change: Callable[[dict[str, Any]], object] = lambda _: None) -> Process:
    """Return the specification after a change of it, read as its file would be."""
    content = copy.deepcopy(PROCESS)
    change(content)
    return Process.model_validate(content)


def gaps(change: Callable[[dict[str, Any]], object] = lambda _: None, **of: Any) -> list[tuple[str, str]]:
    """Return part and problem of each gap after a change; `of` gives another charter or review.yaml."""
    review = of.get("review", REVIEW)
    settings = None if review is None else ReviewSettings.model_validate(review)
    charter = Charter.model_validate(of.get("charter", AGREED))
    return [(gap.part, gap.problem) for gap in process_gaps(specification(change), charter, settings)]


def process_pilot(root: Path, content: dict[str, Any] | None = None) -> Pilot:
    """Write and open a pilot with the specification, people and test cases."""
    pilot = gate_pilot(root, gate(SPECIFIED), AGREED)
    shutil.rmtree(pilot.suite / "suites", ignore_errors=True)
    written = content if content is not None else PROCESS
    files = {"process.yaml": written, "review.yaml": REVIEW, "suites/all.yaml": {"title": "All ways", "cases": CASES}}
    for name, said in files.items():
        (pilot.suite / name).parent.mkdir(exist_ok=True)
        (pilot.suite / name).write_text(yaml.safe_dump(said), encoding="utf-8")
    return pilot
