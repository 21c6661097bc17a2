"""Holdout records are answered in a process that has no label of them, and nothing else changes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from stub_server import stub_process

from workbench.agents import build_agent
from workbench.engines.choice import EngineChoice
from workbench.evaluation import answer_holdout, evaluate
from workbench.pilot.pilot import Pilot, open_pilot
from workbench.records.ledger import read_ledger
from workbench.records.splits import Split, ledger_path, read_dataset
from workbench.runs import RunRequest
from workbench.runs.journal import JOURNAL_FILE, Journal
from workbench.runs.runner import RecordSelection, run_agent
from workbench.words import InputError, RunError

HOLDOUT = RunRequest(Split.HOLDOUT, show_progress=False)
READS_LABELS = """
import csv
from pathlib import Path

RECORDS = Path(__file__).parents[2] / "datasets" / "tickets" / "tickets.csv"

def decide(record):
    with RECORDS.open() as file:
        labels = {row["ticket"]: row["queue"] for row in csv.DictReader(file)}
    return {"action": labels[record["ticket"]], "confidence": 1.0}
"""
READS_CACHE = """
import json
from pathlib import Path

def decide(record):
    return {"action": json.loads((Path(__file__).parent / "cache.json").read_text())[record["ticket"]]}
"""
HONEST = """
def decide(record):
    print("thinking aloud")
    return {"action": "login" if "password" in record["body"] else "refund", "confidence": 0.9}
"""


def with_code(pilot: Pilot, code: str, settings: str = "") -> Pilot:
    (pilot.suite / "mine.py").write_text(code, encoding="utf-8")
    path = pilot.suite / "pilot.yaml"
    line = f"  mine: {{python: 'eval_suites/tickets/mine.py:decide'{settings}}}\n"
    path.write_text(path.read_text(encoding="utf-8").replace("agents:\n", f"agents:\n{line}", 1), encoding="utf-8")
    return open_pilot(pilot.name, pilot.root)


def is_opened(pilot: Pilot) -> bool:
    return bool(read_ledger(ledger_path(pilot)))


def test_an_honest_agent_answers_and_what_it_prints_is_no_answer(tickets: Callable[[int], Pilot]) -> None:
    pilot = with_code(tickets(100), HONEST)
    found = evaluate(pilot, "mine", HOLDOUT)
    assert (found.info.ok, found.session.n_asked) == (30, 30)
    assert found.outcomes["label"].notna().all()
    assert found.opening is not None
    again = evaluate(pilot, "mine", HOLDOUT)
    assert (again.session.n_asked, again.opening) == (0, found.opening)


def test_an_agent_that_looks_labels_up_in_the_records_finds_none(tickets: Callable[[int], Pilot]) -> None:
    pilot = with_code(tickets(100), READS_LABELS)
    assert evaluate(pilot, "mine", RunRequest(show_progress=False)).estimates["accuracy"].value == 1.0
    with pytest.raises(RunError, match=r"fails on every record: 10 calls in a row(.|\n)*FileNotFoundError"):
        evaluate(pilot, "mine", HOLDOUT)
    assert not is_opened(pilot)


def test_an_agent_that_is_said_to_read_the_records_is_refused(tickets: Callable[[int], Pilot]) -> None:
    pilot = with_code(tickets(100), READS_LABELS, ", reads: [datasets/tickets/tickets.csv]")
    with pytest.raises(InputError, match=r"reads the labelled records(.|\n)*tickets\.csv"):
        evaluate(pilot, "mine", HOLDOUT)
    assert not is_opened(pilot)


def test_a_file_outside_the_root_is_refused(tickets: Callable[[int], Pilot]) -> None:
    pilot = tickets(100)
    (pilot.root.parent / "outside.json").write_text("{}", encoding="utf-8")
    pilot = with_code(pilot, HONEST, ", reads: [../outside.json]")
    with pytest.raises(InputError, match="reads files outside the root"):
        evaluate(pilot, "mine", HOLDOUT)


def test_a_file_that_is_not_declared_is_not_there_and_a_declared_one_is(tickets: Callable[[int], Pilot]) -> None:
    pilot = tickets(100)
    answers = dict.fromkeys(read_dataset(pilot).splits.index, "login")
    (pilot.suite / "cache.json").write_text(json.dumps(answers), encoding="utf-8")
    pilot = with_code(pilot, READS_CACHE)
    with pytest.raises(RunError, match=r"fails on every record(.|\n)*FileNotFoundError(.|\n)*`reads` in"):
        evaluate(pilot, "mine", HOLDOUT)
    path = pilot.suite / "pilot.yaml"
    text = path.read_text(encoding="utf-8").replace(
        "mine.py:decide'", "mine.py:decide', reads: [eval_suites/tickets/cache.json]"
    )
    path.write_text(text, encoding="utf-8")
    assert evaluate(open_pilot("tickets", pilot.root), "mine", HOLDOUT).info.ok == 30


def test_an_agent_that_learns_decides_as_it_does_in_process(tickets: Callable[[int], Pilot], tmp_path: Path) -> None:
    pilot = tickets(200)
    dataset = read_dataset(pilot)
    found = evaluate(pilot, "baseline", HOLDOUT, dataset).outcomes
    with Journal(tmp_path / "other" / "journal.sqlite") as journal:
        selection = RecordSelection(dataset, Split.HOLDOUT, dataset.ids(Split.HOLDOUT))
        session = run_agent(
            journal, build_agent(pilot, "baseline", dataset, EngineChoice()), selection, show_progress=False
        )
        here = journal.decisions(session.info.run)
    assert found["action"].tolist() == here["action"].tolist()
    assert found["confidence"].tolist() == here["confidence"].tolist()


def test_a_prompt_is_answered_by_its_server_with_fields_that_are_prepared_there(
    tickets: Callable[[int], Pilot],
) -> None:
    pilot = tickets(100)
    (pilot.suite / "facts.py").write_text("def facts(record):\n    return {'length': str(len(record['body']))}\n")
    path = pilot.suite / "pilot.yaml"
    prepare = "prepare: {python: 'eval_suites/tickets/facts.py:facts', fields: [length]}\n"
    path.write_text(path.read_text(encoding="utf-8") + prepare, encoding="utf-8")
    prompt = pilot.suite / "prompts" / "v1.md"
    prompt.write_text(prompt.read_text(encoding="utf-8") + "\nLength: {{ record.length }}\n", encoding="utf-8")
    pilot = open_pilot("tickets", pilot.root)
    with stub_process("--latency-ms", "1") as url:
        choice = EngineChoice(base_url=url, model="m")
        found = evaluate(pilot, "prompt_v1", RunRequest(Split.HOLDOUT, None, choice, show_progress=False))
    assert found.info.ok == 30
    assert found.identity["prepare"]["fields"] == ["length"]


def test_a_process_that_dies_opens_nothing(tickets: Callable[[int], Pilot]) -> None:
    pilot = with_code(tickets(100), "import os\ndef decide(record):\n    os._exit(3)\n")
    with pytest.raises(RunError, match=r"it ends without an answer: 10 calls in a row(.|\n)*exit code 3"):
        evaluate(pilot, "mine", HOLDOUT)
    assert not is_opened(pilot)


def test_a_fault_in_the_agents_file_names_the_pilots_own_place(tickets: Callable[[int], Pilot]) -> None:
    pilot = with_code(tickets(100), "import nothing_of_this_name\ndef decide(record): ...\n")
    with pytest.raises(InputError, match="cannot be imported") as caught:
        evaluate(pilot, "mine", HOLDOUT)
    assert str(pilot.suite / "mine.py") in str(caught.value)


def test_answers_alone_open_nothing(tickets: Callable[[int], Pilot]) -> None:
    pilot = with_code(tickets(100), HONEST)
    dataset = read_dataset(pilot)
    assert answer_holdout(pilot, "mine", HOLDOUT, dataset).n_asked == 30
    assert not is_opened(pilot)


@pytest.mark.slow
def test_when_the_asking_process_is_killed_the_other_stops_and_the_run_goes_on_later(
    tickets: Callable[[int], Pilot],
) -> None:
    slow = "import time\ndef decide(record):\n    time.sleep(0.02)\n    return {'action': 'login'}\n"
    pilot = with_code(tickets(400), slow)
    command = [sys.executable, "-m", "workbench", "evaluate", "tickets", "--agent", "mine", "--split", "holdout"]
    asking = subprocess.Popen(
        [*command, "--root", str(pilot.root)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    n_before = _wait_for_decisions(pilot, 20)
    asking.send_signal(signal.SIGKILL)
    asking.wait()
    _wait_until_alone(pilot)
    assert not is_opened(pilot)
    found = evaluate(pilot, "mine", HOLDOUT)
    assert found.info.ok == 120
    assert 0 < found.session.n_asked <= 120 - n_before


def _wait_for_decisions(pilot: Pilot, at_least: int) -> int:
    """Wait until so many decisions are stored and return how many there are."""
    for _ in range(600):
        if (pilot.runs / JOURNAL_FILE).is_file():
            with Journal(pilot.runs / JOURNAL_FILE) as journal:
                stored = sum(one.ok for one in journal.runs(Split.HOLDOUT.value))
            if stored >= at_least:
                return stored
        time.sleep(0.05)
    raise AssertionError("nothing was decided in half a minute")


def _wait_until_alone(pilot: Pilot) -> None:
    """Wait until no process answers this pilot's records any more."""
    wanted = str(pilot.runs)
    for _ in range(600):
        if not any(_holds(entry, wanted) for entry in Path("/proc").iterdir() if entry.name.isdigit()):
            return
        time.sleep(0.05)
    raise AssertionError("the process that answers did not stop")


def _holds(process: Path, folder: str) -> bool:
    try:
        files = [str(file.readlink()) for file in (process / "fd").iterdir()]
    except OSError:
        return False
    return process.name != str(os.getpid()) and any(file.startswith(folder) for file in files)
