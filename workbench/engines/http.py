"""JSON over HTTP with a deadline: bounded retries, bounded bodies, and every fault a counted failure."""

from __future__ import annotations

import asyncio
import json
import math
import random
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from workbench.engines.protocol import Failure, FailureCause

if TYPE_CHECKING:
    import aiohttp

MAX_DETAIL = 300
MAX_ERROR_BODY_BYTES = 64 * 1024
MIN_SECRET_LENGTH = 4
PUBLIC_HEADERS = frozenset({"accept", "content-type", "user-agent"})


@dataclass(frozen=True, slots=True)
class CallPolicy:
    """How long and how often one call is tried.

    Parameters
    ----------
    deadline_s : float
        Seconds for the whole call: every attempt and the waits between them.
    max_attempts : int
        Attempts at most, the first one included.
    attempt_s : float, optional
        Seconds for one attempt; None gives it half of the deadline, so that a lost call can be tried again.
    first_wait_s, longest_wait_s : float
        Wait before the second attempt, which doubles up to the longest; each is drawn from its upper half. A server's
        Retry-After takes its place.
    max_body_bytes : int
        Bytes of a reply's body at most; reading stops there and the call fails.
    """

    deadline_s: float = 60.0
    max_attempts: int = 5
    attempt_s: float | None = None
    first_wait_s: float = 0.5
    longest_wait_s: float = 20.0
    max_body_bytes: int = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class CallResult:
    """How a call ended; exactly one of `body` and `failure` is set.

    `latency_s` runs from the first attempt to the end, waits included, by a monotonic clock.
    """

    body: dict[str, Any] | None
    failure: Failure | None
    attempts: int
    latency_s: float


@dataclass(frozen=True, slots=True)
class _Fault:
    """How one attempt went wrong; `wait_s` is the wait the server asked for."""

    cause: FailureCause
    detail: str
    is_transient: bool = True
    wait_s: float | None = None


class JsonCaller:
    """Posts JSON and returns the JSON object that comes back, or why none did.

    Assumes that a call may be repeated without harm. 5xx, 429, lost connections, timeouts and bodies that are no JSON
    object are tried again; 401, 403, other statuses, TLS faults and oversized bodies are final. Redirects are not
    followed. Values of request headers never appear in a failure's detail.

    Parameters
    ----------
    policy : CallPolicy
        Deadline, attempts, waits and the size limit.
    concurrency : int
        Connections at most.
    rng : random.Random
        Source of the jitter.
    """

    def __init__(self, policy: CallPolicy, *, concurrency: int, rng: random.Random) -> None:
        self._policy = policy
        self._concurrency = concurrency
        self._rng = rng
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        import aiohttp

        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=self._concurrency),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None),
            headers={"Content-Type": "application/json"},
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> CallResult:
        """Return the JSON object a URL answers a JSON body with, or the failure that ended the last attempt."""
        policy, now = self._policy, asyncio.get_running_loop().time
        start = now()
        deadline = start + policy.deadline_s
        per_attempt = policy.deadline_s / 2 if policy.attempt_s is None else policy.attempt_s
        attempt = 0
        while True:
            attempt += 1
            outcome = await self._attempt(url, body, headers, min(deadline, now() + per_attempt))
            if not isinstance(outcome, _Fault):
                return CallResult(outcome, None, attempt, now() - start)
            wait_s = self._wait_s(outcome, attempt)
            if wait_s is None or now() + wait_s >= deadline:
                failure = Failure(outcome.cause, detail_of(outcome.detail, headers))
                return CallResult(None, failure, attempt, now() - start)
            await asyncio.sleep(wait_s)

    def _wait_s(self, fault: _Fault, attempt: int) -> float | None:
        """Return the seconds to wait before the next attempt, None when there is none."""
        if not fault.is_transient or attempt >= self._policy.max_attempts:
            return None
        if fault.wait_s is not None:
            return fault.wait_s + self._policy.first_wait_s * self._rng.uniform(0.0, 0.2)
        return min(self._policy.longest_wait_s, self._policy.first_wait_s * 2.0 ** (attempt - 1)) * self._rng.uniform(
            0.5, 1.0
        )

    async def _attempt(
        self, url: str, body: bytes, headers: Mapping[str, str], until: float
    ) -> dict[str, Any] | _Fault:
        """Return the JSON object of one attempt that ends at a loop time, or its fault."""
        import aiohttp

        if self._session is None:
            raise RuntimeError("the caller is not open; use it in `async with`")
        limit_s = until - asyncio.get_running_loop().time()
        try:
            async with (
                asyncio.timeout_at(until),
                self._session.post(url, data=body, headers=headers, allow_redirects=False) as response,
            ):
                if 200 <= response.status < 300:
                    return _json_object(response.status, *await _read(response, self._policy.max_body_bytes))
                content, _ = await _read(response, MAX_ERROR_BODY_BYTES)
                return _refusal(response.status, response.headers, content)
        except TimeoutError:
            return _Fault(FailureCause.TIMEOUT, f"no complete answer within {limit_s:.3g} s")
        except (aiohttp.ClientPayloadError, aiohttp.ClientResponseError) as error:
            return _Fault(FailureCause.MALFORMED, f"the answer is cut off or no HTTP: {_named(error)}")
        except (aiohttp.ClientSSLError, aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError, UnicodeError) as error:
            return _Fault(FailureCause.CONNECTION, _named(error), is_transient=False)
        except (aiohttp.ClientError, OSError) as error:
            return _Fault(FailureCause.CONNECTION, _named(error))


async def _read(response: aiohttp.ClientResponse, limit: int) -> tuple[bytes, bool]:
    """Return a body up to a limit in bytes, and whether that is all of it."""
    parts, size = [], 0
    async for part in response.content.iter_any():
        size += len(part)
        parts.append(part)
        if size > limit:
            return b"".join(parts)[:limit], False
    return b"".join(parts), True


def _json_object(status: int, content: bytes, is_whole: bool) -> dict[str, Any] | _Fault:
    """Return the JSON object a body holds, or what is wrong with it."""
    if not is_whole:
        return _Fault(FailureCause.MALFORMED, f"the body is longer than {len(content):,} bytes", is_transient=False)
    try:
        value = json.loads(content)
    except (ValueError, RecursionError) as error:
        return _Fault(FailureCause.MALFORMED, f"HTTP {status}, not JSON: {error}: {_text(content)}")
    if not isinstance(value, dict):
        return _Fault(FailureCause.MALFORMED, f"HTTP {status}, no JSON object: {_text(content)}")
    return value


def _refusal(status: int, headers: Mapping[str, str], content: bytes) -> _Fault:
    """Return the fault that a status other than 2xx stands for."""
    fault = _Fault(FailureCause.REJECTED, f"HTTP {status}: {_message(content)}")
    if status == 429 or status >= 500:
        cause = FailureCause.RATE_LIMITED if status == 429 else FailureCause.SERVER_ERROR
        asked, served = headers.get("Retry-After"), headers.get("Date")
        wait_s = retry_after_s(asked, _date(served) or datetime.now(UTC)) if asked is not None else None
        detail = fault.detail if asked is None else f"HTTP {status}, Retry-After {asked[:40]}: {_message(content)}"
        return replace(fault, cause=cause, detail=detail, wait_s=wait_s)
    if 300 <= status < 400:
        target = headers.get("Location", "nowhere")
        return replace(
            fault, detail=f"HTTP {status}: a redirect to {target}, which is not followed", is_transient=False
        )
    return replace(fault, cause=FailureCause.AUTH if status in (401, 403) else fault.cause, is_transient=False)


def retry_after_s(value: str, now: datetime) -> float | None:
    """Return the seconds a Retry-After header asks to wait, None when it cannot be read.

    The value is a number of seconds or an HTTP date; `now` is the server's own Date where it gives one, so that clocks
    that disagree do not matter.

    Source: RFC 9110, sections 5.6.7 and 10.2.3; a fraction of a second is accepted beyond it.

    Examples
    --------
    >>> retry_after_s("2", datetime(2026, 11, 22, tzinfo=UTC))
    2.0
    >>> retry_after_s("Sun, 22 Nov 2026 00:00:05 GMT", datetime(2026, 11, 22, tzinfo=UTC))
    5.0
    >>> retry_after_s("soon", datetime(2026, 11, 22, tzinfo=UTC)) is None
    True
    """
    try:
        seconds = float(value)
    except ValueError:
        date = _date(value)
        return None if date is None else max(0.0, (date - now).total_seconds())
    return max(0.0, seconds) if math.isfinite(seconds) else None


def _date(value: str | None) -> datetime | None:
    """Return the moment an HTTP date names, None when it is none."""
    if value is None:
        return None
    try:
        date = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    return date.replace(tzinfo=UTC) if date.tzinfo is None else date


def _message(content: bytes) -> str:
    """Return what an error body says, on one line."""
    try:
        value = json.loads(content)
    except (ValueError, RecursionError):
        value = None
    if isinstance(value, dict):
        found = next((value[key] for key in ("error", "detail", "message") if value.get(key)), value)
        found = found.get("message", found) if isinstance(found, dict) else found
        text = found if isinstance(found, str) else json_text(found)
    else:
        text = _text(content)
    return " ".join(text.split()) or "(no message)"


def _text(content: bytes) -> str:
    """Return the beginning of a body as text."""
    return content[:MAX_ERROR_BODY_BYTES].decode("utf-8", "replace")


def _named(error: BaseException) -> str:
    """Return an error's class and text."""
    return f"{type(error).__name__}: {error}"


def json_text(value: object) -> str:
    """Return a value that came as JSON as text for a reader."""
    try:
        return json.dumps(value)
    except RecursionError:
        return "(nested too deeply to be shown)"


def whole_text(text: str) -> str:
    """Return a text with a question mark for each half of a surrogate pair, which no file or database can hold."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def detail_of(text: str, headers: Mapping[str, str]) -> str:
    """Return a failure's detail: short, and without the values of request headers, should a server have echoed one."""
    for name, value in headers.items():
        if name.lower() not in PUBLIC_HEADERS:
            for secret in (value, value.rpartition(" ")[2]):
                text = text.replace(secret, "[removed]") if len(secret) >= MIN_SECRET_LENGTH else text
    return whole_text(text[:MAX_DETAIL])
