from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from email.utils import format_datetime

import pytest
from aiohttp import web

from workbench.engines.http import CallPolicy, CallResult, JsonCaller
from workbench.engines.http_answers import retry_after_s
from workbench.engines.protocol import FailureCause

KEY = "sk-live-0123456789"
HEADERS = {"Authorization": f"Bearer {KEY}"}
QUICK = CallPolicy(deadline_s=20.0, max_attempts=3, first_wait_s=0.01)
NOON = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def answer(text: str = '{"ok": true}', status: int = 200, **headers: str) -> Handler:
    async def handle(request: web.Request) -> web.Response:
        return web.Response(text=text, status=status, headers={k.replace("_", "-"): v for k, v in headers.items()})

    return handle


async def hang(request: web.Request) -> web.Response:
    await asyncio.sleep(60)
    return web.Response()


async def drip(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    with contextlib.suppress(ConnectionResetError):
        for _ in range(1000):
            await response.write(b" ")
            await asyncio.sleep(0.02)
    return response


async def endless(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    with contextlib.suppress(ConnectionResetError):
        while True:
            await response.write(b" " * 65536)
    return response


async def cut_body(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Length": "100"})
    await response.prepare(request)
    await response.write(b'{"ok": ')
    await reset(request)
    return response


async def reset(request: web.Request) -> web.Response:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def bomb(request: web.Request) -> web.Response:
    body = gzip.compress(bytes(64 * 2**20))  # 64 MiB of zeros in 64 KB
    return web.Response(body=body, headers={"Content-Encoding": "gzip"})


class Served:
    """The n-th call gets the n-th handler, later calls the last one; keeps the times of the calls."""

    def __init__(self, *handlers: Handler) -> None:
        self.handlers = handlers
        self.times: list[float] = []

    async def handle(self, request: web.Request) -> web.StreamResponse:
        await request.read()
        self.times.append(time.monotonic())
        return await self.handlers[min(len(self.times), len(self.handlers)) - 1](request)

    @contextlib.asynccontextmanager
    async def url(self) -> AsyncIterator[str]:
        app = web.Application()
        app.router.add_post("/", self.handle)
        runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        try:
            yield f"http://127.0.0.1:{runner.addresses[0][1]}/"
        finally:
            await runner.cleanup()


def call(served: Served, policy: CallPolicy = QUICK) -> CallResult:
    async def run() -> CallResult:
        async with served.url() as url:
            return await post(url, policy)

    return asyncio.run(run())


async def post(url: str, policy: CallPolicy = QUICK) -> CallResult:
    async with JsonCaller(policy, concurrency=2, rng=random.Random(1)) as caller:
        return await caller.post(url, b"{}", HEADERS)


@pytest.mark.parametrize(
    ("handler", "cause", "attempts", "said"),
    [
        (answer('{"error": {"message": "busy"}}', 500), FailureCause.SERVER_ERROR, 3, "HTTP 500: busy"),
        (answer("<h1>bad\n gateway</h1>", 502), FailureCause.SERVER_ERROR, 3, "HTTP 502: <h1>bad gateway</h1>"),
        (answer("", 429), FailureCause.RATE_LIMITED, 3, "HTTP 429: (no message)"),
        (answer("", 429, Retry_After="soon"), FailureCause.RATE_LIMITED, 3, "Retry-After soon"),
        (answer('{"ok": '), FailureCause.MALFORMED, 3, "not JSON"),
        (answer("[" * 100_000), FailureCause.MALFORMED, 3, "not JSON"),
        (answer("[1]"), FailureCause.MALFORMED, 3, "no JSON object: [1]"),
        (answer(""), FailureCause.MALFORMED, 3, "not JSON"),
        (cut_body, FailureCause.MALFORMED, 3, "cut off"),
        (reset, FailureCause.CONNECTION, 3, "disconnected"),
        (answer('{"error": "no such model"}', 404), FailureCause.REJECTED, 1, "HTTP 404: no such model"),
        (answer('{"detail": [{"loc": "seed"}]}', 422), FailureCause.REJECTED, 1, '[{"loc": "seed"}]'),
        (answer('{"message": "Unknown: logprobs"}', 400), FailureCause.REJECTED, 1, "HTTP 400: Unknown: logprobs"),
        (answer("", 307, Location="/"), FailureCause.REJECTED, 1, "a redirect to /, which is not followed"),
        (answer("no", 401), FailureCause.AUTH, 1, "HTTP 401: no"),
        (answer("no", 403), FailureCause.AUTH, 1, "HTTP 403: no"),
        (answer("", 408), FailureCause.TIMEOUT, 3, "HTTP 408"),
        (answer("", 413), FailureCause.REJECTED, 1, "HTTP 413"),
        (answer("", 501), FailureCause.REJECTED, 1, "HTTP 501"),
        (answer("", 529), FailureCause.SERVER_ERROR, 3, "HTTP 529"),
        (
            answer('{"error": {"message": "slow down", "code": 429}}'),
            FailureCause.RATE_LIMITED,
            3,
            "error 429 in it: slow",
        ),
        (answer('{"error": {"message": "x", "code": "503"}}'), FailureCause.SERVER_ERROR, 3, "error 503 in it: x"),
        (answer('{"error": "no", "status": 401, "choices": []}'), FailureCause.AUTH, 1, "error 401 in it: no"),
        (answer('{"error": {"message": "x", "code": 400}}'), FailureCause.REJECTED, 1, "error 400 in it: x"),
        (answer('{"error": {"message": "upstream is down"}}'), FailureCause.REJECTED, 1, "an error in it: upstream"),
        (endless, FailureCause.MALFORMED, 1, "longer than 4,194,304 bytes"),
        (bomb, FailureCause.MALFORMED, 1, "longer than 4,194,304 bytes"),
    ],
)
def test_each_fault_ends_in_its_cause_after_its_number_of_attempts(
    handler: Handler, cause: FailureCause, attempts: int, said: str
) -> None:
    served = Served(handler)
    result = call(served)
    assert result.body is None
    assert result.failure is not None
    assert result.failure.cause is cause
    assert said in result.failure.detail
    assert len(result.failure.detail) <= 300
    assert result.attempts == attempts == len(served.times)


@pytest.mark.parametrize("text", ['{"error": null}', '{"error": {"code": 429}, "action": "a"}', '{"error": 0}'])
def test_an_error_beside_an_answer_or_an_empty_one_is_none(text: str) -> None:
    result = call(Served(answer(text)))
    assert (result.body, result.text) == (json.loads(text), text)


def test_a_mark_of_the_byte_order_before_the_body_is_no_fault() -> None:
    assert call(Served(answer('\ufeff{"ok": true}'))).body == {"ok": True}


@pytest.mark.parametrize("first", [answer("", 500), answer("", 429), answer("{"), cut_body, reset])
def test_a_transient_fault_is_tried_again_and_the_second_answer_counts(first: Handler) -> None:
    result = call(Served(first, answer('{"n": 2}')))
    assert result.failure is None
    assert result.body == {"n": 2}
    assert result.attempts == 2


def test_a_lost_call_times_out_at_half_of_the_deadline_and_is_tried_again() -> None:
    result = call(Served(hang, answer()), CallPolicy(deadline_s=1.0, first_wait_s=0.01))
    assert result.body == {"ok": True}
    assert result.attempts == 2
    assert 0.5 <= result.latency_s < 0.9


@pytest.mark.parametrize("handler", [hang, drip])
def test_the_deadline_ends_a_call_that_does_not(handler: Handler) -> None:
    result = call(Served(handler), CallPolicy(deadline_s=0.4, first_wait_s=0.01))
    assert result.failure is not None
    assert result.failure.cause is FailureCause.TIMEOUT
    assert 0.39 <= result.latency_s < 1.4


def test_a_wait_that_would_pass_the_deadline_is_not_begun() -> None:
    served = Served(answer("", 503))
    result = call(served, CallPolicy(deadline_s=1.0, first_wait_s=4.0))
    assert result.failure is not None
    assert result.failure.cause is FailureCause.SERVER_ERROR
    assert result.latency_s < 0.5
    assert len(served.times) == 1


def test_retry_after_in_seconds_is_waited_for() -> None:
    served = Served(answer("", 429, Retry_After="1"), answer())
    assert call(served).body == {"ok": True}
    assert 1.0 <= served.times[1] - served.times[0] < 2.0


def test_retry_after_as_a_date_is_waited_for_by_the_servers_own_clock() -> None:
    # The server's clock is years behind ours: only the difference of its two dates can be meant.
    date, later = (format_datetime(datetime(2001, 1, 1, 0, 0, s, tzinfo=UTC), usegmt=True) for s in (0, 1))
    served = Served(answer("", 429, Date=date, Retry_After=later), answer())
    assert call(served).body == {"ok": True}
    assert 1.0 <= served.times[1] - served.times[0] < 2.0


def test_a_503_with_retry_after_is_waited_for_too() -> None:
    served = Served(answer("", 503, Retry_After="0.3"), answer())
    assert call(served).body == {"ok": True}
    assert 0.3 <= served.times[1] - served.times[0] < 1.3


@pytest.mark.parametrize("value", ["3600", "Sun, 22 Nov 2099 12:00:00 GMT"])
def test_a_retry_after_beyond_the_deadline_ends_the_call_at_once(value: str) -> None:
    result = call(Served(answer("", 429, Retry_After=value)))
    assert result.failure is not None
    assert result.failure.cause is FailureCause.RATE_LIMITED
    assert f"Retry-After {value}" in result.failure.detail
    assert result.latency_s < 1.0


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0.0),
        ("120", 120.0),
        ("-5", 0.0),
        ("Sun, 22 Nov 2026 12:01:30 GMT", 90.0),
        ("Sunday, 22-Nov-26 12:01:30 GMT", 90.0),  # RFC 850 form
        ("Sun Nov 22 12:01:30 2026", 90.0),  # asctime form
        ("Sun, 22 Nov 2026 11:00:00 GMT", 0.0),
        ("", None),
        ("nan", None),
        ("inf", None),
        ("1e999", None),
        ("tomorrow", None),
        ("Sun, 99 Nov 2026 12:00:00 GMT", None),
    ],
)
def test_retry_after_is_read_as_seconds_or_as_any_http_date(value: str, seconds: float | None) -> None:
    assert retry_after_s(value, NOON) == seconds


def test_waits_double_and_are_drawn_from_their_upper_half() -> None:
    served = Served(answer("", 500))
    call(served, CallPolicy(max_attempts=4, first_wait_s=0.05))
    waits = [after - before for before, after in zip(served.times, served.times[1:], strict=False)]
    assert len(waits) == 3
    assert all(wait >= longest / 2 for wait, longest in zip(waits, (0.05, 0.1, 0.2), strict=True))


def test_waits_stop_growing_at_the_longest() -> None:
    # Uncapped, six waits from 0.05 s on would take 3.15 s, at least 1.57 s; capped, 0.3 s at most.
    result = call(Served(answer("", 500)), CallPolicy(max_attempts=7, first_wait_s=0.05, longest_wait_s=0.05))
    assert result.attempts == 7
    assert 0.15 <= result.latency_s < 1.5


@pytest.mark.parametrize("status", [200, 302, 400, 401, 429, 500])
def test_the_key_is_in_no_message_even_if_the_server_echoes_it(status: int) -> None:
    echo = f"key {KEY} / Bearer {KEY} " * 20
    for text in (echo, json.dumps({"error": {"message": echo}}), "x" * 290 + KEY):
        result = call(Served(answer(text, status, Location=f"/?key={KEY}", Retry_After=KEY)))
        shown = repr(result)
        if result.failure is not None:
            assert KEY[:12] not in shown
            assert KEY[-6:] not in shown


def test_a_closed_port_an_unknown_host_and_a_host_that_cannot_be_are_connection_failures() -> None:
    async def run(url: str) -> CallResult:
        return await post(url)

    for url, attempts in [
        ("http://127.0.0.1:1/", 3),
        ("http://no-such-host.invalid/", 3),
        (f"http://{'a' * 70}.invalid/", 1),
        ("ftp://127.0.0.1/", 1),
        ("nonsense", 1),
    ]:
        result = asyncio.run(run(url))
        assert result.failure is not None
        assert result.failure.cause is FailureCause.CONNECTION, url
        assert result.attempts == attempts, url


def test_a_tls_fault_is_a_connection_failure_and_is_final() -> None:
    async def run() -> CallResult:
        async with Served(answer()).url() as url:
            return await post(url.replace("http:", "https:"))

    result = asyncio.run(run())
    assert result.failure is not None
    assert result.failure.cause is FailureCause.CONNECTION
    assert "SSL" in result.failure.detail
    assert result.attempts == 1


def test_half_a_surrogate_pair_in_a_message_is_replaced() -> None:
    result = call(Served(answer('{"error": "bad \\ud83d here"}', 400)))
    assert result.failure is not None
    assert result.failure.detail == "HTTP 400: bad ? here"


def test_a_body_is_sent_as_json_with_the_given_headers() -> None:
    async def echo(request: web.Request) -> web.Response:
        return web.json_response({name: request.headers[name] for name in ("Content-Type", "Authorization")})

    assert call(Served(echo)).body == {"Content-Type": "application/json", "Authorization": f"Bearer {KEY}"}


def test_a_cancelled_call_ends_without_an_answer() -> None:
    async def run() -> bool:
        async with Served(hang).url() as url:
            task = asyncio.create_task(post(url))
            await asyncio.sleep(0.1)
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.wait_for(task, 10)
            return task.cancelled()

    assert asyncio.run(run())


def test_a_caller_that_is_not_open_says_so() -> None:
    caller = JsonCaller(QUICK, concurrency=1, rng=random.Random(1))
    with pytest.raises(RuntimeError, match="not open"):
        asyncio.run(caller.post("http://127.0.0.1:1/", b"{}", {}))
