"""Agent versions in MLflow: an experiment for each pilot, a run for each version."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from workbench.files import Provenance, provenance
from workbench.pilot import Pilot
from workbench.tracking.registry import register_new, unregistered
from workbench.tracking.rows import (
    Experiment,
    Records,
    RunRows,
    add_experiment,
    copy_files,
    end_run,
    find_experiment,
    local_place,
    start_run,
)
from workbench.tracking.store import DATABASE, client_of, read_logged, rows_of, write_logged
from workbench.tracking.upkeep import PROCESS_TAG, artifact_location, deleted_experiment, end_orphans, this_process
from workbench.words import shown

DIGITS = 4
MAX_PARAM = 500
MAX_DIGEST = 36
HEADLINES = (
    "accuracy", "automation_rate", "selective_accuracy", "missed_escalation", "over_escalation", "latency_p95_s",
    "cost_per_decision",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class LoggedVersion:
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


def version_from(path: Path, files: Mapping[str, tuple[Path, ...]]) -> LoggedVersion:
    """Return the version that `Evaluation.write` left at a path, with its outcomes and further files attached."""
    own = (path, path.with_suffix(".csv"))
    return LoggedVersion(json.loads(path.read_text(encoding="utf-8")), {**files, "": (*own, *files.get("", ()))})


@dataclass(frozen=True, slots=True)
class Link:
    """Where a logged version is in MLflow; `part` as for `LoggedVersion`."""

    agent: str
    split: str
    experiment_id: str
    run_id: str
    part: str = ""


def log_versions(pilot: Pilot, versions: Sequence[LoggedVersion]) -> tuple[Link, ...]:
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
        with opened(pilot) as (store, experiment):
            made_by = provenance(pilot.root)
            known |= register_new(store, pilot, prompts, made_by)
            for version in new:
                place = log_run(
                    pilot.root, (store, experiment), _said(version, made_by), version.files, _records(version)
                )
                known[version.content] = place
        write_logged(pilot, known)
    return tuple(_link(version, known[version.content]) for version in versions)


def _link(version: LoggedVersion, place: Sequence[str]) -> Link:
    return Link(version.evaluation["agent"], version.evaluation["split"], place[0], place[1], version.part)


@contextmanager
def opened(pilot: Pilot) -> Iterator[tuple[sqlite3.Connection, Experiment]]:
    """Give the store and a pilot's experiment: made if it is not there, restored if it was deleted; its orphans ended.

    Raises
    ------
    RunError
        The store cannot be written.
    """
    with rows_of(pilot.root) as store:
        deleted = deleted_experiment(pilot.root / "mlruns" / DATABASE, pilot.name)
        if deleted is not None:
            with client_of(pilot.root) as client:
                client.restore_experiment(deleted)
        experiment = find_experiment(store, pilot.name)
        if experiment is None:
            note = f"{pilot.settings.title}\n\n{pilot.settings.question}\n\n{pilot.charter.process}"
            experiment = add_experiment(store, pilot.name, artifact_location(pilot.root, pilot.name), note)
        else:
            end_orphans(store, experiment)
        yield store, experiment


def log_run(
    root: Path,
    place: tuple[sqlite3.Connection, Experiment],
    said: RunRows,
    files: Mapping[str, Sequence[Path]],
    records: Records | None = None,
) -> list[str]:
    """Log a finished run with its files, by their folder in it, and return the ids of its experiment and of itself."""
    store, experiment = place
    run = start_run(store, experiment, replace(said, tags={PROCESS_TAG: this_process(), **said.tags}), records)
    folder = local_place(experiment, run)
    for name, paths in files.items():
        if folder is not None:
            copy_files(paths, folder / name)
        else:
            _send(root, run, name, paths)
    end_run(store, run, "FINISHED")
    return [str(experiment.number), run]


def _send(root: Path, run: str, name: str, paths: Sequence[Path]) -> None:
    """Let MLflow bring files to where an experiment has them that is on another machine."""
    with client_of(root) as client:
        for path in paths:
            if path.is_dir():
                client.log_artifacts(run, str(path), f"{name}/{path.name}" if name else path.name)
            else:
                client.log_artifact(run, str(path), name or None)


def _said(version: LoggedVersion, made_by: Provenance) -> RunRows:
    """Return what a version's run says."""
    evaluation = version.evaluation
    part = f" ({version.part} records)" if version.part else ""
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
    return RunRows(
        f"{evaluation['agent']} on {evaluation['split']}{part}",
        _metrics(evaluation),
        {name: str(value)[:MAX_PARAM] for name, value in _params(evaluation).items()},
        {name: value for name, value in tags.items() if value},
    )


def _records(version: LoggedVersion) -> Records:
    """Return the records that a version was asked about, by their digest."""
    evaluation = version.evaluation
    pilot, split = evaluation["pilot"], evaluation["split"]
    digest = evaluation["dataset_digest"][:MAX_DIGEST]
    return Records(f"{pilot}-{split}", digest, f"datasets/{pilot}", evaluation["counts"]["planned"], split)


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
