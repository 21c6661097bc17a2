"""A version asked again about the same records: every repeat is a run of its own, with a seed of its own."""

from __future__ import annotations

from dataclasses import dataclass

from workbench.pilot import Pilot
from workbench.records.splits import Dataset, Split
from workbench.runs.journal import JOURNAL_FILE, Journal
from workbench.runs.request import RunRequest
from workbench.runs.runner import RecordSelection, require_asked, require_decisions, run_agent
from workbench.runs.sealed import Question, Repeat, answer_sealed, asked_agent
from workbench.words import InputError

FEWEST_REPEATS = 2


@dataclass(frozen=True, slots=True)
class Again:
    """How often to ask again, and at which temperature (an endpoint answers as it does)."""

    times: int = 5
    temperature: float = 0.7


def ask_again(pilot: Pilot, agent: str, request: RunRequest, again: Again, dataset: Dataset) -> tuple[str, ...]:
    """Ask a version again about the records of a split, as far as the journal does not have it; return the runs.

    No label is read, so that holdout records stay sealed. Every repeat is a run of its own with a seed of its own, the
    same run whoever asks for it.

    Raises
    ------
    InputError
        Fewer than two repeats, no temperature above 0, or a Python agent.
    RunError
        The run was interrupted, the server refused the credentials, or no call of a repeat was answered.
    """
    if again.times < FEWEST_REPEATS or not 0.0 < again.temperature <= 2.0:
        raise InputError(
            "repeats need at least two of them and a temperature above 0",
            got=f"times {again.times}, temperature {again.temperature}",
            expected="2 or more, and above 0 to 2",
        )
    return tuple(
        _asked_once_more(pilot, agent, request, dataset, Repeat(number, again.temperature))
        for number in range(1, again.times + 1)
    )


def _asked_once_more(pilot: Pilot, agent: str, request: RunRequest, dataset: Dataset, repeat: Repeat) -> str:
    """Ask one repeat and return its run; holdout records are asked in a process that has no label of them."""
    ids = dataset.ids(request.split, request.limit)
    question = Question(pilot, dataset, agent, request.engine, ids, repeat, request.show_progress)
    asked = asked_agent(question)
    if request.split is Split.HOLDOUT:
        session = answer_sealed(question)
    with Journal(pilot.runs / JOURNAL_FILE) as journal:
        if request.split is Split.DEV:
            selection = RecordSelection(dataset, request.split, ids)
            session = run_agent(journal, asked, selection, show_progress=request.show_progress)
        require_asked(session, asked.name)
        if not session.info.invalid:  # an answer that is no decision is what a repeat is there to show
            require_decisions(journal.decisions(session.info.run), asked.name)
    return session.info.run
