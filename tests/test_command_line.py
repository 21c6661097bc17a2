"""Tests of the command line itself: groups, an example in every help, completion, short names of notebooks."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import typer.main
from commands import Command, command_in

from workbench.commands import cli
from workbench.gates.pipeline import PilotRun, notebooks_of
from workbench.pilot.pilot import Pilot
from workbench.words import InputError

EXAMPLE = "Example: workbench "


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Command:
    return command_in(tmp_path, monkeypatch, capsys)


def every_command(group: object, *before: str) -> Iterator[tuple[tuple[str, ...], object]]:
    """Yield each command with the words it is called by."""
    for name, one in sorted(getattr(group, "commands", {}).items()):
        if getattr(one, "commands", None):
            yield from every_command(one, *before, name)
        else:
            yield (*before, name), one


COMMANDS = dict(every_command(typer.main.get_command(cli.app)))


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_help_ends_in_an_example_that_the_command_takes(words: tuple[str, ...]) -> None:
    one = COMMANDS[words]
    assert isinstance(one.epilog, str)  # type: ignore[attr-defined]
    assert one.epilog.startswith(EXAMPLE)  # type: ignore[attr-defined]
    given = shlex.split(one.epilog.removeprefix(EXAMPLE))  # type: ignore[attr-defined]
    assert tuple(given[: len(words)]) == words
    one.make_context(" ".join(words), given[len(words) :])  # type: ignore[attr-defined]


def test_the_verb_stands_before_the_pilot_in_every_command() -> None:
    for words, one in COMMANDS.items():
        arguments = [param.name for param in one.params if param.param_type_name == "argument"]  # type: ignore[attr-defined]
        assert len(words) <= 2
        if "pilot" in arguments and words[0] not in ("gate", "answer", "waive"):  # a gate has its number first
            assert arguments[0] == "pilot"


def test_every_command_stands_in_a_group_of_the_help(command: Command) -> None:
    code, out, _ = command("--help")
    assert code == 0
    for group in (cli.BEGIN, cli.DEVELOP, cli.LOOK, cli.DECIDE, cli.EVIDENCE, cli.SERVE):
        assert f" {group} " in out
    assert " Commands " not in out


def test_the_version_is_printed(command: Command) -> None:
    code, out, _ = command("--version")
    assert (code, out.split()[0]) == (0, "workbench")
    assert out.split()[1][0].isdigit()


@pytest.mark.parametrize(
    ("asked", "meant"),
    [(("staus", "x"), "'status'"), (("prompts", "lnt", "x"), "'lint'"), (("pilots", "--jsn"), "--json")],
)
def test_what_is_nearly_right_is_suggested(command: Command, asked: tuple[str, ...], meant: str) -> None:
    code, _, err = command(*asked)
    assert code == 2
    assert meant in err


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("workbench status ti", ["tickets"]),
        ("workbench charter check ", ["tickets"]),
        ("workbench evaluate tickets --agent b", ["baseline", "boosted"]),
        ("workbench run tickets --notebook 02", ["02_prompt_iteration"]),
        ("workbench status no", []),
        ("workbench evaluate none --agent ", []),
    ],
)
def test_a_shell_completes_pilots_agents_and_notebooks(
    tickets: Callable[[int], Pilot], line: str, found: list[str]
) -> None:
    pilot = tickets(40)
    asked = {"_WORKBENCH_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(line.count(" "))}
    code = "import sys; sys.argv = ['workbench']; from workbench.commands import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=pilot.root, env={**os.environ, **asked}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == found


def test_completing_loads_no_heavy_library(tickets: Callable[[int], Pilot]) -> None:
    pilot = tickets(40)
    code = """
import sys, typer
from workbench.commands.completion import agents_like, notebooks_like, pilots_like
context = typer.Context(typer.main.get_command(typer.Typer(add_completion=False, callback=lambda: None)))
assert pilots_like(context, "") == ["tickets"] and notebooks_like("01")
assert not {"pandas", "numpy", "yaml", "pydantic", "papermill", "mlflow"} & sys.modules.keys(), sys.modules.keys()
"""
    subprocess.run([sys.executable, "-c", code], cwd=pilot.root, check=True)


def test_notebooks_are_named_by_any_part_that_no_other_has() -> None:
    run = PilotRun()
    assert notebooks_of(run) == ("01_data_audit", "02_prompt_iteration", "03_evaluation")
    assert notebooks_of(run, ("02",)) == ("02_prompt_iteration",)
    assert notebooks_of(run, ("eval",)) == ("03_evaluation",)
    assert notebooks_of(run, ("03", "audit", "01_data_audit")) == ("01_data_audit", "03_evaluation"), "in their order"
    with pytest.raises(InputError, match=r"several notebooks of a run are named so: '0'(.|\n)*01_data_audit, 02_pro"):
        notebooks_of(run, ("0",))
    assert notebooks_of(run, ("cases", "02")) == ("02_prompt_iteration", "04_test_cases"), "another maker's, by name"
    with pytest.raises(InputError, match=r"04_test_cases takes no limit(.|\n)*a limit of 5"):
        notebooks_of(PilotRun(limit=5), ("04",))
    with pytest.raises(InputError, match=r"no notebook '99'(.|\n)*01_data_audit, 02_pro"):
        notebooks_of(run, ("02", "99"))
    with pytest.raises(InputError, match="opens the holdout"):
        notebooks_of(PilotRun(limit=5, opens_holdout=False), ("03",))


def test_the_old_order_of_words_is_gone(command: Command, tickets: Callable[[int], Pilot]) -> None:
    tickets(40)
    assert command("charter", "tickets", "check")[0] == 2
    assert command("charter", "check", "tickets")[0] == 1, "the draft has gaps"
