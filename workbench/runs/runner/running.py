"""One call of the runner: what is still to ask, asking it, storing what comes."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from workbench.agents import Agent, Decision
from workbench.agents.callables import check_may_ask
from workbench.metrics import Status
from workbench.records.splits import Split
from workbench.runs.journal import Apart, Journal, RunInfo, RunPlan, sole_run
from workbench.runs.runner.driving import supervised
from workbench.runs.runner.news import Asking, News
from workbench.runs.runner.queue import Patience, Refusal, WorkQueue
from workbench.runs.runner.turns import RecordSource, turns_of
from workbench.words import RunError

SPENDING_S = 1.0
GOES_ON = "run the same cell or command again: it goes on where it stopped"


@dataclass(frozen=True, slots=True)
class Session:
    """What one call of `run_agent` did.

    Parameters
    ----------
    info : RunInfo
        The run's state afterwards.
    n_asked : int
        Records this session asked the agent about; the others came from the journal.
    n_unmatched : int
        Answers that belonged to no open record (an engine answered twice or made up an id); they were dropped.
    refusal : Refusal, optional
        Why the run had to stop asking: what answers refused the credentials, or too many calls in a row failed. The
        rest was skipped.
    """

    info: RunInfo
    n_asked: int
    n_unmatched: int
    refusal: Refusal | None


@dataclass(frozen=True, slots=True)
class RecordSelection:
    """Which records a run is about; `now` is those of them that may be asked at present, None for all."""

    dataset: RecordSource
    split: Split | Apart
    ids: pd.Index[str]
    now: pd.Index[str] | None = None


def run_agent(journal: Journal, agent: Agent, selection: RecordSelection, *, show_progress: bool = True) -> Session:
    """Bring every planned decision of an agent into the journal and return what was done.

    Decisions that are there already are not asked again; failed and skipped ones are, failed ones last. What fails so
    many times in a row is not asked further. SIGINT and SIGTERM stop asking, wait up to ten seconds for the calls under
    way and store what came; a second signal does not wait. Records that share an agent's memory are asked one after
    another, and again where one before them is asked again.

    Raises
    ------
    RunError
        The run was interrupted, the journal could not be written, the same agent version is being run elsewhere, or
        nothing may be asked here.
    """
    dataset, ids = selection.dataset, selection.ids
    plan = RunPlan(agent.name, selection.split.value, agent.identity, dataset.digest)
    with sole_run(journal.path.parent, plan.asked_digest):
        in_turn = turns_of(agent, dataset, ids)
        run = journal.plan(plan, in_turn.digests.items())
        to_ask = in_turn.to_ask(journal, run)
        todo = ids[ids.isin(list(to_ask.ids - to_ask.failed))].append(ids[ids.isin(list(to_ask.failed))])
        if selection.now is not None:
            todo = todo[todo.isin(selection.now)]
        if not len(todo):
            return Session(journal.info(run), 0, 0, None)
        check_may_ask(f"{len(todo):,} {selection.split.value} decisions of {agent.name}")
        begun = Asking(agent.name, selection.split.value, len(ids) - len(to_ask.ids), len(ids))
        with News(journal.path.parent, plan.asked_digest, begun, is_shown=show_progress) as news:
            store = _Store(journal, run, plan.asked_digest, news)
            handout = in_turn.handout(journal, run, dataset.records(todo), frozenset(todo))
            queue = WorkQueue(handout, Patience(agent.window, agent.patience), store, to_ask.failed)
            supervised(agent, queue)
            if queue.refusal is not None:
                queue.skip_rest()
            store.spend()
        info = journal.info(run)
        if queue.is_stopped and queue.refusal is None:
            raise RunError(
                f"the run was stopped: {info.planned - info.pending:,} of {info.planned:,} decisions are stored",
                where=f"agent {agent.name}, split {selection.split.value}",
                remedy=GOES_ON,
            )
        return Session(info, len(todo), queue.n_unmatched, queue.refusal)


class _Store:
    """Writes decisions of one run to the journal and tells how far it is."""

    def __init__(self, journal: Journal, run: str, asked: str, news: News) -> None:
        self._journal = journal
        self._run = run
        self._asked = asked
        self._news = news
        self._since = time.monotonic()
        self._called = 0

    def __call__(self, decided: Sequence[tuple[str, Decision]]) -> None:
        """Store (record digest, decision) pairs in one transaction."""
        self._journal.keep(self._asked, decided)
        self._called += sum(decision.attempts > 0 for _, decision in decided)
        troubles = sum(decision.status is not Status.OK for _, decision in decided)
        self._news.stored(len(decided), troubles)
        if time.monotonic() - self._since > SPENDING_S:
            self.spend()

    def spend(self) -> None:
        """Note the time since the last note."""
        now = time.monotonic()
        self._journal.spend(self._run, self._called, now - self._since)
        self._since, self._called = now, 0
