"""The facts behind a verdict as they go into a bundle, and as they are read from one.

facts.json holds what nothing else in the bundle determines: the day, how many records there were, why something was not
measured, and remarks on what lies outside. Everything else is read from the evaluation, the decisions, the cells, the
audit's findings, the ledger and what was agreed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

from workbench.errors import SignatureError
from workbench.evaluation import Cells
from workbench.evidence import cells_csv, evaluation_files, read_cells
from workbench.gates.facts import Facts, Judged, Population, threshold_in
from workbench.gates.openings import judged_at
from workbench.gates.schema import checked_gates
from workbench.gates.verified.agreement import bundled_pilot
from workbench.gates.verified.recompute import HOLDOUT, Recorded, parsed
from workbench.pilot.charter import GATES_FILE
from workbench.records.ledger import Opening

FACTS_FILE, CELLS_FILE, FINDINGS_FILE = "facts.json", "cells.csv", "findings.json"
LEDGER_FILE = "ledger.jsonl"


def facts_files(facts: Facts, number: int) -> dict[str, bytes]:
    """Return the files that the facts of a gate are read from again."""
    judged = facts.judged_for(number)
    files = {
        FACTS_FILE: json.dumps(_undetermined(facts, judged), indent=1, ensure_ascii=False, allow_nan=False).encode(),
        CELLS_FILE: cells_csv(facts.cells.frame.loc[:] if judged is not None else facts.cells.frame.iloc[:0]),
    }
    if facts.audit is not None and facts.gates.gates[number].asks_audit:
        files[FINDINGS_FILE] = json.dumps(facts.audit, indent=1, ensure_ascii=False, allow_nan=False).encode()
    if judged is None:
        return files
    settings = facts.settings_at(0.95)
    for content, outcomes in ((judged.content, judged.outcomes), judged.development or (None, None)):
        if content is not None and outcomes is not None:
            own = replace(settings, threshold=threshold_in(content))
            files |= evaluation_files(content, outcomes, own)
    return files


def bundled_facts(
    folder: Path, files: Mapping[str, bytes], of: tuple[str, Sequence[Recorded]], openings: Sequence[Opening]
) -> Facts:
    """Return the facts that a bundle holds.

    Parameters
    ----------
    folder : Path
    files : mapping
        Its files.
    of : (str, sequence of Recorded)
        Name of the pilot, and the evaluations inside.
    openings : sequence of Opening
        Its ledger.

    Raises
    ------
    InputError
        A file of what was agreed does not fit.
    SignatureError
        Something is missing, or the judged version was never opened.
    """
    name, evaluations = of
    said = parsed(files, FACTS_FILE)
    pilot, number = bundled_pilot(folder, name, said["title"]), said["opening"]
    judged = None if number is None else _judged(folder, evaluations, openings, number)
    return Facts(
        pilot,
        checked_gates(folder / GATES_FILE, pilot.charter, pilot.contract),
        Population(**{**said["population"], "labels": tuple(said["population"]["labels"])}),
        Cells(pilot.contract, read_cells(files[CELLS_FILE])),
        parsed(files, FINDINGS_FILE) if FINDINGS_FILE in files else None,
        judged,
        date.fromisoformat(said["today"]),
        said["audit_note"],
        said["judged_note"],
        tuple(said["told"]),
    )


def opening_of(openings: Sequence[Opening], number: int) -> Opening:
    """Return an opening by its number. Raises SignatureError when the ledger has none."""
    if not 1 <= number <= len(openings):
        raise SignatureError("holdout results without an opening on the ledger", got=f"opening {number}")
    return openings[number - 1]


def _undetermined(facts: Facts, judged: Judged | None) -> dict[str, Any]:
    population = facts.population
    return {
        "title": facts.pilot.settings.title,
        "today": facts.today.isoformat(),
        "population": {
            "digest": population.digest,
            "n_holdout": population.n_holdout,
            "per_day": population.per_day,
            "labels": list(population.labels),
        },
        "opening": None if judged is None else judged.opening,
        "audit_note": facts.audit_note,
        "judged_note": facts.judged_note,
        "told": list(facts.told),
    }


def _judged(folder: Path, evaluations: Sequence[Recorded], openings: Sequence[Opening], number: int) -> Judged:
    holdout = [one for one in evaluations if one.content["split"] == HOLDOUT]
    others = [one for one in evaluations if one.content["split"] != HOLDOUT]
    if len(holdout) != 1 or len(others) > 1:
        raise SignatureError(
            "a bundle holds the judged version on the holdout, and on development records at most once"
        )
    development = None
    if others:
        development = (others[0].content, others[0].outcomes)
    return judged_at(
        opening_of(openings, number),
        (folder / LEDGER_FILE, openings),
        (holdout[0].content, holdout[0].indexed),
        development,
    )
