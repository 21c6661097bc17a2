"""What runs in a sandbox's process: the pilot's systems behind one port, and the paths that only tests use.

It is told on standard input what to serve, and says on standard output, in one line of JSON, where it is, or why not.
"""

from __future__ import annotations

import asyncio
import hashlib
import importlib
import json
import os
import shutil
import signal
import socket
import sys
import traceback
from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack, contextmanager, suppress
from pathlib import Path
from types import ModuleType
from typing import Any

from workbench.environment.sandbox.gate import Receive, Scope, Send, answer_json, refuse_call, whole_body
from workbench.environment.sandbox.standin import SandboxSystems, StandIn
from workbench.words import InputError, WorkbenchError

LOOPBACK = "127.0.0.1"
LOOK_S = 0.25  # between looks whether whoever started it is still there
TESTS = "test"


def main() -> None:
    """Serve a sandbox until it is told to end, or whoever started it has ended."""
    job = json.loads(sys.stdin.buffer.read())
    said = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what a pilot's code prints goes into the log
    try:
        asyncio.run(_serve(job, said))
    except WorkbenchError as error:
        _say(said, {"error": error.as_json()})
        sys.exit(error.exit_code)
    finally:
        if os.getppid() != job["parent"]:
            shutil.rmtree(Path(job["folder"]).parent, ignore_errors=True)


def _say(said: Any, content: Mapping[str, Any]) -> None:
    with suppress(BrokenPipeError):  # nobody waits any more
        print(json.dumps(content), file=said, flush=True)


async def _serve(job: Mapping[str, Any], said: Any) -> None:
    """Make the systems, serve them, and say where."""
    import uvicorn

    class Served(uvicorn.Server):
        @contextmanager
        def capture_signals(self) -> Iterator[None]:
            yield

    secrets = {name: os.environ[name] for name in job["secrets"]}
    stand_in = StandIn(job["documents"], job["id_column"], secrets, Path(job["folder"]), job["database"])
    with _bound(job["port"]) as listening, stand_in.ends:
        systems = made_systems(Path(job["file"]), job["name"], stand_in)
        config = uvicorn.Config(
            sandbox_app(systems, stand_in), log_config=None, lifespan="off", ws="none", access_log=False,
            backlog=2048, timeout_graceful_shutdown=1,
        )  # fmt: skip
        server = Served(config)
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, setattr, server, "should_exit", True)
        async with AsyncExitStack() as during:
            for context in systems.during:
                await during.enter_async_context(context)
            serving = asyncio.create_task(server.serve(sockets=[listening]))
            watching = asyncio.create_task(_watch(server, job["parent"]))
            while not server.started and not serving.done():
                await asyncio.sleep(0.005)
            address = f"http://{LOOPBACK}:{listening.getsockname()[1]}"
            database = {} if systems.database is None else {"database": systems.database}
            _say(said, {"places": {"sandbox": address, "folder": job["folder"], **database}})
            await serving
            watching.cancel()


@contextmanager
def _bound(port: int) -> Iterator[socket.socket]:
    # With the protocol named, answers are sent at once; asyncio lets them wait for the reader's receipt otherwise.
    with socket.socket(proto=socket.IPPROTO_TCP) as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((LOOPBACK, port))
        except OSError as error:
            raise InputError(
                "the port cannot be used", got=f"{port}: {error.strerror}", remedy="give another"
            ) from None
        yield listening


async def _watch(server: Any, parent: int) -> None:
    """End the server once the process that started it is gone."""
    while os.getppid() == parent:
        await asyncio.sleep(LOOK_S)
    server.should_exit = True


def sandbox_app(systems: SandboxSystems, stand_in: StandIn) -> Any:
    """Return the application of all systems, with paths by which tests move the clock and read what was written.

    Parameters
    ----------
    systems : SandboxSystems
    stand_in : StandIn
        What they were made from.
    """

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        first = str(scope["path"]).split("/")[1]
        if first == TESTS:
            await _for_tests(stand_in, scope, receive, send)
        elif first in systems.apps:
            root = f"{scope.get('root_path', '')}/{first}"
            await systems.apps[first]({**scope, "root_path": root, "app_root_path": root}, receive, send)
        else:
            await refuse_call(send, 404, "the sandbox has no such system")

    return app


async def _for_tests(stand_in: StandIn, scope: Scope, receive: Receive, send: Send) -> None:
    asked = f"{scope['method']} {scope['path']}"
    if asked == f"GET /{TESTS}/written":
        await answer_json(send, 200, {"written": stand_in.written.listed()})
    elif asked == f"DELETE /{TESTS}/written":
        stand_in.written.forget()
        await answer_json(send, 200, {"written": []})
    elif asked == f"GET /{TESTS}/foreign":
        await answer_json(send, 200, stand_in.told_apart())
    elif asked == f"POST /{TESTS}/clock":
        try:
            told = json.loads(await whole_body(receive))
            stand_in.clock.advance(float(told["advance_s"]))
            if "stands" in told:
                stand_in.clock.stand(stands=bool(told["stands"]))
        except (ValueError, KeyError, TypeError) as error:
            await refuse_call(send, 422, f'expected {{"advance_s": SECONDS}}: {error}')
        else:
            said = {"now": stand_in.clock.now().isoformat(), "stands": stand_in.clock.stands}
            await answer_json(send, 200, said)
    else:
        await refuse_call(send, 404, "there is /test/clock, /test/written and /test/foreign")


def made_systems(file: Path, name: str, stand_in: StandIn) -> SandboxSystems:
    """Return the systems that a pilot's code makes; its file may import its neighbours as `from . import reading`.

    Raises
    ------
    InputError
        The file cannot be imported, has no such function, or the function fails or makes something else.
    """
    package = ModuleType(f"workbench_sandbox_{hashlib.sha256(str(file.parent).encode()).hexdigest()[:12]}")
    package.__path__ = [str(file.parent)]
    sys.modules[package.__name__] = package
    sys.dont_write_bytecode = True  # nothing is written into a pilot's folder
    try:
        made = getattr(importlib.import_module(f"{package.__name__}.{file.stem}"), name)(stand_in)
    except InputError:
        raise
    except Exception as error:  # whatever a pilot's code raises
        places = traceback.extract_tb(error.__traceback__)
        own = [one for one in places if Path(one.filename).parent == file.parent]
        place = f"{file} (line {own[-1].lineno} of {Path(own[-1].filename).name})" if own else str(file)
        raise InputError("the pilot's sandbox cannot be made", where=place, got=_told(error)) from None
    if not isinstance(made, SandboxSystems):
        got, expected = type(made).__name__, SandboxSystems.__name__
        raise InputError("the pilot's sandbox is none", where=f"{file}:{name}", got=got, expected=expected)
    return made


def _told(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"[:300]
