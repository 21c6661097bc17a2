"""Tests of what a person at a notebook meets: errors of four lines, an interrupted cell, JupyterLab's address."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from loopback import AGENT, NAME, make_pilot
from stub_server import logged_calls, stub_process

from workbench.words import InputError, RunError

CONCURRENCY, N_RECORDS = 4, 300


def test_an_error_in_a_cell_is_four_lines_and_no_traceback() -> None:
    error = InputError("the file is not there", where="a.csv", got="nothing", expected="a table", remedy="write it")
    assert error._render_traceback_() == [
        "InputError: the file is not there",
        "  where: a.csv",
        "  got: nothing; expected: a table",
        "  do: write it",
    ]
    assert RunError("stopped", expected="an end")._render_traceback_() == ["RunError: stopped", "  expected: an end"]
    assert RunError("stopped")._render_traceback_() == ["RunError: stopped"]


@pytest.fixture
def kernel() -> Iterator[Any]:
    """Start a kernel as JupyterLab does, and give its manager and a client."""
    from jupyter_client.manager import KernelManager

    manager = KernelManager(kernel_name="python3")
    manager.start_kernel()
    client = manager.client()
    client.start_channels()
    client.wait_for_ready(timeout=60)
    yield manager, client
    client.stop_channels()
    manager.shutdown_kernel(now=True)


def run_cell(kernel: Any, code: str, on_text: Callable[[str], object] = lambda text: None) -> tuple[str, list[str]]:
    """Run a cell; return what it printed and the lines of its error."""
    _, client = kernel
    asked, printed, error = client.execute(code), "", []
    while True:
        message = client.get_iopub_msg(timeout=120)
        kind, content = message["msg_type"], message["content"]
        if message["parent_header"].get("msg_id") != asked:
            continue
        if kind == "stream":
            printed += content["text"]
            on_text(printed)
        if kind == "error":
            error = content["traceback"]
        if kind == "status" and content["execution_state"] == "idle":
            return printed, error


@pytest.mark.slow
def test_an_interrupted_cell_loses_at_most_the_calls_in_flight_and_says_how_to_go_on(
    kernel: Any, tmp_path: Path
) -> None:
    pilot = make_pilot(tmp_path / "root", n_dev=N_RECORDS, prompt_tokens=50, concurrency=CONCURRENCY)
    log = tmp_path / "calls.jsonl"
    interrupts: list[str] = []

    def interrupt(printed: str) -> None:
        if re.search(r" [1-9]\d*/\d+ \[", printed) and not interrupts:
            interrupts.append(printed)
            kernel[0].interrupt_kernel()

    with stub_process("--latency-ms", "20", "--log", str(log)) as url:
        rooms = {"pilot": "open_pilot", "evaluation": "evaluate", "runs": "RunRequest", "engines": "EngineChoice"}
        imports = "; ".join(f"from workbench.{room} import {name}" for room, name in rooms.items())
        opening = f"{imports}; pilot = open_pilot({NAME!r}, {str(pilot.root)!r})"
        assert run_cell(kernel, opening)[1] == []
        request = f"RunRequest(engine=EngineChoice(base_url={url!r}, model='m'))"
        asking = f"found = evaluate(pilot, {AGENT!r}, {request}); print(found.session.n_asked, found.info.ok)"
        _, error = run_cell(kernel, asking, interrupt)
        stopped = re.fullmatch(r"RunError: the run was stopped: (\d+) of (\d+) decisions are stored", error[0])
        assert stopped is not None, error
        assert error[1:] == [
            f"  where: agent {AGENT}, split dev",
            "  do: run the same cell or command again: it goes on where it stopped",
        ]
        kept, planned = map(int, stopped.groups())
        assert 0 < kept < planned
        printed, error = run_cell(kernel, asking)
        assert error == []
        assert f"{planned - kept} {planned}\n" in printed, printed[-200:]  # the bar may end before or after it
    repeated = sum(n - 1 for n in Counter(call["id"] for call in logged_calls(log)).values())
    assert repeated <= CONCURRENCY


@pytest.mark.slow
def test_other_errors_in_a_cell_keep_their_traceback(kernel: Any) -> None:
    _, ours = run_cell(kernel, "import workbench\nworkbench.load('none', '.')")
    assert ours[0] == "InputError: there is no pilot 'none'"
    assert len(ours) <= 4
    assert any("ZeroDivisionError" in line for line in run_cell(kernel, "1 / 0")[1])


@pytest.mark.slow
def test_lab_says_its_address_once_it_answers_shows_no_news_and_ends_when_told(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "workbench", "lab", "--root", str(tmp_path), "--no-browser"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as lab:
        assert lab.stdout is not None
        said = ""
        for line in lab.stdout:
            said += line
            if line.startswith("Ctrl-C"):
                break
        address = re.search(r"JupyterLab: (http://\S+/lab/tree/mlruns/notebooks_lab/\S+\?token=\w+)\n", said)
        assert address is not None, said
        port = re.search(r":(\d+)/", address[1])
        assert port is not None
        with urllib.request.urlopen(address[1]) as answer:
            assert '"@jupyterlab/apputils-extension:announcements"' in answer.read().decode(), (
                "what asks is switched off"
            )
        taken = subprocess.run([*command, "--port", port[1]], capture_output=True, text=True)
        assert taken.returncode == 4
        assert f"port {port[1]} is not available" in taken.stderr
        lab.send_signal(signal.SIGINT)
        assert lab.wait(60) == 0
    assert list((tmp_path / "mlruns" / "notebooks_lab").glob("*/02_prompt_iteration.ipynb"))
