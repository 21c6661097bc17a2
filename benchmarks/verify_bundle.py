"""How long `workbench verify` takes, a process from start to end: `python benchmarks/verify_bundle.py [DECISIONS]`."""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from evidence_cases import COMMIT, case  # noqa: E402

from workbench.gates.verified import verify_bundle  # noqa: E402

REPEATS = 5


def main() -> None:
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 5_000
    with tempfile.TemporaryDirectory() as folder:
        made = case(Path(folder), n)
        bundle, key = made.written(Path(folder) / "evidence"), made.public_key(Path(folder))
        command = [sys.executable, "-m", "workbench", "verify", str(bundle), "--key", str(key), "--commit", COMMIT]
        whole, cpu, inside = [], [], []
        for _ in range(REPEATS):
            begun, used = time.perf_counter(), _children_cpu_s()
            subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
            whole.append(time.perf_counter() - begun)
            cpu.append(_children_cpu_s() - used)
            used = time.process_time()
            assert verify_bundle(bundle, key, commit=COMMIT).ok
            inside.append(time.process_time() - used)
    print(f"{n:,} decisions, median of {REPEATS}: command {statistics.median(whole):.2f} s, ", end="")
    print(f"{statistics.median(cpu):.2f} s of CPU, of them verifying {statistics.median(inside):.3f} s")


def _children_cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
