"""What the audit trail costs: appending decisions with their lines, and reading and proving 10,000 of them.

Appended are decisions with a reply of some 80 letters in transactions of a given size, to a new journal on this disk;
beside it stands the same without a key, which leaves the signatures away. CPU seconds of this process. Run:
`python benchmarks/trail.py [--n 10000]`.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from workbench.agents.decisions import Decision
from workbench.compliance.trail import holds, proved_trail
from workbench.metrics import Status
from workbench.pilot.signing.keys import SigningKey, generated_key
from workbench.runs.journal import AskedAs, Journal, RunPlan, key_of
from workbench.runs.journal import journal as journal_module

PLAN = RunPlan("agent", "dev", {"code": "1"}, "data")
TEXT = '{"action": "approve", "reason": "quantity and price agree with the order"}'
SIZES = (64, 8, 1)


def seconds(work: Callable[[], object]) -> float:
    """Return the CPU seconds of one call."""
    since = time.process_time()
    work()
    return time.process_time() - since


def append(journal: Journal, n: int, size: int) -> None:
    """Append n decisions in transactions of a size."""
    keys = [(f"r{number}", key_of(PLAN.asked_digest, str(number)), str(number)) for number in range(n)]
    for start in range(0, n, size):
        part = keys[start : start + size]
        asked = {key: AskedAs(PLAN.asked_digest, digest) for _, key, digest in part}
        said = [
            (key, Decision(one, Status.OK, action="approve", confidence=0.9, reason="agrees", text=TEXT))
            for one, key, _ in part
        ]
        journal.append(said, asked)


def main() -> None:
    """Print a line for each size of transaction, and one for reading."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--n", type=int, default=10_000)
    n, key = parser.parse_args().n, generated_key()
    for size in SIZES:
        found = [1e6 * measured(sealing, n, size)[0] / n for sealing in (None, key)]
        print(f"append, {size} a transaction: {found[1]:.0f} µs a decision, unsigned {found[0]:.0f} µs")
    print(f"read and prove {n:,} decisions: {measured(key, n, SIZES[0])[1]:.2f} CPU s")


def measured(sealing: SigningKey | None, n: int, size: int) -> tuple[float, float]:
    """Return the CPU seconds of appending n decisions, and of reading and proving them."""
    journal_module.trail_key = lambda: sealing
    keys = [] if sealing is None else [sealing.public]
    with tempfile.TemporaryDirectory() as folder, Journal(Path(folder) / "p" / "journal.sqlite") as journal:
        journal.plan(PLAN, [(f"r{number}", str(number)) for number in range(n)])
        appending = seconds(lambda: append(journal, n, size))
        since = time.process_time()
        trail = proved_trail(journal.as_stored(None), *journal.lines(), keys)
        reading = time.process_time() - since
        assert sealing is None or holds(trail).all()
    return appending, reading


if __name__ == "__main__":
    main()
