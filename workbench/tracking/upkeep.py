"""What befalls a store between two uses: its folder was moved, something was deleted in the UI, a logger was killed.

MLflow has no call that gives an experiment another place, nor a cheap one that finds these: its tables are read here.
"""

from __future__ import annotations

import os
import socket
import sqlite3
from contextlib import closing
from pathlib import Path

from workbench.files import is_alive
from workbench.tracking.rows import Experiment, end_run, set_tag

PROCESS_TAG = "workbench.process"
_ARTIFACTS = "/mlruns/artifacts/"
_ACTIVE = (
    "SELECT run_uuid FROM runs JOIN experiments USING (experiment_id)"
    " WHERE runs.lifecycle_stage = 'active' AND experiments.lifecycle_stage = 'active'"
)

_RUNNING = (
    "SELECT runs.run_uuid, tags.value FROM runs JOIN tags ON tags.run_uuid = runs.run_uuid AND tags.key = ?"
    " WHERE runs.experiment_id = ? AND runs.status = 'RUNNING' AND runs.lifecycle_stage = 'active'"
)


def artifact_location(root: Path, experiment: str) -> str:
    """Return where an experiment's files lie under a root."""
    return (root / "mlruns" / "artifacts" / experiment).as_uri()


def put_in_place(database: Path, root: Path) -> None:
    """Let experiments and runs of a store that was moved with its root have their files where they are now."""
    with closing(sqlite3.connect(database, timeout=30)) as connection, connection:
        rows = connection.execute("SELECT experiment_id, artifact_location FROM experiments").fetchall()
        for number, location in rows:
            before, is_ours, name = (location or "").rpartition(_ARTIFACTS)
            present = f"{root.as_uri()}{_ARTIFACTS}{name}"
            if not is_ours or location == present or not before.startswith("file:"):
                continue
            connection.execute(
                "UPDATE experiments SET artifact_location = ? WHERE experiment_id = ?", (present, number)
            )
            connection.execute(
                "UPDATE runs SET artifact_uri = ? || substr(artifact_uri, ?)"
                " WHERE experiment_id = ? AND substr(artifact_uri, 1, ?) = ?",
                (present, len(location) + 1, number, len(location) + 1, f"{location}/"),
            )


def active_runs(database: Path) -> frozenset[str]:
    """Return the ids of the runs that nobody deleted, nor the experiment they are in."""
    with closing(sqlite3.connect(database, timeout=30)) as connection:
        return frozenset(run for (run,) in connection.execute(_ACTIVE))


def deleted_experiment(database: Path, name: str) -> str | None:
    """Return the id of an experiment that was deleted in the UI, None where it was not."""
    query = "SELECT experiment_id FROM experiments WHERE name = ? AND lifecycle_stage = 'deleted'"
    with closing(sqlite3.connect(database, timeout=30)) as connection:
        found = connection.execute(query, (name,)).fetchone()
    return None if found is None else str(found[0])


def this_process() -> str:
    """Return what names this process on a run that it logs."""
    return f"{socket.gethostname()} {os.getpid()}"


def end_orphans(store: sqlite3.Connection, experiment: Experiment) -> None:
    """End the runs of an experiment as killed whose logging process on this machine is gone."""
    for run, process in store.execute(_RUNNING, (PROCESS_TAG, experiment.number)).fetchall():
        host, _, number = process.rpartition(" ")
        if host == socket.gethostname() and not is_alive(number):
            set_tag(store, run, "mlflow.note.content", "The process that logged this run was killed.")
            end_run(store, run, "KILLED")
