from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml

from workbench.records.sources import ATTRIBUTION_FILE, SOURCES_FILE, Obtained, obtain
from workbench.words import InputError, RunError

CONTENT = {"a.csv": b"text,label\nhello,x\n", "b.csv": b"text,label\n" + b"again,y\n" * 30_000}
LICENCE = {
    "name": "CC BY 4.0",
    "url": "https://creativecommons.org/licenses/by/4.0/",
    "attribution": "Made by somebody.",
    "citation": "Somebody (2020). A data set.",
}
Answer = Callable[[BaseHTTPRequestHandler], None]


def send(handler: BaseHTTPRequestHandler, body: bytes, length: int | None = None) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(body) if length is None else length))
    handler.end_headers()
    handler.wfile.write(body)


@dataclass
class Server:
    """A loopback server: the files of CONTENT, or what a test answers instead."""

    url: str = ""
    asked: list[str] = field(default_factory=list)
    answers: dict[str, Answer] = field(default_factory=dict)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    state = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            name = self.path.lstrip("/")
            state.asked.append(name)
            if name in state.answers:
                state.answers[name](self)
            else:
                send(self, CONTENT[name])

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name http.server uses
            """Keep the test's output clean."""

        def handle(self) -> None:
            try:
                super().handle()
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True  # the client had enough

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.url = f"http://127.0.0.1:{httpd.server_address[1]}"
    thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield state
    httpd.shutdown()
    thread.join()
    httpd.server_close()


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "datasets" / "p"
    folder.mkdir(parents=True)
    describe(folder)
    return folder


@pytest.fixture
def copies(tmp_path: Path) -> Path:
    folder = tmp_path / "copies"
    folder.mkdir()
    for name, content in CONTENT.items():
        (folder / name).write_bytes(content)
    return folder


def describe(folder: Path, base: str = "https://data.invalid", **changes: object) -> None:
    """Write the sources.yaml of CONTENT; `changes` are applied to its first file."""
    files = [
        {"name": name, "url": f"{base}/{name}", "sha256": hashlib.sha256(body).hexdigest(), "bytes": len(body)}
        for name, body in CONTENT.items()
    ]
    files[0] |= changes
    (folder / SOURCES_FILE).write_text(yaml.safe_dump({"files": files, "licence": LICENCE}), encoding="utf-8")


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def is_complete(folder: Path) -> bool:
    return names(folder) == [ATTRIBUTION_FILE, "a.csv", "b.csv", SOURCES_FILE] and all(
        (folder / name).read_bytes() == body for name, body in CONTENT.items()
    )


def test_files_are_copied_from_a_folder_with_their_attribution(data: Path, copies: Path) -> None:
    expected = Obtained((data / "a.csv", data / "b.csv"), ("a.csv", "b.csv"), data / ATTRIBUTION_FILE)
    assert obtain(data, copies) == expected
    assert is_complete(data)
    said = (data / ATTRIBUTION_FILE).read_text(encoding="utf-8")
    for fact in (
        *LICENCE.values(),
        "a.csv",
        "https://data.invalid/a.csv",
        hashlib.sha256(CONTENT["a.csv"]).hexdigest(),
    ):
        assert fact in said


def test_files_are_downloaded(data: Path, server: Server) -> None:
    describe(data, server.url)
    assert obtain(data).fetched == ("a.csv", "b.csv")
    assert is_complete(data)


def test_what_is_there_is_verified_and_not_fetched_again(data: Path, copies: Path, server: Server) -> None:
    describe(data, server.url)
    obtain(data, copies)
    before = {path: path.stat().st_mtime_ns for path in data.iterdir()}
    again = obtain(data)
    assert (again.fetched, server.asked) == ((), [])
    assert [path.name for path in again.files] == ["a.csv", "b.csv"]
    assert {path: path.stat().st_mtime_ns for path in data.iterdir()} == before


def test_only_what_is_missing_is_fetched(data: Path, copies: Path, server: Server) -> None:
    describe(data, server.url)
    obtain(data, copies)
    (data / "a.csv").unlink()
    (data / ATTRIBUTION_FILE).unlink()
    assert obtain(data).fetched == ("a.csv",)
    assert server.asked == ["a.csv"]
    assert is_complete(data)


def test_a_wrong_file_in_the_folder_is_refused_and_nothing_lands(data: Path, copies: Path) -> None:
    wrong = CONTENT["b.csv"].replace(b"y", b"z")
    (copies / "b.csv").write_bytes(wrong)
    with pytest.raises(InputError, match=r"b\.csv is not the published file") as caught:
        obtain(data, copies)
    assert caught.value.got == f"sha256 {hashlib.sha256(wrong).hexdigest()}"
    assert caught.value.expected == f"sha256 {hashlib.sha256(CONTENT['b.csv']).hexdigest()}"
    assert caught.value.where == str(copies / "b.csv")
    assert names(data) == [SOURCES_FILE]


def test_a_download_of_other_content_is_refused_and_nothing_lands(data: Path, server: Server) -> None:
    describe(data, server.url)
    server.answers["b.csv"] = lambda handler: send(handler, CONTENT["b.csv"].replace(b"y", b"z"))
    with pytest.raises(RunError, match=r"b\.csv is not the published file"):
        obtain(data)
    assert names(data) == [SOURCES_FILE]


@pytest.mark.parametrize(
    ("body", "length", "got"), [(b"x" * 10_000_000, None, "more than 19 bytes"), (CONTENT["a.csv"][:7], 19, "7 bytes")]
)
def test_a_download_of_another_size_is_refused(
    data: Path, server: Server, body: bytes, length: int | None, got: str
) -> None:
    describe(data, server.url)
    server.answers["a.csv"] = lambda handler: send(handler, body, length)
    with pytest.raises(RunError, match="wrong size") as caught:
        obtain(data)
    assert (caught.value.got, caught.value.expected) == (got, "19 bytes")
    assert names(data) == [SOURCES_FILE]


def test_files_missing_from_the_folder_are_named_together(data: Path, copies: Path) -> None:
    for name in CONTENT:
        (copies / name).unlink()
    with pytest.raises(InputError, match="missing from the folder") as caught:
        obtain(data, copies)
    assert caught.value.expected == "'a.csv', 'b.csv'"
    with pytest.raises(InputError, match="no such folder"):
        obtain(data, copies / "none")


def test_an_address_that_cannot_be_reached_is_named(data: Path) -> None:
    describe(data, "http://127.0.0.1:1")  # nothing listens on port 1
    with pytest.raises(RunError, match=r"a\.csv cannot be downloaded") as caught:
        obtain(data)
    assert caught.value.where == "http://127.0.0.1:1/a.csv"
    assert "--from" in str(caught.value.remedy)
    assert names(data) == [SOURCES_FILE]


def test_a_refusal_of_the_server_is_told(data: Path, server: Server) -> None:
    describe(data, server.url)
    server.answers["a.csv"] = lambda handler: handler.send_error(404)
    with pytest.raises(RunError, match="cannot be downloaded") as caught:
        obtain(data)
    assert caught.value.got == "Not Found"


def test_a_silent_server_does_not_hold_the_call_for_ever(
    data: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workbench.records.sources.SILENCE_S", 0.1)
    describe(data, server.url)
    server.answers["a.csv"] = lambda handler: time.sleep(0.5)
    with pytest.raises(RunError, match="cannot be downloaded") as caught:
        obtain(data)
    assert "timed out" in str(caught.value.got)


def test_a_server_that_drips_does_not_hold_the_call_for_ever(
    data: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workbench.records.sources.DEADLINE_S", 0.2)
    describe(data, server.url)

    def drip(handler: BaseHTTPRequestHandler) -> None:
        send(handler, b"", 19)
        for byte in CONTENT["a.csv"]:
            time.sleep(0.05)
            handler.wfile.write(bytes([byte]))

    server.answers["a.csv"] = drip
    with pytest.raises(RunError, match="cannot be downloaded") as caught:
        obtain(data)
    assert "not finished" in str(caught.value.got)


def redirect(target: str) -> Answer:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(302)
        handler.send_header("Location", target)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    return answer


def test_a_redirect_is_followed(data: Path, server: Server) -> None:
    describe(data, server.url)
    server.answers["a.csv"] = redirect(f"{server.url}/moved")
    server.answers["moved"] = lambda handler: send(handler, CONTENT["a.csv"])
    obtain(data)
    assert is_complete(data)


def test_a_redirect_to_an_address_without_encryption_is_refused(data: Path, server: Server) -> None:
    describe(data, server.url)
    server.answers["a.csv"] = redirect("http://data.invalid/a.csv")
    with pytest.raises(RunError, match="cannot be downloaded") as caught:
        obtain(data)
    assert "not encrypted" in str(caught.value.got)
    assert server.asked == ["a.csv"]
    assert names(data) == [SOURCES_FILE]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"url": "http://data.invalid/a.csv"}, r"files\.0\.url"),
        ({"url": "file:///etc/passwd"}, r"files\.0\.url"),
        ({"url": "https://"}, r"files\.0\.url"),
        ({"name": "../a.csv"}, r"files\.0\.name"),
        ({"name": "b.csv"}, "does not fit"),
        ({"sha256": "abc"}, r"files\.0\.sha256"),
        ({"sha_256": "abc"}, r"unknown key 'files\.0\.sha_256'"),
    ],
)
def test_sources_are_checked_before_anything_is_fetched(
    data: Path, copies: Path, change: dict[str, str], problem: str
) -> None:
    describe(data, **change)
    with pytest.raises(InputError, match=problem) as caught:
        obtain(data, copies)
    assert caught.value.where == str(data / SOURCES_FILE)
    assert names(data) == [SOURCES_FILE]


def test_a_pilot_without_sources_has_nothing_to_obtain(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="records ship with the repository"):
        obtain(tmp_path)


def test_a_changed_file_is_not_overwritten(data: Path, copies: Path) -> None:
    (data / "a.csv").write_bytes(b"mine")
    with pytest.raises(InputError, match="not the published one") as caught:
        obtain(data, copies)
    assert caught.value.where == str(data / "a.csv")
    assert (data / "a.csv").read_bytes() == b"mine"
    assert names(data) == ["a.csv", SOURCES_FILE]


def test_a_folder_that_cannot_be_written_is_named(data: Path, copies: Path) -> None:
    (data / "b.csv").mkdir()  # stands where a file has to go; a read-only folder does not stop an administrator
    with pytest.raises(InputError, match="cannot be written") as caught:
        obtain(data, copies)
    assert caught.value.where == str(data)
