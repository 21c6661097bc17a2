"""What the statistics of 100,000 decisions of 30 versions cost: estimates, certification, pairs and many-version tests.

python -m benchmarks.statistics_speed
"""

from __future__ import annotations

import time
from itertools import combinations

import numpy as np
import pandas as pd

from workbench.metrics import (
    CertificationSettings,
    EvaluationSettings,
    calibration,
    certify_outcomes,
    evaluate_outcomes,
    is_right,
    risk_coverage,
)
from workbench.stats import holm, mcnemar_midp, tango_bounds

N_RECORDS, N_VERSIONS, N_LABELS = 100_000, 30, 5


def versions() -> list[pd.DataFrame]:
    """Return the outcomes of 30 versions on the same records, nine in ten right, errors largely shared."""
    generator = np.random.default_rng(8)
    labels = np.array([f"label {number}" for number in range(N_LABELS)], dtype=object)
    label = generator.integers(N_LABELS, size=N_RECORDS)
    hardness = generator.beta(19, 1, N_RECORDS)
    tables = []
    for _ in range(N_VERSIONS):
        confidence = np.clip(hardness + generator.normal(0, 0.02, N_RECORDS), 0, 1)
        wrong = generator.random(N_RECORDS) > hardness
        action = np.where(wrong, (label + 1) % N_LABELS, label)
        tables.append(
            pd.DataFrame(
                {
                    "record_id": np.arange(N_RECORDS).astype(str),
                    "status": pd.Categorical.from_codes(
                        np.zeros(N_RECORDS, dtype=int), ["ok", "invalid", "failed", "skipped"]
                    ),
                    "action": labels[action],
                    "confidence": confidence,
                    "reason": None,
                    "latency_s": generator.lognormal(-1, 0.5, N_RECORDS),
                    "attempts": 1,
                    "prompt_tokens": pd.array(np.full(N_RECORDS, 900), dtype="Int64"),
                    "completion_tokens": pd.array(np.full(N_RECORDS, 30), dtype="Int64"),
                    "label": labels[label],
                }
            )
        )
    return tables


def main() -> None:
    tables = versions()
    total, started = 0.0, time.process_time()

    def lap(name: str) -> None:
        nonlocal total, started
        spent = time.process_time() - started
        total += spent
        print(f"{name:60s} {spent:6.2f} CPU s", flush=True)
        started = time.process_time()

    right = np.column_stack([is_right(table).to_numpy() for table in tables])
    lap("rightness of 30 versions")
    for table in tables:
        evaluate_outcomes(table, EvaluationSettings(threshold=0.95))
    lap("all estimates of 30 versions")
    settings = CertificationSettings(0.97, 0.95, 0.8)
    for table in tables:
        certify_outcomes(table, settings)
    lap("certified threshold of 30 versions")
    counts = [(int((a & ~b).sum()), int((b & ~a).sum())) for a, b in combinations(right.T, 2)]
    holm([mcnemar_midp(*pair) for pair in counts])
    tango_bounds(*np.array(counts).T, np.full(len(counts), N_RECORDS), 0.95)
    lap("435 pairs: counts, mid-p, Holm, Tango intervals")
    print(f"{'together':60s} {total:6.2f} CPU s")
    started = time.process_time()
    calibration(tables[0])
    risk_coverage(tables[0])
    lap("calibration and risk-coverage curve of one version")


if __name__ == "__main__":
    main()
