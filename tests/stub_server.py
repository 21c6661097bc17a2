"""A loopback server that imitates chat completions: fixed latency, seeded faults, a log of every call.

As a script it prints its port as the first line: `python tests/stub_server.py --latency-ms 20 --faults default`.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import hashlib
import json
import math
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from email.utils import formatdate
from pathlib import Path
from typing import IO, Any

from aiohttp import web

DEFAULT_FAULTS = {
    "rate_limited": 0.05,
    "rate_limited_seconds": 0.03,
    "rate_limited_date": 0.02,
    "server_error": 0.05,
    "malformed": 0.02,
    "hang": 0.01,
}
FALLBACK_ACTIONS = ("approve", "reject", "escalate")
RECORD_ID = re.compile(r"""\bid["']?\s*[:=]\s*["']?([\w.-]+)""")
TOKEN = re.compile(r"\w+|\W")


@dataclass(frozen=True)
class StubSettings:
    """How the stub behaves; `faults` gives the share of calls for each fault in `FAULTS`."""

    latency_s: float = 0.0
    faults: Mapping[str, float] = field(default_factory=dict)
    seed: int = 0
    retry_after_s: float = 1.0
    api_key: str | None = None
    log: Path | None = None
    served: Mapping[str, Any] | None = None  # what /v1/models says of the one model; None: there is no such place
    fingerprint: str | None = None


def share(*parts: object) -> float:
    """Return a number in [0, 1) that depends on nothing but the parts."""
    digest = hashlib.sha256(":".join(map(str, parts)).encode()).digest()
    return int.from_bytes(digest[:6], "big") / 2**48


def record_id(message: str) -> str:
    """Return the id a user message names (`id: 17`, `"id": "17"`), else a digest of the message."""
    found = RECORD_ID.search(message)
    return found[1] if found else hashlib.sha256(message.encode("utf-8", "replace")).hexdigest()[:16]


def action_for(message: str, actions: Sequence[str]) -> str:
    """Return the action the stub answers a user message with."""
    return actions[int(share("action", message.encode("utf-8", "replace")) * len(actions))]


def probability_of(message: str) -> float:
    """Return the probability the stub gives the action's first token."""
    return 0.3 + 0.7 * share("probability", message.encode("utf-8", "replace"))


def fault_for(settings: StubSettings, key: str, attempt: int) -> str | None:
    """Return the fault of one attempt at one request, None for a good answer."""
    number = share("fault", settings.seed, key, attempt)
    for name, rate in settings.faults.items():
        if number < rate:
            return name
        number -= rate
    return None


class Stub:
    """The server's state: settings, calls by request id, the latest body and headers, and calls in flight."""

    def __init__(self, settings: StubSettings) -> None:
        self.settings = settings
        self.calls: Counter[str] = Counter()
        self.n_lists = 0
        self.latest: dict[str, Any] = {}
        self.latest_headers: Mapping[str, str] = {}
        self.in_flight = 0
        self.most_in_flight = 0
        self.port = 0
        self._log: IO[str] | None = None

    @property
    def url(self) -> str:
        """Base address, without /v1."""
        return f"http://127.0.0.1:{self.port}"

    @contextlib.asynccontextmanager
    async def serving(self, port: int = 0) -> AsyncIterator[Stub]:
        """Serve on a loopback port until the context ends."""
        app = web.Application(client_max_size=64 * 2**20)
        app.router.add_post("/v1/chat/completions", self._handle)
        app.router.add_get("/v1/models", self._list)
        runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", port)
        await site.start()
        self.port = runner.addresses[0][1]
        try:
            with contextlib.ExitStack() as stack:
                if self.settings.log is not None:
                    self._log = stack.enter_context(self.settings.log.open("a", buffering=1, encoding="utf-8"))
                yield self
        finally:
            await runner.cleanup()

    async def _list(self, request: web.Request) -> web.Response:
        """Say which model is served."""
        self.n_lists += 1
        if self.settings.served is None:
            return _refused(404, "Not Found")
        if self.settings.api_key is not None and self.settings.api_key not in request.headers.get("Authorization", ""):
            return _refused(401, "Incorrect API key provided")
        return web.json_response({"object": "list", "data": [{"id": "another"}, dict(self.settings.served)]})

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one call, or fail it as planned."""
        body = json.loads(await request.read())
        self.latest, self.latest_headers = body, request.headers
        message = body["messages"][-1]["content"]
        key = record_id(message)
        self.calls[key] += 1
        fault = fault_for(self.settings, key, self.calls[key])
        if self._log is not None:
            line = {"at": time.time(), "id": key, "attempt": self.calls[key], "fault": fault}
            self._log.write(json.dumps(line) + "\n")
        if self.settings.api_key is not None:
            sent = request.headers.get("Authorization", "")
            if sent != f"Bearer {self.settings.api_key}":
                return _refused(401, f"Incorrect API key provided: {sent}")
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            await asyncio.sleep(self.settings.latency_s)
            if fault is not None:
                return await FAULTS[fault](self, request, body)
            return web.json_response({**completion(body), "system_fingerprint": self.settings.fingerprint})
        finally:
            self.in_flight -= 1


def answer_text(body: Mapping[str, Any]) -> str:
    """Return the JSON answer to a request: an action, and a reason and confidence where the schema has them."""
    message = body["messages"][-1]["content"]
    schema = body.get("response_format", {}).get("json_schema", {}).get("schema", {})
    properties = schema.get("properties", {})
    answer: dict[str, Any] = {"action": action_for(message, properties.get("action", {}).get("enum", FALLBACK_ACTIONS))}
    if "confidence" in properties:
        answer["confidence"] = round(probability_of(message), 3)
    if "reason" in properties:
        answer["reason"] = action_for(message, properties["reason"].get("enum", ["chosen by hash"]))
    return json.dumps(answer)


def completion(body: Mapping[str, Any], text: str | None = None, finish_reason: str = "stop") -> dict[str, Any]:
    """Return the completion of a request, with a log probability for each token."""
    text = answer_text(body) if text is None else text
    messages = body["messages"]
    tokens = TOKEN.findall(text)
    logprobs = [0.0] * len(tokens)
    if len(logprobs) > 6:  # the tokens before an action are { " action " : space "
        logprobs[7] = math.log(probability_of(messages[-1]["content"]))
    content = [
        {"token": token, "logprob": logprob, "bytes": list(token.encode()), "top_logprobs": []}
        for token, logprob in zip(tokens, logprobs, strict=True)
    ]
    n_prompt = sum(len(message["content"]) for message in messages) // 4
    return {
        "id": "chatcmpl-stub",
        "object": "chat.completion",
        "model": body["model"],
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": text},
                "logprobs": {"content": content} if body.get("logprobs") else None,
                "finish_reason": finish_reason,
            }
        ],
        "usage": {
            "prompt_tokens": n_prompt,
            "completion_tokens": len(tokens),
            "total_tokens": n_prompt + len(tokens),
        },
    }


def _refused(status: int, message: str, headers: Mapping[str, str] | None = None) -> web.Response:
    return web.json_response({"error": {"message": message, "type": "stub"}}, status=status, headers=headers)


async def _rate_limited(stub: Stub, request: web.Request, body: dict[str, Any]) -> web.Response:
    return _refused(429, "Too many requests")


async def _rate_limited_seconds(stub: Stub, request: web.Request, body: dict[str, Any]) -> web.Response:
    return _refused(429, "Too many requests", {"Retry-After": f"{stub.settings.retry_after_s:g}"})


async def _rate_limited_date(stub: Stub, request: web.Request, body: dict[str, Any]) -> web.Response:
    now = time.time()
    headers = {
        "Date": formatdate(now, usegmt=True),
        "Retry-After": formatdate(now + stub.settings.retry_after_s, usegmt=True),
    }
    return _refused(429, "Too many requests", headers)


async def _server_error(stub: Stub, request: web.Request, body: dict[str, Any]) -> web.Response:
    return _refused(500, "The server had an error")


async def _malformed(stub: Stub, request: web.Request, body: dict[str, Any]) -> web.Response:
    text = json.dumps(completion(body))
    return web.Response(text=text[: len(text) // 2], content_type="application/json")


async def _no_choices(stub: Stub, request: web.Request, body: dict[str, Any]) -> web.Response:
    return web.json_response({"error": {"message": "upstream is down"}})


async def _hang(stub: Stub, request: web.Request, body: dict[str, Any]) -> web.Response:
    await asyncio.sleep(3600)
    return web.json_response(completion(body))


async def _cut_body(stub: Stub, request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
    content = json.dumps(completion(body)).encode()
    response = web.StreamResponse(headers={"Content-Type": "application/json", "Content-Length": str(len(content))})
    await response.prepare(request)
    await response.write(content[: len(content) // 2])
    _close(request)
    return response


async def _reset(stub: Stub, request: web.Request, body: dict[str, Any]) -> web.Response:
    _close(request)
    return web.Response()


def _close(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.abort()


async def _endless(stub: Stub, request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    await response.prepare(request)
    with contextlib.suppress(ConnectionResetError):
        while True:
            await response.write(b" " * 65536)
    return response


async def _unauthorized(stub: Stub, request: web.Request, body: dict[str, Any]) -> web.Response:
    return _refused(401, f"Incorrect API key provided: {request.headers.get('Authorization', 'none')}")


async def _forbidden(stub: Stub, request: web.Request, body: dict[str, Any]) -> web.Response:
    return _refused(403, "The key may not use this model")


async def _bad_request(stub: Stub, request: web.Request, body: dict[str, Any]) -> web.Response:
    return _refused(400, "Unknown parameter: 'logprobs'")


async def _redirect(stub: Stub, request: web.Request, body: dict[str, Any]) -> web.Response:
    return web.Response(status=307, headers={"Location": "/v1/chat/completions"})


async def _cut_content(stub: Stub, request: web.Request, body: dict[str, Any]) -> web.Response:
    text = answer_text(body)
    return web.json_response(completion(body, text[: len(text) // 2], "length"))


async def _empty_content(stub: Stub, request: web.Request, body: dict[str, Any]) -> web.Response:
    return web.json_response(completion(body, ""))


FAULTS = {
    "rate_limited": _rate_limited,
    "rate_limited_seconds": _rate_limited_seconds,
    "rate_limited_date": _rate_limited_date,
    "server_error": _server_error,
    "malformed": _malformed,
    "no_choices": _no_choices,
    "hang": _hang,
    "cut_body": _cut_body,
    "reset": _reset,
    "endless": _endless,
    "unauthorized": _unauthorized,
    "forbidden": _forbidden,
    "bad_request": _bad_request,
    "redirect": _redirect,
    "cut_content": _cut_content,
    "empty_content": _empty_content,
}


def parse_faults(text: str) -> dict[str, float]:
    """Return the faults named by `none`, `default` or `NAME=SHARE,NAME=SHARE`."""
    if text in ("none", "default"):
        return dict(DEFAULT_FAULTS) if text == "default" else {}
    faults = {name: float(rate) for name, _, rate in (part.partition("=") for part in text.split(","))}
    unknown = sorted(set(faults) - set(FAULTS))
    if unknown:
        raise ValueError(f"unknown faults {unknown}; known: {sorted(FAULTS)}")
    return faults


def logged_calls(log: Path) -> list[dict[str, Any]]:
    """Return the calls of a log, a last line that is not complete left out."""
    lines = log.read_text(encoding="utf-8").split("\n")
    return [json.loads(line) for line in lines[:-1]]


@contextlib.contextmanager
def stub_process(*arguments: str) -> Iterator[str]:
    """Run the stub in its own process and give its base address."""
    command = [sys.executable, str(Path(__file__).resolve()), *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.terminate()


async def _serve_forever(settings: StubSettings, port: int) -> None:
    async with Stub(settings).serving(port) as stub:
        print(stub.port, flush=True)
        await asyncio.Event().wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--latency-ms", type=float, default=20.0)
    parser.add_argument("--faults", type=parse_faults, default={}, help="none, default or NAME=SHARE,...")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--retry-after-s", type=float, default=1.0)
    parser.add_argument("--api-key")
    parser.add_argument("--log", type=Path)
    parser.add_argument("--served", type=json.loads, help="what /v1/models says of the model, as JSON")
    parser.add_argument("--fingerprint")
    given = parser.parse_args()
    settings = StubSettings(
        latency_s=given.latency_ms / 1000,
        faults=given.faults,
        seed=given.seed,
        retry_after_s=given.retry_after_s,
        api_key=given.api_key,
        log=given.log,
        served=given.served,
        fingerprint=given.fingerprint,
    )
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve_forever(settings, given.port))


if __name__ == "__main__":
    main()
