"""What spreading requests over Ray workers costs beside one process, and how long Ray takes to start.

The engine answers each request after a fixed time and computes nothing, so that what is left is the spreading. Requests
have a system message of about 2,500 words. Run: `python benchmarks/ray_scaling.py [--workers 2] [--repeats 3]`.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import time
from collections.abc import AsyncGenerator
from functools import partial
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from ray_workers import one_by_one

from workbench.engines.protocol import Engine, Message, Request, SamplingParams
from workbench.engines.ray.engine import RayEngine
from workbench.engines.ray.settings import RaySettings

SYSTEM = Message("system", "rule " * 2500)


async def requests(count: int) -> AsyncGenerator[Request, None]:
    for number in range(count):
        yield Request(f"r{number}", (SYSTEM, Message("user", f"record {number} " * 20)), SamplingParams())


async def seconds(engine: Engine, count: int) -> tuple[float, float, float]:
    """Return the seconds until the engine is open, those for all replies, and this process's CPU seconds for them."""
    start = time.perf_counter()
    async with engine:
        opened, cpu = time.perf_counter(), time.process_time()
        n_replies = len({reply.id async for reply in engine.stream(requests(count))})
        done = time.perf_counter()
    if n_replies != count:
        raise RuntimeError(f"{n_replies} of {count} requests were answered")
    return opened - start, done - opened, time.process_time() - cpu


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3)
    given = parser.parse_args()
    os.environ["PYTHONPATH"] = sys.path[0]  # workers find the engine by it
    settings = RaySettings(workers=given.workers)
    print("| answer takes, s | requests | engine | rec/s | most possible | ms CPU of the driver each | opened in, s |")
    print("|---|---|---|---|---|---|---|")
    for wait_s, count in ((0.0, 2000), (0.02, 2000), (0.2, 400)):
        make = partial(one_by_one, wait_s)
        for name, engine in (("this process", make()), (f"{given.workers} workers", RayEngine(make, settings))):
            runs = [asyncio.run(seconds(engine, count)) for _ in range(given.repeats)]
            wall_s, cpu_s = median(run[1] for run in runs), median(run[2] for run in runs)
            most = f"{engine.concurrency / wait_s:,.0f}" if wait_s else "-"
            rate, each_ms = count / wall_s, 1000 * cpu_s / count
            print(f"| {wait_s:g} | {count:,} | {name} | {rate:,.0f} | {most} | {each_ms:.2f} | {runs[0][0]:.1f} |")


if __name__ == "__main__":
    main()
