"""Systems that are an MCP server over streamable HTTP: the client speaks the protocol, the connection carries it."""

from __future__ import annotations

import asyncio
import json
import time
from contextvars import ContextVar
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import httpx2
import mcp_types
from mcp import ClientSession, MCPError
from mcp.client.streamable_http import streamable_http_client

from workbench.environment.connections.connection import DEADLINE_S, Answered, Asked, CallError
from workbench.environment.connections.http import ANSWER, CONNECTION, MAX_DETAIL, TIMEOUT, Received, Sent, SystemHttp
from workbench.environment.connections.operations import operation_of, rows_in, with_key

ERROR = "error"  # what a tool that refuses a call says is called
NOT_ALLOWED = 405
LEFT_OUT = ("host", "content-length", "connection", "accept-encoding", "user-agent")


@dataclass(slots=True)
class _OnTheWay:
    """A call on its way through the client: headers that go with it, its deadline, and what came of it underneath."""

    headers: dict[str, str] = field(default_factory=dict)
    deadline_s: float = DEADLINE_S
    received: Received | None = None
    fault: CallError | None = None


_under_way: ContextVar[_OnTheWay | None] = ContextVar("_under_way", default=None)


class _Carried(httpx2.AsyncBaseTransport):
    """Carries the client's requests by the system's connection; no stream for messages of the server is opened."""

    def __init__(self, http: SystemHttp) -> None:
        self._http = http

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Return the answer; what is no good one is noted for the call and given without its content."""
        call = _under_way.get() or _OnTheWay()
        if request.method == "GET":
            return httpx2.Response(NOT_ALLOWED)
        headers = {name: value for name, value in request.headers.items() if name not in LEFT_OUT}
        sent = Sent(request.method, "", {**headers, **call.headers}, await request.aread())
        try:
            call.received = await self._http.send(sent, call.deadline_s)
        except CallError as fault:
            call.fault = fault
            return httpx2.Response(502)
        status, body = call.received.status, call.received.body
        if status >= 300:
            call.fault = self._http.refusal(call.received)
            return httpx2.Response(max(status, 400))
        kept = {name: one for name, one in call.received.headers.items() if name.startswith(("content-type", "mcp-"))}
        return httpx2.Response(status, headers=kept, content=body)


class McpConnection:
    """An MCP server under one account; its session begins with the first call."""

    def __init__(self, http: SystemHttp) -> None:
        self._http, self._carried = http, _Carried(http)
        self._session: asyncio.Future[ClientSession] | None = None
        self._serving: asyncio.Task[None] | None = None
        self._leaving = asyncio.Event()

    async def call(self, asked: Asked) -> Answered:
        """Call a tool once. Raises CallError where it does not end well; `error` is what the tool itself says."""
        operation = operation_of(self._http.system, asked.operation)
        arguments: dict[str, Any] = json.loads(json.dumps(with_key(asked, operation), default=_number))
        start, call = time.perf_counter(), _OnTheWay(self._http.correlated(asked), asked.deadline_s)
        try:
            async with asyncio.timeout(asked.deadline_s):
                session = await self._opened()
                start = time.perf_counter()
                result = await self._asked(session, call, operation.call, arguments)
        except TimeoutError:
            detail = f"no complete answer within {asked.deadline_s:g} s"
            raise CallError(TIMEOUT, detail, time.perf_counter() - start) from None
        latency_s = time.perf_counter() - start
        texts = "".join(one.text for one in result.content if isinstance(one, mcp_types.TextContent))
        if result.is_error:
            raise CallError(ERROR, texts[:MAX_DETAIL], latency_s)
        said = _said(texts) if result.structured_content is None else result.structured_content
        content = rows_in(said, operation.rows, latency_s) if isinstance(said, dict) else said
        received = call.received
        return Answered(content, "ok", latency_s, {} if received is None else received.headers)

    async def close(self) -> None:
        """End the session."""
        self._leaving.set()
        if self._serving is not None:
            await asyncio.gather(self._serving, return_exceptions=True)
        await self._http.close()

    async def _asked(
        self, session: ClientSession, call: _OnTheWay, name: str, arguments: dict[str, Any]
    ) -> mcp_types.CallToolResult:
        """Return a tool's result; the list of tools, which says what it must be, is not asked for."""
        before = _under_way.set(call)
        try:
            params = mcp_types.CallToolRequestParams(name=name, arguments=arguments)
            return await session.send_request(mcp_types.CallToolRequest(params=params), mcp_types.CallToolResult)
        except MCPError as error:
            raise call.fault or CallError(ERROR, error.message[:MAX_DETAIL], 0.0) from None
        except ValueError as error:
            raise CallError(ANSWER, str(error)[:MAX_DETAIL], 0.0) from None
        finally:
            _under_way.reset(before)

    async def _opened(self) -> ClientSession:
        """Return the session; it is begun once, and again only where that failed."""
        if self._session is None or (self._session.done() and self._session.exception() is not None):
            self._session = asyncio.get_running_loop().create_future()
            self._serving = asyncio.create_task(self._serve(self._session))
        return await asyncio.shield(self._session)

    async def _serve(self, begun: asyncio.Future[ClientSession]) -> None:
        """Hold the session in one task from its beginning to its end."""
        call = _OnTheWay()
        _under_way.set(call)
        try:
            async with (
                httpx2.AsyncClient(transport=self._carried, timeout=None, trust_env=False) as client,
                streamable_http_client(self._http.address.url, http_client=client) as (read, write),
                ClientSession(read, write) as session,
            ):
                await session.initialize()
                begun.set_result(session)
                await self._leaving.wait()
        except Exception as error:
            if begun.done():
                raise
            begun.set_exception(call.fault or CallError(CONNECTION, f"no session: {error}"[:MAX_DETAIL], 0.0))
            begun.exception()  # whoever began it may not wait for it any more


def _said(text: str) -> Any:
    """Return what a text says: JSON, or itself."""
    try:
        return json.loads(text, parse_float=Decimal)
    except ValueError:
        return text


def _number(value: Any) -> Any:
    return float(value) if isinstance(value, Decimal) else str(value)
