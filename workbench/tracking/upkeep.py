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
from workbench.tracking.rows import DEFAULT_EXPERIMENT, end_run, set_tag, transaction

DATABASE = "mlflow.db"
PROCESS_TAG = "workbench.process"
PILOT_TAG = "workbench.pilot"
_OURS = "/mlruns/"
_ACTIVE = (
    "SELECT run_uuid FROM runs JOIN experiments USING (experiment_id)"
    " WHERE runs.lifecycle_stage = 'active' AND experiments.lifecycle_stage = 'active'"
)
_RUNNING = (
    "SELECT runs.run_uuid, tags.value FROM runs JOIN tags ON tags.run_uuid = runs.run_uuid AND tags.key = ?"
    " WHERE runs.status = 'RUNNING' AND runs.lifecycle_stage = 'active'"
)
_OF_BEFORE = (
    "SELECT experiment_id FROM experiments WHERE name = ? AND experiment_id NOT IN"
    " (SELECT experiment_id FROM experiment_tags WHERE key = ?)"
)


def artifact_location(root: Path, pilot: str) -> str:
    """Return where a pilot's files lie under a root."""
    return (root / "mlruns" / "artifacts" / pilot).as_uri()


def put_in_place(root: Path) -> None:
    """Let experiments and runs of a store that was moved with its root have their files where they are now."""
    with closing(_store_of(root)) as connection, connection:
        rows = connection.execute("SELECT experiment_id, artifact_location FROM experiments").fetchall()
        for number, location in rows:
            before, is_ours, name = (location or "").rpartition(_OURS)
            present = f"{root.as_uri() if before.startswith('file:') else root}{_OURS}{name}"
            is_own = is_ours and (name == DEFAULT_EXPERIMENT or name.startswith("artifacts/"))
            if not is_own or location == present or not before.startswith(("file:", "/")):
                continue
            connection.execute(
                "UPDATE experiments SET artifact_location = ? WHERE experiment_id = ?", (present, number)
            )
            connection.execute(
                "UPDATE runs SET artifact_uri = ? || substr(artifact_uri, ?)"
                " WHERE experiment_id = ? AND substr(artifact_uri, 1, ?) = ?",
                (present, len(location) + 1, number, len(location) + 1, f"{location}/"),
            )


def active_runs(root: Path) -> frozenset[str]:
    """Return the ids of the runs that nobody deleted, nor the experiment they are in."""
    with closing(_store_of(root)) as connection:
        return frozenset(run for (run,) in connection.execute(_ACTIVE))


def versions_there(root: Path) -> frozenset[tuple[str, int]]:
    """Return the registered prompts and the numbers of their versions that nobody deleted."""
    with closing(_store_of(root)) as connection:
        return frozenset(connection.execute("SELECT name, version FROM model_versions"))


def deleted_experiments(root: Path) -> tuple[str, ...]:
    """Return the ids of the experiments of pilots that were deleted in the UI."""
    query = (
        "SELECT experiment_id FROM experiments JOIN experiment_tags USING (experiment_id)"
        " WHERE key = ? AND lifecycle_stage = 'deleted'"
    )
    with closing(_store_of(root)) as connection:
        return tuple(str(number) for (number,) in connection.execute(query, (PILOT_TAG,)))


def set_aside(store: sqlite3.Connection, pilot: str) -> None:
    """Give another name to what an earlier workbench logged of a pilot: all of it stood in one table.

    It stays as it is; what stands now is logged again.
    """
    for (number,) in store.execute(_OF_BEFORE, (pilot, PILOT_TAG)).fetchall():
        with transaction(store):
            aside = f"{pilot} (logged before, {number})"
            store.execute("UPDATE experiments SET name = ? WHERE experiment_id = ?", (aside, number))
            store.execute("UPDATE registered_models SET name = ? WHERE name = ?", (f"{pilot}.before-{number}", pilot))


def this_process() -> str:
    """Return what names this process on a run that it logs."""
    return f"{socket.gethostname()} {os.getpid()}"


def end_orphans(store: sqlite3.Connection) -> None:
    """End runs as killed whose logging process on this machine is gone, and delete them: they are logged again."""
    for run, process in store.execute(_RUNNING, (PROCESS_TAG,)).fetchall():
        host, _, number = process.rpartition(" ")
        if host == socket.gethostname() and not is_alive(number):
            set_tag(store, run, "mlflow.note.content", "The process that logged this run was killed.")
            end_run(store, run, "KILLED")
            with transaction(store):
                store.execute("UPDATE runs SET lifecycle_stage = 'deleted' WHERE run_uuid = ?", (run,))


def _store_of(root: Path) -> sqlite3.Connection:
    return sqlite3.connect(root / "mlruns" / DATABASE, timeout=30)
