"""Whether a verdict keeps to what was agreed: the criteria of gates.yaml, signed documents, signed waivers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any

from workbench.charter import Charter
from workbench.configuration import parse_yaml, read_text
from workbench.errors import SignatureError, shown
from workbench.evidence.agreement import GATES_FILE
from workbench.signing.documents import document_signatures

# What gates 2 and 3 ask for besides gates.yaml: no verdict on a part of the holdout.
OF_VERSIONS = (2, 3)
ALL_RECORDS = {"id": "all-records", "check": "all_records", "no_waiver": True}


def check_gate(folder: Path, verdict: Mapping[str, Any], charter: Charter) -> int:
    """Hold a verdict's criteria against gates.yaml and charter; return how many documents passed and are signed.

    Raises
    ------
    SignatureError
        A criterion is missing, added or has another target, or a document passes without its signatures.
    """
    path = folder / GATES_FILE
    gate = parse_yaml(read_text(path), str(path))["gates"][verdict["gate"]]
    built_in = (ALL_RECORDS,) if verdict["gate"] in OF_VERSIONS else ()
    asked = {one["id"]: one for one in (*built_in, *gate["criteria"])}
    documents = {f"document-{one['id']}": one for one in gate.get("documents", ())}
    given = {one["id"]: one for one in verdict["criteria"]}
    differing = set(given) ^ (asked.keys() | documents.keys())
    if differing or len(given) < len(verdict["criteria"]):
        raise SignatureError(f"the criteria are not those of {GATES_FILE}", got=shown(sorted(differing)))
    for name, one in asked.items():
        _check_stated(one, given[name], charter)
    passed = [name for name in documents if given[name]["state"] == "pass"]
    for name in passed:
        _check_signed(folder, documents[name], charter, verdict["pilot"])
    return len(passed)


def check_waivers(folder: Path, verdict: Mapping[str, Any], charter: Charter, signed: Mapping[str, Any]) -> int:
    """Hold every waiver that counts against its signed file; return how many there are.

    Raises
    ------
    SignatureError
        A waiver is not signed by the person it names, had expired, is of another criterion, or its role may not waive.
    """
    waived = {one["id"] for one in verdict["criteria"] if one["waived"]}
    counted = [one for one in verdict["waivers"] if one["is_valid"] and one["criterion"] in waived]
    people = {person.role: person.name for person in charter.stakeholders if person.signs}
    for one in counted:
        said = parse_yaml(read_text(folder / one["file"]), one["file"])
        wanted = {"pilot": signed["pilot"], "gate": signed["gate"], "criterion": one["criterion"]}
        wanted |= {"role": one["role"], "name": people.get(one["role"])}
        if any(said.get(name) != value for name, value in wanted.items()) or said["name"] != one["name"]:
            raise SignatureError("a waiver is not what the verdict says of it", got=one["file"])
        until = said["until"] if isinstance(said["until"], date) else date.fromisoformat(said["until"])
        if until < datetime.fromisoformat(signed["created"]).date():
            raise SignatureError("a waiver had expired", got=f"{one['file']}: {until}")
        status = document_signatures(folder, one["file"], [one["role"]], signed["pilot"])
        if not status.is_complete or status.valid[0].name != one["name"]:
            raise SignatureError("a waiver is not signed by whom it names", got=one["file"])
    return len(counted)


def _check_stated(asked: Mapping[str, Any], given: Mapping[str, Any], charter: Charter) -> None:
    """Hold a criterion against what gates.yaml states of it, and a KPI's numbers against the charter."""
    kind = given["kind"]
    same = kind in asked and bool(asked.get("no_waiver", False)) == given["no_waiver"]
    if same and kind == "kpi":
        kpi = next(kpi for kpi in charter.kpis if kpi.id == asked["kpi"])
        same = _numbers(given) == (kpi.metric.value, kpi.operator.value, kpi.target, kpi.confidence_level)
    elif same and kind == "metric":
        level = asked.get("confidence_level") or given["confidence_level"]
        same = _numbers(given) == (asked["metric"], asked["operator"], asked["target"], level)
    elif same:
        same = asked["check"] == given["name"]
    if not same or (kind != "check" and dict(asked.get("slice", {})) != given["slice"]):
        raise SignatureError(f"a criterion is not what {GATES_FILE} and the charter say", got=str(given["id"]))


def _numbers(given: Mapping[str, Any]) -> tuple[Any, ...]:
    return given["name"], given["operator"], given["target"], given["confidence_level"]


def _check_signed(folder: Path, document: Mapping[str, Any], charter: Charter, pilot: str) -> None:
    """Refuse a document that passed without the signatures it needs: of the roles named, else of one charter signer."""
    named = document.get("signed_by", ())
    status = document_signatures(folder, document["file"], named or charter.signing_roles, pilot)
    if not (status.is_complete if named else status.valid):
        raise SignatureError("a document passed without its signatures", got=document["file"])
