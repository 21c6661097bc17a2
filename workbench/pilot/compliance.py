"""compliance.yaml: the pre-assessment of week 0, grown to the checklist of week 2; what people decided and attest."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from pathlib import Path, PurePosixPath
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from workbench.files import Settings, read_settings
from workbench.pilot.charter.schema import (
    AiAct,
    AiActRiskClass,
    AuditTrail,
    Charter,
    Compliance,
    Dpia,
    Role,
    one_of,
)
from workbench.pilot.regulations import ComplianceProfile, Sector, regimes, requirement_ids
from workbench.words import InputError

COMPLIANCE_FILE = "compliance.yaml"
# What of the file was decided before the pilot began: the charter's signatures cover it.
PREASSESSED = ("ai_act", "personal_data", "sector", "dpia", "industry_rules", "audit_trail", "regimes")


def _known_regime(name: str) -> str:
    """Refuse a regime that the catalogue does not have."""
    return one_of(name, tuple(regimes()))


def _known_requirement(name: str) -> str:
    """Refuse a requirement that the catalogue does not have."""
    return one_of(name, requirement_ids())


class ChecklistOwner(Settings):
    """Who answers for the checklist: in this role it is signed, and nothing in it counts without."""

    name: str
    role: Role


class AiActAssessment(AiAct):
    """Pre-assessment under the EU AI Act; `on_market_since` is empty for a system that is not in use yet."""

    on_market_since: date | None = None
    general_purpose_model: bool | None = None


class PersonalDataAnswer(Settings):
    """Whether personal data are processed, and which."""

    processed: bool | None = None
    what: str = ""


class KeptPart(StrEnum):
    """What is kept of an agent's work."""

    JOURNAL = "journal"
    EVIDENCE = "evidence"
    RECORDS = "records"


class RetentionAnswer(Settings):
    """For how many years something is kept: at least, as it must be, and at most, as it is personal data."""

    at_least_years: float | None = Field(default=None, gt=0)
    at_most_years: float | None = Field(default=None, gt=0)

    @model_validator(mode="after")
    def _possible(self) -> Self:
        least, most = self.at_least_years, self.at_most_years
        if least is None and most is None:
            raise ValueError("give at_least_years, at_most_years or both")
        if least is not None and most is not None and least > most:
            raise ValueError("at_most_years must not be less than at_least_years")
        return self


class RegimeAnswer(Settings):
    """Whether a regime applies to the pilot, and why."""

    applies: bool
    reason: str = Field(min_length=1)


class Attestation(Settings):
    """What a person states, in which role, from when and until when; it counts with that person's signature only."""

    by: str = Field(min_length=1)
    role: Role
    since: date
    until: date
    statement: str = Field(min_length=1)

    @model_validator(mode="after")
    def _ends_later(self) -> Self:
        if self.until <= self.since:
            raise ValueError("until must be after since")
        return self


def _inside(place: str) -> str:
    """Refuse a place that is no document of the pilot's folder."""
    parts = PurePosixPath(place.partition("#")[0]).parts
    if not parts or ".." in parts or parts[0] == "/" or "\\" in place:
        raise ValueError("a document of the pilot's folder and a section, such as architecture.md#security")
    return place


class RequirementAnswer(Settings):
    """What the checklist says of a requirement.

    `where` maps it to what was decided: a document with its section, such as `architecture.md#security`.
    """

    where: tuple[Annotated[str, AfterValidator(_inside)], ...] = ()
    attested: Attestation | None = None
    not_applicable: str | None = Field(default=None, min_length=1)

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.not_applicable is not None and (self.where or self.attested):
            raise ValueError("what is not applicable is neither attested nor decided anywhere")
        if self.not_applicable is None and not self.where and self.attested is None:
            raise ValueError("give where, attested or not_applicable")
        return self


class ComplianceSettings(Settings):
    """The content of compliance.yaml.

    Parameters
    ----------
    regimes : mapping
        By regime of the catalogue whether it applies and why; one without an answer applies.
    requirements : mapping
        By requirement of the catalogue what was decided for it; one without an answer is open.
    """

    title: str = ""
    owner: ChecklistOwner
    ai_act: AiActAssessment | None = None
    personal_data: PersonalDataAnswer = PersonalDataAnswer()
    sector: Sector | None = None
    dpia: Dpia | None = None
    industry_rules: tuple[str, ...] | None = None
    audit_trail: AuditTrail | None = None
    retention: dict[KeptPart, RetentionAnswer] = Field(default_factory=dict)
    regimes: dict[Annotated[str, AfterValidator(_known_regime)], RegimeAnswer] = Field(default_factory=dict)
    requirements: dict[Annotated[str, AfterValidator(_known_requirement)], RequirementAnswer] = Field(
        default_factory=dict
    )

    @property
    def assessment(self) -> Compliance:
        """The pre-assessment, as older charters hold it themselves."""
        return Compliance(
            dpia=self.dpia, ai_act=self.ai_act, industry_rules=self.industry_rules, audit_trail=self.audit_trail
        )

    @property
    def profile(self) -> ComplianceProfile:
        """What decides which requirements apply."""
        act = self.ai_act or AiActAssessment(risk_class=AiActRiskClass.UNDECIDED)
        return ComplianceProfile(
            act.risk_class,
            act.role,
            act.on_market_since,
            self.sector,
            self.personal_data.processed,
            act.general_purpose_model,
            {name: one.applies for name, one in self.regimes.items()},
        )


def read_compliance(suite: Path) -> ComplianceSettings | None:
    """Return what compliance.yaml of a pilot's folder says, None where there is none. Raises InputError."""
    path = suite / COMPLIANCE_FILE
    return read_settings(path, ComplianceSettings) if path.is_file() else None


def assessment_of(charter: Charter, suite: Path) -> Compliance:
    """Return the pre-assessment of a pilot: that of an older charter, else what compliance.yaml says.

    Where that file is missing or cannot be read it is empty, so that every part of it is an open point.
    """
    if charter.compliance is not None:
        return charter.compliance
    try:
        said = read_compliance(suite)
    except InputError:
        said = None
    return Compliance() if said is None else said.assessment
