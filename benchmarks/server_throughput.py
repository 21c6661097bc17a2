"""Throughput of a run against a loopback server, beside a bare aiohttp loop that makes the same calls.

Each measurement is a process of its own and starts after its imports; the kinds take turns, so that a change in the
machine's load meets all of them. Run: `python benchmarks/server_throughput.py [--repeats 5]`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import aiohttp

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from loopback import AGENT, NAME, make_pilot
from stub_server import stub_process

from workbench.agents import PromptAgent, build_agent
from workbench.agents.prompts import messages, response_schema
from workbench.agents.prompts.document import estimated_tokens
from workbench.engines.choice import EngineChoice
from workbench.engines.completion import BodyEncoder
from workbench.engines.protocol import Request
from workbench.engines.server.engine import ServerEngine
from workbench.engines.server.settings import ServerSettings, completions_url
from workbench.evaluation import evaluate
from workbench.pilot.pilot import Pilot, open_pilot
from workbench.records.splits import Split, read_dataset
from workbench.runs import RunRequest
from workbench.runs.journal import JOURNAL_FILE, Journal
from workbench.runs.runner import RecordSelection, run_agent

N_RECORDS = 2000
PROMPT_TOKENS = 2500
CONCURRENCY = 64
LATENCY_MS = 20
MODEL = "stub"

Figures = dict[str, float]


def bare(pilot: Pilot, url: str) -> Figures:
    """Post bodies that were encoded beforehand and parse the answers: nothing else."""
    encoder = BodyEncoder(MODEL)
    bodies = iter([encoder.body(request) for request in _requests(pilot, url)])
    return _measured(lambda: asyncio.run(_post_all(bodies, completions_url(url))))


async def _post_all(bodies: Iterator[bytes], url: str) -> int:
    answers = 0
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=CONCURRENCY)) as session:

        async def work() -> None:
            nonlocal answers
            for body in bodies:
                async with session.post(url, data=body, headers={"Content-Type": "application/json"}) as response:
                    answers += "choices" in json.loads(await response.read())

        await asyncio.gather(*(work() for _ in range(CONCURRENCY)))
    return answers


def engine(pilot: Pilot, url: str) -> Figures:
    """Stream requests through the server engine alone: replies with tokens come out."""
    requests = _requests(pilot, url)

    async def source() -> AsyncIterator[Request]:
        for request in requests:
            yield request

    async def read_all() -> int:
        async with ServerEngine(ServerSettings(base_url=url, model=MODEL, concurrency=CONCURRENCY)) as server:
            return sum([reply.tokens is not None async for reply in server.stream(source())])

    return _measured(lambda: asyncio.run(read_all()))


def run(pilot: Pilot, url: str) -> Figures:
    """Run the agent on an empty journal: prompts rendered, replies read, decisions stored."""
    dataset = read_dataset(pilot)
    agent = build_agent(pilot, AGENT, dataset, EngineChoice(base_url=url, model=MODEL))
    selection = RecordSelection(dataset, Split.DEV, dataset.ids(Split.DEV, N_RECORDS))
    shutil.rmtree(pilot.runs, ignore_errors=True)
    with Journal(pilot.runs / JOURNAL_FILE) as journal:
        return _measured(lambda: run_agent(journal, agent, selection, show_progress=False).info.ok)


def evaluation(pilot: Pilot, url: str) -> Figures:
    """Do all that `workbench evaluate` does on an empty journal: read records, run, compute estimates."""
    shutil.rmtree(pilot.runs, ignore_errors=True)
    return cached(pilot, url)


def cached(pilot: Pilot, url: str) -> Figures:
    """Do all that `workbench evaluate` does on a journal that has every decision."""
    request = RunRequest(Split.DEV, N_RECORDS, EngineChoice(base_url=url, model=MODEL), show_progress=False)
    return _measured(lambda: evaluate(pilot, AGENT, request).info.ok)


KINDS: dict[str, Callable[[Pilot, str], Figures]] = {
    "bare": bare,
    "engine": engine,
    "run": run,
    "evaluation": evaluation,
    "cached": cached,
}


def _requests(pilot: Pilot, url: str) -> list[Request]:
    """Return the requests that a run makes, rendered."""
    dataset = read_dataset(pilot)
    agent = build_agent(pilot, AGENT, dataset, EngineChoice(base_url=url, model=MODEL))
    assert isinstance(agent, PromptAgent)
    schema = response_schema(agent.prompt, dataset.labels)
    return [
        Request(record.id, messages(agent.prompt, record, dataset.labels), agent.prompt.sampling, schema)
        for record in dataset.records(dataset.ids(Split.DEV, N_RECORDS))
    ]


def _measured(work: Callable[[], int]) -> Figures:
    """Return the wall and CPU seconds of some work that must have dealt with every record."""
    wall, cpu = time.perf_counter(), time.process_time()
    done = work()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    if done != N_RECORDS:
        raise RuntimeError(f"{done} of {N_RECORDS} records were dealt with")
    return {"wall_s": wall, "cpu_s": cpu}


def _in_a_process(kind: str, root: Path, url: str) -> Figures:
    command = [sys.executable, __file__, "--kind", kind, "--root", str(root), "--url", url]
    result = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True)
    figures: Figures = json.loads(result.stdout)
    return figures


def _compare(repeats: int) -> None:
    measured: dict[str, list[Figures]] = {kind: [] for kind in KINDS}
    with tempfile.TemporaryDirectory() as folder, stub_process("--latency-ms", str(LATENCY_MS)) as url:
        pilot = make_pilot(Path(folder) / "root", n_dev=N_RECORDS, prompt_tokens=PROMPT_TOKENS, concurrency=CONCURRENCY)
        system = _requests(pilot, url)[0].messages[0].content
        print(f"{N_RECORDS:,} records, system prompt of about {estimated_tokens(system):,} tokens,", end=" ")
        print(f"concurrency {CONCURRENCY}, latency {LATENCY_MS} ms, {repeats} repeats")
        for repeat in range(repeats):
            # "cached" needs the journal of an evaluation before it; the others take turns in going first.
            free = ["bare", "engine", "run"]
            turn = free[repeat % 3 :] + free[: repeat % 3]
            for kind in (*turn, "evaluation", "cached"):
                measured[kind].append(_in_a_process(kind, pilot.root, url))
    _print_table(measured)


def _print_table(measured: dict[str, list[Figures]]) -> None:
    print(
        "speed beside bare: by the medians, and by the fastest of each, which other work on the machine disturbs least"
    )
    print(f"{'':12}{'median s':>9}{'fastest s':>10}{'rec/s':>7}{'of bare':>9}{'fastest':>8}{'CPU s':>7}{'peak MB':>9}")
    for kind, figures in measured.items():
        wall, cpu, peak = (statistics.median(each[name] for each in figures) for name in ("wall_s", "cpu_s", "peak_mb"))
        fastest, loops = min(each["wall_s"] for each in figures), [each["wall_s"] for each in measured["bare"]]
        of_bare = f"{statistics.median(loops) / wall:9.0%}{min(loops) / fastest:8.0%}"
        beside = f"{'-':>9}{'-':>8}" if kind == "cached" else of_bare
        print(f"{kind:12}{wall:9.2f}{fastest:10.2f}{N_RECORDS / fastest:7,.0f}{beside}{cpu:7.2f}{peak:9.0f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--kind", choices=KINDS, help=argparse.SUPPRESS)
    parser.add_argument("--root", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--url", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.kind is None:
        _compare(given.repeats)
        return
    figures = KINDS[given.kind](open_pilot(NAME, given.root), given.url)
    peak_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps(figures | {"peak_mb": peak_kb / 1024}))


if __name__ == "__main__":
    main()
