"""Rows of the prompt registry in the MLflow store, written as its own client writes them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence

from workbench.agents.prompts import Prompt
from workbench.tracking.rows import now_ms, transaction

NO_SOURCE = "dummy-source"  # MLflow's own word for where a prompt's files are
RUNS_TAG = "mlflow.prompt.run_ids"
_MODEL_TAGS = (
    "INSERT INTO registered_model_tags (key, value, name) VALUES (?, ?, ?)"
    " ON CONFLICT (workspace, key, name) DO UPDATE SET value = excluded.value"
)
_VERSION_TAGS = "INSERT INTO model_version_tags (key, value, name, version) VALUES (?, ?, ?, ?)"


def add_prompt(
    store: sqlite3.Connection, place: tuple[str, int | None], prompt: Prompt, tags: Mapping[str, str], experiment: int
) -> int:
    """Add a prompt document as a version of a registered prompt and return its number: the wanted one if it is free.

    `place` is the name of the registered prompt and the wanted number; without one, or where it is taken, the next
    after all that are there. Its page lists it in `experiment`.
    """
    (name, wanted), note, now = place, f"{prompt.name}: {prompt.change_note}", now_ms()
    with transaction(store):
        is_new = store.execute("SELECT 1 FROM registered_models WHERE name = ?", (name,)).fetchone() is None
        if is_new:
            store.execute(
                "INSERT INTO registered_models (name, creation_time, description) VALUES (?, ?, ?)", (name, now, note)
            )
        general = {"mlflow.prompt.is_prompt": "true", **tags} if is_new else tags
        if is_new:
            general = {**general, "_mlflow_experiment_ids": f",{experiment},"}
        store.executemany(_MODEL_TAGS, ((key, value, name) for key, value in general.items()))
        store.execute("UPDATE registered_models SET last_updated_time = ? WHERE name = ?", (now, name))
        taken = {number for (number,) in store.execute("SELECT version FROM model_versions WHERE name = ?", (name,))}
        version = wanted if wanted is not None and wanted not in taken else max(taken, default=0) + 1
        store.execute(
            "INSERT INTO model_versions (name, version, creation_time, last_updated_time, description, current_stage,"
            " source, status, storage_location) VALUES (?, ?, ?, ?, ?, 'None', ?, 'READY', ?)",
            (name, version, now, now, note, NO_SOURCE, NO_SOURCE),
        )
        rows = {**tags, **_prompt_tags(prompt)}.items()
        store.executemany(_VERSION_TAGS, ((key, value, name, version) for key, value in rows))
    return version


def find_prompt(store: sqlite3.Connection, name: str, digest: str) -> int | None:
    """Return the version of a registered prompt whose content has a digest, None where there is none."""
    query = "SELECT version FROM model_version_tags WHERE name = ? AND key = 'hash' AND value = ?"
    found = store.execute(query, (name, digest)).fetchone()
    return None if found is None else int(found[0])


def add_results(
    store: sqlite3.Connection, place: tuple[str, int], results: Mapping[str, str], run: str | None = None
) -> None:
    """Tag a version of a registered prompt, in front of what else is said of it, and link it to a run."""
    query = "SELECT key, value FROM model_version_tags WHERE name = ? AND version = ? ORDER BY rowid"
    with transaction(store):
        before = dict(store.execute(query, place).fetchall())
        tags = {**results, **{key: value for key, value in before.items() if key not in results}}
        linked = [one for one in (*before.get(RUNS_TAG, "").split(","), run) if one]
        tags[RUNS_TAG] = ",".join(dict.fromkeys(linked))
        store.execute("DELETE FROM model_version_tags WHERE name = ? AND version = ?", place)
        store.executemany(_VERSION_TAGS, ((key, value, *place) for key, value in tags.items() if value))


def set_alias(store: sqlite3.Connection, place: tuple[str, int], alias: str, among: Sequence[str]) -> None:
    """Let an alias stand on a version of a registered prompt, and on none of those `among` which it may have stood."""
    with transaction(store):
        others = ((alias, name) for name in among)
        store.executemany("DELETE FROM registered_model_aliases WHERE alias = ? AND name = ?", others)
        store.execute(
            "INSERT INTO registered_model_aliases (alias, version, name) VALUES (?, ?, ?)", (alias, place[1], place[0])
        )


def _prompt_tags(prompt: Prompt) -> dict[str, str]:
    """Return what a prompt document says, as tags of its version."""
    user = {"role": "user", "content": prompt.record_source}
    system = [{"role": "system", "content": prompt.system_source}] if prompt.system_source else []
    sampling = prompt.sampling
    model = {
        "temperature": sampling.temperature,
        "max_tokens": sampling.max_tokens,
        "top_p": sampling.top_p,
        "extra_params": {"seed": sampling.seed},
    }
    form = {} if not prompt.schema else {"_mlflow_prompt_response_format": json.dumps(dict(prompt.schema))}
    return {
        "mlflow.prompt.is_prompt": "true",
        "_mlflow_prompt_type": "chat",
        "mlflow.prompt.text": json.dumps([*system, user]),
        **form,
        "_mlflow_prompt_model_config": json.dumps({name: value for name, value in model.items() if value is not None}),
    }
