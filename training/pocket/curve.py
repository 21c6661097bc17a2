"""Draw the learning curve of a training log.

python -m training.pocket.curve training/pocket/log.jsonl training/pocket/curve.png
"""

from __future__ import annotations

import json
import math
import sys
from itertools import pairwise
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

CURVES = {
    "lines": ("what single lines call for", "-"),
    "limits": ("sizes of limits found", (0, (1, 1))),
    "notes": ("what notes state", ":"),
    "actions": ("actions", "--"),
    "answers": ("actions and reasons", "-."),
}


def draw(log: Path, picture: Path) -> None:
    """Write a picture of the shares that were right, over minutes of one core, with the stages' beginnings."""
    rows = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    figure, axes = plt.subplots(figsize=(8, 4.5), layout="constrained")
    for name, (label, line) in CURVES.items():
        points = [(row["cpu_minutes"], row.get(name, math.nan)) for row in rows]
        if any(name in row for row in rows):
            axes.plot(
                *zip(*points, strict=True), linestyle=line, color="0.5" if name == "limits" else "black", label=label
            )
    for before, row in pairwise(rows):
        if row["stage"] != before["stage"]:
            axes.axvline(row["cpu_minutes"], color="0.7", linewidth=0.8)
            axes.annotate(str(row["stage"]), (row["cpu_minutes"], 0.01), fontsize=8, color="0.4")
    last = rows[-1]
    minutes = f"{last['cpu_minutes']:.0f} minutes of one core"
    axes.set(
        title=f"{last['actions']:.1%} of actions right on fresh policies after {minutes}",
        xlabel="minutes of one CPU core (numbers: stages of config.yaml)",
        ylabel="share right, last 25 batches",
        ylim=(0.0, 1.0),
    )
    figure.legend(loc="outside lower center", ncols=3, frameon=False)
    figure.savefig(picture, dpi=110, metadata={"Software": None})


if __name__ == "__main__":
    draw(Path(sys.argv[1]), Path(sys.argv[2]))
