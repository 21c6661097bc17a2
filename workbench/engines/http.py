"""JSON over HTTP with a deadline: bounded retries, bounded bodies, and every fault a counted failure."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from workbench.engines.http_answers import MAX_ERROR_BODY_BYTES, Fault, detail_of, error_text, json_object, refusal
from workbench.engines.protocol import Failure, FailureCause
from workbench.engines.proxies import proxy_for

if TYPE_CHECKING:
    import aiohttp


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
    """How a call ended; exactly one of `body` and `failure` is set, and `text` is the body as it came.

    `latency_s` runs from the first attempt to the end, waits included, by a monotonic clock.
    """

    body: dict[str, Any] | None
    failure: Failure | None
    attempts: int
    latency_s: float
    text: str | None = None


class JsonCaller:
    """Sends JSON and returns the JSON object that comes back, or why none did.

    Assumes that a call may be repeated without harm. 5xx, 429, 408, lost connections, timeouts and bodies that are no
    JSON object are tried again; 401, 403, other statuses, TLS faults and oversized bodies are final. An error object in
    a 200 counts as the status it names. Redirects are not followed. Values of request headers never appear in a
    failure's detail. HTTP_PROXY and HTTPS_PROXY count where NO_PROXY does not name the host, and never on this machine.

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
        self._proxies: dict[str, str | None] = {}

    async def __aenter__(self) -> Self:
        import aiohttp

        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=self._concurrency),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None),
            headers={"Content-Type": "application/json"},
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> CallResult:
        """Return the JSON object a URL answers a JSON body with, or the failure that ended the last attempt."""
        return await self._call("POST", url, body, headers)

    async def get(self, url: str, headers: Mapping[str, str]) -> CallResult:
        """Return the JSON object that stands at a URL, or the failure that ended the last attempt."""
        return await self._call("GET", url, None, headers)

    async def _call(self, method: str, url: str, body: bytes | None, headers: Mapping[str, str]) -> CallResult:
        policy, now = self._policy, asyncio.get_running_loop().time
        start = now()
        deadline = start + policy.deadline_s
        per_attempt = policy.deadline_s / 2 if policy.attempt_s is None else policy.attempt_s
        attempt = 0
        while True:
            attempt += 1
            outcome = await self._attempt((method, url, body), headers, min(deadline, now() + per_attempt))
            if not isinstance(outcome, Fault):
                return CallResult(outcome[0], None, attempt, now() - start, outcome[1])
            wait_s = self._wait_s(outcome, attempt)
            if wait_s is None or now() + wait_s >= deadline:
                failure = Failure(outcome.cause, detail_of(outcome.detail, headers))
                return CallResult(None, failure, attempt, now() - start)
            await asyncio.sleep(wait_s)

    def _wait_s(self, fault: Fault, attempt: int) -> float | None:
        """Return the seconds to wait before the next attempt, None when there is none."""
        if not fault.is_transient or attempt >= self._policy.max_attempts:
            return None
        if fault.wait_s is not None:
            return fault.wait_s + self._policy.first_wait_s * self._rng.uniform(0.0, 0.2)
        return min(self._policy.longest_wait_s, self._policy.first_wait_s * 2.0 ** (attempt - 1)) * self._rng.uniform(
            0.5, 1.0
        )

    async def _attempt(
        self, what: tuple[str, str, bytes | None], headers: Mapping[str, str], until: float
    ) -> tuple[dict[str, Any], str] | Fault:
        """Return the JSON object of one attempt that ends at a loop time, and its text, or its fault."""
        import aiohttp

        if self._session is None:
            raise RuntimeError("the caller is not open; use it in `async with`")
        method, url, body = what
        if url not in self._proxies:
            self._proxies[url] = proxy_for(url)
        limit_s = until - asyncio.get_running_loop().time()
        try:
            async with (
                asyncio.timeout_at(until),
                self._session.request(
                    method, url, data=body, headers=headers, allow_redirects=False, proxy=self._proxies[url]
                ) as response,
            ):
                if 200 <= response.status < 300:
                    return json_object(response.status, *await _read(response, self._policy.max_body_bytes))
                content, _ = await _read(response, MAX_ERROR_BODY_BYTES)
                return refusal(response.status, response.headers, content)
        except TimeoutError:
            return Fault(FailureCause.TIMEOUT, f"no complete answer within {limit_s:.3g} s")
        except aiohttp.ClientHttpProxyError as error:
            return Fault(FailureCause.CONNECTION, f"the proxy refused the connection: HTTP {error.status}")
        except (aiohttp.ClientPayloadError, aiohttp.ClientResponseError) as error:
            return Fault(FailureCause.MALFORMED, f"the answer is cut off or no HTTP: {error_text(error)}")
        except (aiohttp.ClientSSLError, aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError, UnicodeError) as error:
            return Fault(FailureCause.CONNECTION, error_text(error), is_transient=False)
        except (aiohttp.ClientError, OSError) as error:
            return Fault(FailureCause.CONNECTION, error_text(error))


async def _read(response: aiohttp.ClientResponse, limit: int) -> tuple[bytes, bool]:
    """Return a body up to a limit in bytes, and whether that is all of it."""
    parts, size = [], 0
    async for part in response.content.iter_any():
        size += len(part)
        parts.append(part)
        if size > limit:
            return b"".join(parts)[:limit], False
    return b"".join(parts), True
