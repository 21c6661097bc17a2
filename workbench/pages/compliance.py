"""The compliance report as a page for data protection officer, lawyer and auditor: two clicks to a record."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from workbench.evidence import MAKERS, Exhibit, executed_path, maker
from workbench.pages.frame import framed
from workbench.pages.record_links import page_name
from workbench.pilot import Pilot
from workbench.words import several, templates_in

TEMPLATES = Path(__file__).parent / "templates"
REQUIREMENTS, EVIDENCE, RECORDS, OTHERS = "requirements", "evidence", "records", "others"  # tables of the exhibit
TRAIL, PERSONAL = "trail", "personal"
SIGNS = {
    "met": "✓ met",
    "attested": "✎ attested",
    "not met": "✗ not met",
    "not evidenced": "? not evidenced",
    "not applicable": "- not applicable",
}
SHOWN_FAULTS = 20


@dataclass(frozen=True, slots=True)
class EvidenceLink:
    """What a requirement rests on, with where it can be read; empty where there is no page of it."""

    text: str
    href: str


@dataclass(frozen=True, slots=True)
class ReportLine:
    """A requirement as the page shows it."""

    id: str
    anchor: str
    clause: str
    title: str
    since: str
    sign: str
    said: str
    evidence: tuple[EvidenceLink, ...]
    records: tuple[EvidenceLink, ...]
    settled: str
    would_show: str
    faults: str


@dataclass(frozen=True, slots=True)
class RegimeBar:
    """How many of a regime's requirements have each standing, with their share of the widest regime in percent."""

    title: str
    version: str
    source: str
    lines: tuple[ReportLine, ...]
    counts: tuple[tuple[str, int, float], ...]

    @property
    def said(self) -> str:
        """The counts in words."""
        return ", ".join(f"{n} {standing}" for standing, n, _ in self.counts)


def compliance_page(pilot: Pilot, exhibit: Exhibit, oscal: str) -> str:
    """Return the report as one HTML page that lies in the pilot's folder of runs; `oscal` is the file beside it."""
    body = templates_in(TEMPLATES).get_template("compliance.html.j2").render(
        title=pilot.settings.title,
        answer=exhibit.answer,
        notes=exhibit.notes,
        as_of=exhibit.facts["as_of"],
        agent=exhibit.facts["agent"],
        bars=_bars(pilot, exhibit),
        signs=SIGNS,
        counts=_counts(exhibit.tables[REQUIREMENTS]),
        others=exhibit.tables[OTHERS].to_dict("records"),
        trail=_trail(exhibit.tables[TRAIL]),
        faulty=_faulty(pilot, exhibit.tables[TRAIL]),
        personal=exhibit.tables[PERSONAL].to_dict("records"),
        oscal=oscal,
    )  # fmt: skip
    style = (TEMPLATES / "compliance.css").read_text(encoding="utf-8")
    return framed(f"Compliance: {pilot.settings.title}", body, f"Pilot {pilot.name}.", style=style)


def _counts(requirements: pd.DataFrame) -> list[tuple[str, int]]:
    """Return how many requirements have each standing, those that none has left out."""
    counts = [(one, int((requirements["standing"] == one).sum())) for one in SIGNS]
    return [(one, n) for one, n in counts if n]


def _bars(pilot: Pilot, exhibit: Exhibit) -> list[RegimeBar]:
    table = exhibit.tables[REQUIREMENTS]
    sizes = table.groupby("regime", sort=False).size()
    bars = []
    for title, rows in table.groupby("regime", sort=False):
        shares = tuple((one, n, 100 * n / int(sizes.max())) for one, n in _counts(rows))
        lines = tuple(_line(pilot, exhibit, row) for row in rows.to_dict("records"))
        bars.append(RegimeBar(str(title), str(rows["version"].iloc[0]), str(rows["source"].iloc[0]), lines, shares))
    return bars


def _line(pilot: Pilot, exhibit: Exhibit, row: Mapping[Hashable, str]) -> ReportLine:
    name, sign = row["requirement"], SIGNS[row["standing"]]
    evidence, records = (exhibit.tables[one] for one in (EVIDENCE, RECORDS))
    own = evidence[evidence["requirement"] == name]
    sources = zip(own["source"], own["part"], strict=True)
    links = tuple(_evidence(pilot, exhibit, source, part) for source, part in sources)
    failing = tuple(_record(pilot, one) for one in records.loc[records["requirement"] == name, "record_id"])
    return ReportLine(
        name, name.replace("/", "-"), row["clause"], row["title"], row["applies_from"], sign,
        row["said"], links, failing, row["settled"], row["would_show"], row["faults"],
    )  # fmt: skip


def _evidence(pilot: Pilot, exhibit: Exhibit, source: str, part: str) -> EvidenceLink:
    """Return what a requirement rests on with its page: a maker's notebook, a document, the trail below."""
    text = f"{source}: {part}" if part else source
    if source == exhibit.maker:  # what this report itself looked at
        return EvidenceLink(f"{part}, below", f"#{part}" if part in (TRAIL, PERSONAL) else "")
    if source in MAKERS:
        page = executed_path(pilot, maker(source).notebooks[0]).with_suffix(".html")
        return EvidenceLink(text, page.relative_to(pilot.runs).as_posix() if page.is_file() else "")
    if (pilot.suite / source).is_file():
        return EvidenceLink(f"{source}#{part}" if part else source, f"../../eval_suites/{pilot.name}/{source}")
    if (pilot.data / source).is_file():
        return EvidenceLink(text, f"../../datasets/{pilot.name}/{source}")
    return EvidenceLink(text, "")


def _record(pilot: Pilot, record_id: str) -> EvidenceLink:
    """Return a record with its page, where it has one."""
    path = Path("results") / "records" / page_name(record_id)
    return EvidenceLink(record_id, path.as_posix() if (pilot.runs / path).is_file() else "")


def _trail(trail: pd.DataFrame) -> Sequence[tuple[str, str]]:
    """Return by field in how many decisions it holds, of how many."""
    n = len(trail)
    return [(name, f"{int((trail[name] == '').sum()):,} of {n:,}") for name in _proved(trail)] if n else []


def _faulty(pilot: Pilot, trail: pd.DataFrame) -> Sequence[tuple[EvidenceLink, str]]:
    """Return the first decisions on which the trail does not hold, with what is wrong."""
    found = []
    for row in trail.to_dict("records"):
        wrong = [f"{name}: {row[name]}" for name in (*_proved(trail), "stored") if row[name]]
        if row["outcomes"] != 1:
            wrong.append(several(int(row["outcomes"]), "outcome"))
        if wrong:
            found.append((_record(pilot, str(row["record_id"])), "; ".join(wrong)))
        if len(found) == SHOWN_FAULTS:
            break
    return found


def _proved(trail: pd.DataFrame) -> list[str]:
    """Return the columns of the trail that say of each field, of the seal and of the order what is wrong."""
    names = list(trail.columns)
    return names[names.index("decided") + 1 : names.index("order") + 1]
