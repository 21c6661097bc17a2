"""Draw the learning curve of a training log.

python -m training.pocket.curve training/pocket/log.jsonl training/pocket/curve.png
"""

from __future__ import annotations

import json
import sys
from itertools import pairwise
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

CURVES = {
    "lines": ("what single lines call for", "-"),
    "notes": ("what notes state", ":"),
    "actions": ("actions", "--"),
    "answers": ("actions and reasons", "-."),
}


def draw(log: Path, picture: Path) -> None:
    """Write a picture of the shares that were right, over minutes of one core, with the stages' beginnings."""
    rows = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    figure, axes = plt.subplots(figsize=(8, 4.5), layout="constrained")
    for name, (label, line) in CURVES.items():
        points = [(row["cpu_minutes"], row[name]) for row in rows if name in row]
        if points:
            axes.plot(*zip(*points, strict=True), line, color="black", label=label)
    for before, row in pairwise(rows):
        if row["stage"] != before["stage"]:
            axes.axvline(row["cpu_minutes"], color="0.7", linewidth=0.8)
            axes.annotate(f"stage {row['stage']}", (row["cpu_minutes"], 0.31), fontsize=8, color="0.4")
    last = rows[-1]
    minutes = f"{last['cpu_minutes']:.0f} minutes of one core"
    axes.set(
        title=f"{last['actions']:.1%} of actions right on fresh policies after {minutes}",
        xlabel="minutes of one CPU core",
        ylabel="share right, last 25 batches",
        ylim=(0.3, 1.0),
    )
    axes.legend(loc="lower right", frameon=False)
    figure.savefig(picture, dpi=110, metadata={"Software": None})


if __name__ == "__main__":
    draw(Path(sys.argv[1]), Path(sys.argv[2]))
