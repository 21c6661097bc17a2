"""What an attack test costs: CPU of the whole library on the pocket model, nothing of it asked before."""

from __future__ import annotations

import argparse
import resource
import shutil
import tempfile
from pathlib import Path

from workbench.attacks import MAKER, AttackRequest
from workbench.pilot import open_pilot
from workbench.records.splits import read_dataset

ROOT = Path(__file__).parent.parent
PILOT = "invoice_matching"


def cpu_s() -> float:
    """Return the seconds of CPU of this process and of those it waited for."""
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in used)


def main() -> None:
    """Attack an agent in a copy of the pilot."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--agent", default="prompt_v6")
    agent = options.parse_args().agent
    with tempfile.TemporaryDirectory() as folder:
        for name in ("datasets", "eval_suites"):
            shutil.copytree(ROOT / name, Path(folder) / name)
        pilot = open_pilot(PILOT, Path(folder))
        exhibit = MAKER.make(pilot, read_dataset(pilot), AttackRequest(agent))
        print(
            f"{exhibit.facts['patterns']} patterns, {len(exhibit.tables['pairs']):,} attempts: {cpu_s():.0f} s of CPU"
        )
        print(exhibit.answer)


if __name__ == "__main__":
    main()
