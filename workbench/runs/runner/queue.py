"""The work queue: hands records out while there is room, takes decisions in, stores them turn by turn."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace

from workbench.agents import Decision
from workbench.engines import FailureCause
from workbench.metrics import Status
from workbench.records import Record
from workbench.runs.runner.turns import Handout
from workbench.words import RunError

STORING_S = 0.02
ABOUT_THE_SERVER = frozenset(
    cause.value
    for cause in (
        FailureCause.CONNECTION,
        FailureCause.TIMEOUT,
        FailureCause.NO_REPLY,
        FailureCause.SERVER_ERROR,
        FailureCause.RATE_LIMITED,
    )
)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a run stopped asking: how the first of so many calls in a row failed."""

    cause: str
    detail: str
    n_failed: int


@dataclass(frozen=True, slots=True)
class Patience:
    """How much is under way at once, and after how many failures in a row nothing further is asked.

    Until the first answer no more than `failures` records are handed out, so that what never answers is asked no
    further ones meanwhile. Once something was answered, twice as many failures in a row that may lie in the server
    end the run; those that may lie in the records do not.
    """

    window: int
    failures: int


class WorkQueue:
    """Hands out records while there is room and takes decisions in; safe for several waiting workers of one loop."""

    def __init__(
        self,
        records: Handout,
        patience: Patience,
        store: Callable[[Sequence[tuple[str, Decision]]], None],
        failed_before: Collection[str] = (),
    ) -> None:
        self._records = records
        self._patience = patience
        self._store = store
        self._failed_before = failed_before
        self._has_answer = False
        self._n_failed = 0
        self._first: Decision | None = None
        self._open: dict[str, tuple[str, float]] = {}
        self._is_exhausted = False
        self._stored_at = time.monotonic()
        self._decided: list[tuple[str, Decision]] = []
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._turn: asyncio.Handle | None = None
        self._error: RunError | None = None
        self.is_stopped = False
        self.n_unmatched = 0
        self.refusal: Refusal | None = None

    def __aiter__(self) -> WorkQueue:
        return self

    async def __anext__(self) -> Record:
        if not self._open and time.monotonic() - self._stored_at > STORING_S:
            self.flush()
            await asyncio.sleep(0)  # an agent that calls and waits never lets the loop turn, and a signal waits for it
        record = None
        while not self.is_stopped:
            record = self._records.take() if self._has_room() else None
            if record is not None:
                break
            if self._has_room() and self._records.is_over:
                self._is_exhausted = True
                raise StopAsyncIteration
            if not self._open:
                self.flush()
                continue
            room: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(room)
            await room
        if record is None:
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
        self._judge(decision)
        self._decided.append((opened[0], self._records.decided(decision)))
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
            self._judge(lost)
            self._decided.append((digest, self._records.decided(lost)))

    def _has_room(self) -> bool:
        n_out = len(self._open) + len(self._decided)
        is_tried = self._has_answer or self._n_failed + len(self._open) < self._patience.failures
        return n_out < self._patience.window and is_tried

    def _judge(self, decision: Decision) -> None:
        """Stop the run where the credentials were refused, or where too many calls in a row failed."""
        if decision.status is not Status.FAILED:
            self._has_answer, self._n_failed, self._first = True, 0, None
            return
        if self._has_answer and decision.cause not in ABOUT_THE_SERVER | {FailureCause.AUTH.value}:
            self._n_failed, self._first = 0, None
            return
        self._n_failed += 1
        self._first = self._first or decision
        most = self._patience.failures * (2 if self._has_answer else 1)
        is_auth = decision.cause == FailureCause.AUTH.value
        if self.refusal is None and (is_auth or self._n_failed >= most):
            said = decision if is_auth else self._first
            self.refusal = Refusal(said.cause or "", said.detail or "", self._n_failed)
            self.stop()

    def skip_rest(self) -> None:
        """Store a skipped decision for every record that was not handed out, unless it has a failed one."""
        if self.refusal is None:
            return
        rest = Decision("", Status.SKIPPED, cause=self.refusal.cause, detail=self.refusal.detail)
        for record in self._records.rest():
            if record.id in self._failed_before:
                continue
            self._decided.append((record.digest, replace(rest, record_id=record.id)))
            if len(self._decided) >= self._patience.window:
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
