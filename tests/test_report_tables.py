from __future__ import annotations

import pytest
from hand_outcomes import hand_outcomes

from workbench.metrics import EvaluationSettings, evaluate_outcomes, versions_table
from workbench.words import percent


@pytest.mark.parametrize(
    ("share", "text"),
    [(0.0, "0%"), (1.0, "100%"), (0.5, "50.0%"), (0.9994, "99.9%"), (0.9996, ">99.9%"), (0.0003, "<0.1%")],
)
def test_only_certainty_reads_as_certainty(share: float, text: str):
    assert percent(share) == text


def test_versions_stand_in_rows_and_metrics_in_columns():
    estimates = {"rules": evaluate_outcomes(hand_outcomes(), EvaluationSettings(0.9, "escalate"))}
    table = versions_table(estimates, ["accuracy", "selective_accuracy", "latency_p95_s", "cost_per_decision"])
    # 5 of 9 by hand; Wilson 95% with z = 1.96: (5 + 1.92) / (9 + 3.84) -+ 1.96 sqrt(5 * 4 / 9 + .96) / (9 + 3.84)
    assert table.loc["rules", "accuracy"] == "55.6% of 9 (26.7% to 81.1%)"
    assert table.loc["rules", "selective_accuracy"].startswith("66.7%")
    assert table.loc["rules", "latency_p95_s"] == "8 s (6 s to ?), n 8"
    assert table.loc["rules", "cost_per_decision"] == "not known"
