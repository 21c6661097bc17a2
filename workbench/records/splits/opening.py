"""Opening the holdout: what an opening is of, and where the ledger is."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from workbench.files import Provenance, read_settings
from workbench.pilot import Contract, Pilot
from workbench.pilot.charter import SPLITS_FILE, Charter
from workbench.pilot.signing import SigningKey
from workbench.records.ledger import (
    LEDGER_FILE,
    Opening,
    OpeningSubject,
    Purpose,
    Seen,
    Sight,
    append_opening,
    check_continues,
    decided_digest,
    known_opening,
    read_ledger,
    rows_root,
)
from workbench.records.splits.dataset import Dataset
from workbench.records.splits.draw import SplitSettings

JUDGED_BY = {"kpis", "high_risk", "authority", "dependence"}  # parts of the charter


def open_holdout(
    pilot: Pilot, dataset: Dataset, asked: tuple[Purpose, pd.DataFrame], by: tuple[Provenance, Callable[[], SigningKey]]
) -> tuple[pd.DataFrame, Opening]:
    """Return labels and strata of decided holdout records; the opening is on the ledger before they are handed out.

    Parameters
    ----------
    pilot : Pilot
    dataset : Dataset
    asked : (Purpose, DataFrame)
        Which version is to be judged, and its decisions: their digest goes on the ledger with the opening.
    by : (Provenance, callable)
        Who opens, and what gives the key that signs the entry.

    Returns
    -------
    pd.DataFrame, Opening
        Columns `label`, `label_reason` where the contract has one, and the strata; index: record id.
    """
    purpose, decisions = asked
    truth, sight = _sight(pilot, dataset, decisions)
    path = ledger_path(pilot)
    check_continues(path, evidence_folder(pilot))
    return truth, append_opening(path, (purpose, sight), by, other_ledgers(pilot))


def opened_before(
    pilot: Pilot, dataset: Dataset, asked: tuple[Purpose, pd.DataFrame]
) -> tuple[pd.DataFrame, Opening] | None:
    """Return labels, strata and opening as `open_holdout` gave them for exactly these decisions; None if it never did.

    Nothing is opened.
    """
    purpose, decisions = asked
    openings = read_ledger(ledger_path(pilot))
    if not any(one.purpose.agent_digest == purpose.agent_digest for one in openings):
        return None
    truth, sight = _sight(pilot, dataset, decisions)
    known = known_opening(openings, purpose, sight)
    return None if known is None else (truth, known)


def was_opened(pilot: Pilot, dataset: Dataset, agent_digest: str, n_records: int) -> bool:
    """Return whether a version was opened before on so many of the present records, for what is agreed now.

    Nothing is opened, and no label leaves this function.
    """
    split = read_settings(pilot.data / SPLITS_FILE, SplitSettings)
    subject = subject_from(dataset.contract, pilot.charter, pilot.settings.escalate_label, split)
    asked = agent_digest, dataset.digest, n_records, subject
    return any(
        (one.purpose.agent_digest, one.purpose.dataset_digest, one.purpose.n_records, one.subject) == asked
        for one in read_ledger(ledger_path(pilot))
    )


def ledger_path(pilot: Pilot) -> Path:
    """Return where a pilot's holdout ledger is."""
    return pilot.data / LEDGER_FILE


def other_ledgers(pilot: Pilot) -> tuple[Path, ...]:
    """Return every other ledger under the root, this pilot's own of before entries were signed among them."""
    own = ledger_path(pilot)
    others = [path for path in sorted((pilot.root / "datasets").glob(f"*/{LEDGER_FILE}")) if path != own]
    return (*others, *sorted((pilot.root / "mlruns").glob(f"*/{LEDGER_FILE}")))


def evidence_folder(pilot: Pilot) -> Path:
    """Return where the bundles of a pilot's gates are."""
    return pilot.root / "mlruns" / "evidence" / pilot.name


def holdout_seen(pilot: Pilot, dataset: Dataset) -> Seen:
    """Return the holdout records of today as the ledger knows them, for a budget; no label leaves this function."""
    split = read_settings(pilot.data / SPLITS_FILE, SplitSettings)
    subject = subject_from(dataset.contract, pilot.charter, pilot.settings.escalate_label, split)
    return Seen(dataset._opened(), subject.split)


def subject_from(
    contract: Contract, charter: Charter, escalate_label: str | None, split: SplitSettings
) -> OpeningSubject:
    """Return what an opening is of besides version and records."""
    roles = {name: column.role.value for name, column in contract.columns.items()}
    targets = charter.model_dump(mode="json", include=JUDGED_BY, exclude_defaults=True)
    drawn = split.model_dump(mode="json", exclude_defaults=True)
    return OpeningSubject(_digest(roles), _digest(targets), _digest(escalate_label), _digest(drawn))


def _sight(pilot: Pilot, dataset: Dataset, decisions: pd.DataFrame) -> tuple[pd.DataFrame, Sight]:
    """Return labels and strata of decided records, and what an opening for these decisions shows."""
    truth = dataset._labels(decisions.index).join(dataset.strata(decisions.index))
    split = read_settings(pilot.data / SPLITS_FILE, SplitSettings)
    sight = Sight(
        pilot.name,
        dataset._opened(),
        subject_from(dataset.contract, pilot.charter, pilot.settings.escalate_label, split),
        rows_root(decisions),
        rows_root(truth.rename_axis("record_id").reset_index()),
        decided_digest(decisions),
        split.words,
    )
    return truth, sight


def _digest(content: object) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True, ensure_ascii=False).encode()).hexdigest()
