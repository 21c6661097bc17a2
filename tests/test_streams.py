"""What is printed: no text steers a terminal, no sign ends a command, and exit code 1 is a NO-GO only."""

from __future__ import annotations

import io
import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from commands import Command, command_in
from small_pilots import with_settings

from workbench.commands import cli
from workbench.commands.streams import EscapedStream, escaped
from workbench.pilot.pilot import Pilot

HOSTILE = "a\x1b[2J\x1b]0;owned\x07\x9b31m\u202eb"


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Command:
    return command_in(tmp_path, monkeypatch, capsys)


def test_signs_that_steer_a_terminal_are_spelled_out_and_others_are_not() -> None:
    assert escaped(HOSTILE) == r"a\u001b[2J\u001b]0;owned\u0007\u009b31m\u202eb"
    assert escaped("plain\tüber 漢字\n") == "plain\tüber 漢字\n"
    assert json.loads(escaped(json.dumps(HOSTILE, ensure_ascii=False))) == HOSTILE, "JSON stays the same JSON"
    raw = io.StringIO()
    print(HOSTILE, file=EscapedStream(raw))
    assert raw.getvalue() == escaped(HOSTILE) + "\n"


@pytest.mark.parametrize("asked", [("record", "tickets", HOSTILE), ("status", HOSTILE), ("evaluate", HOSTILE)])
def test_no_command_hands_escape_bytes_of_a_name_on(
    tickets: Callable[[int], Pilot], command: Command, asked: tuple[str, ...]
) -> None:
    tickets(40)
    code, out, err = command(*asked)
    assert code == 2
    assert "\x1b" not in out + err


def test_on_a_terminal_titles_of_records_and_pilots_are_spelled_out(tickets: Callable[[int], Pilot]) -> None:
    pilot = tickets(40)
    with_settings(pilot, f"title: {json.dumps(HOSTILE)}\nengine: server")
    ours, theirs = pty.openpty()
    done = subprocess.Popen([sys.executable, "-m", "workbench", "pilots"], cwd=pilot.root, stdout=theirs)
    assert done.wait(60) == 0
    os.close(theirs)
    shown = os.read(ours, 10_000)
    os.close(ours)
    assert b"\\u001b[2J" in shown
    assert b"\x1b[2J" not in shown


@pytest.mark.parametrize("name", ["status", "compare"])
def test_an_output_that_is_not_utf_8_gets_replaced_signs_and_exit_code_0(
    tickets: Callable[[int], Pilot], name: str
) -> None:
    pilot = tickets(60)
    with_settings(pilot, 'title: "Anträge: 漢字"\nengine: server')
    plain = {**os.environ, "PYTHONIOENCODING": "ascii", "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    run = [sys.executable, "-m", "workbench"]
    for asked in (["evaluate", "tickets", "--agent", "baseline", "--json"], [name, "tickets"], ["pilots"]):
        done = subprocess.run([*run, *asked], cwd=pilot.root, env=plain, capture_output=True)
        assert done.returncode == 0, done.stderr
        assert done.stdout.isascii()


def test_a_fault_of_the_program_is_exit_code_4(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def faulty(*arguments: object, **named: object) -> None:
        raise ValueError("a fault " + HOSTILE)

    monkeypatch.setattr(cli, "app", faulty)
    code, _, err = command("pilots")
    assert code == 4
    assert "Traceback" in err
    assert "ValueError: a fault a\\u001b" in err


@pytest.mark.parametrize("error", [BrokenPipeError(32, "closed"), KeyboardInterrupt(), EOFError()])
def test_a_closed_pipe_and_ctrl_c_are_exit_code_4(
    command: Command, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    def ending(*arguments: object) -> None:
        raise error

    monkeypatch.setattr("workbench.pilot.pilot_names", ending)
    assert command("pilots")[0] == 4


@pytest.mark.parametrize("asked", [("nothing-of-the-kind",), ("status",), ("status", "--nothing"), ("keys",)])
def test_a_wrong_command_line_is_exit_code_2(command: Command, asked: tuple[str, ...]) -> None:
    assert command(*asked)[0] == 2
