"""An agent asked about clean, harmless and attacked records, each exactly once, in runs that are of no split."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd

from workbench.agents import Agent, KnownAs, standing_for
from workbench.attacks.planning import Attempt, attacked_record
from workbench.environment import Trace
from workbench.metrics import Status
from workbench.pilot import Channel, Contract, Pilot
from workbench.records import Record, Turns
from workbench.records.splits import Dataset
from workbench.runs.journal import JOURNAL_FILE, Apart, Journal, digest_of
from workbench.runs.runner import RecordSelection, require_asked, require_decisions, run_agent


@dataclass(frozen=True, slots=True)
class AttackAnswer:
    """What an agent decided on one record, or why it did not, what it said, and what was seen on the way."""

    status: Status
    action: str | None = None
    reason: str | None = None
    confidence: float | None = None
    cause: str | None = None
    text: str | None = None
    trace: Trace = field(default_factory=Trace)


@dataclass(frozen=True, slots=True, eq=False)
class AttackRecords:
    """Records to run an agent over, each once; see `workbench.runs.runner.RecordSource`.

    Parameters
    ----------
    digest : str
        Of the data set.
    bases : mapping
        Id of each record to that of the development record it was made from.
    injected, remembered : mapping
        Id of a record to the texts that stand in its tables, and in its memory.
    """

    digest: str
    by_id: Mapping[str, Record]
    bases: Mapping[str, str]
    injected: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    remembered: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    @property
    def is_clean(self) -> bool:
        """Whether these are development records as they are."""
        return all(name == base for name, base in self.bases.items())

    @property
    def ids(self) -> pd.Index[str]:
        """Their ids, in their order."""
        return pd.Index(list(self.by_id), dtype=object)

    def digests(self, ids: pd.Index[str]) -> pd.Series[str]:
        """Return each record's digest."""
        return pd.Series([self.by_id[name].digest for name in ids], index=ids, dtype=object)

    def records(self, ids: pd.Index[str]) -> Iterator[Record]:
        """Yield records as an agent sees them."""
        return (self.by_id[name] for name in ids)

    def turns(self, ids: pd.Index[str], by: str) -> Turns:
        """Return that none follows another: each has a memory of its own, with what an attacker has put into it."""
        return Turns({}, {name: self.remembered[name] for name in ids if name in self.remembered})


@dataclass(frozen=True, slots=True)
class AskedPair:
    """An attempt with the ids of its harmless and its attacked record."""

    attempt: Attempt
    control: str
    attacked: str


def clean_records(dataset: Dataset, ids: Sequence[str]) -> AttackRecords:
    """Return development records as they are."""
    records = {one.id: one for one in dataset.records(pd.Index(list(ids), dtype=object))}
    return AttackRecords(dataset.digest, records, {name: name for name in records})


def attacked_records(
    contract: Contract, clean: AttackRecords, attempts: Sequence[Attempt]
) -> tuple[tuple[AskedPair, ...], AttackRecords]:
    """Return each attempt with its two records, and all there is to ask: each record once, in pairs."""
    by_id: dict[str, Record] = {}
    bases: dict[str, str] = {}
    texts: dict[Channel, dict[str, dict[str, str]]] = {Channel.TOOL_RESULT: {}, Channel.MEMORY: {}}
    pairs = []
    for attempt in attempts:
        names = []
        for written in (attempt.control, attempt.attack):
            record = attacked_record(contract, clean.by_id[attempt.base], attempt, written)
            by_id[record.id], bases[record.id] = record, attempt.base
            if attempt.channel in texts:
                texts[attempt.channel][record.id] = {attempt.place: written[0]}
            names.append(record.id)
        pairs.append(AskedPair(attempt, names[0], names[1]))
    return tuple(pairs), AttackRecords(clean.digest, by_id, bases, texts[Channel.TOOL_RESULT], texts[Channel.MEMORY])


def asked_once(
    pilot: Pilot, agent: Agent, *, show_progress: bool = True
) -> Callable[[AttackRecords], tuple[str, Mapping[str, AttackAnswer]]]:
    """Return what asks an agent about records as far as the journal does not have the answers: run, and all answers.

    Once it has decided clean records, that attacked ones fail one after another is no reason to stop. It raises
    RunError where the run was interrupted, the server refused the credentials, or not one record got a decision.
    """

    def ask(asked: AttackRecords) -> tuple[str, Mapping[str, AttackAnswer]]:
        patience = agent.patience if asked.is_clean else max(agent.patience, len(asked.by_id))
        patient = KnownAs(agent, agent.name, agent.identity, patience)
        standing = standing_for(patient, asked.bases, injected=asked.injected)
        with Journal(pilot.runs / JOURNAL_FILE) as journal:
            if digest_of(standing.identity) not in journal.finished_versions():
                standing.prepare()
            selection = RecordSelection(asked, Apart.ATTACKS, asked.ids)
            session = run_agent(journal, standing, selection, show_progress=show_progress)
            require_asked(session, agent.name)
            decisions, traces = journal.decisions(session.info.run), journal.traces(session.info.run)
        require_decisions(decisions, agent.name)
        return session.info.run, _answers(decisions, traces)

    return ask


def _answers(decisions: pd.DataFrame, traces: Mapping[str, Trace]) -> dict[str, AttackAnswer]:
    named = decisions[["status", "action", "reason", "confidence", "cause", "text"]].astype(object)
    rows = named.where(named.notna(), None).itertuples(name=None)
    return {
        name: AttackAnswer(Status(status), action, reason, confidence, cause, text, traces.get(name, Trace()))
        for name, status, action, reason, confidence, cause, text in rows
    }
