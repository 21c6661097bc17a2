"""Kills a run with SIGKILL at random moments, resumes it, and checks the journal against the server's own log.

Every record must have exactly one terminal row, and each start after a kill may ask again about at most as many
records as were in flight. Exits with 1 where that does not hold.
Run: `python benchmarks/kill_resume.py [--kills 20] [--seed 0] [--faults default]`.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from loopback import kill_and_resume, make_pilot
from stub_server import stub_process

N_RECORDS = 2000
CONCURRENCY = 64


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--faults", default="none", help="as for the stub server")
    given = parser.parse_args()
    kill_at = sorted(random.Random(given.seed).sample(range(1, N_RECORDS), given.kills))
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        pilot = make_pilot(Path(folder) / "root", n_dev=N_RECORDS, prompt_tokens=2500, concurrency=CONCURRENCY)
        log = Path(folder) / "calls.jsonl"
        with stub_process("--latency-ms", "20", "--faults", given.faults, "--log", str(log)) as url:
            report = kill_and_resume(pilot, url, log, limit=N_RECORDS, kill_at=kill_at)
    info = report.info
    ended = info.ok + info.invalid + info.failed + info.skipped
    print(f"{given.kills} kills, seed {given.seed}, faults {given.faults}, {time.monotonic() - start:.0f} s")
    print(f"killed when the server had been called this often: {kill_at}")
    print(f"records asked about again after each kill: {list(report.repeated)}, at most {max(report.repeated)}")
    counts = ", ".join(f"{getattr(info, name):,} {name}" for name in ("ok", "invalid", "failed", "skipped"))
    print(f"planned {info.planned:,}: {counts}")
    print(f"calls {report.n_calls:,}, records with one row {sum(n == 1 for n in report.rows.values()):,}")
    holds = {
        "every planned record has exactly one row": len(report.rows) == info.planned == report.rows.total(),
        "the counts add up": ended == info.planned == N_RECORDS,
        "no start repeats more than was in flight": max(report.repeated) <= CONCURRENCY,
    }
    for claim, is_true in holds.items():
        print(f"{'yes' if is_true else 'NO '}  {claim}")
    return 0 if all(holds.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
