"""The runner: one agent over a fixed set of records, each ending in exactly one terminal row of the journal.

A record is handed to the agent only while fewer than `window` records are under way or decided but not yet stored, so a
process killed at any moment repeats at most `window` calls. Decisions that come in one turn of the event loop share one
transaction.
"""

from __future__ import annotations

import asyncio
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Never

import pandas as pd
from tqdm import tqdm

from workbench.agents import Agent
from workbench.decisions import Decision, Status
from workbench.engines.protocol import FailureCause
from workbench.errors import RunError
from workbench.journal import Journal, RunInfo, RunPlan, key_of, sole_run
from workbench.records import Record
from workbench.splits import Dataset, Split

GRACE_S = 10.0
LATE = 1.25
SPENDING_S = 1.0
STORING_S = 0.02


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
    refusal : str, optional
        Why the run had to stop asking: the server refused the credentials. The rest was skipped.
    """

    info: RunInfo
    n_asked: int
    n_unmatched: int
    refusal: str | None


@dataclass(frozen=True, slots=True)
class Selection:
    """Which records a run is about."""

    dataset: Dataset
    split: Split
    ids: pd.Index[str]


def run_agent(journal: Journal, agent: Agent, selection: Selection, *, show_progress: bool = True) -> Session:
    """Bring every planned decision of an agent into the journal and return what was done.

    Decisions that are there already are not asked again; failed and skipped ones are. SIGINT and SIGTERM stop asking,
    wait up to ten seconds for the calls under way and store what came; a second signal does not wait.

    Raises
    ------
    RunError
        The run was interrupted, the journal could not be written, or the same agent version is being run elsewhere.
    """
    dataset, ids = selection.dataset, selection.ids
    plan = RunPlan(agent.name, selection.split.value, agent.identity, dataset.digest)
    with sole_run(journal.path.parent, plan.agent_digest):
        run = journal.plan(plan, zip(ids, dataset.digests(ids), strict=True))
        to_ask = journal.to_ask(run)
        todo = ids[ids.isin(list(to_ask))]
        if not len(todo):
            return Session(journal.info(run), 0, 0, None)
        bar = tqdm(
            desc=agent.name, total=len(ids), initial=len(ids) - len(todo), unit=" records", smoothing=0.1,
            disable=not show_progress, file=sys.stderr, dynamic_ncols=True,
        )  # fmt: skip
        with bar:
            store = _Store(journal, run, plan.agent_digest, bar)
            desk = _Desk(dataset.records(todo), agent.window, store)
            _supervised(agent, desk)
            if desk.refusal is not None:
                desk.skip_rest()
            store.spend()
        info = journal.info(run)
        if desk.is_stopped and desk.refusal is None:
            raise RunError(
                f"the run was stopped: {info.planned - info.pending:,} of {info.planned:,} decisions are stored",
                where=f"agent {agent.name}, split {selection.split.value}",
                remedy="run the same command again: it goes on where it stopped",
            )
        return Session(info, len(todo), desk.n_unmatched, desk.refusal)


class _Store:
    """Writes decisions of one run to the journal and moves the progress bar."""

    def __init__(self, journal: Journal, run: str, agent_digest: str, bar: tqdm[Never]) -> None:
        self._journal = journal
        self._run = run
        self._agent_digest = agent_digest
        self._bar = bar
        self._since = time.monotonic()
        self._called = 0
        self._troubles = 0

    def __call__(self, decided: Sequence[tuple[str, Decision]]) -> None:
        """Store (record digest, decision) pairs in one transaction."""
        self._journal.append([(key_of(self._agent_digest, digest), decision) for digest, decision in decided])
        self._called += sum(decision.attempts > 0 for _, decision in decided)
        troubles = sum(decision.status is not Status.OK for _, decision in decided)
        if troubles:
            self._troubles += troubles
            self._bar.set_postfix_str(f"{self._troubles:,} without a decision", refresh=False)
        self._bar.update(len(decided))
        if time.monotonic() - self._since > SPENDING_S:
            self.spend()

    def spend(self) -> None:
        """Note the time since the last note."""
        now = time.monotonic()
        self._journal.spend(self._run, self._called, now - self._since)
        self._since, self._called = now, 0


class _Desk:
    """Hands out records while there is room and takes decisions in; safe for several waiting workers of one loop."""

    def __init__(
        self, records: Iterator[Record], window: int, store: Callable[[Sequence[tuple[str, Decision]]], None]
    ) -> None:
        self._records = records
        self._window = window
        self._store = store
        self._open: dict[str, tuple[str, float]] = {}
        self._is_exhausted = False
        self._stored_at = time.monotonic()
        self._decided: list[tuple[str, Decision]] = []
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._turn: asyncio.Handle | None = None
        self._error: RunError | None = None
        self.is_stopped = False
        self.n_unmatched = 0
        self.refusal: str | None = None

    def __aiter__(self) -> _Desk:
        return self

    async def __anext__(self) -> Record:
        if not self._open and time.monotonic() - self._stored_at > STORING_S:
            self.flush()  # an agent that calls and waits never lets the loop turn
        while not self.is_stopped and len(self._open) + len(self._decided) >= self._window:
            if not self._open:
                self.flush()
                continue
            room: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(room)
            await room
        if self.is_stopped:
            raise StopAsyncIteration
        record = next(self._records, None)
        if record is None:
            self._is_exhausted = True
            raise StopAsyncIteration
        self._open[record.id] = record.digest, time.monotonic()
        return record

    def accept(self, decision: Decision) -> None:
        """Take one decision in; it is stored at the next turn of the event loop."""
        if self._error is not None:
            raise self._error
        opened = self._open.pop(decision.record_id, None)
        if opened is None:
            self.n_unmatched += 1
            return
        if decision.cause == FailureCause.AUTH.value and self.refusal is None:
            self.refusal = decision.detail or "the credentials were refused"
            self.stop()
        self._decided.append((opened[0], decision))
        if self._turn is None:
            self._turn = asyncio.get_running_loop().call_soon(self._on_turn)

    def stop(self) -> None:
        """Hand out no further record."""
        self.is_stopped = True
        self._wake()

    def flush(self) -> None:
        """Store what was decided and make room."""
        if self._turn is not None:
            self._turn.cancel()
            self._turn = None
        decided, self._decided = self._decided, []
        if decided:
            self._store(decided)
        self._stored_at = time.monotonic()
        self._wake()

    def close(self) -> None:
        """Store the rest; a record that was never answered is failed, unless the run was interrupted."""
        if self._error is not None:
            raise self._error
        if not self.is_stopped or self.refusal is not None:
            self._give_up_on(list(self._open), "the agent ended without an answer to this record")
        self.flush()

    @property
    def is_over(self) -> bool:
        """Whether nothing is left to hand out or to wait for."""
        return not self._open and (self._is_exhausted or self.is_stopped)

    def expire(self, patience_s: float) -> bool:
        """Give up on the record that waits longest, if it waited so long; return whether it did.

        One at a time: an agent that works in batches may hold others back only because this one took their room.
        """
        oldest = next(iter(self._open), None)
        if oldest is None or time.monotonic() - self._open[oldest][1] < patience_s:
            return False
        self._give_up_on([oldest], f"no answer within {patience_s:.3g} s")
        self.flush()
        return True

    def _give_up_on(self, record_ids: list[str], detail: str) -> None:
        for record_id in record_ids:
            digest, since = self._open.pop(record_id)
            lost = Decision(
                record_id,
                Status.FAILED,
                cause=FailureCause.NO_REPLY.value,
                detail=detail,
                latency_s=time.monotonic() - since,
                attempts=1,
            )
            self._decided.append((digest, lost))

    def skip_rest(self) -> None:
        """Store a skipped decision for every record that was not handed out."""
        for record in self._records:
            skipped = Decision(record.id, Status.SKIPPED, cause=FailureCause.AUTH.value, detail=self.refusal)
            self._decided.append((record.digest, skipped))
            if len(self._decided) >= self._window:
                self.flush()
        self.flush()

    def _on_turn(self) -> None:
        self._turn = None
        try:
            self.flush()
        except RunError as error:
            self._error = error
            self.stop()

    def _wake(self) -> None:
        while self._waiting:
            room = self._waiting.popleft()
            if not room.done():
                room.set_result(None)


async def _drive(agent: Agent, desk: _Desk) -> None:
    """Let the agent decide everything the desk hands out, and give up on what it never answers."""
    deciding = asyncio.create_task(_decide_all(agent, desk))
    try:
        if agent.deadline_s is not None:
            await _bounded(deciding, desk, agent.deadline_s * LATE)
        if agent.deadline_s is None or deciding.done():
            await deciding
    finally:
        if not deciding.done():
            deciding.cancel()
            await asyncio.gather(deciding, return_exceptions=True)
        desk.close()


async def _bounded(deciding: asyncio.Task[None], desk: _Desk, patience_s: float) -> None:
    """Wait for an agent until it ends, or until it has nothing to do and still does not end."""
    pause_s = patience_s / 10
    while not deciding.done() and not desk.is_over:
        await asyncio.wait({deciding}, timeout=pause_s)
        pause_s = min(patience_s / 10, 0.05) if desk.expire(patience_s) else patience_s / 10
    await asyncio.wait({deciding}, timeout=patience_s / 10)


async def _decide_all(agent: Agent, desk: _Desk) -> None:
    decisions = agent.decide(desk)
    try:
        async for decision in decisions:
            desk.accept(decision)
    finally:
        closing = getattr(decisions, "aclose", None)
        if closing is not None:
            await closing()


def _supervised(agent: Agent, desk: _Desk) -> None:
    """Drive in a thread with an event loop of its own, so that it works in a notebook too; signals stop it gently."""
    loop = asyncio.new_event_loop()
    task = loop.create_task(_drive(agent, desk))
    with ThreadPoolExecutor(1, thread_name_prefix="workbench-runner") as pool, _gentle_signals(loop, task, desk):
        done = pool.submit(_until_done, loop, task)
        done.result()


def _until_done(loop: asyncio.AbstractEventLoop, task: asyncio.Task[None]) -> None:
    asyncio.set_event_loop(loop)
    try:
        loop.run_until_complete(task)
    except asyncio.CancelledError:
        pass  # a second signal or the end of the grace: what came in is stored
    finally:
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()


@contextmanager
def _gentle_signals(loop: asyncio.AbstractEventLoop, task: asyncio.Task[None], desk: _Desk) -> Iterator[None]:
    """Stop on the first SIGINT or SIGTERM, cancel on the second or after the grace."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def on_signal(number: int, frame: FrameType | None) -> None:
        if loop.is_closed():
            return
        if desk.is_stopped:
            loop.call_soon_threadsafe(task.cancel)
            return
        loop.call_soon_threadsafe(desk.stop)
        loop.call_soon_threadsafe(lambda: loop.call_later(GRACE_S, task.cancel))

    earlier = {number: signal.signal(number, on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)
