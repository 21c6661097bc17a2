"""Rows of experiments and runs in the MLflow store, written as its own client writes them.

Importing MLflow and opening its store takes seconds, and one evaluation leaves some eighty rows: they are written
without it. `tests/test_tracking_rows.py` holds them against what the installed MLflow's client writes.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

MAX_TAG = 8000
MAX_PARAM = 6000
DEFAULT_EXPERIMENT = "0"
_TAGS = (
    "INSERT INTO tags (key, value, run_uuid) VALUES (?, ?, ?)"
    " ON CONFLICT (key, run_uuid) DO UPDATE SET value = excluded.value"
)
_EXPERIMENT_TAGS = (
    "INSERT INTO experiment_tags (key, value, experiment_id) VALUES (?, ?, ?)"
    " ON CONFLICT (key, experiment_id) DO UPDATE SET value = excluded.value"
)
_METRIC = "key, value, timestamp, step, is_nan, run_uuid) VALUES (?, ?, ?, 0, 0, ?)"


@dataclass(frozen=True, slots=True)
class Experiment:
    """An experiment that is not deleted; its files lie under `location`, an address."""

    number: int
    location: str


@dataclass(frozen=True, slots=True)
class RunRows:
    """What a run says of itself, in the order that is shown."""

    name: str
    metrics: Mapping[str, float]
    params: Mapping[str, str]
    tags: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Records:
    """The records that a run is about: a name, a digest, where they are, and for what they were used."""

    name: str
    digest: str
    place: str
    n_records: int
    context: str


def now_ms() -> int:
    """Return the time in milliseconds, as the store has it."""
    return time.time_ns() // 1_000_000


def add_default_experiment(store: sqlite3.Connection, location: str) -> None:
    """Add the experiment that MLflow makes in every new store."""
    now = now_ms()
    store.execute(
        "INSERT INTO experiments (experiment_id, name, artifact_location, lifecycle_stage, creation_time,"
        " last_update_time) VALUES (?, 'Default', ?, 'active', ?, ?)",
        (int(DEFAULT_EXPERIMENT), location, now, now),
    )


def find_experiment(store: sqlite3.Connection, name: str) -> Experiment | None:
    """Return an experiment that is not deleted, None where there is none."""
    query = "SELECT experiment_id, artifact_location FROM experiments WHERE name = ? AND lifecycle_stage = 'active'"
    found = store.execute(query, (name,)).fetchone()
    return None if found is None else Experiment(*found)


def add_experiment(store: sqlite3.Connection, name: str, location: str, tags: Mapping[str, str]) -> Experiment:
    """Add an experiment with its tags and return it; the one that another process added meanwhile if so."""
    now = now_ms()
    with transaction(store):
        found = find_experiment(store, name)
        if found is not None:
            return found
        number = store.execute(
            "INSERT INTO experiments (name, artifact_location, lifecycle_stage, creation_time, last_update_time)"
            " VALUES (?, ?, 'active', ?, ?)",
            (name, location, now, now),
        ).lastrowid
        assert number is not None
        store.executemany(_EXPERIMENT_TAGS, ((key, value, number) for key, value in tags.items()))
    return Experiment(number, location)


def set_experiment_tag(store: sqlite3.Connection, experiment: Experiment, name: str, value: str) -> None:
    """Set a tag of an experiment."""
    with transaction(store):
        store.execute(_EXPERIMENT_TAGS, (name, value, experiment.number))


def start_run(store: sqlite3.Connection, experiment: Experiment, said: RunRows, records: Records | None) -> str:
    """Add a run with all that it says, still running, and return its id."""
    run, now = uuid.uuid4().hex, now_ms()
    tags = {"mlflow.runName": said.name, **said.tags}
    with transaction(store):
        store.execute(
            "INSERT INTO runs (run_uuid, name, source_type, source_name, entry_point_name, user_id, status, start_time,"
            " source_version, lifecycle_stage, artifact_uri, experiment_id)"
            " VALUES (?, ?, 'UNKNOWN', '', '', 'unknown', 'RUNNING', ?, '', 'active', ?, ?)",
            (run, said.name, now, f"{experiment.location}/{run}/artifacts", experiment.number),
        )
        metrics = [(name, float(value), now, run) for name, value in said.metrics.items()]
        store.executemany(f"INSERT INTO metrics ({_METRIC}", metrics)
        store.executemany(f"INSERT INTO latest_metrics ({_METRIC}", metrics)
        params = ((name, value[:MAX_PARAM], run) for name, value in said.params.items())
        store.executemany("INSERT INTO params (key, value, run_uuid) VALUES (?, ?, ?)", params)
        store.executemany(_TAGS, ((name, value[:MAX_TAG], run) for name, value in tags.items()))
        if records is not None:
            _add_records(store, experiment, run, records)
    return run


def end_run(store: sqlite3.Connection, run: str, status: str) -> None:
    """Set how a run ended, and when."""
    with transaction(store):
        store.execute("UPDATE runs SET status = ?, end_time = ? WHERE run_uuid = ?", (status, now_ms(), run))


def set_tag(store: sqlite3.Connection, run: str, name: str, value: str) -> None:
    """Set a tag of a run."""
    with transaction(store):
        store.execute(_TAGS, (name, value[:MAX_TAG], run))


def current_name(store: sqlite3.Connection, experiment: Experiment, said: RunRows) -> str:
    """Return a run's name, with its model where a run of the same name and another model is there already."""
    query = (
        "SELECT 1 FROM runs JOIN params ON params.run_uuid = runs.run_uuid AND params.key = 'model'"
        " WHERE experiment_id = ? AND name = ? AND lifecycle_stage = 'active' AND params.value != ?"
    )
    found = store.execute(query, (experiment.number, said.name, said.params["model"])).fetchone()
    return said.name if found is None else f"{said.name} ({said.params['model']})"


def supersede(store: sqlite3.Connection, experiment: Experiment, run: str, tag: str) -> None:
    """Let the tag that marks the current run of a name be false on the earlier runs of that name."""
    query = (
        "UPDATE tags SET value = 'false' WHERE key = ? AND run_uuid != ? AND run_uuid IN (SELECT run_uuid FROM runs"
        " WHERE experiment_id = ? AND name = (SELECT name FROM runs WHERE run_uuid = ?))"
    )
    with transaction(store):
        store.execute(query, (tag, run, experiment.number, run))


def local_place(experiment: Experiment, run: str) -> Path | None:
    """Return the folder of a run's files; None where they are not on this machine."""
    address = urlsplit(experiment.location)
    return Path(unquote(address.path)) / run / "artifacts" if address.scheme in ("", "file") else None


def copy_files(paths: Iterable[Path], folder: Path) -> None:
    """Copy files, and folders with all they hold, into a folder that is made."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in paths:
        if path.is_dir():
            shutil.copytree(path, folder / path.name, dirs_exist_ok=True)
        else:
            shutil.copy2(path, folder)


@contextmanager
def transaction(store: sqlite3.Connection) -> Iterator[None]:
    """Write all of it or nothing, alone from the first look at what is there; `store` begins none by itself."""
    store.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        if store.in_transaction:  # SQLite itself ends it when the disk is full
            store.execute("ROLLBACK")
        raise
    store.execute("COMMIT")


def _add_records(store: sqlite3.Connection, experiment: Experiment, run: str, records: Records) -> None:
    """Link a run to its records, which are one row for each digest."""
    query = "SELECT dataset_uuid FROM datasets WHERE experiment_id = ? AND name = ? AND digest = ?"
    found: Sequence[str] | None = store.execute(query, (experiment.number, records.name, records.digest)).fetchone()
    dataset, link = uuid.uuid4().hex if found is None else found[0], uuid.uuid4().hex
    if found is None:
        profile = json.dumps({"num_rows": records.n_records})
        store.execute(
            "INSERT INTO datasets (dataset_uuid, experiment_id, name, digest, dataset_source_type, dataset_source,"
            " dataset_profile) VALUES (?, ?, ?, ?, 'local', ?, ?)",
            (dataset, experiment.number, records.name, records.digest, json.dumps({"uri": records.place}), profile),
        )
    store.execute(
        "INSERT INTO inputs (input_uuid, source_type, source_id, destination_type, destination_id)"
        " VALUES (?, 'DATASET', ?, 'RUN', ?)",
        (link, dataset, run),
    )
    store.execute(
        "INSERT INTO input_tags (input_uuid, name, value) VALUES (?, 'mlflow.data.context', ?)",
        (link, records.context),
    )
