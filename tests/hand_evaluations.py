"""Evaluations of a few records, small enough to count by hand."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from workbench.evaluation import Evaluation
from workbench.evaluation.versions.tried import Tried
from workbench.metrics import EvaluationSettings, ThresholdChoice, evaluate_outcomes
from workbench.records.splits import Split
from workbench.runs.journal import RunInfo
from workbench.runs.runner import Session

NO_OTHERS = Tried({}, {})  # no version was tried but those shown

Row = tuple[str, str, str | None, float | None, str]


def hand_evaluation(
    agent: str, rows: Sequence[Row], threshold: float | None = None, escalate_label: str | None = None
) -> Evaluation:
    """Return an evaluation of (record id, status, action, confidence, label) rows, all that the split has."""
    table = pd.DataFrame(rows, columns=["record_id", "status", "action", "confidence", "label"])
    asked = table["status"] != "skipped"
    outcomes = table.assign(
        confidence=table["confidence"].astype(float),
        cause=table["status"].where(table["status"] != "ok", None).map({"invalid": "not_json", "failed": "timeout"}),
        reason=None,
        detail=None,
        attempts=asked.astype(int),
        latency_s=0.5,
        prompt_tokens=pd.array([None] * len(rows), dtype="Int64"),
        completion_tokens=pd.array([None] * len(rows), dtype="Int64"),
    ).set_index("record_id", drop=False)
    outcomes = outcomes.rename_axis(index=None)
    counts = {status: int((table["status"] == status).sum()) for status in ("ok", "invalid", "failed", "skipped")}
    causes = (outcomes["status"] + ": " + outcomes["cause"]).dropna().value_counts().to_dict()
    n = len(rows)
    info = RunInfo(
        "run",
        agent,
        "dev",
        f"digest of {agent}",
        "records",
        n,
        **counts,
        causes=causes,
        started="",
        wall_s=1.0,
        called=n,
    )
    choice = None if threshold is None else ThresholdChoice(threshold, 0.9, 1, 1, n)
    estimates = evaluate_outcomes(outcomes, EvaluationSettings(threshold, escalate_label))
    session = Session(info, 0, 0, None)
    return Evaluation(
        "small", agent, "", Split.DEV, session, outcomes, choice, "by hand", estimates, {"python": agent}, n,
        escalate_label, 0.05,
    )  # fmt: skip
