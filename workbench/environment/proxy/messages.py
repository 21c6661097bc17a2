"""Messages of HTTP/1.1 as a proxy reads and writes them."""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import dataclass, replace
from typing import Any

END_OF_HEAD = b"\r\n\r\n"
WITHOUT_BODY = (204, 304)
BY_HOP = frozenset({"connection", "keep-alive", "proxy-connection", "transfer-encoding", "content-length", "expect"})


@dataclass(frozen=True, slots=True)
class HttpMessage:
    """A request or an answer, its body whole; `headers` are without those that concern one connection alone."""

    first: str
    headers: tuple[tuple[str, str], ...]
    body: bytes = b""

    @property
    def method(self) -> str:
        """The method of a request."""
        return self.first.split(" ", 1)[0]

    @property
    def path(self) -> str:
        """The path of a request, its query left out."""
        return self.first.split(" ")[1].partition("?")[0]

    @property
    def status(self) -> int:
        """The status code of an answer."""
        return int(self.first.split(" ", 2)[1])

    def header(self, name: str) -> str:
        """Return the value of a header, empty where there is none."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), "")

    def with_header(self, name: str, value: str) -> HttpMessage:
        """Return the message with another value of a header."""
        others = tuple(one for one in self.headers if one[0].lower() != name.lower())
        return replace(self, headers=(*others, (name, value)))

    def head(self) -> bytes:
        """Return what is sent before the body, which is announced in full; the connection ends after it."""
        lines = [self.first, *(f"{name}: {value}" for name, value in self.headers)]
        if not (self.first.startswith("HTTP/") and self.status in WITHOUT_BODY):
            lines.append(f"Content-Length: {len(self.body)}")
        return "\r\n".join([*lines, "Connection: close"]).encode("latin-1") + END_OF_HEAD

    def json(self) -> Any:
        """Return the body as JSON, None where it is none."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None


def plain_answer(status: str, content: dict[str, Any], **headers: str) -> HttpMessage:
    """Return an answer with a JSON body; underscores in names of headers stand for hyphens."""
    named = (("Content-Type", "application/json"), *((key.replace("_", "-"), value) for key, value in headers.items()))
    return HttpMessage(f"HTTP/1.1 {status}", named, json.dumps(content).encode())


def ending_head(head: bytes) -> bytes:
    """Return the head of an answer that says that the connection ends with it, so that nobody uses it again."""
    lines = head[: -len(END_OF_HEAD)].split(b"\r\n")
    kept = [line for line in lines if line.partition(b":")[0].strip().lower() not in (b"connection", b"keep-alive")]
    return b"\r\n".join([*kept, b"Connection: close"]) + END_OF_HEAD


async def read_message(reader: asyncio.StreamReader) -> HttpMessage | None:
    """Return the next message of a connection, None where it ends before one.

    Raises
    ------
    asyncio.IncompleteReadError
        It ends within one.
    """
    try:
        head = await reader.readuntil(END_OF_HEAD)
    except asyncio.IncompleteReadError as error:
        if error.partial:
            raise
        return None
    first, *lines = head[: -len(END_OF_HEAD)].decode("latin-1").split("\r\n")
    pairs = [(name.strip(), value.strip()) for name, _, value in (line.partition(":") for line in lines)]
    by_hop = {name.lower(): value for name, value in pairs if name.lower() in BY_HOP}
    message = HttpMessage(first, tuple(pair for pair in pairs if pair[0].lower() not in BY_HOP))
    return replace(message, body=await _body(reader, message, by_hop))


async def _body(reader: asyncio.StreamReader, message: HttpMessage, by_hop: dict[str, str]) -> bytes:
    is_answer = message.first.startswith("HTTP/")
    if is_answer and message.status in WITHOUT_BODY:
        return b""
    if "chunked" in by_hop.get("transfer-encoding", ""):
        parts = []
        while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
            parts.append(await reader.readexactly(size))
            await reader.readexactly(2)
        return b"".join(parts)
    if "content-length" in by_hop:
        return await reader.readexactly(int(by_hop["content-length"]))
    return await reader.read() if is_answer else b""


def field_renamed(answer: HttpMessage, fields: tuple[str, ...]) -> tuple[HttpMessage, str] | None:
    """Return an answer in which a field has another name, with the field's; None where it has none of some fields.

    A field is a key of JSON, also within a text of it, or an element of XML.
    """
    text = answer.body.decode("utf-8", errors="surrogateescape")
    for field in fields:
        name = re.escape(field)
        for pattern, renamed in (
            (rf'(\\?"){name}(\\?"\s*:)', rf"\g<1>{field}_v2\g<2>"),
            (rf"(</?(?:[\w.-]+:)?){name}(?=[\s/>])", rf"\g<1>{field}V2"),
        ):
            changed, n = re.subn(pattern, renamed, text)
            if n:
                return replace(answer, body=changed.encode("utf-8", errors="surrogateescape")), field
    return None
