"""Decisions of gates in MLflow: a run with the verdict as a tag, criteria as metrics and the bundle as artifacts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from workbench.gates.verdict import Decision
from workbench.metrics import State
from workbench.pilot import Pilot
from workbench.provenance import provenance
from workbench.tracking.runs import DIGITS, Link, experiment_of
from workbench.tracking.store import client_of, read_logged, write_logged
from workbench.tracking.upkeep import PROCESS_TAG, this_process

BUNDLE = "bundle"


def log_gate(pilot: Pilot, decision: Decision, bundle: Path) -> Link:
    """Log a decision with its bundle, once, and return where it is.

    Raises
    ------
    RunError
        The store cannot be written; the bundle stands, and the next call logs it.
    """
    known = read_logged(pilot)
    name = f"gate {decision.gate} {bundle.name}"
    if name not in known:
        with client_of(pilot.root) as client:
            experiment = experiment_of(client, pilot)
            known[name] = [experiment, _log(client, experiment, decision, bundle)]
        write_logged(pilot, known)
    return Link(str(decision.subject.get("agent", "")), f"gate-{decision.gate}", known[name][0], known[name][1])


def _log(client: Any, experiment: str, decision: Decision, bundle: Path) -> str:
    """Log one decision as a finished run and return its id."""
    from mlflow.entities import Metric, Param, RunTag

    tags = {PROCESS_TAG: this_process()}
    run = client.create_run(experiment, run_name=f"gate {decision.gate}: {decision.verdict.value}", tags=tags)
    run_id, now = str(run.info.run_id), int(run.info.start_time)
    made_by = provenance(Path(bundle))
    tags = {
        "mlflow.user": made_by.who,
        "mlflow.source.git.commit": str(decision.subject.get("commit") or ""),
        "mlflow.note.content": decision.paragraph(),
        "workbench.gate": str(decision.gate),
        "workbench.verdict": decision.verdict.value,
        "workbench.bundle": bundle.name,
        "workbench.changed": str(decision.subject.get("changed") or ""),
    }
    params = {"gate": str(decision.gate), "agent": str(decision.subject.get("agent", "")), "bundle": bundle.name}
    client.log_batch(
        run_id,
        [Metric(key, value, now, 0) for key, value in _metrics(decision).items()],
        [Param(key, value) for key, value in params.items()],
        [RunTag(key, value) for key, value in tags.items() if value],
    )
    client.log_artifacts(run_id, str(bundle), BUNDLE)
    client.set_terminated(run_id, "FINISHED")
    return run_id


def _metrics(decision: Decision) -> dict[str, float]:
    """Return for each criterion whether it passes, and its estimate with its bounds."""
    metrics: dict[str, float] = {
        "go": float(decision.verdict.value == "GO"),
        **{f"criteria_{state.value}": float(decision.count(state)) for state in State},
    }
    for result in decision.results:
        name = result.criterion.id
        metrics[f"{name}_passes"] = float(result.state is State.PASS)
        if result.estimate is not None and result.estimate.value is not None:
            values = {"": result.estimate.value, "_lower": result.estimate.lower, "_upper": result.estimate.upper}
            metrics |= {name + end: round(value, DIGITS) for end, value in values.items() if value is not None}
    return metrics
