"""The data audit as a maker of evidence: its exhibit, its estimate, and what a gate can ask of it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import pandas as pd

from workbench.audit.published.store import point_at
from workbench.evidence import (
    Answer,
    Check,
    Exhibit,
    Facts,
    Finding,
    Inputs,
    MadeBy,
    Maker,
    Missing,
    Terms,
    arrival_days,
    audits_folder,
    exhibit_folder,
    unproven,
)
from workbench.metrics import (
    ACCURACY,
    AUTOMATION_RATE,
    SELECTIVE_ACCURACY,
    Estimate,
    State,
    Unit,
    one_sided,
)
from workbench.pilot import (
    OWNED_FINDINGS_FILE,
    FindingDecision,
    OwnedFindings,
    Pilot,
    Severity,
    owner_signatures,
    read_owned_findings,
)
from workbench.records.ledger import SPENT_AT_ONCE
from workbench.stats import IntervalMethod, records_needed
from workbench.words import several

if TYPE_CHECKING:
    from workbench.audit.questions.assessment import Audit

AUDIT, COUNTS = "audit", "counts"
COMPLETE_RECORDS = "complete_records"
RUN_IT = "run the data audit"
MEND_RECORDS = "mend the records, then audit again"


def leave_audit(pilot: Pilot, audit: Audit) -> Exhibit:
    """Make an audit the pilot's newest one, write its exhibit, and return it."""
    point_at(pilot, audit)
    exhibit = audit_exhibit(pilot, audit)
    exhibit.write(exhibit_folder(pilot, AUDIT))
    return exhibit


def audit_exhibit(pilot: Pilot, audit: Audit) -> Exhibit:
    """Return the exhibit of an audit of a pilot's records; its table has `estimate`, `hits`, `n` and `method`."""
    estimates: dict[str, Estimate] = {}
    for section in audit.sections:
        for name, one in section.estimates.items():
            estimates.setdefault(name, one)
    return Exhibit(
        AUDIT,
        pilot.name,
        {"records": audit.subject.digest},
        MadeBy.now(pilot.root),
        audit.answer,
        estimates,
        tuple(_finding(one.as_json()) for one in audit.findings),
        {COUNTS: pd.DataFrame(_counted(estimates), columns=["estimate", "hits", "n", "method"])},
        facts={"run": audit.run, "n_records": audit.subject.n_rows},
    )


def _counted(estimates: Mapping[str, Estimate]) -> Iterator[tuple[str, int, int, str]]:
    """Yield the counts of the estimates that are shares of records."""
    for name, one in estimates.items():
        method = _share_method(one)
        if method is not None and one.value is not None:
            yield name, round(one.value * one.n), one.n, method.value


def _share_method(estimate: Estimate) -> IntervalMethod | None:
    title = estimate.method.rpartition(" ")[0]
    return next((one for one in IntervalMethod if one.shown_name == title), None)


def _finding(said: Mapping[str, Any]) -> Finding:
    """Return a finding of the audit in the words that all makers share, from its JSON values.

    Without its owner, whom findings.yaml names: so the exhibit stays what it is when the owners change.
    """
    return Finding(
        id=said["id"],
        kind=said["kind"],
        severity=Severity(said["severity"]),
        title=said["title"],
        where=tuple(said["columns"]),
        n=said["n_records"],
        of=said["of_records"],
        evidence=said["evidence"],
        consequence=said["consequence"],
        remedy=said["remediation"],
    )


def _audit_limits(facts: Facts, asked: Terms) -> Answer:
    audit = facts.exhibits.get(AUDIT)
    if audit is None:
        return unproven(facts.absent[AUDIT], RUN_IT)
    findings = [one for one in audit.findings if one.severity in asked.blocking]
    names = " or ".join(severity.value for severity in asked.blocking) or "no"
    if not findings:
        return Answer(State.PASS, f"no finding of {names} severity")
    verb = "blocks" if len(findings) == 1 else "block"
    reason = f"{several(len(findings), 'finding')} of {names} severity {verb}"
    return Answer(State.FAIL, reason, MEND_RECORDS, details=tuple(map(_named, findings)))


def _issues_owned(facts: Facts, asked: Terms) -> Answer:
    audit, top = facts.exhibits.get(AUDIT), asked.counts["at_least"]
    if audit is None:
        return unproven(facts.absent[AUDIT], RUN_IT)
    findings = audit.findings[:top]
    owned = read_owned_findings(facts.pilot.suite)
    if owned is not None:
        return _owned_over_signatures(facts, findings, owned)
    open_ones = [one for one in findings if not (one.remedy and one.owner)]
    if not open_ones:
        return Answer(State.PASS, f"all of the top {len(findings)} findings have remediation and owner")
    reason = f"{len(open_ones)} of the top {len(findings)} findings have no owner or no remediation"
    return Answer(State.FAIL, reason, "name who mends each and how", details=tuple(map(_named, open_ones)))


def _owned_over_signatures(facts: Facts, findings: Sequence[Finding], owned: OwnedFindings) -> Answer:
    """Return whether findings.yaml decides of each finding, no decision's day is over, and every owner signed it."""
    pilot, decided = facts.pilot, {one.id: owned.of(one.id) for one in findings}
    faults = {name: "no owner" if one is None else one.fault_on(facts.today) for name, one in decided.items()}
    open_ones = tuple(f"{_titled(one)}; {faults[one.id]}" for one in findings if faults[one.id])
    if open_ones:
        reason = f"{len(open_ones)} of the top {len(findings)} findings have no owner, or their day is over"
        return Answer(State.FAIL, reason, f"decide of each in {OWNED_FINDINGS_FILE}, and sign", details=open_ones)
    status = owner_signatures(pilot.suite, owned, pilot.charter, pilot.name)
    if not status.is_complete:
        absent = tuple(
            f"{role}: {status.invalid.get(role, 'no signature')}" for role in (*status.missing, *status.invalid)
        )
        reason = f"{len(status.valid)} of {several(len(status.required), 'owner')} signed {OWNED_FINDINGS_FILE}"
        change = f'workbench sign {pilot.name} {OWNED_FINDINGS_FILE} --name "NAME" --role "ROLE" --key FILE'
        return Answer(State.UNPROVEN, reason, change, Missing(signatures=len(absent)), absent)
    accepted = sum(one is not None and one.decision is FindingDecision.ACCEPT for one in decided.values())
    said = f"{len(findings) - accepted} of the top {len(findings)} findings are being mended, {accepted} are accepted"
    return Answer(State.PASS, f"{said}; signed by {several(len(status.required), 'owner')}")


def _sample_fitness(facts: Facts, _asked: Terms) -> Answer:
    """Hold the number of holdout records against what proving the KPIs at the first opening takes without an error."""
    from workbench.audit.questions.fitness import provable_kpis

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
        return unproven("the charter has no KPI on accuracy, so nothing says how many records are enough", "add one")
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


def _named(finding: Finding) -> str:
    return f"{_titled(finding)}; {finding.owner or 'no owner'}"


def _titled(finding: Finding) -> str:
    return f"{finding.id} ({finding.severity.value}): {finding.title}"


class AuditMaker(Maker):
    """What the records are."""

    name = AUDIT
    title = "data audit"
    question = "Are the records good enough to develop and judge an agent on?"
    how = RUN_IT
    notebooks = ("01_data_audit",)
    command = "workbench audit PILOT"
    metrics: ClassVar = {COMPLETE_RECORDS: Unit.SHARE}
    checks = (
        Check("audit_limits", "Data audit within limits", _audit_limits, needs=AUDIT),
        Check("issues_owned", "Top issues have remediation and owner", _issues_owned, {"at_least": 10}, needs=AUDIT),
        Check(
            "sample_fitness",
            "Enough records to prove the KPIs",
            _sample_fitness,
            on_targets=frozenset({ACCURACY, SELECTIVE_ACCURACY, AUTOMATION_RATE}),
        ),
    )
    when_failed = (Missing(), MEND_RECORDS)
    believed = ("the audit's findings and counts",)

    def depends(self, inputs: Inputs, notebook: str, chosen: str | None) -> Mapping[str, Any]:
        """Return title and question of the pilot; who owns what a gate reads in findings.yaml itself."""
        settings = inputs.pilot.settings
        return {"settings": [settings.title, settings.question]}

    def leaves(self, pilot: Pilot) -> Sequence[Path]:
        """Return the exhibit and the folder of all audits."""
        return (exhibit_folder(pilot, AUDIT), audits_folder(pilot))

    def estimate(self, facts: Facts, metric: str, where: Mapping[str, str], level: float) -> Estimate:
        """Return a share of the records with exact one-sided bounds."""
        found = facts.exhibits[AUDIT].estimates.get(metric)
        if found is None:
            return Estimate.undefined(f"the audit has no estimate {metric}")
        if found.value is None:
            return Estimate.undefined(found.method.removeprefix("none: "))
        hits = round(found.value * found.n)
        return one_sided(Estimate.proportion(hits, found.n, excluded=found.excluded), level)

    def again(self, exhibit: Exhibit, facts: Facts) -> Exhibit:
        """Return the exhibit with the interval of each share computed again from its count."""
        estimates = dict(exhibit.estimates)
        for name, hits, n, method in exhibit.tables[COUNTS].itertuples(index=False):
            stated = estimates[name]
            estimates[name] = Estimate.proportion(
                int(hits), int(n), excluded=stated.excluded, method=IntervalMethod(method)
            )
        return replace(exhibit, estimates=estimates)


MAKER = AuditMaker()
