"""Ten outcomes small enough to count by hand; the counts stand beside the rows.

Threshold .90, escalation label "escalate": asked 9, right 5 (r1 r3 r4 r5 r7), wrong 4 (r2 r6 r8 r9),
automated 3 (r1 r2 r3), escalated 6 (r4 r5 r6 r7 r8 r9), needless 3 (r4 r6 r7).
"""

from __future__ import annotations

import pandas as pd

from workbench.metrics import Estimate, EvaluationSettings, estimate_of

COLUMNS = ("record_id", "status", "action", "confidence", "label", "reason", "label_reason", "attempts", "latency_s")
ROWS = (
    ("r1", "ok", "approve", 0.95, "approve", "price", "price", 1, 1.0),  # right
    ("r2", "ok", "approve", 0.90, "reject", "price", "tax_id", 1, 2.0),  # wrong and automated
    ("r3", "ok", "reject", 0.90, "reject", "tax_id", "duplicate", 1, 3.0),  # right, ties with r2, wrong reason
    ("r4", "ok", "approve", 0.60, "approve", None, "price", 1, 4.0),  # right, below the threshold, no reason
    ("r5", "ok", "escalate", 0.99, "escalate", "amount", "amount", 1, 5.0),  # right to escalate
    ("r6", "ok", "escalate", 0.80, "approve", "amount", "price", 1, 6.0),  # wrong to escalate
    ("r7", "ok", "approve", None, "approve", "price", None, 1, 7.0),  # right, without a confidence
    ("r8", "invalid", None, None, "reject", None, "tax_id", 2, 8.0),
    ("r9", "failed", None, None, "escalate", None, "amount", 0, 0.0),  # failed before any call
    ("r10", "skipped", None, None, "approve", None, "price", 0, 0.0),
)


def hand_outcomes() -> pd.DataFrame:
    """Return the ten outcomes; tokens are known of three of them."""
    table = pd.DataFrame(list(ROWS), columns=list(COLUMNS))
    table["confidence"] = table["confidence"].astype("float64")
    table["prompt_tokens"] = pd.array([100, 200, 300] + [None] * 7, dtype="Int64")
    table["completion_tokens"] = pd.array([10, 20, None] + [None] * 7, dtype="Int64")
    return table


def nothing() -> pd.DataFrame:
    """Return an outcomes table without rows."""
    return hand_outcomes().iloc[:0]


def found(
    metric: str,
    outcomes: pd.DataFrame,
    threshold: float | None = None,
    escalate: str | None = None,
    level: float = 0.95,
) -> Estimate:
    """Return one estimate of the catalogue."""
    return estimate_of(metric, outcomes, EvaluationSettings(threshold, escalate, level))
