"""Versions and decisions of gates as a reader of MLflow sees them, their numbers written by hand."""

from __future__ import annotations

from pathlib import Path

from workbench.gates.verdict import GateDecision
from workbench.pilot.pilot import Pilot
from workbench.tracking import LoggedVersion

N = {"dev": 1200, "holdout": 400}


def version(
    pilot: Pilot, agent: str, *, split: str = "dev", accuracy: float = 0.9, n: int | None = None, prompt: str = ""
) -> LoggedVersion:
    """Return a version that is asked about all records of a split, or about n: automation 50%, cost .002, p95 .125 s.

    `prompt` is the content hash of the prompt that it asks, if it asks one.
    """
    planned = N[split] if n is None else n
    values = {
        "accuracy": accuracy, "automation_rate": 0.5, "selective_accuracy": 0.95, "latency_p95_s": 0.125,
        "cost_per_decision": 0.002, "macro_f1": 0.8,
    }  # fmt: skip
    estimates = {
        name: {"value": value, "lower": value / 2, "upper": None, "n": planned} for name, value in values.items()
    }
    engine = {"kind": "scripted", "model": "m"}
    identity = {"prompt": prompt, "engine": engine} if prompt else {"python": "agents:one"}
    content = {
        "pilot": pilot.name, "agent": agent, "split": split, "run": f"{agent} {split} {accuracy}", "note": "By hand.",
        "agent_digest": "a" * 64, "dataset_digest": "d" * 64, "identity": identity, "threshold": None,
        "threshold_note": "No threshold.", "records_in_split": N[split], "estimates": estimates,
        "counts": {"planned": planned, "ok": planned, "invalid": 0, "failed": 0, "skipped": 0},
    }  # fmt: skip
    return LoggedVersion(content, {})


def decided(pilot: Pilot, gate: int) -> tuple[GateDecision, Path]:
    """Return the decision of a gate that asks for nothing, a NO-GO, and its bundle."""
    bundle = pilot.root / "mlruns" / "evidence" / pilot.name / f"gate-{gate}" / f"20261130T10000{gate}Z-0123456789ab"
    bundle.mkdir(parents=True)
    (bundle / "report.html").write_text("<p>NO-GO</p>", encoding="utf-8")
    return GateDecision(pilot.name, gate, "Pilot", (), (), {"agent": "majority"}), bundle
