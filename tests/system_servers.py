"""Small systems on this machine that connections are tried on: REST, SOAP, a queue, MCP, a database and files."""

from __future__ import annotations

import asyncio
import socket
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import mcp_types
import uvicorn
import yaml
from aiohttp import web
from mcp.server.lowlevel import Server

from workbench.pilot.integrations import IntegrationSettings, System

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

WSDL = """<?xml version="1.0"?>
<definitions name="V" targetNamespace="urn:v" xmlns="http://schemas.xmlsoap.org/wsdl/"
 xmlns:s="http://schemas.xmlsoap.org/wsdl/soap/" xmlns:t="urn:v" xmlns:x="http://www.w3.org/2001/XMLSchema">
<types><x:schema targetNamespace="urn:v" elementFormDefault="qualified">{imports}
<x:element name="GetVendor"><x:complexType><x:sequence><x:element name="vendor_id" type="x:string"/></x:sequence>
</x:complexType></x:element>
<x:element name="GetVendorResponse"><x:complexType><x:sequence><x:element name="vendor_status" type="x:string"/>
<x:element name="rebate" type="x:decimal"/><x:element name="valid_from" type="x:date"/></x:sequence></x:complexType>
</x:element></x:schema></types>
<message name="I"><part name="p" element="t:GetVendor"/></message>
<message name="O"><part name="p" element="t:GetVendorResponse"/></message>
<portType name="P"><operation name="GetVendor"><input message="t:I"/><output message="t:O"/></operation></portType>
<binding name="B" type="t:P"><s:binding transport="http://schemas.xmlsoap.org/soap/http"/><operation name="GetVendor">
<s:operation soapAction="urn:v/GetVendor" style="document"/><input><s:body use="literal"/></input>
<output><s:body use="literal"/></output></operation></binding>
<service name="S"><port name="Po" binding="t:B"><s:address location="{location}"/></port></service></definitions>"""
ENVELOPE = '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body>{}</e:Body></e:Envelope>'
FAULT = "<e:Fault><faultcode>e:{}</faultcode><faultstring>{}</faultstring></e:Fault>"


def system(text: str) -> System:
    """Return the one system that a piece of integrations.yaml says."""
    said = yaml.safe_load(text)
    return IntegrationSettings.model_validate(
        {"title": "T", "version": 1, "owner": "O", "engineers": "E"} | said
    ).systems[0]


@asynccontextmanager
async def serving(handlers: dict[str, Handler]) -> AsyncIterator[str]:
    """Serve handlers by `METHOD /path`; gives the address."""
    app = web.Application()
    for route, handler in handlers.items():
        method, _, path = route.partition(" ")
        app.router.add_route(method, path, handler)
    runner = web.AppRunner(app)
    await runner.setup()
    listening = socket.socket(proto=socket.IPPROTO_TCP)  # else asyncio leaves Nagle on: 40 ms an answer
    listening.bind(("127.0.0.1", 0))
    await web.SockSite(runner, listening).start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def raw_serving(
    answer: Callable[[asyncio.StreamWriter], Awaitable[None]],
) -> AsyncIterator[tuple[str, list[bytes]]]:
    """Serve bytes: what a connection is answered once its request's head has come; gives address and the heads."""
    heads: list[bytes] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            heads.append(await reader.readuntil(b"\r\n\r\n"))
            await answer(writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", heads
    finally:
        server.close()


@asynccontextmanager
async def mcp_serving(key: str) -> AsyncIterator[str]:
    """Serve a tool `is_valid` over MCP to callers with a key; gives the address."""

    async def tools(context: Any, params: Any) -> mcp_types.ListToolsResult:
        schema = {"type": "object", "properties": {"tax_id": {"type": "string"}}}
        return mcp_types.ListToolsResult(tools=[mcp_types.Tool(name="is_valid", input_schema=schema)])

    async def call(context: Any, params: mcp_types.CallToolRequestParams) -> mcp_types.CallToolResult:
        said = (params.arguments or {}).get("tax_id")
        if said == "broken":
            text = mcp_types.TextContent(type="text", text="no such country")
            return mcp_types.CallToolResult(content=[text], is_error=True)
        return mcp_types.CallToolResult(content=[], structured_content={"result": said == "DE136695976"})

    served: Server[Any] = Server("tax", on_list_tools=tools, on_call_tool=call)
    app = served.streamable_http_app(streamable_http_path="/mcp", json_response=True, stateless_http=True)

    async def guarded(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and dict(scope["headers"]).get(b"x-api-key") != key.encode():
            head = {"type": "http.response.start", "status": 401, "headers": [(b"content-type", b"text/plain")]}
            await send(head)
            await send({"type": "http.response.body", "body": b"who are you"})
            return
        await app(scope, receive, send)

    listening = socket.socket(proto=socket.IPPROTO_TCP)  # else asyncio leaves Nagle on: 40 ms an answer
    listening.bind(("127.0.0.1", 0))
    server = _Unsignalled(uvicorn.Config(guarded, log_config=None, ws="none", access_log=False))
    task = asyncio.create_task(server.serve(sockets=[listening]))
    while not server.started:
        await asyncio.sleep(0.005)
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/mcp"
    finally:
        server.should_exit = True
        await task


class _Unsignalled(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def write_archive(folder: Path) -> Path:
    """Write a small archive of documents and return its file."""
    path = folder / "archive.sqlite"
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE earlier (vendor_id, document, linked_by, gross)")
        rows = [("V1", "D1", "R1", "10.50"), ("V1", "D2", "R2", "7"), ("V2", "D3", "R1", "1")]
        database.executemany("INSERT INTO earlier VALUES (?, ?, ?, ?)", rows)
    database.close()
    return path
