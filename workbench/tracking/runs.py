"""Agent versions in MLflow: an experiment for each pilot, a run for each version."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import shown
from workbench.pilot import Pilot
from workbench.provenance import Provenance, provenance
from workbench.tracking.registry import register_new, unregistered
from workbench.tracking.store import client_of, read_logged, write_logged
from workbench.tracking.upkeep import PROCESS_TAG, artifact_location, end_orphans, this_process

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

DIGITS = 4
MAX_PARAM = 500
HEADLINES = (
    "accuracy", "automation_rate", "selective_accuracy", "missed_escalation", "over_escalation", "latency_p95_s",
    "cost_per_decision",
)  # fmt: skip


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

    @property
    def part(self) -> str:
        """How many of a split's records a trial is over, such as "60 of 210"; empty where it is over all of them."""
        n, of = self.evaluation["counts"]["planned"], self.evaluation["records_in_split"]
        return "" if n == of else f"{n:,} of {of:,}"


def version_from(path: Path, files: Mapping[str, tuple[Path, ...]]) -> Version:
    """Return the version that `Evaluation.write` left at a path, with its outcomes and further files attached."""
    own = (path, path.with_suffix(".csv"))
    return Version(json.loads(path.read_text(encoding="utf-8")), {**files, "": (*own, *files.get("", ()))})


@dataclass(frozen=True, slots=True)
class Link:
    """Where a logged version is in MLflow; `part` as for `Version`."""

    agent: str
    split: str
    experiment_id: str
    run_id: str
    part: str = ""


def log_versions(pilot: Pilot, versions: Sequence[Version]) -> tuple[Link, ...]:
    """Log agent versions and the pilot's prompts to MLflow, each once, and return where they are.

    Raises
    ------
    RunError
        The store cannot be written; nothing of the evaluation is lost, and the next call logs it.
    """
    known = read_logged(pilot)
    new = [version for version in versions if version.content not in known]
    prompts = unregistered(pilot, known)
    if new or prompts:
        with client_of(pilot.root) as client:
            made_by = provenance(pilot.root)
            experiment = experiment_of(client, pilot)
            known |= register_new(client, pilot, prompts, made_by)
            for version in new:
                known[version.content] = [experiment, _log(client, experiment, version, made_by)]
        write_logged(pilot, known)
    return tuple(_link(version, known[version.content]) for version in versions)


def _link(version: Version, place: Sequence[str]) -> Link:
    return Link(version.evaluation["agent"], version.evaluation["split"], place[0], place[1], version.part)


def experiment_of(client: MlflowClient, pilot: Pilot) -> str:
    """Return the id of a pilot's experiment, made if it is not there, restored if it was deleted; its orphans ended."""
    found = client.get_experiment_by_name(pilot.name)
    if found is not None:
        if found.lifecycle_stage == "deleted":
            client.restore_experiment(found.experiment_id)
        end_orphans(client, found.experiment_id)
        return str(found.experiment_id)
    location = artifact_location(pilot.root, pilot.name)
    note = f"{pilot.settings.title}\n\n{pilot.settings.question}\n\n{pilot.charter.process}"
    return str(client.create_experiment(pilot.name, artifact_location=location, tags={"mlflow.note.content": note}))


def _log(client: MlflowClient, experiment: str, version: Version, made_by: Provenance) -> str:
    """Log one version as a finished run and return its id."""
    from mlflow.entities import Metric, Param, RunTag

    evaluation = version.evaluation
    part = f" ({version.part} records)" if version.part else ""
    name = f"{evaluation['agent']} on {evaluation['split']}{part}"
    run = client.create_run(experiment, run_name=name, tags={PROCESS_TAG: this_process()})
    run_id = str(run.info.run_id)
    now = int(run.info.start_time)
    metrics = [Metric(name, value, now, 0) for name, value in _metrics(evaluation).items()]
    params = [Param(name, str(value)[:MAX_PARAM]) for name, value in _params(evaluation).items()]
    tags = {
        "mlflow.user": made_by.who,
        "mlflow.source.git.commit": made_by.commit or "",
        "workbench.dirty": str(made_by.is_dirty),
        "workbench.changed": shown(made_by.changed),
        "workbench.part": version.part,
        "workbench.run": str(evaluation["run"]),
        "workbench.content": version.content,
        "mlflow.note.content": f"{evaluation['note']}\n\n{evaluation['threshold_note']}",
        **_digests(evaluation),
    }
    client.log_batch(run_id, metrics, params, [RunTag(name, value) for name, value in tags.items() if value])
    _log_dataset(client, run_id, evaluation)
    for folder, paths in version.files.items():
        for path in paths:
            client.log_artifact(run_id, str(path), folder or None)
    client.set_terminated(run_id, "FINISHED")
    return run_id


def _metrics(evaluation: Mapping[str, Any]) -> dict[str, float]:
    """Return every defined estimate as a metric, and of the headlines the interval and n; the headlines come first.

    The order is that of the columns in MLflow's list of evaluation runs; its comparison has a row for each of them.
    """
    defined = {name: estimate for name, estimate in evaluation["estimates"].items() if estimate["value"] is not None}
    headlines = {name: defined[name] for name in HEADLINES if name in defined}
    metrics = {name: round(estimate["value"], DIGITS) for name, estimate in {**headlines, **defined}.items()}
    for name, estimate in headlines.items():
        bounds = {f"{name}_{bound}": estimate[bound] for bound in ("lower", "upper")}
        metrics |= {metric: round(value, DIGITS) for metric, value in bounds.items() if value is not None}
    return metrics | {f"{name}_n": estimate["n"] for name, estimate in headlines.items()} | dict(evaluation["counts"])


def _params(evaluation: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a reader compares versions by; MLflow's comparison plots the first that differ, in order of names."""
    identity, threshold = evaluation["identity"], evaluation["threshold"]
    return {
        "agent": evaluation["agent"],
        "engine": identity.get("engine", {}).get("kind", "none"),
        "kind": next(kind for kind in ("prompt", "http", "python") if kind in identity),
        "model": identity.get("engine", {}).get("model", "none"),
        "records": evaluation["counts"]["planned"],
        "split": evaluation["split"],
        "threshold": "none" if threshold is None else round(threshold["threshold"], DIGITS),
    }


def _digests(evaluation: Mapping[str, Any]) -> dict[str, str]:
    """Return what makes the version exactly this one."""
    identity = evaluation["identity"]
    return {
        "workbench.agent_digest": evaluation["agent_digest"],
        "workbench.dataset_digest": evaluation["dataset_digest"],
        "workbench.prompt": str(identity.get("prompt", "")),
        "workbench.model_digest": str(identity.get("engine", {}).get("digest", "")),
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
