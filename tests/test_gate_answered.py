"""A gate in two jobs: one runs the pilot's code and has no key, the other has the key and runs none of it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from spied_pilots import spied, workbench
from ticket_records import write_tickets

from workbench.agents.callables import PilotFunction, Preparation, UnpreparedError, only_answered
from workbench.commands.scaffold import Columns, init_pilot
from workbench.evaluation import evaluate
from workbench.pilot.pilot import Pilot, open_pilot
from workbench.pilot.signing.keys import generated_key
from workbench.records.records import Record
from workbench.records.splits import Split
from workbench.runs import RunRequest
from workbench.words import RunError


@pytest.fixture(scope="module")
def answered(tmp_path_factory: pytest.TempPathFactory, migrated_store: Path) -> Pilot:
    """Give a pilot as the first job leaves it: everything run and answered, nothing opened."""
    place = tmp_path_factory.mktemp("first")
    root = place / "root"
    init_pilot("tickets", write_tickets(place / "in" / "tickets.csv", 40), Columns(label="queue", id="ticket"), root)
    (root / "mlruns").mkdir()
    shutil.copyfile(migrated_store, root / "mlruns" / "mlflow.db")
    pilot = spied(open_pilot("tickets", root), ["spy"], place / "seen")
    done = workbench(pilot, "answer", "2", pilot.name, "--json")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert (said["ran"], said["answered_by"]) == (["02_prompt_iteration"], "spy")
    assert not (pilot.data / "ledger.jsonl").exists(), "nothing was opened"
    return pilot


@pytest.fixture
def second(answered: Pilot, tmp_path: Path) -> Pilot:
    """Give what the second job gets: another folder with the files and what the first job left."""
    shutil.copytree(answered.root, tmp_path / "elsewhere")
    return open_pilot(answered.name, tmp_path / "elsewhere")


def write_own_notebooks(folder: Path, ran: Path) -> None:
    """Write notebooks that stand where the evaluation and the gate's own one would be, and leave a file."""
    folder.mkdir()
    cell = {"cell_type": "code", "id": "a", "metadata": {}, "execution_count": None, "outputs": []}
    content = {"cells": [{**cell, "source": f"open({str(ran)!r}, 'w')"}], "metadata": {}}
    for name in ("03_evaluation", "gate"):
        text = json.dumps({**content, "nbformat": 4, "nbformat_minor": 5})
        (folder / f"{name}.ipynb").write_text(text, encoding="utf-8")


def evidence(pilot: Pilot) -> list[Path]:
    return sorted((pilot.root / "mlruns" / "evidence").glob("*/gate-*/*"))


@pytest.mark.slow
def test_the_second_job_opens_judges_and_signs_without_running_any_code_of_the_pilot(
    answered: Pilot, second: Pilot, tmp_path: Path
) -> None:
    seen = answered.root.parent / "seen"
    before, key = seen.read_bytes(), generated_key()
    write_own_notebooks(second.root / "notebooks", tmp_path / "ran")
    done = workbench(second, "gate", "2", second.name, "--answered", "--json", key=key)
    assert done.returncode == 1, done.stderr  # NO-GO: the agent answers everything alike
    said = json.loads(done.stdout)
    assert (said["ran"], said["kept"]) == (["03_evaluation"], ["02_prompt_iteration"])
    assert seen.read_bytes() == before, "code of the pilot would have written there"
    assert not (tmp_path / "ran").exists(), "notebooks of the root's own are code of the pilot"
    assert key.public.line in (second.data / "ledger.jsonl").read_text(encoding="utf-8")
    assert len(evidence(second)) == 1


def no_journal(pilot: Pilot) -> None:
    for path in pilot.runs.glob("journal*"):
        path.unlink()


def another_agent(pilot: Pilot) -> None:
    path = pilot.suite / "agents.py"
    path.write_text(path.read_text(encoding="utf-8").replace("0.9", "0.8"), encoding="utf-8")


@pytest.mark.parametrize("change", [no_journal, another_agent])
def test_the_second_job_refuses_to_run_or_ask_what_the_first_one_did_not(
    answered: Pilot, second: Pilot, change: Callable[[Pilot], None]
) -> None:
    change(second)
    before = (answered.root.parent / "seen").read_bytes()
    done = workbench(second, "gate", "2", second.name, "--answered", key=generated_key())
    assert done.returncode == 4, done.stdout
    assert "only answers that are there count, and something is not answered yet" in done.stderr
    assert "02_prompt_iteration" in done.stderr
    assert "workbench answer N PILOT" in done.stderr
    assert (answered.root.parent / "seen").read_bytes() == before
    assert evidence(second) == []
    assert not (second.data / "ledger.jsonl").exists()


def test_where_only_answers_count_no_code_is_imported_nothing_is_asked_and_pages_say_so(
    answered: Pilot, second: Pilot
) -> None:
    function = PilotFunction(second.root, "eval_suites/tickets/agents.py:fields")
    with only_answered():
        with pytest.raises(
            RunError, match=r"something is not answered yet(.|\n)*agents.py:fields is code of the pilot"
        ):
            function.load()
        with pytest.raises(UnpreparedError, match="not prepared here, where no code of the pilot is run"):
            Preparation(function, ("extra",), {})(Record("T1", {"body": "x"}, "0"))
        kept = evaluate(second, "spy", RunRequest(Split.DEV, show_progress=False))
        assert kept.session.n_asked == 0
        no_journal(second)
        with pytest.raises(RunError, match=r"something is not answered yet(.|\n)*holdout decisions of spy"):
            evaluate(second, "spy", RunRequest(Split.HOLDOUT, show_progress=False))
    assert function.load()({}) == {"extra": "nothing"}
