"""What a charter may say; what is not filled in yet is None or empty, and `workbench charter check PILOT` lists it."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Sequence
from datetime import date
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from workbench.files import Settings
from workbench.metrics import KPI_METRICS, Operator
from workbench.pilot.labels import cell_text
from workbench.words import shown

CHARTER_FILE = "charter.yaml"
IDENTIFIER = r"^[a-z][a-z0-9_-]*$"
Identifier = Annotated[str, Field(pattern=IDENTIFIER)]
Role = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9]*( [A-Za-z0-9]+)*$")]


def _known_metric(name: str) -> str:
    """Refuse a metric that the catalogue does not have for KPIs."""
    return one_of(name, KPI_METRICS)


def one_of(name: str, known: Sequence[str]) -> str:
    """Return a name. Raises ValueError, with the nearest one, where it is none of those that are known."""
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise ValueError(f"one of {', '.join(known)}{hint}")
    return name


KpiMetric = Annotated[str, AfterValidator(_known_metric)]


def _as_compared(value: Any) -> Any:
    return cell_text(value) if isinstance(value, str | int | float) else value


# A cell that a condition names; 0, "0" and 0.0 are the same.
Cell = Annotated[str, BeforeValidator(_as_compared)]


class Kpi(Settings):
    """One agreed target; `confidence_level` is how sure a gate must be that it is met.

    `measured_within_days` counts from go-live. `placeholder: true` says that nobody agreed on the target yet: `init`
    writes it, every output says so, and no gate passes on it.
    """

    id: Identifier
    metric: KpiMetric
    operator: Operator
    target: float = Field(allow_inf_nan=False)
    confidence_level: float = Field(default=0.95, gt=0.5, lt=1)
    measured_within_days: int | None = Field(default=None, ge=1)
    placeholder: bool = False
    why: str = ""

    @property
    def mark(self) -> str:
        """What stands behind the target wherever it is shown; empty for one that was agreed on."""
        return " (placeholder)" if self.placeholder else ""


class Scope(Settings):
    """What the pilot decides, and what it leaves to others."""

    included: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()


class Owner(Settings):
    """Who answers for the agent after go-live."""

    name: str
    role: Role
    unit: str = ""


class Stakeholder(Settings):
    """Somebody with a say; whoever has `signs: true` must sign the charter before any gate."""

    role: Role
    name: str
    unit: str = ""
    signs: bool = False


class AccessStatus(StrEnum):
    """How far access to a data source is."""

    GRANTED = "granted"
    REQUESTED = "requested"
    REFUSED = "refused"
    UNKNOWN = "unknown"


class DataAccess(Settings):
    """Access to one source of records."""

    source: str
    status: AccessStatus
    owner: str = ""
    note: str = ""


class Readiness(StrEnum):
    """How far a part of the infrastructure is."""

    READY = "ready"
    ORDERED = "ordered"
    MISSING = "missing"
    NOT_NEEDED = "not_needed"
    UNKNOWN = "unknown"


class Part(Settings):
    """One part of the infrastructure."""

    status: Readiness
    note: str = ""


class Infrastructure(Settings):
    """What the agent runs on."""

    gpu: Part | None = None
    storage: Part | None = None
    network: Part | None = None
    ci_cd: Part | None = None


class Need(StrEnum):
    """Whether something is needed."""

    NEEDED = "needed"
    NOT_NEEDED = "not_needed"
    UNDECIDED = "undecided"


class Dpia(Settings):
    """Data protection impact assessment (GDPR Art. 35): needed or not, why, and until when or since when it is done."""

    need: Need
    reason: str = ""
    done_on: date | None = None


class AiActRiskClass(StrEnum):
    """Risk classes of the EU AI Act, and that nobody decided yet."""

    PROHIBITED = "prohibited"
    HIGH_ANNEX_I = "high_annex_i"
    HIGH_ANNEX_III = "high_annex_iii"
    TRANSPARENCY = "transparency"
    MINIMAL = "minimal"
    UNDECIDED = "undecided"


class AiActRole(StrEnum):
    """What one is under the EU AI Act."""

    PROVIDER = "provider"
    DEPLOYER = "deployer"
    BOTH = "both"


class AiAct(Settings):
    """Pre-assessment under the EU AI Act; a person decides it, nothing here computes it."""

    risk_class: AiActRiskClass
    role: AiActRole | None = None
    reason: str = ""


class AuditTrail(Settings):
    """What must be kept of every decision, and for how long."""

    need: Need
    retention_years: float | None = Field(default=None, gt=0)
    reason: str = ""


class Compliance(Settings):
    """The compliance pre-assessment; compliance.yaml holds it, older charters hold it themselves."""

    dpia: Dpia | None = None
    ai_act: AiAct | None = None
    industry_rules: tuple[str, ...] | None = None
    audit_trail: AuditTrail | None = None


class Level(StrEnum):
    """How likely or how bad."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class Risk(Settings):
    """One thing that may go wrong, and who does what about it.

    `tested_by` names the evidence that shows whether the mitigation works: makers, or one's metric as attacks/METRIC.
    """

    id: Identifier
    risk: str
    likelihood: Level
    impact: Level
    mitigation: str = ""
    owner: str = ""
    tested_by: tuple[str, ...] = ()


class Match(Settings):
    """Records whose cell in a column of the contract is one of the values."""

    column: str
    values: tuple[Cell, ...] = Field(min_length=1)


class HighRisk(Settings):
    """A category of decisions that always goes to a person; `when` says which records those are.

    `when.column` is a column of the contract, the label's or reason's among them: then the category is known from
    labels only, and can be tested but not enforced. Without `when` the category is for people to know.
    """

    id: Identifier
    description: str
    to: str = ""
    when: Match | None = None


class Authority(Settings):
    """A limit up to which the agent may decide alone.

    `column` is a numeric column of the contract holding the amount; None where the amount has to be worked out, and
    then `when` may name the records that are known to be above the limit.
    """

    id: Identifier
    description: str
    at_most: float = Field(allow_inf_nan=False)
    unit: str = "EUR"
    column: str | None = None
    when: Match | None = None
    to: str = ""


class Dependence(Settings):
    """How far errors of one entity correlate at most: what a certificate may assume instead of nothing.

    `correlation_at_most` bounds the intra-cluster correlation of errors among decisions that can be automated; 1 means
    that an entity may be wholly wrong. `entity` is the contract's column with that role.
    """

    entity: str
    correlation_at_most: float = Field(ge=0, le=1)
    why: str = ""


class Volume(Settings):
    """How many records arrive in production."""

    records_per_day: float | None = Field(default=None, gt=0)
    peak_per_hour: float | None = Field(default=None, gt=0)
    growth_per_year: float | None = Field(default=None, gt=-1)


class Latency(Settings):
    """How long one decision may take, in seconds: for 95 of 100, and for any."""

    p95_s: float | None = Field(default=None, gt=0)
    at_most_s: float | None = Field(default=None, gt=0)


class Costs(Settings):
    """What decisions cost, in one currency.

    `error` is a wrong decision carried out without a person, `escalation` a decision handed to a person, `manual` a
    decision made without any agent, `fixed_per_month` what running the agent costs whatever it decides.
    `minutes_per_record` is the time a person takes for a decision without any agent.
    """

    currency: str = Field(default="EUR", pattern=r"^[A-Z]{3}$")
    error: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    escalation: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    manual: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    fixed_per_month: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    minutes_per_record: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    source: str = ""


class Keys(StrEnum):
    """Whether every role must sign with a key of its own."""

    DISTINCT = "distinct"
    SHARED = "shared"


class Charter(Settings):
    """What was agreed before the pilot began; the content of charter.yaml."""

    process: str
    scope: Scope = Scope()
    kpis: tuple[Kpi, ...] = ()
    owner: Owner | None = None
    stakeholders: tuple[Stakeholder, ...] = ()
    keys: Keys = Keys.DISTINCT
    data_access: tuple[DataAccess, ...] = ()
    infrastructure: Infrastructure = Infrastructure()
    compliance: Compliance | None = None  # of older charters; now in compliance.yaml
    risks: tuple[Risk, ...] = ()
    high_risk: tuple[HighRisk, ...] = ()
    authority: tuple[Authority, ...] = ()
    dependence: Dependence | None = None
    volume: Volume = Volume()
    latency: Latency = Latency()
    costs: Costs = Costs()

    @model_validator(mode="after")
    def _named_once(self) -> Self:
        for what, names in (
            ("kpis", [kpi.id for kpi in self.kpis]),
            ("roles of stakeholders", [person.role for person in self.stakeholders]),
            ("risks", [risk.id for risk in self.risks]),
            ("high_risk", [category.id for category in self.high_risk]),
            ("authority", [limit.id for limit in self.authority]),
        ):
            repeated = [name for name, count in Counter(names).items() if count > 1]
            if repeated:
                raise ValueError(f"{what} given twice: {shown(repeated)}")
        return self

    @property
    def signing_roles(self) -> tuple[str, ...]:
        """Roles whose signature the charter needs, in its own order."""
        return tuple(person.role for person in self.stakeholders if person.signs)

    def target(self, metric: str) -> float | None:
        """Return the target of the first KPI on a metric, None when there is none."""
        return next((kpi.target for kpi in self.kpis if kpi.metric == metric), None)

    def mark(self, metric: str) -> str:
        """Return what stands behind that target wherever it is shown."""
        return next((kpi.mark for kpi in self.kpis if kpi.metric == metric), "")

    @property
    def placeholder_note(self) -> str:
        """One sentence on the targets that nobody agreed on yet; empty when there is none."""
        named = [kpi.id for kpi in self.kpis if kpi.placeholder]
        if not named:
            return ""
        return f"{len(named)} of {len(self.kpis)} targets are placeholders that nobody agreed on: {', '.join(named)}."
