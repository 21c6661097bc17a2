"""What people state of requirements: it counts with the signature of whoever states it, and until its day only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from workbench.compliance.requirement import Computed, Standing
from workbench.evidence import Agreed
from workbench.pilot import COMPLIANCE_FILE, Attestation, ComplianceSettings
from workbench.pilot.signing import document_signatures


@dataclass(frozen=True, slots=True)
class SignedChecklist:
    """Who has signed compliance.yaml as it is now.

    Parameters
    ----------
    names : mapping
        By role the name that signed validly.
    faults : mapping
        By role why there is none: no signature, or one that does not hold.
    owner_fault : str
        Why the checklist itself counts for nothing, empty where its owner signed it.
    """

    names: Mapping[str, str] = field(default_factory=dict)
    faults: Mapping[str, str] = field(default_factory=dict)
    owner_fault: str = f"there is no {COMPLIANCE_FILE}"


def signed_checklist(pilot: Agreed, settings: ComplianceSettings | None) -> SignedChecklist:
    """Return who has signed a pilot's compliance.yaml, its owner and everybody who attests something in it.

    A signature in a role for which the charter names somebody else does not count.
    """
    if settings is None:
        return SignedChecklist()
    attesting = [one.attested.role for one in settings.requirements.values() if one.attested is not None]
    status = document_signatures(pilot.suite, COMPLIANCE_FILE, [settings.owner.role, *attesting], pilot.name)
    agreed = {person.role: person.name for person in pilot.charter.stakeholders}
    names = {one.role: one.name for one in status.valid if agreed.get(one.role, one.name) == one.name}
    strangers = {one.role: f"signed by {one.name}" for one in status.valid if one.role not in names}
    faults = {**dict.fromkeys(status.missing, "no signature"), **status.invalid, **strangers}
    owner = settings.owner
    if owner.role in names:
        is_other = names[owner.role] != owner.name
        fault = f"{COMPLIANCE_FILE} is signed by {names[owner.role]}, not by {owner.name}" if is_other else ""
    else:
        fault = f"{COMPLIANCE_FILE} is not signed by the {owner.role} ({faults.get(owner.role, 'no signature')})"
    return SignedChecklist(names, faults, fault)


def attested_standing(said: Attestation | None, signed: SignedChecklist, day: date) -> Computed:
    """Return what an attestation comes to on a day: attested, or not evidenced and why."""
    if said is None:
        return Computed(Standing.NOT_EVIDENCED, "nobody attests it")
    who = f"{said.by} ({said.role})"
    evidence = ((COMPLIANCE_FILE, "requirements"),)
    if said.since > day:
        return Computed(Standing.NOT_EVIDENCED, f"attested by {who} only from {said.since} on", evidence)
    if said.until < day:
        return Computed(Standing.NOT_EVIDENCED, f"the attestation of {who} ended on {said.until}", evidence)
    if signed.names.get(said.role) != said.by:
        why = signed.faults.get(said.role) or f"signed by {signed.names.get(said.role, 'nobody')}"
        return Computed(Standing.NOT_EVIDENCED, f"{who} has not signed {COMPLIANCE_FILE}: {why}", evidence)
    return Computed(Standing.ATTESTED, f"{who}, {said.since} to {said.until}: {said.statement}", evidence)
