"""The holdout: answered without labels, opened with a signature, judged from journal and ledger."""

from __future__ import annotations

import pandas as pd

from workbench.evaluation.confidence import check_recalibrates, decisions_of
from workbench.evaluation.evaluation import Evaluation, evaluation_of, purpose_of
from workbench.evaluation.unopened import check_worth_opening
from workbench.files import provenance
from workbench.pilot import Pilot
from workbench.pilot.signing import SigningKey, chosen_key
from workbench.records.ledger import Opening, read_ledger
from workbench.records.splits import Dataset, Split, ledger_path, open_holdout
from workbench.runs import RunRequest, check_answered, checked_limit
from workbench.runs.journal import JOURNAL_FILE, Journal, digest_of
from workbench.runs.runner import Session
from workbench.runs.sealed import NOT_THERE, UNDECLARED, Question, answer_sealed, asked_agent
from workbench.words import RunError


def answer_holdout(pilot: Pilot, agent: str, request: RunRequest, dataset: Dataset) -> Session:
    """Let an agent answer holdout records in a process that has no label of them; nothing is opened.

    Raises
    ------
    InputError
        The agent's files do not fit, it reads the records themselves, or it recalibrates without development decisions.
    RunError
        The run was interrupted, the server is unreachable or refuses, or too few decisions came back.
    """
    ids = dataset.ids(Split.HOLDOUT, checked_limit(request.limit))
    question = Question(pilot, dataset, agent, request.engine, ids, show_progress=request.show_progress)
    way = pilot.agent(agent).recalibrate
    if way is not None:
        digest = digest_of(asked_agent(question).identity)
        with Journal(pilot.runs / JOURNAL_FILE) as journal:
            check_recalibrates(dataset, journal, digest, way)
    session = answer_sealed(question)
    with Journal(pilot.runs / JOURNAL_FILE) as journal:
        try:
            check_answered(pilot, journal, session)
        except RunError as error:
            remedy = UNDECLARED if NOT_THERE in (error.got or "") else error.remedy
            facts = {"where": error.where, "got": error.got, "expected": error.expected}
            raise RunError(error.problem, **facts, remedy=remedy) from None
    return session


def open_answers(
    pilot: Pilot, agent: str, request: RunRequest, dataset: Dataset
) -> tuple[Session, tuple[pd.DataFrame, Opening]]:
    """Let an agent answer, put the opening on the ledger, and return the session, labels with strata, and the opening.

    What was opened before for the very same decisions adds nothing to the ledger. Raises as `answer_holdout`, and
    RunError where the ledger was altered, or where pilot.yaml asks for a certificate to be likelier than development
    records make it: then nothing is asked or opened.
    """
    check_worth_opening(pilot, agent, request, dataset)
    session = answer_holdout(pilot, agent, request, dataset)
    return session, open_run(pilot, dataset, session.info.run, request.key)


def open_run(pilot: Pilot, dataset: Dataset, run: str, key: SigningKey | None = None) -> tuple[pd.DataFrame, Opening]:
    """Put the opening for a finished run on the ledger, and return labels with strata, and the opening."""
    with Journal(pilot.runs / JOURNAL_FILE) as journal:
        asked = purpose_of(journal.info(run), journal.identity(run)), decisions_of(dataset, journal, run)
    by = provenance(pilot.root), lambda: chosen_key().key if key is None else key
    return open_holdout(pilot, dataset, asked, by)


def opened_evaluation(pilot: Pilot, agent: str, request: RunRequest, dataset: Dataset) -> Evaluation:
    """Answer, open and judge one agent on the holdout."""
    session, opened = open_answers(pilot, agent, request, dataset)
    with Journal(pilot.runs / JOURNAL_FILE) as journal:
        return evaluation_of(pilot, dataset, journal, session, journal.identity(session.info.run), opened)


def judged_evaluation(pilot: Pilot, dataset: Dataset, agent: str | None = None) -> Evaluation | None:
    """Return the newest opened evaluation on the holdout, from journal and ledger; nothing is asked or opened.

    Parameters
    ----------
    pilot : Pilot
    dataset : Dataset
    agent : str, optional
        Whose; without it the agent that was run last. Of its newest version the run over most records counts that was
        opened for what is agreed now.

    Returns
    -------
    Evaluation or None
        None when no version was opened for the present records.

    Raises
    ------
    RunError
        The ledger was altered, or the journal's decisions are not those that were opened.
    """
    path = pilot.runs / JOURNAL_FILE
    versions = {one.purpose.agent_digest for one in read_ledger(ledger_path(pilot))}
    if not path.is_file() or not versions:
        return None
    with Journal(path) as journal:
        present = [
            entry
            for entry in journal.entries(Split.HOLDOUT.value)
            if entry.finished and entry.dataset_digest == dataset.digest and not entry.is_repeat
            if entry.agent_digest in versions and agent in (None, entry.agent)
        ]
        runs = [entry for entry in present if entry.agent_digest == present[0].agent_digest]
        refused = None
        for entry in sorted(runs, key=lambda entry: entry.planned, reverse=True):
            session = Session(journal.info(entry.run), 0, 0, None)
            try:
                return evaluation_of(pilot, dataset, journal, session, journal.identity(entry.run))
            except RunError as error:  # not opened as things are now; a smaller run may be
                refused = refused or error
    if refused is not None:
        raise refused
    return None
