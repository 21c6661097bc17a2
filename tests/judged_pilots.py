"""A pilot of documents with amounts and a blocked vendor, and a version of it judged by hand."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from hand_evaluations import hand_evaluation
from small_pilots import ALL_HOLDOUT, written_pilot

from workbench.evaluation import Evaluation
from workbench.metrics import CertificationSettings, certify_outcomes, choice_of
from workbench.pilot.pilot import Pilot, open_pilot
from workbench.records.splits import Split

COLUMNS = {
    "doc": {"role": "id", "required": True},
    "amount": {"type": "number", "required": True},
    "status": {"required": True},
    "right": {"role": "label", "required": True},
}
CHARTER: Mapping[str, Any] = {
    "process": "documents arrive and are paid",
    "kpis": [{"id": "right", "metric": "selective_accuracy", "operator": ">=", "target": 0.9}],
    "high_risk": [
        {"id": "blocked", "description": "vendor is blocked", "when": {"column": "status", "values": ["blocked"]}},
        {"id": "in-words", "description": "something only people know"},
    ],
    "authority": [{"id": "amount", "description": "amount", "at_most": 1_000, "unit": "EUR", "column": "amount"}],
    "volume": {"records_per_day": 12},
    "costs": {"error": 20, "escalation": 5, "manual": 4, "minutes_per_record": 6, "source": "a study"},
}
N = 400


def judged_pilot(root: Path, **charter: Any) -> Pilot:
    """Return a pilot of 400 documents, all holdout.

    Document i has the amount 10 (i % 10 + 1), every 50th 5,000; every 20th is of a blocked vendor and must be
    escalated, all others paid.
    """
    rows = [(f"d{i:03}", 5_000 if i % 50 == 49 else 10 * (i % 10 + 1), *_truth(i)) for i in range(N)]
    sides = {"pay": ALL_HOLDOUT, "escalate": ALL_HOLDOUT}
    pilot = written_pilot(root, COLUMNS, rows, sides)
    content = {**CHARTER, **charter}
    (pilot.suite / "charter.yaml").write_text(json.dumps(content), encoding="utf-8")
    return open_pilot("small", root)


def judged_version(wrong: frozenset[int] = frozenset(), threshold: float | None = 0.5) -> Evaluation:
    """Return a version that pays every document, with falling confidence.

    It is wrong on documents of blocked vendors, and fails on those named.
    """
    rows = [
        (f"d{i:03}", "failed" if i in wrong else "ok", None if i in wrong else "pay", 1 - i / N, _truth(i)[1])
        for i in range(N)
    ]
    evaluation = hand_evaluation("payer", rows, threshold)
    return replace(evaluation, split=Split.HOLDOUT)


def certified_version(level: float = 0.95, target: float = 0.9) -> Evaluation:
    """Return that version with what its decisions prove for accuracy on automated decisions."""
    evaluation = judged_version()
    found = certify_outcomes(evaluation.outcomes, CertificationSettings(target, level))
    return replace(evaluation, certification=found, threshold=choice_of(found) or evaluation.threshold)


def _truth(i: int) -> tuple[str, str]:
    return ("blocked", "escalate") if i % 20 == 0 else ("active", "pay")
