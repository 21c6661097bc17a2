"""The audit: every question answered, every finding ranked, in one object."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from workbench.audit.detectors.detection import Checked, Detection, detect
from workbench.audit.detectors.detector import kinds_about
from workbench.audit.findings import Concerns, DataFinding, Effort, Remedy, Severity, must_fix, ranked, with_owners
from workbench.audit.questions.completeness import completeness, missing_cells
from workbench.audit.questions.fitness import fitness
from workbench.audit.questions.labels import label_quality
from workbench.audit.questions.leakage import leakage
from workbench.audit.questions.privacy import MAX_SCANNED, personal_data
from workbench.audit.questions.quality import quality
from workbench.audit.questions.section import Section
from workbench.audit.questions.variation import variation
from workbench.audit.questions.volume import volume
from workbench.audit.table.alike import near_pairs
from workbench.audit.table.inferred import Beside
from workbench.audit.table.roles import completed_roles
from workbench.audit.table.rules import RuleResult, unlisted
from workbench.audit.table.subject import Subject, file_subject, pilot_subject
from workbench.pilot import Pilot, TableContract
from workbench.records.tables import KINDS, Hints, Semantic, open_table, table_from
from workbench.words import Brief, several

OnStep = Callable[[str], None]
STEPS = (
    "reading", "looking at cells", "completeness", "quality issues", "variation", "volume", "sample fitness",
    "near duplicates", "labels", "personal data", "leakage",
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Audit:
    """What an audit found.

    Parameters
    ----------
    subject : Subject
    detection : Detection
    sections : tuple of Section
        One for each question.
    findings : tuple of DataFinding
        Of all sections, by impact on the agent.
    created : datetime
        In UTC.
    """

    subject: Subject
    detection: Detection
    sections: tuple[Section, ...]
    findings: tuple[DataFinding, ...]
    created: datetime

    @property
    def run(self) -> str:
        """Name of the run: when, and of which records."""
        return f"{self.created:%Y%m%dT%H%M%SZ}-{self.subject.digest[:8]}"

    @property
    def first(self) -> tuple[DataFinding, ...]:
        """What must be fixed first."""
        return must_fix(self.findings)

    def section(self, name: str) -> Section:
        """Return a section by its id."""
        return next(section for section in self.sections if section.id == name)

    @property
    def checks(self) -> tuple[Checked, ...]:
        """What was checked, on every row or on a sample."""
        n = len(self.subject.frame)
        n_scanned = min(n, MAX_SCANNED)
        return (
            *self.detection.checks,
            Checked("completeness, variation, drift, volume", not self.subject.is_sampled, n),
            Checked("personal data", n_scanned == self.subject.n_rows, n_scanned),
        )

    @property
    def answer(self) -> str:
        """Whether an agent can be developed on the records, by which findings, and what to mend first."""
        severe = [one for one in self.findings if one.severity in (Severity.CRITICAL, Severity.HIGH)]
        critical = sum(one.severity is Severity.CRITICAL for one in severe)
        said = "Yes" if not severe else "No, not before something is fixed" if critical else "Yes, with reservations"
        counts = f"{several(len(self.findings), 'finding')}, {critical:,} critical and {len(severe) - critical:,} high"
        first = (f"{one.title} ({one.remedy.effort.value} of work)" for one in self.first)
        lead = f"{said}: {counts}, on {several(self.subject.n_rows, 'record')}."
        return str(Brief.of(lead, [("To be fixed first", first)]))

    def as_json(self) -> dict[str, Any]:
        """Return the content of findings.json."""
        return {
            "pilot": None if self.subject.pilot is None else self.subject.pilot.name,
            "subject": self.subject.name,
            "run": self.run,
            "dataset_digest": self.subject.digest,
            "n_records": self.subject.n_rows,
            "answer": self.answer,
            "must_fix": [one.id for one in self.first],
            "sections": {section.id: section.as_json() for section in self.sections},
            "findings": [finding.as_json() for finding in self.findings],
            "checks": [{"name": one.name, "is_exact": one.is_exact, "n_rows": one.n_rows} for one in self.checks],
            "created": self.created.isoformat(timespec="seconds"),
        }


def audit_pilot(
    pilot: Pilot,
    owners: Mapping[str, str] | None = None,
    on_step: OnStep | None = None,
    named: frozenset[str] | None = None,
) -> Audit:
    """Return the audit of a pilot's records.

    Parameters
    ----------
    pilot : Pilot
    owners : mapping, optional
        Who mends what, by a finding's id or kind.
    on_step : callable, optional
        Called with the name of each step before it begins.
    named : frozenset of str, optional
        The columns that the pilot's prompts name (`workbench.agents.prompts.columns_named`); without them every column
        that an agent may see counts as sent to a model.

    Raises
    ------
    InputError
        The records are not there or are no table.
    """
    step = on_step or _silent
    step("reading")
    subject = pilot_subject(pilot, named)
    step("looking at cells")
    with table_from(subject.frame) as table:
        detection = detect(table, subject.declared, Beside(pilot.data, _other_tables(pilot)))
    subject = replace(subject, roles=completed_roles(subject.roles, detection.columns))
    return _assessed(subject, detection, owners or {}, step)


def audit_file(
    path: Path, contract: TableContract | None = None, hints: Hints | None = None, on_step: OnStep | None = None
) -> Audit:
    """Return the audit of any table in a file, without a pilot or label.

    Parameters
    ----------
    path : Path
    contract : TableContract, optional
        What is agreed about the table, and how the file is read.
    hints : Hints, optional
        What is known about how cells are written, for columns that do not tell.
    on_step : callable, optional
        Called with the name of each step before it begins.

    Raises
    ------
    InputError
        The file is missing, empty, binary, ragged, or names a column twice, or the contract names one it does not have.
    """
    step = on_step or _silent
    step("reading")
    with open_table(path, None if contract is None else contract.reading) as table:
        step("looking at cells")
        detection = detect(table, contract, Beside(path.parent), hints)
        subject = file_subject(path, table, detection.columns, detection.roles, contract)
    return _assessed(subject, detection, {}, step)


def _other_tables(pilot: Pilot) -> tuple[Path, ...]:
    """Return the tables beside a pilot's records that are no records."""
    records = set(pilot.contract.records)
    return tuple(
        path for path in sorted(pilot.data.iterdir()) if path.suffix.lower() in KINDS and path.name not in records
    )


def _assessed(subject: Subject, detection: Detection, owners: Mapping[str, str], step: OnStep) -> Audit:
    """Return the audit once the cells were looked at."""
    cells = subject.masking.reasons(detection.cells)
    detection = replace(detection, cells=cells)
    step("completeness")
    missing = missing_cells(subject, cells)
    sections = [completeness(subject, cells, missing)]
    step("quality issues")
    sections.append(quality(subject, cells, unlisted(_as_shown(subject, detection.rules))))
    step("variation")
    moving = [one.name for one in detection.columns if one.is_moment or one.is_key or one.semantic is Semantic.ID]
    sections.append(variation(subject, _faults(subject, cells, missing), moving))
    step("volume")
    sections.append(volume(subject))
    step("sample fitness")
    sections.append(fitness(subject))
    step("near duplicates")
    pairs = near_pairs(subject) if subject.labels is not None else _no_pairs()
    step("labels")
    sections.append(label_quality(subject, pairs))
    step("personal data")
    sections.append(personal_data(subject))
    step("leakage")
    sections.append(leakage(subject, pairs))
    found = [finding for section in sections for finding in section.findings]
    findings = with_owners(ranked([*_refused(subject), *found]), owners)
    return Audit(subject, detection, tuple(sections), findings, datetime.now(UTC))


def _as_shown(subject: Subject, rules: Sequence[RuleResult]) -> tuple[RuleResult, ...]:
    """Return rules whose reasons quote nothing that is masked."""
    return tuple(
        replace(one, rule=replace(one.rule, reason=subject.masking.reason(*named, one.rule.reason)))
        for one in rules
        for named in [(one.rule.names[-1], one.rule.cell_kind.id)]
    )


def _faults(subject: Subject, cells: pd.DataFrame, missing: pd.DataFrame) -> pd.DataFrame:
    """Return what can be worse in a slice, by record."""
    flagged = subject.frame.index.isin(cells.loc[~cells["kind"].isin(kinds_about(Concerns.GAP)), "row"])
    required = [name for name in subject.roles.required if name in missing.columns]
    faults = {"have a flagged cell": flagged, "lack a required field": missing[required].any(axis="columns").to_numpy()}
    return pd.DataFrame(faults, index=subject.frame.index)


def _refused(subject: Subject) -> Sequence[DataFinding]:
    """Return the finding that records do not fit their contract."""
    if subject.refused is None:
        return ()
    return (
        DataFinding(
            "contract_broken",
            "The records do not fit their contract, so no run can start",
            (),
            subject.rows,
            len(subject.frame),
            Severity.CRITICAL,
            subject.masking.message(" ".join(str(subject.refused).split()))[:600],
            "nothing can be decided on these records",
            Remedy("correct the records, or the contract if it is wrong", Effort.HOURS, "the records can be read"),
        ),
    )


def _no_pairs() -> pd.DataFrame:
    return pd.DataFrame({name: pd.Series(dtype=float) for name in ("first", "second", "similarity")})


def _silent(_: str) -> None:
    return
