"""An agent asked about the records of cases, each exactly once, in runs that are neither development nor holdout."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from workbench.agents import Agent, KnownAs, standing_for
from workbench.cases.made import MadeRecords
from workbench.environment import Trace
from workbench.metrics import Status
from workbench.pilot import Pilot
from workbench.runs.journal import JOURNAL_FILE, Apart, Journal, RunEntry, digest_of, key_of, run_name
from workbench.runs.runner import RecordSelection, require_asked, require_decisions, run_agent

MOST_REVERSED = 40  # records that are asked once more: enough to meet one that was asked after another of its kind


@dataclass(frozen=True, slots=True)
class CaseAnswer:
    """What an agent decided on one record, or why it did not, and what was seen on the way."""

    status: Status
    action: str | None = None
    reason: str | None = None
    confidence: float | None = None
    cause: str | None = None
    trace: Trace | None = None

    @property
    def is_decision(self) -> bool:
        """Whether there is an action."""
        return self.status is Status.OK


def ask_about(
    pilot: Pilot, agent: Agent, made: MadeRecords, *, apart: Apart = Apart.CASES, show_progress: bool = True
) -> str:
    """Ask an agent about made records as far as the journal does not have it, and return the run.

    A record that is as the data set has it is the same question as in a development run, and is not asked twice.

    Raises
    ------
    RunError
        The run was interrupted, the server refused the credentials, or not one record got a decision.
    """
    asked = standing_for(agent, made.bases, made.faults)
    with Journal(pilot.runs / JOURNAL_FILE) as journal:
        if digest_of(asked.identity) not in journal.finished_versions():
            asked.prepare()
        selection = RecordSelection(made, apart, made.ids)
        session = run_agent(journal, asked, selection, show_progress=show_progress)
        require_asked(session, asked.name)
        require_decisions(journal.decisions(session.info.run), asked.name)
    return session.info.run


def ask_in_reverse(pilot: Pilot, agent: Agent, made: MadeRecords, *, show_progress: bool = True) -> str:
    """Ask a new life of an agent about the last of the records, the last one first, and return the run.

    What it answers otherwise then depends on what it was asked before. Raises as `ask_about`.
    """
    last = dict(list(made.by_id.items())[: -MOST_REVERSED - 1 : -1])
    reversed_order = KnownAs(agent, agent.name, {**agent.identity, "order": "reversed"})
    return ask_about(
        pilot, reversed_order, replace(made, by_id=last), apart=Apart.REVERSED, show_progress=show_progress
    )


def run_over(pilot: Pilot, run: str, made: MadeRecords) -> RunEntry | None:
    """Return a finished run where it asked exactly these records, None where it is gone or of others."""
    if not (pilot.runs / JOURNAL_FILE).is_file():
        return None
    with Journal(pilot.runs / JOURNAL_FILE) as journal:
        entry = next((one for one in journal.entries(Apart.CASES.value) if one.run == run and one.finished), None)
    if entry is None:
        return None
    keys = [key_of(entry.asked_digest, record.digest) for record in made.by_id.values()]
    about = entry.agent, Apart.CASES.value, digest_of(entry.identity), made.digest
    return entry if run_name(about, keys) == run else None


def answers_in(pilot: Pilot, run: str) -> Mapping[str, CaseAnswer]:
    """Return the answers of a run by record id, as the journal has them."""
    with Journal(pilot.runs / JOURNAL_FILE) as journal:
        decisions, traces = journal.decisions(run), journal.traces(run)
    named = decisions[["status", "action", "reason", "confidence", "cause"]].astype(object)
    rows = named.where(named.notna(), None).itertuples(name=None)
    return {
        name: CaseAnswer(Status(status), action, reason, confidence, cause, traces.get(name))
        for name, status, action, reason, confidence, cause in rows
    }
