"""Every requirement with its standing on a day: computed where it can be, else attested, never met by default."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from workbench.compliance.attested import SignedChecklist, attested_standing, signed_checklist
from workbench.compliance.computed import COMPUTATIONS
from workbench.compliance.requirement import ComplianceGround, Computed, Standing
from workbench.pilot import COMPLIANCE_FILE, ChecklistLine, checklist_of, read_compliance

REQUIREMENTS, OTHERS, EVIDENCE, RECORDS = "requirements", "others", "evidence", "records"
Rows = list[tuple[str, ...]]
COLUMNS = (
    "requirement", "regime", "clause", "title", "version", "source", "applies_from", "kind", "standing", "said",
    "would_show", "settled", "faults",
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class JudgedRequirements:
    """Every requirement with its standing, as tables.

    Parameters
    ----------
    tables : mapping of DataFrame
        `requirements`: those that apply, in the catalogue's order, with their standing and where the checklist settled
        them; `others`: those that do not and why; `evidence`: what each rests on; `records`: decisions each fails on.
    owner_fault : str
        Why nothing that people said counts; empty where the owner signed the checklist.
    """

    tables: Mapping[str, pd.DataFrame]
    owner_fault: str


def judged_requirements(ground: ComplianceGround) -> JudgedRequirements:
    """Return the standing of every requirement that applies to a pilot as of the ground's day.

    Raises
    ------
    InputError
        compliance.yaml does not fit.
    """
    settings = read_compliance(ground.pilot.suite)
    signed = signed_checklist(ground.pilot, settings)
    rows: Rows = []
    others: Rows = []
    evidence: Rows = []
    records: Rows = []
    computed: dict[str, Computed] = {}
    for line in checklist_of(ground.pilot.suite, settings, ground.today):
        one, dated = line.dated.requirement, line.dated
        if not dated.applies:
            begins = dated.applies_from.isoformat()
            others.append((one.id, dated.regime.title, one.clause, one.title, begins, dated.why_not))
            continue
        found = _standing(ground, line, signed, computed)
        kind = "attested" if one.computed is None else "computed"
        settled = "; ".join(line.answer.where) if line.answer is not None else ""
        rows.append(
            (
                one.id, dated.regime.title, one.clause, one.title, dated.version.version, dated.version.source,
                dated.applies_from.isoformat(), kind, found.standing.value, found.said, one.evidence, settled,
                "; ".join(line.faults),
            )
        )  # fmt: skip
        evidence += [(one.id, source, part) for source, part in found.evidence]
        records += [(one.id, record) for record in found.records]
    tables = {
        REQUIREMENTS: _table(rows, COLUMNS),
        OTHERS: _table(others, ("requirement", "regime", "clause", "title", "applies_from", "why_not")),
        EVIDENCE: _table(evidence, ("requirement", "source", "part")),
        RECORDS: _table(records, ("requirement", "record_id")),
    }
    return JudgedRequirements(tables, signed.owner_fault)


def _standing(
    ground: ComplianceGround, line: ChecklistLine, signed: SignedChecklist, computed: dict[str, Computed]
) -> Computed:
    """Return the standing of one requirement; what several rest on is computed once."""
    reason = None if line.answer is None else line.answer.not_applicable
    if reason is not None:
        if signed.owner_fault:
            return Computed(Standing.NOT_EVIDENCED, f"said not to apply, but {signed.owner_fault}")
        return Computed(Standing.NOT_APPLICABLE, reason, ((COMPLIANCE_FILE, "requirements"),))
    name = line.dated.requirement.computed
    if name is None:
        return attested_standing(None if line.answer is None else line.answer.attested, signed, ground.today)
    if name not in computed:
        computed[name] = COMPUTATIONS[name](ground)
    return computed[name]


def _table(rows: Rows, columns: tuple[str, ...]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=list(columns), dtype=object)
