"""A small signed bundle: twelve decisions, a signed charter, a ledger with one opening, and a verdict that follows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd
import yaml
from hand_evaluations import hand_evaluation

from workbench.charter import Charter
from workbench.charter.signatures import charter_signatures, sign_charter
from workbench.evidence import BundleContent, agreement_files, evaluation_files, write_bundle
from workbench.journal import digest_of
from workbench.ledger import SPENT_AT_ONCE, Purpose, append_opening
from workbench.metrics import EvaluationSettings
from workbench.metrics.measured import measured
from workbench.provenance import Provenance
from workbench.signing.documents import Signer
from workbench.signing.keys import SigningKey, generated_key

COMMIT = "a" * 40
THRESHOLD = 0.5
SOMEBODY = Provenance("somebody", COMMIT, False)
KPI = {"id": "right", "metric": "accuracy", "operator": ">=", "target": 0.45, "confidence_level": 0.9}
CHARTER = {
    "process": "Tickets go to the queue that answers them, or to a person.",
    "kpis": [KPI],
    "stakeholders": [
        {"role": "sponsor", "name": "Ann", "signs": True},
        {"role": "IT owner", "name": "Bo", "signs": True},
    ],
}


GATES = {"gates": {2: {"title": "Good enough?", "criteria": [{"id": "kpi-right", "kpi": "right", "no_waiver": True}]}}}


@dataclass(frozen=True, slots=True)
class Case:
    """What a bundle is made of; `suite` and `ledger` are real files."""

    content: BundleContent
    suite: Path
    ledger: Path
    key: SigningKey

    def written(self, folder: Path) -> Path:
        return write_bundle(self.content, folder, self.key)

    def public_key(self, folder: Path) -> Path:
        path = folder / "pinned.pub.pem"
        path.write_bytes(self.key.public.pem)
        return path


def outcomes(n: int = 12) -> pd.DataFrame:
    """Three of four decisions are right; ids and reasons that a spreadsheet would run, or that look like nothing."""
    labels = [("refund", "login")[i % 2] for i in range(n)]
    rows = [(f"=T{i}", "ok", labels[i] if i % 4 else "other", 0.3 + 0.6 * (i / n), labels[i]) for i in range(n)]
    table = hand_evaluation("A", rows).outcomes.reset_index(drop=True)
    table["reason"] = [("", None, "'quoted", "-1")[i % 4] for i in range(n)]
    table["entity"] = [f"vendor {i % 3}" for i in range(n)]
    return table


def evaluation(table: pd.DataFrame, agent: str = "A") -> tuple[dict[str, Any], EvaluationSettings]:
    """Return an evaluation of a table on the holdout as JSON values, and what it depends on."""
    from workbench.metrics import evaluate_outcomes

    settings = EvaluationSettings(threshold=THRESHOLD)
    rows = [(str(i), "ok", "x", 0.9, "x") for i in range(len(table))]
    identity = {"agent": agent, "prompt": "p1", "model": "m1"}
    content = hand_evaluation(agent, rows, THRESHOLD).as_json() | {
        "pilot": "tickets",
        "split": "holdout",
        "identity": identity,
        "agent_digest": digest_of(identity),
        "estimates": {name: one.as_json() for name, one in evaluate_outcomes(table, settings).items()},
    }
    return content, settings


def criterion(table: pd.DataFrame, **changes: Any) -> dict[str, Any]:
    """Return the criterion on the charter's KPI as the table answers it."""
    charged = 1.0 - SPENT_AT_ONCE * 0.1  # what the first opening leaves of the KPI's level
    settings = EvaluationSettings(threshold=THRESHOLD, confidence_level=charged)
    estimate = measured(table, "accuracy", settings, {})
    assert estimate.lower is not None
    return {
        "id": "kpi-right",
        "title": "KPI right",
        "kind": "kpi",
        "name": "accuracy",
        "operator": ">=",
        "target": KPI["target"],
        "confidence_level": KPI["confidence_level"],
        "charged_level": charged,
        "slice": {},
        "no_waiver": True,
        "state": "pass" if estimate.lower >= 0.45 else "unproven",
        "estimate": estimate.as_json(),
        "waived": False,
        **changes,
    }


def verdict(criteria: list[dict[str, Any]], said: str) -> dict[str, Any]:
    """Return a verdict on criteria and on the one that is built in."""
    built_in = {
        "id": "all-records", "title": "All holdout records judged", "kind": "check", "name": "all_records",
        "operator": None, "target": None, "confidence_level": None, "slice": {}, "no_waiver": True,
        "charged_level": None, "state": "pass", "reason": "all 12 holdout records were judged", "would_change": "",
        "estimate": None, "missing": {}, "details": [], "waived": False,
    }  # fmt: skip
    return {
        "pilot": "tickets", "gate": 2, "verdict": said, "criteria": [built_in, *criteria], "waivers": [],
        "subject": {"agent": "A"},
    }  # fmt: skip


def signed_suite(root: Path, charter: Mapping[str, Any] = CHARTER) -> Path:
    """Write a pilot's folder with a charter that everybody signed."""
    suite = root / "eval_suites" / "tickets"
    suite.mkdir(parents=True)
    (suite / "charter.yaml").write_text(yaml.safe_dump(dict(charter)), encoding="utf-8")
    (suite / "gates.yaml").write_text(yaml.safe_dump(GATES), encoding="utf-8")
    read = Charter.model_validate(charter)
    for person in read.stakeholders:
        sign_charter(suite, read, Signer(person.name, person.role), generated_key())
    return suite


def case(root: Path, n: int = 12, *, is_opened: bool = True) -> Case:
    """Return a complete case under a folder."""
    suite, table = signed_suite(root), outcomes(n)
    content, settings = evaluation(table)
    ledger = root / "mlruns" / "tickets" / "ledger.jsonl"
    if is_opened:
        version = (content["agent_digest"], content["dataset_digest"])
        append_opening(ledger, Purpose("evaluation", "A", *version, n_records=n), SOMEBODY)
    asked = criterion(table)
    status = charter_signatures(suite, Charter.model_validate(CHARTER))
    assert status.last_signed_at is not None
    files = {**agreement_files(suite), **evaluation_files(content, table, settings), "report.html": b"<p>hello</p>"}
    made = BundleContent(
        "tickets",
        2,
        verdict([asked], "GO" if asked["state"] == "pass" else "NO-GO"),
        files,
        {"data": content["dataset_digest"], "agent": content["agent_digest"]},
        SOMEBODY,
        ledger,
        status.last_signed_at.isoformat(),
        {"python": "3.11"},
    )
    return Case(made, suite, ledger, generated_key())


def changed(made: Case, **changes: Any) -> Case:
    """Return a case whose bundle has other content, signed with the same key: what an insider could write."""
    return replace(made, content=replace(made.content, **changes))
