"""Endpoints that decide, each with one planted fault that only load brings out; and a pilot whose agent one of them is.

As a script: `python tests/load_servers.py FAULT --latency-ms 2` prints its port as the first line.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from aiohttp import web
from small_pilots import ALL_DEV, written_pilot

from workbench.pilot import Pilot, open_pilot

FAULTS = ("clean", "leak", "descriptors", "pool", "wrong", "lost")
AFTER = ("bursts", "threads", "slower", "mixed")  # written when the maker was there
CYCLE_S, HELD_S = 5.0, 1.0  # of the bursts: answers are held in the first of every five seconds
CROWD = 50  # decisions under way, above which some faults show
LOST_S = 60.0
SLOWER_S = 5e-5  # that each record seen adds to every later answer
ACTIONS = ("approve", "reject")
AGENT = "served"
COLUMNS: Mapping[str, Mapping[str, object]] = {
    "number": {"type": "string", "role": "id"},
    "amount": {"type": "number", "role": "field"},
    "received": {"type": "datetime", "role": "timestamp"},
    "decision": {"type": "string", "role": "label"},
}

QUICK = {
    "records": 12, "longest_gap_s": 0.01, "day": {"records": 40}, "reviewers": 1, "reviewers_at_most_s": 0.1,
    "peak": {"minutes": 1, "calm_minutes": 1}, "soak": {"at_most_s": 0.5},
}  # fmt: skip
CODE = f"""
def by_amount(record):
    return {{"action": {ACTIONS!r}[record["amount"] > 500], "confidence": 0.9}}
"""


class FaultyServer:
    """Decides by the amount after a fixed time, with one fault."""

    def __init__(self, fault: str, latency_s: float) -> None:
        self.fault, self.latency_s = fault, latency_s
        self.n, self.under_way = 0, 0
        self.last = ACTIONS[0]
        self.kept: list[Any] = []
        self.pool = asyncio.Semaphore(4)

    async def decide(self, request: web.Request) -> web.Response:
        record = (await request.json())["record"]
        self.n += 1
        self.under_way += 1
        try:
            await self._delayed()
            return await self._decided(str(ACTIONS[record["amount"] > 500]))
        finally:
            self.under_way -= 1

    async def _delayed(self) -> None:
        """Wait as a server with a fault of time does; start a thread that never ends."""
        in_cycle = time.monotonic() % CYCLE_S
        if self.fault == "bursts" and in_cycle < HELD_S:
            await asyncio.sleep(HELD_S - in_cycle)
        if self.fault == "slower":
            await asyncio.sleep(self.n * SLOWER_S)
        if self.fault == "threads" and self.n % 20 == 0:
            threading.Thread(target=threading.Event().wait, daemon=True).start()

    async def _decided(self, action: str) -> web.Response:
        await asyncio.sleep(self.latency_s)
        if self.fault == "leak":
            self.kept.append(bytearray(256))
        if self.fault == "descriptors" and self.n % 20 == 0:
            self.kept.append(os.open(os.devnull, os.O_RDONLY))
        if self.fault == "pool" and not await self._from_the_pool():
            raise web.HTTPServiceUnavailable(text="no connection is free")
        if self.fault == "wrong" and self.under_way > CROWD:
            action = ACTIONS[action == ACTIONS[0]]
        if self.fault == "mixed":  # the decision that was worked out last is answered to whoever is next
            self.last, action = action, self.last if self.under_way > 1 else action
        if self.fault == "lost" and self.under_way > CROWD:
            await asyncio.sleep(LOST_S)
        return web.json_response({"action": action, "confidence": 0.9})

    async def _from_the_pool(self) -> bool:
        """Return whether a connection was free; every 50th is never given back."""
        try:
            await asyncio.wait_for(self.pool.acquire(), 0.5)
        except TimeoutError:
            return False
        if self.n % 50:
            self.pool.release()
        return True


@contextmanager
def load_server(fault: str, latency_s: float = 0.002) -> Iterator[str]:
    """Run a server in a process of its own and give its address."""
    command = [sys.executable, __file__, fault, "--latency-ms", str(1_000 * latency_s)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield f"http://127.0.0.1:{int(process.stdout.readline())}/decide"
        finally:
            process.kill()


def loaded_pilot(root: Path, url: str, load: Mapping[str, Any], volume: Mapping[str, float]) -> Pilot:
    """Write and open a pilot of forty development records whose agent is an endpoint."""
    rows = [
        (f"R{i}", i * 25.0, f"2025-03-03T{8 + i % 10:02d}:30:00", ACTIONS[i * 25.0 > 500]) for i in range(40)
    ]  # fmt: skip
    pilot = written_pilot(root, COLUMNS, rows, dict.fromkeys(ACTIONS, ALL_DEV))
    settings = {
        "title": "Loaded", "question": "Which?", "agents": {AGENT: {"http": url}}, "compare": [AGENT],
        "server": {"concurrency": 64, "deadline_s": 2.0, "max_attempts": 1},
    }  # fmt: skip
    (pilot.suite / "pilot.yaml").write_text(json.dumps(settings), encoding="utf-8")
    (pilot.suite / "load.yaml").write_text(json.dumps(load), encoding="utf-8")
    (pilot.suite / "charter.yaml").write_text(json.dumps({"process": "none", "volume": volume}), encoding="utf-8")
    return open_pilot(pilot.name, root)


def coded_pilot(root: Path) -> Pilot:
    """Write and open such a pilot whose agent is a function, put under little load."""
    pilot = loaded_pilot(root, "http://127.0.0.1:9", QUICK, {"peak_per_hour": 600})
    (pilot.suite / "agents.py").write_text(CODE, encoding="utf-8")
    settings = json.loads((pilot.suite / "pilot.yaml").read_text(encoding="utf-8"))
    settings["agents"] = {AGENT: {"python": "eval_suites/small/agents.py:by_amount"}}
    (pilot.suite / "pilot.yaml").write_text(json.dumps(settings), encoding="utf-8")
    return open_pilot(pilot.name, root)


async def _serve(fault: str, latency_s: float) -> None:
    app = web.Application()
    app.router.add_post("/decide", FaultyServer(fault, latency_s).decide)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    assert site._server is not None
    print(site._server.sockets[0].getsockname()[1], flush=True)  # type: ignore[attr-defined]
    await asyncio.Event().wait()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("fault", choices=(*FAULTS, *AFTER))
    parser.add_argument("--latency-ms", type=float, default=2.0)
    given = parser.parse_args()
    asyncio.run(_serve(given.fault, given.latency_ms / 1_000))


if __name__ == "__main__":
    main()
