"""What a bundle of a gate holds, and what the decision is about."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

from workbench.evidence import agreement_files, code_digest, executed_path, maker
from workbench.files import provenance
from workbench.gates import GateDecision, GateFacts, read_gates
from workbench.gates.held.earlier import changes_since
from workbench.gates.held.work import own_notebook
from workbench.gates.junit import junit_xml
from workbench.gates.verdict import judged_subject
from workbench.gates.verified.facts import facts_files
from workbench.pilot import OWNED_FINDINGS_FILE, PROCESS_FILE, REVIEW_FILE, Pilot, suite_paths
from workbench.pilot.integrations import INTEGRATIONS_FILE
from workbench.pilot.signing import SignatureStatus
from workbench.records.label_sets import label_files
from workbench.records.ledger import OPENED_FOLDER, history_remarks, read_ledger
from workbench.records.splits import ledger_path
from workbench.runs.journal import digest_of
from workbench.words import SignatureError, shown

AGREED_FILES = (PROCESS_FILE, INTEGRATIONS_FILE, REVIEW_FILE, OWNED_FINDINGS_FILE)


def told_of(pilot: Pilot, number: int) -> tuple[str, ...]:
    """Return remarks that rest on what lies outside of a gate's facts: the ledger's history and earlier evidence."""
    asks = any(one.is_sealed for one in read_gates(pilot).gates[number].asked_makers)
    history = history_remarks(ledger_path(pilot)) if asks else ()
    return (*history, *changes_since(pilot, number))


def subject_of(pilot: Pilot, facts: GateFacts, number: int) -> dict[str, Any]:
    """Return what a decision is about: the judged version, the records, the audit, and the code."""
    made_by = provenance(pilot.root)
    subject = {
        **judged_subject(facts, number),
        "code_digest": code_digest(),
        "commit": made_by.commit,
        "is_dirty": made_by.is_dirty,
        "changed": shown(made_by.changed) or None,
    }
    exhibits = facts.asked_of(number).values()
    return subject | {f"{one.maker}_digest": digest_of(one.as_json()) for one in exhibits if "agent" not in one.about}


def digests_of(decision: GateDecision) -> dict[str, str]:
    """Return the digests of records, code, and of the judged version's agent, prompt and model."""
    named = ("data", "code", "agent", "prompt", "model")
    found = {name: decision.subject.get(f"{name}_digest") for name in named}
    return {name: str(digest) for name, digest in found.items() if digest is not None}


def check_signed_first(pilot: Pilot, facts: GateFacts, number: int, signatures: SignatureStatus) -> None:
    """Refuse targets that were signed after somebody could have seen what the judged version reaches.

    Raises
    ------
    SignatureError
        The charter was signed after the holdout was first opened for the version.
    """
    signed_at = signatures.last_signed_at
    versions = {(one.about.get("agent"), one.about["records"]) for one in facts.needed_for(number).values()}
    openings = [
        datetime.fromisoformat(opening.time)
        for opening in facts.ledger[1]
        if (opening.purpose.agent_digest, opening.purpose.dataset_digest) in versions
    ]
    if not openings or signed_at is None:
        return
    first = min(openings)
    if signed_at > first:
        raise SignatureError(
            "the charter was signed after this version's results on the holdout could be seen, so it proves nothing",
            got=f"last signature {signed_at.isoformat()}, first opening {first.isoformat()}",
            remedy="restore the charter as it was signed before, or judge a version that was not opened yet",
        )


def bundle_files(pilot: Pilot, facts: GateFacts, decision: GateDecision) -> dict[str, Path | bytes]:
    """Return everything a bundle holds but report, verdict and ledger, by path in the bundle."""
    gate = facts.gates.gates[decision.gate]
    documents = [document.file for document in gate.documents]
    agreed = [*suite_paths(pilot.suite), *(pilot.suite / name for name in AGREED_FILES)]
    suites = [path.relative_to(pilot.suite).as_posix() for path in agreed]
    files: dict[str, Path | bytes] = {
        **agreement_files(pilot, [*documents, *suites, *(waiver.file for waiver in decision.waivers)]),
        **label_files(pilot.data, pilot.contract.label_set),
        **facts_files(facts, decision.gate),
        "criteria.json": _json([result.as_json() for result in decision.results]),
        "junit.xml": junit_xml(decision).encode(),
    }
    closed = {maker(one.in_place_of).notebooks[0] for one in facts.needed_for(decision.gate) if one.in_place_of}
    for notebook in (*(name for name in gate.notebooks if name not in closed), own_notebook(decision.gate)):
        executed = executed_path(pilot, notebook)
        made = [path for path in (executed, executed.with_suffix(".html")) if path.is_file()]
        files |= {f"notebooks/{path.name}": path for path in made}
    if any(one.is_sealed for one in facts.needed_for(decision.gate)):
        files |= _opened_lists(pilot)
    return files


def _opened_lists(pilot: Pilot) -> dict[str, Path | bytes]:
    """Return the lists of opened records that the ledger names, by path in the bundle."""
    path = ledger_path(pilot)
    names = {one.records for one in read_ledger(path) if one.records is not None}
    lists = {f"{OPENED_FOLDER}/{name}": path.parent / OPENED_FOLDER / name for name in sorted(names)}
    return {name: file for name, file in lists.items() if file.is_file()}


def _json(content: object) -> bytes:
    return json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False).encode() + b"\n"
