"""An agent asked about the records of cases, each exactly once, in runs that are neither development nor holdout."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from workbench.agents import Agent, standing_for
from workbench.cases.made import MadeRecords
from workbench.environment import Trace
from workbench.metrics import Status
from workbench.pilot import Pilot
from workbench.runs.journal import JOURNAL_FILE, Apart, Journal, digest_of
from workbench.runs.runner import RecordSelection, require_asked, require_decisions, run_agent


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


def ask_about(pilot: Pilot, agent: Agent, made: MadeRecords, *, show_progress: bool = True) -> Mapping[str, CaseAnswer]:
    """Ask an agent about made records as far as the journal does not have it, and return its answers by record id.

    A record that is as the data set has it is the same question as in a development run, and is not asked twice.

    Raises
    ------
    RunError
        The run was interrupted, the server refused the credentials, or not one record got a decision.
    """
    asked = standing_for(agent, made.bases)
    with Journal(pilot.runs / JOURNAL_FILE) as journal:
        if digest_of(asked.identity) not in journal.finished_versions():
            asked.prepare()
        selection = RecordSelection(made, Apart.CASES, made.ids)
        session = run_agent(journal, asked, selection, show_progress=show_progress)
        require_asked(session, asked.name)
        decisions, traces = journal.decisions(session.info.run), journal.traces(session.info.run)
    require_decisions(decisions, asked.name)
    named = decisions[["status", "action", "reason", "confidence", "cause"]].astype(object)
    rows = named.where(named.notna(), None).itertuples(name=None)
    return {
        name: CaseAnswer(Status(status), action, reason, confidence, cause, traces.get(name))
        for name, status, action, reason, confidence, cause in rows
    }
