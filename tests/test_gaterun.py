"""A gate held from end to end, with real kernels, real keys and a real MLflow store."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from answering_pilots import KPIS, judged_pilot, key_of, run, sign, with_answers, with_store

from workbench.engines.choice import EngineChoice
from workbench.evidence import results_folder
from workbench.gates import Verdict
from workbench.gates.freshness import Memory, NotebookInputs, output_paths
from workbench.gates.held.hold import GateRequest, Held, hold_gate
from workbench.gates.pipeline import AUDIT, EVALUATION, ITERATION, PilotRun, run_pilot
from workbench.gates.verified import verify_bundle
from workbench.pilot.pilot import Pilot, open_pilot
from workbench.records.ledger import GENESIS
from workbench.records.ledger.entries import ledger_line, signed_entry
from workbench.records.splits import read_dataset
from workbench.words import InputError, RunError, SignatureError

LOAD = {"id": "load", "check": "load"}
QUICK = 'workbench.finish("done", {})'


@pytest.fixture
def prepared(tmp_path: Path, migrated_store: Path, answered: Path) -> Callable[..., tuple[Pilot, GateRequest]]:
    """Return a function that makes a signed pilot with a key and an MLflow store."""

    def make(criteria: list[dict[str, Any]], **further: Any) -> tuple[Pilot, GateRequest]:
        pilot = judged_pilot(tmp_path / "root", criteria, **further)
        with_store(pilot, migrated_store)
        with_answers(pilot, answered)
        return pilot, GateRequest(key=pilot.root / "keys" / "key.pem")

    return make


Prepared = Callable[..., tuple[Pilot, GateRequest]]


def notebook(pilot: Pilot, name: str, code: str) -> Path:
    """Write a notebook of the root's own."""
    cells = [
        {"cell_type": "code", "metadata": {"tags": ["parameters"]}, "source": 'pilot: str = ""\nroot: str = "."'},
        {"cell_type": "code", "metadata": {}, "source": f"import workbench\n{code}"},
    ]
    full = [{**cell, "id": str(i), "execution_count": None, "outputs": []} for i, cell in enumerate(cells)]
    path = pilot.root / "notebooks" / f"{name}.ipynb"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({"cells": full, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}), encoding="utf-8")
    return path


def bundles(pilot: Pilot) -> list[Path]:
    return sorted((pilot.root / "mlruns" / "evidence").glob("*/gate-*/*"))


def rewrite(pilot: Pilot, file: str, change: Callable[[dict[str, Any]], None]) -> Pilot:
    path = pilot.suite / file
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    change(content)
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return open_pilot(pilot.name, pilot.root)


def test_a_gate_leaves_evidence_that_verifies_and_nothing_unchanged_runs_again(prepared: Prepared) -> None:
    pilot, request = prepared(KPIS, notebooks=["quick"])
    notebook(pilot, "quick", QUICK)
    run(pilot)
    held = hold_gate(pilot, 2, request)
    assert (held.decision.verdict, held.worked.ran, held.is_new) == (Verdict.GO, ("quick",), True)
    verification = verify_bundle(held.bundle, held.key.public_key)
    assert verification.ok, verification.checks
    inside = {str(path.relative_to(held.bundle)) for path in held.bundle.rglob("*") if path.is_file()}
    assert {
        "report.html", "criteria.json", "junit.xml", "charter.yaml", "gates.yaml",
        "exhibits/evaluation/holdout.csv",
        "exhibits/evaluation/development.csv", "exhibits/evaluation/exhibit.json",
        "contract.yaml", "pilot.yaml", "splits.yaml", "facts.json", "cells.csv",
        "notebooks/gate_2.ipynb", "notebooks/quick.ipynb",
    } <= inside  # fmt: skip
    check_mlflow(pilot, held)
    again = hold_gate(pilot, 2, request)
    assert (again.bundle, again.is_new, again.worked.kept) == (held.bundle, False, ("quick",))
    # A bundle that somebody touched is not taken for evidence again, and a changed notebook runs again.
    report = held.bundle / "report.html"
    report.write_text(report.read_text(encoding="utf-8").replace("GO", "go"), encoding="utf-8")
    notebook(pilot, "quick", f"print('changed')\n{QUICK}")
    third = hold_gate(pilot, 2, request)
    assert (third.is_new, third.worked.ran) == (True, ("quick",))
    assert verify_bundle(third.bundle, third.key.public_key).ok
    assert not verify_bundle(held.bundle, held.key.public_key).ok


def test_a_slice_on_any_column_that_records_are_cut_by_is_judged(prepared: Prepared) -> None:
    cuts = {"vendor": "V1", "amount": 101, "kind": "edge", "class": "edge", "answer": "approve", "why": "match"}
    wanted = {"metric": "accuracy", "operator": ">=", "target": 0.5}
    sliced = [{"id": f"by-{name}", **wanted, "slice": {name: value}} for name, value in cuts.items()]
    pilot, request = prepared(sliced, notebooks=[])
    outcomes = run(pilot).outcomes
    held = hold_gate(pilot, 2, request)
    judged = {result.criterion.id: result for result in held.decision.results}
    by_hand = {"by-kind": outcomes["class"] == "edge", "by-answer": outcomes["label"] == "approve"}
    for name, value in cuts.items():
        estimate = judged[f"by-{name}"].estimate
        assert estimate is not None, name
        assert estimate.n > 0, (name, value)
    for name, members in by_hand.items():
        assert judged[name].estimate.n == members.sum()
    red = {"slice": {"colour": "red"}}
    sign(rewrite(pilot, "gates.yaml", lambda content: content["gates"][2]["criteria"][0].update(red)))
    before = (pilot.data / "ledger.jsonl").read_bytes()
    with pytest.raises(InputError, match="a slice names a column by which records cannot be cut"):
        hold_gate(pilot, 2, request)
    assert (pilot.data / "ledger.jsonl").read_bytes() == before


def test_what_changed_while_a_notebook_ran_makes_it_stale(prepared: Prepared) -> None:
    pilot, _ = prepared([LOAD])
    named = pilot.data / "contract.yaml"
    once = "'# x' in said or named.write_text(said + '# x\\n')"
    change = f"from pathlib import Path\nnamed = Path({str(named)!r})\nsaid = named.read_text()\n{once}"
    path = notebook(pilot, AUDIT, f"{change}\n{QUICK}")
    path.write_text(path.read_text(encoding="utf-8").replace("root: str = ", 'results: str = \\"\\"\\nroot: str = '))
    kept = [run_pilot(pilot, PilotRun(), (AUDIT,)).kept for _ in range(3)]
    assert kept == [(), (), (AUDIT,)]


@pytest.mark.slow
def test_a_gate_after_a_run_repeats_nothing_and_a_run_after_a_gate_neither(prepared: Prepared) -> None:
    notebooks = [AUDIT, ITERATION, EVALUATION]
    pilot, request = prepared(KPIS, notebooks=notebooks)
    what = PilotRun(key=key_of(pilot))
    assert run_pilot(pilot, what).kept == ()
    held = hold_gate(pilot, 2, request)
    assert (held.worked.ran, list(held.worked.kept)) == ((), notebooks)
    assert verify_bundle(held.bundle, held.key.public_key).ok
    assert list(run_pilot(pilot, what).kept) == notebooks
    for gone in (pilot.runs / "results" / ITERATION).glob("*.png"):
        gone.unlink()
    again = hold_gate(pilot, 2, request)
    assert (again.worked.ran, list(again.worked.kept)) == ((ITERATION,), [AUDIT, EVALUATION])


@pytest.mark.slow
def test_a_part_of_the_holdout_is_said_and_its_evidence_is_no_go(prepared: Prepared) -> None:
    pilot, request = prepared(KPIS, notebooks=[])
    run(pilot, limit=200)
    held = hold_gate(pilot, 2, request)
    assert held.decision.verdict is Verdict.NO_GO
    report = (held.bundle / "report.html").read_text(encoding="utf-8")
    for said in (str(held.decision.brief), report, (held.bundle / "junit.xml").read_text(encoding="utf-8")):
        assert "200 of 320 holdout records were judged; 120 were left out" in said
    assert verify_bundle(held.bundle, held.key.public_key).ok
    run(pilot)
    assert hold_gate(pilot, 2, request).decision.verdict is Verdict.GO


def check_mlflow(pilot: Pilot, held: Held) -> None:
    from mlflow.tracking import MlflowClient

    from workbench.tracking import store_uri

    assert held.link is not None
    run = MlflowClient(store_uri(pilot.root)).get_run(held.link.run_id)
    assert run.data.tags["workbench.verdict"] == "GO"
    assert run.info.run_name.startswith("gate 2 GO 20")
    assert run.data.metrics["right_passes"] == 1.0
    assert run.data.metrics["right"] == 0.975
    assert run.info.status == "FINISHED"


def test_without_all_signatures_nothing_starts(prepared: Prepared) -> None:
    pilot, request = prepared([LOAD], notebooks=["quick"])
    notebook(pilot, "quick", "open('started', 'w').close()\n" + QUICK)
    pilot = rewrite(pilot, "charter.yaml", lambda charter: charter.update(process="Something else was agreed."))
    with pytest.raises(SignatureError, match=r"No signature, no start(.|\n)*edited after") as refused:
        hold_gate(pilot, 2, request)
    assert refused.value.exit_code == 1
    assert not (pilot.runs / "notebooks").exists()
    assert bundles(pilot) == []


@pytest.mark.parametrize("code", ["import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", "raise ValueError('no')"])
def test_a_notebook_that_does_not_reach_its_end_leaves_no_verdict(prepared: Prepared, code: str) -> None:
    pilot, request = prepared(KPIS, notebooks=["quick"])
    notebook(pilot, "quick", f"{code}\n{QUICK}")
    run(pilot)
    with pytest.raises(RunError, match=r"kernel|cell of the notebook failed"):
        hold_gate(pilot, 2, request)
    assert bundles(pilot) == []


def test_evidence_that_cannot_be_written_is_found_before_anything_runs(prepared: Prepared) -> None:
    pilot, request = prepared([LOAD], notebooks=["quick"])
    notebook(pilot, "quick", QUICK)
    (pilot.root / "mlruns" / "evidence").write_text("no folder", encoding="utf-8")
    with pytest.raises(RunError, match="the evidence folder cannot be written"):
        hold_gate(pilot, 2, request)
    assert not (pilot.runs / "notebooks").exists()


def test_a_missing_key_is_bad_input_before_anything_runs(
    prepared: Prepared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pilot, _ = prepared([LOAD])
    monkeypatch.setenv("WORKBENCH_SIGNING_KEY", str(tmp_path / "nowhere.pem"))
    with pytest.raises(InputError, match="the key cannot be read"):
        hold_gate(pilot, 2, GateRequest())
    assert bundles(pilot) == []


def test_an_altered_ledger_stops_the_gate(prepared: Prepared) -> None:
    pilot, request = prepared(KPIS)
    run(pilot)
    ledger = pilot.data / "ledger.jsonl"
    ledger.write_text(ledger.read_text(encoding="utf-8").replace("good", "exact"), encoding="utf-8")
    with pytest.raises(RunError, match="the holdout ledger was altered"):
        hold_gate(pilot, 2, request)
    assert bundles(pilot) == []


@pytest.mark.skipif(sys.platform == "win32", reason="limits of a process are a Unix matter")
def test_a_full_disk_is_exit_code_4_and_leaves_no_bundle(prepared: Prepared) -> None:
    pilot, request = prepared([LOAD])
    # No file may grow beyond 16 kB: as on a full disk, a write ends in the middle of a file.
    limited = "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (16384, 16384)); "
    limited += "sys.argv[0] = 'workbench'; from workbench.commands.cli import main; main()"
    command = [
        sys.executable,
        "-c",
        limited,
        "gate",
        "2",
        "small",
        "--root",
        str(pilot.root),
        "--key",
        str(request.key),
    ]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"})
    assert done.returncode == 4, done.stderr
    assert "Traceback" not in done.stderr
    assert bundles(pilot) == []


def inputs(pilot: Pilot) -> NotebookInputs:
    return NotebookInputs(pilot, read_dataset(pilot), EngineChoice(), pilot.settings.compare)


def test_a_changed_prompt_makes_stale_what_depends_on_it_alone(tickets: Callable[[int], Pilot]) -> None:
    pilot = tickets(60)
    names = (AUDIT, ITERATION, EVALUATION)
    before = {name: inputs(pilot).digest(name, "majority") for name in names}
    assert {name: inputs(pilot).digest(name, "majority") for name in names} == before
    prompt = pilot.suite / "prompts" / "v1.md"
    prompt.write_text(prompt.read_text(encoding="utf-8").replace("careful human", "careful person"), encoding="utf-8")
    after = {name: inputs(pilot).digest(name, "majority") for name in names}
    assert [name for name in names if after[name] != before[name]] == [ITERATION]
    agents = pilot.suite / "agents.py"
    agents.write_text(agents.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    changed = {name: inputs(pilot).digest(name, "majority") for name in names}
    assert [name for name in names if changed[name] != after[name]] == [ITERATION, EVALUATION]


def test_changed_records_make_everything_stale(tickets: Callable[[int], Pilot]) -> None:
    pilot = tickets(60)
    before = {name: inputs(pilot).digest(name, "majority") for name in (AUDIT, ITERATION, EVALUATION)}
    records = pilot.data / "tickets.csv"
    records.write_text(records.read_text(encoding="utf-8").replace("T00000", "T99999", 1), encoding="utf-8")
    assert all(inputs(pilot).digest(name, "majority") != digest for name, digest in before.items())


def test_a_notebook_is_fresh_only_while_what_it_left_is_there_unaltered(tickets: Callable[[int], Pilot]) -> None:
    pilot = tickets(60)
    executed, page, *_ = output_paths(pilot, AUDIT)
    results = results_folder(pilot, AUDIT)
    for path in (executed, page, results / "checks.csv"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("left", encoding="utf-8")
    assert not Memory(pilot).is_fresh(AUDIT, "d1")
    Memory(pilot).remember(AUDIT, "d1")
    assert Memory(pilot).is_fresh(AUDIT, "d1")
    assert not Memory(pilot).is_fresh(AUDIT, "d2")
    (results / "checks.csv").write_text("altered", encoding="utf-8")
    assert not Memory(pilot).is_fresh(AUDIT, "d1")
    (results / "checks.csv").write_text("left", encoding="utf-8")
    assert Memory(pilot).is_fresh(AUDIT, "d1")
    page.unlink()
    assert not Memory(pilot).is_fresh(AUDIT, "d1")


def test_a_damaged_memory_makes_everything_stale(tickets: Callable[[int], Pilot]) -> None:
    pilot = tickets(60)
    Memory(pilot).remember(AUDIT, "d1")
    (pilot.runs / "notebooks.json").write_text('{"01_data_audit": 3}', encoding="utf-8")
    assert not Memory(pilot).is_fresh(AUDIT, "d1")


def test_there_are_three_gates(prepared: Prepared) -> None:
    pilot, request = prepared([LOAD])
    with pytest.raises(InputError, match=r"there is no such gate(.|\n)*4"):
        hold_gate(pilot, 4, request)


def test_targets_that_were_signed_after_results_were_seen_prove_nothing(prepared: Prepared) -> None:
    pilot, request = prepared(KPIS)
    run(pilot)
    ledger = pilot.data / "ledger.jsonl"
    entry = json.loads(ledger.read_text(encoding="utf-8"))
    entry["time"] = "2020-01-01T00:00:00+00:00"  # the same opening, before anybody signed
    content = {name: value for name, value in entry.items() if name not in ("hash", "signature", "key")}
    ledger.write_text(ledger_line(signed_entry(content, GENESIS, key_of(pilot))), encoding="utf-8")
    with pytest.raises(SignatureError, match=r"results on the holdout could be seen(.|\n)*2020-01-01"):
        hold_gate(pilot, 2, request)
    assert bundles(pilot) == []
