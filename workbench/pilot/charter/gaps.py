"""What a charter lacks or says too vaguely to be held to; nothing here changes it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from workbench.files import parse_yaml, read_text, settings_from
from workbench.metrics import CATALOGUE, Interval, Operator, Unit
from workbench.pilot.charter.schema import (
    AccessStatus,
    AiActRiskClass,
    Charter,
    Compliance,
    Kpi,
    Match,
    Need,
    Readiness,
)
from workbench.pilot.compliance import COMPLIANCE_FILE, ComplianceSettings, read_compliance
from workbench.pilot.contract import Contract, Role
from workbench.pilot.regulations import regimes
from workbench.words import InputError, shown

MIN_PROCESS_WORDS, MIN_SCOPE_WORDS, MIN_TEXT_WORDS = 15, 8, 4
KPI_COUNT = range(3, 6)
PLACEHOLDER = re.compile(r"\b(?:TODO|TBD|FIXME|XXX)\b|\bto be (?:filled in|defined|done|decided)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Gap:
    """One thing to add or to say more exactly: where, what is wrong, what to write."""

    part: str
    problem: str
    remedy: str

    def as_json(self) -> dict[str, str]:
        """Return the gap as JSON values."""
        return asdict(self)


def read_draft(path: Path) -> tuple[Charter, tuple[Gap, ...]]:
    """Return a charter that may lack the numbers of its KPIs, and a gap for each of those; they are left out of it.

    Raises
    ------
    InputError
        Anything else in the file does not fit.
    """
    content = parse_yaml(read_text(path), str(path))
    kpis = content.get("kpis")
    if not isinstance(kpis, list):
        return settings_from(content, Charter, str(path)), ()
    vague = [kpi for kpi in kpis if isinstance(kpi, dict) and not _is_number(kpi.get("target"))]
    gaps = tuple(
        Gap(
            f"kpis.{kpi.get('id', '?')}",
            f"the target is no number: {kpi['target']!r}" if kpi.get("target") is not None else "there is no target",
            "agree on a number that can be measured",
        )
        for kpi in vague
    )
    kept = [kpi for kpi in kpis if kpi not in vague]
    return settings_from({**content, "kpis": kept}, Charter, str(path)), gaps


def charter_gaps(charter: Charter, contract: Contract, suite: Path) -> tuple[Gap, ...]:
    """Return what a charter lacks, in its own order; empty when it is complete.

    Parameters
    ----------
    suite : Path
        The folder of the pilot, where compliance.yaml has the pre-assessment.
    """
    return (
        *_process(charter),
        *_kpis(charter),
        *_people(charter),
        *_readiness(charter),
        *_compliance(charter, suite),
        *_risks(charter),
        *_limits(charter, contract),
        *_expectations(charter),
        *_placeholders(charter.model_dump(mode="json"), ""),
    )


def _process(charter: Charter) -> Iterator[Gap]:
    if _words(charter.process) < MIN_PROCESS_WORDS:
        yield Gap(
            "process",
            f"too vague: {_words(charter.process)} words",
            "say from which event to which outcome, and who decides what",
        )
    for name, remedy in (
        ("included", "list the cases the agent decides"),
        ("excluded", "list what is left to others, so that nobody assumes it"),
    ):
        said: tuple[str, ...] = getattr(charter.scope, name)
        n = sum(_words(text) for text in said)
        if not said:
            yield Gap(f"scope.{name}", "missing", remedy)
        elif n < MIN_SCOPE_WORDS:
            yield Gap(f"scope.{name}", f"too vague: {n} words in all", remedy)


def _kpis(charter: Charter) -> Iterator[Gap]:
    if len(charter.kpis) not in KPI_COUNT:
        yield Gap("kpis", f"{len(charter.kpis)} with a number, not 3 to 5", "agree on three to five; docs/metrics.md")
    for kpi in charter.kpis:
        part = f"kpis.{kpi.id}"
        if kpi.placeholder:
            yield Gap(part, f"the target {kpi.target:g} is a placeholder", "agree on one, and take `placeholder` out")
        if kpi.measured_within_days is None:
            yield Gap(part, "no time to measure it in", "add measured_within_days")
        yield from (Gap(part, problem, remedy) for problem, remedy in _target_faults(kpi))


def _target_faults(kpi: Kpi) -> Iterator[tuple[str, str]]:
    entry = CATALOGUE[kpi.metric]
    if entry.unit is Unit.SHARE and not 0 <= kpi.target <= 1:
        yield f"{kpi.metric} is a share, and {kpi.target:g} is none", "write a number between 0 and 1"
    beyond_proof = 1 if kpi.operator is Operator.AT_LEAST else 0
    if entry.unit is Unit.SHARE and kpi.target == beyond_proof:
        yield f"no number of records can prove a target of {kpi.target:g}", "agree on what may be left"
    if entry.interval is Interval.NONE:
        yield f"{kpi.metric} has no interval, so no gate can certify it", "choose another metric; docs/metrics.md"
    if kpi.operator is not entry.usual:
        yield f"{kpi.metric} {kpi.operator.value} bounds the good side", f"write {entry.usual.value}"


def _people(charter: Charter) -> Iterator[Gap]:
    if charter.owner is None:
        yield Gap("owner", "missing", "name who answers for the agent after go-live")
    if len(charter.stakeholders) < 2:
        yield Gap("stakeholders", f"{len(charter.stakeholders)} named", "name everybody with a say, and their roles")
    if not charter.signing_roles:
        yield Gap("stakeholders", "nobody must sign", "write `signs: true` for the roles without which nothing starts")


def _readiness(charter: Charter) -> Iterator[Gap]:
    if not charter.data_access:
        yield Gap("data_access", "missing", "list each source of records with its status")
    for access in charter.data_access:
        if access.status in (AccessStatus.UNKNOWN, AccessStatus.REFUSED):
            yield Gap(
                f"data_access.{access.source}", f"access is {access.status.value}", "settle it, or drop the source"
            )
    for name in ("gpu", "storage", "network", "ci_cd"):
        part = getattr(charter.infrastructure, name)
        if part is None or part.status is Readiness.UNKNOWN:
            problem = "missing" if part is None else "unknown"
            yield Gap(f"infrastructure.{name}", problem, "write ready, ordered, missing or not_needed")


def _compliance(charter: Charter, suite: Path) -> Iterator[Gap]:
    """Yield what the pre-assessment lacks, wherever it stands, and where charter and compliance.yaml differ."""
    own = charter.compliance
    try:
        said = read_compliance(suite)
    except InputError as error:
        said = None
        got = f" ({error.got})" if error.got else ""
        yield Gap("compliance", f"{COMPLIANCE_FILE} cannot be read: {error.problem}{got}", "docs/how_to/comply.md")
    if own is not None and said is not None:
        yield from _contradictions(own, said.assessment)
    yield from _assessment(own if own is not None else Compliance() if said is None else said.assessment)
    if said is not None:
        yield from _regimes(said)


def _contradictions(own: Compliance, other: Compliance) -> Iterator[Gap]:
    """Yield what both say, differently; what one of them leaves open is no contradiction."""
    said = [
        {
            "dpia": one.dpia and one.dpia.need,
            "ai_act.risk_class": one.ai_act and one.ai_act.risk_class,
            "ai_act.role": one.ai_act and one.ai_act.role,
            "industry_rules": one.industry_rules,
            "audit_trail": one.audit_trail and one.audit_trail.need,
            "audit_trail.retention_years": one.audit_trail and one.audit_trail.retention_years,
        }
        for one in (own, other)
    ]
    is_open = (None, Need.UNDECIDED, AiActRiskClass.UNDECIDED)
    for name, ours in said[0].items():
        theirs = said[1][name]
        if ours not in is_open and theirs not in is_open and ours != theirs:
            problem = f"the charter says {_spelled(ours)}, {COMPLIANCE_FILE} {_spelled(theirs)}"
            yield Gap(f"compliance.{name}", problem, f"say it once, in {COMPLIANCE_FILE}")


def _spelled(value: object) -> str:
    return shown(value) if isinstance(value, tuple) else str(value)


def _regimes(said: ComplianceSettings) -> Iterator[Gap]:
    """Yield what only compliance.yaml says of the pre-assessment, and lacks."""
    if said.personal_data.processed is None:
        yield Gap("compliance.personal_data", "not decided", "write `processed: true` or false, and which data")
    if said.sector is None:
        yield Gap("compliance.sector", "missing", "write financial, automotive or other")
    if said.ai_act is not None and said.ai_act.general_purpose_model is None:
        yield Gap("compliance.ai_act", "not said whether a general-purpose model is provided", "write true or false")
    open_ones = [name for name in regimes() if name not in said.regimes]
    if open_ones:
        remedy = "say of each whether it applies, and why"
        yield Gap("compliance.regimes", f"{len(open_ones)} without an answer: {shown(open_ones)}", remedy)
    gdpr = said.regimes.get("gdpr")
    if said.personal_data.processed and gdpr is not None and not gdpr.applies:
        yield Gap("compliance.regimes", "personal data are processed, and the GDPR is said not to apply", "decide anew")


def _assessment(said: Compliance) -> Iterator[Gap]:
    if said.dpia is None or said.dpia.need is Need.UNDECIDED:
        yield Gap("compliance.dpia", "not decided", "have the data protection officer decide (GDPR Art. 35)")
    elif _words(said.dpia.reason) < MIN_TEXT_WORDS:
        yield Gap("compliance.dpia", "no reason", "say why it is needed or not")
    if said.ai_act is None or said.ai_act.risk_class is AiActRiskClass.UNDECIDED:
        yield Gap("compliance.ai_act", "no risk class", "have it decided; nothing here computes it")
    else:
        if said.ai_act.risk_class is AiActRiskClass.PROHIBITED:
            yield Gap("compliance.ai_act", "the practice is prohibited (Art. 5)", "stop, or change the scope")
        if said.ai_act.role is None:
            yield Gap("compliance.ai_act", "no role", "write provider, deployer or both")
        if _words(said.ai_act.reason) < MIN_TEXT_WORDS:
            yield Gap("compliance.ai_act", "no reason", "say why it is this class")
    if said.industry_rules is None:
        yield Gap("compliance.industry_rules", "missing", "list them, or write [] where there are none")
    if said.audit_trail is None or said.audit_trail.need is Need.UNDECIDED:
        yield Gap("compliance.audit_trail", "not decided", "say what must be kept of a decision")
    elif said.audit_trail.need is Need.NEEDED and said.audit_trail.retention_years is None:
        yield Gap("compliance.audit_trail", "no retention period", "add retention_years")


def _risks(charter: Charter) -> Iterator[Gap]:
    if not charter.risks:
        yield Gap("risks", "missing", "name what may go wrong, and who does what about it")
    for risk in charter.risks:
        if _words(risk.risk) < MIN_TEXT_WORDS:
            yield Gap(f"risks.{risk.id}", "too vague", "say what happens to whom")
        if _words(risk.mitigation) < MIN_TEXT_WORDS:
            yield Gap(f"risks.{risk.id}", "no mitigation", "say what is done about it")
        if not risk.owner.strip():
            yield Gap(f"risks.{risk.id}", "no owner", "name who answers for it")


def _limits(charter: Charter, contract: Contract) -> Iterator[Gap]:
    if not charter.high_risk:
        yield Gap("high_risk", "missing", "name the decisions that always go to a person")
    if not charter.authority:
        yield Gap("authority", "missing", "say up to which amount the agent may decide alone, 0 for none")
    for category in charter.high_risk:
        yield from _match_gaps(f"high_risk.{category.id}", category.when, contract)
    if charter.dependence is not None and charter.dependence.entity != contract.column_with(Role.ENTITY):
        problem = f"{charter.dependence.entity!r} is not the column with the role entity"
        yield Gap("dependence.entity", problem, "give that column the role entity in contract.yaml")
    for limit in charter.authority:
        yield from _match_gaps(f"authority.{limit.id}", limit.when, contract)
        if limit.column is not None and limit.column not in contract.columns:
            yield Gap(f"authority.{limit.id}", f"there is no column {limit.column!r}", "name one of contract.yaml")


def _match_gaps(part: str, when: Match | None, contract: Contract) -> Iterator[Gap]:
    if when is None:
        return
    column = contract.columns.get(when.column)
    if column is None:
        yield Gap(part, f"there is no column {when.column!r}", "name one of contract.yaml")
    elif column.allowed is not None:
        unknown = [value for value in when.values if value not in column.allowed]
        if unknown:
            yield Gap(part, f"{when.column} is never {shown(unknown)}", "write values that contract.yaml allows")


def _expectations(charter: Charter) -> Iterator[Gap]:
    wanted = {
        "volume": ("records_per_day", "peak_per_hour"),
        "latency": ("p95_s", "at_most_s"),
        "costs": ("error", "escalation", "manual"),
    }
    for part, names in wanted.items():
        lacking = [name for name in names if getattr(getattr(charter, part), name) is None]
        if lacking:
            yield Gap(part, f"no {', '.join(lacking)}", "an estimate with its source is enough")
    if charter.costs.error is not None and not charter.costs.source.strip():
        yield Gap("costs", "no source", "say where the figures come from")


def _placeholders(value: Any, part: str) -> Iterator[Gap]:
    """Yield a gap for each text that was left to be filled in."""
    if isinstance(value, str):
        if PLACEHOLDER.search(value):
            yield Gap(part, "still to be filled in", "write what was agreed")
    elif isinstance(value, Mapping):
        for name, item in value.items():
            yield from _placeholders(item, f"{part}.{name}" if part else str(name))
    elif isinstance(value, list | tuple):
        for number, item in enumerate(value):
            named = item.get("id") or item.get("role") if isinstance(item, Mapping) else None
            yield from _placeholders(item, f"{part}.{named or number}")


def _words(text: str) -> int:
    return len(re.findall(r"\w+", text))


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
