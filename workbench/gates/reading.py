"""The facts about a pilot as they are now, from its own files, its journal and its ledger; nothing is run."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

from workbench.errors import RunError
from workbench.evaluation import cells_of
from workbench.gates.cases import read_suites
from workbench.gates.facts import Agreed, Facts, Judged, Population
from workbench.gates.openings import judged_at
from workbench.gates.planning import pace
from workbench.gates.schema import Gates, read_gates
from workbench.pilot import Pilot
from workbench.records.ledger import read_ledger
from workbench.records.splits import Dataset, Split, ledger_path, read_dataset

AUDIT_POINTER = Path("audit") / "latest.json"


def read_facts(
    pilot: Pilot,
    today: date,
    agent: str | None = None,
    told: tuple[str, ...] = (),
    dataset: Dataset | None = None,
) -> Facts:
    """Return what there is to judge a pilot by now; nothing is run.

    Parameters
    ----------
    pilot : Pilot
    today : date
        Day on which waivers must be valid.
    agent : str, optional
        Agent to judge; without it the one whose holdout was evaluated last.
    told : tuple of str
        Remarks that rest on what lies outside of the facts.
    dataset : Dataset, optional
        The pilot's records where they were read already.

    Raises
    ------
    InputError
        The pilot's files do not fit.
    RunError
        A file that a run left is damaged, or the journal does not hold what the ledger says was decided.
    """
    gates, dataset = read_gates(pilot), read_dataset(pilot) if dataset is None else dataset
    audit_path, audit_note = newest_audit(pilot, dataset)
    judged, judged_note = _judged(pilot, dataset, agent)
    ids = dataset.ids(Split.HOLDOUT)[:0] if judged is None else judged.outcomes.index
    per_day = pace(dataset.strata(dataset.splits.index).get("timestamp"))
    return Facts(
        pilot,
        gates,
        Population(dataset.digest, len(dataset.ids(Split.HOLDOUT)), per_day, dataset.labels),
        cells_of(dataset, ids, named_columns(pilot, gates)),
        None if audit_path is None else _json(audit_path),
        judged,
        today,
        audit_note,
        judged_note,
        told,
    )


def named_columns(pilot: Agreed, gates: Gates) -> tuple[str, ...]:
    """Return the columns that the charter's rules, the gates' slices and the suites name."""
    charter = pilot.charter
    conditions = [*(one.when for one in charter.high_risk), *(one.when for one in charter.authority)]
    slices = [one.slice for gate in gates.gates.values() for one in gate.criteria]
    suites = [selection.where for suite in read_suites(pilot.suite).values() for selection in suite.cases]
    named = [*(when.column for when in conditions if when is not None), *(one.column for one in charter.authority)]
    named += [name for where in (*slices, *suites) for name in where]
    return tuple(dict.fromkeys(name for name in named if name is not None))


def newest_audit(pilot: Pilot, dataset: Dataset) -> tuple[Path | None, str]:
    """Return findings.json of the newest audit of the present records, else None and why."""
    pointer = pilot.runs / AUDIT_POINTER
    remedy = f"workbench audit {pilot.name}"
    if not pointer.is_file():
        return None, f"no data audit has been run; {remedy}"
    path = _inside(pilot, _json(pointer)["path"], pointer)
    if not path.is_file():
        return None, f"the last data audit is gone; {remedy}"
    if _json(path).get("dataset_digest") != dataset.digest:
        return None, f"the last data audit was of other records; {remedy}"
    return path, ""


def _judged(pilot: Pilot, dataset: Dataset, agent: str | None) -> tuple[Judged | None, str]:
    from workbench.evaluation import development_evaluation, judged_evaluation

    evaluation = judged_evaluation(pilot, dataset, agent)
    if evaluation is None:
        which = "no version" if agent is None else f"{agent}: not"
        return None, f"{which} evaluated on the present holdout records; workbench run {pilot.name}"
    assert evaluation.opening is not None
    path = ledger_path(pilot)
    development = development_evaluation(pilot, dataset, evaluation.info.agent_digest)
    judged = judged_at(
        evaluation.opening,
        (path, read_ledger(path)),
        (evaluation.as_json(), evaluation.outcomes),
        None if development is None else (development.as_json(), development.outcomes),
    )
    return judged, ""


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
