import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hand_versions import decided, version

from workbench.evaluation import evaluate_all
from workbench.gates.tracked import log_gate
from workbench.pilot.pilot import Pilot
from workbench.runs import RunRequest
from workbench.tracking import LoggedVersion, log_versions, store_uri, version_from


def logged_runs(pilot: Pilot) -> Any:
    from mlflow.tracking import MlflowClient

    client = MlflowClient(store_uri(pilot.root), store_uri(pilot.root))
    experiment = client.get_experiment_by_name(pilot.name)
    assert experiment is not None
    return client, client.search_runs([experiment.experiment_id])


def versions_of(pilot: Pilot) -> list[LoggedVersion]:
    folder = pilot.runs / "results"
    picture = folder / "a.png"
    versions = []
    for evaluation in evaluate_all(pilot, (), RunRequest(show_progress=False)):
        path = evaluation.write(folder)
        picture.write_bytes(b"\x89PNG")
        versions.append(version_from(path, {"figures": (picture,)}))
    return versions


@pytest.mark.usefixtures("with_store")
def test_each_version_is_logged_once_with_what_a_reader_compares(tickets: Callable[[int], Pilot]) -> None:
    pilot = tickets(150)
    versions = versions_of(pilot)
    links = log_versions(pilot, versions)
    assert log_versions(pilot, versions) == links
    client, runs = logged_runs(pilot)
    by_agent = {run.data.params["agent"]: run for run in runs}
    assert sorted(by_agent) == ["baseline", "boosted", "majority"]
    run = by_agent["baseline"]
    accuracy = versions[1].evaluation["estimates"]["accuracy"]
    names = ("accuracy", "bounds/accuracy_lower", "bounds/accuracy_upper", "counts/accuracy_n")
    logged = [run.data.metrics[name] for name in names]
    assert logged == [round(accuracy[bound], 4) for bound in ("value", "lower", "upper", "n")]
    assert run.info.status == "FINISHED"
    assert run.data.tags["workbench.dataset_digest"] == versions[1].evaluation["dataset_digest"]
    assert set(run.data.params) == {"agent", "engine", "kind", "model", "records", "split", "threshold"}
    assert [name for name in run.data.metrics if "/" not in name] == [
        "accuracy", "automation", "selective_accuracy", "latency_p95", "n",
    ]  # fmt: skip
    assert "more/macro_f1" in run.data.metrics
    assert "bounds/macro_f1_lower" not in run.data.metrics  # intervals of what versions are compared by only
    assert {"mlflow.user", "workbench.run", "workbench.dirty"} <= set(run.data.tags)
    assert run.inputs.dataset_inputs[0].dataset.name == "tickets-dev"
    names = {artifact.path for artifact in client.list_artifacts(run.info.run_id)}
    assert names == {"baseline.dev.json", "baseline.dev.csv", "figures"}
    assert "cost_per_decision" not in run.data.metrics  # undefined is not a number


@pytest.mark.usefixtures("with_store")
def test_a_prompt_document_is_registered_once_for_each_content(tickets: Callable[[int], Pilot]) -> None:
    pilot = tickets(60)
    log_versions(pilot, [])
    log_versions(pilot, [])
    path = pilot.suite / "prompts" / "v1.md"
    text = path.read_text(encoding="utf-8").replace("You decide", "You carefully decide")
    path.write_text(text.replace("parent: null", "parent: null\nproposed_by: an optimiser"), encoding="utf-8")
    log_versions(pilot, [])
    client, _ = logged_runs(pilot)
    prompts = [client.get_prompt_version("tickets", number) for number in (1, 2)]
    texts = [prompt.template[0]["content"] for prompt in prompts]
    assert ["You decide" in text for text in texts] == [True, False]
    assert prompts[0].tags["hash"] != prompts[1].tags["hash"]
    assert [prompt.tags.get("proposed_by") for prompt in prompts] == [None, "an optimiser"]
    with pytest.raises(Exception, match=r"not found|No prompt|does not exist"):  # MLflow's own error types differ
        client.get_prompt_version("tickets", 3).template  # noqa: B018 - None would raise too


def test_runs_are_kept_apart_by_what_they_are_and_named_by_their_version(tickets: Callable[[int], Pilot]) -> None:
    pilot = tickets(60)
    versions = [
        version(pilot, "baseline"),
        version(pilot, "baseline", split="holdout"),
        version(pilot, "baseline", n=50),
    ]
    links = log_versions(pilot, versions)
    client, _ = logged_runs(pilot)
    experiments = {client.get_experiment(link.experiment_id).name: link.run_id for link in links}
    names = {name: client.get_run(run).info.run_name for name, run in experiments.items()}
    assert names == {
        "tickets": "baseline",
        "tickets: holdout": "baseline",
        "tickets: trials": "baseline on dev (50 of 1,200 records)",
    }


def test_the_latest_run_of_a_version_is_the_current_one(tickets: Callable[[int], Pilot]) -> None:
    pilot = tickets(60)
    versions = [version(pilot, "baseline"), version(pilot, "majority"), version(pilot, "baseline", accuracy=0.92)]
    first, other, last = log_versions(pilot, versions)
    client, runs = logged_runs(pilot)
    assert len(runs) == 3
    current = {run.info.run_id for run in runs if run.data.tags["workbench.current"] == "true"}
    assert current == {other.run_id, last.run_id}
    assert client.get_run(first.run_id).data.tags["workbench.current"] == "false"


def test_a_version_that_another_model_answered_has_the_model_in_its_name(tickets: Callable[[int], Pilot]) -> None:
    pilot = tickets(60)
    asked = version(pilot, "asked", prompt="ab")
    larger = version(pilot, "asked", prompt="ab", accuracy=0.95)
    larger.evaluation["identity"]["engine"]["model"] = "larger"
    log_versions(pilot, [asked, larger])
    _, runs = logged_runs(pilot)
    assert {run.info.run_name for run in runs} == {"asked", "asked (larger)"}
    assert {run.data.tags["workbench.current"] for run in runs} == {"true"}


def test_the_description_has_answer_table_and_links_and_keeps_them(tickets: Callable[[int], Pilot]) -> None:
    pilot = tickets(60)
    page = pilot.runs / "notebooks" / "02.html"
    log_versions(pilot, [version(pilot, "baseline")], "baseline goes on.", {"02": page})
    log_versions(pilot, [version(pilot, "majority", accuracy=0.5), version(pilot, "baseline", split="holdout")])
    log_gate(pilot, *decided(pilot, 1))
    client, _ = logged_runs(pilot)
    note = client.get_experiment_by_name("tickets").tags["mlflow.note.content"]
    assert note.startswith("baseline goes on.\n")
    for line in (
        "| baseline | 90.0% | 50.0% | 95.0% | 125 ms | 0.002 | 1,200 |",
        "| majority | 50.0% | 50.0% | 95.0% | 125 ms | 0.002 | 1,200 |",
        "| holdout: baseline | 90.0% | 50.0% | 95.0% | 125 ms | 0.002 | 400 |",
        "- [Prompts: tickets](#/prompts/tickets)",
        "- 02: `mlruns/tickets/notebooks/02.html`",
    ):
        assert line in note.splitlines()
    assert "- [tickets: gates](#/experiments/3/runs?" in note
    assert "NO-GO" in client.get_experiment_by_name("tickets: gates").tags["mlflow.note.content"]


@pytest.mark.slow
def test_two_processes_may_create_the_store_at_once(tmp_path: Path) -> None:
    code = f"from pathlib import Path; from workbench.tracking import prepare; prepare(Path({str(tmp_path)!r}))"
    environment = {**os.environ, "PYTHONWARNINGS": "ignore"}
    both = [subprocess.Popen([sys.executable, "-c", code], env=environment, stderr=subprocess.PIPE) for _ in range(2)]
    errors = [process.communicate(timeout=120)[1].decode() for process in both]
    assert [process.returncode for process in both] == [0, 0], errors
    with sqlite3.connect(tmp_path / "mlruns" / "mlflow.db") as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()


def test_a_store_that_cannot_be_opened_is_one_message(tickets: Callable[[int], Pilot]) -> None:
    from workbench.words import RunError

    pilot = tickets(60)
    (pilot.root / "mlruns").mkdir()
    (pilot.root / "mlruns" / "mlflow.db").write_bytes(b"no database, whatever it is called" * 100)
    with pytest.raises(RunError, match=r"could not be logged to MLflow; the decisions and estimates are stored"):
        log_versions(pilot, [])
