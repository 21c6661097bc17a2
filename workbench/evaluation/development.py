"""A version's evaluation on all development records, from the journal."""

from __future__ import annotations

from workbench.evaluation.confidence import whole_development_run
from workbench.evaluation.evaluation import Evaluation, evaluation_of
from workbench.pilot import Pilot
from workbench.records.splits import Dataset
from workbench.runs.journal import JOURNAL_FILE, Journal
from workbench.runs.runner import Session


def development_evaluation(pilot: Pilot, dataset: Dataset, agent_digest: str) -> Evaluation | None:
    """Return an agent version's evaluation on all development records, from the journal; None when there is none."""
    path = pilot.runs / JOURNAL_FILE
    if not path.is_file():
        return None
    with Journal(path) as journal:
        run = whole_development_run(dataset, journal, agent_digest)
        if run is None:
            return None
        return evaluation_of(pilot, dataset, journal, Session(journal.info(run), 0, 0, None), journal.identity(run))
