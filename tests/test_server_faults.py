"""Every kind of fault of a server, in raw bytes: each planned decision has one end, and its cause is the right one."""

from __future__ import annotations

import gzip
import json
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from loopback import make_pilot
from raw_server import (
    BODY,
    GOOD,
    GZIP,
    HEAD,
    KEPT_ALIVE,
    Fault,
    chunked,
    completion,
    cut,
    drip,
    endless,
    http,
    late,
    raw_server,
    refused,
    reset,
    said,
    silent,
    then,
)

from workbench.agents import PromptAgent
from workbench.agents.prompts import read_prompt
from workbench.engines.http import CallPolicy
from workbench.engines.server.engine import ServerEngine
from workbench.engines.server.settings import ServerSettings
from workbench.pilot.pilot import Pilot
from workbench.records.splits import Dataset, Split, read_dataset
from workbench.runs.journal import JOURNAL_FILE, Journal
from workbench.runs.runner import RecordSelection, run_agent
from workbench.words import RunError

N_RECORDS = 4
PATIENT = CallPolicy(deadline_s=30.0, max_attempts=2, attempt_s=15.0, first_wait_s=0.01)
HASTY = CallPolicy(deadline_s=2.0, max_attempts=2, attempt_s=0.9, first_wait_s=0.01)
OK, INVALID, FAILED = "ok", "invalid", "failed"
LIST = [{"type": "text", "text": '{"action": "app'}, {"type": "text", "text": 'rove"}'}]
LATER = "Sun, 22 Nov 2099 12:00:00 GMT"
LENGTH = b"Content-Length: "
NAN = {"content": [{"token": "x", "logprob": float("nan")}]}


@dataclass(frozen=True)
class Kind:
    """A fault, how a decision ends that meets it, its cause, and what the detail says."""

    name: str
    fault: Fault
    status: str
    cause: str | None = None
    says: str = ""
    policy: CallPolicy = PATIENT


def ok(name: str, fault: Fault) -> Kind:
    return Kind(name, fault, OK)


def invalid(name: str, fault: Fault, cause: str, says: str = "") -> Kind:
    return Kind(name, fault, INVALID, cause, says)


def failed(name: str, fault: Fault, cause: str, says: str = "", policy: CallPolicy = PATIENT) -> Kind:
    return Kind(name, fault, FAILED, cause, says, policy)


def within(code: object, message: str = "x") -> bytes:
    """Return an error that comes with HTTP 200."""
    return http({"error": {"message": message, "code": code}, "choices": None})


KINDS = [
    # Refused
    failed("400 that names a field", refused(400, "unknown: logprobs"), "rejected", "{send: {logprobs: false}}"),
    failed("400", refused(400, "too long"), "rejected", "HTTP 400: too long"),
    failed("401", refused(401), "auth", "HTTP 401"),
    failed("403", refused(403), "auth", "HTTP 403"),
    failed("404, no such model", refused(404, "The model `m` does not exist"), "rejected", "does not exist"),
    failed("408", refused(408), "timeout", "HTTP 408"),
    failed("413", refused(413), "rejected", "HTTP 413"),
    failed("422", refused(422), "rejected", "HTTP 422"),
    failed("429", refused(429), "rate_limited", "HTTP 429"),
    failed("429 for an hour", refused(429, headers="Retry-After: 3600"), "rate_limited", "Retry-After 3600"),
    failed("429 for no time", refused(429, headers="Retry-After: 0"), "rate_limited", "Retry-After 0"),
    failed("429 until a date", refused(429, headers=f"Retry-After: {LATER}"), "rate_limited", "Retry-After Sun"),
    failed("500", refused(500), "server_error", "HTTP 500"),
    failed("501", refused(501), "rejected", "HTTP 501"),
    failed("502 with a page", http("<h1>Bad\n way</h1>", 502, "X: y"), "server_error", "<h1>Bad way</h1>"),
    failed("503", refused(503), "server_error", "HTTP 503"),
    failed("529", refused(529), "server_error", "HTTP 529"),
    failed("a redirect", http("", 307, "Location: /elsewhere"), "rejected", "not followed"),
    # An error in an HTTP 200
    failed("200 with error 429", within(429, "wait"), "rate_limited", "error 429 in it: wait"),
    failed("200 with error 503", within("503"), "server_error", "error 503 in it"),
    failed("200 with error 400", within(400), "rejected", "error 400 in it"),
    failed("200 with error 401", http({"error": "no key", "code": 401}), "auth", "error 401 in it"),
    failed("200 with a bare error", http({"error": {"message": "upstream is down"}}), "rejected", "upstream is down"),
    # The connection
    failed("silence", silent, "timeout", "no complete answer", HASTY),
    failed("silence in the headers", then(HEAD[:20], silent), "timeout", "no complete answer", HASTY),
    failed("silence in the body", then(GOOD[:-9], silent), "timeout", "no complete answer", HASTY),
    failed("a body that drips", then(HEAD, drip), "timeout", "no complete answer", HASTY),
    failed("reset before the headers", reset, "connection"),
    failed("reset in the headers", then(HEAD[:20], reset), "connection"),
    failed("reset in the body", then(GOOD[:-9], reset), "malformed", "cut off"),
    failed("closed without a word", b"", "connection", "disconnected"),
    ok("answers in another order", then(b"", late)),
    ok("kept alive and closed all the same", KEPT_ALIVE),
    ok("an early hint first", b"HTTP/1.1 100 Continue\r\n\r\n" + GOOD),
    # The body as bytes
    failed("no HTTP", b"SSH-2.0-OpenSSH_9.6\r\n", "malformed", "no HTTP"),
    failed("a header without end", b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000 + b"\r\n\r\n", "malformed"),
    failed("less than Content-Length", cut(GOOD), "malformed", "cut off"),
    failed("more than Content-Length", HEAD.replace(LENGTH, LENGTH + b"1\r\nX: ") + BODY.encode(), "malformed"),
    failed("chunks without the last", chunked(BODY.encode()), "malformed", "cut off"),
    failed("a chunk of no size", chunked() + b"zz\r\n", "malformed"),
    failed("no end", then(HEAD.replace(LENGTH, b"X: "), endless), "malformed", "longer than 4,194,304 bytes"),
    failed("5 MB", http(completion("x" * 5_000_000)), "malformed", "longer than 4,194,304 bytes"),
    failed("gzip that is none", http("not gzip", headers=GZIP), "malformed", "cut off or no HTTP"),
    failed("gzip of 64 MB", http(gzip.compress(bytes(64 * 2**20)), headers=GZIP), "malformed", "longer than"),
    ok("gzip", http(gzip.compress(BODY.encode()), headers=GZIP)),
    failed("bytes that are no UTF-8", http(BODY.encode().replace(b"c", b"\xff")), "malformed", "not JSON"),
    ok("a byte order mark", http(b"\xef\xbb\xbf" + BODY.encode())),
    ok("UTF-16", http(BODY.encode("utf-16"))),
    ok("JSON as text/plain", http(BODY, headers="Content-Type: text/plain")),
    # The body as JSON
    failed("204", b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n", "malformed", "HTTP 204, not JSON"),
    failed("an empty body", http(""), "malformed", "not JSON"),
    failed("a page", http("<html>Sign in</html>", headers="Content-Type: text/html"), "malformed", "not JSON"),
    failed("an event stream", http(f"data: {BODY}\n\ndata: [DONE]\n\n"), "malformed", "not JSON"),
    failed("JSON cut off", http(BODY[:-20]), "malformed", "not JSON"),
    failed("JSON nested deeply", http('{"a":' * 50_000), "malformed", "not JSON"),
    failed("a list", http([completion()]), "malformed", "no JSON object"),
    failed("no choices", http({"id": "c"}), "malformed", "no chat completion"),
    failed("empty choices", http({"choices": []}), "malformed", "no chat completion"),
    failed("null choices", http({"choices": None}), "malformed", "no chat completion"),
    failed("no message", http({"choices": [{"text": "x"}]}), "malformed", "no chat completion"),
    failed("content that is a number", http(completion(7)), "malformed", "no chat completion"),
    failed("a reply broken off", http(completion("", "error")), "server_error", "ended the reply"),
    failed("a reply taken back", http(completion(None, "abort")), "server_error", "ended the reply"),
    # The reply
    ok("content in parts", http(completion(LIST))),
    invalid("null content at the token cap", http(completion(None, "length")), "truncated"),
    invalid("content cut by the token cap", said('{"action": "appr', "length"), "truncated"),
    invalid("null content", http(completion(None)), "empty"),
    invalid("blank content", said(" \n"), "empty"),
    invalid("a refusal", http(completion(None, refusal="I cannot help.")), "refused", "I cannot help."),
    invalid("a refusal among parts", http(completion([{"type": "refusal", "refusal": "No."}])), "refused", "No."),
    invalid("filtered content", http(completion(None, "content_filter")), "content_filter"),
    invalid("a tool call", http(completion(None, "tool_calls", tool_calls=[{"id": "t"}])), "tool_call"),
    ok("one fenced object", said('```json\n{"action": "approve"}\n```')),
    invalid("two fenced objects", said('```\n{"action": "approve"}\n```\n```\n{}\n```'), "not_json"),
    ok("a thought before", said('<think>Reject? {"action": "reject"}</think>{"action": "approve"}')),
    invalid("a thought without end", said("<think>It may be"), "not_json"),
    invalid("a thought up to the token cap", said("<think>It may be", "length"), "truncated"),
    invalid("prose", said("I would approve this."), "not_json"),
    invalid("two objects", said('{"action": "approve"}\n{"action": "reject"}'), "not_json"),
    invalid("a list in the reply", said('["approve"]'), "not_an_object"),
    invalid("a bare label", said('"approve"'), "not_an_object"),
    invalid("a key given twice", said('{"action": "approve", "action": "reject"}'), "duplicate_key", "'action'"),
    invalid("no action", said('{"decision": "approve"}'), "no_action", "decision"),
    invalid("no such label", said('{"action": "maybe"}'), "unknown_action", "maybe"),
    invalid("a number for a label", said('{"action": 1}'), "unknown_action", "1"),
    invalid("a confidence of 90", said('{"action": "approve", "confidence": 90}'), "bad_confidence"),
    invalid("a confidence that is NaN", said('{"action": "approve", "confidence": NaN}'), "bad_confidence"),
    invalid("a reason that is no text", said('{"action": "approve", "reason": ["a"]}'), "bad_reason"),
    ok("half a surrogate pair", said('{"action": "approve", "reason": "\\ud83d"}')),
    ok("logprobs that are NaN", http(completion(logprobs=NAN))),
    ok("logprobs of nothing", http(completion(logprobs={"content": [None]}))),
    ok("usage in words", http(completion() | {"usage": {"prompt_tokens": "many", "completion_tokens": -1}})),
    ok("ids of another call", http(completion() | {"id": "another", "object": None, "model": 7})),
]  # fmt: skip


@pytest.fixture(scope="module")
def pilot(tmp_path_factory: pytest.TempPathFactory) -> Pilot:
    return make_pilot(tmp_path_factory.mktemp("faults") / "root", n_dev=12, prompt_tokens=50, concurrency=4)


@pytest.fixture(scope="module")
def dataset(pilot: Pilot) -> Dataset:
    return read_dataset(pilot)


def engine_at(url: str, policy: CallPolicy) -> ServerEngine:
    return ServerEngine(ServerSettings(base_url=url, model="m", concurrency=N_RECORDS), policy=policy)


def answered(pilot: Pilot, dataset: Dataset, server: ServerEngine, folder: Path) -> dict[str, tuple[str, ...]]:
    """Run an agent over two records with an even and two with an odd number; return how each decision ended."""
    prompt = read_prompt(pilot.suite / "prompts" / "v1.md", pilot.prompt_fields)
    agent = PromptAgent("a", prompt, server, dataset.labels)
    every = dataset.ids(Split.DEV)
    odd = every.str[1:].astype(int) % 2 == 1
    ids = every[~odd][: N_RECORDS // 2].append(every[odd][: N_RECORDS // 2])
    with Journal(folder / JOURNAL_FILE) as journal:
        with suppress(RunError):  # a run may stop where nothing answers; what it planned has its ends all the same
            run_agent(journal, agent, RecordSelection(dataset, Split.DEV, ids), show_progress=False)
        (info,) = journal.runs()
        decisions = journal.decisions(info.run)
    assert info.planned == info.ok + info.invalid + info.failed + info.skipped == N_RECORDS
    columns = decisions[["status", "cause", "detail"]].astype(object)
    return {str(name): tuple(row) for name, row in zip(decisions.index, columns.to_numpy(), strict=True)}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_each_fault_of_a_server_ends_in_its_cause_and_in_no_other_decision(
    kind: Kind, pilot: Pilot, dataset: Dataset, tmp_path: Path
) -> None:
    with raw_server(kind.fault) as url:
        ended = answered(pilot, dataset, engine_at(url, kind.policy), tmp_path)
    for record_id, (status, cause, detail) in ended.items():
        if int(record_id[1:]) % 2:
            assert (status, cause) == (OK, None)
        else:
            assert (status, cause) == (kind.status, kind.cause), detail
            assert kind.says in (detail or "")


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("http://127.0.0.1:1", "Cannot connect to host 127.0.0.1:1"),
        ("http://no-such-host.invalid", "no-such-host.invalid"),
        ("https://{plain}", "SSL"),
    ],
)
def test_a_server_that_cannot_be_reached_is_that_for_every_record(
    url: str, says: str, pilot: Pilot, dataset: Dataset, tmp_path: Path
) -> None:
    with raw_server(GOOD) as plain:
        server = engine_at(url.format(plain=plain.removeprefix("http://")), PATIENT)
        ended = answered(pilot, dataset, server, tmp_path)
    assert {(status, cause) for status, cause, _ in ended.values()} == {(FAILED, "connection")}
    assert all(says in detail for _, _, detail in ended.values())


def test_there_are_many_kinds_and_each_is_named_once() -> None:
    names = [kind.name for kind in KINDS]
    assert len(names) == len(set(names)) >= 34
    assert json.loads(BODY) == completion()
