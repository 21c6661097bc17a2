"""What was agreed, as it goes into a bundle: charter, what its signatures cover, contract, documents, signatures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from workbench.files import Settings, read_settings
from workbench.pilot import (
    ACCEPTANCE_FILE,
    COMPLIANCE_FILE,
    CONTRACT_FILE,
    TRIAGE_FILE,
    Contract,
    OpeningTerms,
    Pilot,
    Price,
    compliance_documents,
)
from workbench.pilot.charter import CHARTER_FILE, GATES_FILE, PILOT_FILE, Charter, covered_files, judged_settings_file
from workbench.pilot.signing import signature_files


class JudgedSettings(Settings):
    """The settings of a pilot.yaml that a verdict depends on, as a bundle holds them."""

    escalate_label: str | None = None
    prices: dict[str, Price] | None = None
    max_failed_share: float | None = None
    evaluation: OpeningTerms = OpeningTerms()


@dataclass(frozen=True, slots=True)
class BundledSettings:
    """What a bundle knows of a pilot's settings."""

    title: str
    escalate_label: str | None
    prices: Mapping[str, Price] = field(default_factory=dict)
    evaluation: OpeningTerms = field(default_factory=OpeningTerms)


@dataclass(frozen=True, slots=True)
class BundledPilot:
    """What a bundle holds of what was agreed; see `workbench.gates.facts.Agreed`."""

    name: str
    suite: Path
    charter: Charter
    contract: Contract
    settings: BundledSettings


def agreement_files(pilot: Pilot, documents: Sequence[str] = ()) -> dict[str, Path | bytes]:
    """Return charter, covered files, contract and documents with all their signatures, by their paths in a bundle.

    compliance.yaml and the documents that it names, acceptance.yaml and triage.yaml are always among them.

    Of pilot.yaml only the settings that signatures cover go in.
    """
    checklist = [COMPLIANCE_FILE, *compliance_documents(pilot.suite)]
    tried = [ACCEPTANCE_FILE, TRIAGE_FILE]
    named = list(dict.fromkeys([CHARTER_FILE, GATES_FILE, *checklist, *tried, *documents]))
    there = {name: pilot.suite / name for name in named if (pilot.suite / name).is_file()}
    covered: dict[str, Path | bytes] = dict(covered_files(pilot.suite))
    if PILOT_FILE in covered:
        covered[PILOT_FILE] = judged_settings_file(pilot.suite / PILOT_FILE)
    signatures = signature_files(pilot.suite, list(there))
    return {CONTRACT_FILE: pilot.data / CONTRACT_FILE, **there, **covered, **signatures}


def bundled_pilot(folder: Path, name: str, title: str) -> BundledPilot:
    """Return what a bundle says was agreed. Raises InputError when a file of it is missing or does not fit."""
    judged = read_settings(folder / PILOT_FILE, JudgedSettings)
    return BundledPilot(
        name,
        folder,
        read_settings(folder / CHARTER_FILE, Charter),
        read_settings(folder / CONTRACT_FILE, Contract),
        BundledSettings(title, judged.escalate_label, judged.prices or {}, judged.evaluation),
    )
