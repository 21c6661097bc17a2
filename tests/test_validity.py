from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.mark.slow
def test_the_validity_simulations_keep_their_promises(tmp_path: Path) -> None:
    # a tenth of the pilots of docs/validity.md: .05 and three standard errors of a rate of .05 at 100 are .115
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "benchmarks.validity",
            "--pilots",
            "100",
            "--cluster-pilots",
            "20",
            "--samples",
            "500",
            "--out",
            str(tmp_path),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    results = json.loads((tmp_path / "validity.json").read_text(encoding="utf-8"))
    allowed = 0.05 + 3 * math.sqrt(0.05 * 0.95 / 100)
    ours = [row for row in results["certification"] if row["method"].startswith("ours")]
    assert len(ours) == 7 * 3 * 4
    assert max(row["wrong"] for row in ours) <= allowed
    charged = [row for row in results["versions"] if row["procedure"] != "every version"]
    assert max(row["wrong"] for row in charged) <= allowed
    exact = [row for row in results["coverage"] if row["interval"] == "Clopper-Pearson"]
    assert min(row["least"] for row in exact) >= 0.95 - 1e-9
    assert "## Power" in (tmp_path / "validity.md").read_text(encoding="utf-8")
    assert (tmp_path / "images" / "validity_wrong.png").stat().st_size > 10_000


def test_the_page_states_what_its_numbers_say() -> None:
    # every cell of docs/validity.json that is ours stays within the tolerance that the page names
    results = json.loads((ROOT / "docs" / "validity.json").read_text(encoding="utf-8"))
    assert results["pilots"] >= 1_000
    ours = [row for row in results["certification"] if row["method"].startswith("ours")]
    worst = max(row["wrong"] for row in ours)
    assert worst <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / results["pilots"])
    assert f"**{worst:.3f}**" in (ROOT / "docs" / "validity.md").read_text(encoding="utf-8")
