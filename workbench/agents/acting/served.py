"""Tools served on this machine to endpoints: plain HTTP and MCP, each decision under a token of its own."""

from __future__ import annotations

import asyncio
import json
import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import mcp_types
import uvicorn
from mcp.server.lowlevel import Server
from starlette.responses import JSONResponse
from starlette.routing import Route

from workbench.agents.acting.acting import described
from workbench.environment import CallsExhaustedError, Effect, Tool, ToolDesk

if TYPE_CHECKING:
    from mcp.server.context import ServerRequestContext
    from starlette.requests import Request

LOOPBACK = "127.0.0.1"
TOOLS_PATH, MCP_PATH = "/tools", "/mcp"
MAX_BODY = 1024 * 1024
STARTING_S = 0.005
UNAUTHORIZED, TOO_MANY = 401, 429


@dataclass(frozen=True, slots=True)
class Admission:
    """What an endpoint is told so that it can call the tools of one decision."""

    tools_url: str
    mcp_url: str
    token: str

    def as_json(self) -> dict[str, str]:
        """Return it as the body of a request has it."""
        return {"tools_url": self.tools_url, "mcp_url": self.mcp_url, "token": self.token}


class _UnsignalledServer(uvicorn.Server):
    """A server that leaves signals to whoever started it."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class ToolServer:
    """Serves the tools of the decisions under way; use it in `async with`.

    `GET /tools` lists them, `POST /tools/NAME` with a JSON object of arguments calls one and gets
    `{"result": ...}` or `{"error": {"outcome": ..., "message": ...}}`; `/mcp` serves the same to an MCP client. Each
    request carries the token of its decision, which ends with it.
    """

    def __init__(self, offered: tuple[Tool, ...]) -> None:
        self._offered = offered
        self._desks: dict[str, ToolDesk] = {}
        routes = [
            Route(TOOLS_PATH, self._list, methods=["GET"]),
            Route(f"{TOOLS_PATH}/{{name}}", self._call, methods=["POST"]),
        ]
        tools: Server[Any] = Server("workbench", on_list_tools=self._mcp_list, on_call_tool=self._mcp_call)
        app = tools.streamable_http_app(
            streamable_http_path=MCP_PATH, json_response=True, stateless_http=True, custom_starlette_routes=routes
        )
        self._server = _UnsignalledServer(
            uvicorn.Config(app, log_config=None, ws="none", access_log=False, timeout_graceful_shutdown=1)
        )
        self._socket = socket.socket(proto=socket.IPPROTO_TCP)  # else asyncio leaves Nagle on: 40 ms an answer
        self._serving: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._socket.bind((LOOPBACK, 0))
        self._serving = asyncio.create_task(self._server.serve(sockets=[self._socket]))
        while not self._server.started and not self._serving.done():
            await asyncio.sleep(STARTING_S)
        if self._serving.done():
            self._serving.result()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.should_exit = True
        if self._serving is not None:
            await self._serving
        self._socket.close()

    @contextmanager
    def admitted(self, desk: ToolDesk) -> Iterator[Admission]:
        """Give what an endpoint needs to call the tools of a decision, until the block ends."""
        token = secrets.token_urlsafe(24)
        base = f"http://{LOOPBACK}:{self._socket.getsockname()[1]}"
        self._desks[token] = desk
        try:
            yield Admission(f"{base}{TOOLS_PATH}", f"{base}{MCP_PATH}", token)
        finally:
            del self._desks[token]

    def _desk(self, request: Request | None) -> ToolDesk | None:
        """Return the desk whose token a request carries, None where it carries none of a decision under way."""
        scheme, _, token = ("" if request is None else request.headers.get("authorization", "")).partition(" ")
        return self._desks.get(token) if scheme.lower() == "bearer" else None

    async def _list(self, request: Request) -> JSONResponse:
        if self._desk(request) is None:
            return _no_token()
        return JSONResponse({"tools": [described(tool) for tool in self._offered]})

    async def _call(self, request: Request) -> JSONResponse:
        desk = self._desk(request)
        if desk is None:
            return _no_token()
        try:
            arguments = await _json_of(request)
        except ValueError as error:
            arguments = str(error)
        try:
            return JSONResponse(_plain(await desk.call(request.path_params["name"], arguments)))
        except CallsExhaustedError as error:
            return JSONResponse({"error": {"outcome": "denied", "message": str(error)}}, TOO_MANY)

    async def _mcp_list(
        self, context: ServerRequestContext[Any, Any], params: mcp_types.PaginatedRequestParams | None
    ) -> mcp_types.ListToolsResult:
        return mcp_types.ListToolsResult(tools=[_as_mcp(tool) for tool in self._offered])

    async def _mcp_call(
        self, context: ServerRequestContext[Any, Any], params: mcp_types.CallToolRequestParams
    ) -> mcp_types.CallToolResult:
        desk = self._desk(context.request)
        if desk is None:
            return _said("the token is of no decision under way", is_error=True)
        try:
            answer = await desk.call(params.name, params.arguments or {})
        except CallsExhaustedError as error:
            return _said(str(error), is_error=True)
        if "error" in answer:
            return _said(json.dumps(answer["error"]), is_error=True)
        return _said(json.dumps(answer["result"], default=str), is_error=False)


async def _json_of(request: Request) -> Any:
    """Return the JSON of a body. Raises ValueError where it is none or too long."""
    content = bytearray()
    async for part in request.stream():
        content += part
        if len(content) > MAX_BODY:
            raise ValueError(f"a body of more than {MAX_BODY:,} bytes")
    return json.loads(content or b"{}")


def _plain(answer: dict[str, Any]) -> Any:
    """Return an answer with JSON values only."""
    return json.loads(json.dumps(answer, default=str))


def _no_token() -> JSONResponse:
    return JSONResponse({"error": {"outcome": "denied", "message": "no token of a decision under way"}}, UNAUTHORIZED)


def _said(text: str, *, is_error: bool) -> mcp_types.CallToolResult:
    return mcp_types.CallToolResult(content=[mcp_types.TextContent(type="text", text=text)], is_error=is_error)


def _as_mcp(tool: Tool) -> mcp_types.Tool:
    is_read = tool.effect is Effect.READ
    hints = mcp_types.ToolAnnotations(read_only_hint=is_read, destructive_hint=not is_read)
    return mcp_types.Tool(name=tool.name, description=tool.description, input_schema=tool.schema(), annotations=hints)
