"""The shipped notebooks through the real runner, on pilots they were not written for."""

from __future__ import annotations

import ast
import csv
import html
import json
import random
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nbformat
import pytest
import yaml
from executing import execute
from stub_server import stub_process

from workbench.commands.scaffold import Columns, init_pilot
from workbench.evaluation import evaluate_all
from workbench.gates.pipeline import AUDIT, EVALUATION, ITERATION, NOTEBOOKS, PilotRun, run_pilot
from workbench.notebooks import NotebookJob, NotebookResult, execute_many, read_source
from workbench.pilot.pilot import Pilot, open_pilot
from workbench.records.ledger import read_ledger
from workbench.records.splits import ledger_path
from workbench.runs import RunRequest
from workbench.words import Brief, InputError

SHIPPED = Path(__file__).parent.parent / "notebooks"
ATTACK = "<script>alert(1)</script>"
ODD_COLUMNS = ["record_id", "label", "group", "=1+1", ATTACK, "split, or not"]
AGENTS = '''
import pandas as pd


def silent(record):
    """Gives no confidence, and one answer that is no label."""
    return {"action": "yes" if record["group"] != "3" else "perhaps"}


def failing(record):
    """Fails on some records."""
    return {"action": ["yes", "no"][int(record["group"])], "reason": "<img src=x onerror=alert(1)>"}
'''


def cells_of(path: Path) -> list[dict[str, Any]]:
    return json.loads(path.read_text(encoding="utf-8"))["cells"]


def images(path: Path) -> int:
    outputs = [output for cell in cells_of(path) for output in cell.get("outputs", [])]
    return sum("image/png" in output.get("data", {}) for output in outputs)


def markup(path: Path) -> str:
    """Return all HTML that a notebook shows."""
    outputs = [output for cell in cells_of(path) for output in cell.get("outputs", [])]
    return "".join(line for output in outputs for line in output.get("data", {}).get("text/html", []))


def odd_pilot(root: Path) -> Pilot:
    """Make a pilot without timestamps, texts, reasons and KPIs, with odd names and agents without confidence."""
    rng = random.Random(1)
    records = root / "in" / "odd.csv"
    records.parent.mkdir()
    with records.open("w", encoding="utf-8", newline="") as file:
        rows = [(n, rng.choice("xy"), rng.randint(0, 3), ATTACK, None, rng.choice(["yes", "no"])) for n in range(60)]
        csv.writer(file).writerows([ODD_COLUMNS, *rows])
    init_pilot("odd", records, Columns(label=ODD_COLUMNS[-1]), root)
    suite = root / "eval_suites" / "odd"
    (suite / "agents.py").write_text(AGENTS, encoding="utf-8")
    settings = yaml.safe_load((suite / "pilot.yaml").read_text())
    settings["max_failed_share"] = 0.9
    names = ["silent", "failing"]
    settings["agents"] = {name: {"python": f"eval_suites/odd/agents.py:{name}", "note": ATTACK} for name in names}
    (suite / "pilot.yaml").write_text(yaml.safe_dump({**settings, "compare": names}), encoding="utf-8")
    (suite / "charter.yaml").write_text("process: none\n", encoding="utf-8")
    return open_pilot("odd", root)


def jobs(pilot: Pilot, parameters: Mapping[str, Mapping[str, Any]]) -> list[NotebookJob]:
    common = {"pilot": pilot.name, "root": str(pilot.root)}
    outputs = pilot.runs / "notebooks"
    return [
        NotebookJob(SHIPPED / f"{name}.ipynb", outputs / f"{name}.ipynb", {**common, **given})
        for name, given in parameters.items()
    ]


@pytest.mark.usefixtures("with_store")
def test_a_pilot_runs_from_its_records_to_an_answer_and_a_second_time_for_little(tickets):
    pilot = tickets(300)
    result = run_pilot(pilot, PilotRun(("majority", "baseline")))
    assert result.answers[AUDIT].startswith("No, not before something is fixed: ")
    assert "300 labelled records, at least 1,000 are wanted" in result.answers[AUDIT]
    assert result.answers[ITERATION].startswith("baseline goes on, of 2 versions: ")
    assert result.answers[EVALUATION].startswith("baseline is right on ")
    assert [images(path) for path in result.notebooks.values()] == [5, 4, 6]
    assert [(e["agent"], e["split"]) for e in result.evaluations] == [
        ("majority", "dev"),
        ("baseline", "dev"),
        ("baseline", "holdout"),
    ]
    for name, page in result.pages.items():
        shown = html.unescape(re.sub("</?abbr[^>]*>", "", page.read_text(encoding="utf-8")))
        assert shown.count(f"<strong>{Brief.read(result.answers[name]).lead}</strong>") == 1
    second = run_pilot(pilot, PilotRun(("majority", "baseline")))
    assert (result.kept, second.kept) == ((), NOTEBOOKS)
    assert (second.answers, second.links) == (result.answers, result.links)
    kept = {path.name for path in (pilot.runs / "results" / EVALUATION).iterdir()}
    assert {"baseline.holdout.json", "baseline.holdout.csv", "risk_coverage.png", "kpis.csv", "errors.csv"} <= kept

    [again] = execute_many(jobs(pilot, {EVALUATION: {}}))
    assert isinstance(again, NotebookResult)
    assert again.values["agent"] == "baseline", "without a name, the best of the stored development runs"
    assert again.values["opening"] == 1
    assert len(read_ledger(ledger_path(pilot))) == 1, "the very same look adds no line"


@pytest.mark.slow
def test_notebooks_take_a_pilot_without_times_texts_reasons_kpis_and_confidence(tmp_path):
    pilot = odd_pilot(tmp_path)
    audit, iteration = execute_many(jobs(pilot, {AUDIT: {}, ITERATION: {"limit": 20}}))
    [evaluation] = execute_many(jobs(pilot, {EVALUATION: {"agent": "failing"}}))
    for result in (audit, iteration, evaluation):
        assert isinstance(result, NotebookResult), result
        assert "<script" not in markup(result.output)
        assert "<img" not in markup(result.output)
    assert iteration.values["chosen"] is None
    assert iteration.answer.startswith("A trial on 20 of "), "a part of the records chooses no version"
    assert "there is no threshold to decide alone by" in iteration.answer
    said = Brief.read(evaluation.answer)
    assert said.lead.startswith("failing is right on ")
    assert dict(said.groups)["Mind"][0].startswith("The audit of these records has ")
    counts = iteration.values["estimates"]["failing"]["accuracy"]
    assert counts["n"] == 20, "failed decisions stay in the denominator"


def test_prompts_are_compared_on_a_server_with_what_changed_and_what_failed(tickets):
    pilot = tickets(120)
    prompts = pilot.suite / "prompts"
    first = (prompts / "v1.md").read_text(encoding="utf-8")
    second = first.replace("name: v1", "name: v2").replace("parent: null", "parent: v1")
    second = second.replace("You decide one record", "You route one ticket") + "\nFacts: {{ record.facts }}\n"
    (prompts / "v2.md").write_text(second, encoding="utf-8")
    settings = yaml.safe_load((pilot.suite / "pilot.yaml").read_text())
    settings["agents"]["prompt_v2"] = {"prompt": "v2"}
    (pilot.suite / "facts.py").write_text("def facts(record):\n    return {'facts': record['body'].upper()}\n")
    settings["prepare"] = {"python": "eval_suites/tickets/facts.py:facts", "fields": ["facts"]}
    settings["server"] = {"max_attempts": 1}  # so that a cut body is a failed decision
    settings["max_failed_share"] = 0.9
    settings["prices"] = {"stub": {"input_per_million": 1.0, "output_per_million": 2.0}}
    (pilot.suite / "pilot.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    with stub_process("--faults", "malformed=0.3") as url:
        server = {"engine": "server", "base_url": url, "model": "stub"}
        given = {"agents": ["prompt_v1", "prompt_v2"], **server, "limit": 40}
        [result] = execute_many(jobs(pilot, {ITERATION: given}))
    assert isinstance(result, NotebookResult), result
    assert "- You decide one record".replace(" ", "") in markup(result.output).replace(" ", "")
    assert "+Facts: {{ record.facts }}" in markup(result.output)
    assert f"Prompts answered by: server (stub at {url}/v1)." in markup(result.output)
    assert (pilot.runs / "results" / ITERATION / "prompt_v2.txt").is_file()
    evaluation = json.loads((pilot.runs / "results" / ITERATION / "prompt_v1.dev.json").read_text())
    assert evaluation["counts"]["failed"] > 0
    assert evaluation["estimates"]["accuracy"]["n"] == 40
    assert evaluation["estimates"]["cost_per_decision"]["value"] > 0
    assert next(iter(evaluation["causes"])) in markup(result.output)


@pytest.mark.slow
def test_one_version_is_judged_without_a_rival(tickets):
    [result] = execute_many(jobs(tickets(60), {ITERATION: {"agents": ["majority"]}}))
    assert isinstance(result, NotebookResult), result
    assert result.values["chosen"] == "majority"


def test_a_holdout_evaluation_needs_a_development_run_first(tickets):
    pilot = tickets(60)
    [job] = jobs(pilot, {EVALUATION: {}})
    with pytest.raises(InputError, match="a cell of the notebook failed") as failed:
        execute(job.notebook, job.output, job.parameters)
    assert "has no finished run on dev" in str(failed.value)
    assert job.failed_output.is_file()
    assert not job.output.exists()
    assert not ledger_path(pilot).exists(), "nothing was opened"


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_notebooks_are_stripped_thin_and_explained(name):
    path = SHIPPED / f"{name}.ipynb"
    nbformat.validate(nbformat.read(path, as_version=4))
    source, cells = read_source(path), cells_of(path)
    assert {"pilot", "root", "results"} <= set(source.parameters)
    assert [parameter.annotation for parameter in source.parameters.values() if parameter.name == "pilot"] == ["str"]
    assert all("  # " in line for cell in source.cells if cell.has_tag("parameters") for line in cell.text.splitlines())
    for before, cell in zip([None, *cells], cells, strict=False):
        if cell["cell_type"] != "code":
            continue
        assert cell["outputs"] == []
        assert cell["execution_count"] is None
        assert len(cell["source"]) <= 15
        assert before is not None
        assert before["cell_type"] == "markdown"
        tree = ast.parse("".join(cell["source"]))
        assert not [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.ClassDef)]


def test_nothing_slow_is_imported_that_a_cached_run_does_not_need(tickets):
    pilot = tickets(60)
    evaluate_all(pilot, pilot.settings.compare, RunRequest(show_progress=False))
    cells = cells_of(SHIPPED / f"{ITERATION}.ipynb")
    code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    given = f"\npilot, root = 'tickets', {str(pilot.root)!r}\n"
    slow = ["mlflow", "matplotlib.pyplot", "scipy.stats", "papermill", "great_expectations", "data_profiling", "torch"]
    check = f"\nimport sys\nfound = set({slow}) & set(sys.modules)\nassert not found, found"
    program = code[0] + given + "\n".join(code[1:]) + check
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
