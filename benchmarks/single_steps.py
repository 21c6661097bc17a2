"""What single steps cost: rendering a prompt, estimates and the risk-coverage curve of 100,000 outcomes."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from workbench.agents.prompts import messages, read_prompt
from workbench.metrics import EvaluationSettings, confusion_pairs, evaluate_outcomes, per_class, risk_coverage
from workbench.records.records import Record

N_OUTCOMES = 100_000
N_LABELS = 77
REPEATS = 5


def outcomes() -> pd.DataFrame:
    """Return generated outcomes: 77 labels, nine in ten right, a confidence of its own for each."""
    rng = np.random.default_rng(8)
    labels = rng.integers(N_LABELS, size=N_OUTCOMES)
    wrong = rng.random(N_OUTCOMES) < 0.1
    actions = np.where(wrong, rng.integers(N_LABELS, size=N_OUTCOMES), labels)
    return pd.DataFrame(
        {
            "record_id": [f"r{i}" for i in range(N_OUTCOMES)],
            "status": "ok",
            "action": [f"label_{i}" for i in actions],
            "label": [f"label_{i}" for i in labels],
            "confidence": rng.beta(8, 2, N_OUTCOMES),
            "reason": None,
            "latency_s": rng.lognormal(0, 0.5, N_OUTCOMES),
            "attempts": 1,
            "prompt_tokens": pd.array([2500] * N_OUTCOMES, dtype="Int64"),
            "completion_tokens": pd.array([40] * N_OUTCOMES, dtype="Int64"),
        }
    )


def fastest(work: Callable[[], object]) -> float:
    """Return the least CPU seconds of several repeats; the first one, which imports, does not count."""
    work()
    seconds = []
    for _ in range(REPEATS):
        start = time.process_time()
        work()
        seconds.append(time.process_time() - start)
    return min(seconds)


def rendering() -> float:
    """Return the CPU seconds of rendering one record with 20 columns after a system message of 2,500 words."""
    columns = tuple(f"c{i}" for i in range(20))
    lines = "\n".join(f"{name}: {{{{ record.{name} }}}}" for name in columns)
    head = "---\nname: v1\nchange_note: measured\n---\n"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "v1.md"
        path.write_text(f"{head}\n## Role\n\n{'word ' * 2500}\n\n## Record\n\n{lines}\n", encoding="utf-8")
        prompt = read_prompt(path, columns)
    record = Record("r1", dict.fromkeys(columns, "some text"), "")
    return fastest(lambda: [messages(prompt, record, ("a", "b")) for _ in range(1000)]) / 1000


def main() -> None:
    """Print a line for each step."""
    table, settings = outcomes(), EvaluationSettings(threshold=0.8, wall_s=60.0)
    print(f"rendering a record of 20 columns: {1e6 * rendering():.1f} µs")
    steps: dict[str, Callable[[], object]] = {
        "evaluate_outcomes": lambda: evaluate_outcomes(table, settings),
        "risk_coverage": lambda: risk_coverage(table),
        "per_class": lambda: per_class(table),
        "confusion_pairs": lambda: confusion_pairs(table),
    }
    for name, work in steps.items():
        print(f"{name} of {N_OUTCOMES:,} outcomes, {N_LABELS} labels: {fastest(work):.2f} CPU s")


if __name__ == "__main__":
    main()
