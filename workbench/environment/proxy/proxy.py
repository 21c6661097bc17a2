"""The proxy: it listens on this machine, forwards to one server, and lets the fault happen that it is armed with."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self
from urllib.parse import urlsplit

from workbench.environment.proxy.kinds import ArmedFault, FaultKind, FiredFault
from workbench.environment.proxy.messages import END_OF_HEAD, HttpMessage, ending_head, plain_answer, read_message
from workbench.environment.proxy.routes import FaultRoute
from workbench.environment.proxy.striking import Strike

LOOPBACK = "127.0.0.1"
LARGEST = 16 * 1024 * 1024  # bytes of a head
PART = 64 * 1024


@dataclass(slots=True)
class _Armed:
    """A fault that waits for its call; `late` is a message that is held back for the call after it."""

    fault: ArmedFault
    route: FaultRoute
    calls: int = 0
    late: HttpMessage | None = None

    def is_struck(self) -> bool:
        """Count a call, and return whether it meets the fault."""
        self.calls += 1
        last = self.fault.call + (self.fault.kind is FaultKind.THROTTLED_AGAIN)
        return self.late is not None or self.fault.call <= self.calls <= last


class FaultProxy:
    """Stands before one server; use it in `async with`.

    Parameters
    ----------
    upstream : str
        `http://HOST:PORT` that everything is forwarded to.
    hold_s : float
        Seconds for which a caller that waits for an answer, or for the rest of it, is waited for.

    Attributes
    ----------
    ledger : list of FiredFault
        Every fault that was met, in order. A fault that comes after the system accepted a request stands there only
        where it did accept it.
    """

    def __init__(self, upstream: str, *, hold_s: float = 30.0) -> None:
        self._upstream, self._hold_s = urlsplit(upstream), hold_s
        self._server: asyncio.Server | None = None
        self._armed: _Armed | None = None
        self._under_way: set[asyncio.Task[None]] = set()  # asyncio itself holds them but weakly
        self.ledger: list[FiredFault] = []

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._begin, LOOPBACK, 0, limit=LARGEST)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.close()
        for task in self._under_way:
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)

    @property
    def address(self) -> str:
        """`http://HOST:PORT` of the open proxy."""
        assert self._server is not None
        return f"http://{LOOPBACK}:{self._server.sockets[0].getsockname()[1]}"

    def arm(self, fault: ArmedFault, route: FaultRoute) -> None:
        """Let a fault happen from now on where a call of its operation comes, and no other one."""
        self._armed = _Armed(fault, route)

    def disarm(self) -> None:
        """Forward everything from now on."""
        self._armed = None

    def _begin(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection, which carries one request."""
        try:
            request = await read_message(reader)
            if request is not None:
                armed = self._armed
                if armed is not None and armed.route.takes(request, armed.fault.correlation) and armed.is_struck():
                    await self._strike(armed, request, reader, writer)
                else:
                    await self._pass(request, writer)
        except (OSError, EOFError):  # a caller that left, or a server that is not there
            if not writer.is_closing():
                answer = plain_answer("502 Bad Gateway", {"error": "the system behind the proxy does not answer"})
                writer.write(answer.head() + answer.body)
        finally:
            writer.close()

    async def _strike(
        self, armed: _Armed, request: HttpMessage, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        def note(done: str, *, accepted: bool) -> None:
            at = datetime.now(UTC).isoformat(timespec="milliseconds")
            self.ledger.append(FiredFault(armed.fault, at, f"{request.method} {request.path}", done, accepted))

        strike = Strike(armed.fault, armed.route, request, reader, writer, self._asked, note, self._hold_s)
        if armed.fault.kind is FaultKind.OUT_OF_ORDER:
            armed.late = await strike.swap(armed.late)
        else:
            await strike.happen()
        await writer.drain()

    async def _opened(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        is_tls = self._upstream.scheme == "https"
        port = self._upstream.port or (443 if is_tls else 80)
        return await asyncio.open_connection(self._upstream.hostname, port, ssl=is_tls or None, limit=LARGEST)

    async def _pass(self, request: HttpMessage, writer: asyncio.StreamWriter) -> None:
        """Forward a request, and its answer as it comes."""
        reader, upstream = await self._opened()
        with contextlib.closing(upstream):
            upstream.write(request.head() + request.body)
            writer.write(ending_head(await reader.readuntil(END_OF_HEAD)))
            while part := await reader.read(PART):
                writer.write(part)
                await writer.drain()

    async def _asked(self, request: HttpMessage) -> HttpMessage:
        """Return the server's whole answer to a request."""
        reader, upstream = await self._opened()
        with contextlib.closing(upstream):
            upstream.write(request.head() + request.body)
            answer = await read_message(reader)
        if answer is None:
            raise EOFError
        return answer
