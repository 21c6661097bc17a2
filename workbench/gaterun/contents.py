"""What a bundle of a gate holds, and what the decision is about."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

from workbench.errors import SignatureError, shown
from workbench.evidence.agreement import agreement_files
from workbench.evidence.decisions import evaluation_files
from workbench.gaterun.staleness import code_digest, file_digest
from workbench.gates import Decision, Facts
from workbench.gates.cases import SUITES_FOLDER
from workbench.gates.facts import Judged
from workbench.gates.junit import junit_xml
from workbench.ledger import read_ledger
from workbench.pipeline import AUDIT
from workbench.provenance import provenance
from workbench.signing.documents import SignatureStatus
from workbench.splits import ledger_path

CONFIDENCE_LEVEL = 0.95


def subject_of(facts: Facts, number: int) -> dict[str, Any]:
    """Return what a decision is about: the judged version, the records, the files measured from, and the code."""
    made_by = provenance(facts.pilot.root)
    subject: dict[str, Any] = {
        **{f"{name}_digest": digest for name, digest in digests_of(facts, number).items()},
        "commit": made_by.commit,
        "is_dirty": made_by.is_dirty,
        "changed": shown(made_by.changed) or None,
        "evidence": {path.name: file_digest(path) for path in _measured_from(facts, number)},
    }
    judged = _judged(facts, number)
    if judged is not None:
        content = judged.content
        subject |= {"agent": content["agent"], "threshold": judged.threshold, "counts": content["counts"]}
    return subject


def digests_of(facts: Facts, number: int) -> dict[str, str]:
    """Return the digests of records, code, and of the judged version's agent, prompt and model."""
    digests = {"data": facts.dataset.digest, "code": code_digest()}
    judged = _judged(facts, number)
    if judged is None:
        return digests
    identity = judged.content["identity"]
    named = {
        "agent": judged.content["agent_digest"],
        "prompt": identity.get("prompt"),
        "model": identity.get("engine", {}).get("digest"),
    }
    return digests | {name: str(value) for name, value in named.items() if value}


def check_signed_first(facts: Facts, number: int, signatures: SignatureStatus) -> None:
    """Refuse targets that were signed after somebody could have seen what the judged version reaches.

    Raises
    ------
    SignatureError
        The charter was signed after the holdout was first opened for the version.
    """
    judged, signed_at = _judged(facts, number), signatures.last_signed_at
    if judged is None or signed_at is None:
        return
    version = judged.content["agent_digest"], judged.content["dataset_digest"]
    openings = [
        datetime.fromisoformat(opening.time)
        for opening in read_ledger(ledger_path(facts.pilot))
        if (opening.purpose.agent_digest, opening.purpose.dataset_digest) == version
    ]
    first = min(openings, default=signed_at)
    if signed_at > first:
        raise SignatureError(
            "the charter was signed after this version's results on the holdout could be seen, so it proves nothing",
            where=f"agent {judged.content['agent']}",
            got=f"last signature {signed_at.isoformat()}, first opening {first.isoformat()}",
            remedy="restore the charter as it was signed before, or judge a version that was not opened yet",
        )


def bundle_files(facts: Facts, decision: Decision) -> dict[str, Path | bytes]:
    """Return everything a bundle holds but report, verdict and ledger, by path in the bundle."""
    pilot = facts.pilot
    gate = facts.gates.gates[decision.gate]
    documents = [document.file for document in gate.documents]
    suites = [f"{SUITES_FOLDER}/{path.name}" for path in sorted((pilot.suite / SUITES_FOLDER).glob("*.yaml"))]
    files: dict[str, Path | bytes] = dict(
        agreement_files(pilot.suite, [*documents, *suites, *(waiver.file for waiver in decision.waivers)])
    )
    files["criteria.json"] = _json([result.as_json() for result in decision.results])
    files["junit.xml"] = junit_xml(decision).encode()
    for notebook in (*gate.notebooks, f"gate_{decision.gate}"):
        executed = pilot.runs / "notebooks" / f"{notebook}.ipynb"
        made = [path for path in (executed, executed.with_suffix(".html")) if path.is_file()]
        files |= {f"notebooks/{path.name}": path for path in made}
    if facts.audit is not None and (gate.asks_audit or AUDIT in gate.notebooks):
        files["findings.json"] = facts.audit.path
    judged = _judged(facts, decision.gate)
    if judged is not None:
        files |= evaluation_files(judged.content, judged.outcomes, facts.settings_at(CONFIDENCE_LEVEL))
        files["estimates.json"] = _json(judged.content["estimates"])
    return files


def _judged(facts: Facts, number: int) -> Judged | None:
    """Return the judged version where the gate asks for one."""
    return facts.judged if facts.gates.gates[number].asks_evaluation else None


def _measured_from(facts: Facts, number: int) -> list[Path]:
    judged = _judged(facts, number)
    paths = [facts.audit.path] if facts.audit is not None and facts.gates.gates[number].asks_audit else []
    return paths if judged is None else [*paths, judged.path, judged.path.with_suffix(".csv")]


def _json(content: object) -> bytes:
    return json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False).encode() + b"\n"
