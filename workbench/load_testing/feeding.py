"""Records handed to an agent when they are due, whether it has answered the ones before or not; three times of each."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from workbench.agents import Decision
from workbench.engines import FailureCause
from workbench.metrics import Status
from workbench.records import Record
from workbench.stats import Floats


@dataclass(frozen=True, slots=True, eq=False)
class Moments:
    """When each arrival was noticed, taken by the agent and decided: seconds after the start, NaN for never.

    All arrays have one value for each arrival; they are made before the start, so that nothing grows during a test.
    """

    fired: Floats
    sent: Floats
    done: Floats

    @classmethod
    def of(cls, n: int) -> Moments:
        """Return those of n arrivals of which nothing has happened yet."""
        return cls(*(np.full(n, np.nan) for _ in range(3)))


@dataclass(frozen=True, slots=True)
class Bounded:
    """How many records are asked one after another: all that `at_most_s` is enough for, `fewest` whatever it takes."""

    at_most_s: float = math.inf
    fewest: int = 0


UNBOUNDED = Bounded()


class ArrivalFeed:
    """The records of a schedule as an agent's source: each is there when it is due, and waits while the agent is busy.

    An agent that has `room` records under way gets no further one until it has decided one; what waits here is the
    agent's waiting. Records before those with a due time are due when the one before them is decided: by them a process
    is started before the clock is, and decisions are timed without load. Of these as many are asked as `first` says.

    Parameters
    ----------
    records : sequence of Record
        Those without a due time first, then in the order of the schedule; each with an id of its own.
    due : sequence of float
        Seconds after the start, for the last of the records.
    room : int
        Records that may be under way at once.
    decided : callable
        Takes the place of an arrival among the records and its decision.
    first : Bounded
        Of the records without a due time, where there are no others.
    """

    def __init__(
        self, records: Sequence[Record], due: Sequence[float], room: int, decided: Callable[[int, Decision], None],
        first: Bounded = UNBOUNDED,
    ) -> None:  # fmt: skip
        self.moments = Moments.of(len(records))
        self.n_first = len(records) - len(due)
        self.n_done = 0
        self.n_unmatched = 0
        self.is_warm: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._records, self._due, self._room, self._decided, self._first = records, due, room, decided, first
        self._place = {record.id: place for place, record in enumerate(records)}
        self._open: dict[int, float] = {}
        self._ready: deque[int] = deque()
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._n_taken = 0
        self._since_s = 0.0
        self._start_s = asyncio.get_running_loop().time()
        if self.n_first:
            self._arrive(0)
        else:
            self.is_warm.set_result(None)

    def begin(self, start_s: float) -> None:
        """Set a timer for each arrival; `start_s` is the start by the clock of the running loop."""
        self._start_s = start_s
        loop = asyncio.get_running_loop()
        for place, due_s in enumerate(self._due, start=self.n_first):
            loop.call_at(start_s + due_s, self._arrive, place)

    def __aiter__(self) -> ArrivalFeed:
        return self

    async def __anext__(self) -> Record:
        while not (self._ready and len(self._open) < self._room):
            if self._n_taken == len(self._records):
                self._wake()
                raise StopAsyncIteration
            turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(turn)
            await turn
        place = self._ready.popleft()
        self._n_taken += 1
        now = self._now()
        self.moments.sent[place] = now
        self._open[place] = now
        if self._n_taken == len(self._records):
            self._wake()
        return self._records[place]

    def accept(self, decision: Decision) -> None:
        """Take a decision in; one on no open record is counted and dropped."""
        place = self._place.get(decision.record_id)
        if place is None or self._open.pop(place, None) is None:
            self.n_unmatched += 1
            return
        self._settle(place, decision)

    def give_up(self, older_than_s: float | None = None) -> None:
        """Count open records as failed: those taken so long ago, or all of them."""
        now = self._now()
        for place, sent_s in list(self._open.items()):
            if older_than_s is None or now - sent_s > older_than_s:
                del self._open[place]
                self._settle(place, _unanswered(self._records[place].id, now - sent_s))

    def end(self) -> None:
        """Count everything that has no decision as failed, whether the agent has taken it or not."""
        self.give_up()
        while self._ready:
            place = self._ready.popleft()
            self._n_taken += 1
            self._settle(place, _unanswered(self._records[place].id, self._now() - self.moments.fired[place]))
        self._wake()

    @property
    def is_over(self) -> bool:
        """Whether every arrival is decided or given up."""
        return self.n_done == len(self._records)

    def _settle(self, place: int, decision: Decision) -> None:
        self.moments.done[place] = self._now()
        self.n_done += 1
        self._decided(place, decision)
        if place < self.n_first:
            self._follow(place + 1)
        self._wake_one()

    def _follow(self, place: int) -> None:
        """Let the next of the records without a due time come, or say that they are over."""
        if place == 1:
            self._since_s = self._now()
        if not len(self._due) and place >= self._first.fewest and self._now() - self._since_s > self._first.at_most_s:
            self._records = self._records[:place]
            self.n_first = place
            self._wake()
        if place < self.n_first:
            self._arrive(place)
        elif place == self.n_first:
            self.is_warm.set_result(None)

    def _arrive(self, place: int) -> None:
        self.moments.fired[place] = self._now()
        self._ready.append(place)
        self._wake_one()

    def _now(self) -> float:
        return asyncio.get_running_loop().time() - self._start_s

    def _wake_one(self) -> None:
        while self._ready and self._waiting and len(self._open) < self._room:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return

    def _wake(self) -> None:
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)


def _unanswered(name: str, latency_s: float) -> Decision:
    """Return the failure of a record that nobody answered."""
    return Decision(name, Status.FAILED, cause=FailureCause.NO_REPLY.value, latency_s=latency_s, attempts=1)
