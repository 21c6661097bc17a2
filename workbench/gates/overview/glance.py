"""What there is of a pilot by now, read from what runs and gates left; nothing is asked, run or opened.

What stands here is an index and proves nothing: a verdict is believed by `workbench verify` on its bundle.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.evidence import FINDINGS_FILE, VERDICT_FILE, audits_folder, latest_findings, read_findings
from workbench.gates import GATE_NUMBERS, read_gates
from workbench.metrics import Estimate
from workbench.pilot import NOT_PEOPLE, Pilot
from workbench.runs.journal import JOURNAL_FILE, Journal
from workbench.words import Brief

REPORT_FILE = "report.html"
MEASURED = ("accuracy", "automation_rate", "selective_accuracy")


@dataclass(frozen=True, slots=True)
class GateHeld:
    """A gate and its newest verdict; None where it was not held yet.

    `link` is its report, from the pilot's runs; `played` says that no people decided, where none did.
    """

    number: int
    title: str
    verdict: str | None = None
    lead: str = ""
    day: str = ""
    link: str = ""
    criteria: tuple[Mapping[str, Any], ...] = ()
    earlier: int = 0
    played: str = ""


@dataclass(frozen=True, slots=True)
class VersionRun:
    """What a version was measured at when a split was last evaluated, and when it was first asked."""

    agent: str
    note: str
    split: str
    first: str
    n: int
    of: int
    estimates: Mapping[str, Estimate]

    @property
    def is_trial(self) -> bool:
        """Whether it was asked about a part of the records only."""
        return self.n < self.of


@dataclass(frozen=True, slots=True)
class AuditFindings:
    """The findings of the newest audit, and those of earlier audits that are no more."""

    run: str
    open: tuple[Mapping[str, Any], ...]
    mended: tuple[Mapping[str, Any], ...]
    link: str


def gates_held(pilot: Pilot) -> tuple[GateHeld, ...]:
    """Return the gates with their newest verdicts. Raises InputError where gates.yaml does not fit."""
    settings = read_gates(pilot).gates
    return tuple(_gate(pilot, number, settings[number].title) for number in GATE_NUMBERS if number in settings)


def _gate(pilot: Pilot, number: int, title: str) -> GateHeld:
    folder = pilot.root / "mlruns" / "evidence" / pilot.name / f"gate-{number}"
    bundles = sorted(path.parent for path in folder.glob(f"[!.]*/{VERDICT_FILE}"))
    if not bundles:
        return GateHeld(number, title)
    said = json.loads((bundles[-1] / VERDICT_FILE).read_text(encoding="utf-8"))
    stamp = bundles[-1].name
    return GateHeld(
        number,
        title,
        said["verdict"],
        Brief.read(said.get("answer", "")).lead.removeprefix(f"{said['verdict']} at gate {number} "),
        f"{stamp[:4]}-{stamp[4:6]}-{stamp[6:8]}",
        f"../evidence/{pilot.name}/gate-{number}/{stamp}/{REPORT_FILE}",
        tuple(said["criteria"]),
        len(bundles) - 1,
        next((one for one in said.get("remarks", ()) if NOT_PEOPLE in one), ""),
    )


def versions_run(pilot: Pilot) -> tuple[VersionRun, ...]:
    """Return the versions whose evaluations were written, the one that was asked first at the top."""
    first = _first_asked(pilot)
    newest: dict[tuple[str, str], tuple[float, VersionRun]] = {}
    for path in sorted((pilot.runs / "results").glob("*/*.json")):
        found = _version(path, first)
        if found is None:
            continue
        key, written = (found.agent, found.split), path.stat().st_mtime
        if key not in newest or newest[key][0] < written:
            newest[key] = written, found
    return tuple(sorted((one for _, one in newest.values()), key=lambda one: (one.split, one.first, one.agent)))


def _first_asked(pilot: Pilot) -> dict[tuple[str, str], str]:
    """Return when each version was first asked about a split, by its digest."""
    path, first = pilot.runs / JOURNAL_FILE, dict[tuple[str, str], str]()
    if path.is_file():
        with Journal(path) as journal:
            for entry in journal.entries():
                key = entry.agent_digest, entry.split
                first[key] = min(first.get(key, entry.started), entry.started)
    return first


def _version(path: Path, first: Mapping[tuple[str, str], str]) -> VersionRun | None:
    """Return what a file of results says of a version, None where it is no evaluation."""
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        estimates = {name: Estimate(**said["estimates"][name]) for name in MEASURED}
        started = first.get((said["agent_digest"], said["split"]), "")
        counts = said["counts"]["planned"], said["records_in_split"]
        return VersionRun(said["agent"], said["note"], said["split"], started, *counts, estimates)
    except (ValueError, KeyError, TypeError):
        return None


def audit_findings(pilot: Pilot) -> AuditFindings | None:
    """Return what the newest audit found, None without one. Raises InputError where its findings are damaged."""
    latest = latest_findings(pilot)
    if latest is None:
        return None
    run, now = str(latest["run"]), {one["id"]: one for one in latest["findings"]}
    gone = {one["id"]: one for found in _earlier(pilot, run) for one in found["findings"] if one["id"] not in now}
    return AuditFindings(run, tuple(now.values()), tuple(gone.values()), f"audit/{run}/report.html")


def _earlier(pilot: Pilot, run: str) -> Iterator[Mapping[str, Any]]:
    for path in sorted(audits_folder(pilot).glob(f"*/{FINDINGS_FILE}")):
        if path.parent.name < run:
            yield read_findings(path)
