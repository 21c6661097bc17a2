"""Every command that reports, on a terminal of 80 columns and without one, over twelve versions with long names."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from commands import command_in
from many_versions import LONGEST, NAMES, PILOT, RECORD, many_versions
from small_pilots import with_settings
from stub_server import stub_process
from terminals import on_terminal

from workbench.evaluation import evaluate, evaluate_all
from workbench.pilot.pilot import open_pilot
from workbench.records.splits import Split
from workbench.runs import RunRequest

ONE_SCREEN = 40


def _asked(root: Path) -> None:
    pilot = many_versions(root)
    evaluate_all(pilot, NAMES, RunRequest(show_progress=False))
    evaluate(pilot, LONGEST, RunRequest(Split.HOLDOUT, show_progress=False))


@pytest.fixture
def root(once: Callable[[str, Callable[[Path], object]], Path], migrated_store: Path, tmp_path: Path) -> Path:
    """Copy the pilot with every version's decisions."""
    shutil.copytree(once("many_versions", _asked), tmp_path / "root")
    shutil.copyfile(migrated_store, tmp_path / "root" / "mlruns" / "mlflow.db")
    return tmp_path / "root"


def check_lines(lines: list[str]) -> None:
    """Hold that no line is wider than the terminal but a path or an address alone, and that nothing draws boxes."""
    named = (re.sub("^(Report|Ledger|Decisions|store): ", "", line.strip()) for line in lines if len(line) > 80)
    wide = [line for line in named if " " in line]
    assert wide == []
    assert not set("│┃━┏└…") & set("".join(lines))


def stands_whole(name: str, lines: list[str]) -> bool:
    """Return whether a name stands in one line, or, longer than 40 letters, begins one and goes on in the next."""
    cut = range(40, len(name))
    return any(name in line for line in lines) or any(
        one.startswith(name[:place]) and two.startswith(name[place:]) for one, two in pairwise(lines) for place in cut
    )


ALL_NAMES = (("compare", PILOT), ("status", PILOT), ("prompts", "list", PILOT), ("prompts", "register", PILOT))
OTHERS = (
    ("ledger", PILOT),
    ("evaluate", PILOT, "--agent", LONGEST),
    ("record", PILOT, RECORD),
    ("charter", "check", PILOT),
    ("prompts", "lint", PILOT),
    ("pilots",),
    ("keys", "show"),
)


@pytest.mark.parametrize("arguments", ALL_NAMES, ids=" ".join)
def test_every_name_stands_whole_on_one_screen_of_eighty_columns(root: Path, arguments: tuple[str, ...]) -> None:
    code, lines = on_terminal(arguments, root)
    assert code == 0
    check_lines(lines)
    assert [name for name in NAMES if not stands_whole(name, lines)] == []
    assert len(lines) <= ONE_SCREEN, chr(10).join(lines)


@pytest.mark.parametrize("arguments", OTHERS, ids=" ".join)
def test_other_reports_fit_one_screen_too(root: Path, arguments: tuple[str, ...]) -> None:
    code, lines = on_terminal(arguments, root)
    assert code in (0, 1, 2)
    assert lines
    check_lines(lines)
    assert len(lines) <= ONE_SCREEN
    if LONGEST in arguments:
        assert f"{LONGEST} on dev" in lines


@pytest.mark.parametrize("arguments", [*ALL_NAMES[:3], *OTHERS[:2]], ids=" ".join)
def test_details_show_everything_and_are_no_wider(root: Path, arguments: tuple[str, ...]) -> None:
    code, lines = on_terminal((*arguments, "--details"), root)
    assert code == 0
    check_lines(lines)
    assert "--details" not in "\n".join(lines)
    if arguments in ALL_NAMES:
        assert [name for name in NAMES if not stands_whole(name, lines)] == []


def test_without_a_terminal_names_stand_whole_and_there_are_no_escape_codes(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    command = command_in(root, monkeypatch, capsys)
    for arguments in ALL_NAMES:
        code, out, _ = command(*arguments)
        assert code == 0
        assert [name for name in NAMES if name not in out] == []
        assert "\x1b" not in out
        assert not set("│┃━┏└…") & set(out)


def test_a_version_without_a_confidence_takes_no_decision_alone(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _, out, _ = command_in(root, monkeypatch, capsys)("compare", PILOT)
    rows = {line.split()[0]: line for line in reversed(out.splitlines()) if line.startswith("version_")}
    assert "none alone" in rows[NAMES[0]], "versions of even number give no confidence"
    assert "none alone" not in rows[NAMES[1]]
    assert "none alone: takes no decision alone (gives no confidence)\n" in out
    assert "undefined" not in out


@pytest.mark.slow
def test_a_run_and_an_audit_fit_the_terminal(root: Path) -> None:
    for arguments in (("audit", PILOT), ("run", PILOT)):
        code, lines = on_terminal(arguments, root)
        assert code == 0
        check_lines(lines)
    assert [name for name in NAMES if not stands_whole(name, lines)] == []


@pytest.mark.slow
def test_repeats_of_a_version_fit_the_terminal(root: Path) -> None:
    with stub_process("--latency-ms", "1") as url:
        with_settings(open_pilot(PILOT, root), "engine: server")
        given = ("--agent", "asked", "--times", "2", "--temperature", "1.0", "--limit", "4")
        code, lines = on_terminal(("repeat", PILOT, *given, "--base-url", url, "--model", "stub"), root)
    assert code == 0
    check_lines(lines)
    assert len(lines) <= ONE_SCREEN
