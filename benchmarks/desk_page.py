"""The review desk's page: how fast one tap is with 16 people at once, and what is lost when its server is killed."""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

import psutil
from desk_crowd import Crowd, ServedDesk, crowd_items, crowd_pilot, decided, decided_while_killed, lost_double_peeked

from workbench.desk import open_desk


def killed(items: int, times: int) -> str:
    """Return what is lost, double and peeked of a day on which the server is killed so many times."""
    with tempfile.TemporaryDirectory() as folder:
        pilot = crowd_pilot(Path(folder) / "root")
        with open_desk(pilot) as desk:
            desk.put(crowd_items(items))
        served, crowd = ServedDesk(pilot.root, Path(folder) / "home"), Crowd()
        served.start()
        begun = time.perf_counter()
        asyncio.run(decided_while_killed(crowd, served, items, times))
        took = time.perf_counter() - begun
        served.end()
        lost, double, peeked = lost_double_peeked(pilot, crowd, items)
    return (
        f"killed {times} times, {items:,} items: {lost} lost, {double} double, {peeked} peeks in {len(crowd.bodies):,} "
        f"pages; {crowd.taps:,} taps, {crowd.requests:,} requests, {took:.0f} s"
    )


def taps(items: int, think_s: float) -> str:
    """Return how long a tap of one of 16 people takes, from the request to the next card read."""
    with tempfile.TemporaryDirectory() as folder:
        pilot = crowd_pilot(Path(folder) / "root")
        with open_desk(pilot) as desk:
            desk.put(crowd_items(items))
        served, crowd = ServedDesk(pilot.root, Path(folder) / "home"), Crowd()
        served.start()
        begun = time.perf_counter()
        asyncio.run(decided(crowd, served.links, think_s))
        took = time.perf_counter() - begun
        assert served.process is not None
        used = psutil.Process(served.process.pid).cpu_times()
        served.end()
    quantiles = statistics.quantiles(crowd.seconds, n=100)
    p50, p95, p99 = (1000 * quantiles[at - 1] for at in (50, 95, 99))
    n = len(crowd.seconds)
    return (
        f"thinking {think_s} s: {n:,} taps in {took:.0f} s ({n / took:.0f} a second); "
        f"p50 {p50:.1f} ms, p95 {p95:.1f} ms, p99 {p99:.1f} ms; the server's processor {1000 * used.user / n:.1f} + "
        f"{1000 * used.system / n:.1f} ms a tap, its start included"
    )


def main() -> None:
    """Print every figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=2000)
    parser.add_argument("--kills", type=int, default=5)
    asked = parser.parse_args()
    print(killed(asked.items, asked.kills), flush=True)
    for think_s in (1.0, 0.25, 0.0):
        print(taps(asked.items if think_s < 1 else asked.items // 2, think_s), flush=True)


if __name__ == "__main__":
    main()
