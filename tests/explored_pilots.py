"""The shipped pilot with its first records only, decided by three of its versions: small enough to explore in tests."""

from __future__ import annotations

import shutil
from pathlib import Path

from workbench.evaluation import evaluate_all
from workbench.pilot.pilot import open_pilot
from workbench.runs import RunRequest

REPOSITORY = Path(__file__).resolve().parents[1]
NAME = "invoice_matching"
N_RECORDS = 120
VERSIONS = ("policy_rules", "prompt_v1", "prompt_v6")


def explored_root(root: Path) -> None:
    """Write the pilot under a root and let the versions decide its development records; takes seconds."""
    for folder in ("datasets", "eval_suites"):
        shutil.copytree(REPOSITORY / folder / NAME, root / folder / NAME)
    data = root / "datasets" / NAME
    for path in sorted(data.glob("records-*.csv")):
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        path.write_text("".join(lines[: 1 + N_RECORDS // 2]), encoding="utf-8")
    evaluate_all(open_pilot(NAME, root), VERSIONS, RunRequest(show_progress=False))
