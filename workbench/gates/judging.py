"""Every criterion of a gate held against the facts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from workbench.gates.certification import certified
from workbench.gates.checks import check_answer
from workbench.gates.criteria import Criterion, CriterionResult, Kind, Missing, held, reason_of
from workbench.gates.documents import document_answer
from workbench.gates.facts import Facts
from workbench.gates.planning import arrival_days, quantile_records, records_missing
from workbench.gates.remedy import BETTER_VERSION
from workbench.gates.schema import CHECK_TITLES, AuditMetric, Check, CriterionSettings, DocumentSettings, GateSettings
from workbench.metrics import (
    ACCURACY,
    AUTOMATION_RATE,
    CATALOGUE,
    SELECTIVE_ACCURACY,
    Estimate,
    State,
    audited,
    bounded_estimate,
    charged_level,
    takes_certificate,
)

DEFAULT_LEVEL = 0.95
MEND_RECORDS = "mend the records, then audit again"
AGREE = "agree on the target in charter.yaml, and take `placeholder: true` out"
# Checks that hold the evidence against targets of the charter, and the metrics of those.
ON_TARGETS = {
    Check.CERTIFIED: frozenset({SELECTIVE_ACCURACY}),
    Check.SAMPLE_FITNESS: frozenset({ACCURACY, SELECTIVE_ACCURACY, AUTOMATION_RATE}),
}


def judged_criteria(facts: Facts, number: int) -> tuple[CriterionResult, ...]:
    """Return what the facts say of every criterion and document of a gate; those that are built in come first.

    Raises
    ------
    InputError
        A criterion, suite or document does not fit the pilot.
    """
    gate = facts.gates.gates[number]
    criteria = [_unless_placeholder(facts, asked, _criterion_result(facts, gate, asked)) for asked in gate.criteria]
    documents = [document_answer(facts, one).of(_document(one)) for one in gate.documents]
    return (*criteria, *documents)


def asked_criteria(facts: Facts, number: int) -> tuple[Criterion, ...]:
    """Return what a gate asks for: the built-in criteria, the file's, then its documents."""
    gate = facts.gates.gates[number]
    criteria = [_criterion(facts, asked) for asked in gate.criteria]
    return (*criteria, *(_document(document) for document in gate.documents))


def _criterion_result(facts: Facts, gate: GateSettings, asked: CriterionSettings) -> CriterionResult:
    criterion = _criterion(facts, asked)
    if asked.check is None:
        return _estimate_result(facts, criterion)
    return check_answer(asked.check, facts, gate, asked).of(criterion)


def _unless_placeholder(facts: Facts, asked: CriterionSettings, result: CriterionResult) -> CriterionResult:
    """Return a check that passes on a target that nobody agreed on as unproven."""
    metrics = ON_TARGETS.get(asked.check, frozenset()) if asked.check is not None else frozenset()
    named = [kpi.id for kpi in facts.pilot.charter.kpis if kpi.placeholder and kpi.metric in metrics]
    if not named or result.state is not State.PASS:
        return result
    reason = f"placeholder targets ({', '.join(named)}): {result.reason}"
    return replace(result, state=State.UNPROVEN, reason=reason, would_change=AGREE)


def _document(document: DocumentSettings) -> Criterion:
    return Criterion(
        f"document-{document.id}", document.title, Kind.DOCUMENT, document.file, no_waiver=document.no_waiver
    )


def _criterion(facts: Facts, asked: CriterionSettings) -> Criterion:
    """Return what is asked, the numbers of a KPI taken from the charter."""
    if asked.check is not None:
        title = asked.title or CHECK_TITLES[asked.check]
        return Criterion(asked.id, title, Kind.CHECK, asked.check.value, no_waiver=asked.no_waiver)
    if asked.metric is not None:
        title = asked.title or asked.metric.replace("_", " ").capitalize()
        level = asked.confidence_level or DEFAULT_LEVEL
        stated = (Kind.METRIC, asked.metric, asked.operator, asked.target, level)
        charged = _charged(facts, asked.metric, level)
        return Criterion(asked.id, title, *stated, slice=asked.slice, no_waiver=asked.no_waiver, charged_level=charged)
    kpi = next(kpi for kpi in facts.pilot.charter.kpis if kpi.id == asked.kpi)
    agreed = (Kind.KPI, kpi.metric, kpi.operator, kpi.target, kpi.confidence_level)
    return Criterion(
        asked.id,
        asked.title or f"KPI {kpi.id}",
        *agreed,
        slice=asked.slice,
        no_waiver=asked.no_waiver,
        charged_level=_charged(facts, kpi.metric, kpi.confidence_level),
        is_placeholder=kpi.placeholder,
    )


def _charged(facts: Facts, metric: str, level: float) -> float | None:
    """Return a level raised by what this opening of the holdout is charged; None where labels do not matter."""
    return None if facts.judged is None else charged_level(metric, level, facts.judged.share)


def _estimate_result(facts: Facts, criterion: Criterion) -> CriterionResult:
    """Return an estimate held against its target."""
    is_audit = criterion.name in list(AuditMetric)
    note = facts.audit_note if is_audit else facts.judged_note
    if (facts.audit if is_audit else facts.judged) is None:
        change = "run the data audit" if is_audit else "evaluate a version on the holdout"
        return CriterionResult(criterion, State.UNPROVEN, note, change)
    estimate = audit_estimate(facts, criterion) if is_audit else judged_estimate(facts, criterion)
    state = held(criterion, estimate)
    reason = reason_of(criterion, estimate, state)
    if state is State.PASS:
        return CriterionResult(criterion, state, reason, "", estimate)
    if criterion.is_placeholder:
        return CriterionResult(criterion, state, reason, AGREE, estimate)
    missing, change = _needed(facts, criterion, estimate, state)
    return CriterionResult(criterion, state, reason, change, estimate, missing)


def judged_estimate(facts: Facts, criterion: Criterion) -> Estimate:
    """Return the estimate of the judged version on the criterion's slice, at its confidence level."""
    assert facts.judged is not None
    members, settings = facts.members(criterion.slice), facts.settings_at(criterion.level)
    return bounded_estimate(criterion.name, members, settings, _certificate(facts, criterion))


def _certificate(facts: Facts, criterion: Criterion) -> Mapping[str, Any] | None:
    """Return the certification of the judged version, None for a part of its records."""
    return None if facts.judged is None or criterion.slice else facts.judged.content.get("certification")


def audit_estimate(facts: Facts, criterion: Criterion) -> Estimate:
    """Return an estimate of the audit, its interval at the criterion's confidence level."""
    assert facts.audit is not None
    assert criterion.confidence_level is not None
    return audited(facts.audit["sections"], criterion.name, criterion.confidence_level)


def _needed(facts: Facts, criterion: Criterion, estimate: Estimate, state: State) -> tuple[Missing, str]:
    """Return what is missing for a criterion to pass, and that in words."""
    if estimate.value is None:
        return Missing(), "measure it"
    is_audit = criterion.name in list(AuditMetric)
    no_number = (Missing(), MEND_RECORDS) if is_audit else (Missing(version=True), BETTER_VERSION)
    block = _certificate(facts, criterion)
    if block is not None and takes_certificate(criterion.name, block, criterion.level) and state is not State.FAIL:
        answer = certified(facts)
        return answer.missing, answer.would_change
    if state is State.FAIL:
        return no_number
    entry = CATALOGUE.get(criterion.name)
    if entry is not None and entry.quantile is not None:
        more = max(quantile_records(entry.quantile, criterion.level) - estimate.n, 0) or None
    else:
        more = records_missing(criterion, estimate)
    if more is None:
        return no_number
    asked = _asked(criterion, estimate, more)
    missing = Missing(records=asked, days=arrival_days(facts, asked))
    kind = "records" if is_audit else "labelled holdout records"
    return missing, f"about {asked:,} more {kind}, if the rate stays what it is"


def _asked(criterion: Criterion, estimate: Estimate, more: int) -> int:
    """Return how many records bring so many more observations: of the automated ones only a share of all."""
    if criterion.name != SELECTIVE_ACCURACY:
        return more
    all_asked = estimate.n + sum(estimate.excluded.values())
    return -int(-more * all_asked // max(estimate.n, 1))
