"""The checks that a criterion may name: each looks at the facts and answers pass, fail or unproven."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from workbench.audit import provable_kpis
from workbench.errors import several, shown
from workbench.evaluation import rule_results
from workbench.gates.answer import Answer
from workbench.gates.builtin import development, distinct_keys, every_kpi
from workbench.gates.cases import CaseClass, case_classes
from workbench.gates.certification import certified
from workbench.gates.criteria import Missing
from workbench.gates.facts import Facts
from workbench.gates.planning import arrival_days
from workbench.gates.schema import Check, CriterionSettings, GateSettings
from workbench.metrics import ACCURACY, AUTOMATION_RATE, SELECTIVE_ACCURACY, State, is_asked
from workbench.records.ledger import SPENT_AT_ONCE
from workbench.stats import records_needed

DEFAULT_CASES, DEFAULT_EACH, DEFAULT_ISSUES, DEFAULT_PER_RULE = 200, 1, 10, 1
MAKERS: Mapping[Check, str] = {
    Check.INTEGRATIONS: "integration test",
    Check.LOAD: "load test",
    Check.SECURITY: "attack test",
    Check.COMPLIANCE: "compliance assessment",
    Check.ACCEPTANCE: "acceptance by users",
}


def check_answer(check: Check, facts: Facts, gate: GateSettings, asked: CriterionSettings) -> Answer:
    """Return what the evidence says of a check."""
    if check in MAKERS:
        return _not_made(check)
    answers: Mapping[Check, Callable[[], Answer]] = {
        Check.AUDIT_LIMITS: lambda: _audit_limits(facts, gate),
        Check.ISSUES_OWNED: lambda: _issues_owned(facts, asked.at_least or DEFAULT_ISSUES),
        Check.SAMPLE_FITNESS: lambda: _sample_fitness(facts),
        Check.ALL_RECORDS: lambda: _all_records(facts),
        Check.EVERY_KPI: lambda: every_kpi(facts, gate),
        Check.DEVELOPMENT: lambda: development(facts),
        Check.DISTINCT_KEYS: lambda: distinct_keys(facts),
        Check.CERTIFIED: lambda: certified(facts),
        Check.ESCALATION_RULES: lambda: _escalation_rules(facts, asked.at_least or DEFAULT_PER_RULE),
        Check.TEST_CASES: lambda: _test_cases(facts, asked.at_least or DEFAULT_CASES, asked.each or DEFAULT_EACH),
    }
    return answers[check]()


def _not_made(check: Check) -> Answer:
    """Answer for evidence that nothing here can make yet: never skipped, never passed."""
    what = MAKERS[check]
    return Answer(State.UNPROVEN, f"no evidence: no {what} of this pilot was made", f"evidence of the {what}")


def _audit_limits(facts: Facts, gate: GateSettings) -> Answer:
    if facts.audit is None:
        return _unproven(facts.audit_note, "run the data audit")
    blocking = {severity.value for severity in gate.blocking}
    findings = [one for one in facts.audit["findings"] if one["severity"] in blocking]
    names = " or ".join(severity.value for severity in gate.blocking) or "no"
    if not findings:
        return Answer(State.PASS, f"no finding of {names} severity")
    verb = "blocks" if len(findings) == 1 else "block"
    reason = f"{several(len(findings), 'finding')} of {names} severity {verb}"
    return Answer(State.FAIL, reason, "mend the records, then audit again", details=tuple(map(_named, findings)))


def _issues_owned(facts: Facts, top: int) -> Answer:
    if facts.audit is None:
        return _unproven(facts.audit_note, "run the data audit")
    findings = facts.audit["findings"][:top]
    open_ones = [one for one in findings if not (one.get("remediation") and one.get("owner"))]
    if not open_ones:
        return Answer(State.PASS, f"all of the top {len(findings)} findings have remediation and owner")
    reason = f"{len(open_ones)} of the top {len(findings)} findings have no owner or no remediation"
    return Answer(State.FAIL, reason, "name who mends each and how", details=tuple(map(_named, open_ones)))


def _sample_fitness(facts: Facts) -> Answer:
    """Hold the number of holdout records against what proving the KPIs at the first opening takes without an error."""
    n = facts.population.n_holdout
    charter = facts.pilot.charter
    automation = charter.target(AUTOMATION_RATE) or 1.0
    needed: dict[str, int] = {}
    for kpi in charter.kpis:
        if kpi.metric in (ACCURACY, SELECTIVE_ACCURACY) and kpi.target < 1:
            share = automation if kpi.metric == SELECTIVE_ACCURACY else 1.0
            level = 1.0 - SPENT_AT_ONCE * (1.0 - kpi.confidence_level)
            needed[kpi.id] = math.ceil(records_needed(kpi.target, 0, level) / share)
    if not needed:
        return _unproven("the charter has no KPI on accuracy, so nothing says how many records are enough", "add one")
    short = {kpi: count for kpi, count in needed.items() if count > n}
    listed = ", ".join(f"{kpi} {count:,}" for kpi, count in (short or needed).items())
    if not short:
        wanted = int(provable_kpis(charter, n)["still needed"].max())
        luck = f"; for an 80% chance of a good agent {wanted:,} more are needed" if wanted else ""
        return Answer(State.PASS, f"{n:,} holdout records; without an error the KPIs need: {listed}{luck}")
    more = max(short.values()) - n
    reason = f"{n:,} holdout records cannot prove the KPIs even without an error; needed: {listed}"
    missing = Missing(records=more, days=arrival_days(facts, more))
    return Answer(State.FAIL, reason, f"label at least {more:,} more holdout records", missing)


def _all_records(facts: Facts) -> Answer:
    if facts.judged is None:
        return _unproven(facts.judged_note, "evaluate a version on the holdout")
    n, judged = facts.population.n_holdout, int(is_asked(facts.judged.outcomes).sum())
    if judged == n:
        return Answer(State.PASS, f"all {n:,} holdout records were judged")
    reason = f"{judged:,} of {n:,} holdout records were judged; {n - judged:,} were left out"
    return _unproven(reason, f"evaluate on all holdout records (workbench run {facts.pilot.name})")


def _escalation_rules(facts: Facts, at_least: int) -> Answer:
    if facts.judged is None:
        return _unproven(facts.judged_note, "evaluate a version on the holdout")
    charter, threshold = facts.pilot.charter, facts.judged.threshold
    if not charter.high_risk and not charter.authority:
        why = "the charter names no high-risk category and no authority limit"
        return _unproven(why, "name in charter.yaml what must always reach a person")
    if threshold is None:
        return _unproven("there is no threshold, so nothing is decided without a person", "choose a threshold on dev")
    escalate = facts.pilot.settings.escalate_label
    results = rule_results(charter, facts.cells, facts.judged.outcomes, threshold, escalate)
    missed = [one for one in results if one.missed]
    if missed:
        total = sum(len(one.missed) for one in missed)
        details = tuple(f"{one.rule}: {len(one.missed)} of {one.covered}: {shown(one.missed)}" for one in missed)
        reason = f"{len(missed)} of {len(results)} rules did not fire on {total:,} records decided without a person"
        change = "make the agent, or a hard rule, escalate these records"
        return Answer(State.FAIL, reason, change, Missing(version=True), details)
    thin = [one for one in results if one.covered is None or one.covered < at_least]
    if thin:
        details = tuple(f"{one.rule}: {one.covered or 0} of {at_least} cases" for one in thin)
        reason = f"{len(thin)} of {len(results)} rules have fewer than {at_least} test cases"
        more = sum(at_least - (one.covered or 0) for one in thin)
        return Answer(State.UNPROVEN, reason, "label more records of these rules", Missing(records=more), details)
    covered = sum(one.covered or 0 for one in results)
    return Answer(State.PASS, f"all {len(results)} rules fired on every one of {covered:,} test cases")


def _test_cases(facts: Facts, at_least: int, each: int) -> Answer:
    if facts.judged is None:
        return _unproven(facts.judged_note, "evaluate a version on the holdout")
    classes = case_classes(facts)
    counts = {one.value: int((classes == one.value).sum()) for one in CaseClass}
    total = sum(counts.values())
    listed = ", ".join(f"{name} {count:,}" for name, count in counts.items())
    if total == 0:
        why = "no test case: no record has a class (common, edge, error) and no suite names one"
        return _unproven(why, "declare a class column in the contract, or write suites/*.yaml", at_least)
    missing = max(at_least - total, sum(max(each - count, 0) for count in counts.values()))
    if missing <= 0:
        return Answer(State.PASS, f"{total:,} test cases were decided: {listed}")
    reason = f"{total:,} test cases were decided ({listed}); wanted {at_least:,}, and {each:,} of each class"
    return _unproven(reason, f"add {missing:,} test cases", missing)


def _unproven(reason: str, would_change: str, records: int | None = None) -> Answer:
    return Answer(State.UNPROVEN, reason, would_change, Missing(records=records))


def _named(finding: Mapping[str, Any]) -> str:
    owner = finding.get("owner") or "no owner"
    return f"{finding['id']} ({finding['severity']}): {finding['title']}; {owner}"
