"""The MLflow store of a root: its address, created once, opened with MLflow's client only where that is needed."""

from __future__ import annotations

import fcntl
import json
import logging
import os
import sqlite3
from collections.abc import Collection, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from workbench.files import write_atomically
from workbench.pilot import Pilot
from workbench.tracking.schema import create, installed_revision, revision_of
from workbench.tracking.upkeep import DATABASE, active_runs, deleted_experiments, put_in_place, versions_there
from workbench.words import RunError

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

LOGGED_FILE = "tracked.json"


def store_uri(root: Path) -> str:
    """Return the address of a root's MLflow store, its path escaped."""
    return f"sqlite:///{quote(str(root / 'mlruns' / DATABASE))}"


def read_logged(pilot: Pilot) -> dict[str, Any]:
    """Return what of a pilot is in the store already: content digest to its place there; nothing without a store.

    An experiment that was deleted in the UI is restored; a run or prompt that was deleted is in the store no more, and
    a store that was moved with its root is put in place.
    """
    path = pilot.runs / LOGGED_FILE
    if not path.is_file() or not has_store(pilot.root):
        return {}
    known: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    try:
        put_in_place(pilot.root)
        restore_experiments(pilot.root)
        runs, prompts = active_runs(pilot.root), versions_there(pilot.root)
    except sqlite3.Error as error:
        raise _unwritable(pilot.root, error) from None
    return {content: place for content, place in known.items() if not _is_gone(place, runs, prompts)}


def restore_experiments(root: Path) -> None:
    """Restore the experiments of pilots that were deleted in the UI, with their runs."""
    deleted = deleted_experiments(root)
    if deleted:
        with client_of(root) as client:
            for number in deleted:
                client.restore_experiment(number)


def _is_gone(place: Any, runs: Collection[str], prompts: Collection[tuple[str, int]]) -> bool:
    """Return whether a place is that of a run, or of a version of a prompt, that was deleted."""
    if isinstance(place, list):
        return place[1] not in runs
    if "trace" in place:
        return False
    return "prompt" in place and (place["prompt"], place["version"]) not in prompts


def write_logged(pilot: Pilot, known: dict[str, Any]) -> None:
    """Remember what of a pilot is in the store."""
    write_atomically(pilot.runs / LOGGED_FILE, json.dumps(known, indent=1, sort_keys=True))


def prepare(root: Path) -> None:
    """Create a root's MLflow store if it is not there: once, before anything parallel uses it."""
    with rows_of(root):
        pass


def has_store(root: Path) -> bool:
    """Return whether a root has its MLflow store already."""
    return (root / "mlruns" / DATABASE).is_file()


@contextmanager
def rows_of(root: Path) -> Iterator[sqlite3.Connection]:
    """Give the store's rows, to be written as MLflow's client would; created and migrated by one process at a time.

    MLflow itself is imported only where its newest schema, or that of the store, is not the one that is kept here.

    Raises
    ------
    RunError
        The store cannot be written.
    """
    try:
        is_current = _made_ready(root)
        if not is_current:
            with client_of(root):
                pass
        with closing(sqlite3.connect(root / "mlruns" / DATABASE, timeout=30, isolation_level=None)) as store:
            store.execute("PRAGMA foreign_keys = ON")
            yield store
    except (OSError, sqlite3.Error) as error:
        raise _unwritable(root, error) from None


@contextmanager
def client_of(root: Path) -> Iterator[MlflowClient]:
    """Give a client of the store, created and migrated by one process at a time. Raises as `rows_of`."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    import mlflow
    from mlflow.exceptions import MlflowException
    from mlflow.tracking import MlflowClient
    from sqlalchemy.exc import SQLAlchemyError

    for noisy in ("alembic", "mlflow.store"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    try:
        _made_ready(root)
        with _alone(root):
            is_new = not has_store(root)
            mlflow.set_tracking_uri(store_uri(root))
            client = MlflowClient(store_uri(root), store_uri(root))
            client.search_experiments(max_results=1)
            if is_new:
                with closing(sqlite3.connect(root / "mlruns" / DATABASE)) as store:
                    store.execute("PRAGMA journal_mode=WAL")
        yield client
    except (MlflowException, SQLAlchemyError, OSError, sqlite3.Error) as error:
        raise _unwritable(root, error) from None


def _made_ready(root: Path) -> bool:
    """Make a store that is not there, if that needs no migration, and put it in place; return whether it is current."""
    database, newest = root / "mlruns" / DATABASE, installed_revision()
    with _alone(root):
        if has_store(root):
            put_in_place(root)
        elif newest is not None:
            create(database, newest)
        return newest is not None and has_store(root) and revision_of(database) == newest


@contextmanager
def _alone(root: Path) -> Iterator[None]:
    """Hold the store of a root against other processes that would create or migrate it."""
    folder = root / "mlruns"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f".{DATABASE}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _unwritable(root: Path, error: Exception) -> RunError:
    return RunError(
        "the comparison could not be logged to MLflow; the decisions and estimates are stored",
        where=str(root / "mlruns" / DATABASE),
        got=str(error)[:300],
        remedy="mend the store, then run the same command again: it logs what is missing",
    )
