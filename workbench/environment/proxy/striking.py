"""What each fault does to the request that meets it."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from workbench.environment.proxy.kinds import ArmedFault, FaultKind
from workbench.environment.proxy.messages import HttpMessage, field_renamed, plain_answer
from workbench.environment.proxy.routes import FaultRoute

RETRY_AFTER = {"Retry_After": "1"}
FAILED = "500 Internal Server Error"
STALE = "0" * 32  # a token, key or password that no system knows
STALE_BASIC = "Basic c3RhbGU6c3RhbGU="  # stale:stale
RESET_NOT_ENDED = struct.pack("ii", 1, 0)  # of SO_LINGER

# Faults that keep a request from the system: what is answered in its place.
REFUSED: dict[FaultKind, tuple[str, dict[str, str]]] = {
    FaultKind.ERROR_BEFORE: (FAILED, {}),
    FaultKind.UNAVAILABLE: ("503 Service Unavailable", RETRY_AFTER),
    FaultKind.THROTTLED: ("429 Too Many Requests", RETRY_AFTER),
    FaultKind.THROTTLED_AGAIN: ("429 Too Many Requests", RETRY_AFTER),
    FaultKind.THROTTLED_SILENT: ("429 Too Many Requests", {}),
    FaultKind.DELIVERED_TWICE: ("200 OK", {}),
}


class _Noting(Protocol):
    def __call__(self, done: str, *, accepted: bool) -> None:
        """Write into the ledger that the fault was met."""


@dataclass(frozen=True, slots=True)
class Strike:
    """A request that meets a fault.

    Parameters
    ----------
    asked : callable
        Forwards a request and returns the system's whole answer.
    note : callable
        Writes into the ledger what was done.
    hold_s : float
        How long a caller that waits is waited for.
    """

    fault: ArmedFault
    route: FaultRoute
    request: HttpMessage
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    asked: Callable[[HttpMessage], Awaitable[HttpMessage]]
    note: _Noting
    hold_s: float

    async def happen(self) -> None:
        """Do the fault; what must strike an accepted request lets another one's answer through."""
        kind = self.fault.kind
        if kind in REFUSED:
            status, headers = REFUSED[kind]
            self.note(f"answered {status}, not forwarded", accepted=False)
            self.give(plain_answer(status, {} if status.startswith("200") else {"error": status}, **headers))
        elif kind is FaultKind.RESET_BEFORE:
            self.note("connection reset, not forwarded", accepted=False)
            self.reset()
        elif kind is FaultKind.STALE_TOKEN:
            await self.go_stale()
        else:
            answer = await self.asked(self.request)
            await (_AFTER[kind](self, answer) if is_accepted(answer) else self.let_through(answer))

    async def swap(self, late: HttpMessage | None) -> HttpMessage | None:
        """Give the second message before the first, and return the first; the call after it is given that one."""
        first = late or await self.asked(self.request)
        second = None if late is not None or not first.body else await self.asked(self.request)
        if second is None or not second.body or not (is_accepted(first) and is_accepted(second)):
            self.give(first)
            return None
        self.note("forwarded twice, the second message given before the first", accepted=True)
        self.give(second)
        return first

    async def let_through(self, answer: HttpMessage) -> None:
        """Give an answer as it is."""
        self.give(answer)

    def give(self, answer: HttpMessage) -> None:
        """Give an answer."""
        self.writer.write(answer.head() + answer.body)

    def reset(self) -> None:
        """Reset the connection."""
        self.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_NOT_ENDED)
        self.writer.transport.abort()

    async def left_within(self, seconds: float) -> bool:
        """Return whether the caller leaves within some time, which is waited for."""
        try:
            await asyncio.wait_for(self.reader.read(1), seconds)
        except TimeoutError:
            return False
        except OSError:
            return True
        return True

    async def go_stale(self) -> None:
        """Forward the request with credentials that the system does not know, and give its answer."""
        name = self.route.credentials
        scheme = self.request.header(name).partition(" ")[0].lower()
        stale = STALE_BASIC if scheme == "basic" else f"Bearer {STALE}" if scheme == "bearer" else STALE
        answer = await self.asked(self.request.with_header(name, stale))
        self.note(f"{name} replaced by a stale one, answered {answer.status}", accepted=is_accepted(answer))
        self.give(answer)

    async def reset_after(self, answer: HttpMessage) -> None:
        """Throw the answer away."""
        self.note(f"forwarded, its answer {answer.status} thrown away, connection reset", accepted=True)
        self.reset()

    async def fall_silent(self, answer: HttpMessage) -> None:
        """Never answer."""
        self.note(f"forwarded, its answer {answer.status} never given", accepted=True)
        await self.left_within(self.hold_s)

    async def fail_after(self, answer: HttpMessage) -> None:
        """Answer 500 in place of what the system answered."""
        self.note(f"forwarded, answered {FAILED} in place of {answer.status}", accepted=True)
        self.give(plain_answer(FAILED, {"error": FAILED}))

    async def truncate(self, answer: HttpMessage) -> None:
        """Give half of the body that was announced."""
        half = len(answer.body) // 2
        if half:
            self.note(f"forwarded, {half} of {len(answer.body)} bytes given, then the end", accepted=True)
        self.writer.write(answer.head() + answer.body[:half])

    async def dribble(self, answer: HttpMessage) -> None:
        """Give the body byte by byte, so slowly that it takes as long as a caller is waited for."""
        self.writer.write(answer.head())
        if answer.body:
            self.note(f"forwarded, {len(answer.body)} bytes given over {self.hold_s:g} s", accepted=True)
        for n in range(len(answer.body)):
            self.writer.write(answer.body[n : n + 1])
            await self.writer.drain()
            if await self.left_within(self.hold_s / len(answer.body)):
                return

    async def repeat(self, answer: HttpMessage) -> None:
        """Deliver the request once more, and give the first answer."""
        again = await self.asked(self.request)
        self.note(f"forwarded twice, answered {answer.status} and {again.status}", accepted=True)
        self.give(answer)

    async def rename(self, answer: HttpMessage) -> None:
        """Give the answer with a field under another name."""
        found = field_renamed(answer, self.fault.fields)
        if found is not None:
            answer, field = found
            self.note(f"forwarded, the field {field} of its answer renamed", accepted=True)
        self.give(answer)


def is_accepted(answer: HttpMessage) -> bool:
    """Return whether a system accepted what it answers so."""
    return answer.status < 400


_AFTER: dict[FaultKind, Callable[[Strike, HttpMessage], Awaitable[None]]] = {
    FaultKind.RESET_AFTER: Strike.reset_after,
    FaultKind.TIMEOUT_AFTER: Strike.fall_silent,
    FaultKind.ERROR_AFTER: Strike.fail_after,
    FaultKind.TRUNCATED: Strike.truncate,
    FaultKind.SLOW: Strike.dribble,
    FaultKind.DUPLICATE: Strike.repeat,
    FaultKind.WRONG_SCHEMA: Strike.rename,
}
