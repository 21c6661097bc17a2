"""What the load generator is worth: its lateness, a server that stalls beside what must be found, the CPU of a soak."""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
from aiohttp import web

from workbench.agents import Decision
from workbench.agents.endpoint import HttpAgent
from workbench.engines import CallPolicy
from workbench.load_testing.generator import ArrivalsToAsk, Driven, driven
from workbench.load_testing.schedule import UNIFORM, Demand, soak_schedule
from workbench.pilot import LoadSettings, SoakSettings
from workbench.records import Record, repeated_record
from workbench.runs.journal import Apart, Journal, RunPlan, key_of

LATENCY_S, STALL_S, CYCLE_S = 0.02, 2.0, 10.0
RATE, SECONDS, WARM = 200.0, 20.0, 8
USERS = 4  # that keep 200 a second going where each waits for its answer
BASE = Record("R1", {"text": "an invoice of ordinary length, as one hundred others"}, "d" * 64)
# Of a server that stalls 2 of every 10 s a fifth of the requests wait, evenly from 0 to 2 s, besides what each takes.
ANALYTIC = {q: STALL_S * (1 - (1 - q) * CYCLE_S / STALL_S) + LATENCY_S for q in (0.9, 0.95, 0.99)}
QUANTILES = (0.5, 0.9, 0.95, 0.99)


async def serve(stalls: bool) -> None:
    """Answer after a fixed time, nothing in the first two of ten seconds where it stalls; print the port."""

    async def decide(_: web.Request) -> web.Response:
        in_cycle = time.monotonic() % CYCLE_S
        await asyncio.sleep(LATENCY_S + (STALL_S - in_cycle if stalls and in_cycle < STALL_S else 0.0))
        return web.json_response({"action": "approve"})

    app = web.Application()
    app.router.add_post("/", decide)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, backlog=1024)
    await site.start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()


@contextmanager
def stub(*, stalls: bool) -> Iterator[str]:
    """Run the server in a process of its own."""
    command = [sys.executable, __file__, "--serve", *(["--stalls"] if stalls else [])]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield f"http://127.0.0.1:{int(process.stdout.readline())}/"
        finally:
            process.kill()


def agent_at(url: str, window: int) -> HttpAgent:
    """Return an endpoint's agent that is asked once for each record."""
    return HttpAgent("stub", url, ("approve",), CallPolicy(30.0, max_attempts=1), window)


def asked(n: int) -> list[Record]:
    """Return so many arrivals of one record, with those that warm up before them."""
    return [repeated_record(BASE, str(place)) for place in range(WARM + n)]


def poisson(rate: float, seconds: float, seed: int) -> np.ndarray:
    """Return arrivals at a constant rate."""
    rng = np.random.default_rng(seed)
    return np.sort(rng.uniform(0.0, seconds, round(rate * seconds)))


def open_loop(url: str, seed: int) -> tuple[np.ndarray, Driven]:
    """Return due times and what became of them, 200 a second."""
    due = poisson(RATE, SECONDS, seed)
    return due, driven(agent_at(url, 2_000), ArrivalsToAsk(asked(len(due)), due.tolist()), lambda _: None)


def quantiles(values: np.ndarray) -> list[float]:
    """Return p50, p90, p95 and p99 in seconds."""
    return np.quantile(values, QUANTILES, method="inverted_cdf").tolist()


def row(name: str, values: Sequence[float | str]) -> dict[str, object]:
    """Return a row of a table."""
    return {"": name, **dict(zip(("p50 s", "p90 s", "p95 s", "p99 s"), values, strict=True))}


def soak_cpu(url: str) -> dict[str, float]:
    """Return the CPU seconds of 36,000 decisions in this process, the journal included."""
    settings = LoadSettings(soak=SoakSettings(at_most_s=1_000.0))
    schedule = soak_schedule(Demand(1_800, 420.0, UNIFORM, 24.0), [BASE.id], settings.soak.utilisation / 400, settings)
    arriving = asked(len(schedule.table))
    with tempfile.TemporaryDirectory() as folder, Journal(Path(folder) / "journal.sqlite") as journal:
        plan = RunPlan("stub", Apart.LOAD.value, {"http": url}, "d")
        start = time.process_time()
        journal.plan(plan, ((one.id, one.digest) for one in arriving))

        def store(batch: Sequence[tuple[int, Decision]]) -> None:
            journal.append([(key_of(plan.asked_digest, arriving[place].digest), one) for place, one in batch])

        done = driven(agent_at(url, 64), ArrivalsToAsk(arriving, schedule.table["due_s"].tolist()), store)
        cpu_s = time.process_time() - start
    decided = int(np.isfinite(done.moments.done).sum()) - WARM
    return {"decisions": decided, "cpu_s": cpu_s, "window_s": schedule.window_s}


def main() -> None:
    """Print all figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--serve", action="store_true")
    parser.add_argument("--stalls", action="store_true")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--soak", action="store_true", help="the soak, too: a minute and a half")
    given = parser.parse_args()
    if given.serve:
        asyncio.run(serve(given.stalls))
        return
    with stub(stalls=False) as url:
        for seed in range(given.repeats):
            due, done = open_loop(url, seed)
            late, gaps = 1_000 * (done.moments.fired[WARM:] - due), np.diff(done.moments.sent[WARM:])
            shown = [round(float(one), 2) for one in np.quantile(late, (0.5, 0.95, 0.99, 1.0))]
            print(f"{len(due):,} arrivals, late ms p50/p95/p99/max {shown}, CV of gaps {gaps.std() / gaps.mean():.3f}")
    rows = [row("what must be found", ["", *(round(one, 3) for one in ANALYTIC.values())])]
    with stub(stalls=True) as url:
        for seed in range(given.repeats):
            due, done = open_loop(url, seed)
            found = done.moments.done[WARM:] - due
            rows.append(row(f"open loop, from the schedule, seed {seed}", [round(one, 3) for one in quantiles(found)]))
        n = round(RATE * SECONDS)
        done = driven(agent_at(url, USERS), ArrivalsToAsk(asked(n), [0.0] * n), lambda _: None)
        found = (done.moments.done - done.moments.sent)[WARM:]
        rows.append(row(f"closed loop, {USERS} users, from the send", [round(one, 3) for one in quantiles(found)]))
    print(pd.DataFrame(rows).to_string(index=False))
    if given.soak:
        with stub(stalls=False) as url:
            print(json.dumps(soak_cpu(url)))


if __name__ == "__main__":
    main()
