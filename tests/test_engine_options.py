"""Tests of the options that name an engine: every command that asks one takes all of them."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
import typer.main
from commands import command_in
from stub_server import stub_process

from workbench.commands.cli import app
from workbench.pilot.pilot import Pilot

OPTIONS = {"engine", "base_url", "model", "ray_address"}
ASKING = {"run", "evaluate", "repeat", "gate", "answer", "optimise", "load"}

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tickets: Callable[[int], Pilot]
) -> Command:
    """Run the command in this process under a small pilot's root."""
    return command_in(tickets(60).root, monkeypatch, capsys)


def test_every_command_that_names_an_engine_takes_all_the_options_with_one_help() -> None:
    group = typer.main.get_command(app)
    helps: dict[str, set[str]] = {}
    found = {}
    for name, one in group.commands.items():  # type: ignore[attr-defined]
        options = {option.name: option.help for option in one.params if option.name in OPTIONS}
        if "engine" in options:
            found[name] = set(options)
            for option, text in options.items():
                helps.setdefault(option, set()).add(text)
    assert found == dict.fromkeys(ASKING, OPTIONS)
    assert {option: len(texts) for option, texts in helps.items()} == dict.fromkeys(OPTIONS, 1)


def test_repeats_are_asked_of_a_server_that_the_command_names(command: Command) -> None:
    given = ("repeat", "tickets", "--agent", "prompt_v1", "--times", "2", "--limit", "4", "--json")
    with stub_process("--latency-ms", "1") as url:
        code, out, _ = command(*given, "--engine", "server", "--base-url", url, "--model", "stub")
    content = json.loads(out)
    assert (code, len(content["runs"]), content["estimates"]["pass^2"]["n"]) == (0, 2, 4)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["repeat", "tickets", "--agent", "prompt_v1"], "there is no engine 'chatbot'"),
        (["gate", "2", "tickets"], "there is no engine 'chatbot'"),
        (["optimise", "tickets", "--from", "v1", "--reflection-base-url", "http://127.0.0.1:1",
          "--reflection-model", "m"], "there is no engine 'chatbot'"),
    ],
)  # fmt: skip
def test_an_engine_that_there_is_none_of_is_bad_input(command: Command, given: list[str], message: str) -> None:
    code, _, err = command(*given, "--engine", "chatbot")
    assert (code, message in err) == (2, True)
    assert "expected: pocket, server, vllm, ray" in err
