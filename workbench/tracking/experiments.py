"""A pilot's experiments in MLflow: one for each kind of run, made, shown and described when something is logged."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from workbench.pilot import Pilot
from workbench.tracking.rows import Experiment, add_experiment, find_experiment, now_ms, set_experiment_tag
from workbench.tracking.store import restore_experiments, rows_of
from workbench.tracking.upkeep import PILOT_TAG, artifact_location, end_orphans, set_aside
from workbench.tracking.views import CURRENT_TAG, HEADLINES, VIEW_TAG, RunKind, markdown_table, page_of, view_of
from workbench.words import number, percent, seconds

NOTE_TAG = "mlflow.note.content"
_NO_GENAI = {"mlflow.experimentKind": "custom_model_development"}  # its runs come first, not a page of traces
_TITLES = ("accuracy", "decides alone", "right when it decides alone", "latency p95", "cost", "records")
_WORDS = dict(zip(HEADLINES, (percent, percent, percent, seconds, number, number), strict=True))
_CURRENT = (
    "SELECT runs.run_uuid, runs.name FROM runs JOIN tags ON tags.run_uuid = runs.run_uuid AND tags.key = ?"
    " WHERE runs.experiment_id = ? AND runs.lifecycle_stage = 'active' AND tags.value = 'true' ORDER BY start_time"
)


@contextmanager
def opened(pilot: Pilot) -> Iterator[sqlite3.Connection]:
    """Give the store to log something of a pilot: what was deleted is restored, orphans are ended.

    Raises
    ------
    RunError
        The store cannot be written.
    """
    with rows_of(pilot.root) as store:
        restore_experiments(pilot.root)
        end_orphans(store)
        set_aside(store, pilot.name)
        yield store
        for kind in RunKind:
            experiment = find_experiment(store, kind.experiment(pilot.name))
            if experiment is not None:
                names = store.execute("SELECT name FROM runs WHERE experiment_id = ?", (experiment.number,))
                view = view_of(kind, (name for (name,) in names), now_ms())
                set_experiment_tag(store, experiment, VIEW_TAG, view)


def experiment_of(store: sqlite3.Connection, pilot: Pilot, kind: RunKind) -> Experiment:
    """Return a pilot's experiment of a kind, made if it is not there."""
    name = kind.experiment(pilot.name)
    found = find_experiment(store, name)
    if found is not None:
        return found
    note = "\n\n".join((pilot.settings.title, pilot.settings.question, pilot.charter.process))
    tags = {NOTE_TAG: note, PILOT_TAG: pilot.name, "workbench.kind": kind.value, **_NO_GENAI}
    return add_experiment(store, name, artifact_location(pilot.root, pilot.name), tags)


def describe(store: sqlite3.Connection, pilot: Pilot, said: Mapping[str, Any], prompts: Iterable[str]) -> None:
    """Write the description of a pilot's comparison: its answer, a table of its versions, and where the rest is."""
    answer = said.get("answer") or pilot.settings.question
    links = [f"- [{name}](#/prompts/{name})" for name in sorted(set(prompts))]
    for kind in (RunKind.HOLDOUT, RunKind.GATES, RunKind.EXHIBITS, RunKind.TRIALS):
        found = find_experiment(store, kind.experiment(pilot.name))
        links += [] if found is None else [f"- [{kind.experiment(pilot.name)}]({page_of(found.number)})"]
    links += [f"- {name}: `{path}`" for name, path in said.get("pages", {}).items()]
    rows = [*_rows(store, pilot, RunKind.VERSIONS), *_rows(store, pilot, RunKind.HOLDOUT)]
    table = markdown_table(("version", *_TITLES), rows)
    note = "\n\n".join((answer, f"{pilot.settings.title}: every version as it stands now.", table, "\n".join(links)))
    set_experiment_tag(store, experiment_of(store, pilot, RunKind.VERSIONS), NOTE_TAG, note)


def _rows(store: sqlite3.Connection, pilot: Pilot, kind: RunKind) -> Iterator[tuple[str, ...]]:
    """Yield the current runs of a kind as rows of the description's table."""
    experiment = find_experiment(store, kind.experiment(pilot.name))
    if experiment is None:
        return
    mark = "" if kind is RunKind.VERSIONS else f"{kind.value}: "
    for run, name in store.execute(_CURRENT, (CURRENT_TAG, experiment.number)).fetchall():
        values = dict(store.execute("SELECT key, value FROM latest_metrics WHERE run_uuid = ?", (run,)).fetchall())
        yield f"{mark}{name}", *(said(values[one]) if one in values else "-" for one, said in _WORDS.items())
