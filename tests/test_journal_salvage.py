"""A damaged journal: one message, exit code 4, and every intact answer in a new file."""

from __future__ import annotations

import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from commands import Command, command_in

from workbench.agents.decisions import Decision
from workbench.engines.protocol import Origin, TokenLogprob
from workbench.evaluation import evaluate
from workbench.metrics import Status
from workbench.pilot.pilot import Pilot
from workbench.runs import RunRequest
from workbench.runs.journal import JOURNAL_FILE, Journal, RunPlan, key_of, salvaged, sole_run
from workbench.words import RunError

PAGE, N = 4096, 400
PLANS = tuple(RunPlan(f"agent {number}", "dev", {"code": str(number)}, "data") for number in range(3))
RECORDS = [(f"record-{number:04}", f"digest {number}") for number in range(N)]
DAMAGES = {
    "zeros": lambda page, rng: bytes(len(page)),
    "noise": lambda page, rng: rng.randbytes(len(page)),
    "the page's first bytes": lambda page, rng: b"\xff" * 16 + page[16:],
    "a byte in the middle": lambda page, rng: page[:2000] + bytes([page[2000] ^ 0x55]) + page[2001:],
}


def decision(record_id: str, number: int) -> Decision:
    """Return a decision whose text is short, or goes on in pages of its own."""
    text = f"{record_id} {number} " + "ü" * (3000 if record_id.endswith("7") else 40)
    tokens = (TokenLogprob(text, -0.25),) if number == 0 else None
    origin = Origin("model-a", f"fp_{number}") if number else None
    return Decision(
        record_id, Status.OK, action="yes", confidence=0.5, text=text, attempts=1, tokens=tokens, origin=origin
    )


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a journal of 3 runs with 400 answers each, every tenth asked twice."""
    path = tmp_path_factory.mktemp("whole") / "pilot" / JOURNAL_FILE
    with Journal(path) as journal:
        for number, plan in enumerate(PLANS):
            run = journal.plan(plan, RECORDS)
            pairs = [(key_of(plan.agent_digest, digest), record_id) for record_id, digest in RECORDS]
            failed = [(key, Decision(one, Status.FAILED, cause="timeout")) for key, one in pairs[::10]]
            journal.append(failed)
            for start in range(0, N, 50):
                journal.append([(key, decision(one, number)) for key, one in pairs[start : start + 50]])
            journal.spend(run, N, 2.5)
    return path


def damaged_copy(whole: Path, folder: Path, numbers: list[int], how: str) -> Path:
    path = folder / "pilot" / JOURNAL_FILE
    path.parent.mkdir()
    content, rng = bytearray(whole.read_bytes()), random.Random(7)
    for number in numbers:
        at = number * PAGE
        content[at : at + PAGE] = DAMAGES[how](bytes(content[at : at + PAGE]), rng)
    path.write_bytes(content)
    return path


def intact(path: Path) -> set[tuple[object, ...]]:
    """Return the answers of which every byte is on a page that was not damaged, by looking for them in the file."""
    content = path.read_bytes()
    return {
        (record_id, number)
        for record_id, _ in RECORDS
        for number in range(3)
        if (decision(record_id, number).text or "").encode() in content
    }


def answers(path: Path) -> set[tuple[object, ...]]:
    with sqlite3.connect(path) as connection:
        rows = connection.execute("SELECT text FROM decisions WHERE status = 'ok'").fetchall()
    return {(text.split()[0], int(text.split()[1])) for (text,) in rows}


@pytest.mark.parametrize("how", list(DAMAGES))
@pytest.mark.parametrize("offset", [0, 5, 60])
def test_every_intact_answer_is_kept_whichever_page_is_damaged(
    whole: Path, tmp_path: Path, offset: int, how: str
) -> None:
    path = damaged_copy(whole, tmp_path, [offset], how)
    before = path.read_bytes()
    short = {one for one in intact(path) if not str(one[0]).endswith("7")}
    kept = salvaged(path)
    found = answers(path)
    # A short answer stands in one piece: if its bytes are all there, only the few around it may be damaged. With the
    # page's own list of rows lost, its rows are found nevertheless.
    missing = short - found
    assert len(missing) <= (1 if how == "a byte in the middle" or how == "the page's first bytes" else 0), missing
    assert len(found) >= 3 * N - 60, "one page holds no more rows than that"
    assert kept.damaged.read_bytes() == before
    with Journal(path) as journal:
        for info in journal.runs():
            assert (info.planned, info.called, info.wall_s) == (N, N, 2.5)
            assert info.ok + info.failed + info.pending == N


@pytest.mark.parametrize("how", list(DAMAGES))
def test_with_a_fifth_of_the_pages_damaged_what_lies_between_is_kept(whole: Path, tmp_path: Path, how: str) -> None:
    n_pages = len(whole.read_bytes()) // PAGE
    path = damaged_copy(whole, tmp_path, list(range(3, n_pages, 5)), how)
    short = {one for one in intact(path) if not str(one[0]).endswith("7")}
    kept = salvaged(path)
    found = answers(path)
    assert len(short - found) <= n_pages // 5
    assert len(found) > N
    assert kept.answers >= len(found)


def test_a_journal_that_is_whole_comes_back_as_it_is(whole: Path, tmp_path: Path) -> None:
    path = damaged_copy(whole, tmp_path, [], "zeros")
    kept = salvaged(path)
    assert (kept.answers, kept.runs, kept.unplanned) == (3 * N, 3, ())
    with sqlite3.connect(whole) as before, sqlite3.connect(path) as after:
        for table in ("runs", "planned", "decisions", "tokens", "origins"):
            query = f"SELECT * FROM {table} ORDER BY 1, 2"
            assert after.execute(query).fetchall() == before.execute(query).fetchall()
        assert after.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_run_whose_plan_is_damaged_is_planned_again_by_its_command(whole: Path, tmp_path: Path) -> None:
    path = damaged_copy(whole, tmp_path, [], "zeros")
    with sqlite3.connect(path) as connection:
        (run,) = connection.execute("SELECT run FROM runs WHERE agent = 'agent 1'").fetchone()
        connection.execute("DELETE FROM planned WHERE run = ? AND position = 17", (run,))
    kept = salvaged(path)
    assert (kept.answers, kept.runs, kept.unplanned) == (3 * N, 2, ("agent 1",))
    with Journal(path) as journal:
        again = journal.plan(PLANS[1], RECORDS)
        assert again == run
        assert journal.to_ask(run).ids == set()


def test_answers_that_are_in_the_log_only_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "pilot" / JOURNAL_FILE
    code = (
        "import os, signal, sys; from pathlib import Path; sys.path.insert(0, sys.argv[2])\n"
        "import test_journal_salvage as made; from workbench.runs.journal import Journal, key_of\n"
        "journal = Journal(Path(sys.argv[1])); plan = made.PLANS[0]; journal.plan(plan, made.RECORDS)\n"
        "journal.append([(key_of(plan.agent_digest, d), made.decision(r, 0)) for r, d in made.RECORDS])\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path), str(Path(__file__).parent)], env={**os.environ})
    assert done.returncode == -signal.SIGKILL
    log = path.with_name(f"{JOURNAL_FILE}-wal")
    assert log.stat().st_size > 100_000
    path.write_bytes(path.read_bytes()[:100])  # even the first page is gone
    kept = salvaged(path)
    assert kept.answers == N
    assert not log.exists()
    assert kept.damaged.with_name(f"{kept.damaged.name}-wal").exists()
    assert answers(path) == {(record_id, 0) for record_id, _ in RECORDS}


def test_no_journal_is_salvaged_while_a_run_is_at_work(whole: Path, tmp_path: Path) -> None:
    path = damaged_copy(whole, tmp_path, [], "zeros")
    with sole_run(path.parent, "0" * 64), pytest.raises(RunError, match="a run is at work on this pilot"):
        salvaged(path)
    assert salvaged(path).runs == 3


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Command:
    return command_in(tmp_path, monkeypatch, capsys)


@pytest.mark.parametrize("page", [0, 7])
def test_commands_on_a_damaged_journal_say_so_and_salvage_lets_them_go_on(
    tickets: Callable[[int], Pilot], command: Command, page: int
) -> None:
    pilot = tickets(200)
    evaluate(pilot, "baseline", RunRequest(show_progress=False))
    path = pilot.runs / JOURNAL_FILE
    content = bytearray(path.read_bytes())
    content[page * PAGE : (page + 1) * PAGE] = b"\xa5" * PAGE
    path.write_bytes(content)
    shutil.rmtree(path.parent / "results", ignore_errors=True)
    for asked in (("status", "tickets"), ("compare", "tickets"), ("evaluate", "tickets", "--agent", "baseline")):
        code, _, err = command(*asked)
        assert "Traceback" not in err
        assert code in (0, 2, 4), "a row that is damaged counts as not there; 2: no finished run is left"
        if code == 4:
            assert "the journal is damaged" in err
            assert "workbench salvage tickets" in err
    code, out, err = command("salvage", "tickets")
    assert code == 0, err
    assert "intact answers" in out
    found = evaluate(pilot, "baseline", RunRequest(show_progress=False))
    assert found.info.ok == 140
    assert command("compare", "tickets")[0] == 0
