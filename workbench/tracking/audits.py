"""Audits in MLflow: a run with its estimates as metrics and its folder as artifacts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workbench.files import provenance
from workbench.pilot import Pilot
from workbench.tracking.rows import RunRows
from workbench.tracking.runs import DIGITS, Link, log_run, opened
from workbench.tracking.store import read_logged, write_logged

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
        files = {"": tuple(path for path in sorted(folder.iterdir()) if path.is_file())}
        with opened(pilot) as place:
            known[name] = log_run(pilot.root, place, _said(pilot, findings), files)
        write_logged(pilot, known)
    return Link("", "audit", known[name][0], known[name][1])


def _said(pilot: Pilot, findings: Mapping[str, Any]) -> RunRows:
    """Return what an audit's run says."""
    made_by = provenance(pilot.root)
    tags = {
        "mlflow.user": made_by.who,
        "mlflow.source.git.commit": made_by.commit or "",
        "mlflow.note.content": findings["answer"],
        "workbench.audit": findings["run"],
    }
    params = {"records": str(findings["n_records"]), "dataset_digest": findings["dataset_digest"][:12]}
    tags = {key: value for key, value in tags.items() if value}
    return RunRows(f"data audit {findings['run']}", _metrics(findings), params, tags)


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
