"""Decisions of gates in MLflow: a run with the verdict as a tag, criteria as metrics and the bundle as artifacts."""

from __future__ import annotations

from pathlib import Path

from workbench.files import current_user
from workbench.gates.verdict import GateDecision
from workbench.metrics import State
from workbench.pilot import Pilot
from workbench.tracking import (
    DIGITS,
    Link,
    RunKind,
    RunRows,
    experiment_of,
    log_run,
    opened,
    read_logged,
    set_note,
    write_logged,
)

BUNDLE = "bundle"


def log_gate(pilot: Pilot, decision: GateDecision, bundle: Path) -> Link:
    """Log a decision with its bundle, once, and return where it is.

    Raises
    ------
    RunError
        The store cannot be written; the bundle stands, and the next call logs it.
    """
    known = read_logged(pilot)
    name = f"gate {decision.gate} {bundle.name}"
    if name not in known:
        with opened(pilot) as store:
            place = store, experiment_of(store, pilot, RunKind.GATES)
            said = _said(decision, bundle)
            known[name] = log_run(pilot.root, place, said, {BUNDLE: tuple(bundle.iterdir())})
            last = f"The last decision: {said.name}. Its evidence: `{bundle.relative_to(pilot.root).as_posix()}`"
            set_note(store, place[1], f"{decision.brief}\n\n{last}")
        write_logged(pilot, known)
    return Link(str(decision.subject.get("agent", "")), f"gate-{decision.gate}", known[name][0], known[name][1])


def _said(decision: GateDecision, bundle: Path) -> RunRows:
    """Return what a decision's run says."""
    tags = {
        "mlflow.user": current_user(),
        "mlflow.source.git.commit": str(decision.subject.get("commit") or ""),
        "mlflow.note.content": str(decision.brief),
        "workbench.gate": str(decision.gate),
        "workbench.verdict": decision.verdict.value,
        "workbench.bundle": bundle.name,
        "workbench.changed": str(decision.subject.get("changed") or ""),
    }
    agent, verdict = str(decision.subject.get("agent", "")), decision.verdict.value
    counts = {"failed": str(decision.count(State.FAIL)), "unproven": str(decision.count(State.UNPROVEN))}
    params = {"gate": str(decision.gate), "verdict": verdict, "agent": agent, "bundle": bundle.name, **counts}
    tags = {key: value for key, value in tags.items() if value}
    day = f"{bundle.name[:4]}-{bundle.name[4:6]}-{bundle.name[6:8]}"
    return RunRows(f"gate {decision.gate} {verdict} {day} {agent}".strip(), _metrics(decision), params, tags)


def _metrics(decision: GateDecision) -> dict[str, float]:
    """Return for each criterion whether it passes, and its estimate with its bounds."""
    metrics: dict[str, float] = {
        "go": float(decision.verdict.value == "GO"),
        **{f"criteria_{state.value}": float(decision.count(state)) for state in State},
    }
    for result in decision.results:
        name = result.criterion.id
        metrics[f"{name}_passes"] = float(result.state is State.PASS)
        if result.estimate is not None and result.estimate.value is not None:
            metrics[name] = round(result.estimate.value, DIGITS)
            for end, bound in (("lower", result.estimate.lower), ("upper", result.estimate.upper)):
                if bound is not None:
                    metrics[f"bounds/{name}_{end}"] = round(bound, DIGITS)
    return metrics
