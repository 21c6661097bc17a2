"""What was agreed, as it goes into a bundle: charter, contract, split, pilot, gates, documents, signatures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from workbench.charter import CHARTER_FILE, Charter
from workbench.configuration import read_settings
from workbench.contract import CONTRACT_FILE, Contract
from workbench.gates.schema import GATES_FILE
from workbench.pilot import PILOT_FILE, Pilot, PilotSettings
from workbench.signing.documents import signature_files
from workbench.splits import SPLITS_FILE


@dataclass(frozen=True, slots=True)
class BundledPilot:
    """What a bundle holds of what was agreed; see `workbench.gates.facts.Agreed`."""

    name: str
    suite: Path
    charter: Charter
    contract: Contract
    settings: PilotSettings


def agreement_files(pilot: Pilot, documents: Sequence[str] = ()) -> dict[str, Path]:
    """Return what was agreed of a pilot, its documents and all their signatures, by their paths in a bundle."""
    named = list(dict.fromkeys([CHARTER_FILE, GATES_FILE, PILOT_FILE, *documents]))
    there = {name: pilot.suite / name for name in named if (pilot.suite / name).is_file()}
    data = {name: pilot.data / name for name in (CONTRACT_FILE, SPLITS_FILE) if (pilot.data / name).is_file()}
    return {**data, **there, **signature_files(pilot.suite, list(there))}


def bundled_pilot(folder: Path, name: str) -> BundledPilot:
    """Return what a bundle says was agreed. Raises InputError when a file of it is missing or does not fit."""
    return BundledPilot(
        name,
        folder,
        read_settings(folder / CHARTER_FILE, Charter),
        read_settings(folder / CONTRACT_FILE, Contract),
        read_settings(folder / PILOT_FILE, PilotSettings),
    )
