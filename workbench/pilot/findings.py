"""findings.yaml: what the audit found, who owns it, and whether it is mended or accepted; its owners sign it."""

from __future__ import annotations

import re
from collections import Counter
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, model_validator

from workbench.files import Settings, read_settings
from workbench.pilot.charter import Charter
from workbench.pilot.signing import SignatureStatus, document_signatures

OWNED_FINDINGS_FILE = "findings.yaml"
FINDING_ID = re.compile(r"(?P<kind>.+)-[0-9a-f]{8}")


class Severity(StrEnum):
    """How severe a finding is, the worst first."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class FindingDecision(StrEnum):
    """What becomes of a finding."""

    MEND = "mend"
    ACCEPT = "accept"


class OwnedFinding(Settings):
    """One finding of the audit with who answers for it.

    Parameters
    ----------
    id : str
        The finding's id, such as `missing-1f2e3d4c`; of what is mended also a kind, such as `missing`, for all of it.
    owner : str
        Name or role of a stakeholder of the charter; or any other role, in which the owner then signs.
    decision : FindingDecision
    reason : str
        How it is mended, or why it can stay.
    until : date
        The last day by which it is mended, or on which it is accepted.
    """

    id: Annotated[str, Field(min_length=1, max_length=120)]
    owner: Annotated[str, Field(min_length=1, max_length=100)]
    decision: FindingDecision
    reason: Annotated[str, Field(min_length=10, max_length=600)]
    until: date

    def fault_on(self, day: date) -> str:
        """Return what is wrong with the decision while the finding is still there; empty where nothing is."""
        if day <= self.until:
            return ""
        return f"accepted until {self.until}" if self.decision is FindingDecision.ACCEPT else f"due {self.until}"


class OwnedFindings(Settings):
    """The content of findings.yaml: the data assessment as its owners sign it off."""

    title: str = Field(min_length=3)
    findings: tuple[OwnedFinding, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        twice = [name for name, count in Counter(one.id for one in self.findings).items() if count > 1]
        if twice:
            raise ValueError(f"findings has {twice[0]!r} twice")
        for one in self.findings:
            if one.decision is FindingDecision.ACCEPT and FINDING_ID.fullmatch(one.id) is None:
                raise ValueError(f"{one.id!r} is a kind; one finding can be accepted, by its whole id")
        return self

    def of(self, finding: str) -> OwnedFinding | None:
        """Return what was decided of a finding, by its id or else by its kind; None where nothing was."""
        by_id = {one.id: one for one in self.findings}
        named = FINDING_ID.fullmatch(finding)
        return by_id.get(finding) or (by_id.get(named["kind"]) if named else None)


def read_owned_findings(suite: Path) -> OwnedFindings | None:
    """Return what findings.yaml of a pilot's folder or bundle says, None where there is none.

    Raises
    ------
    InputError
        The file does not fit.
    """
    path = suite / OWNED_FINDINGS_FILE
    return read_settings(path, OwnedFindings) if path.is_file() else None


def role_of(owner: str, charter: Charter) -> str:
    """Return the role in which an owner signs: that of the stakeholder of this name, else what stands there."""
    return next((one.role for one in charter.stakeholders if one.name == owner), owner)


def owner_signatures(suite: Path, owned: OwnedFindings, charter: Charter, pilot: str) -> SignatureStatus:
    """Return who of the owners has signed findings.yaml as it is now."""
    roles = [role_of(one.owner, charter) for one in owned.findings]
    return document_signatures(suite, OWNED_FINDINGS_FILE, roles, pilot)
