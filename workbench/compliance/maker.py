"""Compliance as a maker of evidence: every requirement computed from the others' exhibits, attested, or neither."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, ClassVar

import pandas as pd

from workbench.compliance.checks import CHECKS, COMMAND, COMPLIANCE, changed_evidence, exhibit_digests
from workbench.compliance.findings import compliance_findings
from workbench.compliance.ground import PERSONAL, SHOWN, TRAIL, facts_now, ground_again, ground_now, tables_now
from workbench.compliance.judging import REQUIREMENTS, judged_requirements
from workbench.compliance.numbers import UNITS, estimates_of_compliance, standing_counts
from workbench.compliance.report import report_paths
from workbench.compliance.requirement import ComplianceGround, Standing
from workbench.evidence import (
    MAKERS,
    Agreed,
    Exhibit,
    Facts,
    Inputs,
    MadeBy,
    Maker,
    exhibit_folder,
    files_at,
    maker,
    of_one_version,
)
from workbench.metrics import Estimate
from workbench.pilot import COMPLIANCE_FILE, Pilot, compliance_documents
from workbench.pilot.signing import document_digest, signature_files, trail_keys
from workbench.records.splits import Dataset
from workbench.words import SignatureError, several, shown

NO_FILE = "none"  # in the place of a digest, where a pilot has no compliance.yaml
DISCLAIMER = "The catalogue is data, not legal advice: a person checks what applies."


@dataclass(frozen=True, slots=True)
class ComplianceRequest:
    """Of which agent, None for the one that was evaluated last; and as of which day, None for today."""

    agent: str | None = None
    as_of: date | None = None


class ComplianceMaker(Maker):
    """Whether what the law asks of an agent is met, attested, or neither."""

    name = COMPLIANCE
    title = "compliance report"
    question = "Is what the law asks of the agent met?"
    how = "compute the compliance report"
    notebooks = ("08_compliance",)
    command = COMMAND
    metrics: ClassVar = UNITS
    checks: ClassVar = CHECKS
    rests_on_runs = True
    rests_on: ClassVar = tuple(name for name in MAKERS if name != COMPLIANCE)
    believed = (
        "the audit trail, as the journal gave it, and where personal data was found",
        "what the architecture document lacks",
    )

    def make(self, pilot: Pilot, dataset: Dataset, request: ComplianceRequest) -> Exhibit:
        """Return the standing of every requirement; it is left where it is as of today.

        Raises
        ------
        InputError
            compliance.yaml or another file of the pilot does not fit.
        RunError
            An exhibit or the journal is damaged.
        """
        today, keys = datetime.now(UTC).date(), trail_keys(pilot.suite)
        found = {name: maker(name).present(pilot, dataset, request.agent) for name in self.rests_on}
        found = of_one_version(found, pilot)
        exhibits = {name: one for name, one in found.items() if isinstance(one, Exhibit)}
        version = next((one.about["agent"] for one in exhibits.values() if "agent" in one.about), None)
        about = {"records": dataset.digest, COMPLIANCE: _checklist_digest(pilot)}
        facts = {
            "agent": request.agent or _agent_of(exhibits),
            "as_of": (request.as_of or today).isoformat(),
            "rests_on": exhibit_digests(exhibits),
            "absent": {name: one for name, one in found.items() if isinstance(one, str)},
            "sealed_by": [key.line for key in keys],
            **facts_now(pilot),
        }
        about |= {} if version is None else {"agent": version}
        tables = tables_now(pilot, dataset, version or request.agent, keys)
        exhibit = Exhibit(COMPLIANCE, pilot.name, about, MadeBy.now(pilot.root), "", tables=tables, facts=facts)
        exhibit = _counted(exhibit, ground_now(exhibit, pilot, dataset, exhibits))
        if request.as_of in (None, today):
            exhibit.write(exhibit_folder(pilot, COMPLIANCE))
        return exhibit

    def present(self, pilot: Pilot, dataset: Dataset, agent: str | None) -> Exhibit | str:
        """Return the last report; compliance.yaml must be as it was.

        Raises
        ------
        RunError
            The file is damaged.
        """
        left = super().present(pilot, dataset, agent)
        if isinstance(left, str) or left.about.get(COMPLIANCE) == _checklist_digest(pilot):
            return left
        return f"{COMPLIANCE_FILE} changed since the last {self.title}; {self.remedy(pilot)}"

    def depends(self, inputs: Inputs, notebook: str, chosen: str | None) -> Mapping[str, Any]:
        """Return what else makes the notebook another one: the day, the checklist, signatures, the others' exhibits."""
        pilot = inputs.pilot
        named = [COMPLIANCE_FILE, *compliance_documents(pilot.suite)]
        signed = signature_files(pilot.suite, [COMPLIANCE_FILE]).values()
        folders = (exhibit_folder(pilot, name) for name in self.rests_on)
        files = files_at(pilot.root, *(pilot.suite / name for name in named), *signed, *folders)
        return {**inputs.everything(), "day": datetime.now(UTC).date().isoformat(), "files": files}

    def leaves(self, pilot: Pilot) -> Sequence[Path]:
        """Return the exhibit, and the report as a page and for other tools."""
        return (exhibit_folder(pilot, COMPLIANCE), *report_paths(pilot, None))

    def estimate(self, facts: Facts, metric: str, where: Mapping[str, str], level: float) -> Estimate:
        """Return a count."""
        return estimates_of_compliance(facts.exhibits[COMPLIANCE].tables[REQUIREMENTS])[metric]

    def subject(self, facts: Facts) -> Mapping[str, Any]:
        """Return the version that it is about."""
        exhibit = facts.exhibits[COMPLIANCE]
        known = {"agent_digest": exhibit.about.get("agent"), "agent": exhibit.facts["agent"]}
        return known if known["agent_digest"] else {}

    def judged(self, facts: Facts) -> str:
        """Return the version that it is about."""
        return str(facts.exhibits[COMPLIANCE].facts["agent"] or "")

    def again(self, exhibit: Exhibit, facts: Facts) -> Exhibit:
        """Return the exhibit with every standing derived again: from the others' exhibits, the trail, the signatures.

        Raises
        ------
        SignatureError
            compliance.yaml or the evidence is another one than it says, or a table does not follow.
        """
        if exhibit.about.get(COMPLIANCE) != _checklist_digest(facts.pilot):
            raise SignatureError(f"the compliance report was of another {COMPLIANCE_FILE}")
        changed = changed_evidence(exhibit, facts.exhibits)
        if changed:
            raise SignatureError("the compliance report rests on other evidence", got=shown(changed))
        again = _counted(exhibit, ground_again(exhibit, facts))
        for name, table in again.tables.items():
            stored = exhibit.tables.get(name)
            if stored is None or stored.astype(object).values.tolist() != table.astype(object).values.tolist():
                raise SignatureError("a table of the compliance report does not follow from its evidence", got=name)
        return again


def _checklist_digest(pilot: Agreed) -> str:
    path = pilot.suite / COMPLIANCE_FILE
    return document_digest(path) if path.is_file() else NO_FILE


def _agent_of(exhibits: Mapping[str, Exhibit]) -> str | None:
    """Return the name of the version that exhibits are of, None where none says it."""
    named = (one.facts.get("agent") or one.facts.get("holdout", {}).get("agent") for one in exhibits.values())
    return next((str(one) for one in named if one), None)


def _counted(exhibit: Exhibit, ground: ComplianceGround) -> Exhibit:
    """Return an exhibit with everything that follows from its ground and from what people signed."""
    judged = judged_requirements(ground)
    table = judged.tables[REQUIREMENTS]
    unsigned = (f"Nothing that people said counts: {judged.owner_fault}.",) if judged.owner_fault else ()
    looked_at = {name: exhibit.tables[name] for name in (SHOWN, PERSONAL)}
    return replace(
        exhibit,
        tables={**judged.tables, **looked_at, TRAIL: ground.trail},
        estimates=estimates_of_compliance(table),
        findings=compliance_findings(judged.tables),
        notes=(DISCLAIMER, *unsigned),
        facts={**exhibit.facts, "owner_fault": judged.owner_fault},
        answer=_answer(table, ground.today),
    )


def _answer(requirements: pd.DataFrame, day: date) -> str:
    """Return how many requirements are met or attested, one sentence of at most 40 words."""
    counts = standing_counts(requirements)
    n = len(requirements) - counts[Standing.NOT_APPLICABLE]
    held = counts[Standing.MET] + counts[Standing.ATTESTED]
    not_met = several(counts[Standing.NOT_MET], "is not met", "are not met")
    rest = f"{not_met}, {counts[Standing.NOT_EVIDENCED]:,} not evidenced"
    when = f"{day.day} {day:%B %Y}"
    return f"{held:,} of {n:,} applicable requirements are met or attested; {rest} (as of {when})."


MAKER = ComplianceMaker()
