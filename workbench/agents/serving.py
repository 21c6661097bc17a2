"""Serving a model with vLLM on this machine: started, waited for, supervised, ended."""

from __future__ import annotations

import http.client
import os
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from workbench.agents import engine_settings
from workbench.engines import EngineChoice
from workbench.engines.pocket import PocketSettings
from workbench.engines.vllm import (
    VllmSettings,
    installed_version,
    is_for_cpu,
    located,
    server_command,
    server_environment,
)
from workbench.pilot import Pilot
from workbench.words import InputError, RunError

LOOPBACK = "127.0.0.1"
LOG_FILE = "serve.log"
PATIENCE_S = 1800.0  # large models are read from slow disks
LEAVING_S = 20.0
TELLING_S = 10.0
CHECKING_S = 0.5
LAST_LINES = 15

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Served:
    """A model that is being served: the server's address, the model's name there, its process and its log."""

    url: str
    model: str
    process: subprocess.Popen[bytes]
    log: Path


def serve(pilot: Pilot, *, model: str | None = None, host: str = LOOPBACK, port: int = 0) -> None:
    """Serve a pilot's model until Ctrl-C, and say how the pilot is run on it.

    Parameters
    ----------
    pilot : Pilot
        Its `vllm` settings in pilot.yaml say how the model is run.
    model : str, optional
        A folder or the id of a model on the hub; None takes pilot.yaml's, else the pocket model.
    host, port
        Address to listen at; port 0 takes a free one.

    Raises
    ------
    InputError
        vLLM is not installed, there is no such model, or the port cannot be had.
    RunError
        The server did not start, or died.
    """
    settings = settings_for(pilot, model)
    pilot.runs.mkdir(parents=True, exist_ok=True)
    with _ended_by_signals(), served(settings, pilot.runs / LOG_FILE, host=host, port=port, tell=_tell) as server:
        print(f"{server.model} is served at {server.url} (Ctrl-C ends it; log: {server.log})")
        print(f"Next: {run_command(pilot, server)}", flush=True)
        with suppress(KeyboardInterrupt):
            server.process.wait()
            raise _died(server.process, server.log)


@contextmanager
def served(
    settings: VllmSettings, log: Path, *, host: str = LOOPBACK, port: int = 0, tell: Tell | None = None
) -> Iterator[Served]:
    """Serve a model with vLLM while the block runs; the server and all it started are ended with it.

    Parameters
    ----------
    settings : VllmSettings
        The model and how it is run; `concurrency` and `deadline_s` belong to who asks.
    log : Path
        File for what the server prints.
    host, port
        Address to listen at; port 0 takes a free one.
    tell : callable, optional
        Called with a line every ten seconds while the server starts.
    """
    installed_version()
    model, is_cpu = located(settings.source), is_for_cpu()
    address = host, _free_port(host, port)
    command = server_command(settings, model, address, is_cpu=is_cpu)
    with running(command, server_environment(os.environ, is_cpu=is_cpu), log, address, tell) as process:
        yield Served(f"http://{_written(host)}:{address[1]}", model.name, process, log)


@contextmanager
def running(
    command: Sequence[str],
    environment: Mapping[str, str],
    log: Path,
    address: tuple[str, int],
    tell: Tell | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server while the block runs, once /health answers at its address; its whole process group ends with it.

    Raises RunError with the log's last lines where the server ends before it answers.
    """
    with log.open("wb") as file:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            env=environment,
            start_new_session=True,  # a group of its own, so that Ctrl-C reaches the server through us, and all of it
        )
    try:
        _wait_until_ready(process, log, address, tell)
        yield process
    finally:
        end(process)


def settings_for(pilot: Pilot, model: str | None) -> VllmSettings:
    """Return how a pilot's model is run: what is given, what pilot.yaml says, else the pocket model."""
    named = model or pilot.settings.vllm.model or PocketSettings.kind
    settings = engine_settings(pilot, EngineChoice(VllmSettings.kind, model=named))
    assert isinstance(settings, VllmSettings)
    return settings


def run_command(pilot: Pilot, server: Served) -> str:
    """Return the command that runs a pilot on a server."""
    words = ["workbench", "run", pilot.name, "--engine", "server", "--base-url", server.url, "--model", server.model]
    if pilot.root != Path.cwd():
        words += ["--root", str(pilot.root)]
    return shlex.join(words)


def end(process: subprocess.Popen[bytes]) -> None:
    """End a process and its whole group: asked first, killed after twenty seconds."""
    process.terminate()
    try:
        with suppress(subprocess.TimeoutExpired):
            process.wait(LEAVING_S)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def last_lines(log: Path) -> str:
    """Return the last lines of a log that hold anything, cut to a readable width."""
    lines = [line.rstrip() for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    return "".join(f"\n    {line[:200]}" for line in lines[-LAST_LINES:]) or "nothing"


def _wait_until_ready(process: subprocess.Popen[bytes], log: Path, address: tuple[str, int], tell: Tell | None) -> None:
    start = told = time.monotonic()
    while not _is_ready(*address):
        now = time.monotonic()
        if process.poll() is not None:
            raise _died(process, log)
        if now - start > PATIENCE_S:
            raise RunError(
                f"the server did not answer within {PATIENCE_S:.0f} s",
                where=str(log),
                got=f"its last lines were:{last_lines(log)}",
            )
        if tell is not None and now - told >= TELLING_S:
            told = now
            tell(f"vLLM is starting: {now - start:.0f} s")
        time.sleep(CHECKING_S)


def _is_ready(host: str, port: int) -> bool:
    """Return whether a server answers at /health."""
    connection = http.client.HTTPConnection(LOOPBACK if host == "0.0.0.0" else host, port, timeout=2.0)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _died(process: subprocess.Popen[bytes], log: Path) -> RunError:
    return RunError(
        f"the server ended with exit code {process.returncode}",
        where=str(log),
        got=f"its last lines were:{last_lines(log)}",
        remedy="the log has the rest; less memory: vllm: {max_model_len, kv_cache_gib} in pilot.yaml",
    )


def _free_port(host: str, port: int) -> int:
    """Return a port that can be listened at: the one given, or any where it is 0."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        with socket.socket(family) as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((host, port))
            number: int = listener.getsockname()[1]
            return number
    except (OSError, OverflowError) as error:
        raise InputError(
            "the server cannot listen there",
            where=f"--host {host} --port {port}",
            got=str(error),
            expected="a free port",
        ) from None


def _written(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Let SIGTERM and SIGHUP end the server as Ctrl-C does."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    earlier = {number: signal.signal(number, interrupt) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        with suppress(KeyboardInterrupt):  # while it still starts
            yield
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)
