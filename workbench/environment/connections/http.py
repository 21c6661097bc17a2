"""One HTTP call to one system: signed, sent once to the checked address, followed nowhere, bounded in size and time."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from workbench.environment.connections.connection import Asked, CallError
from workbench.environment.connections.credentials import Credentials, Signature
from workbench.files import CheckedAddress
from workbench.pilot.integrations import System

if TYPE_CHECKING:
    import aiohttp

MAX_ANSWER = 10 * 1024 * 1024  # bytes of an answer
MAX_DETAIL = 300  # characters of an error's text that are kept
IDLE_S = 2.0  # a connection unused for longer is not used again: servers close theirs after five and more
TIMEOUT, CONNECTION, ANSWER = "timeout", "connection", "answer"
SHORTEST_SECRET = 6  # a shorter one is part of many words
UNAUTHORIZED = 401
TOKEN = "POST /token"  # where integrations.yaml does not say where tokens are given


@dataclass(frozen=True, slots=True)
class Sent:
    """What is sent: method, what follows the address (or, `at_origin`, its host and port), headers and body."""

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    at_origin: bool = False


@dataclass(frozen=True, slots=True)
class Received:
    """What came back, whatever its status; headers by lower-case name."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    latency_s: float


class SystemHttp:
    """The way to one system over HTTP, under one account.

    Proxies that the environment names are not used, redirects are not followed, and no call is sent twice, except one
    that came with a token and was refused with 401 and `invalid_token`: it is sent once more with a new token.

    Parameters
    ----------
    system : System
    address : CheckedAddress
    credentials : Credentials
    renews : bool
        Whether tokens are renewed.
    """

    def __init__(self, system: System, address: CheckedAddress, credentials: Credentials, *, renews: bool) -> None:
        self.system, self.address = system, address
        self.signature = Signature(system.auth, credentials, renews=renews)
        self._session: aiohttp.ClientSession | None = None

    async def send(self, sent: Sent, deadline_s: float) -> Received:
        """Return what the system answers, whatever its status. Raises CallError where no whole answer comes in time."""
        start = time.perf_counter()
        try:
            async with asyncio.timeout(deadline_s):
                signed = await self.signature.headers(self._token)
                received = await self._sent(sent, signed)
                if not self._is_worth_a_new_token(received):
                    return received
                self.signature.forget(signed)
                if "invalid_token" not in received.headers.get("www-authenticate", ""):
                    return received
                return await self._sent(sent, await self.signature.headers(self._token))
        except TimeoutError:
            detail = f"no complete answer within {deadline_s:g} s"
            raise CallError(TIMEOUT, detail, time.perf_counter() - start) from None

    def correlated(self, asked: Asked) -> dict[str, str]:
        """Return the header that says which record a call is for."""
        header = self.system.correlation
        return {header: asked.correlation} if header is not None and asked.correlation else {}

    def refusal(self, received: Received) -> CallError:
        """Return the error that an answer with another status than 2xx is."""
        detail = _detail(received.body.decode("utf-8", "replace"))
        if 300 <= received.status < 400:
            detail = f"a redirect to {received.headers.get('location', 'nowhere')[:MAX_DETAIL]}, which is not followed"
        for secret in self.signature.secret_values:
            detail = detail.replace(secret, "[secret]") if len(secret) >= SHORTEST_SECRET else detail
        wait_s = asked_wait_s(received.headers)
        return CallError(str(received.status), detail, received.latency_s, wait_s)

    def json_of(self, received: Received) -> Any:
        """Return the JSON of a good answer, decimals with their digits; None of an empty one."""
        if not 200 <= received.status < 300:
            raise self.refusal(received)
        if not received.body.strip():
            return None
        try:
            text = received.body.decode(self.system.encoding)
            return json.loads(text, parse_float=Decimal, parse_constant=_no_number)
        except UnicodeDecodeError:
            detail = f"the answer is not {self.system.encoding}"
        except (ValueError, RecursionError) as error:
            detail = f"the answer is no JSON: {error}"
        raise CallError(ANSWER, detail[:MAX_DETAIL], received.latency_s)

    async def close(self) -> None:
        """Leave the system."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def _is_worth_a_new_token(self, received: Received) -> bool:
        return received.status == UNAUTHORIZED and self.signature.has_token and self.signature.renews

    async def _token(self, body: bytes, headers: Mapping[str, str]) -> bytes:
        """Return what the place answers that gives tokens."""
        auth = self.system.auth
        method, _, path = (TOKEN if auth is None or auth.token is None else auth.token).partition(" ")
        received = await self._sent(Sent(method, path, headers, body), {})
        if not 200 <= received.status < 300:
            raise self.refusal(received)
        return received.body

    async def _sent(self, sent: Sent, signed: Mapping[str, str]) -> Received:
        """Send once. Raises CallError where the connection does not hold."""
        import aiohttp
        from yarl import URL

        before = self.address.origin if sent.at_origin else self.address.url
        url = URL(f"{before}{sent.path}", encoded=True)
        start = time.perf_counter()
        try:
            async with self._opened().request(
                sent.method, url, data=sent.body, headers={**sent.headers, **signed}, allow_redirects=False
            ) as response:
                body = await _read(response, start)
                headers = {name.lower(): value for name, value in response.headers.items()}
                return Received(response.status, headers, body, time.perf_counter() - start)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            if isinstance(error, TimeoutError):
                raise
            detail = f"{type(error).__name__}: {error}"[:MAX_DETAIL]
            raise CallError(CONNECTION, detail, time.perf_counter() - start) from None

    def _opened(self) -> aiohttp.ClientSession:
        """Return the session, opened when it is first used."""
        if self._session is None:
            import aiohttp

            resolver = _resolver(self.address.ip)
            connector = aiohttp.TCPConnector(resolver=resolver, limit=0, keepalive_timeout=IDLE_S, use_dns_cache=False)
            self._session = aiohttp.ClientSession(
                connector=connector,
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=None),
                trust_env=False,
            )
            # it would send a GET or DELETE again whose connection was lost: then faults went unseen
            self._session._retry_connection = False
        return self._session


def asked_wait_s(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that a system asks to wait, said as a number or as a moment; None where it says neither.

    A moment counts from the system's own `Date` where the answer has one.

    Source: RFC 9110, 10.2.3.

    Examples
    --------
    >>> asked_wait_s({"date": "Wed, 21 Oct 2026 07:28:00 GMT", "retry-after": "Wed, 21 Oct 2026 07:28:07 GMT"})
    7.0
    """
    said = headers.get("retry-after", "").strip()
    if said.replace(".", "", 1).isascii() and said.replace(".", "", 1).isdigit():
        return float(said)
    until, now = _moment(said), _moment(headers.get("date", "")) or datetime.now(UTC)
    return None if until is None else max(0.0, (until - now).total_seconds())


def _moment(said: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(said)
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


async def _read(response: aiohttp.ClientResponse, start: float) -> bytes:
    """Return a whole body. Raises CallError where it is longer than `MAX_ANSWER`."""
    parts, size = [], 0
    async for part in response.content.iter_any():
        size += len(part)
        if size > MAX_ANSWER:
            raise CallError(ANSWER, f"an answer of more than {MAX_ANSWER:,} bytes", time.perf_counter() - start)
        parts.append(part)
    return b"".join(parts)


def _resolver(ip: str) -> aiohttp.abc.AbstractResolver:
    """Return what gives the checked address for any host."""
    import socket

    from aiohttp.abc import AbstractResolver, ResolveResult

    class Checked(AbstractResolver):
        async def resolve(
            self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
        ) -> list[ResolveResult]:
            kind = socket.AF_INET6 if ":" in ip else socket.AF_INET
            return [ResolveResult(hostname=host, host=ip, port=port, family=kind, proto=0, flags=socket.AI_NUMERICHOST)]

        async def close(self) -> None:
            pass

    return Checked()


def _no_number(said: str) -> None:
    raise ValueError(f"{said} is no number")


def _detail(text: str) -> str:
    """Return what an error's body says, in one short line."""
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        said = None
    if isinstance(said, dict):
        found = next((said[name] for name in ("detail", "message", "error_description", "error") if name in said), said)
        text = found if isinstance(found, str) else json.dumps(found, ensure_ascii=False)
    return " ".join(text.split())[:MAX_DETAIL]
