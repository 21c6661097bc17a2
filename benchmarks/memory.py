"""Memory of a run: what the runner needs beyond the table of records, at 10,000 and at 100,000 records."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from workbench.commands.scaffold import Columns, init_pilot
from workbench.pilot.pilot import open_pilot
from workbench.records.splits import Split, read_dataset
from workbench.runs.journal import JOURNAL_FILE, Journal

SIZES = (10_000, 100_000)
AGENT = "def decide(record):\n    return {'action': 'a', 'confidence': 0.5, 'reason': record['text']}\n"


def resident_mb() -> float:
    """Return this process's resident memory now."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize() / 1e6


def peak_mb() -> float:
    """Return the most this process had resident since its peak was last reset."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) * 1024 / 1e6


def measured(n: int, folder: Path) -> dict[str, float]:
    """Run a callable agent over n development records and return memory and time."""
    from workbench.agents.python import python_agent
    from workbench.runs.runner import RecordSelection, run_agent

    lines = (f"r{i},{'word ' * 40}{i},{'ab'[i % 2]}" for i in range(n * 10 // 7 + 100))
    (folder / "records.csv").write_text("id,text,label\n" + "\n".join(lines) + "\n", encoding="utf-8")
    init_pilot("memory", folder / "records.csv", Columns("label", id="id"), folder)
    suite = folder / "eval_suites" / "memory"
    (suite / "mine.py").write_text(AGENT, encoding="utf-8")
    settings = (suite / "pilot.yaml").read_text(encoding="utf-8")
    mine = "agents:\n  mine: {python: 'eval_suites/memory/mine.py:decide'}\n"
    (suite / "pilot.yaml").write_text(settings.replace("agents:\n", mine, 1), encoding="utf-8")
    pilot = open_pilot("memory", folder)
    dataset = read_dataset(pilot)
    agent = python_agent(pilot, "mine", pilot.agent("mine"), dataset)
    before, start = resident_mb(), time.perf_counter()
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # the peak starts again from here
    with Journal(pilot.runs / JOURNAL_FILE) as journal:
        selection = RecordSelection(dataset, Split.DEV, dataset.ids(Split.DEV, n))
        session = run_agent(journal, agent, selection, show_progress=False)
    peak = peak_mb()
    if session.info.ok != n:
        raise RuntimeError(f"{session.info.ok} of {n} records were decided")
    return {"records": n, "before_mb": before, "peak_mb": peak, "wall_s": time.perf_counter() - start}


def main() -> None:
    """Measure each size in a process of its own."""
    if len(sys.argv) > 1:
        print(json.dumps(measured(int(sys.argv[1]), Path(sys.argv[2]))))
        return
    print(f"{'records':>9}{'table read, MB':>16}{'peak of the run, MB':>21}{'records/s':>11}")
    for n in SIZES:
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, __file__, str(n), folder]
            row = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        rate = row["records"] / row["wall_s"]
        print(f"{row['records']:9,}{row['before_mb']:16.0f}{row['peak_mb']:21.0f}{rate:11,.0f}")


if __name__ == "__main__":
    main()
