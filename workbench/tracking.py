"""MLflow: an experiment for each pilot, a run for each agent version, its prompts in the registry.

MLflow is an index for people who compare; nothing is read back from it. What was logged is remembered beside the
journal, so that logging the same again costs nothing, not even the import of MLflow.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import logging
import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import RunError
from workbench.files import write_atomically
from workbench.pilot import Pilot
from workbench.prompts import Prompt, read_prompts
from workbench.provenance import Provenance, provenance

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

DATABASE = "mlflow.db"
LOGGED_FILE = "logged.json"
DIGITS = 4
MAX_PARAM = 500


@dataclass(frozen=True, slots=True)
class Version:
    """One evaluated agent version to log.

    Parameters
    ----------
    evaluation : mapping
        `Evaluation.as_json()`.
    files : mapping
        Paths to attach, by their folder in the run; "" is the top.
    """

    evaluation: Mapping[str, Any]
    files: Mapping[str, tuple[Path, ...]]

    @property
    def content(self) -> str:
        """Digest of everything a reader would compare; the same content is not logged twice."""
        compared = {name: value for name, value in self.evaluation.items() if name != "asked_now"}
        return hashlib.sha256(json.dumps(compared, sort_keys=True).encode()).hexdigest()


def version_from(path: Path, files: Mapping[str, tuple[Path, ...]]) -> Version:
    """Return the version that `Evaluation.write` left at a path, with its outcomes and further files attached."""
    own = (path, path.with_suffix(".csv"))
    return Version(json.loads(path.read_text(encoding="utf-8")), {**files, "": (*own, *files.get("", ()))})


@dataclass(frozen=True, slots=True)
class Link:
    """Where a logged version is in MLflow."""

    agent: str
    split: str
    experiment_id: str
    run_id: str


def store_uri(root: Path) -> str:
    """Return the address of a root's MLflow store."""
    return f"sqlite:///{root / 'mlruns' / DATABASE}"


def log_versions(pilot: Pilot, versions: Sequence[Version]) -> tuple[Link, ...]:
    """Log agent versions and the pilot's prompts to MLflow, each once, and return where they are.

    Raises
    ------
    RunError
        The store cannot be written; nothing of the evaluation is lost, and the next call logs it.
    """
    path = pilot.runs / LOGGED_FILE
    known = json.loads(path.read_text(encoding="utf-8")) if path.is_file() and _has_store(pilot.root) else {}
    prompts = tuple(read_prompts(pilot.suite / "prompts", pilot.prompt_fields).values())
    new = [version for version in versions if version.content not in known]
    new_prompts = [prompt for prompt in prompts if prompt.hash not in known]
    if new or new_prompts:
        with _client(pilot.root) as client:
            made_by = provenance(pilot.root)
            experiment = _experiment(client, pilot)
            for prompt in new_prompts:
                known[prompt.hash] = _register(client, pilot, prompt, made_by)
            for version in new:
                known[version.content] = [experiment, _log(client, experiment, version, made_by)]
        write_atomically(path, json.dumps(known, indent=1, sort_keys=True))
    return tuple(_link(version, known[version.content]) for version in versions)


def prepare(root: Path) -> None:
    """Create a root's MLflow store if it is not there: once, before anything parallel uses it."""
    with _client(root):
        pass


def _link(version: Version, place: Sequence[str]) -> Link:
    return Link(version.evaluation["agent"], version.evaluation["split"], place[0], place[1])


def _has_store(root: Path) -> bool:
    return (root / "mlruns" / DATABASE).is_file()


@contextmanager
def _client(root: Path) -> Iterator[MlflowClient]:
    """Give a client of the store, created and migrated by one process at a time."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    import mlflow
    from mlflow.exceptions import MlflowException
    from mlflow.tracking import MlflowClient
    from sqlalchemy.exc import SQLAlchemyError

    for noisy in ("alembic", "mlflow.store"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    folder = root / "mlruns"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / f".{DATABASE}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            is_new = not _has_store(root)
            mlflow.set_tracking_uri(store_uri(root))
            client = MlflowClient(store_uri(root), store_uri(root))
            client.search_experiments(max_results=1)
            if is_new:
                with sqlite3.connect(folder / DATABASE) as connection:
                    connection.execute("PRAGMA journal_mode=WAL")
        yield client
    except (MlflowException, SQLAlchemyError, OSError) as error:
        raise RunError(
            "the comparison could not be logged to MLflow; the decisions and estimates are stored",
            where=str(folder / DATABASE),
            got=str(error)[:300],
            remedy="mend the store, then run the same command again: it logs what is missing",
        ) from None


def _experiment(client: MlflowClient, pilot: Pilot) -> str:
    found = client.get_experiment_by_name(pilot.name)
    if found is not None:
        return str(found.experiment_id)
    location = (pilot.root / "mlruns" / "artifacts" / pilot.name).as_uri()
    note = f"{pilot.settings.title}\n\n{pilot.settings.question}\n\n{pilot.charter.process}"
    return str(client.create_experiment(pilot.name, artifact_location=location, tags={"mlflow.note.content": note}))


def _log(client: MlflowClient, experiment: str, version: Version, made_by: Provenance) -> str:
    """Log one version as a finished run and return its id."""
    from mlflow.entities import Metric, Param, RunTag

    evaluation = version.evaluation
    run = client.create_run(experiment, run_name=f"{evaluation['agent']} on {evaluation['split']}")
    run_id = str(run.info.run_id)
    now = int(run.info.start_time)
    metrics = [Metric(name, value, now, 0) for name, value in _metrics(evaluation).items()]
    params = [Param(name, str(value)[:MAX_PARAM]) for name, value in _params(evaluation).items()]
    tags = {
        "mlflow.user": made_by.who,
        "mlflow.source.git.commit": made_by.commit or "",
        "workbench.dirty": str(made_by.is_dirty),
        "workbench.run": str(evaluation["run"]),
        "workbench.content": version.content,
        "mlflow.note.content": f"{evaluation['note']}\n\n{evaluation['threshold_note']}",
    }
    client.log_batch(run_id, metrics, params, [RunTag(name, value) for name, value in tags.items() if value])
    _log_dataset(client, run_id, evaluation)
    for folder, paths in version.files.items():
        for path in paths:
            client.log_artifact(run_id, str(path), folder or None)
    client.set_terminated(run_id, "FINISHED")
    return run_id


def _metrics(evaluation: Mapping[str, Any]) -> dict[str, float]:
    """Return every defined number as a metric, the values first, then intervals as `_lower` and `_upper`, then `_n`.

    The order is that of the columns in MLflow's list of runs.
    """
    defined = {name: estimate for name, estimate in evaluation["estimates"].items() if estimate["value"] is not None}
    metrics = {name: round(estimate["value"], DIGITS) for name, estimate in defined.items()}
    for name, estimate in defined.items():
        bounds = {f"{name}_{bound}": estimate[bound] for bound in ("lower", "upper")}
        metrics |= {metric: round(value, DIGITS) for metric, value in bounds.items() if value is not None}
    return metrics | {f"{name}_n": estimate["n"] for name, estimate in defined.items()} | dict(evaluation["counts"])


def _params(evaluation: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a reader compares versions by."""
    identity, threshold = evaluation["identity"], evaluation["threshold"]
    return {
        "agent": evaluation["agent"],
        "split": evaluation["split"],
        "records": evaluation["counts"]["planned"],
        "kind": next(kind for kind in ("prompt", "http", "python") if kind in identity),
        "engine": identity.get("engine", {}).get("kind", ""),
        "model": identity.get("engine", {}).get("model", ""),
        "model_digest": str(identity.get("engine", {}).get("digest", ""))[:12],
        "prompt": str(identity.get("prompt", ""))[:12],
        "agent_digest": evaluation["agent_digest"][:12],
        "dataset_digest": evaluation["dataset_digest"][:12],
        "threshold": "" if threshold is None else round(threshold["threshold"], DIGITS),
        "note": evaluation["note"],
    }


def _log_dataset(client: MlflowClient, run_id: str, evaluation: Mapping[str, Any]) -> None:
    """Link the records by their digest."""
    from mlflow.entities import Dataset, DatasetInput, InputTag

    split = evaluation["split"]
    dataset = Dataset(
        name=f"{evaluation['pilot']}-{split}",
        digest=evaluation["dataset_digest"][:36],
        source_type="local",
        source=json.dumps({"uri": f"datasets/{evaluation['pilot']}"}),
        profile=json.dumps({"num_rows": evaluation["counts"]["planned"]}),
    )
    client.log_inputs(run_id, datasets=[DatasetInput(dataset, [InputTag("mlflow.data.context", split)])])


def _register(client: MlflowClient, pilot: Pilot, prompt: Prompt, made_by: Provenance) -> str:
    """Register a prompt document as the next version of the pilot's prompt and return its version."""
    tags = {"name": prompt.name, "hash": prompt.hash, "parent": prompt.parent or "", "commit": made_by.commit or ""}
    registered = client.register_prompt(
        pilot.name,
        [{"role": "system", "content": prompt.system_source}, {"role": "user", "content": prompt.record_source}],
        commit_message=f"{prompt.name}: {prompt.change_note}",
        tags={name: value for name, value in tags.items() if value},
    )
    return str(registered.version)
