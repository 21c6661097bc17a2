from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from workbench.engines.http import CallPolicy, CallResult, JsonCaller
from workbench.engines.protocol import FailureCause
from workbench.engines.proxies import proxy_for

PROXY = "http://proxy.example:3128"
NAMES = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY")


@pytest.fixture(autouse=True)
def no_proxy_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.mark.parametrize(
    ("environment", "url", "proxy"),
    [
        ({}, "http://models.example/v1", None),
        ({"HTTP_PROXY": PROXY}, "http://models.example/v1", PROXY),
        ({"HTTP_PROXY": PROXY}, "https://models.example/v1", None),
        ({"HTTPS_PROXY": PROXY}, "https://models.example:8443/v1", PROXY),
        ({"https_proxy": "proxy.example:3128"}, "https://models.example/v1", PROXY),
        ({"HTTPS_PROXY": PROXY, "NO_PROXY": "other.example, .example"}, "https://models.example/v1", None),
        ({"HTTPS_PROXY": PROXY, "NO_PROXY": "models.example"}, "https://models.example:8443/v1", None),
        ({"HTTPS_PROXY": PROXY, "NO_PROXY": "*"}, "https://models.example/v1", None),
        ({"HTTPS_PROXY": PROXY, "NO_PROXY": "else.example"}, "https://models.example/v1", PROXY),
        ({"HTTP_PROXY": PROXY}, "http://127.0.0.1.example/v1", PROXY),
        ({"HTTP_PROXY": PROXY}, "http://10.0.0.1:8000/v1", PROXY),
    ],
)
def test_the_environment_names_the_proxy_and_what_goes_without(
    environment: dict[str, str], url: str, proxy: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert proxy_for(url) == proxy


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.8.9.10",
        "127.1",
        "localhost",
        "LOCALHOST.",
        "me.localhost",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "0.0.0.0",
    ],
)
def test_this_machine_is_never_asked_through_a_proxy(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", PROXY)
    assert proxy_for(f"http://{host}:8000/v1/chat/completions") is None


@asynccontextmanager
async def answering(answer: bytes) -> AsyncIterator[tuple[str, list[bytes]]]:
    """Serve one answer to everything on a loopback port; give its address and the first lines of what came."""
    lines: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        lines.append((await reader.readuntil(b"\r\n\r\n")).split(b"\r\n")[0])
        writer.write(answer)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", lines


def asked(url: str, answer: bytes, monkeypatch: pytest.MonkeyPatch) -> tuple[CallResult, list[bytes]]:
    """Return how a call ends where a proxy stands that gives this answer, and what the proxy was asked."""

    async def run() -> tuple[CallResult, list[bytes]]:
        async with answering(answer) as (proxy, lines):
            for name in NAMES[:2]:
                monkeypatch.setenv(name, proxy.replace("http://", "http://user:pa55word@"))
            policy = CallPolicy(deadline_s=5.0, max_attempts=1)
            async with JsonCaller(policy, concurrency=1, rng=random.Random(1)) as caller:
                return await caller.post(url, b"{}", {}), lines

    return asyncio.run(run())


BODY = json.dumps({"ok": True}).encode()
GOOD = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%b" % (len(BODY), BODY)
REFUSED = b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"


def test_a_call_goes_through_the_proxy_with_its_whole_address(monkeypatch: pytest.MonkeyPatch) -> None:
    result, lines = asked("http://models.example/v1/chat/completions", GOOD, monkeypatch)
    assert result.body == {"ok": True}
    assert lines == [b"POST http://models.example/v1/chat/completions HTTP/1.1"]


def test_a_proxy_that_refuses_is_a_connection_failure_without_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    result, lines = asked("https://models.example/v1/chat/completions", REFUSED, monkeypatch)
    assert lines == [b"CONNECT models.example:443 HTTP/1.1"]
    assert result.failure is not None
    assert result.failure.cause is FailureCause.CONNECTION
    assert result.failure.detail == "the proxy refused the connection: HTTP 407"


def test_a_server_on_this_machine_is_asked_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    result, lines = asked("http://127.0.0.1:1/v1/chat/completions", GOOD, monkeypatch)
    assert (lines, result.body) == ([], None)
