"""A pilot's experiments in MLflow: one for each kind of run, made, shown and described when something is logged."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from workbench.pilot import Pilot
from workbench.tracking.rows import Experiment, add_experiment, find_experiment, now_ms, set_experiment_tag
from workbench.tracking.store import restore_experiments, rows_of
from workbench.tracking.upkeep import PILOT_TAG, artifact_location, end_orphans, set_aside
from workbench.tracking.views import COUNT, CURRENT_TAG, HEADLINES, VIEW_TAG, RunKind, markdown_table, page_of, view_of
from workbench.words import number, percent, seconds

NOTE_TAG = "mlflow.note.content"
SAID_TAG = "workbench.said"
_NO_GENAI = {"mlflow.experimentKind": "custom_model_development"}  # its runs come first, not a page of traces
_TITLES = ("accuracy", "decides alone", "right when it decides alone", "latency p95", "cost", "records")
_WORDS: dict[str, Callable[[float], str]] = dict(
    zip((*HEADLINES, COUNT), (percent, percent, percent, seconds, number, number), strict=True)
)
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
        _describe(store, pilot)


def experiment_of(store: sqlite3.Connection, pilot: Pilot, kind: RunKind) -> Experiment:
    """Return a pilot's experiment of a kind, made if it is not there."""
    name = kind.experiment(pilot.name)
    found = find_experiment(store, name)
    if found is not None:
        return found
    tags = {NOTE_TAG: pilot.settings.title, PILOT_TAG: pilot.name, "workbench.kind": kind.value, **_NO_GENAI}
    return add_experiment(store, name, artifact_location(pilot.root, pilot.name), tags)


def set_said(store: sqlite3.Connection, pilot: Pilot, answer: str, pages: Mapping[str, str]) -> None:
    """Remember what a pilot's comparison came to, and its pages, for the description."""
    said = json.dumps({"answer": answer, "pages": dict(pages)}, ensure_ascii=False)
    set_experiment_tag(store, experiment_of(store, pilot, RunKind.VERSIONS), SAID_TAG, said)


def set_note(store: sqlite3.Connection, experiment: Experiment, note: str) -> None:
    """Set the description of an experiment."""
    set_experiment_tag(store, experiment, NOTE_TAG, note)


def _describe(store: sqlite3.Connection, pilot: Pilot) -> None:
    """Write the description of a pilot's comparison: its answer, a table of its versions, and where the rest is."""
    experiment = experiment_of(store, pilot, RunKind.VERSIONS)
    tag = "SELECT value FROM experiment_tags WHERE experiment_id = ? AND key = ?"
    found = store.execute(tag, (experiment.number, SAID_TAG)).fetchone()
    said: dict[str, Any] = {"answer": pilot.settings.question, "pages": {}} if found is None else json.loads(found[0])
    links = [f"- [Prompts: {name}](#/prompts/{name})" for name in _prompts(store, pilot.name)]
    for kind in (RunKind.HOLDOUT, RunKind.GATES, RunKind.EXHIBITS, RunKind.TRIALS):
        other = find_experiment(store, kind.experiment(pilot.name))
        links += [] if other is None else [f"- [{kind.experiment(pilot.name)}]({page_of(other.number)})"]
    links += [f"- {name}: `{path}`" for name, path in said["pages"].items()]
    rows = [*_rows(store, pilot, RunKind.VERSIONS), *_rows(store, pilot, RunKind.HOLDOUT)]
    table = markdown_table(("version", *_TITLES), rows)
    note = (said["answer"], f"{pilot.settings.title}: every version as it stands now.", table, "\n".join(links))
    set_note(store, experiment, "\n\n".join(note))


def _prompts(store: sqlite3.Connection, pilot: str) -> list[str]:
    """Return the names of a pilot's registered prompts."""
    query = "SELECT name FROM registered_models WHERE name = ? OR substr(name, 1, ?) = ? ORDER BY name"
    names = [name for (name,) in store.execute(query, (pilot, len(pilot) + 1, f"{pilot}."))]
    return [name for name in names if not name.startswith(f"{pilot}.before-")]


def _rows(store: sqlite3.Connection, pilot: Pilot, kind: RunKind) -> Iterator[tuple[str, ...]]:
    """Yield the current runs of a kind as rows of the description's table."""
    experiment = find_experiment(store, kind.experiment(pilot.name))
    if experiment is None:
        return
    mark = "" if kind is RunKind.VERSIONS else f"{kind.value}: "
    for run, name in store.execute(_CURRENT, (CURRENT_TAG, experiment.number)).fetchall():
        values = dict(store.execute("SELECT key, value FROM latest_metrics WHERE run_uuid = ?", (run,)).fetchall())
        yield f"{mark}{name}", *(said(values[one]) if one in values else "-" for one, said in _WORDS.items())
