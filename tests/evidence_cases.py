"""A small signed bundle: twelve decisions, a signed charter, a ledger with one opening, and a verdict that follows."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pandas as pd
import yaml
from hand_evaluations import hand_evaluation

from workbench.evaluation.maker import evaluation_answer
from workbench.evidence import BundleContent, Exhibit, MadeBy, Population, agreement_files, write_bundle
from workbench.evidence.manifest import ENVELOPE_FILE, MANIFEST_FILE
from workbench.files.commits import Provenance
from workbench.gates import GateDecision, GateFacts, decide, read_gates
from workbench.gates.verdict import judged_subject
from workbench.gates.verified import facts_files, verify_bundle
from workbench.metrics import Estimate, EvaluationSettings, evaluate_outcomes, threshold_for
from workbench.metrics.certified import CertificationSettings, certified_accuracy, certify_outcomes
from workbench.metrics.prospects import outlook_json
from workbench.pilot.charter.signatures import charter_signatures, sign_charter
from workbench.pilot.pilot import Pilot, open_pilot
from workbench.pilot.signing.documents import Signer
from workbench.pilot.signing.keys import SigningKey, generated_key
from workbench.records.cells import named_cells
from workbench.records.ledger import (
    SPENT_AT_ONCE,
    Opening,
    Purpose,
    Sight,
    append_opening,
    content_digests,
    decided_digest,
    opened_records,
    read_ledger,
    rows_root,
)
from workbench.records.splits import SplitSettings, subject_from
from workbench.runs.journal import digest_of

EXHIBIT, HOLDOUT_CSV = "exhibits/evaluation/exhibit.json", "exhibits/evaluation/holdout.csv"
COMMIT = "a" * 40
SOMEBODY = Provenance("somebody", COMMIT, False)
KPI = {"id": "right", "metric": "accuracy", "operator": ">=", "target": 0.45, "confidence_level": 0.9}
SURE = {"id": "sure", "metric": "selective_accuracy", "operator": ">=", "target": 0.3, "confidence_level": 0.9}
CHARTER: dict[str, Any] = {
    "process": "Tickets go to the queue that answers them, or to a person.",
    "kpis": [KPI, SURE],
    "stakeholders": [
        {"role": "sponsor", "name": "Ann", "signs": True},
        {"role": "IT owner", "name": "Bo", "signs": True},
    ],
    "high_risk": [{"id": "vip", "description": "important", "when": {"column": "client", "values": ["=VIP"]}}],
}
CONTRACT = {
    "records": ["tickets.csv"],
    "columns": {
        "id": {"role": "id"},
        "client": {},
        "vendor": {"role": "entity"},
        "queue": {"role": "label"},
        "why": {"role": "reason"},
    },
}
SPLIT = {"key": "0" * 32, "holdout_share": 0.3, "thresholds": {}}
PILOT = {"title": "Tickets", "question": "Which queue?", "agents": {"A": {"http": "http://127.0.0.1:9"}}}
LATER = {"title": "Later", "criteria": [{"id": "load", "check": "load"}]}
GATES: dict[str, Any] = {
    "gates": {
        1: LATER,
        2: {
            "title": "Good enough?",
            "criteria": [
                {"id": "kpi-right", "kpi": "right", "no_waiver": True},
                {"id": "kpi-sure", "kpi": "sure", "no_waiver": True},
                {
                    "id": "vendor",
                    "metric": "accuracy",
                    "operator": ">=",
                    "target": 0.01,
                    "slice": {"vendor": "vendor 1"},
                },
                {"id": "rules", "check": "escalation_rules"},
            ],
        },
        3: LATER,
    }
}


@dataclass(frozen=True, slots=True)
class Case:
    """What a bundle is made of; the pilot's folders and its ledger are real files."""

    content: BundleContent
    pilot: Pilot
    facts: GateFacts
    decision: GateDecision
    key: SigningKey

    @property
    def suite(self) -> Path:
        return self.pilot.suite

    @property
    def ledger(self) -> Path:
        return self.pilot.data / "ledger.jsonl"

    def written(self, folder: Path) -> Path:
        return write_bundle(self.content, folder, self.key)

    def public_key(self, folder: Path) -> Path:
        path = folder / "pinned.pub.pem"
        path.write_bytes(self.key.public.pem)
        return path


def outcomes(n: int = 12, prefix: str = "=T") -> pd.DataFrame:
    """Three of four decisions are right, the others without a confidence, so that a person decides those.

    Ids, labels and reasons are such that a spreadsheet would run them, or that look like nothing.
    """
    labels = [("refund", "-login")[i % 2] for i in range(n)]
    rows = [(f"{prefix}{i}", "ok", labels[i] if i % 4 else "other", 0.5 + 0.4 * (i / n), labels[i]) for i in range(n)]
    rows = [row if i % 4 else (*row[:3], None, row[4]) for i, row in enumerate(rows)]
    table = hand_evaluation("A", rows).outcomes.reset_index(drop=True)
    table["reason"] = [("", None, "'quoted", "-1")[i % 4] for i in range(n)]
    table["label_reason"] = "+why"
    table["entity"] = [f"vendor {i % max(3, n // 10)}" for i in range(n)]
    return table


def cells(table: pd.DataFrame) -> pd.DataFrame:
    """Return what an agent may see of the records: every fourth is of a client that a person must see."""
    clients = ["=VIP" if i % 4 == 0 else "small" for i in range(len(table))]
    return pd.DataFrame({"client": clients, "vendor": table["entity"].tolist()}, index=table["record_id"], dtype=object)


@dataclass(frozen=True, slots=True)
class Shown:
    """NamedCells beside a contract, as a data set gives them."""

    contract: Any
    frame: pd.DataFrame

    def shown(self) -> pd.DataFrame:
        return self.frame


def evaluation(
    table: pd.DataFrame,
    split: str = "holdout",
    share: float = SPENT_AT_ONCE,
    developed: pd.DataFrame | None = None,
) -> dict[str, Any]:
    """Return an evaluation of a table as JSON values, as the same version decided development records."""
    developed = outcomes(len(table), "D") if developed is None else developed
    rows = [(str(i), "ok", "x", 0.9, "x") for i in range(len(table))]
    identity = {"agent": "A", "prompt": "p1", "model": "m1"}
    choice, proof = threshold_for(developed, SURE["target"]), None
    assert choice is not None
    if split == "holdout":
        asked = CertificationSettings(SURE["target"], 1.0 - share * (1.0 - SURE["confidence_level"]))
        proof = certify_outcomes(table, asked, developed)
    threshold = choice.threshold if proof is None or proof.threshold is None else proof.threshold
    settings = EvaluationSettings(threshold=threshold)
    estimates = dict(evaluate_outcomes(table, settings))
    if proof is not None:
        plain = estimates["selective_accuracy"]
        estimates["selective_accuracy"] = certified_accuracy(table, proof.as_json(), plain, settings)
    return hand_evaluation("A", rows, threshold).as_json() | {
        "pilot": "tickets",
        "split": split,
        "identity": identity,
        "agent_digest": digest_of(identity),
        "threshold": choice.as_json() if proof is None or proof.threshold is None else {"threshold": threshold},
        "certification": None if proof is None else proof.as_json(),
        "outlook": None if proof is None else outlook_json(proof, ()),
        "estimates": {name: one.as_json() for name, one in estimates.items()},
    }


def signed_pilot(root: Path, charter: Mapping[str, Any] = CHARTER, gates: Mapping[str, Any] = GATES) -> Pilot:
    """Write a pilot whose charter everybody signed; its records are not there."""
    data, suite = root / "datasets" / "tickets", root / "eval_suites" / "tickets"
    for path, content in (
        (data / "contract.yaml", CONTRACT),
        (data / "splits.yaml", SPLIT),
        (suite / "pilot.yaml", {**PILOT, "compare": ["A"]}),
        (suite / "charter.yaml", charter),
        (suite / "gates.yaml", gates),
    ):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(yaml.safe_dump(dict(content)), encoding="utf-8")
    pilot = open_pilot("tickets", root)
    for person in pilot.charter.stakeholders:
        sign_charter(suite, pilot.charter, Signer(person.name, person.role), generated_key())
    return pilot


def opened(pilot: Pilot, table: pd.DataFrame, key: SigningKey, agent_digest: str) -> Opening:
    """Open the holdout for a table of outcomes, as an evaluation does."""
    truth = [name for name in ("label", "label_reason", "entity") if name in table.columns]
    labels = table.set_index("record_id")["label"]
    subject = subject_from(pilot.contract, pilot.charter, None, SplitSettings(**SPLIT))
    decisions = table.drop(columns=truth)
    sight = Sight(
        pilot.name,
        opened_records(content_digests(cells(table)), labels),
        subject,
        rows_root(decisions),
        rows_root(table[["record_id", *truth]]),
        decided_digest(decisions),
    )
    purpose = Purpose("evaluation", "A", agent_digest, "records", len(table))
    return append_opening(pilot.data / "ledger.jsonl", (purpose, sight), (SOMEBODY, lambda: key))


def case(
    root: Path,
    n: int = 12,
    *,
    table: pd.DataFrame | None = None,
    developed: pd.DataFrame | None = None,
    gates: Mapping[str, Any] = GATES,
    more: Mapping[str, Exhibit] = MappingProxyType({}),
) -> Case:
    """Return a complete case under a folder."""
    pilot, key = signed_pilot(root, gates=gates), generated_key()
    table = outcomes(n) if table is None else table
    opening = opened(pilot, table, key, str(evaluation(table)["agent_digest"]))
    return case_at(pilot, opening, table, key, developed, more)


def case_at(
    pilot: Pilot,
    opening: Opening,
    table: pd.DataFrame,
    key: SigningKey,
    developed: pd.DataFrame | None = None,
    more: Mapping[str, Exhibit] = MappingProxyType({}),
) -> Case:
    """Return the case of an opening."""
    path, n = pilot.data / "ledger.jsonl", len(table)
    holdout = table.set_index("record_id", drop=False).rename_axis(index=None)
    developed = outcomes(n, "D") if developed is None else developed
    said = {
        "holdout": evaluation(table, share=opening.charge, developed=developed),
        "development": evaluation(developed, "dev", developed=developed),
    }
    estimates = {name: Estimate(**one) for name, one in said["holdout"].pop("estimates").items()}
    for content in said.values():
        content["inputs"] = {"threshold": content["threshold"]["threshold"], "escalate_label": None, "price": None}
    exhibit = Exhibit(
        "evaluation",
        "tickets",
        {"records": "records", "agent": said["holdout"]["agent_digest"]},
        MadeBy(who="somebody", commit=COMMIT, time="2026-11-20T00:00:00+00:00"),
        evaluation_answer("A", estimates),
        estimates,
        tables={"holdout": table, "development": developed},
        facts={"opening": opening.number, **said},
    )
    facts = GateFacts(
        pilot,
        Population("records", n, None),
        named_cells(Shown(pilot.contract, cells(table)), holdout.index, ("client", "vendor")),
        {"evaluation": exhibit, **more},
        {
            "audit": "no data audit has been run",
            "repeats": "not asked again",
            "cases": "no case was asked",
            "integrations": "not probed",
            "compliance": "no compliance report was made",
            "review": "nobody was asked",
        },
        (path, read_ledger(path)),
        datetime.now(UTC).date(),
        gates=read_gates(pilot),
    )
    decision = decide(facts, 2, {**judged_subject(facts, 2), "commit": COMMIT})
    status = charter_signatures(pilot.suite, pilot.charter)
    assert status.last_signed_at is not None
    lists = {f"opened/{file.name}": file for file in sorted((pilot.data / "opened").iterdir())}
    content = BundleContent(
        "tickets",
        2,
        decision.as_json(),
        {**agreement_files(pilot), **facts_files(facts, 2), **lists, "notes.html": b"<p>hello</p>"},
        {"data": "records", "agent": exhibit.about["agent"]},
        SOMEBODY,
        path,
        status.last_signed_at.isoformat(),
        {"python": "3.11"},
    )
    return Case(content, pilot, facts, decision, key)


def changed(made: Case, **changes: Any) -> Case:
    """Return a case whose bundle has other content, signed with the same key: what an insider could write."""
    return replace(made, content=replace(made.content, **changes))


def reworded(made: Case, change: Callable[[dict[str, Any]], object]) -> Case:
    """Return a case whose verdict somebody with the key has rewritten."""
    verdict = json.loads(json.dumps(made.content.verdict))
    change(verdict)
    return changed(made, verdict=verdict)


def failed(bundle: Path, pinned: Path, **options: Any) -> list[str]:
    """Return the names of the checks that failed."""
    return [check.name for check in verify_bundle(bundle, pinned, **options).checks if check.passed is False]


def contents(bundle: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return an exhibit of a bundle as JSON values, and what it says of the holdout with its estimates."""
    said = json.loads((bundle / EXHIBIT).read_text(encoding="utf-8"))
    return said, {**said["facts"]["holdout"], "estimates": said["estimates"]}


def restated(bundle: Path, change: Callable[[dict[str, Any]], object]) -> dict[str, bytes]:
    """Return the exhibit's file with what it says of the holdout changed."""
    said, content = contents(bundle)
    change(content)
    said["estimates"] = content.pop("estimates")
    said["facts"]["holdout"] = content
    return {EXHIBIT: json.dumps(said).encode()}


def redecided(bundle: Path, old: str, new: str) -> dict[str, bytes]:
    """Return the exhibit's files with its first such text of the decisions changed, its digest too."""
    said, _ = contents(bundle)
    text = (bundle / HOLDOUT_CSV).read_text(encoding="utf-8")
    assert old in text
    table = text.replace(old, new, 1).encode()
    said["tables"]["holdout"]["sha256"] = hashlib.sha256(table).hexdigest()
    return {EXHIBIT: json.dumps(said).encode(), HOLDOUT_CSV: table}


def resigned(bundle: Path, made: Case, files: Mapping[str, bytes]) -> Path:
    """Return another bundle of the same content with files replaced, as somebody with the key would sign it."""
    own = {"verdict.json", "environment.json", "ledger.jsonl"}
    names = [path.relative_to(bundle).as_posix() for path in bundle.rglob("*") if path.is_file()]
    kept = {name: (bundle / name).read_bytes() for name in names if name not in {MANIFEST_FILE, ENVELOPE_FILE, *own}}
    content = replace(made.content, files={**kept, **{n: data for n, data in files.items() if n not in own}})
    if "verdict.json" in files:
        content = replace(content, verdict=json.loads(files["verdict.json"]))
    return write_bundle(content, bundle.parents[2].with_name("again"), made.key)
