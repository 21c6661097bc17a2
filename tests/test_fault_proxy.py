"""The fault proxy before a small real server: each fault is met by the call it is for, and stands in the ledger."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest

from workbench.environment.proxy import (
    HTTP_FAULTS,
    ArmedFault,
    FaultKind,
    FaultProxy,
    FaultRoute,
    acknowledging,
    route_of,
)
from workbench.pilot.integrations import System
from workbench.words import InputError

KEY = "right"
SYSTEM: dict[str, Any] = {
    "id": "SHOP",
    "type": "rest",
    "correlation": "X-Correlation-ID",
    "auth": {"kind": "api_key"},
    "operations": {
        "book": {"effect": "write", "call": "POST /bookings"},
        "read": {"effect": "read", "call": "GET /bookings/{number}"},
        "read_rows": {"effect": "read", "call": "GET /bookings/{number}/rows"},
    },
}
HEADERS = {"X-Correlation-ID": "R1", "X-API-Key": KEY}


class Shop(BaseHTTPRequestHandler):
    """Takes bookings from callers with the right key; numbers them, and the messages that it gives."""

    protocol_version = "HTTP/1.1"
    booked: list[tuple[str, Any]]
    given: Iterator[int]

    def do_POST(self) -> None:
        content = json.loads(self.rfile.read(int(self.headers["Content-Length"])) or b"null")
        if self.headers["X-API-Key"] != KEY:
            self._answer(401, {"error": "unknown key"})
        elif self.path.endswith("/receive"):
            self._answer(200, {"message": next(self.given)})
        else:
            self.booked.append((self.headers["X-Correlation-ID"], content))
            self._answer(201, {"number": len(self.booked), "content": content})

    def do_GET(self) -> None:
        self._answer(404 if self.path.endswith("/0") else 200, {"path": self.path})

    def _answer(self, status: int, content: dict[str, Any]) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.write(b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body))

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def shop() -> Iterator[tuple[str, list[tuple[str, Any]]]]:
    """Give a shop's address, and what was booked there."""
    booked: list[tuple[str, Any]] = []
    handler = type("OneShop", (Shop,), {"booked": booked, "given": iter(range(1, 100))})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", booked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def route(operation: str = "book", **changes: Any) -> FaultRoute:
    system = System.model_validate({**SYSTEM, **changes})
    return route_of(system, operation, system.operations[operation], "http://127.0.0.1:1/shop")


def armed(kind: FaultKind, operation: str = "book", **changes: Any) -> ArmedFault:
    return ArmedFault(kind, "SHOP", operation, **{"correlation": "R1", **changes})


async def _book(client: httpx.AsyncClient, **headers: str) -> httpx.Response:
    return await client.post("/shop/bookings", json={"n": 1}, headers={**HEADERS, **headers})


async def _heard(client: httpx.AsyncClient) -> str:
    """Book, and return what a caller hears: a status code and body, or how the connection failed."""
    try:
        answer = await _book(client)
        return f"{answer.status_code} {answer.json()}"
    except httpx.HTTPError as error:
        return type(error).__name__


def through(fault: ArmedFault | None, calls: int = 1) -> tuple[list[str], list[Any], FaultProxy]:
    """Return what callers hear, one after the other, what was booked, and the proxy between."""

    patience_s = 0.5 if fault is not None and fault.kind is FaultKind.TIMEOUT_AFTER else 60.0

    async def run(upstream: str) -> tuple[list[str], FaultProxy]:
        async with FaultProxy(upstream, hold_s=60.0) as proxy:
            if fault is not None:
                proxy.arm(fault, route())
            async with httpx.AsyncClient(base_url=proxy.address, timeout=patience_s, trust_env=False) as client:
                heard = [await _heard(client) for _ in range(calls)]
            return heard, proxy

    with shop() as (upstream, booked):
        heard, proxy = asyncio.run(run(upstream))
    return heard, booked, proxy


def test_a_proxy_that_is_not_armed_forwards_everything_and_notes_nothing() -> None:
    heard, booked, proxy = through(None, calls=3)
    assert heard == [f"201 {{'number': {n}, 'content': {{'n': 1}}}}" for n in (1, 2, 3)]
    assert (len(booked), proxy.ledger) == (3, [])


def test_an_answer_says_that_its_connection_ends_so_that_no_call_is_lost_on_it() -> None:
    async def run(upstream: str) -> str:
        async with FaultProxy(upstream) as proxy, httpx.AsyncClient(base_url=proxy.address, trust_env=False) as client:
            return (await _book(client)).headers["Connection"]

    with shop() as (upstream, _):
        assert asyncio.run(run(upstream)) == "close", "the shop itself would keep it"


FIRST = "201 {'number': 1, 'content': {'n': 1}}"
MET = [
    # kind, what the caller hears, how often it was booked, whether the server had accepted it
    (FaultKind.RESET_BEFORE, "ReadError", 0, False),
    (FaultKind.RESET_AFTER, "ReadError", 1, True),
    (FaultKind.TIMEOUT_AFTER, "ReadTimeout", 1, True),
    (FaultKind.ERROR_BEFORE, "500 {'error': '500 Internal Server Error'}", 0, False),
    (FaultKind.ERROR_AFTER, "500 {'error': '500 Internal Server Error'}", 1, True),
    (FaultKind.UNAVAILABLE, "503 {'error': '503 Service Unavailable'}", 0, False),
    (FaultKind.THROTTLED, "429 {'error': '429 Too Many Requests'}", 0, False),
    (FaultKind.THROTTLED_SILENT, "429 {'error': '429 Too Many Requests'}", 0, False),
    (FaultKind.THROTTLED_AGAIN, "429 {'error': '429 Too Many Requests'}", 0, False),
    (FaultKind.TRUNCATED, "RemoteProtocolError", 1, True),
    (FaultKind.STALE_TOKEN, "401 {'error': 'unknown key'}", 0, False),
    (FaultKind.DUPLICATE, FIRST, 2, True),
    (FaultKind.WRONG_SCHEMA, "201 {'number_v2': 1, 'content': {'n': 1}}", 1, True),
]


@pytest.mark.parametrize(("kind", "heard", "n_booked", "accepted"), MET, ids=[str(one[0]) for one in MET])
def test_each_fault_is_met_and_stands_in_the_ledger(kind: FaultKind, heard: str, n_booked: int, accepted: bool) -> None:
    said, booked, proxy = through(armed(kind, fields=("gone", "number")))
    assert (said, len(booked)) == ([heard], n_booked)
    (fired,) = proxy.ledger
    assert (fired.fault.kind, fired.request, fired.accepted) == (kind, "POST /shop/bookings", accepted)


def test_a_slow_body_outlasts_a_callers_patience_although_bytes_come() -> None:
    async def run(upstream: str) -> FaultProxy:
        async with FaultProxy(upstream, hold_s=600.0) as proxy:
            proxy.arm(armed(FaultKind.SLOW), route())
            async with httpx.AsyncClient(base_url=proxy.address, timeout=60.0, trust_env=False) as client:
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(_book(client), 0.5)
            return proxy

    with shop() as (upstream, booked):
        proxy = asyncio.run(run(upstream))
    assert (len(booked), [one.accepted for one in proxy.ledger]) == (1, [True])


def test_every_fault_over_http_is_tried_here() -> None:
    assert {one[0] for one in MET} | {FaultKind.SLOW} == set(HTTP_FAULTS)
    assert len(HTTP_FAULTS) == 14


@pytest.mark.parametrize(
    ("kind", "met"), [(FaultKind.THROTTLED, [429, 201, 201]), (FaultKind.THROTTLED_AGAIN, [429, 429, 201])]
)
def test_a_fault_is_over_after_its_call_but_a_retry_after_that_is_not_kept_meets_the_next(
    kind: FaultKind, met: list[int]
) -> None:
    heard, _, proxy = through(armed(kind), calls=3)
    assert [int(one[:3]) for one in heard] == met
    assert len(proxy.ledger) == met.count(429)


def test_only_a_503_and_a_429_that_say_so_have_a_retry_after() -> None:
    async def run(upstream: str, kind: FaultKind) -> str | None:
        async with FaultProxy(upstream) as proxy:
            proxy.arm(armed(kind), route())
            async with httpx.AsyncClient(base_url=proxy.address, trust_env=False) as client:
                return (await _book(client)).headers.get("Retry-After")

    kinds = (FaultKind.UNAVAILABLE, FaultKind.THROTTLED, FaultKind.THROTTLED_SILENT, FaultKind.ERROR_BEFORE)
    with shop() as (upstream, _):
        assert [asyncio.run(run(upstream, kind)) for kind in kinds] == ["1", "1", None, None]


def test_a_fault_strikes_the_call_it_is_for_and_no_other() -> None:
    heard, booked, proxy = through(armed(FaultKind.ERROR_BEFORE, call=2), calls=3)
    assert [one[:3] for one in heard] == ["201", "500", "201"]
    assert len(booked) == 2
    heard, _, proxy = through(armed(FaultKind.ERROR_BEFORE, correlation="R2"))
    assert (heard, proxy.ledger) == ([FIRST], []), "calls for another record do not meet it"


def test_a_fault_after_the_commit_does_not_count_where_the_server_refused() -> None:
    async def run(upstream: str) -> tuple[int, FaultProxy]:
        async with FaultProxy(upstream) as proxy:
            proxy.arm(armed(FaultKind.RESET_AFTER), route())
            async with httpx.AsyncClient(base_url=proxy.address, trust_env=False) as client:
                return (await _book(client, **{"X-API-Key": "wrong"})).status_code, proxy

    with shop() as (upstream, _):
        status, proxy = asyncio.run(run(upstream))
    assert (status, proxy.ledger) == (401, [])


def test_a_wrong_schema_does_not_count_where_no_field_could_be_renamed() -> None:
    heard, _, proxy = through(armed(FaultKind.WRONG_SCHEMA, fields=("gone",)))
    assert (heard, proxy.ledger) == ([FIRST], [])


def test_a_system_that_is_not_there_is_a_502_and_no_fault() -> None:
    async def run() -> tuple[int, FaultProxy]:
        async with FaultProxy("http://127.0.0.1:9") as proxy:
            proxy.arm(armed(FaultKind.DUPLICATE), route())
            async with httpx.AsyncClient(base_url=proxy.address, trust_env=False) as client:
                return (await _book(client)).status_code, proxy

    status, proxy = asyncio.run(run())
    assert (status, proxy.ledger) == (502, [])


def in_a_queue(kind: FaultKind, paths: list[str]) -> tuple[list[Any], list[Any], FaultProxy]:
    """Return what a reader of a queue is given on some paths, what reached the server besides, and the proxy."""
    settings = {"operations": {"book": {"effect": "read", "call": "receive"}}, "type": "queue"}
    receiving = route(**settings)

    async def run(upstream: str) -> tuple[list[Any], FaultProxy]:
        async with FaultProxy(upstream) as proxy:
            way = acknowledging(receiving) if kind is FaultKind.DELIVERED_TWICE else receiving
            proxy.arm(armed(kind, correlation=""), way)
            async with httpx.AsyncClient(base_url=proxy.address, trust_env=False) as client:
                said = [await client.post(f"/shop/{path}", json=path, headers=HEADERS) for path in paths]
            return [one.json() for one in said], proxy

    with shop() as (upstream, booked):
        given, proxy = asyncio.run(run(upstream))
    return given, [content for _, content in booked], proxy


def test_messages_of_a_queue_come_in_another_order_and_none_is_lost_on_the_way() -> None:
    given, _, proxy = in_a_queue(FaultKind.OUT_OF_ORDER, ["receive"] * 4)
    assert [one["message"] for one in given] == [2, 1, 3, 4]
    assert len(proxy.ledger) == 1


def test_a_queue_does_not_hear_of_an_acknowledgement_that_its_reader_made() -> None:
    given, reached, proxy = in_a_queue(FaultKind.DELIVERED_TWICE, ["receive", "ack", "receive", "ack"])
    assert (given[1], reached) == ({}, ["ack"]), "the second acknowledgement arrives"
    assert [(one.request, one.accepted) for one in proxy.ledger] == [("POST /shop/ack", False)]


SOAP = (
    b'<?xml version="1.0"?><s:Envelope xmlns:s="e"><s:Body><v:GetVendor xmlns:v="v"><v:vendor_id>V1</v:vendor_id>'
    b"</v:GetVendor></s:Body></s:Envelope>"
)
CALL = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "is_valid", "arguments": {}}}


@pytest.mark.parametrize(
    ("settings", "operation", "method", "path", "body", "is_taken"),
    [
        ({}, "read", "GET", "/shop/bookings/7", b"", True),
        ({}, "read", "GET", "/shop/bookings/7?full=1", b"", True),
        ({}, "read", "GET", "/shop/bookings/7/rows", b"", False),
        ({}, "read_rows", "GET", "/shop/bookings/7/rows", b"", True),
        ({}, "book", "DELETE", "/shop/bookings", b"", False),
        ({"type": "soap"}, "GetVendor", "POST", "/shop", SOAP, True),
        ({"type": "soap"}, "GetVendors", "POST", "/shop/", SOAP, False),
        ({"type": "mcp"}, "is_valid", "POST", "/shop", json.dumps(CALL).encode(), True),
        ({"type": "mcp"}, "is", "POST", "/shop", json.dumps(CALL).encode(), False),
        ({"type": "mcp"}, "is_valid", "POST", "/shop", b'{"method": "tools/list"}', False),
        ({"type": "mcp"}, "is_valid", "POST", "/shop", b"[]", False),
    ],
)
def test_a_route_tells_the_calls_of_an_operation(
    settings: dict[str, Any], operation: str, method: str, path: str, body: bytes, is_taken: bool
) -> None:
    if "type" in settings:
        settings = {**settings, "operations": {operation: {"effect": "read", "call": operation}}}
    way = route(operation, **settings)

    async def run(upstream: str) -> int:
        async with FaultProxy(upstream) as proxy:
            proxy.arm(armed(FaultKind.RESET_BEFORE, operation), way)
            async with httpx.AsyncClient(base_url=proxy.address, trust_env=False) as client:
                with suppress(httpx.HTTPError):
                    await client.request(method, path, content=body, headers=HEADERS)
            return len(proxy.ledger)

    with shop() as (upstream, _):
        assert asyncio.run(run(upstream)) == is_taken


def test_a_database_is_not_behind_an_http_proxy() -> None:
    with pytest.raises(InputError, match="a proxy for HTTP cannot stand before this system"):
        route(type="sql")
