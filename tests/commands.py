"""The command `workbench`, run in this process."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
import typer.main

from workbench.commands.cli import main

typer.main.get_command = cache(typer.main.get_command)  # the command is built once, not by every call

Command = Callable[..., tuple[int, str, str]]


def command_in(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Return a function that runs the command under a folder: exit code, standard output and standard error."""

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["workbench", *arguments])
        monkeypatch.chdir(folder)
        code = 0
        try:
            main()
        except SystemExit as ended:
            code = int(str(ended.code or 0))
        out = capsys.readouterr()
        return code, out.out, out.err

    return run
