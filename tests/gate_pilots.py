"""A small pilot at its gates: 400 records, a signed charter, an evaluation and an audit written by hand."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import yaml
from small_pilots import ALL_HOLDOUT, written_pilot

from workbench.audit.maker import _finding
from workbench.evidence import MAKERS, Exhibit, MadeBy, Population, exhibit_folder, maker
from workbench.gates import read_gates
from workbench.gates.criteria import CriterionResult
from workbench.gates.facts import GateFacts
from workbench.gates.judging import judged_criteria
from workbench.gates.reading import named_columns
from workbench.metrics import Estimate, EvaluationSettings, evaluate_outcomes
from workbench.pilot.charter.signatures import sign_charter
from workbench.pilot.pilot import Pilot, open_pilot
from workbench.pilot.signing.documents import Signer
from workbench.pilot.signing.keys import SigningKey, generated_key
from workbench.records.cells import named_cells
from workbench.records.ledger import Opening, Purpose
from workbench.records.splits import Split, read_dataset
from workbench.runs.journal import digest_of

TODAY = date(2026, 11, 23)
MADE = MadeBy(who="Ann", commit=None, time="2026-11-20T00:00:00+00:00")
THRESHOLD = 0.5
NOT_JUDGED = "no version has been evaluated on the holdout"
COLUMNS: dict[str, dict[str, Any]] = {
    "id": {"role": "id", "required": True},
    "vendor": {"required": True},
    "amount": {"type": "number"},
    "kind": {"role": "class"},
    "answer": {"role": "label", "allowed": ["approve", "escalate"]},
    "why": {"role": "reason"},
}
KPIS = [
    {"id": "right", "metric": "accuracy", "operator": ">=", "target": 0.9, "confidence_level": 0.95},
    {"id": "sure", "metric": "selective_accuracy", "operator": ">=", "target": 0.9, "confidence_level": 0.95},
]
CHARTER: dict[str, Any] = {
    "process": "Invoices are approved or go to a person.",
    "kpis": KPIS,
    "stakeholders": [
        {"role": "sponsor", "name": "Ann", "signs": True},
        {"role": "IT owner", "name": "Bo", "signs": True},
        {"role": "council", "name": "Cy"},
    ],
    "high_risk": [{"id": "dispute", "description": "disputed", "when": {"column": "why", "values": ["dispute"]}}],
    "authority": [{"id": "limit", "description": "amount", "at_most": 900, "column": "amount"}],
    "volume": {"records_per_day": 100},
}
_EVALUATED: dict[Path, tuple[Exhibit, Opening]] = {}  # by the pilot's folder
OTHERS = {"title": "Later", "criteria": [{"id": "load", "check": "load"}]}


def rows(n: int = 400) -> list[list[object]]:
    """Return n records: every tenth is disputed and must be escalated; class common, edge, error in turn."""
    table: list[list[object]] = []
    for i in range(n):
        disputed = i % 10 == 0
        amount, kind = 100 + i % 7, ("common", "edge", "error")[i % 3]
        table.append(
            [f"R{i:04d}", f"V{i % 5}", amount, kind, *(("escalate", "dispute") if disputed else ("approve", "match"))]
        )
    return table


def gate(criteria: Sequence[Mapping[str, Any]], **further: Any) -> dict[str, Any]:
    """Return a gates.yaml whose every gate asks for the criteria."""
    one = {"title": "Good enough?", "criteria": [dict(criterion) for criterion in criteria], **further}
    return {"gates": {1: one, 2: one, 3: OTHERS}}


def gate_pilot(root: Path, gates: Mapping[str, Any], charter: Mapping[str, Any] = CHARTER, n: int = 400) -> Pilot:
    """Write and open a pilot whose records are all holdout."""
    pilot = written_pilot(root, COLUMNS, rows(n), {"approve": ALL_HOLDOUT, "escalate": ALL_HOLDOUT})
    (pilot.suite / "charter.yaml").write_text(yaml.safe_dump(dict(charter)), encoding="utf-8")
    (pilot.suite / "gates.yaml").write_text(yaml.safe_dump(dict(gates)), encoding="utf-8")
    settings = yaml.safe_load((pilot.suite / "pilot.yaml").read_text(encoding="utf-8"))
    settings["escalate_label"] = "escalate"
    (pilot.suite / "pilot.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    return open_pilot("small", root)


def signed(pilot: Pilot) -> dict[str, SigningKey]:
    """Sign the charter by everyone who must, and return their keys by role."""
    keys = {}
    for person in pilot.charter.stakeholders:
        if person.signs:
            keys[person.role] = generated_key()
            sign_charter(pilot.suite, pilot.charter, Signer(person.name, person.role), keys[person.role])
    return keys


def outcomes_of(pilot: Pilot, wrong: Sequence[int] = (), **columns: Sequence[Any]) -> pd.DataFrame:
    """Return decisions on every record, right and sure but for the wrong rows; columns replace what is written."""
    records = rows(len(read_dataset(pilot).splits))
    labels = [str(row[4]) for row in records]
    actions = [
        ("approve" if label == "escalate" else "escalate") if i in set(wrong) else label
        for i, label in enumerate(labels)
    ]
    table = pd.DataFrame(
        {
            "record_id": [str(row[0]) for row in records],
            "status": "ok",
            "action": actions,
            "confidence": 0.9,
            "confidence_source": "stated",
            "reason": None,
            "latency_s": [0.1 + i / 10_000 for i in range(len(records))],
            "attempts": 1,
            "prompt_tokens": pd.array([None] * len(records), dtype="Int64"),
            "completion_tokens": pd.array([None] * len(records), dtype="Int64"),
            "label": labels,
            "label_reason": [str(row[5]) for row in records],
            "class": [str(row[3]) for row in records],
        }
    )
    return table.assign(**columns)


def write_evaluation(pilot: Pilot, outcomes: pd.DataFrame, *, share: float = 2 / 3, **changes: Any) -> None:
    """Let an evaluation on the holdout stand for the pilot, as journal and ledger would give it.

    Development records are decided like these, so that nothing can be held against the holdout.
    """
    settings = EvaluationSettings(threshold=THRESHOLD, escalate_label="escalate")
    identity = {"python": "A", "code": {"agents.py": "0" * 64}}
    counts = outcomes["status"].value_counts()
    content = {
        "pilot": pilot.name,
        "agent": "A",
        "note": "by hand",
        "identity": identity,
        "split": "holdout",
        "records_in_split": len(outcomes),
        "run": "r1",
        "agent_digest": digest_of(identity),
        "dataset_digest": read_dataset(pilot).digest,
        "counts": {
            "planned": len(outcomes),
            **{name: int(counts.get(name, 0)) for name in ("ok", "invalid", "failed", "skipped")},
        },
        "causes": {},
        "asked_now": 0,
        "threshold": {"threshold": THRESHOLD},
        "threshold_note": f"Threshold {THRESHOLD}, by hand",
        "estimates": {name: one.as_json() for name, one in evaluate_outcomes(outcomes, settings).items()},
        **changes,
    }
    said = {**content, "inputs": {"threshold": THRESHOLD, "escalate_label": "escalate", "price": None}}
    held = {name: one for name, one in said.items() if name != "estimates"}
    exhibit = Exhibit(
        "evaluation",
        pilot.name,
        {"records": content["dataset_digest"], "agent": content["agent_digest"]},
        MADE,
        "by hand",
        {name: Estimate(**one) for name, one in content["estimates"].items()},
        tables={"holdout": outcomes, "development": outcomes},
        facts={"opening": 1, "holdout": held, "development": {**said, "split": "dev"}},
    )
    purpose = Purpose("evaluation", "A", content["agent_digest"], content["dataset_digest"], len(outcomes))
    opening = Opening(1, "2026-11-20T00:00:00+00:00", "Ann", None, None, purpose, None, "0" * 64, share, rows="0" * 64)
    _EVALUATED[pilot.suite] = exhibit, opening


def finding(severity: str, **changes: Any) -> dict[str, Any]:
    """Return a finding of an audit."""
    return {
        "id": f"empty-{severity}", "kind": "empty", "title": "Amounts are empty", "severity": severity, "impact": 0.1,
        "n_records": 4, "of_records": 400,
        "columns": ["amount"], "rows_file": "rows/a.csv", "evidence": "", "consequence": "", "remediation": "fill them",
        "effort": "hours", "owner": "Bo", "recheck": "", **changes,
    }  # fmt: skip


def write_audit(pilot: Pilot, findings: Sequence[Mapping[str, Any]], filled: tuple[int, int] = (400, 400)) -> Path:
    """Write an audit of the present records and its exhibit as `workbench audit` leaves them."""
    folder = pilot.runs / "audit" / "run1"
    folder.mkdir(parents=True, exist_ok=True)
    k, n = filled
    estimate = Estimate.proportion(k, n)
    digest = read_dataset(pilot).digest
    content = {
        "pilot": pilot.name, "run": "run1", "dataset_digest": digest, "n_records": 400,
        "created": MADE.time,
        "sections": {"completeness": {"estimates": {"complete_records": estimate.as_json()}}},
        "findings": list(findings),
    }  # fmt: skip
    (folder / "findings.json").write_text(json.dumps(content), encoding="utf-8")
    (pilot.runs / "audit" / "latest.json").write_text(json.dumps({"path": "run1/findings.json"}), encoding="utf-8")
    exhibit = Exhibit(
        "audit",
        pilot.name,
        {"records": digest},
        MADE,
        "by hand",
        {"complete_records": estimate},
        tuple(
            _finding(one).model_copy(update={"owner": one["owner"] or ""}) for one in findings
        ),  # with owners, as exhibits had them
        {"counts": pd.DataFrame({"estimate": ["complete_records"], "hits": [k], "n": [n], "method": ["wilson"]})},
    )
    exhibit.write(exhibit_folder(pilot, "audit"))
    return folder / "findings.json"


def facts_of(pilot: Pilot, today: date = TODAY) -> GateFacts:
    """Return the facts as they are, of the evaluation that was written last."""
    gates, dataset = read_gates(pilot), read_dataset(pilot)
    absent, exhibits, openings = {}, {}, ()
    for name in MAKERS:
        one = maker(name).present(pilot, dataset, None) if name != "evaluation" else NOT_JUDGED
        (absent if isinstance(one, str) else exhibits)[name] = one
    if pilot.suite in _EVALUATED:
        exhibits["evaluation"], opening = _EVALUATED[pilot.suite]
        openings = (opening,)
        absent.pop("evaluation")
    return GateFacts(
        pilot,
        Population(dataset.digest, len(dataset.ids(Split.HOLDOUT)), None),
        named_cells(dataset, dataset.splits.index, named_columns(pilot, gates)),
        exhibits,
        absent,
        (pilot.data / "ledger.jsonl", openings),
        today,
        gates=gates,
    )


def result(pilot: Pilot, criterion: str, number: int = 2) -> CriterionResult:
    """Return what the facts say of one criterion."""
    return next(one for one in judged_criteria(facts_of(pilot), number) if one.criterion.id == criterion)
