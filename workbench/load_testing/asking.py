"""What an agent is asked in a load test: some records without load first, then those of a schedule, rows of each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from tqdm.auto import tqdm

from workbench.agents import Agent, Decision, KnownAs, standing_for
from workbench.agents.callables import check_may_ask
from workbench.environment import ToolCall
from workbench.load_testing.feeding import ArrivalFeed, Moments
from workbench.load_testing.generator import ArrivalsToAsk, Driven, Store, driven
from workbench.load_testing.sampling import SAMPLES, ProcessRole, ResourceSampler
from workbench.load_testing.schedule import Schedule
from workbench.metrics import Status
from workbench.pilot import Pilot
from workbench.records import Record, Turns, repeated_record
from workbench.records.splits import Dataset, Split
from workbench.runs.journal import JOURNAL_FILE, Apart, Journal
from workbench.runs.runner import RecordSelection, require_asked, require_decisions, run_agent

WARM = 8  # decisions before the clock starts: a process is there then, and its connections
FAILING = frozenset({"error", "timeout"})
ARRIVALS = (
    "number",
    "phase",
    "record",
    "real_due_s",
    "due_s",
    "fired_s",
    "sent_s",
    "done_s",
    "status",
    "cause",
    "action",
)
CALL_COLUMNS = ("tool", "outcome", "n")


@dataclass(frozen=True, slots=True, eq=False)
class DistinctRecords:
    """The development records that arrive, each once; see `workbench.runs.runner.RecordSource`."""

    dataset: Dataset
    by_id: Mapping[str, Record]

    @classmethod
    def of(cls, dataset: Dataset, most: int) -> DistinctRecords:
        """Return the first development records in their drawn order."""
        ids = dataset.ids(Split.DEV, most)
        return cls(dataset, {one.id: one for one in dataset.records(ids)})

    @property
    def digest(self) -> str:
        """That of the data set."""
        return self.dataset.digest

    @property
    def ids(self) -> pd.Index[str]:
        """Their ids."""
        return pd.Index(list(self.by_id), dtype=object)

    def digests(self, ids: pd.Index[str]) -> pd.Series[str]:
        """Return each record's digest."""
        return self.dataset.digests(ids)

    def records(self, ids: pd.Index[str]) -> Iterator[Record]:
        """Yield records as an agent sees them."""
        return (self.by_id[name] for name in ids)

    def turns(self, ids: pd.Index[str], by: str) -> Turns:
        """Return that none follows another: whatever arrives is decided from empty memory."""
        return Turns()


class OneByOne(KnownAs):
    """An agent that has one record under way at once, whatever its window."""

    def __init__(self, asked: Agent) -> None:
        super().__init__(asked, asked.name, asked.identity)
        self.window = 1


@dataclass(frozen=True, slots=True, eq=False)
class PartRun:
    """What one machine saw of one profile.

    Parameters
    ----------
    arrivals : DataFrame
        A row for each arrival: those of the schedule, `fired_s`, `sent_s`, `done_s` (NaN for never), `status`, `cause`,
        `action`.
    calls : DataFrame
        Tool calls by `tool` and `outcome`.
    samples, gpus : DataFrame
        As `ResourceSampler` gives them.
    """

    arrivals: pd.DataFrame
    calls: pd.DataFrame
    samples: pd.DataFrame
    gpus: pd.DataFrame
    n_unmatched: int


def unloaded_actions(
    pilot: Pilot, agent: Agent, records: DistinctRecords, *, show_progress: bool
) -> dict[str, str | None]:
    """Return what an agent decides on each record when it is asked alone, as far as it decides.

    From the journal where it is there; else it is asked, one record after another, and kept there.

    Raises
    ------
    RunError
        The run was interrupted, the server refused the credentials, or not one record got a decision.
    """
    asked = OneByOne(agent)
    with Journal(pilot.runs / JOURNAL_FILE) as journal:
        selection = RecordSelection(records, Apart.LOAD, records.ids)
        session = run_agent(journal, asked, selection, show_progress=show_progress)
        require_asked(session, agent.name)
        decisions = journal.decisions(session.info.run)
        require_decisions(decisions, agent.name)
    is_ok = decisions["status"] == Status.OK.value
    return dict(decisions["action"].where(is_ok, None))


def timed_alone(agent: Agent, records: DistinctRecords, n: int) -> Sequence[float]:
    """Return the seconds of n decisions that were made one after another, the first ones left out."""
    check_may_ask(f"{n:,} decisions of {agent.name}")
    bases = list(records.by_id.values())
    asked = [repeated_record(bases[place % len(bases)], f"unloaded {place}") for place in range(WARM + n)]
    done = driven(_standing(agent, asked), ArrivalsToAsk(asked), lambda _: None)
    taken: list[float] = (done.moments.done - done.moments.sent)[WARM:].tolist()
    return taken


def asked_records_of(
    schedule: Schedule, records: DistinctRecords, seed: int, part: int = 0
) -> tuple[list[Record], list[Record]]:
    """Return the records that warm the agent up, and one for each arrival of a schedule, in its order."""
    bases, mark = list(records.by_id.values()), f"{schedule.profile.value} {seed}"
    warm = [repeated_record(bases[place % len(bases)], f"{mark} warm {part} {place}") for place in range(WARM)]
    named = zip(schedule.table["record"], schedule.table["number"], strict=True)
    return warm, [repeated_record(records.by_id[name], f"{mark} {number}") for name, number in named]


def ask_schedule(
    agent: Agent, asked: tuple[Sequence[Record], Sequence[Record]], schedule: Schedule, store: Store,
    others: Mapping[ProcessRole, frozenset[int]], *, start_at: float | None = None, show_progress: bool = True,
) -> PartRun:  # fmt: skip
    """Let an agent decide the arrivals of a schedule as they come, and return what was seen.

    Parameters
    ----------
    asked : two sequences of Record
        As `asked_records_of` gives them.
    store : callable
        Takes (place in the schedule, decision) pairs.
    others : mapping
        Processes to watch that this one has not started.
    start_at : float, optional
        When to start, by `time.time`.
    """
    warm, arriving = asked
    check_may_ask(f"{len(arriving):,} decisions of {agent.name}")
    rows, feeds = _Rows(len(arriving)), list[ArrivalFeed]()
    label = f"{agent.name}, {schedule.profile.value}"
    with tqdm(total=len(arriving), desc=label, disable=not show_progress, leave=False) as bar:

        def take(batch: Sequence[tuple[int, Decision]]) -> None:
            due = [(place - len(warm), decision) for place, decision in batch if place >= len(warm)]
            rows.take(due)
            store(due)
            bar.update(len(due))

        def n_decided() -> int:
            return max(0, feeds[0].n_done - feeds[0].n_first) if feeds else 0

        with ResourceSampler(n_decided, schedule.window_s / SAMPLES, others) as sampler:
            arrivals = ArrivalsToAsk([*warm, *arriving], schedule.table["due_s"].tolist(), start_at)
            done = driven(_standing(agent, [*warm, *arriving]), arrivals, take, feeds.append)
    table = rows.table(schedule, done)
    samples = sampler.table(done.began)
    return PartRun(table, rows.calls(), samples[samples["t_s"] >= 0].reset_index(drop=True), sampler.gpus(done.began),
                   done.n_unmatched)  # fmt: skip


def _standing(agent: Agent, asked: Sequence[Record]) -> Agent:
    """Return the agent, deciding each arrival as the record that it repeats."""
    return standing_for(agent, {one.id: one.id.rpartition("~")[0] for one in asked})


class _Rows:
    """What was decided, in lists that are as long from the beginning."""

    def __init__(self, n: int) -> None:
        self._status: list[str | None] = [None] * n
        self._cause: list[str | None] = [None] * n
        self._action: list[str | None] = [None] * n
        self._calls: Counter[tuple[str, str]] = Counter()

    def take(self, batch: Sequence[tuple[int, Decision]]) -> None:
        for place, decision in batch:
            self._status[place], self._cause[place] = decision.status.value, decision.cause
            self._action[place] = decision.action
            if decision.trace is not None:
                self._calls.update((call.name, call.outcome.value) for call in decision.trace.of(ToolCall))

    def table(self, schedule: Schedule, done: Driven) -> pd.DataFrame:
        seen: Moments = done.moments
        first = len(seen.fired) - len(schedule.table)
        times = {"fired_s": seen.fired, "sent_s": seen.sent, "done_s": seen.done}
        said = {"status": self._status, "cause": self._cause, "action": self._action}
        table = schedule.table.reset_index(drop=True).assign(**{name: at[first:] for name, at in times.items()})
        return table.assign(**{name: np.array(cells, dtype=object) for name, cells in said.items()})[list(ARRIVALS)]

    def calls(self) -> pd.DataFrame:
        rows = [(*call, n) for call, n in sorted(self._calls.items())]
        return pd.DataFrame(rows, columns=list(CALL_COLUMNS)).astype({"n": int})
