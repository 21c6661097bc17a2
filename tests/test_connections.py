"""Connections to systems: one attempt, errors by the codes of integrations.yaml, nothing reached that may not be."""

from __future__ import annotations

import asyncio
import pickle
import socket
import sqlite3
from collections.abc import Awaitable, Callable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from system_servers import ENVELOPE, FAULT, WSDL, mcp_serving, raw_serving, serving, system, write_archive

from workbench.environment.connections import (
    Account,
    Answered,
    Asked,
    CallError,
    Connection,
    ListRead,
    QueueConnection,
    RestConnection,
    allowed_address,
    connected,
)
from workbench.environment.connections.http import MAX_ANSWER
from workbench.pilot.integrations import System
from workbench.words import InputError

REST = system("""
systems:
  - id: ERP
    type: rest
    sandbox: "{sandbox}/erp"
    correlation: X-Correlation-ID
    operations:
      read_order: {effect: read, call: "GET /orders/{po_number}"}
      list_orders: {effect: read, call: GET /orders, paging: {rows: orders, after: after, next: next, total: total}}
      find: {effect: read, call: GET /postings, rows: postings}
      post: {effect: write, call: POST /postings, idempotency_key: Idempotency-Key}
      cancel: {effect: write, call: DELETE /postings}
    not_granted: {wipe: DELETE /orders}
""")
WITH_TOKEN = system("""
systems:
  - id: ERP
    type: rest
    sandbox: "{sandbox}/erp"
    auth: {kind: client_credentials, token: POST /token, user_env: ID, secret_env: SECRET, foreign_user_env: OTHER,
           foreign_secret_env: OTHERS, scope: matching}
    operations: {read: {effect: read, call: GET /order}}
""")
SOAP = system("""
systems:
  - id: VENDORS
    type: soap
    sandbox: "{sandbox}/vendors"
    described_by: /service.wsdl
    correlation: X-Correlation-ID
    auth: {kind: basic, user_env: USER, secret_env: PASSWORD}
    operations: {read_vendor: {effect: read, call: GetVendor}}
""")
SQL = system("""
systems:
  - id: ARCHIVE
    type: sql
    sandbox: "{database}"
    correlation: record
    operations:
      find: {effect: read, call: "SELECT document, gross FROM earlier WHERE vendor_id = :v AND linked_by = :record"}
      count: {effect: read, call: SELECT count(*) AS n FROM earlier}
      add: {effect: write, call: "INSERT INTO earlier (vendor_id) VALUES (:v)"}
      read_that_writes: {effect: read, call: DELETE FROM earlier}
      long: {effect: read, call: "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"}
    not_granted: {wipe: DELETE FROM earlier, salaries: SELECT * FROM salaries}
""")
FILES = system("""
systems:
  - id: SAP_DE
    type: file
    sandbox: "{folder}/sap_de"
    encoding: iso-8859-15
    operations: {read_extract: {effect: read, call: "documents-*.csv"}}
""")
QUEUE = system("""
systems:
  - id: EDI_HUB
    type: queue
    sandbox: "{sandbox}/edi"
    auth: {kind: api_key, secret_env: KEY}
    operations: {next_message: {effect: read, call: receive}, answer: {effect: write, call: send, idempotency_key: key}}
""")
MCP = system("""
systems:
  - id: TAX_IDS
    type: mcp
    sandbox: "{sandbox}"
    auth: {kind: api_key, secret_env: KEY, foreign_secret_env: OTHERS_KEY}
    operations: {is_valid: {effect: read, call: is_valid, rows: result}, none: {effect: read, call: no_such_tool}}
""")
ORDER = Asked("read_order", {"po_number": "45"}, "R1")

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Outcome = Answered | CallError


async def outcome(connection: Connection, asked: Asked) -> Outcome:
    try:
        return await connection.call(asked)
    except CallError as error:
        return error


async def rest_outcomes(handlers: Mapping[str, Handler], *asked: Asked) -> list[Outcome]:
    """Return what comes of calls of a REST interface with such handlers."""
    async with serving(dict(handlers)) as url:
        connection = connected(REST, {"sandbox": url}, {})
        try:
            return [await outcome(connection, one) for one in asked]
        finally:
            await connection.close()


def answering(response: Callable[[web.Request], web.StreamResponse]) -> Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        return response(request)

    return handle


def codes(outcomes: list[Outcome]) -> list[str]:
    return [one.code for one in outcomes]


def good(one: Outcome) -> Answered:
    assert isinstance(one, Answered), one
    return one


def failed(one: Outcome) -> CallError:
    assert isinstance(one, CallError), one
    return one


def test_arguments_go_into_path_query_and_body_and_the_record_and_key_into_headers() -> None:
    seen: list[dict[str, Any]] = []

    async def note(request: web.Request) -> web.StreamResponse:
        headers = [request.headers.get(name) for name in ("X-Correlation-ID", "Idempotency-Key")]
        seen.append({"at": request.raw_path, "body": await request.text(), "headers": headers})
        return web.json_response({"postings": []})

    paths = ("GET /erp/orders/{po}", "GET /erp/postings", "POST /erp/postings", "DELETE /erp/postings")
    asked = (
        Asked("read_order", {"po_number": "4/5 ü?"}, "R1"),
        Asked("find", {"number": "a&b", "open": True, "vendor": None}, "R1"),
        Asked("post", {"amount_eur": Decimal("12.50"), "note": "ü"}, "R1", "k1"),
        Asked("cancel", {"number": "7"}),
    )
    assert codes(asyncio.run(rest_outcomes(dict.fromkeys(paths, note), *asked))) == ["200"] * 4
    assert seen == [
        {"at": "/erp/orders/4%2F5%20%C3%BC%3F", "body": "", "headers": ["R1", None]},
        {"at": "/erp/postings?number=a%26b&open=true", "body": "", "headers": ["R1", None]},
        {"at": "/erp/postings", "body": '{"amount_eur": 12.5, "note": "ü"}', "headers": ["R1", "k1"]},
        {"at": "/erp/postings?number=7", "body": "", "headers": [None, None]},
    ]


@pytest.mark.parametrize("value", ["", ".", "..", None])
def test_an_argument_that_would_make_another_path_is_not_sent(value: str | None) -> None:
    (refused,) = asyncio.run(rest_outcomes({}, Asked("read_order", {"po_number": value})))
    assert refused.code == "argument"


def test_numbers_of_an_answer_keep_their_digits() -> None:
    text = '{"net": 1.10, "many": 12345678901234567.89, "n": 3, "moment": "2026-03-29T02:30:00+01:00"}'
    answer = answering(lambda _: web.Response(text=text))
    (made,) = asyncio.run(rest_outcomes({"GET /erp/orders/45": answer}, ORDER))
    content = good(made).content
    assert str(content["net"]) == "1.10"
    assert content["many"] == Decimal("12345678901234567.89")
    assert (content["n"], content["moment"]) == (3, "2026-03-29T02:30:00+01:00")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"<html>", "no JSON"),
        (b'{"a": NaN}', "NaN is no number"),
        ("ü".encode("iso-8859-1"), "not utf-8"),
        (b'{"other": []}', "no field 'postings'"),
        (b"[" * 100_000, "no JSON"),
    ],
)
def test_an_answer_that_cannot_be_read_is_an_error(body: bytes, said: str) -> None:
    (made,) = asyncio.run(
        rest_outcomes({"GET /erp/postings": answering(lambda _: web.Response(body=body))}, Asked("find"))
    )
    assert failed(made).code == "answer"
    assert said in failed(made).detail


@pytest.mark.parametrize(
    ("headers", "wait_s"),
    [
        ({"Retry-After": "2"}, 2.0),
        ({"Retry-After": "0.5"}, 0.5),
        # by the system's own clock, whatever ours says: 28:07 less 28:00
        ({"Date": "Wed, 21 Oct 2026 07:28:00 GMT", "Retry-After": "Wed, 21 Oct 2026 07:28:07 GMT"}, 7.0),
        ({"Date": "Wed, 21 Oct 2026 07:28:00 GMT", "Retry-After": "Wed, 21 Oct 2026 07:27:00 GMT"}, 0.0),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "-3"}, None),
        ({}, None),
    ],
)
def test_how_long_a_system_asks_to_wait_is_read_as_seconds_and_as_a_moment(
    headers: dict[str, str], wait_s: float | None
) -> None:
    refusing = answering(lambda _: web.json_response({"detail": "too many"}, status=429, headers=headers))
    (made,) = asyncio.run(rest_outcomes({"GET /erp/orders/45": refusing}, ORDER))
    assert (failed(made).code, failed(made).detail, failed(made).retry_after_s) == ("429", "too many", wait_s)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize(
    "to", ["http://169.254.169.254/latest/", "http://example.com/", "other port", "/erp/elsewhere"]
)
def test_a_redirect_is_an_error_and_is_not_followed(status: int, to: str) -> None:
    followed: list[str] = []

    async def elsewhere(request: web.Request) -> web.StreamResponse:
        followed.append(request.path)
        return web.json_response({})

    async def made() -> list[Outcome]:
        async with serving({"GET /{any:.*}": elsewhere, "POST /{any:.*}": elsewhere}) as other:
            at = f"{other}/" if to == "other port" else to
            redirect = answering(lambda _: web.Response(status=status, headers={"Location": at}))
            handlers = {"GET /erp/orders/45": redirect, "POST /erp/postings": redirect, "GET /erp/elsewhere": elsewhere}
            return await rest_outcomes(handlers, ORDER, Asked("post", {}, "R1", "k"))

    made_of = asyncio.run(made())
    assert codes(made_of) == [str(status)] * 2
    assert "not followed" in failed(made_of[0]).detail
    assert followed == []


@pytest.mark.parametrize(
    ("address", "hosts"),
    [
        ("http://169.254.169.254/latest", ()),
        ("http://169.254.169.254/latest", ("169.254.169.254",)),  # link-local, also where it is named
        ("http://[fe80::1]/", ("fe80::1",)),
        ("http://[::ffff:169.254.169.254]/", ("::ffff:169.254.169.254",)),
        ("http://93.184.216.34/", ("93.184.216.34",)),  # public
        ("http://10.0.0.7/", ()),  # private, and not named
        ("http://0.0.0.0/", ("0.0.0.0",)),
        ("http://2130706433/", ()),  # 127.0.0.1 for some
        ("http://erp.invalid/", ("erp.invalid",)),  # RFC 6761: resolves to nothing
    ],
)
def test_addresses_that_are_neither_this_machine_nor_named_private_hosts_are_refused(
    address: str, hosts: tuple[str, ...]
) -> None:
    with pytest.raises(InputError, match=r"may not be reached|has no address"):
        allowed_address(address, hosts)
    named = REST.model_copy(update={"sandbox": address})
    with pytest.raises(InputError, match=r"may not be reached|has no address"):
        connected(named, {}, {}, hosts=hosts)


@pytest.mark.parametrize(
    "address", ["ftp://127.0.0.1/", "127.0.0.1:80", "http://", "http://u:p@127.0.0.1/", "http://a:x/"]
)
def test_what_is_no_plain_http_address_is_refused(address: str) -> None:
    with pytest.raises(InputError, match=r"no HTTP address|has credentials in it"):
        allowed_address(address)


def test_this_machine_and_named_private_hosts_may_be_reached() -> None:
    assert allowed_address("http://127.0.0.1:8931/erp/").ip == "127.0.0.1"
    assert allowed_address("http://[::1]:80").ip == "::1"
    assert allowed_address("https://10.1.2.3", ("10.1.2.3",)).port == 443
    assert allowed_address("http://localhost:1").ip in ("127.0.0.1", "::1")


def test_a_name_is_resolved_once_and_later_answers_of_its_name_server_change_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    resolved: list[str] = []

    def first_private_then_link_local(host: str, port: int, **_: object) -> list[tuple[Any, ...]]:
        resolved.append(host)
        ip = "127.0.0.1" if len(resolved) == 1 else "169.254.169.254"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, port))]

    async def made(url: str) -> tuple[Outcome, str]:
        hosts: list[str] = []

        async def note(request: web.Request) -> web.StreamResponse:
            hosts.append(request.host)
            return web.json_response({})

        async with serving({"GET /erp/orders/45": note}) as at:
            monkeypatch.setattr(socket, "getaddrinfo", first_private_then_link_local)
            port = at.rpartition(":")[2]
            connection = connected(REST, {"sandbox": f"{url}:{port}"}, {}, hosts=("erp.test",))
            answer = await outcome(connection, ORDER)
            await connection.close()
        return answer, hosts[0].partition(":")[0]

    answer, host = asyncio.run(made("http://erp.test"))
    assert good(answer).code == "200"
    assert (resolved, host) == (["erp.test"], "erp.test")


def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    (made,) = asyncio.run(rest_outcomes({"GET /erp/orders/45": answering(lambda _: web.json_response({}))}, ORDER))
    assert made.code == "200"


async def _reset(writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()


async def _cut(writer: asyncio.StreamWriter) -> None:
    writer.write(b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"po_number": "4')
    await writer.drain()


async def _silent(writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(30)


async def _slow(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    for _ in range(1000):
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.02)


async def _no_http(writer: asyncio.StreamWriter) -> None:
    writer.write(b"220 smtp.example.org\r\n\r\n")
    await writer.drain()


async def _moved(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 307 Moved\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n")
    await writer.drain()


async def _endless(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
    for _ in range(MAX_ANSWER // 65536 + 2):
        writer.write(b" " * 65536)
        await writer.drain()


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (_reset, "connection"),
        (_cut, "connection"),
        (_no_http, "connection"),
        (_silent, "timeout"),
        (_slow, "timeout"),
        (_endless, "answer"),
    ],
)
@pytest.mark.parametrize("operation", ["read_order", "cancel", "post"])
def test_a_call_whose_answer_does_not_come_whole_is_made_once(
    answer: Callable[[asyncio.StreamWriter], Awaitable[None]], code: str, operation: str
) -> None:
    async def made() -> tuple[Outcome, int]:
        async with raw_serving(answer) as (url, heads):
            connection = connected(REST, {"sandbox": url}, {})
            deadline_s = 0.3 if code == "timeout" else 10.0
            one = await outcome(connection, Asked(operation, {"po_number": "45"}, "R1", "k", deadline_s))
            await connection.close()
            return one, len(heads)

    one, n_sent = asyncio.run(made())
    assert (failed(one).code, n_sent) == (code, 1)


def test_a_connection_that_was_used_before_and_is_lost_is_not_tried_again() -> None:
    # aiohttp would send a GET again whose reused connection is closed: a fault that a test injects went unseen
    n_calls = 0

    async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal n_calls
        while await reader.readuntil(b"\r\n\r\n"):
            n_calls += 1
            if n_calls > 1:
                break
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
        writer.close()

    async def made() -> list[Outcome]:
        server = await asyncio.start_server(once, "127.0.0.1", 0)
        connection = connected(REST, {"sandbox": f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"}, {})
        outcomes = [await outcome(connection, ORDER) for _ in range(2)]
        await connection.close()
        server.close()
        return outcomes

    assert codes(asyncio.run(made())) == ["200", "connection"]
    assert n_calls == 2


def test_nothing_that_listens_is_a_lost_connection() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"

        async def made() -> Outcome:
            connection = connected(REST, {"sandbox": url}, {})
            one = await outcome(connection, ORDER)
            await connection.close()
            return one

        assert asyncio.run(made()).code == "connection"


def pages_of(n: int, per_page: int, last: Callable[[int], int | None]) -> Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        start = int(request.query.get("after", 0))
        rows = [{"po": str(number)} for number in range(start, min(n, start + per_page))]
        return web.json_response({"orders": rows, "next": last(start + per_page), "total": n})

    return handle


async def read_list(handler: Handler, most: int = 100) -> ListRead:
    async with serving({"GET /erp/orders": handler}) as url:
        connection = connected(REST, {"sandbox": url}, {})
        assert isinstance(connection, RestConnection)
        try:
            return await connection.pages(Asked("list_orders"), most)
        finally:
            await connection.close()


def test_a_list_is_read_to_its_end_and_no_further_than_its_bound() -> None:
    whole = asyncio.run(read_list(pages_of(7, 3, lambda after: after if after < 7 else None)))
    assert [one["po"] for one in whole.rows] == list("0123456")
    assert (whole.n_pages, whole.totals, whole.is_whole) == (3, (7, 7, 7), True)
    endless = asyncio.run(read_list(pages_of(7, 3, lambda after: after), most=5))
    assert (endless.n_pages, endless.is_whole) == (5, False)
    same_again = asyncio.run(read_list(pages_of(7, 3, lambda _: 3), most=50))
    assert (same_again.n_pages, same_again.is_whole) == (2, False)


SECRETS = {"ID": "agent", "SECRET": "not to be told", "OTHER": "other", "OTHERS": "the other's secret"}


class TokenStand:
    """A system with tokens: those given are good until they are taken out of `good`."""

    def __init__(self, lasts_s: float | None = 3600, said: str = 'Bearer error="invalid_token"') -> None:
        self.asked: list[dict[str, str]] = []
        self.good: set[str] = set()
        self.lasts_s, self.said, self.n_calls = lasts_s, said, 0

    async def token(self, request: web.Request) -> web.StreamResponse:
        self.asked.append({name: str(value) for name, value in (await request.post()).items()})
        if self.asked[-1]["client_secret"] not in SECRETS.values():
            return web.json_response({"error": "invalid_client"}, status=401)
        token = f"token {len(self.asked)}"
        self.good.add(token)
        lasts = {} if self.lasts_s is None else {"expires_in": self.lasts_s}
        return web.json_response({"access_token": token, "token_type": "bearer", **lasts})

    async def order(self, request: web.Request) -> web.StreamResponse:
        self.n_calls += 1
        given = request.headers.get("Authorization", "")
        if given.removeprefix("Bearer ") in self.good:
            return web.json_response({"ok": True})
        return web.json_response({"detail": f"not {given}"}, status=401, headers={"WWW-Authenticate": self.said})

    def served(self) -> Any:
        return serving({"POST /erp/token": self.token, "GET /erp/order": self.order})


async def with_tokens(
    stand: TokenStand, n: int, between: Callable[[], None] = lambda: None, **options: Any
) -> list[Outcome]:
    async with stand.served() as url:
        connection = connected(WITH_TOKEN, {"sandbox": url}, SECRETS, **options)
        outcomes = []
        for _ in range(n):
            outcomes.append(await outcome(connection, Asked("read")))
            between()
        await connection.close()
    return outcomes


def test_a_token_is_asked_for_once_and_kept() -> None:
    stand = TokenStand()

    async def at_once() -> list[Outcome]:
        async with stand.served() as url:
            connection = connected(WITH_TOKEN, {"sandbox": url}, SECRETS)
            outcomes = await asyncio.gather(*(outcome(connection, Asked("read")) for _ in range(20)))
            await connection.close()
            return outcomes

    assert codes(asyncio.run(at_once())) == ["200"] * 20
    assert stand.asked == [
        {
            "grant_type": "client_credentials",
            "client_id": "agent",
            "client_secret": "not to be told",
            "scope": "matching",
        }
    ]


@pytest.mark.parametrize(("lasts_s", "n_asked"), [(0.000001, 3), (3600, 1), (None, 1)])
def test_a_token_is_renewed_shortly_before_it_expires(lasts_s: float | None, n_asked: int) -> None:
    stand = TokenStand(lasts_s)
    assert codes(asyncio.run(with_tokens(stand, 3))) == ["200"] * 3
    assert len(stand.asked) == n_asked


def test_a_call_with_a_token_that_was_not_accepted_is_made_again_once_with_a_new_one() -> None:
    stand = TokenStand()
    assert codes(asyncio.run(with_tokens(stand, 3, stand.good.clear))) == ["200"] * 3
    assert (len(stand.asked), stand.n_calls) == (3, 5)


def test_a_refusal_that_does_not_say_that_it_is_the_token_renews_it_for_the_next_call_only() -> None:
    stand = TokenStand(said="Bearer")
    assert codes(asyncio.run(with_tokens(stand, 4, stand.good.clear))) == ["200", "401", "200", "401"]
    assert stand.n_calls == 4


def test_a_token_that_is_held_is_neither_renewed_nor_asked_for_again() -> None:
    stand = TokenStand(lasts_s=0.000001)
    assert codes(asyncio.run(with_tokens(stand, 3, stand.good.clear, renews=False))) == ["200", "401", "401"]
    assert (len(stand.asked), stand.n_calls) == (1, 3)


def test_every_account_has_its_own_credentials_and_no_secret_stands_in_an_error() -> None:
    stand = TokenStand()
    asyncio.run(with_tokens(stand, 1, account=Account.FOREIGN))
    assert [one["client_id"] for one in stand.asked] == ["other"]
    assert "scope" not in stand.asked[0], "another account does not ask for our rights"
    (nobody,) = asyncio.run(with_tokens(stand, 1, account=Account.NOBODY))
    assert (failed(nobody).code, failed(nobody).detail) == ("401", "not")
    stand = TokenStand(said="Bearer")
    told = asyncio.run(with_tokens(stand, 2, stand.good.clear, renews=False))[1]
    assert failed(told).detail == "not Bearer [secret]"
    with pytest.raises(InputError, match="names no variable for the previous account's secret"):
        connected(WITH_TOKEN, {"sandbox": "http://127.0.0.1:1"}, SECRETS, Account.PREVIOUS)
    with pytest.raises(InputError, match="a variable with a credential is not set"):
        connected(WITH_TOKEN, {"sandbox": "http://127.0.0.1:1"}, {"ID": "agent"})


VENDOR = '<GetVendorResponse xmlns="urn:v"><vendor_status>active</vendor_status>{}</GetVendorResponse>'
FIELDS = "<rebate>1.50</rebate><valid_from>2020-01-02</valid_from>"


async def soap_outcomes(
    body: str | web.Response, *asked: Asked, location: str = "http://10.9.9.9/vendors/soap", imports: str = ""
) -> tuple[list[Outcome], list[dict[str, Any]]]:
    seen: list[dict[str, Any]] = []

    async def wsdl(request: web.Request) -> web.StreamResponse:
        return web.Response(text=WSDL.format(location=location, imports=imports), content_type="text/xml")

    async def answer(request: web.Request) -> web.StreamResponse:
        seen.append({"body": await request.text(), "headers": request.headers})
        if isinstance(body, web.Response):
            return body
        status = 500 if "Fault" in body else 200
        return web.Response(text=ENVELOPE.format(body), status=status, content_type="text/xml")

    async with serving({"GET /vendors/service.wsdl": wsdl, "POST /vendors/soap": answer}) as url:
        connection = connected(SOAP, {"sandbox": url}, {"USER": "u", "PASSWORD": "a password"})
        outcomes = [await outcome(connection, one) for one in asked]
        await connection.close()
    return outcomes, seen


VENDOR_ASKED = Asked("read_vendor", {"vendor_id": "V<1>"}, "R1", deadline_s=20)


def test_soap_fields_are_read_as_they_are_written_from_the_checked_host_only() -> None:
    # the WSDL names another host as the service's address: only its path counts
    (made,), (seen,) = asyncio.run(soap_outcomes(VENDOR.format(FIELDS), VENDOR_ASKED))
    assert good(made).content == {"vendor_status": "active", "rebate": "1.50", "valid_from": "2020-01-02"}
    assert "<ns0:vendor_id>V&lt;1&gt;</ns0:vendor_id>" in seen["body"]
    assert seen["headers"]["X-Correlation-ID"] == "R1"
    assert seen["headers"]["Authorization"] == "Basic dTphIHBhc3N3b3Jk"  # u:a password


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (FAULT.format("Client.NotFound", "no such vendor"), "Client.NotFound"),
        (VENDOR.format("<rebate>much</rebate><valid_from>2020-01-02</valid_from>"), "answer"),
        (web.Response(status=503, text="maintenance", headers={"Retry-After": "5"}), "503"),
        (web.Response(status=302, headers={"Location": "http://169.254.169.254/"}), "302"),
        (web.Response(text="<e:Envelope"), "answer"),
        (web.Response(status=500, text="oops"), "500"),
    ],
)
def test_soap_errors_have_the_fault_code_or_the_status(body: str | web.Response, code: str) -> None:
    (made,), seen = asyncio.run(soap_outcomes(body, VENDOR_ASKED))
    assert failed(made).code == code
    assert len(seen) == 1


def test_an_entity_in_a_soap_answer_is_not_put_in(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("a secret", encoding="utf-8")
    document = f'<?xml version="1.0"?><!DOCTYPE e [<!ENTITY x SYSTEM "{secret.as_uri()}">]>'
    body = document + ENVELOPE.format(VENDOR.format(FIELDS).replace("active", "&x;"))
    (made,), _ = asyncio.run(soap_outcomes(web.Response(text=body, content_type="text/xml"), VENDOR_ASKED))
    assert "a secret" not in str(made if isinstance(made, CallError) else made.content)


def test_a_wsdl_that_refers_to_another_host_is_not_followed_there() -> None:
    imports = '<x:import namespace="urn:w" schemaLocation="http://169.254.169.254/w.xsd"/>'
    (made,), seen = asyncio.run(soap_outcomes(VENDOR.format(FIELDS), VENDOR_ASKED, imports=imports))
    assert failed(made).code == "address"
    assert "169.254.169.254" in failed(made).detail
    assert seen == []


async def sql_outcomes(database: str, folder: Path, *asked: Asked) -> list[Outcome]:
    connection = connected(SQL, {"database": database, "folder": str(folder)}, {})
    try:
        return [await outcome(connection, one) for one in asked]
    finally:
        await connection.close()


def test_a_statement_takes_its_arguments_and_the_record_and_what_only_reads_changes_nothing(tmp_path: Path) -> None:
    url = f"sqlite:///{write_archive(tmp_path)}"
    asked = [Asked("find", {"v": "V1"}, "R1"), Asked("read_that_writes"), Asked("wipe"), Asked("count")]
    outcomes = asyncio.run(sql_outcomes(url, tmp_path, *asked))
    assert good(outcomes[0]).content == [{"document": "D1", "gross": "10.50"}]
    assert good(outcomes[3]).content == [{"n": 3}]
    added = asyncio.run(sql_outcomes(url, tmp_path, Asked("add", {"v": "V9"}), Asked("count")))
    assert [good(one).content for one in added] == [{"rows": 1}, [{"n": 4}]]


def test_faults_of_a_database_have_their_sqlstate(tmp_path: Path) -> None:
    path = write_archive(tmp_path)
    read_only = f"sqlite:///file:{path}?mode=ro&uri=true"
    asked = [Asked("add", {"v": "V9"}), Asked("wipe"), Asked("salaries"), Asked("find"), Asked("long", deadline_s=0.2)]
    outcomes = asyncio.run(sql_outcomes(read_only, tmp_path, *asked))
    assert codes(outcomes) == ["readonly", "readonly", "42P01", "argument", "timeout"]
    with sqlite3.connect(path) as database:
        assert database.execute("SELECT count(*) FROM earlier").fetchone() == (3,)
    database.close()


def test_a_database_is_reached_inside_the_sandbox_only(tmp_path: Path) -> None:
    inside, outside = tmp_path / "sandbox", tmp_path / "elsewhere"
    inside.mkdir()
    outside.mkdir()
    (inside / "link.sqlite").symlink_to(write_archive(outside))
    wrong = ("elsewhere/archive.sqlite", "sandbox/../elsewhere/archive.sqlite", "sandbox/link.sqlite")
    for file in wrong:
        with pytest.raises(InputError, match="is not in the sandbox's folder"):
            connected(SQL, {"database": f"sqlite:///{tmp_path}/{file}", "folder": str(inside)}, {})
    with pytest.raises(InputError, match="is not there"):
        connected(SQL, {"database": f"sqlite:///{inside}/none.sqlite", "folder": str(inside)}, {})
    for url in ("sqlite://", "sqlite:///:memory:"):
        with pytest.raises(InputError, match="is not in the sandbox's folder"):
            connected(SQL, {"database": url, "folder": str(inside)}, {})
    for url in ("postgresql://169.254.169.254/a", "postgresql://93.184.216.34/a"):
        with pytest.raises(InputError, match="may not be reached"):
            connected(SQL, {"database": url}, {}, hosts=("169.254.169.254", "93.184.216.34"))
    with pytest.raises(InputError, match="has options"):
        connected(SQL, {"database": "postgresql://127.0.0.1/a?host=93.184.216.34"}, {})
    with pytest.raises(InputError, match="of a kind that is not reached"):
        connected(SQL, {"database": "mysql://127.0.0.1/a"}, {})


def test_a_file_is_read_whole_or_not_at_all(tmp_path: Path) -> None:
    folder = tmp_path / "sap_de"
    folder.mkdir()
    connection = connected(FILES, {"folder": str(tmp_path)}, {})

    def read(content: str, name: str = "documents-2.csv", **arguments: str) -> Outcome:
        (folder / name).write_bytes(content.encode("iso-8859-15"))
        return asyncio.run(outcome(connection, Asked("read_extract", arguments)))

    made = good(read('id;note\n1;"5 €; über"\n2;\nEND;2\n'))
    assert made.content == [{"id": "1", "note": "5 €; über"}, {"id": "2", "note": ""}]
    assert made.headers == {"file": "documents-2.csv"}
    half = ("", "id;note\n1;x\n", "id;note\n1;x\n2;y\nEND;1\n", "id;note\n1;x\nEND;1", "id;note\n1;x\nEND;3\n")
    assert [read(content).code for content in half] == ["no_end"] * 5
    assert read("id;note\n1;x;y\nEND;1\n").code == "answer"
    assert good(read("id\nEND;0\n", "documents-1.csv", file="documents-1.csv")).content == []
    assert read("id\nEND;0\n", file="documents-9.csv").code == "ENOENT"
    (tmp_path / "beside.csv").write_text("id\nEND;0\n", encoding="utf-8")
    (folder / "documents-3.csv").symlink_to(tmp_path / "beside.csv")
    assert asyncio.run(outcome(connection, Asked("read_extract"))).code == "ENOENT"


def test_a_message_is_received_acknowledged_and_sent() -> None:
    seen: list[tuple[str, Any]] = []
    waiting = [{"message": 1, "gross": 1.10}]

    async def handle(request: web.Request) -> web.StreamResponse:
        assert request.headers["X-API-Key"] == "the key"
        seen.append((request.path, await request.json()))
        if request.path == "/edi/receive":
            return web.json_response(waiting.pop()) if waiting else web.Response(status=204)
        return web.json_response({"ok": True})

    async def made() -> list[Answered]:
        async with serving({"POST /edi/{any}": handle}) as url:
            connection = connected(QUEUE, {"sandbox": url}, {"KEY": "the key"})
            assert isinstance(connection, QueueConnection)
            outcomes = [
                await connection.call(Asked("next_message")),
                await connection.acknowledge(1),
                await connection.call(Asked("next_message")),
                await connection.call(Asked("answer", {"text": "x"}, key="k")),
            ]
            await connection.close()
            return outcomes

    outcomes = asyncio.run(made())
    assert [one.code for one in outcomes] == ["200", "200", "204", "200"]
    assert outcomes[0].content == {"message": 1, "gross": Decimal("1.1")}
    assert outcomes[2].content is None
    expected = [("/edi/receive", {}), ("/edi/ack", {"message": 1}), ("/edi/receive", {})]
    assert seen == [*expected, ("/edi/send", {"text": "x", "key": "k"})]


def test_tools_of_an_mcp_server_are_called_and_their_errors_told_apart() -> None:
    async def made(account: Account, *asked: Asked) -> list[Outcome]:
        async with mcp_serving("the key") as url:
            connection = connected(MCP, {"sandbox": url}, {"KEY": "the key", "OTHERS_KEY": "another"}, account)
            outcomes = await asyncio.gather(*(outcome(connection, one) for one in asked))
            await connection.close()
            return outcomes

    right, wrong, broken = (Asked("is_valid", {"tax_id": one}) for one in ("DE136695976", "DE1", "broken"))
    outcomes = asyncio.run(made(Account.OWN, right, wrong, broken))
    assert [good(one).content for one in outcomes[:2]] == [True, False]
    assert (failed(outcomes[2]).code, failed(outcomes[2]).detail) == ("error", "no such country")
    assert codes(asyncio.run(made(Account.FOREIGN, right, right))) == ["401", "401"]
    assert codes(asyncio.run(made(Account.NOBODY, right))) == ["401"]


@pytest.mark.parametrize(
    ("answer", "code"),
    [(_reset, "connection"), (_cut, "connection"), (_silent, "timeout"), (_endless, "answer"), (_moved, "307")],
)
def test_an_mcp_server_that_does_not_answer_is_told_as_any_other_system(
    answer: Callable[[asyncio.StreamWriter], Awaitable[None]], code: str
) -> None:
    async def made() -> Outcome:
        async with raw_serving(answer) as (url, _):
            connection = connected(MCP, {"sandbox": url}, {"KEY": "the key"})
            one = await outcome(connection, Asked("is_valid", {}, deadline_s=0.3 if code == "timeout" else 10))
            await connection.close()
            return one

    assert failed(asyncio.run(made())).code == code


def test_an_error_of_a_call_goes_whole_from_one_process_to_another() -> None:
    made = pickle.loads(pickle.dumps(CallError("429", "too many", 0.5, 2.0)))
    assert (str(made), made.code, made.latency_s, made.retry_after_s) == ("429: too many", "429", 0.5, 2.0)


def test_a_system_without_type_sandbox_or_such_an_operation_is_refused() -> None:
    for missing in ("type", "sandbox"):
        with pytest.raises(InputError, match=f"it has no {missing}"):
            connected(REST.model_copy(update={missing: None}), {}, {})
    with pytest.raises(InputError, match="the pilot's own sandbox, which is not running"):
        connected(REST, {}, {})
    with pytest.raises(InputError, match="ERP has no such operation"):
        asyncio.run(connected(REST, {"sandbox": "http://127.0.0.1:1"}, {}).call(Asked("read_odrer")))


def test_every_type_of_a_system_has_a_connection(tmp_path: Path) -> None:
    database = f"sqlite:///{write_archive(tmp_path)}"
    places = {"sandbox": "http://127.0.0.1:1", "folder": str(tmp_path), "database": database}
    secrets = {"KEY": "k", "USER": "u", "PASSWORD": "p"}
    every: list[System] = [REST, SOAP, SQL, FILES, QUEUE, MCP]

    async def closed() -> list[None]:
        return [await connected(one, places, secrets).close() for one in every]

    assert asyncio.run(closed()) == [None] * 6
