"""gates.yaml: for each gate its notebooks, its criteria, its documents, and which findings block it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path, PurePosixPath
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from workbench.errors import InputError, shown
from workbench.evaluation import STRATA
from workbench.files import Settings, read_settings
from workbench.metrics import KPI_METRICS, Operator
from workbench.pilot import Contract, Pilot, Role
from workbench.pilot.charter import GATES_FILE, Cell, Charter, one_of

GATE_NUMBERS = (1, 2, 3)
ID = r"^[a-z][a-z0-9_-]*$"


class Check(StrEnum):
    """What a gate can ask besides an estimate: a yes or no, with its reason."""

    AUDIT_LIMITS = "audit_limits"  # no open finding of a blocking severity
    ISSUES_OWNED = "issues_owned"  # the most severe findings have remediation and owner
    SAMPLE_FITNESS = "sample_fitness"  # the records are enough to prove the charter's KPIs at all
    ALL_RECORDS = "all_records"  # every holdout record was judged; built in
    EVERY_KPI = "every_kpi"  # every KPI of the charter has its criterion in gate 2, on all records; built in
    DISTINCT_KEYS = "distinct_keys"  # every role signed with a key of its own, as far as the charter asks; built in
    DEVELOPMENT = "development"  # the holdout is no better than development records beyond chance; built in
    CERTIFIED = "certified"  # a threshold is certified for the charter's selective accuracy
    ESCALATION_RULES = "escalation_rules"  # every escalation rule fired on every test case that calls for it
    TEST_CASES = "test_cases"  # enough decided test cases, and enough of each class
    INTEGRATIONS = "integrations"
    LOAD = "load"
    SECURITY = "security"
    COMPLIANCE = "compliance"
    ACCEPTANCE = "acceptance"


CHECK_TITLES = {
    Check.AUDIT_LIMITS: "Data audit within limits",
    Check.ISSUES_OWNED: "Top issues have remediation and owner",
    Check.SAMPLE_FITNESS: "Enough records to prove the KPIs",
    Check.ALL_RECORDS: "All holdout records judged",
    Check.EVERY_KPI: "Every KPI has its criterion",
    Check.DISTINCT_KEYS: "Every role signed with a key of its own",
    Check.DEVELOPMENT: "Holdout no better than development",
    Check.CERTIFIED: "Threshold certified",
    Check.ESCALATION_RULES: "Escalation rules all fire",
    Check.TEST_CASES: "Test cases: common, edge, error",
    Check.INTEGRATIONS: "Integrations tested",
    Check.LOAD: "Load",
    Check.SECURITY: "Security",
    Check.COMPLIANCE: "Compliance",
    Check.ACCEPTANCE: "Acceptance",
}


OF_AUDIT = frozenset({Check.AUDIT_LIMITS, Check.ISSUES_OWNED})
OF_EVALUATION = frozenset(
    {Check.ALL_RECORDS, Check.DEVELOPMENT, Check.CERTIFIED, Check.ESCALATION_RULES, Check.TEST_CASES}
)


class AuditMetric(StrEnum):
    """Estimates of the data audit that a criterion may name."""

    COMPLETE_RECORDS = "complete_records"


class Severity(StrEnum):
    """How severe a finding of the audit is, the worst first."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


def _inside(path: str) -> str:
    """Refuse a path that leads out of the pilot's folder."""
    parts = PurePosixPath(path)
    if parts.is_absolute() or ".." in parts.parts or "\\" in path or not parts.name:
        raise ValueError("a document's file is a path inside the pilot's folder, such as process.yaml")
    return path


def _known_metric(name: str) -> str:
    """Refuse a metric that neither the catalogue nor the audit has."""
    return one_of(name, [*KPI_METRICS, *AuditMetric])


class DocumentSettings(Settings):
    """A document that must be there, complete and signed off.

    `must_have` names top-level keys of a YAML file or words of a Markdown file's headings; `signed_by` the roles whose
    sign-off it needs.
    """

    id: str = Field(pattern=ID)
    title: str = Field(min_length=3)
    file: Annotated[str, AfterValidator(_inside)]
    must_have: tuple[str, ...] = ()
    signed_by: tuple[str, ...] = Field(default=(), max_length=10)
    no_waiver: bool = False


class CriterionSettings(Settings):
    """One criterion: a KPI of the charter, a metric against a stated target, or a check.

    `slice` holds an estimate to the records whose column has a value, such as `{class: edge}`. `at_least` and `each`
    are counts that a check asks for.
    """

    id: str = Field(pattern=ID)
    title: str = ""
    kpi: str | None = None
    metric: Annotated[str, AfterValidator(_known_metric)] | None = None
    check: Check | None = None
    operator: Operator | None = None
    target: float | None = Field(default=None, allow_inf_nan=False)
    confidence_level: float | None = Field(default=None, gt=0.5, lt=1)
    slice: dict[str, Cell] = Field(default_factory=dict, max_length=3)
    at_least: int | None = Field(default=None, ge=1)
    each: int | None = Field(default=None, ge=1)
    no_waiver: bool = False

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        given = [name for name in ("kpi", "metric", "check") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"exactly one of kpi, metric, check must be given, not {len(given)}")
        stated = self.operator is not None and self.target is not None
        if self.metric is not None and not stated:
            raise ValueError("a metric needs an operator and a target")
        if self.metric is None and (self.operator or self.target is not None or self.confidence_level):
            raise ValueError("operator, target and confidence_level belong to a metric; a KPI's are in the charter")
        if self.slice and (self.check is not None or self.metric in list(AuditMetric)):
            raise ValueError("a slice belongs to an estimate of decisions")
        counted = {Check.TEST_CASES, Check.ISSUES_OWNED, Check.ESCALATION_RULES}
        if self.at_least is not None and self.check not in counted:
            raise ValueError(f"at_least belongs to the checks {', '.join(sorted(counted))}")
        if self.each is not None and self.check is not Check.TEST_CASES:
            raise ValueError("each belongs to the check test_cases")
        return self


_ALL_RECORDS, _EVERY_KPI, _DEVELOPMENT, _DISTINCT_KEYS = (
    CriterionSettings(id=check.value.replace("_", "-"), check=check, no_waiver=True)
    for check in (Check.ALL_RECORDS, Check.EVERY_KPI, Check.DEVELOPMENT, Check.DISTINCT_KEYS)
)
# What a gate asks for besides its file: nobody can leave it out, rename or waive it.
BUILT_IN: Mapping[int, tuple[CriterionSettings, ...]] = {
    1: (_DISTINCT_KEYS,),
    2: (_ALL_RECORDS, _EVERY_KPI, _DEVELOPMENT, _DISTINCT_KEYS),
    3: (_ALL_RECORDS, _DEVELOPMENT, _DISTINCT_KEYS),
}


class GateSettings(Settings):
    """One gate."""

    title: str = Field(min_length=3)
    notebooks: tuple[Annotated[str, Field(pattern=r"^[\w.-]+$")], ...] = ()
    criteria: tuple[CriterionSettings, ...] = Field(min_length=1)
    documents: tuple[DocumentSettings, ...] = ()
    blocking: tuple[Severity, ...] = (Severity.CRITICAL, Severity.HIGH)

    @property
    def asks_audit(self) -> bool:
        """Whether anything here rests on the data audit."""
        return any(one.check in OF_AUDIT or one.metric in list(AuditMetric) for one in self.criteria)

    @property
    def asks_evaluation(self) -> bool:
        """Whether anything here rests on the evaluation on the holdout."""
        estimates = any(one.check is None and one.metric not in list(AuditMetric) for one in self.criteria)
        return estimates or any(one.check in OF_EVALUATION for one in self.criteria)

    @model_validator(mode="after")
    def _named_once(self) -> Self:
        ids = [criterion.id for criterion in self.criteria] + [f"document-{one.id}" for one in self.documents]
        repeated = [name for name, count in Counter(ids).items() if count > 1]
        if repeated:
            raise ValueError(f"ids given twice: {shown(repeated)}")
        return self


class Gates(Settings):
    """The content of gates.yaml: every gate by its number."""

    gates: dict[Annotated[int, Field(ge=1, le=3)], GateSettings]

    @model_validator(mode="after")
    def _all_three(self) -> Self:
        missing = [number for number in GATE_NUMBERS if number not in self.gates]
        if missing:
            raise ValueError(f"gates {', '.join(map(str, missing))} are missing; a gate is never skipped")
        taken = {one.check for one in BUILT_IN[2]} | {one.id for one in BUILT_IN[2]}
        named = [one.id for gate in self.gates.values() for one in gate.criteria if {one.id, one.check} & taken]
        if named:
            raise ValueError(f"{shown(named)}: what is built in stands in no file")
        return self


def read_gates(pilot: Pilot) -> Gates:
    """Return a pilot's gates, checked against its charter and contract, with the criteria that are built in.

    Raises
    ------
    InputError
        The file is missing or does not fit, or a criterion names a KPI or column that there is not.
    """
    path = pilot.suite / GATES_FILE
    if not path.is_file():
        raise InputError(
            f"pilot {pilot.name!r} has no {GATES_FILE}",
            where=str(path),
            remedy=f"workbench gates-file {pilot.name} writes the default one",
        )
    return checked_gates(path, pilot.charter, pilot.contract)


def checked_gates(path: Path, charter: Charter, contract: Contract) -> Gates:
    """Return the gates that a file holds, checked against charter and contract. Raises as `read_gates`."""
    gates = read_settings(path, Gates)
    kpis = [kpi.id for kpi in charter.kpis]
    columns = slice_columns(contract)
    for number, gate in gates.gates.items():
        for criterion in gate.criteria:
            where = f"{path}, gate {number}, criterion {criterion.id}"
            if criterion.kpi is not None and criterion.kpi not in kpis:
                raise InputError(
                    f"the charter has no KPI {criterion.kpi!r}",
                    where=where,
                    expected=", ".join(kpis) or "no KPI is there",
                )
            unknown = [name for name in criterion.slice if name not in columns]
            if unknown:
                raise InputError(
                    "a slice names a column by which records cannot be cut",
                    where=where,
                    got=shown(unknown),
                    expected=", ".join(sorted(columns)),
                )
        _check_roles(charter, gate, f"{path}, gate {number}")
    return Gates.model_construct(gates={number: _with_built_in(number, gate) for number, gate in gates.gates.items()})


def slice_columns(contract: Contract) -> frozenset[str]:
    """Return what a slice may name: columns an agent sees, what the outcomes hold, and strata that are there."""
    held = {name for name, column in contract.columns.items() if column.role in (Role.LABEL, Role.REASON, Role.CLASS)}
    strata = {name for name in STRATA if name not in contract.columns and contract.column_with(Role(name)) is not None}
    return frozenset({*contract.shown, *held, *strata})


def _with_built_in(number: int, gate: GateSettings) -> GateSettings:
    """Return a gate with what it asks for besides its file."""
    return gate.model_copy(update={"criteria": (*BUILT_IN[number], *gate.criteria)})


def _check_roles(charter: Charter, gate: GateSettings, where: str) -> None:
    """Refuse a sign-off by a role that does not sign the charter: nobody would have agreed to it."""
    signing = charter.signing_roles
    for document in gate.documents:
        unknown = [role for role in document.signed_by if role not in signing]
        if unknown:
            raise InputError(
                "a document is to be signed off by a role that does not sign the charter",
                where=f"{where}, document {document.id}",
                got=shown(unknown),
                expected=", ".join(signing) or "stakeholders with `signs: true` in the charter",
            )


def default_gates(kpi_ids: tuple[str, ...]) -> str:
    """Return the text of a new pilot's gates.yaml; Gate 2 asks for every KPI of the charter."""
    template = (Path(__file__).parent / "templates" / f"{GATES_FILE}.template").read_text(encoding="utf-8")
    lines = [f"      - {{id: kpi-{kpi}, kpi: {kpi}, no_waiver: true}}" for kpi in kpi_ids]
    return template.replace("$kpis\n", "".join(f"{line}\n" for line in lines))
