"""Whole commands from start to end, each beside the least that does its work.

Every measurement is a process of its own, start and imports included; the kinds take turns, so that a change in the
machine's load meets all of them. Pilot and stub server are those of `server_throughput.py`. Run:
`python benchmarks/whole_commands.py [--repeats 5]`.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from loopback import AGENT, NAME, make_pilot
from stub_server import stub_process

from workbench.agents import PromptAgent, build_agent
from workbench.agents.prompts import messages, response_schema
from workbench.engines.choice import EngineChoice
from workbench.engines.completion import BodyEncoder
from workbench.engines.protocol import Request
from workbench.engines.server.settings import completions_url
from workbench.pilot.pilot import Pilot
from workbench.records.splits import Split, read_dataset

N_RECORDS = 2000
PROMPT_TOKENS = 2500
CONCURRENCY = 64
LATENCY_MS = 20
MODEL = "stub"
OTHER_AGENT = "majority"  # so that there is something to compare
BARE = f"""
import asyncio, json, sys, aiohttp
bodies, url = iter(open(sys.argv[1], "rb").read().splitlines()), sys.argv[2]
async def work(session):
    for body in bodies:
        async with session.post(url, data=body, headers={{"Content-Type": "application/json"}}) as response:
            assert "choices" in json.loads(await response.read())
async def post_all():
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit={CONCURRENCY})) as session:
        await asyncio.gather(*(work(session) for _ in range({CONCURRENCY})))
asyncio.run(post_all())
"""
READ = "import sys, pandas; pandas.read_csv(sys.argv[1], dtype=str, keep_default_na=False)"
START = "import typer, rich.table, pydantic, yaml"
FLOORS = {"evaluate": "bare", "cached": "read", "status": "start", "compare": "read", "ledger": "start"}


def commands_of(new: Pilot, evaluated: Pilot, url: str, bodies: Path) -> dict[str, list[str]]:
    """Return the command line of each kind, on a root without runs or on one where every decision is made."""
    (table,) = (new.data / name for name in new.contract.records)
    server = ("--engine", "server", "--base-url", url, "--model", MODEL)
    return {
        "start": [sys.executable, "-c", START],
        "read": [sys.executable, "-c", READ, str(table)],
        "bare": [sys.executable, "-c", BARE, str(bodies), completions_url(url)],
        "evaluate": evaluate_command(new, AGENT, *server),
        "cached": evaluate_command(evaluated, AGENT, *server),
        **{name: workbench_command(evaluated, name) for name in ("status", "compare", "ledger")},
    }


def evaluate_command(pilot: Pilot, agent: str, *options: str) -> list[str]:
    """Return the command line that evaluates an agent on all development records."""
    return workbench_command(pilot, "evaluate", "--agent", agent, *options)


def workbench_command(pilot: Pilot, name: str, *options: str) -> list[str]:
    """Return the command line of a command of the workbench."""
    return [sys.executable, "-m", "workbench", name, NAME, *options, "--root", str(pilot.root)]


def write_bodies(pilot: Pilot, url: str, path: Path) -> int:
    """Write the bodies that an evaluation posts, one a line, and return how many there are."""
    dataset, encoder = read_dataset(pilot), BodyEncoder(MODEL)
    agent = build_agent(pilot, AGENT, dataset, EngineChoice(base_url=url, model=MODEL))
    assert isinstance(agent, PromptAgent)
    schema = response_schema(agent.prompt, dataset.labels)
    bodies = [
        encoder.body(Request(record.id, messages(agent.prompt, record, dataset.labels), agent.prompt.sampling, schema))
        for record in dataset.records(dataset.ids(Split.DEV))
    ]
    path.write_bytes(b"\n".join(bodies))
    return len(bodies)


def used(command: Sequence[str]) -> tuple[float, float]:
    """Return the wall and CPU seconds of a command that must end well."""
    since = time.perf_counter()
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(command, stdout=said, stderr=said)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            said.seek(0)
            raise RuntimeError(f"{' '.join(command)}\n{said.read().decode()}")
    return time.perf_counter() - since, usage.ru_utime + usage.ru_stime


def _compare(repeats: int) -> None:
    with tempfile.TemporaryDirectory() as folder, stub_process("--latency-ms", str(LATENCY_MS)) as url:
        pilot = make_pilot(Path(folder) / "root", n_dev=N_RECORDS, prompt_tokens=PROMPT_TOKENS, concurrency=CONCURRENCY)
        bodies = Path(folder) / "bodies"
        n_calls = write_bodies(pilot, url, bodies)
        evaluated = replace(pilot, root=Path(shutil.copytree(pilot.root, Path(folder) / "evaluated")))
        commands = commands_of(pilot, evaluated, url, bodies)
        used(evaluate_command(evaluated, OTHER_AGENT))
        used(commands["cached"])
        measured: dict[str, list[tuple[float, float]]] = {kind: [] for kind in commands}
        print(f"{n_calls:,} records, concurrency {CONCURRENCY}, latency {LATENCY_MS} ms, {repeats} repeats")
        for _ in range(repeats):
            for kind, command in commands.items():
                if kind == "evaluate":
                    shutil.rmtree(pilot.root / "mlruns", ignore_errors=True)
                measured[kind].append(used(command))
    _print_table(measured)


def _print_table(measured: dict[str, list[tuple[float, float]]]) -> None:
    least = {kind: tuple(map(min, zip(*figures, strict=True))) for kind, figures in measured.items()}
    print(f"{'':10}{'wall s':>8}{'CPU s':>8}  the least of each; beside its floor, wall and CPU")
    for kind, (wall, cpu) in least.items():
        floor = FLOORS.get(kind)
        beside = "" if floor is None else f"  {wall / least[floor][0]:.1f}x and {cpu / least[floor][1]:.1f}x {floor}"
        print(f"{kind:10}{wall:8.2f}{cpu:8.2f}{beside}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    _compare(parser.parse_args().repeats)


if __name__ == "__main__":
    main()
