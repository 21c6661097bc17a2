"""Audits in MLflow: a run with its estimates as metrics and its folder as artifacts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workbench.pilot import Pilot
from workbench.provenance import provenance
from workbench.tracking.runs import DIGITS, Link, experiment_of
from workbench.tracking.store import client_of, read_logged, write_logged
from workbench.tracking.upkeep import PROCESS_TAG, this_process

MAX_METRICS = 200


def log_audit(pilot: Pilot, findings: Mapping[str, Any], folder: Path) -> Link:
    """Log an audit with its files, the affected records left out, once, and return where it is.

    Parameters
    ----------
    pilot : Pilot
    findings : mapping
        The content of findings.json.
    folder : Path
        Its folder.

    Raises
    ------
    RunError
        The store cannot be written; the audit stands, and the next call logs it.
    """
    known = read_logged(pilot)
    name = f"audit {findings['run']}"
    if name not in known:
        with client_of(pilot.root) as client:
            experiment = experiment_of(client, pilot)
            known[name] = [experiment, _log(client, experiment, pilot, findings, folder)]
        write_logged(pilot, known)
    return Link("", "audit", known[name][0], known[name][1])


def _log(client: Any, experiment: str, pilot: Pilot, findings: Mapping[str, Any], folder: Path) -> str:
    """Log one audit as a finished run and return its id."""
    from mlflow.entities import Metric, Param, RunTag

    run = client.create_run(experiment, run_name=f"data audit {findings['run']}", tags={PROCESS_TAG: this_process()})
    run_id, now = str(run.info.run_id), int(run.info.start_time)
    made_by = provenance(pilot.root)
    tags = {
        "mlflow.user": made_by.who,
        "mlflow.source.git.commit": made_by.commit or "",
        "mlflow.note.content": findings["answer"],
        "workbench.audit": findings["run"],
    }
    params = {"records": str(findings["n_records"]), "dataset_digest": findings["dataset_digest"][:12]}
    client.log_batch(
        run_id,
        [Metric(key, value, now, 0) for key, value in _metrics(findings).items()],
        [Param(key, value) for key, value in params.items()],
        [RunTag(key, value) for key, value in tags.items() if value],
    )
    for path in sorted(folder.iterdir()):
        if path.is_file():
            client.log_artifact(run_id, str(path))
    client.set_terminated(run_id, "FINISHED")
    return run_id


def _metrics(findings: Mapping[str, Any]) -> dict[str, float]:
    """Return how many findings there are by severity, and every defined estimate of the audit's questions."""
    severities = [one["severity"] for one in findings["findings"]]
    metrics = {f"findings_{name}": float(severities.count(name)) for name in ("critical", "high", "medium", "low")}
    for section in findings["sections"].values():
        for name, estimate in section["estimates"].items():
            key = "".join(sign if sign.isalnum() or sign in "_-. " else "_" for sign in name)
            if estimate["value"] is not None and ":" not in name:
                metrics[key] = round(estimate["value"], DIGITS)
    return dict(list(metrics.items())[:MAX_METRICS])
