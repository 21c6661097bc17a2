"""Agents run over a split of the records, and evaluated."""

from __future__ import annotations

from collections.abc import Sequence

from workbench.agents import Agent, agent_with, shared_engine
from workbench.evaluation.evaluation import Evaluation, evaluation_of
from workbench.evaluation.holdout import opened_evaluation
from workbench.pilot import Pilot
from workbench.records.splits import Dataset, Split, read_dataset
from workbench.runs import RunRequest, check_answered, checked_limit
from workbench.runs.journal import JOURNAL_FILE, Journal, digest_of
from workbench.runs.runner import GOES_ON, RecordSelection, run_agent
from workbench.words import RunError


def evaluate(
    pilot: Pilot, agent: str, request: RunRequest = RunRequest(), dataset: Dataset | None = None
) -> Evaluation:
    """Run one agent over a split, as far as its decisions are not in the journal yet, and return the evaluation.

    Evaluating on holdout opens the sealed holdout: the agent answers in a process of its own that has no label of it,
    then the opening goes to the ledger with the digest of what was decided, then labels are read. `dataset` is the
    pilot's records where they were read already.

    Raises
    ------
    InputError
        The pilot, the agent, the records or the engine's settings do not fit; nothing was asked.
    RunError
        The run was interrupted, the server is unreachable or refuses, not one decision came back, or more calls failed
        than `max_failed_share` of the pilot allows: then the holdout stays sealed. What was decided is stored.
    """
    (evaluation,) = evaluate_all(pilot, (agent,), request, dataset)
    return evaluation


def evaluate_all(
    pilot: Pilot, agents: Sequence[str] = (), request: RunRequest = RunRequest(), dataset: Dataset | None = None
) -> tuple[Evaluation, ...]:
    """Evaluate several agents on the same records; without names, those the pilot compares. Raises as `evaluate`."""
    try:
        return _evaluated(pilot, agents, request, dataset)
    except KeyboardInterrupt:
        raise RunError(
            "stopped; every decision that came is stored",
            where=f"pilot {pilot.name}, {request.split.value}",
            remedy=GOES_ON,
        ) from None


def _evaluated(
    pilot: Pilot, agents: Sequence[str], request: RunRequest, dataset: Dataset | None
) -> tuple[Evaluation, ...]:
    dataset = read_dataset(pilot) if dataset is None else dataset
    names = tuple(dict.fromkeys(agents)) or pilot.settings.compare
    if request.split is Split.HOLDOUT:
        return tuple(opened_evaluation(pilot, name, request, dataset) for name in names)
    ids = dataset.ids(request.split, checked_limit(request.limit))
    engine = shared_engine(pilot, request.engine)
    versions = [agent_with(pilot, name, dataset, engine) for name in names]
    _prepare(pilot, versions)
    selection = RecordSelection(dataset, request.split, ids)
    evaluations = []
    with Journal(pilot.runs / JOURNAL_FILE) as journal:
        for agent in versions:
            session = run_agent(journal, agent, selection, show_progress=request.show_progress)
            check_answered(pilot, journal, session)
            evaluations.append(evaluation_of(pilot, dataset, journal, session, agent.identity))
    return tuple(evaluations)


def _prepare(pilot: Pilot, agents: Sequence[Agent]) -> None:
    """Let agents find their faults before the journal is touched, unless they have finished a run before."""
    path = pilot.runs / JOURNAL_FILE
    known: set[str] = set()
    if path.is_file():
        with Journal(path) as journal:
            known = journal.finished_versions()
    for agent in agents:
        if digest_of(agent.identity) not in known:
            agent.prepare()
