"""What an agent decided, as the queues are filled from it: on development records, and on the holdout once opened."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from workbench.agents import Agent, build_agent
from workbench.environment import Trace
from workbench.evidence import Exhibit, maker
from workbench.metrics import Status, is_asked, is_automated
from workbench.pilot import Pilot
from workbench.records.splits import Dataset, Split
from workbench.review.carding import DecidedRecord
from workbench.runs import RunRequest, checked_limit
from workbench.runs.journal import JOURNAL_FILE, Journal, digest_of
from workbench.runs.runner import RecordSelection, require_asked, require_decisions, run_agent

EVALUATION, HOLDOUT = "evaluation", "holdout"
DECIDED = ["status", "action", "reason", "confidence"]


@dataclass(frozen=True, slots=True, eq=False)
class AgentDecisions:
    """Decisions of one version on some records, in the records' hash order; no label of any.

    Parameters
    ----------
    agent, agent_digest : str
        Name and version.
    split : Split
    table : DataFrame
        `status`, `action`, `reason` and `confidence`, indexed by record id.
    is_alone : Series of bool
        Whether the agent decides a record without a person.
    threshold : float, optional
        From where on it does; None where none was chosen, and then whatever is no escalation.
    """

    agent: str
    agent_digest: str
    split: Split
    table: pd.DataFrame
    is_alone: pd.Series[bool]
    threshold: float | None
    traces: Mapping[str, Trace] = field(default_factory=dict)

    def decided(self, dataset: Dataset, ids: pd.Index[str]) -> Iterator[DecidedRecord]:
        """Yield records with what was decided of them, in the order of the ids."""
        said = self.table.loc[ids].astype(object)
        said = said.where(said.notna(), None)
        rows = dict(zip(ids, said.itertuples(index=False, name=None), strict=True))
        records = {one.id: one for one in dataset.records(ids)}
        for name in ids:
            status, action, reason, confidence = rows[name]
            trace = self.traces.get(name, Trace())
            yield DecidedRecord(records[name], Status(status), action, reason, confidence, self.threshold, trace)


def development_decisions(
    pilot: Pilot, dataset: Dataset, name: str, request: RunRequest, threshold: float | None
) -> AgentDecisions:
    """Return an agent's decisions on development records; what the journal does not have yet is asked.

    Raises
    ------
    InputError
        The agent's files do not fit.
    RunError
        The run was interrupted, or not one record got a decision.
    """
    agent = build_agent(pilot, name, dataset, request.engine)
    ids = dataset.ids(Split.DEV, checked_limit(request.limit))
    with Journal(pilot.runs / JOURNAL_FILE) as journal:
        if digest_of(agent.identity) not in journal.finished_versions():
            agent.prepare()
        session = run_agent(
            journal, agent, RecordSelection(dataset, Split.DEV, ids), show_progress=request.show_progress
        )
        require_asked(session, agent.name)
        decisions, traces = journal.decisions(session.info.run), journal.traces(session.info.run)
    require_decisions(decisions, agent.name)
    return _decisions(pilot, agent, Split.DEV, decisions, traces, threshold)


def opened_exhibit(pilot: Pilot, dataset: Dataset, name: str) -> Exhibit | None:
    """Return the opened evaluation of an agent on the present holdout, None where there is none."""
    found = maker(EVALUATION).present(pilot, dataset, name)
    return found if isinstance(found, Exhibit) else None


def opened_threshold(exhibit: Exhibit | None) -> float | None:
    """Return the threshold of an opened evaluation, None where none was chosen."""
    chosen: Mapping[str, Any] | None = None if exhibit is None else exhibit.facts[HOLDOUT].get("threshold")
    return None if chosen is None else float(chosen["threshold"])


def holdout_decisions(
    pilot: Pilot, agent: AgentDecisions, exhibit: Exhibit, threshold: float | None
) -> AgentDecisions | None:
    """Return the same version's decisions on the holdout, as its opening has them; None where it is of another version.

    Of the exhibit's table only what was decided is taken: no label goes on.
    """
    if exhibit.about["agent"] != agent.agent_digest:
        return None
    table = exhibit.tables[HOLDOUT]
    table = table[is_asked(table).to_numpy()].set_index("record_id")[DECIDED]
    with Journal(pilot.runs / JOURNAL_FILE) as journal:
        runs = [
            one.run
            for one in journal.entries(Split.HOLDOUT.value)
            if one.agent_digest == agent.agent_digest and not one.is_repeat
        ]
        traces: dict[str, Trace] = {}
        for run in runs:
            traces |= journal.traces(run)
    alone = _alone(pilot, table, threshold)
    return AgentDecisions(agent.agent, agent.agent_digest, Split.HOLDOUT, table, alone, threshold, traces)


def _decisions(
    pilot: Pilot,
    agent: Agent,
    split: Split,
    decisions: pd.DataFrame,
    traces: Mapping[str, Trace],
    threshold: float | None,
) -> AgentDecisions:
    table = decisions[decisions["status"] != Status.SKIPPED.value][DECIDED]
    alone = _alone(pilot, table, threshold)
    return AgentDecisions(agent.name, digest_of(agent.identity), split, table, alone, threshold, traces)


def _alone(pilot: Pilot, table: pd.DataFrame, threshold: float | None) -> pd.Series[bool]:
    label = pilot.settings.escalate_label
    if threshold is not None:
        return is_automated(table, threshold, label)
    is_ok, is_handed = table["status"] == Status.OK.value, table["action"].map(lambda one: one == label)
    return is_ok & ~is_handed.astype(bool)
