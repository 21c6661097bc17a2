"""The index page of a pilot: its KPIs, gates, versions over time, findings, and where everything lies."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from workbench.evidence import index_path
from workbench.files import write_atomically
from workbench.gates.overview.glance import MEASURED, GateHeld, VersionRun, audit_findings, gates_held, versions_run
from workbench.metrics import Estimate, estimate_text, target_text, title_of
from workbench.pages import CharterDocument, framed
from workbench.pilot import Pilot, assessment_of
from workbench.pilot.charter import charter_gaps, charter_signatures
from workbench.words import InputError, templates_in

CHARTER_PAGE = "charter.html"
TEMPLATES = Path(__file__).parent / "templates"
WIDTH = 200.0


@dataclass(frozen=True, slots=True)
class KpiLine:
    """A KPI beside the newest verdict on it; empty where no gate looked at it yet."""

    title: str
    id: str
    wanted: str
    found: str
    state: str
    gate: str


@dataclass(frozen=True, slots=True)
class VersionLine:
    """A version with its numbers as text, and where its accuracy and its interval stand in a picture of 200 units."""

    run: VersionRun
    texts: tuple[str, ...]
    place: tuple[float, float, float] | None


def write_index(pilot: Pilot) -> Path:
    """Write a pilot's index page and its charter as a page, and return the index.

    Raises
    ------
    InputError
        A file of what was agreed does not fit, or a file of results is damaged.
    """
    document = CharterDocument(
        pilot.settings.title,
        pilot.charter,
        charter_signatures(pilot.suite, pilot.charter),
        charter_gaps(pilot.charter, pilot.contract, pilot.suite),
        datetime.now(UTC).date(),
        assessment_of(pilot.charter, pilot.suite),
    )
    write_atomically(pilot.runs / CHARTER_PAGE, document.html())
    path = index_path(pilot)
    write_atomically(path, index_page(pilot, is_signed=document.signatures.is_complete))
    return path


def index_page(pilot: Pilot, *, is_signed: bool) -> str:
    """Return the index page; every link is relative to the pilot's folder of runs."""
    versions = versions_run(pilot)
    try:
        gates, fault = gates_held(pilot), ""
    except InputError as error:  # what a gate will refuse is no reason to show nothing
        gates, fault = (), error.problem
    body = templates_in(TEMPLATES).get_template("index.html.j2").render(
        pilot=pilot,
        is_signed=is_signed,
        charter_page=CHARTER_PAGE,
        gates=gates,
        fault=fault,
        kpis=list(_kpis(pilot, gates)),
        columns=[title_of(name) for name in MEASURED],
        splits={split: _lines([one for one in versions if one.split == split]) for split in ("dev", "holdout")},
        findings=audit_findings(pilot),
        notebooks=sorted(path.name for path in (pilot.runs / "notebooks").glob("*.html")),
        records=sorted(path.name for path in (pilot.runs / "results" / "records").glob("*.html")),
        width=WIDTH,
    )  # fmt: skip
    style = (TEMPLATES / "index.css").read_text(encoding="utf-8")
    return framed(f"{pilot.settings.title}: at a glance", body, f"Pilot {pilot.name}.", style=style)


def _kpis(pilot: Pilot, gates: tuple[GateHeld, ...]) -> Iterator[KpiLine]:
    """Yield each KPI of the charter with what the last gate that looked at it says."""
    held = {
        (one["name"], one["target"]): (one, gate) for gate in gates for one in gate.criteria if one["kind"] == "kpi"
    }
    for kpi in pilot.charter.kpis:
        wanted = f"{kpi.operator.words} {target_text(kpi.metric, kpi.target)}{kpi.mark}"
        found, gate = held.get((kpi.metric, kpi.target), (None, None))
        said = _found(kpi.metric, found)
        state, where = (
            ("", "") if found is None or gate is None else (found["state"], f"gate {gate.number}, {gate.day}")
        )
        yield KpiLine(title_of(kpi.metric), kpi.id, wanted, said, state, where)


def _found(metric: str, criterion: Mapping[str, Any] | None) -> str:
    if criterion is None or criterion["estimate"] is None:
        return ""
    return estimate_text(metric, Estimate(**criterion["estimate"]))


def _lines(versions: list[VersionRun]) -> list[VersionLine]:
    """Return versions with their pictures, all on one scale."""
    right = [one.estimates["accuracy"] for one in versions]
    ends = [bound for one in right for bound in (one.lower, one.upper) if bound is not None]
    low, high = min(ends, default=0.0), max(ends, default=1.0)
    scale = WIDTH / (high - low) if high > low else WIDTH
    lines = []
    for version, accuracy in zip(versions, right, strict=True):
        bounds = (accuracy.lower, accuracy.value, accuracy.upper)
        place = None
        if None not in bounds:
            a, b, c = (round((float(bound or 0.0) - low) * scale, 1) for bound in bounds)
            place = a, b, c
        lines.append(VersionLine(version, tuple(_text(name, version) for name in MEASURED), place))
    return lines


def _text(metric: str, version: VersionRun) -> str:
    estimate = version.estimates[metric]
    if estimate.value is None and metric != "accuracy":
        return "none alone"
    return estimate_text(metric, estimate)
