"""What an attack test costs: CPU of the whole library on the pocket model, of 300 patterns on ten records each."""

from __future__ import annotations

import argparse
import resource
import shutil
import tempfile
from pathlib import Path

from workbench.agents import build_agent
from workbench.attacks import AttackRequest, patterns_of
from workbench.attacks.asking import asked_once
from workbench.attacks.maker import MAKER
from workbench.attacks.testing import AttackTest
from workbench.engines import EngineChoice
from workbench.pilot import open_pilot
from workbench.records.splits import read_dataset

ROOT = Path(__file__).parent.parent
PILOT, PATTERNS = "invoice_matching", 300


def cpu_s() -> float:
    """Return the seconds of CPU of this process and of those it waited for."""
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in used)


def main() -> None:
    """Attack an agent with 300 patterns in a copy of the pilot, nothing of it asked before, then with the rest."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--agent", default="prompt_v6")
    agent_name = options.parse_args().agent
    with tempfile.TemporaryDirectory() as folder:
        for name in ("datasets", "eval_suites"):
            shutil.copytree(ROOT / name, Path(folder) / name)
        pilot = open_pilot(PILOT, Path(folder))
        dataset = read_dataset(pilot)
        agent = build_agent(pilot, agent_name, dataset, EngineChoice())
        before = cpu_s()
        test = AttackTest(pilot, dataset, agent, asked_once(pilot, agent))
        pairs = test.run(patterns_of(pilot)[:PATTERNS])
        part = cpu_s() - before
        exhibit = MAKER.make(pilot, dataset, AttackRequest(agent_name))
        print(f"{pairs['pattern'].nunique()} of {PATTERNS} patterns, {len(pairs):,} attempts: {part:.0f} s of CPU")
        print(f"whole library, {len(exhibit.tables['pairs']):,} attempts: {cpu_s() - before:.0f} s")
        print(exhibit.answer)


if __name__ == "__main__":
    main()
