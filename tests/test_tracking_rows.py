"""What is written into MLflow's store without MLflow, beside what the installed MLflow makes of the same."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from mlflow_schema import migrate, parts_of, schema_of

from workbench.agents.prompts import Prompt, PromptSection
from workbench.engines.protocol import SamplingParams
from workbench.pilot.pilot import Pilot
from workbench.tracking import log_versions, prepare, store_uri
from workbench.tracking import schema as kept
from workbench.tracking.prompt_rows import add_prompt, set_alias
from workbench.tracking.rows import (
    Experiment,
    Records,
    RunRows,
    add_experiment,
    end_run,
    find_experiment,
    local_place,
    start_run,
)
from workbench.tracking.store import DATABASE, rows_of

NAME = "tickets"
NOTE = {"mlflow.note.content": "Tickets\n\nWhich queue?\n\nTo be filled in", "workbench.pilot": NAME}
TAGS = {"name": "v1", "hash": "ab" * 32, "by": "ann"}
RUNS = [
    (
        RunRows(
            "baseline on dev",
            {"macro_f1": 0.5, "accuracy": 0.25, "planned": 40, "accuracy_lower": 0.125},
            {"threshold": "none", "agent": "baseline"},
            {"workbench.process": "host 1", "mlflow.user": "ann", "mlflow.note.content": "é" * 9000},
        ),
        Records("tickets-dev", "0123456789abcdef", "datasets/tickets", 40, "dev"),
    ),
    (
        RunRows("boosted on dev", {"accuracy": 1.0}, {"agent": "boosted"}, {"mlflow.user": "ann"}),
        Records("tickets-dev", "0123456789abcdef", "datasets/tickets", 40, "dev"),
    ),
    (RunRows("gate 1: GO", {"go": 1.0}, {}, {"workbench.gate": "1"}), None),
]


def prompt(number: int, schema: dict[str, Any] | None) -> Prompt:
    sections = (
        PromptSection("Role", "You decide.", 1),
        PromptSection("Record", f"{{{{ record.text }}}} ü {number}", 2),
    )
    parent = None if number == 1 else "v1"
    return Prompt(f"v{number}", Path("v.md"), parent, "first", SamplingParams(0.5, 1.0, 64, 7), schema, sections)


PROMPTS = [prompt(1, None), prompt(2, {"type": "object", "properties": {"action": {"type": "string"}}})]


def write_rows(root: Path, location: str) -> None:
    """Write all of it as the workbench does."""
    with rows_of(root) as store:
        experiment = add_experiment(store, NAME, location, NOTE)
        assert find_experiment(store, NAME) == experiment
        assert add_experiment(store, NAME, "elsewhere", {}) == experiment, "another process may have been first"
        for one in PROMPTS:
            add_prompt(store, (NAME, None), one, {**TAGS, "name": one.name}, 0)
        for version in (1, 2):  # moved
            set_alias(store, (NAME, version), "candidate", (NAME,))
        for said, records in RUNS:
            end_run(store, start_run(store, experiment, said, records), "FINISHED")


def write_with_mlflow(database: Path, location: str) -> None:
    """Write all of it with MLflow's client."""
    from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, RunTag
    from mlflow.tracking import MlflowClient

    client = MlflowClient(f"sqlite:///{database}", f"sqlite:///{database}")
    number = client.create_experiment(NAME, artifact_location=location, tags=NOTE)
    for one in PROMPTS:
        client.register_prompt(
            NAME,
            [{"role": "system", "content": one.system_source}, {"role": "user", "content": one.record_source}],
            commit_message=f"{one.name}: {one.change_note}",
            tags={**TAGS, "name": one.name},
            response_format=None if one.schema is None else dict(one.schema),
            model_config={"temperature": 0.5, "top_p": 1.0, "max_tokens": 64, "extra_params": {"seed": 7}},
        )
    for version in (1, 2):
        client.set_prompt_alias(NAME, "candidate", version)
    for said, records in RUNS:
        run = client.create_run(number, run_name=said.name)
        run_id, now = run.info.run_id, run.info.start_time
        metrics = [Metric(name, value, now, 0) for name, value in said.metrics.items()]
        params = [Param(name, value) for name, value in said.params.items()]
        client.log_batch(run_id, metrics, params, [RunTag(name, value) for name, value in said.tags.items()])
        if records is not None:
            profile, source = json.dumps({"num_rows": records.n_records}), json.dumps({"uri": records.place})
            dataset = Dataset(records.name, records.digest, "local", source, profile=profile)
            tag = InputTag("mlflow.data.context", records.context)
            client.log_inputs(run_id, datasets=[DatasetInput(dataset, [tag])])
        client.set_terminated(run_id, "FINISHED")


def content(database: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Return every table in the order of its rows, ids by the order in which they occur and times as a sign."""
    seen: dict[str, str] = {}

    def plain(value: Any) -> Any:
        if isinstance(value, int) and value > 10**12:
            return "time"
        if isinstance(value, str):
            value = value.replace(str(database.parent), "ROOT")
            return re.sub(r"\b[0-9a-f]{32}\b", lambda found: seen.setdefault(found[0], f"id {len(seen)}"), value)
        return value

    with closing(sqlite3.connect(database)) as store:
        names = [name for (name,) in store.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        tables = {name: store.execute(f'SELECT * FROM "{name}" ORDER BY rowid').fetchall() for name in sorted(names)}
    order = ["runs", *(name for name in tables if name != "runs")]
    return {name: [tuple(map(plain, row)) for row in tables[name]] for name in order}


def test_the_kept_schema_is_the_one_that_the_installed_mlflow_migrates_to(tmp_path: Path) -> None:
    migrate(tmp_path / "theirs.db")
    revision = kept.installed_revision()
    assert revision == kept.revision_of(tmp_path / "theirs.db"), "keep what it adds: python tests/mlflow_schema.py"
    assert revision is not None
    kept.create(tmp_path / "ours.db", revision)
    assert parts_of(schema_of(tmp_path / "ours.db")) == parts_of(schema_of(tmp_path / "theirs.db"))


@pytest.mark.parametrize("revision", kept.KEPT)
def test_every_kept_schema_makes_a_store_of_its_revision(tmp_path: Path, revision: str) -> None:
    kept.create(tmp_path / "mlflow.db", revision)
    assert kept.revision_of(tmp_path / "mlflow.db") == revision


def test_rows_are_those_of_mlflows_own_client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = tmp_path / "ours", tmp_path / "theirs" / "mlruns" / DATABASE
    theirs.parent.mkdir(parents=True)
    monkeypatch.chdir(theirs.parent.parent)  # where MLflow's default experiment is
    write_rows(ours, "file:///files/tickets")
    write_with_mlflow(theirs, "file:///files/tickets")
    written, expected = content(ours / "mlruns" / DATABASE), content(theirs)
    for name, rows in expected.items():
        assert written[name] == rows, name
    assert written.keys() == expected.keys()


def test_mlflow_reads_what_was_written_and_registers_further_versions(tmp_path: Path) -> None:
    from mlflow.tracking import MlflowClient

    write_rows(tmp_path, (tmp_path / "files").as_uri())
    client = MlflowClient(store_uri(tmp_path), store_uri(tmp_path))
    experiment = client.get_experiment_by_name(NAME)
    assert [run.info.run_name for run in client.search_runs([experiment.experiment_id], order_by=["start_time"])]
    read = client.get_prompt_version(NAME, 2)
    assert read.template[1]["content"] == PROMPTS[1].record_source
    assert read.model_config == {"temperature": 0.5, "max_tokens": 64, "top_p": 1.0, "extra_params": {"seed": 7}}
    assert client.register_prompt(NAME, "again").version == 3


def test_logging_on_a_new_root_imports_no_mlflow(tickets: Callable[[int], Pilot]) -> None:
    import subprocess
    import sys

    pilot = tickets(60)
    code = (
        "import sys; from workbench.pilot.pilot import open_pilot; from workbench.tracking import log_versions;"
        f"log_versions(open_pilot({pilot.name!r}, {str(pilot.root)!r}), []); print('mlflow' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_a_schema_that_is_not_kept_is_made_by_mlflow(tickets: Callable[[int], Pilot], monkeypatch: Any) -> None:
    monkeypatch.setattr("workbench.tracking.store.installed_revision", lambda: None)
    pilot = tickets(60)
    log_versions(pilot, [])
    assert kept.revision_of(pilot.root / "mlruns" / DATABASE) == kept.installed_revision()


def test_a_store_of_another_revision_is_left_to_mlflow_which_says_what_to_do(tmp_path: Path) -> None:
    from workbench.words import RunError

    prepare(tmp_path)
    with closing(sqlite3.connect(tmp_path / "mlruns" / DATABASE)) as store, store:
        store.execute("UPDATE alembic_version SET version_num = '75868b020152'")
    with pytest.raises(RunError, match="out-of-date database schema"):
        prepare(tmp_path)


@pytest.mark.parametrize(
    ("location", "place"),
    [
        ("file:///a%20b/%23c", "/a b/#c/r/artifacts"),
        ("/plain", "/plain/r/artifacts"),
        ("s3://bucket/path", None),
    ],
)
def test_files_go_where_the_experiment_has_them(location: str, place: str | None) -> None:
    assert local_place(Experiment(1, location), "r") == (None if place is None else Path(place))
