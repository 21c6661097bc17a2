"""Agent versions in MLflow: a run for each, linked to its prompt, and the description of their comparison."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from workbench.files import Provenance, provenance
from workbench.pilot import Pilot
from workbench.tracking.experiments import experiment_of, opened, set_said
from workbench.tracking.promotion import show_promotions
from workbench.tracking.prompt_rows import add_results
from workbench.tracking.registry import register_new, unregistered
from workbench.tracking.rows import (
    Experiment,
    Records,
    RunRows,
    copy_files,
    current_name,
    end_run,
    local_place,
    start_run,
    supersede,
)
from workbench.tracking.store import client_of, read_logged, write_logged
from workbench.tracking.upkeep import PROCESS_TAG, this_process
from workbench.tracking.views import COUNT, CURRENT_TAG, HEADLINES, RunKind
from workbench.words import percent, shown

DIGITS = 4
MAX_PARAM = 500
MAX_DIGEST = 36
SAID = "said"  # in what is known of the store: what the description of a comparison was made from
BOUNDED = (*HEADLINES.values(), "missed_escalation", "over_escalation")


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

    @property
    def kind(self) -> RunKind:
        """The experiment it belongs into: development and holdout are never in one table, nor are trials."""
        if self.part:
            return RunKind.TRIALS
        return RunKind.HOLDOUT if self.evaluation["split"] == "holdout" else RunKind.VERSIONS


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


def log_versions(
    pilot: Pilot, versions: Sequence[LoggedVersion], answer: str = "", pages: Mapping[str, Path] | None = None
) -> tuple[Link, ...]:
    """Log agent versions and the pilot's prompts to MLflow, each once, and return where they are.

    Parameters
    ----------
    answer : str
        What the comparison came to, for its description; the one that stands there is kept without it.
    pages : mapping, optional
        Pages to read on, by their names.

    Raises
    ------
    RunError
        The store cannot be written; nothing of the evaluation is lost, and the next call logs it.
    """
    known = read_logged(pilot)
    new = [version for version in versions if version.content not in known]
    prompts = unregistered(pilot, known)
    said = known.get(SAID, {})
    if answer:
        places = {name: path.relative_to(pilot.root).as_posix() for name, path in (pages or {}).items()}
        said = {"answer": answer, "pages": places}
    if new or prompts or said != known.get(SAID, {}):
        with opened(pilot) as store:
            made_by = provenance(pilot.root)
            known |= register_new(store, pilot, prompts, made_by)
            for version in new:
                known[version.content] = _logged(store, pilot, version, made_by)
            for version in versions:
                _link_to_prompt(store, version, known)
            show_promotions(store, pilot, known)
            if said:
                set_said(store, pilot, said["answer"], said["pages"])
                known[SAID] = said
        write_logged(pilot, known)
    return tuple(_link(version, known[version.content]) for version in versions)


def _link(version: LoggedVersion, place: Sequence[str]) -> Link:
    return Link(version.evaluation["agent"], version.evaluation["split"], place[0], place[1], version.part)


def _logged(store: sqlite3.Connection, pilot: Pilot, version: LoggedVersion, made_by: Provenance) -> list[str]:
    """Log a version as the current one of its name, and return where it is."""
    place = store, experiment_of(store, pilot, version.kind)
    said = _said(version, made_by)
    said = replace(said, name=current_name(store, place[1], said))
    logged = log_run(pilot.root, place, said, version.files, _records(version))
    supersede(store, place[1], logged[1], CURRENT_TAG)
    return logged


def _link_to_prompt(store: sqlite3.Connection, version: LoggedVersion, known: Mapping[str, Any]) -> None:
    """Link a version's run to its registered prompt, and tag that with the results, where that was not done yet."""
    prompt, run = known.get(str(version.evaluation["identity"].get("prompt"))), known[version.content][1]
    if prompt is None or run in prompt["runs"]:
        return
    place = prompt["prompt"], prompt["version"]
    add_results(store, place, {} if version.part else _results(version.evaluation), run)
    prompt["runs"].append(run)


def _results(evaluation: Mapping[str, Any]) -> dict[str, str]:
    """Return what a prompt's page says of its results; those on the holdout under names of their own."""
    mark = "" if evaluation["split"] == "dev" else f"{evaluation['split']}_"
    accuracy = percent(evaluation["estimates"]["accuracy"]["value"], 2)
    return {
        f"{mark}accuracy": accuracy,
        f"{mark}n": f"{evaluation['counts']['planned']:,}",
        **({} if mark else {"split": "dev"}),
    }


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
    trial = f" on {evaluation['split']} ({version.part} records)" if version.part else ""
    tags = {
        "mlflow.user": made_by.who,
        "mlflow.source.git.commit": made_by.commit or "",
        "workbench.dirty": str(made_by.is_dirty),
        "workbench.changed": shown(made_by.changed),
        "workbench.part": version.part,
        "workbench.run": str(evaluation["run"]),
        "workbench.content": version.content,
        CURRENT_TAG: "true",
        "mlflow.note.content": f"{evaluation['note']}\n\n{evaluation['threshold_note']}",
        **_digests(evaluation),
    }
    return RunRows(
        f"{evaluation['agent']}{trial}",
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
    """Return what versions are compared by, then the rest in groups of their own: `more/`, `bounds/` and `counts/`."""
    defined = {name: estimate for name, estimate in evaluation["estimates"].items() if estimate["value"] is not None}
    values = {name: _rounded(estimate["value"]) for name, estimate in defined.items()}
    metrics = {column: values[name] for column, name in HEADLINES.items() if name in values}
    metrics |= {COUNT: evaluation["counts"]["planned"]}
    metrics |= {f"more/{name}": value for name, value in values.items() if name not in HEADLINES.values()}
    for name in BOUNDED:
        bounds = {f"bounds/{name}_{bound}": defined[name][bound] for bound in ("lower", "upper") if name in defined}
        metrics |= {metric: _rounded(value) for metric, value in bounds.items() if value is not None}
    metrics |= {f"counts/{name}_n": defined[name]["n"] for name in BOUNDED if name in defined}
    return metrics | {f"counts/{name}": value for name, value in evaluation["counts"].items()}


def _rounded(value: float) -> float:
    """Return a number to four decimals, a small one, such as a latency, to its first four digits."""
    return round(value, DIGITS) if abs(value) >= 0.1 else float(f"{value:.{DIGITS}g}")


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
