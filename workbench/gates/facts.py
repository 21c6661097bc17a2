"""What a gate looks at: the audit, the evaluation on the holdout, the pilot's own files, and the day."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd

from workbench.errors import RunError
from workbench.gates.schema import Gates, read_gates
from workbench.ledger import read_ledger
from workbench.metrics import EvaluationSettings
from workbench.pilot import Pilot
from workbench.splits import Dataset, ledger_path, read_dataset

AUDIT_POINTER = Path("audit") / "latest.json"
EVALUATION_RESULTS = Path("results") / "03_evaluation"
STRATA = ("class", "source", "entity", "timestamp")


@dataclass(frozen=True, slots=True, eq=False)
class Audit:
    """The newest audit of the pilot's present records.

    Parameters
    ----------
    path : Path
        Its findings.json.
    content : mapping
        What that file holds.
    """

    path: Path
    content: Mapping[str, Any]


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """The agent version a gate judges, on the holdout.

    Parameters
    ----------
    path : Path
        The JSON file of `Evaluation.write`; its decisions lie beside it as CSV.
    content : mapping
        What that file holds.
    outcomes : DataFrame
        Decisions beside labels and strata, record ids as the index.
    share : float
        Share of the significance level that this opening of the holdout is charged.
    """

    path: Path
    content: Mapping[str, Any]
    outcomes: pd.DataFrame
    share: float

    @property
    def threshold(self) -> float | None:
        """The threshold that the version is judged at."""
        chosen = self.content.get("threshold")
        return None if chosen is None else float(chosen["threshold"])


@dataclass(frozen=True, slots=True, eq=False)
class Facts:
    """Everything a verdict rests on; what has not been measured is None, and why is in the notes."""

    pilot: Pilot
    gates: Gates
    dataset: Dataset
    audit: Audit | None
    judged: Judged | None
    today: date
    audit_note: str = ""
    judged_note: str = ""

    def settings_at(self, confidence_level: float) -> EvaluationSettings:
        """Return what estimates of the judged version depend on besides its outcomes."""
        assert self.judged is not None
        model = str(dict(self.judged.content["identity"].get("engine", {})).get("model", ""))
        return EvaluationSettings(
            threshold=self.judged.threshold,
            escalate_label=self.pilot.settings.escalate_label,
            confidence_level=confidence_level,
            price=self.pilot.settings.prices.get(model),
        )

    def times(self) -> pd.Series[str] | None:
        """Return when the records were received, None where the contract has no timestamp."""
        return self.dataset.strata(self.dataset.splits.index).get("timestamp")


def read_facts(pilot: Pilot, today: date, evaluation: Path | None = None) -> Facts:
    """Return what there is to judge a pilot by now; nothing is run.

    Parameters
    ----------
    pilot : Pilot
    today : date
        Day on which waivers must be valid.
    evaluation : Path, optional
        JSON file of the evaluation to judge; without it the newest one on the holdout.

    Raises
    ------
    InputError
        The pilot's files do not fit.
    RunError
        A file that a run left is damaged, or the ledger does not know the opening that an evaluation rests on.
    """
    gates, dataset = read_gates(pilot), read_dataset(pilot)
    audit, audit_note = _audit(pilot, dataset)
    judged, judged_note = _judged(pilot, dataset, evaluation)
    return Facts(pilot, gates, dataset, audit, judged, today, audit_note, judged_note)


def read_outcomes(path: Path) -> pd.DataFrame:
    """Return the outcomes that `Evaluation.write` left, record ids as the index; only an empty cell is missing."""
    text = dict.fromkeys(("record_id", "status", "action", "reason", "label", "label_reason", *STRATA), str)
    outcomes = pd.read_csv(
        path, dtype=text, keep_default_na=False, na_values=[""], float_precision="round_trip", low_memory=False
    )
    return outcomes.set_index("record_id", drop=False).rename_axis(index=None)


def _audit(pilot: Pilot, dataset: Dataset) -> tuple[Audit | None, str]:
    pointer = pilot.runs / AUDIT_POINTER
    remedy = f"workbench audit {pilot.name}"
    if not pointer.is_file():
        return None, f"no data audit has been run; {remedy}"
    path = _inside(pilot, _json(pointer)["path"], pointer)
    if not path.is_file():
        return None, f"the last data audit is gone; {remedy}"
    content = _json(path)
    if content.get("dataset_digest") != dataset.digest:
        return None, f"the last data audit was of other records; {remedy}"
    return Audit(path, content), ""


def _judged(pilot: Pilot, dataset: Dataset, path: Path | None) -> tuple[Judged | None, str]:
    remedy = f"workbench run {pilot.name}"
    if path is None:
        written = (pilot.runs / EVALUATION_RESULTS).glob("*.holdout.json")
        path = max(written, key=lambda one: one.stat().st_mtime_ns, default=None)
    if path is None or not path.is_file():
        return None, f"no version has been evaluated on the holdout; {remedy}"
    content = _json(path)
    if content.get("dataset_digest") != dataset.digest:
        return None, f"the last evaluation on the holdout was of other records; {remedy}"
    try:
        outcomes = read_outcomes(path.with_suffix(".csv"))
    except (OSError, ValueError) as error:
        raise _damaged(path.with_suffix(".csv"), error) from None
    if len(outcomes) != content["counts"]["planned"]:
        raise _damaged(path.with_suffix(".csv"), f"{len(outcomes):,} rows, not {content['counts']['planned']:,}")
    return Judged(path, content, outcomes, _share(pilot, content)), ""


def _share(pilot: Pilot, content: Mapping[str, Any]) -> float:
    """Return what the ledger charges the opening that an evaluation rests on."""
    version = content["agent_digest"], content["dataset_digest"], int(content["counts"]["planned"])
    for opening in reversed(read_ledger(ledger_path(pilot))):
        said = opening.purpose
        if (said.agent_digest, said.dataset_digest, said.n_records) == version:
            return opening.charge
    raise RunError(
        "the holdout ledger has no such opening", where=str(ledger_path(pilot)), got=f"agent {content['agent']}"
    )


def _inside(pilot: Pilot, named: str, pointer: Path) -> Path:
    """Return a path that a pointer names, relative to the pointer, to the runs folder or whole."""
    path = Path(named)
    if path.is_absolute():
        return path
    return next((at for at in (pointer.parent / path, pilot.runs / path, pilot.root / path) if at.is_file()), path)


def _json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise _damaged(path, error) from None
    if not isinstance(content, dict):
        raise _damaged(path, "no JSON object")
    return content


def _damaged(path: Path, error: object) -> RunError:
    return RunError(
        "a file that a run left is damaged, so nothing was decided",
        where=str(path),
        got=str(error)[:200],
        remedy="remove it and run the gate again",
    )
