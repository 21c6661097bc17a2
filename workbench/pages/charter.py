"""The charter as a document of a few pages, in HTML (one file, no script, no request) and in Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from workbench.metrics import CATALOGUE, Operator, value_text
from workbench.pages.frame import framed
from workbench.pilot.charter import (
    Charter,
    Compliance,
    Gap,
    Keys,
    Kpi,
    Match,
    covered_names,
    one_key_for_several,
    shared_keys_note,
)
from workbench.pilot.regulations import obligation
from workbench.pilot.signing import SignatureStatus
from workbench.words import number, templates_in

NOT_SAID = "not said yet"

STYLE = """.state { display: inline-block; border: 2px solid var(--ink); padding: .1rem .6rem; font-weight: 600 }
.open { border-style: dashed }"""


@dataclass(frozen=True, slots=True)
class Grid:
    """A table of text."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Chapter:
    """One heading with what stands under it: paragraphs, then lists by their title, then tables."""

    title: str
    paragraphs: tuple[str, ...] = ()
    lists: tuple[tuple[str, tuple[str, ...]], ...] = ()
    grids: tuple[Grid, ...] = ()


@dataclass(frozen=True, slots=True)
class CharterDocument:
    """A charter with everything that is said of it on its document.

    Parameters
    ----------
    day : date
        The day of the document; the law's dates are as they stood on it.
    assessment : Compliance
        The pre-assessment, from wherever it stands.
    """

    title: str
    charter: Charter
    signatures: SignatureStatus
    gaps: tuple[Gap, ...]
    day: date
    assessment: Compliance

    def sections(self) -> tuple[Chapter, ...]:
        """Return the document's sections in order."""
        charter, names = self.charter, {one.role: one.name for one in self.charter.stakeholders}
        return (
            Chapter("Process and scope", (charter.process,), _scope(charter)),
            Chapter("KPIs", (_KPI_NOTE,), grids=(_kpis(charter.kpis),)),
            Chapter("People", (_owner(charter), _KEYS_NOTES[charter.keys]), grids=(_people(charter),)),
            Chapter("Data access and infrastructure", grids=(_access(charter), _infrastructure(charter))),
            Chapter("Compliance pre-assessment", (_COMPLIANCE_NOTE,), grids=(self._compliance(),)),
            Chapter("Risks", grids=(_risks(charter),)),
            Chapter("What always goes to a person", (_LIMIT_NOTE,), grids=(_high_risk(charter), _authority(charter))),
            Chapter("What a certificate assumes", (_dependence_note(charter),)),
            Chapter("Volume, latency and cost", grids=(_expectations(charter),)),
            Chapter("Open points", (_open_note(self.gaps),), grids=gaps_grid(self.gaps)),
            Chapter("Signatures", self._signature_notes(), grids=(signatures_grid(self.signatures, names),)),
        )

    def html(self) -> str:
        """Return the document as one HTML page."""
        body = templates_in(Path(__file__).parent / "templates").get_template("charter.html.j2").render(**self._said())
        return framed(f"Charter: {self.title}", body, style=STYLE)

    def markdown(self) -> str:
        """Return the document as Markdown."""
        return templates_in(Path(__file__).parent / "templates").get_template("charter.md.j2").render(**self._said())

    def _said(self) -> dict[str, object]:
        return {
            "title": self.title,
            "day": self.day.isoformat(),
            "digest": self.signatures.digest,
            "is_signed": self.signatures.is_complete,
            "sections": self.sections(),
        }

    def _signature_notes(self) -> tuple[str, ...]:
        covers = f"A signature covers {covered_names(self.signatures.covers)}."
        shared = one_key_for_several(self.charter, self.signatures)
        keys = f"{shared}, so no gate can be GO" if shared else shared_keys_note(self.charter, self.signatures)
        if self.signatures.is_complete:
            said = "Every role that must has signed this content. Any edit of it takes all signatures back."
        else:
            said = "No signature, no start: no gate runs before every role below has signed this content."
        return (said, covers) if keys is None else (said, covers, f"{keys}.")

    def _compliance(self) -> Grid:
        said = self.assessment
        rows = []
        if said.dpia is not None:
            done = f"; done on {said.dpia.done_on}" if said.dpia.done_on else ""
            rows.append(("Impact assessment (GDPR Art. 35)", _spaced(said.dpia.need.value) + done, said.dpia.reason))
        if said.ai_act is not None:
            act = said.ai_act
            role = f", as {act.role.value}" if act.role is not None else ""
            rows.append(("EU AI Act", _spaced(act.risk_class.value) + role, act.reason))
            applies = obligation(act.risk_class, self.day)
            if applies is not None:
                what, version = applies
                when = f"{what.what}: from {what.applies_from}"
                rows.append(("EU AI Act, dates", when, f"as of {version.as_of}: {version.source}"))
        rules = "; ".join(said.industry_rules or ()) or ("none" if said.industry_rules == () else NOT_SAID)
        rows.append(("Rules of the industry", rules, ""))
        if said.audit_trail is not None:
            trail = said.audit_trail
            kept = f", {trail.retention_years:g} years" if trail.retention_years is not None else ""
            rows.append(("Audit trail", _spaced(trail.need.value) + kept, trail.reason))
        return Grid(("question", "answer", "why"), tuple(rows))


_KPI_NOTE = (
    "A gate asks that the whole confidence interval of a KPI lies on the good side of its target. What each metric "
    "counts is fixed in the catalogue of metrics."
)
_KEYS_NOTES = {
    Keys.DISTINCT: "Every role that must sign does so with a key of its own: with one key for two roles no gate is GO.",
    Keys.SHARED: "Several roles may sign with one key; where they do, every verdict says so.",
}
_COMPLIANCE_NOTE = "People decided these; nothing of it was computed. The law's dates are data with a version."
_LIMIT_NOTE = "Whatever the agent's confidence, these decisions are handed to a person."


def _scope(charter: Charter) -> tuple[tuple[str, tuple[str, ...]], ...]:
    return (
        ("In scope", charter.scope.included or (NOT_SAID,)),
        ("Out of scope", charter.scope.excluded or (NOT_SAID,)),
    )


def _kpis(kpis: Sequence[Kpi]) -> Grid:
    rows = []
    for kpi in kpis:
        side = "at least" if kpi.operator is Operator.AT_LEAST else "at most"
        within = NOT_SAID if kpi.measured_within_days is None else f"{kpi.measured_within_days} days"
        target = f"{side} {value_text(kpi.metric, kpi.target)}{kpi.mark}"
        rows.append((kpi.id, CATALOGUE[kpi.metric].definition, target, f"{kpi.confidence_level:.0%}", within, kpi.why))
    return Grid(("KPI", "what is counted", "target", "confidence", "measured within", "why"), tuple(rows))


def _owner(charter: Charter) -> str:
    if charter.owner is None:
        return f"Owner after go-live: {NOT_SAID}."
    unit = f", {charter.owner.unit}" if charter.owner.unit else ""
    return f"Owner after go-live: {charter.owner.name} ({charter.owner.role}{unit})."


def _people(charter: Charter) -> Grid:
    rows = [(one.role, one.name, one.unit, "must sign" if one.signs else "") for one in charter.stakeholders]
    return Grid(("role", "name", "unit", "signature"), tuple(rows))


def _access(charter: Charter) -> Grid:
    rows = [(one.source, one.status.value, one.owner, one.note) for one in charter.data_access]
    return Grid(("source", "access", "owner", "note"), tuple(rows))


def _infrastructure(charter: Charter) -> Grid:
    rows = []
    for name, title in (("gpu", "GPU"), ("storage", "storage"), ("network", "network"), ("ci_cd", "CI/CD")):
        part = getattr(charter.infrastructure, name)
        rows.append((title, NOT_SAID, "") if part is None else (title, _spaced(part.status.value), part.note))
    return Grid(("infrastructure", "status", "note"), tuple(rows))


def _risks(charter: Charter) -> Grid:
    rows = [
        (one.risk, one.likelihood.value, one.impact.value, one.mitigation, ", ".join(one.tested_by), one.owner)
        for one in charter.risks
    ]
    return Grid(("risk", "likelihood", "impact", "mitigation", "tested by", "owner"), tuple(rows))


def _high_risk(charter: Charter) -> Grid:
    rows = [(one.description, one.to or NOT_SAID, _when(one.when)) for one in charter.high_risk]
    return Grid(("category", "goes to", "known by"), tuple(rows))


def _authority(charter: Charter) -> Grid:
    rows = [
        (one.description, f"{number(one.at_most)} {one.unit}", one.to or NOT_SAID, one.column or _when(one.when))
        for one in charter.authority
    ]
    return Grid(("limit", "the agent alone up to", "above it", "known by"), tuple(rows))


def _dependence_note(charter: Charter) -> str:
    said = charter.dependence
    if said is None:
        return (
            "No bound of the correlation of errors is stated; development records give one where an entity is declared."
        )
    bound = f"Errors of one `{said.entity}` correlate by at most {number(said.correlation_at_most)}"
    return f"{bound}: {said.why}" if said.why else f"{bound}."


def _when(when: Match | None) -> str:
    return "" if when is None else f"{when.column}: {', '.join(when.values)}"


def _expectations(charter: Charter) -> Grid:
    volume, latency, costs = charter.volume, charter.latency, charter.costs
    growth = None if volume.growth_per_year is None else f"{volume.growth_per_year:+.0%}"
    money = costs.currency
    rows = (
        ("records a day", _said(volume.records_per_day)),
        ("records in the busiest hour", _said(volume.peak_per_hour)),
        ("growth a year", growth or NOT_SAID),
        ("seconds for 95 of 100 decisions", _said(latency.p95_s)),
        ("seconds for any decision", _said(latency.at_most_s)),
        ("cost of a wrong decision carried out alone", _said(costs.error, money)),
        ("cost of handing a decision to a person", _said(costs.escalation, money)),
        ("cost of a decision without any agent", _said(costs.manual, money)),
        ("cost of running the agent, a month", _said(costs.fixed_per_month, money)),
        ("time a person takes for a record without any agent", _said(costs.minutes_per_record, "minutes")),
        ("where the costs come from", costs.source or NOT_SAID),
    )
    return Grid(("expectation", "value"), rows)


def _said(value: float | None, unit: str = "") -> str:
    return NOT_SAID if value is None else f"{number(value)} {unit}".strip()


def _open_note(gaps: tuple[Gap, ...]) -> str:
    return f"{len(gaps)} points are missing or too vague." if gaps else "None: the charter is complete."


def gaps_grid(gaps: tuple[Gap, ...]) -> tuple[Grid, ...]:
    """Return open points as a table, none where there are none."""
    rows = tuple((gap.part, gap.problem, gap.remedy) for gap in gaps)
    return (Grid(("part", "problem", "what to do"), rows),) if rows else ()


def signatures_grid(status: SignatureStatus, names: Mapping[str, str]) -> Grid:
    """Return who has signed and who must still; `names` are those of the roles."""
    valid = {one.role: one for one in status.valid}
    rows = []
    for role in status.required:
        if role in valid:
            one = valid[role]
            rows.append((role, one.name, f"signed {one.signed_at}", one.key_id[:16]))
        else:
            rows.append((role, names.get(role, ""), status.invalid.get(role, "no signature"), ""))
    return Grid(("role", "name", "signature", "key"), tuple(rows))


def _spaced(text: str) -> str:
    return text.replace("_", " ")
