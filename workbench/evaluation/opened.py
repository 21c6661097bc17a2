"""Whether decisions, labels and what was agreed in a bundle are those that an opening of the holdout was of."""

from __future__ import annotations

from pathlib import Path

from workbench.evaluation.recomputed import RecordedEvaluation
from workbench.evidence import JudgedSettings
from workbench.files import read_settings
from workbench.pilot import CONTRACT_FILE, Contract
from workbench.pilot.charter import CHARTER_FILE, PILOT_FILE, SPLITS_FILE, Charter
from workbench.records.ledger import Opening, OpeningSubject, rows_root
from workbench.records.splits import SplitSettings, subject_from
from workbench.words import SignatureError

ID = "record_id"
TRUTH = ("label", "label_reason", "class", "source", "entity", "timestamp")


def check_opening(folder: Path, recorded: RecordedEvaluation, opening: Opening) -> None:
    """Hold an evaluation on the holdout against the opening that it rests on.

    Raises
    ------
    SignatureError
        The opening is of another version, other records, other decisions or labels, or something else was agreed then.
    """
    content, outcomes = recorded.content, recorded.outcomes
    where = f"opening {opening.number}"
    version = (content["agent"], content["agent_digest"], content["dataset_digest"], len(outcomes))
    purpose = opening.purpose
    if version != (purpose.agent, purpose.agent_digest, purpose.dataset_digest, purpose.n_records):
        raise SignatureError("the holdout was opened for another version or other records", where=where)
    if opening.pilot != content["pilot"]:
        raise SignatureError("the opening is of another pilot", where=where, got=str(opening.pilot))
    truth = [name for name in TRUTH if name in outcomes.columns]
    if rows_root(outcomes.drop(columns=truth)) != opening.rows:
        raise SignatureError("the decisions are not those that the holdout was opened for", where=where)
    if rows_root(outcomes[[ID, *truth]]) != opening.truth:
        raise SignatureError("the labels are not those that the opening showed", where=where)
    if subject_in(folder) != opening.subject:
        raise SignatureError("roles, targets, escalation or split are not those of the opening", where=where)


def subject_in(folder: Path) -> OpeningSubject:
    """Return what an opening would be of besides version and records, as a bundle says it."""
    return subject_from(
        read_settings(folder / CONTRACT_FILE, Contract),
        read_settings(folder / CHARTER_FILE, Charter),
        read_settings(folder / PILOT_FILE, JudgedSettings).escalate_label,
        read_settings(folder / SPLITS_FILE, SplitSettings),
    )
