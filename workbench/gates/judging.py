"""Every criterion of a gate held against the facts."""

from __future__ import annotations

from dataclasses import replace

from workbench.evidence import Missing, Terms, arrival_days, maker_of
from workbench.gates.cases_before import cases_before, is_of_before
from workbench.gates.criteria import Criterion, CriterionResult, Kind, check_result, details_of, held, reason_of
from workbench.gates.documents import document_answer
from workbench.gates.facts import GateFacts
from workbench.gates.schema import CriterionSettings, DocumentSettings, GateSettings, known_checks
from workbench.metrics import SELECTIVE_ACCURACY, Estimate, State, observations_missing, title_of

DEFAULT_LEVEL = 0.95
AGREE = "agree on the target in charter.yaml, and take `placeholder: true` out"


def judged_criteria(facts: GateFacts, number: int) -> tuple[CriterionResult, ...]:
    """Return what the facts say of every criterion and document of a gate; those that are built in come first.

    Raises
    ------
    InputError
        A criterion, suite or document does not fit the pilot.
    """
    gate = facts.gates.gates[number]
    criteria = [_unless_placeholder(facts, asked, _criterion_result(facts, gate, asked)) for asked in gate.criteria]
    documents = [check_result(_document(one), document_answer(facts, one)) for one in gate.documents]
    return (*criteria, *documents)


def asked_criteria(facts: GateFacts, number: int) -> tuple[Criterion, ...]:
    """Return what a gate asks for: the built-in criteria, the file's, then its documents."""
    gate = facts.gates.gates[number]
    criteria = [_criterion(facts, asked) for asked in gate.criteria]
    return (*criteria, *(_document(document) for document in gate.documents))


def _criterion_result(facts: GateFacts, gate: GateSettings, asked: CriterionSettings) -> CriterionResult:
    criterion = _criterion(facts, asked)
    if asked.check is None:
        return _estimate_result(facts, criterion)
    if is_of_before(facts, asked.check):
        return check_result(criterion, cases_before(facts, asked.at_least, asked.each))
    kpis = frozenset(one.kpi for one in gate.criteria if one.kpi is not None and not one.slice)
    return check_result(criterion, known_checks()[asked.check].answer(facts, Terms(asked.counts, gate.blocking, kpis)))


def _unless_placeholder(facts: GateFacts, asked: CriterionSettings, result: CriterionResult) -> CriterionResult:
    """Return a check that passes on a target that nobody agreed on as unproven."""
    metrics = frozenset() if asked.check is None else known_checks()[asked.check].on_targets
    named = [kpi.id for kpi in facts.pilot.charter.kpis if kpi.placeholder and kpi.metric in metrics]
    if not named or result.state is not State.PASS:
        return result
    reason = f"placeholder targets ({', '.join(named)}): {result.reason}"
    return replace(result, state=State.UNPROVEN, reason=reason, would_change=AGREE)


def _document(document: DocumentSettings) -> Criterion:
    return Criterion(
        f"document-{document.id}", document.title, Kind.DOCUMENT, document.file, no_waiver=document.no_waiver
    )


def _criterion(facts: GateFacts, asked: CriterionSettings) -> Criterion:
    """Return what is asked, the numbers of a KPI taken from the charter."""
    if asked.check is not None:
        title = asked.title or known_checks()[asked.check].title
        return Criterion(asked.id, title, Kind.CHECK, asked.check, no_waiver=asked.no_waiver)
    if asked.metric is not None:
        title = asked.title or title_of(asked.metric)
        level = asked.confidence_level or DEFAULT_LEVEL
        stated = (Kind.METRIC, asked.metric, asked.operator, asked.target, level)
        charged = _charged(facts, asked.metric, level)
        return Criterion(asked.id, title, *stated, slice=asked.slice, no_waiver=asked.no_waiver, charged_level=charged)
    kpi = next(kpi for kpi in facts.pilot.charter.kpis if kpi.id == asked.kpi)
    agreed = (Kind.KPI, kpi.metric, kpi.operator, kpi.target, kpi.confidence_level)
    return Criterion(
        asked.id,
        asked.title or f"{title_of(kpi.metric)} (KPI {kpi.id})",
        *agreed,
        slice=asked.slice,
        no_waiver=asked.no_waiver,
        charged_level=_charged(facts, kpi.metric, kpi.confidence_level),
        is_placeholder=kpi.placeholder,
    )


def _charged(facts: GateFacts, metric: str, level: float) -> float | None:
    """Return a level raised by what this opening of the holdout is charged; None where labels do not matter."""
    maker = maker_of(metric)
    return maker.charged_level(facts, metric, level) if maker.name in facts.exhibits else None


def _estimate_result(facts: GateFacts, criterion: Criterion) -> CriterionResult:
    """Return an estimate held against its target."""
    maker = maker_of(criterion.name)
    if maker.name not in facts.exhibits:
        return check_result(criterion, maker.when_absent(facts))
    estimate = maker.estimate(facts, criterion.name, criterion.slice, criterion.level)
    state = held(criterion, estimate)
    reason, details = reason_of(criterion, estimate), details_of(criterion, estimate, state)
    if state is State.PASS:
        return CriterionResult(criterion, state, reason, "", estimate, details=details)
    if criterion.is_placeholder:
        return CriterionResult(criterion, state, reason, AGREE, estimate)
    missing, change = _needed(facts, criterion, estimate, state)
    return CriterionResult(criterion, state, reason, change, estimate, missing, details)


def _needed(facts: GateFacts, criterion: Criterion, estimate: Estimate, state: State) -> tuple[Missing, str]:
    """Return what is missing for a criterion to pass, and that in words."""
    if estimate.value is None:
        return Missing(), "judge a version of which it can be measured"
    maker = maker_of(criterion.name)
    if state is State.FAIL:
        return maker.when_failed
    proves = maker.would_prove(facts, criterion.name, criterion.slice, criterion.level)
    if proves is not None:
        return proves.missing, proves.would_change
    assert criterion.operator is not None
    assert criterion.target is not None
    asked_for = criterion.operator, criterion.target, criterion.level
    more = observations_missing(criterion.name, estimate, *asked_for)
    if more is None:
        return maker.when_failed
    asked = _asked(criterion, estimate, more)
    missing = Missing(records=asked, days=arrival_days(facts, asked))
    return missing, f"about {asked:,} more {maker.counted}, if the rate stays what it is"


def _asked(criterion: Criterion, estimate: Estimate, more: int) -> int:
    """Return how many records bring so many more observations: of the automated ones only a share of all."""
    if criterion.name != SELECTIVE_ACCURACY:
        return more
    all_asked = estimate.n + sum(estimate.excluded.values())
    return -int(-more * all_asked // max(estimate.n, 1))
