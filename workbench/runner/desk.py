"""The desk: hands records out while there is room, takes decisions in, stores them turn by turn."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence

from workbench.decisions import Decision, Status
from workbench.engines.protocol import FailureCause
from workbench.errors import RunError
from workbench.records import Record

STORING_S = 0.02


class Desk:
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

    def __aiter__(self) -> Desk:
        return self

    async def __anext__(self) -> Record:
        if not self._open and time.monotonic() - self._stored_at > STORING_S:
            self.flush()
            await asyncio.sleep(0)  # an agent that calls and waits never lets the loop turn, and a signal waits for it
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
