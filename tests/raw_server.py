"""A loopback server that writes bytes, not responses: every way in which a chat-completions server was seen to fail.

Calls about records with an even number get the fault, the others a good answer; nothing of aiohttp is in between.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import socket
import struct
import threading
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

GOOD_TEXT = '{"action": "approve", "reason": "-", "confidence": 0.9}'
NUMBER = re.compile(r"\bid: \D*(\d+)")
PATIENCE_S = 30.0
TLS_BEGINS = b"\x16"

Writes = Callable[[asyncio.StreamWriter], Awaitable[None]]
Fault = bytes | Writes


def completion(text: object = GOOD_TEXT, finish_reason: object = "stop", **more: Any) -> dict[str, Any]:
    """Return a chat completion; `more` belongs to its message where it has such a key, else to the choice."""
    message = {"role": "assistant", "content": text} | {k: v for k, v in more.items() if k in ("refusal", "tool_calls")}
    choice = {"index": 0, "message": message, "finish_reason": finish_reason}
    return {"id": "c", "model": "m", "choices": [choice | {k: v for k, v in more.items() if k not in message}]}


def http(content: object, status: int = 200, headers: str = "Content-Type: application/json") -> bytes:
    """Return a whole HTTP answer; what is neither bytes nor text is written as JSON."""
    if not isinstance(content, bytes):
        content = (content if isinstance(content, str) else json.dumps(content)).encode()
    lines = f"HTTP/1.1 {status} X\r\n{headers}\r\nConnection: close\r\nContent-Length: {len(content)}\r\n\r\n"
    return lines.encode() + content


def refused(status: int, message: str = "no", headers: str = "X: y") -> bytes:
    """Return an error of a server."""
    return http({"error": {"message": message}}, status, headers)


def said(text: str, finish_reason: str = "stop") -> bytes:
    """Return a completion with a text."""
    return http(completion(text, finish_reason))


def cut(answer: bytes, n_left_out: int = 20) -> bytes:
    """Return an answer without its last bytes, its Content-Length as it was."""
    return answer[:-n_left_out]


async def silent(writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(PATIENCE_S)


def then(answer: bytes, end: Writes) -> Writes:
    """Write the beginning of an answer, then do something else."""

    async def write(writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        await writer.drain()
        await end(writer)

    return write


async def reset(writer: asyncio.StreamWriter) -> None:
    """Close the connection by RST."""
    link = writer.get_extra_info("socket")
    link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def drip(writer: asyncio.StreamWriter) -> None:
    """Write a body byte by byte, far slower than anybody waits."""
    for byte in json.dumps(completion()).encode():
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(0.1)


async def late(writer: asyncio.StreamWriter) -> None:
    """Answer well, after those that were asked later."""
    await asyncio.sleep(0.3)
    writer.write(GOOD)


async def endless(writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(b" " * 65536)
        await writer.drain()


def chunked(*chunks: bytes) -> bytes:
    """Return an answer in chunks without the last one, which ends it."""
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    return head + b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks)


GOOD = http(completion())
HEAD = GOOD.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
KEPT_ALIVE = GOOD.replace(b"Connection: close", b"Connection: keep-alive")
GZIP = "Content-Encoding: gzip"
BODY = json.dumps(completion())


class RawServer:
    """Serves one fault on a loopback port, in a thread with an event loop of its own."""

    def __init__(self, fault: Fault, listed: bytes) -> None:
        self._fault = fault
        self._listed = listed
        self.port = 0

    @property
    def url(self) -> str:
        """Base address."""
        return f"http://127.0.0.1:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one connection's first call and close it."""
        try:
            await self._answer(reader, writer)
        except asyncio.CancelledError:
            writer.transport.abort()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            head = await reader.readexactly(1)
            if head == TLS_BEGINS:
                writer.write(refused(400))  # in clear, as servers without TLS do
                writer.close()
                return
            head += await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"content-length: (\d+)", head.lower())
            body = b"" if length is None else await reader.readexactly(int(length[1]))
            found = NUMBER.search(json.loads(body)["messages"][-1]["content"]) if body else None
            if found is None:
                writer.write(self._listed)
            elif int(found[1]) % 2:
                writer.write(GOOD)
            elif isinstance(self._fault, bytes):
                writer.write(self._fault)
            else:
                await self._fault(writer)
            await writer.drain()
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()

    async def run(self, is_up: threading.Event, end: asyncio.Event) -> None:
        server = await asyncio.start_server(self.serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        is_up.set()
        await end.wait()
        server.close()
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        await asyncio.sleep(0)  # connections that were aborted are closed in the loop's next turn


@contextlib.contextmanager
def raw_server(fault: Fault, listed: bytes = refused(404)) -> Iterator[str]:
    """Serve a fault, and what stands at /v1/models, while the block runs and give the base address."""
    server, is_up = RawServer(fault, listed), threading.Event()
    loop, end = asyncio.new_event_loop(), asyncio.Event()

    def work() -> None:
        loop.run_until_complete(server.run(is_up, end))
        loop.close()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    is_up.wait(PATIENCE_S)
    try:
        yield server.url
    finally:
        loop.call_soon_threadsafe(end.set)
        thread.join()
