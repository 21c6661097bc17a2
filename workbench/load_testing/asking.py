"""What an agent is asked in a load test: some records without load first, then those of a schedule, rows of each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from tqdm.auto import tqdm

from workbench.agents import Agent, Decision, standing_for
from workbench.agents.callables import check_may_ask
from workbench.environment import ToolCall
from workbench.load_testing.feeding import ArrivalFeed, Bounded, Moments
from workbench.load_testing.generator import ArrivalsToAsk, Driven, Store, driven
from workbench.load_testing.sampling import SAMPLES, ProcessRole, ResourceSampler, no_samples
from workbench.load_testing.schedule import Schedule
from workbench.metrics import Status
from workbench.pilot import Pilot
from workbench.records import Record, repeated_record
from workbench.records.splits import Dataset, Split
from workbench.runs.journal import JOURNAL_FILE, Apart, Journal, RunPlan
from workbench.runs.runner import require_decisions
from workbench.stats import Floats

WARM = 8  # decisions before the clock starts: a process is there then, and its connections
FEWEST_ALONE = 20  # decisions without load, however long they take
LATE = 1.25  # of its own deadline: an agent that has not answered then does not
DRAINED_S = 15.0  # at least, and as long as arrivals come, in which a queue is left to be worked off
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
    """The development records that arrive, each once."""

    dataset: Dataset
    by_id: Mapping[str, Record]

    @classmethod
    def of(cls, dataset: Dataset, most: int) -> DistinctRecords:
        """Return the first development records in their drawn order."""
        ids = dataset.ids(Split.DEV, most)
        return cls(dataset, {one.id: one for one in dataset.records(ids)})

    def only(self, ids: Collection[str]) -> DistinctRecords:
        """Return those of some ids."""
        return replace(self, by_id={name: one for name, one in self.by_id.items() if name in ids})

    @property
    def digest(self) -> str:
        """That of the data set."""
        return self.dataset.digest


@dataclass(frozen=True, slots=True)
class Alone:
    """How long a decision takes without load: of n, in rounds of `FEWEST_ALONE`, the medians of the rounds' numbers.

    What else a machine does for a moment is in few of the rounds.
    """

    n: int
    mean_s: float
    p95_s: float

    @classmethod
    def of(cls, seconds: Floats) -> Alone:
        """Return the same of the seconds of decisions in their order; NaN for those that were not asked."""
        asked = seconds[~np.isnan(seconds)]
        rounds = np.array_split(asked, max(1, len(asked) // FEWEST_ALONE))
        p95s = [np.quantile(one, 0.95, method="inverted_cdf") for one in rounds]
        return cls(len(asked), float(np.median([one.mean() for one in rounds])), float(np.median(p95s)))


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

    @classmethod
    def nothing(cls) -> PartRun:
        """Return what is seen where nothing arrives."""
        times, counts = ("real_due_s", "due_s", "fired_s", "sent_s", "done_s"), ("number", "part")
        kinds = {**dict.fromkeys(times, float), **dict.fromkeys(counts, int)}
        arrivals = pd.DataFrame(columns=[*ARRIVALS, "part", "alone"], dtype=object).astype(kinds)
        calls = pd.DataFrame(columns=list(CALL_COLUMNS), dtype=object).astype({"n": int})
        return cls(arrivals, calls, no_samples(), pd.DataFrame(), 0)


def asked_alone(
    pilot: Pilot, agent: Agent, records: DistinctRecords, at_most_s: float
) -> tuple[dict[str, str | None], Alone]:
    """Return what an agent decides on records asked one after another, as far as it decides, and how long that takes.

    As many of them as the time is enough for, so many at least that their times can be told; kept in the journal.

    Raises
    ------
    RunError
        Not one record got a decision.
    """
    bases = list(records.by_id.values())
    more = range(len(bases), WARM + max(FEWEST_ALONE, len(bases)))
    again = [repeated_record(bases[place % len(bases)], f"unloaded {place}") for place in more]
    warm, asked = again[:WARM], [*bases, *again[WARM:]]
    check_may_ask(f"{len(asked):,} decisions of {agent.name}")
    found: dict[int, Decision] = {}
    first = Bounded(at_most_s, WARM + FEWEST_ALONE)
    done = driven(_standing(agent, [*warm, *asked]), ArrivalsToAsk([*warm, *asked], first=first), found.update)
    decided = [found[place] for place in range(WARM, WARM + len(bases)) if place in found]
    plan = RunPlan(agent.name, Apart.LOAD.value, agent.identity, records.digest)
    with Journal(pilot.runs / JOURNAL_FILE) as journal:
        digests = {one.record_id: records.by_id[one.record_id].digest for one in decided}
        run = journal.plan(plan, digests.items())
        journal.keep(plan.asked_digest, [(digests[one.record_id], one) for one in decided])
        require_decisions(journal.decisions(run), agent.name)
    taken = (done.moments.done - done.moments.sent)[WARM:]
    return {one.record_id: one.action if one.status is Status.OK else None for one in decided}, Alone.of(taken)


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
            due, ends_s = schedule.table["due_s"].tolist(), _end_s(agent, schedule)
            arrivals = ArrivalsToAsk([*warm, *arriving], due, start_at, ends_s)
            done = driven(_standing(agent, [*warm, *arriving]), arrivals, take, feeds.append)
    table = rows.table(schedule, done)
    samples = sampler.table(done.began)
    return PartRun(table, rows.calls(), samples[samples["t_s"] >= 0].reset_index(drop=True), sampler.gpus(done.began),
                   done.n_unmatched)  # fmt: skip


def _end_s(agent: Agent, schedule: Schedule) -> float:
    """Return the seconds after the start when the test ends, whatever is undecided then."""
    patience_s = LATE * (agent.deadline_s or 0.0)
    return schedule.window_s + max(patience_s, DRAINED_S, schedule.window_s)


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
