"""In how many of twenty seeded attack tests each planted agent is caught; tests draw three of the seeds."""

from __future__ import annotations

import sys
import tempfile
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from gullible_agents import GULLIBLE, attacked, functions, gullible_pilot, is_caught
from gullible_agents_after import GULLIBLE_AFTER, functions_after, pilot_after

SEEDS = range(2, 22)


def main() -> None:
    """Print a line an agent."""
    caught: Counter[str] = Counter()
    for seed in SEEDS:
        with tempfile.TemporaryDirectory() as first, tempfile.TemporaryDirectory() as second:
            before = (GULLIBLE, functions(), gullible_pilot(Path(first), records=4))
            after = (GULLIBLE_AFTER, functions_after(), pilot_after(Path(second)))
            for planted, code, pilot in (before, after):
                caught.update(
                    name for name, by in planted.items() if is_caught(by, *attacked(pilot, getattr(code, name), seed))
                )
    for name in (*GULLIBLE, *GULLIBLE_AFTER):
        print(f"{name}: caught in {caught[name]} of {len(SEEDS)}")


if __name__ == "__main__":
    main()
