"""Tests of what is said of decisions while prompts are asked; no test waits for a clock."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from workbench.agents import PromptAgent
from workbench.agents.prompts import read_prompt
from workbench.commands.progress import CellProgress
from workbench.engines.protocol import Request
from workbench.engines.scripted import ScriptedEngine
from workbench.pilot.pilot import Pilot
from workbench.records.splits import Split, read_dataset
from workbench.runs.journal import JOURNAL_FILE, Journal
from workbench.runs.runner import RecordSelection, read_news, run_agent
from workbench.runs.runner.news import Asking, News

HALF = Asking("prompt_v6", "dev", 1_230, 4_480, asked=880, elapsed_s=10.0)


def test_progress_is_decisions_of_all_a_rate_and_the_time_left() -> None:
    # by hand: 880 in 10 s are 88 a second; 3,250 are left, 36.9 s
    assert HALF.in_words == "1,230 of 4,480 decisions, 88 a second, about 37 s left"
    assert HALF.in_short == "1,230 of 4,480, 88/s, 37 s left"
    slow = Asking("a", "dev", 10, 7_210, asked=10, elapsed_s=10.0)
    assert slow.in_words == "10 of 7,210 decisions, 1 a second, about 2.0 h left"
    assert Asking("a", "dev", 0, 300, asked=0, elapsed_s=10.0).in_words == "0 of 300 decisions"


def test_where_there_is_no_terminal_a_line_is_printed_now_and_then(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "locks").mkdir()
    for period_s, n_lines in ((0.0, 2), (1e9, 0)):
        with News(tmp_path, "key", Asking("a", "dev", 4, 10), seldom_s=period_s) as news:
            news.stored(2, 0)
            news.stored(3, 1)
        said = capsys.readouterr().err.splitlines()
        assert len(said) == n_lines
        assert [line.partition(" decisions")[0] for line in said] == ["a: 6 of 10", "a: 9 of 10"][:n_lines]


def test_a_run_that_is_not_shown_prints_nothing_and_leaves_news_all_the_same(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "locks").mkdir()
    with News(tmp_path, "key", Asking("a", "dev", 0, 10), is_shown=False, often_s=0.0, seldom_s=0.0) as news:
        news.stored(7, 0)
        (said,) = read_news(tmp_path)
        assert (said.agent, said.split, said.done, said.total, said.asked) == ("a", "dev", 7, 10, 7)
    assert capsys.readouterr().err == ""
    assert read_news(tmp_path) == (), "the run has ended"


def test_news_that_is_being_written_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "locks").mkdir()
    (tmp_path / "locks" / "half.json").write_text('{"agent": "a", "do', encoding="utf-8")
    assert read_news(tmp_path) == ()


def test_a_run_at_work_says_what_is_there_already_and_of_how_many(tickets: Callable[[int], Pilot]) -> None:
    pilot = tickets(60)
    dataset = read_dataset(pilot)
    ids = dataset.ids(Split.DEV)
    prompt = read_prompt(pilot.suite / "prompts" / "v1.md", pilot.contract.shown)
    seen: list[tuple[str, str, int, int]] = []

    def answered(request: Request) -> str:
        seen.extend((one.agent, one.split, one.done, one.total) for one in read_news(pilot.runs))
        return '{"action": "refund", "reason": "r", "confidence": 0.75}'

    agent = PromptAgent("prompt_v1", prompt, ScriptedEngine(answered), dataset.labels)
    with Journal(pilot.runs / JOURNAL_FILE) as journal:
        for n in (20, len(ids)):
            run_agent(journal, agent, RecordSelection(dataset, Split.DEV, ids[:n]), show_progress=False)
    assert seen[0] == ("prompt_v1", "dev", 0, 20)
    assert seen[20] == ("prompt_v1", "dev", 20, len(ids)), "the others come from the journal"
    assert read_news(pilot.runs) == ()


def test_a_waiting_command_prints_how_far_the_runs_at_work_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", said := io.StringIO())
    (tmp_path / "locks").mkdir()
    killed = {"agent": "killed", "split": "dev", "done": 1, "total": 9, "asked": 1, "elapsed_s": 1.0}
    (tmp_path / "locks" / "old.json").write_text(json.dumps(killed), encoding="utf-8")
    progress = CellProgress(tmp_path)
    progress(Path("02_prompt_iteration.ipynb"), 10, 39)
    progress.look()
    with News(tmp_path, "key", HALF, is_shown=False):
        progress.look()
    progress(Path("02_prompt_iteration.ipynb"), 39, 39)
    progress.look()
    assert said.getvalue().splitlines() == [
        "02_prompt_iteration: 10 of 39 cells",
        "prompt_v6: 1,230 of 4,480 decisions, 88 a second, about 37 s left",
        "02_prompt_iteration: all 39 cells",
    ]
