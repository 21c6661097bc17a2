"""Callables of a pilot run in a process of their own: whatever one does at a record is that record's failure."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from test_sealed import with_code

from workbench.evaluation import evaluate
from workbench.pilot.pilot import Pilot, open_pilot
from workbench.records.splits import Split, read_dataset
from workbench.runs import RunRequest
from workbench.runs.journal import JOURNAL_FILE, Journal
from workbench.words import InputError, RunError

DEV = RunRequest(show_progress=False)
GOOD = "{'action': 'login', 'confidence': 0.5}"
# What a callable does at the fifth record, and what is then said of that record.
POISONS = {
    "sys.exit(0)": ("exception", "SystemExit: 0 (mine.py, line 6)"),
    "sys.exit()": ("exception", "SystemExit:"),
    "raise KeyboardInterrupt": ("exception", "KeyboardInterrupt:"),
    "raise GeneratorExit": ("exception", "GeneratorExit:"),
    "raise MemoryError('none left')": ("exception", "MemoryError: none left"),
    "sys.setrecursionlimit(200); return deep(record)": (
        "exception",
        "RecursionError: maximum recursion depth exceeded",
    ),
    "raise Unshown": ("exception", "Unshown"),
    "os._exit(0)": ("no_reply", "its process ended at this record (exit code 0)"),
    "os.kill(os.getpid(), signal.SIGSEGV)": ("no_reply", "its process ended at this record (signal SIGSEGV)"),
    "time.sleep(600)": ("timeout", "no answer within 0.5 s"),
    "forever()": ("timeout", "no answer within 0.5 s"),
    "return {'action': 'login', 'reason': 'x' * 5_000_000}": ("exception", "the answer is longer than 4,194,304 bytes"),
    "return lambda: 0": ("not_an_object", "got function"),
    "return {'action': lambda: 0}": ("unknown_action", "<function decide.<locals>.<lambda>"),
}
SOURCE = """
import os, signal, sys, time
POISON = {poison!r}
def decide(record):
    if record["ticket"] == POISON:
        {statement}
    return {good}
def deep(record):
    return deep(record)
def forever():
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while True:
        try:
            time.sleep(0.01)
        except BaseException:
            pass
class Unshown(Exception):
    def __str__(self):
        raise ValueError
"""


def fifth(pilot: Pilot, split: Split = Split.DEV) -> str:
    return str(read_dataset(pilot).ids(split)[4])


@pytest.mark.parametrize(("statement", "said"), POISONS.items(), ids=list(POISONS))
def test_a_poison_record_is_one_decision_less_whatever_it_does(
    tickets: Callable[[int], Pilot], statement: str, said: tuple[str, str]
) -> None:
    pilot = tickets(60)
    source = SOURCE.format(poison=fifth(pilot), statement=statement, good=GOOD)
    pilot = with_code(pilot, source, ", deadline_s: 0.5")
    found = evaluate(pilot, "mine", DEV)
    assert (found.info.planned, found.info.ok) == (42, 41)
    lost = found.outcomes.loc[fifth(pilot)]
    assert (lost["cause"], lost["detail"][: len(said[1])]) == said
    again = evaluate(pilot, "mine", DEV).session
    assert again.n_asked == (1 if lost["status"] == "failed" else 0), "a failed one is asked again, an answer stands"


def test_on_the_holdout_a_record_that_ends_the_process_is_one_failed_decision_too(
    tickets: Callable[[int], Pilot],
) -> None:
    pilot = tickets(100)
    source = SOURCE.format(poison=fifth(pilot, Split.HOLDOUT), statement="os._exit(0)", good=GOOD)
    found = evaluate(with_code(pilot, source), "mine", RunRequest(Split.HOLDOUT, show_progress=False))
    assert (found.info.ok, found.info.failed, dict(found.info.causes)) == (29, 1, {"failed: no_reply": 1})


def test_an_agent_that_learns_is_trained_again_after_a_record_that_ended_its_process(
    tickets: Callable[[int], Pilot],
) -> None:
    pilot = tickets(60)
    source = SOURCE.format(poison=fifth(pilot), statement="os._exit(1)", good=GOOD)
    source += "def learn(training):\n    assert len(training) < 42\n    return decide\n"
    pilot = with_code(pilot, source, ", trained: true")
    path = pilot.suite / "pilot.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("mine.py:decide", "mine.py:learn"), encoding="utf-8")
    found = evaluate(open_pilot(pilot.name, pilot.root), "mine", DEV)
    assert (found.info.ok, dict(found.info.causes)) == (41, {"failed: no_reply": 1})


@pytest.mark.parametrize("statement", ["sys.exit(0)", "raise KeyboardInterrupt", "1 / 0"])
def test_a_file_that_ends_while_it_is_imported_is_a_message(tickets: Callable[[int], Pilot], statement: str) -> None:
    pilot = with_code(tickets(40), f"import sys\n{statement}\ndef decide(record): ...\n")
    with pytest.raises(InputError, match=r"cannot be imported(.|\n)*mine\.py, line 2"):
        evaluate(pilot, "mine", DEV)


def test_a_file_that_ends_its_process_while_it_is_imported_is_a_message(tickets: Callable[[int], Pilot]) -> None:
    pilot = with_code(tickets(40), "import os\nos._exit(0)\ndef decide(record): ...\n")
    with pytest.raises(RunError, match=r"process of 'decide' ended while it was loaded(.|\n)*exit code 0"):
        evaluate(pilot, "mine", DEV)


def test_what_a_callable_prints_and_reads_is_not_what_it_answers(tickets: Callable[[int], Pilot]) -> None:
    source = 'import sys\ndef decide(record):\n    print(\'{"ok": ["refund", 1, null]}\')\n'
    source += f"    assert sys.stdin.read() == ''\n    return {GOOD}\n"
    found = evaluate(with_code(tickets(40), source), "mine", DEV)
    assert set(found.outcomes["action"]) == {"login"}


def test_a_callable_finds_no_key_in_its_process(
    tickets: Callable[[int], Pilot], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORKBENCH_SIGNING_KEY", "planted")
    monkeypatch.setenv("OPENAI_API_KEY", "planted")
    source = "import os\ndef decide(record):\n    return {'action': 'login', 'reason': repr(dict(os.environ))}\n"
    found = evaluate(with_code(tickets(40), source), "mine", DEV)
    assert found.info.ok == 28
    assert not found.outcomes["reason"].str.contains("planted").any()


HANGS = "import time\ndef decide(record):\n    time.sleep(600)\n"


def test_an_agent_that_hangs_at_every_record_ends_the_run(tickets: Callable[[int], Pilot]) -> None:
    pilot = with_code(tickets(100), HANGS, ", deadline_s: 0.1")
    with pytest.raises(RunError, match=r"unreachable: 10 calls in a row failed(.|\n)*10 calls failed, 60 records were"):
        evaluate(pilot, "mine", DEV)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL], ids=["Ctrl-C", "kill -9"])
def test_a_hanging_agent_is_stopped_with_the_run(tickets: Callable[[int], Pilot], number: int, tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    source = f"import os, time\ndef decide(record):\n    open({str(pids)!r}, 'w').write(str(os.getpid()))\n"
    pilot = with_code(tickets(40), source + "    time.sleep(600)\n")
    command = [sys.executable, "-m", "workbench", "evaluate", "tickets", "--agent", "mine"]
    running = subprocess.Popen(command, cwd=pilot.root, stderr=subprocess.PIPE, text=True)
    until(lambda: pids.is_file() and pids.read_text() != "")
    running.send_signal(number)
    if number == signal.SIGINT:
        time.sleep(0.5)
        running.send_signal(number)  # the second one does not wait
    _, err = running.communicate(timeout=30)
    assert running.returncode == (4 if number == signal.SIGINT else -signal.SIGKILL), err
    until(lambda: not Path(f"/proc/{pids.read_text()}").exists())
    with Journal(pilot.runs / JOURNAL_FILE) as journal:
        (info,) = journal.runs()
    assert info.pending == info.planned


def until(is_so: Callable[[], bool], patience_s: float = 30.0) -> None:
    start = time.monotonic()
    while not is_so():
        assert time.monotonic() - start < patience_s
        time.sleep(0.05)


def test_a_deadline_belongs_to_a_python_agent(tickets: Callable[[int], Pilot]) -> None:
    pilot = tickets(40)
    path = pilot.suite / "pilot.yaml"
    text = path.read_text(encoding="utf-8").replace("prompt: v1", "prompt: v1\n    deadline_s: 3", 1)
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match="deadline_s belong to a python agent"):
        open_pilot(pilot.name, pilot.root)


def test_processes_of_a_callable_end_with_it(tickets: Callable[[int], Pilot], tmp_path: Path) -> None:
    child = tmp_path / "child"
    source = "import subprocess\n"
    source += f"CHILD = subprocess.Popen(['sleep', '600'])\nopen({str(child)!r}, 'a').write(f'{{CHILD.pid}}\\n')\n"
    evaluate(with_code(tickets(40), source + f"def decide(record):\n    return {GOOD}\n"), "mine", DEV)
    pids = child.read_text().split()
    assert len(pids) == 2, "one of seeing it load, one of answering"
    for pid in pids:
        until(lambda stat=Path(f"/proc/{pid}/stat"): not stat.exists() or " Z " in stat.read_text())
